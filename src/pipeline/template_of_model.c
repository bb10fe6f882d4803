/* Templates of numbers that a model gave elsewhere. */
#include "pipeline/engine.h"
#include "template/template.h"

sl_status sl_template_of_model(const sl_engine *engine, const float *embedding, const float *patches, sl_template **out,
                               sl_error *err)
{
    if (out)
        *out = NULL;
    if (!engine || !embedding || !out)
        return sl_fail(err, SL_ERR_ARGUMENT, "a template needs an engine, whose model it is of, and an embedding");
    sl_template_shape shape = engine->shape;
    shape.format = patches ? SL_PATCHES_F32 : SL_PATCHES_NONE;
    return sl_template_make(&shape, embedding, patches, out, err);
}
