/* The loops over rows with AVX2. */
#define ROWS(name) name##_avx2
#include "net/kernels/row_sums_body.h"

const sl_row_loops sl_row_loops_avx2 = ROWS_TABLE;
