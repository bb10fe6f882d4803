/* y = x / max(sqrt(sum of x^2 along one axis), a). */
#include "net/layers/layers.h"

#include <math.h>

sl_status sl_l2norm_infer(const sl_call *c, sl_error *err)
{
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, c->in[0]->shape.rank, &axis, err));
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = c->in[0]->shape;
    return SL_OK;
}

sl_status sl_l2norm_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    const float *in = c->in[0]->data;
    float *out = c->out[0].data;
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, x->rank, &axis, err));
    int64_t outer = sl_shape_span(x, 0, axis), count = x->dim[axis], inner = sl_shape_span(x, axis + 1, x->rank);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            int64_t at = o * count * inner + i;
            double sum = 0;
            for (int64_t k = 0; k < count; k++)
                sum += (double)in[at + k * inner] * in[at + k * inner];
            double norm = fmax(sqrt(sum), c->node->attr.a);
            for (int64_t k = 0; k < count; k++)
                out[at + k * inner] = (float)(in[at + k * inner] / norm);
        }
    return SL_OK;
}
