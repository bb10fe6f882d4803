/* Winograd's products and transforms with AVX-512. */
#define WINO(name) wino_##name##_avx512
#define WIDTH 16
#define MOST_ROWS 12
#include "net/kernels/winograd_body.h"

const sl_winograd sl_winograd_avx512 = WINO_TABLE;
