/* The element-wise loops with AVX2. */
#define LOOPS(name) name##_avx2
#include "net/kernels/loops_body.h"

const sl_loops sl_loops_avx2 = LOOPS_TABLE;
