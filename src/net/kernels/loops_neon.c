/* The element-wise loops with NEON. */
#define LOOPS(name) name##_neon
#include "net/kernels/loops_body.h"

const sl_loops sl_loops_neon = LOOPS_TABLE;
