/* The loops over rows with NEON. */
#define ROWS(name) name##_neon
#include "net/kernels/rows_body.h"

const sl_row_loops sl_row_loops_neon = ROWS_TABLE;
