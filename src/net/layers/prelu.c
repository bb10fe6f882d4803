/* PReLU: y = x where x >= 0, slope * x elsewhere. */
#include "net/layers/backward.h"

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

/* ---- gradient ---- */

sl_status sl_prelu_back_infer(const sl_call *c, sl_error *err)
{
    SL_TRY(sl_prelu_infer(c, err));
    if (!sl_shape_equal(&c->in[2]->shape, &c->in[0]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the output's gradient does not fit the input");
    if (c->node->n_outputs > 1) {
        c->out[1].type = SL_TYPE_F32;
        c->out[1].shape = c->in[1]->shape;
    }
    return SL_OK;
}

/* One slope's: over all elements that share it. */
static double slope_sum(const sl_call *c, const sl_shape *shared, int64_t at)
{
    const float *x = c->in[0]->data, *gy = c->in[2]->data;
    double sum = 0;
    sl_walk w;
    sl_walk_start(&w, shared);
    w.n = 1;
    sl_broadcast_strides(&c->in[0]->shape, &c->in[0]->shape, w.stride[0]);
    for (int64_t i = sl_shape_elements(shared); i > 0; i--, sl_walk_next(&w))
        if (x[at + w.offset[0]] < 0)
            sum += (double)x[at + w.offset[0]] * gy[at + w.offset[0]];
    return sum;
}

static void slope_gradient(const sl_call *c, const int64_t stride[SL_MAX_RANK])
{
    const sl_shape *x = &c->in[0]->shape;
    float *out = c->out[1].data;
    sl_shape own = *x, shared = *x; /* the axes that slopes differ along, and the others */
    for (int i = 0; i < x->rank; i++)
        *(stride[i] ? &shared.dim[i] : &own.dim[i]) = 1;
    sl_walk w;
    sl_walk_start(&w, &own);
    w.n = 2;
    sl_broadcast_strides(x, x, w.stride[0]);
    memcpy(w.stride[1], stride, sizeof w.stride[1]);
    for (int64_t i = sl_shape_elements(&own); i > 0; i--, sl_walk_next(&w))
        out[w.offset[1]] = (float)slope_sum(c, &shared, w.offset[0]);
}

sl_status sl_prelu_back_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const sl_shape *x = &c->in[0]->shape;
    const float *in = c->in[0]->data, *slope = c->in[1]->data, *gy = c->in[2]->data;
    float *out = c->out[0].data;
    sl_walk w;
    sl_walk_start(&w, x);
    w.n = 1;
    sl_prelu_strides(&c->in[1]->shape, x, w.stride[0]);
    for (int64_t i = 0, n = sl_shape_elements(x); i < n; i++, sl_walk_next(&w))
        out[i] = in[i] >= 0 ? gy[i] : gy[i] * slope[w.offset[0]];
    if (c->node->n_outputs > 1)
        slope_gradient(c, w.stride[0]);
    return SL_OK;
}

void sl_prelu_gradient(sl_backward *b)
{
    sl_tensor out[2];
    sl_back_nodes(b, SL_OP_PRELU_BACK, NULL, SL_BACK_INPUTS(b->node.inputs[0], b->node.inputs[1], sl_back_grad(b, 0)),
                  out, sl_back_wants(b, 1) ? 2 : 1);
    for (int i = 0; i < 2; i++)
        if (sl_back_wants(b, i))
            sl_back_give(b, i, out[i]);
}
