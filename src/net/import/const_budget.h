/* Memory for the constants that an importer makes of a file's: scaled or turned weights, wider integers. It has a
 * limit, so that a small file cannot ask for much. */
#ifndef SL_NET_CONST_BUDGET_H
#define SL_NET_CONST_BUDGET_H

#include "base/status.h"

/* What a file of this size may have: eight times that, and 1 MiB for the small. */
size_t sl_const_budget(size_t file_size);

/* `bytes` bytes, 64-byte aligned, off the budget; *data is NULL on failure. SL_ERR_LIMIT when there is not that much
 * left. */
sl_status sl_const_alloc(size_t *budget, size_t bytes, void **data, sl_error *err);

#endif
