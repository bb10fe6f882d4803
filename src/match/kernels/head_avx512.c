/* The product with a linear head's weights (head_body.h) in AVX-512. */
#include "match/kernels/head_body.h"

HEAD_KERNEL(avx512);
