/* PReLU: y = x where x >= 0, slope * x elsewhere. */
#include "net/layers/layers.h"

#include <string.h>

bool sl_prelu_strides(const sl_shape *slope, const sl_shape *x, int64_t stride[SL_MAX_RANK])
{
    if (slope->rank == 1 && x->rank > 1 && slope->dim[0] == x->dim[1]) {
        memset(stride, 0, SL_MAX_RANK * sizeof *stride);
        stride[1] = slope->dim[0] > 1;
        return true;
    }
    sl_shape both;
    if (!sl_broadcast(slope, x, &both) || !sl_shape_equal(&both, x))
        return false;
    sl_broadcast_strides(slope, x, stride);
    return true;
}

sl_status sl_prelu_infer(const sl_call *c, sl_error *err)
{
    int64_t stride[SL_MAX_RANK];
    if (!sl_prelu_strides(&c->in[1]->shape, &c->in[0]->shape, stride))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the slope's shape does not fit the input's");
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = c->in[0]->shape;
    return SL_OK;
}

sl_status sl_prelu_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const sl_shape *x = &c->in[0]->shape;
    const float *in = c->in[0]->data, *slope = c->in[1]->data;
    float *out = c->out[0].data;
    sl_walk w;
    sl_walk_start(&w, x);
    w.n = 1;
    sl_prelu_strides(&c->in[1]->shape, x, w.stride[0]);
    for (int64_t i = 0, n = sl_shape_elements(x); i < n; i++, sl_walk_next(&w))
        out[i] = in[i] >= 0 ? in[i] : in[i] * slope[w.offset[0]];
    return SL_OK;
}
