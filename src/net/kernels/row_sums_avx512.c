/* The loops over rows with AVX-512. */
#define ROWS(name) name##_avx512
#include "net/kernels/row_sums_body.h"

const sl_row_loops sl_row_loops_avx512 = ROWS_TABLE;
