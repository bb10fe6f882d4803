/* Winograd's products and transforms with NEON. */
#define WINO(name) wino_##name##_neon
#define WIDTH 4
#define MOST_ROWS 12
#include "net/kernels/winograd_body.h"

const sl_winograd sl_winograd_neon = WINO_TABLE;
