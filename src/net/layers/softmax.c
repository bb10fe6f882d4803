/* Softmax along one axis. */
#include "net/layers/backward.h"

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

/* ---- gradient: gx = y (gy - sum gy y) ---- */

sl_status sl_softmax_back_infer(const sl_call *c, sl_error *err)
{
    if (!sl_shape_equal(&c->in[0]->shape, &c->in[1]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "its inputs have two shapes");
    return sl_softmax_infer(c, err);
}

static void softmax_back(const float *y, const float *gy, float *out, int64_t count, int64_t step)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)y[i * step] * gy[i * step];
    for (int64_t i = 0; i < count; i++)
        out[i * step] = (float)(y[i * step] * (gy[i * step] - sum));
}

sl_status sl_softmax_back_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, x->rank, &axis, err));
    int64_t count = x->dim[axis], inner = sl_shape_span(x, axis + 1, x->rank);
    for (int64_t i = 0, rows = sl_shape_elements(x) / count; i < rows; i++) {
        int64_t at = i / inner * count * inner + i % inner;
        softmax_back((const float *)c->in[0]->data + at, (const float *)c->in[1]->data + at,
                     (float *)c->out[0].data + at, count, inner);
    }
    return SL_OK;
}

void sl_softmax_gradient(sl_backward *b)
{
    sl_back_give(b, 0, sl_back_node(b, SL_OP_SOFTMAX_BACK, &b->node.attr,
                                    SL_BACK_INPUTS(b->node.outputs[0], sl_back_grad(b, 0))));
}
