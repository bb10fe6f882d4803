/* Templates of arrays that no network of ours made: for experiments and examples. */
#include "template/template.h"

sl_status sl_template_of_arrays(const float *embedding, int dim, const float *patches, int rows, int cols,
                                int channels, sl_template **out, sl_error *err)
{
    if (out)
        *out = NULL;
    if (!embedding || !out)
        return sl_fail(err, SL_ERR_ARGUMENT, "a template needs an embedding");
    const sl_template_shape shape = {.dim = dim, .rows = rows, .cols = cols, .channels = channels,
                                     .format = patches ? SL_PATCHES_F32 : SL_PATCHES_NONE};
    return sl_template_make(&shape, embedding, patches, out, err);
}
