/* Shapes as values and values by shape: Shape, Cast, Expand, Fill. */
#include "net/layers/backward.h"

#include <math.h>
#include <string.h>

sl_status sl_shape_infer(const sl_call *c, sl_error *err)
{
    (void)err;
    c->out[0].type = SL_TYPE_I64;
    c->out[0].shape = (sl_shape){1, {c->in[0]->shape.rank}};
    return SL_OK;
}

sl_status sl_shape_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    memcpy(c->out[0].data, c->in[0]->shape.dim, (size_t)c->in[0]->shape.rank * sizeof(int64_t));
    return SL_OK;
}

sl_status sl_cast_infer(const sl_call *c, sl_error *err)
{
    if (c->node->attr.type != SL_TYPE_F32 && c->node->attr.type != SL_TYPE_I64)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "cast to type %d", (int)c->node->attr.type);
    c->out[0].type = c->node->attr.type;
    c->out[0].shape = c->in[0]->shape;
    return SL_OK;
}

sl_status sl_cast_forward(const sl_call *c, sl_error *err)
{
    int64_t n = sl_shape_elements(&c->out[0].shape);
    if (c->in[0]->type == c->out[0].type) {
        memcpy(c->out[0].data, c->in[0]->data, (size_t)n * sl_type_size(c->out[0].type));
        return SL_OK;
    }
    for (int64_t i = 0; i < n; i++) {
        if (c->out[0].type == SL_TYPE_F32) {
            ((float *)c->out[0].data)[i] = (float)((const int64_t *)c->in[0]->data)[i];
            continue;
        }
        float v = ((const float *)c->in[0]->data)[i];
        if (!(fabsf(v) < 0x1p62f))
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "%g is no integer", (double)v);
        ((int64_t *)c->out[0].data)[i] = (int64_t)v;
    }
    return SL_OK;
}

sl_status sl_expand_infer(const sl_call *c, sl_error *err)
{
    sl_shape wanted = {0};
    SL_TRY(sl_layer_ints(c, 1, wanted.dim, SL_MAX_RANK, &wanted.rank, err));
    for (int i = 0; i < wanted.rank; i++)
        if (wanted.dim[i] < 0)
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "axis %d is asked to be %lld", i,
                                 (long long)wanted.dim[i]);
    if (!sl_broadcast(&c->in[0]->shape, &wanted, &c->out[0].shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "its input does not broadcast to the shape asked for");
    c->out[0].type = c->in[0]->type;
    return SL_OK;
}

sl_status sl_expand_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    size_t size = sl_type_size(c->out[0].type);
    sl_walk w;
    sl_walk_start(&w, &c->out[0].shape);
    w.n = 1;
    sl_broadcast_strides(&c->in[0]->shape, &c->out[0].shape, w.stride[0]);
    for (int64_t i = 0, n = sl_shape_elements(&c->out[0].shape); i < n; i++, sl_walk_next(&w))
        sl_copy_element(c->out[0].data, i, c->in[0]->data, w.offset[0], size);
    return SL_OK;
}

sl_status sl_fill_infer(const sl_call *c, sl_error *err)
{
    sl_shape s = {0};
    SL_TRY(sl_layer_ints(c, 0, s.dim, SL_MAX_RANK, &s.rank, err));
    if (c->node->attr.type == SL_TYPE_I64 && !(fabsf(c->node->attr.a) < 0x1p62f))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "%g is no integer", (double)c->node->attr.a);
    c->out[0].type = c->node->attr.type;
    c->out[0].shape = s;
    return SL_OK;
}

sl_status sl_fill_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    for (int64_t i = 0, n = sl_shape_elements(&c->out[0].shape); i < n; i++) {
        if (c->out[0].type == SL_TYPE_F32)
            ((float *)c->out[0].data)[i] = c->node->attr.a;
        else
            ((int64_t *)c->out[0].data)[i] = (int64_t)c->node->attr.a;
    }
    return SL_OK;
}

void sl_expand_gradient(sl_backward *b)
{
    const sl_shape shape = sl_back_in_shape(b, 0);
    sl_back_give(b, 0, sl_back_fit(b, sl_back_grad(b, 0), &shape));
}
