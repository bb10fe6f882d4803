/* Winograd's products and transforms in plain C. */
#define WINO(name) wino_##name##_scalar
#define WIDTH 4
#define MOST_ROWS 6
#include "net/kernels/winograd_body.h"

const sl_winograd sl_winograd_scalar = WINO_TABLE;
