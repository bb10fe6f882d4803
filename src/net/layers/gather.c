/* Gather: the slices of x along one axis that the indices name (negative ones count from the end). */
#include "net/layers/layers.h"

#include <string.h>

sl_status sl_gather_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape, *indices = &c->in[1]->shape;
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, x->rank, &axis, err));
    if (c->in[1]->type != SL_TYPE_I64 || !c->in[1]->data)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "the indices are no constant integers");
    if (x->rank - 1 + indices->rank > SL_MAX_RANK)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "more than %d axes", SL_MAX_RANK);
    const int64_t *index = c->in[1]->data;
    for (int64_t i = 0, n = sl_shape_elements(indices); i < n; i++)
        if (index[i] < -x->dim[axis] || index[i] >= x->dim[axis])
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "index %lld is outside the %lld there are",
                                 (long long)index[i], (long long)x->dim[axis]);
    sl_shape s = {0};
    for (int i = 0; i < x->rank; i++) {
        if (i != axis) {
            s.dim[s.rank++] = x->dim[i];
            continue;
        }
        for (int k = 0; k < indices->rank; k++)
            s.dim[s.rank++] = indices->dim[k];
    }
    c->out[0].type = c->in[0]->type;
    c->out[0].shape = s;
    return SL_OK;
}

sl_status sl_gather_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    const int64_t *index = c->in[1]->data;
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, x->rank, &axis, err));
    int64_t outer = sl_shape_span(x, 0, axis), size = x->dim[axis], count = sl_shape_elements(&c->in[1]->shape);
    size_t bytes = (size_t)sl_shape_span(x, axis + 1, x->rank) * sl_type_size(c->in[0]->type);
    const char *in = c->in[0]->data;
    char *out = c->out[0].data;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < count; i++, out += bytes) {
            int64_t at = index[i] < 0 ? index[i] + size : index[i];
            memcpy(out, in + (size_t)(o * size + at) * bytes, bytes);
        }
    return SL_OK;
}
