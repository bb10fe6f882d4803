/* Memory on a budget, for constants that importers make. */
#include "net/import/const_budget.h"

#include "base/mem.h"

enum { FACTOR = 8, SLACK = 1 << 20 };

size_t sl_const_budget(size_t file_size)
{
    return file_size * FACTOR + SLACK; /* the size is one of a file in memory: it does not overflow */
}

sl_status sl_const_alloc(size_t *budget, size_t bytes, void **data, sl_error *err)
{
    *data = NULL;
    if (bytes > *budget)
        return sl_fail(err, SL_ERR_LIMIT, "the model's constants are many times larger than the file");
    *budget -= bytes;
    *data = sl_alloc_aligned(bytes);
    return *data ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for %zu bytes of constants", bytes);
}
