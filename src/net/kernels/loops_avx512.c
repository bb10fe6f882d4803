/* The element-wise loops with AVX-512. */
#define LOOPS(name) name##_avx512
#include "net/kernels/loops_body.h"

const sl_loops sl_loops_avx512 = LOOPS_TABLE;
