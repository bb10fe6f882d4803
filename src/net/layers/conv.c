/* Convolution: x [N,I,H,W], w [O,I/groups,kh,kw], bias [O] -> [N,O,H',W']. */
#include "net/layers/backward.h"

static int64_t groups_of(const sl_call *c)
{
    return c->node->attr.groups ? c->node->attr.groups : 1;
}

static sl_status conv_window(const sl_call *c, sl_window *w, sl_error *err)
{
    const sl_shape *k = &c->in[1]->shape;
    const int64_t kernel[2] = {k->dim[2], k->dim[3]};
    return sl_window_of(c, &c->in[0]->shape, kernel, w, err);
}

sl_status sl_conv_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape, *k = &c->in[1]->shape;
    const sl_value *bias = sl_layer_in(c, 2);
    int64_t groups = groups_of(c);
    if (x->rank != 4 || k->rank != 4)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "only two-dimensional convolution is supported");
    if (groups < 1 || k->dim[0] < 1 || k->dim[0] % groups || k->dim[1] < 1 || x->dim[1] / groups != k->dim[1] ||
        x->dim[1] % groups)
        return sl_layer_fail(c, err, SL_ERR_FORMAT,
                             "%lld channels, %lld groups and weights [%lld, %lld, ...] do not fit",
                             (long long)x->dim[1], (long long)groups, (long long)k->dim[0], (long long)k->dim[1]);
    if (bias && (bias->shape.rank != 1 || bias->shape.dim[0] != k->dim[0]))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the bias is not [%lld]", (long long)k->dim[0]);
    sl_window w;
    SL_TRY(conv_window(c, &w, err));
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = (sl_shape){4, {x->dim[0], k->dim[0], w.out[0], w.out[1]}};
    return SL_OK;
}

/* One output: sum over the group's input channels [I/groups, H, W] and the window at (oy, ox). */
static double window_sum(const sl_window *w, const float *x, const float *k, int64_t channels, int64_t oy,
                         int64_t ox)
{
    double sum = 0;
    for (int64_t i = 0; i < channels; i++)
        for (int64_t ky = 0; ky < w->kernel[0]; ky++)
            for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
                int64_t y = oy * w->stride[0] - w->pad[0] + ky * w->dilation[0];
                int64_t xx = ox * w->stride[1] - w->pad[1] + kx * w->dilation[1];
                if (y >= 0 && y < w->in[0] && xx >= 0 && xx < w->in[1])
                    sum += (double)x[(i * w->in[0] + y) * w->in[1] + xx] *
                           k[(i * w->kernel[0] + ky) * w->kernel[1] + kx];
            }
    return sum;
}

sl_status sl_conv_forward(const sl_call *c, sl_error *err)
{
    sl_window w;
    SL_TRY(conv_window(c, &w, err));
    const sl_shape *k = &c->in[1]->shape, *x = &c->in[0]->shape;
    const float *in = c->in[0]->data, *weights = c->in[1]->data;
    const float *bias = sl_layer_in(c, 2) ? c->in[2]->data : NULL;
    float *out = c->out[0].data;
    int64_t outputs = k->dim[0], channels = k->dim[1], per_group = outputs / groups_of(c);
    int64_t plane = w.in[0] * w.in[1], kernel = channels * w.kernel[0] * w.kernel[1];
    for (int64_t n = 0; n < x->dim[0]; n++)
        for (int64_t o = 0; o < outputs; o++) {
            const float *group = in + (n * x->dim[1] + o / per_group * channels) * plane;
            for (int64_t oy = 0; oy < w.out[0]; oy++)
                for (int64_t ox = 0; ox < w.out[1]; ox++)
                    *out++ = (float)(window_sum(&w, group, weights + o * kernel, channels, oy, ox) +
                                     (bias ? bias[o] : 0.0f));
        }
    return SL_OK;
}

void sl_conv_gradient(sl_backward *b)
{
    const sl_attr *attr = &b->node.attr;
    sl_tensor gy = sl_back_grad(b, 0), x = b->node.inputs[0], w = b->node.inputs[1], by_weights[2];
    const sl_shape x_shape = sl_back_shape(b, x), w_shape = sl_back_shape(b, w);
    if (sl_back_wants(b, 0))
        sl_back_give(b, 0, sl_back_node(b, SL_OP_CONV_BACK_DATA, attr,
                                        SL_BACK_INPUTS(gy, w, sl_back_dims(b, &x_shape))));
    bool bias = sl_back_wants(b, 2);
    if (!bias && !sl_back_wants(b, 1))
        return;
    sl_back_nodes(b, SL_OP_CONV_BACK_WEIGHTS, attr, SL_BACK_INPUTS(gy, x, sl_back_dims(b, &w_shape)), by_weights,
                  bias ? 2 : 1);
    if (sl_back_wants(b, 1))
        sl_back_give(b, 1, by_weights[0]);
    if (bias)
        sl_back_give(b, 2, by_weights[1]);
}
