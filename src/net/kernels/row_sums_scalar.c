/* The loops over rows in plain C. */
#define ROWS(name) name##_scalar
#include "net/kernels/row_sums_body.h"

const sl_row_loops sl_row_loops_scalar = ROWS_TABLE;
