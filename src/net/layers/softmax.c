/* Softmax along one axis. */
#include "net/layers/layers.h"

#include <math.h>

sl_status sl_softmax_infer(const sl_call *c, sl_error *err)
{
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, c->in[0]->shape.rank, &axis, err));
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = c->in[0]->shape;
    return SL_OK;
}

static void softmax_row(const float *x, float *y, int64_t count, int64_t step)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, x[i * step]);
    for (int64_t i = 0; i < count; i++)
        sum += exp(x[i * step] - largest);
    for (int64_t i = 0; i < count; i++)
        y[i * step] = (float)(exp(x[i * step] - largest) / sum);
}

sl_status sl_softmax_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, x->rank, &axis, err));
    int64_t outer = sl_shape_span(x, 0, axis), count = x->dim[axis], inner = sl_shape_span(x, axis + 1, x->rank);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            int64_t at = o * count * inner + i;
            softmax_row((const float *)c->in[0]->data + at, (float *)c->out[0].data + at, count, inner);
        }
    return SL_OK;
}
