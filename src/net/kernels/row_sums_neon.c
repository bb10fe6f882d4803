/* The loops over rows with NEON. */
#define ROWS(name) name##_neon
#include "net/kernels/row_sums_body.h"

const sl_row_loops sl_row_loops_neon = ROWS_TABLE;
