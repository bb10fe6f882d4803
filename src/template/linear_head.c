/* Linear heads: their memory, and whose templates they fit. */
#include "template/linear_head.h"

#include <stdlib.h>

#include "base/mem.h"

sl_status sl_head_allocate(int cells, int channels, int dim, sl_head *out, sl_error *err)
{
    *out = (sl_head){.cells = cells, .channels = channels, .dim = dim,
                     .blocks = (dim + SL_HEAD_COLUMNS - 1) / SL_HEAD_COLUMNS};
    size_t rows = (size_t)out->blocks * (size_t)cells * (size_t)channels;
    out->weights = sl_calloc_aligned(rows, SL_HEAD_COLUMNS * sizeof(float));
    out->bias = sl_calloc_aligned((size_t)dim, sizeof(float));
    return out->weights && out->bias ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for the linear head");
}

void sl_head_free(sl_head *head)
{
    free(head->weights);
    free(head->bias);
    *head = (sl_head){0};
}

sl_status sl_head_check(const sl_head *head, const sl_template_shape *shape, sl_error *err)
{
    if (head->cells == shape->rows * shape->cols && head->channels == shape->channels && head->dim == shape->dim)
        return SL_OK;
    return sl_fail(err, SL_ERR_MISMATCH, "the gallery is of another model than the linear head");
}
