/* The element-wise loops in plain C. */
#define LOOPS(name) name##_scalar
#include "net/kernels/loops_body.h"

const sl_loops sl_loops_scalar = LOOPS_TABLE;
