/* Winograd's products and transforms with AVX2. */
#define WINO(name) wino_##name##_avx2
#define WIDTH 8
#define MOST_ROWS 6
#include "net/kernels/winograd_body.h"

const sl_winograd sl_winograd_avx2 = WINO_TABLE;
