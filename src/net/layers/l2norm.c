/* y = x / max(sqrt(sum of x^2 along one axis), a). */
#include "net/layers/backward.h"

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

/* ---- gradient: gx = (gy - y sum gy y) / norm; without the sum where the norm was replaced by a ---- */

sl_status sl_l2norm_back_infer(const sl_call *c, sl_error *err)
{
    if (!sl_shape_equal(&c->in[0]->shape, &c->in[1]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "its inputs have two shapes");
    return sl_l2norm_infer(c, err);
}

static void l2norm_back(const float *x, const float *gy, float *out, int64_t count, int64_t step, double least)
{
    double squares = 0, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        squares += (double)x[i * step] * x[i * step];
        sum += (double)x[i * step] * gy[i * step];
    }
    double norm = fmax(sqrt(squares), least), along = sqrt(squares) > least ? sum / squares : 0;
    for (int64_t i = 0; i < count; i++)
        out[i * step] = (float)((gy[i * step] - x[i * step] * along) / norm);
}

sl_status sl_l2norm_back_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, x->rank, &axis, err));
    int64_t count = x->dim[axis], inner = sl_shape_span(x, axis + 1, x->rank);
    for (int64_t i = 0, rows = sl_shape_elements(x) / count; i < rows; i++) {
        int64_t at = i / inner * count * inner + i % inner;
        l2norm_back((const float *)c->in[0]->data + at, (const float *)c->in[1]->data + at,
                    (float *)c->out[0].data + at, count, inner, c->node->attr.a);
    }
    return SL_OK;
}

void sl_l2norm_gradient(sl_backward *b)
{
    sl_back_give(b, 0, sl_back_node(b, SL_OP_L2NORM_BACK, &b->node.attr,
                                    SL_BACK_INPUTS(b->node.inputs[0], sl_back_grad(b, 0))));
}
