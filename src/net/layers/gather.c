/* Gather: the slices of x along one axis that the indices name (negative ones count from the end). */
#include "net/layers/backward.h"

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

/* ---- gradient: each slice is added where it came from ---- */

static sl_status shape_of_x(const sl_call *c, sl_shape *x, sl_error *err)
{
    return sl_layer_ints(c, 2, x->dim, SL_MAX_RANK, &x->rank, err);
}

sl_status sl_gather_back_infer(const sl_call *c, sl_error *err)
{
    sl_value x = {.type = SL_TYPE_F32}, y = {.type = SL_TYPE_F32};
    SL_TRY(shape_of_x(c, &x.shape, err));
    const sl_value *in[2] = {&x, c->in[1]};
    SL_TRY(sl_gather_infer(&(sl_call){c->node, in, &y}, err));
    if (!sl_shape_equal(&y.shape, &c->in[0]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the gathered slices do not fit");
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = x.shape;
    return SL_OK;
}

sl_status sl_gather_back_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->out[0].shape;
    const int64_t *index = c->in[1]->data;
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, x->rank, &axis, err));
    int64_t outer = sl_shape_span(x, 0, axis), size = x->dim[axis], count = sl_shape_elements(&c->in[1]->shape);
    int64_t run = sl_shape_span(x, axis + 1, x->rank);
    const float *gy = c->in[0]->data;
    float *out = c->out[0].data;
    memset(out, 0, (size_t)(outer * size * run) * sizeof *out);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < count; i++, gy += run) {
            int64_t at = index[i] < 0 ? index[i] + size : index[i];
            for (int64_t k = 0; k < run; k++)
                out[(o * size + at) * run + k] += gy[k];
        }
    return SL_OK;
}

sl_tensor sl_back_ungather(sl_backward *b, sl_tensor gy, sl_tensor indices, int axis, const sl_shape *x)
{
    return sl_back_node(b, SL_OP_GATHER_BACK, &(sl_attr){.axis = axis},
                        SL_BACK_INPUTS(gy, indices, sl_back_dims(b, x)));
}

void sl_gather_gradient(sl_backward *b)
{
    const sl_shape x = sl_back_in_shape(b, 0);
    sl_back_give(b, 0, sl_back_ungather(b, sl_back_grad(b, 0), b->node.inputs[1], b->node.attr.axis, &x));
}
