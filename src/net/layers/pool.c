/* Max and average pooling: x [N,C,H,W] over a window, or over all of H and W. */
#include "net/layers/backward.h"

#include <math.h>
#include <string.h>

static sl_status pool_window(const sl_call *c, sl_window *w, sl_error *err)
{
    const int64_t kernel[2] = {c->node->attr.kernel[0], c->node->attr.kernel[1]};
    return sl_window_of(c, &c->in[0]->shape, kernel, w, err);
}

static sl_status check_fn(const sl_call *c, sl_error *err)
{
    if (c->node->attr.fn != SL_FN_MAX && c->node->attr.fn != SL_FN_AVERAGE)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "only max and average pooling are supported");
    return SL_OK;
}

sl_status sl_pool_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    sl_window w;
    SL_TRY(check_fn(c, err));
    SL_TRY(pool_window(c, &w, err));
    for (int i = 0; i < 4; i++) /* else a window could see padding alone */
        if (w.pad[i] > (w.kernel[i % 2] - 1) * w.dilation[i % 2])
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "a pad of %lld is larger than the kernel",
                                 (long long)w.pad[i]);
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = (sl_shape){4, {x->dim[0], x->dim[1], w.out[0], w.out[1]}};
    return SL_OK;
}

/* The window at (oy, ox) of one plane. An average counts the cells of the picture, or with
 * count_include_pad those of the padded picture. */
static float pool_at(const sl_window *w, const sl_attr *attr, const float *x, int64_t oy, int64_t ox)
{
    double sum = 0, largest = -INFINITY;
    int64_t counted = 0;
    for (int64_t ky = 0; ky < w->kernel[0]; ky++)
        for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
            int64_t y = oy * w->stride[0] - w->pad[0] + ky * w->dilation[0];
            int64_t xx = ox * w->stride[1] - w->pad[1] + kx * w->dilation[1];
            if (y >= w->in[0] + w->pad[2] || xx >= w->in[1] + w->pad[3])
                continue;
            bool inside = y >= 0 && y < w->in[0] && xx >= 0 && xx < w->in[1];
            counted += inside || attr->count_include_pad;
            if (!inside)
                continue;
            float v = x[y * w->in[1] + xx];
            sum += v;
            if (isnan(v) || v > largest)
                largest = v;
        }
    return (float)(attr->fn == SL_FN_MAX ? largest : sum / (double)counted);
}

sl_status sl_pool_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    const float *in = c->in[0]->data;
    float *out = c->out[0].data;
    sl_window w;
    SL_TRY(pool_window(c, &w, err));
    for (int64_t plane = x->dim[0] * x->dim[1]; plane > 0; plane--, in += w.in[0] * w.in[1])
        for (int64_t oy = 0; oy < w.out[0]; oy++)
            for (int64_t ox = 0; ox < w.out[1]; ox++)
                *out++ = pool_at(&w, &c->node->attr, in, oy, ox);
    return SL_OK;
}

/* ---- gradient ---- */

sl_status sl_pool_back_infer(const sl_call *c, sl_error *err)
{
    sl_value x = {.type = SL_TYPE_F32}, y = {.type = SL_TYPE_F32};
    SL_TRY(sl_layer_ints(c, 1, x.shape.dim, SL_MAX_RANK, &x.shape.rank, err));
    const sl_value *in[1] = {&x};
    SL_TRY(sl_pool_infer(&(sl_call){c->node, in, &y}, err));
    bool max = c->node->attr.fn == SL_FN_MAX;
    if (!sl_shape_equal(&y.shape, &c->in[0]->shape) ||
        (max && (!sl_layer_in(c, 2) || !sl_shape_equal(&x.shape, &c->in[2]->shape))))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the output's gradient does not fit the input");
    c->out[0] = x;
    return SL_OK;
}

/* Gives one output's gradient to the cell that was the largest, or to all that were counted alike. */
static void unpool_at(const sl_window *w, const sl_attr *attr, const float *x, float gy, int64_t oy, int64_t ox,
                      float *out)
{
    int64_t counted = 0, largest = -1, top = oy * w->stride[0] - w->pad[0], left = ox * w->stride[1] - w->pad[1];
    for (int pass = 0; pass < 2; pass++)
        for (int64_t ky = 0; ky < w->kernel[0]; ky++)
            for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
                int64_t y = top + ky * w->dilation[0], xx = left + kx * w->dilation[1], at = y * w->in[1] + xx;
                if (y >= w->in[0] + w->pad[2] || xx >= w->in[1] + w->pad[3])
                    continue;
                bool inside = y >= 0 && y < w->in[0] && xx >= 0 && xx < w->in[1];
                if (pass == 0 && attr->fn == SL_FN_MAX && inside && (largest < 0 || isnan(x[at]) || x[at] > x[largest]))
                    largest = at;
                counted += pass == 0 && (inside || attr->count_include_pad);
                if (pass == 1 && attr->fn == SL_FN_AVERAGE && inside)
                    out[at] += gy / (float)counted;
            }
    if (largest >= 0)
        out[largest] += gy;
}

sl_status sl_pool_back_forward(const sl_call *c, sl_error *err)
{
    const sl_value *const in[1] = {&c->out[0]};
    const float *gy = c->in[0]->data, *x = sl_layer_in(c, 2) ? c->in[2]->data : NULL;
    float *out = c->out[0].data;
    sl_window w;
    SL_TRY(pool_window(&(sl_call){c->node, in, NULL}, &w, err));
    int64_t plane = w.in[0] * w.in[1];
    memset(out, 0, (size_t)sl_shape_elements(&c->out[0].shape) * sizeof *out);
    for (int64_t p = 0, planes = c->out[0].shape.dim[0] * c->out[0].shape.dim[1]; p < planes; p++)
        for (int64_t oy = 0; oy < w.out[0]; oy++)
            for (int64_t ox = 0; ox < w.out[1]; ox++)
                unpool_at(&w, &c->node->attr, x ? x + p * plane : NULL, *gy++, oy, ox, out + p * plane);
    return SL_OK;
}

void sl_pool_gradient(sl_backward *b)
{
    const sl_shape x = sl_back_in_shape(b, 0);
    const sl_tensor inputs[3] = {sl_back_grad(b, 0), sl_back_dims(b, &x), b->node.inputs[0]};
    sl_back_give(b, 0, sl_back_node(b, SL_OP_POOL_BACK, &b->node.attr, inputs, b->node.attr.fn == SL_FN_MAX ? 3 : 2));
}

/* ---- over all of it ---- */

sl_status sl_global_pool_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    SL_TRY(check_fn(c, err));
    if (x->rank < 3 || sl_shape_elements(x) == 0)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "input of %d axes has nothing to pool over", x->rank);
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = *x;
    for (int i = 2; i < x->rank; i++)
        c->out[0].shape.dim[i] = 1;
    return SL_OK;
}

sl_status sl_global_pool_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const sl_shape *x = &c->in[0]->shape;
    const float *in = c->in[0]->data;
    float *out = c->out[0].data;
    int64_t plane = sl_shape_span(x, 2, x->rank);
    for (int64_t p = x->dim[0] * x->dim[1]; p > 0; p--, in += plane) {
        double sum = 0, largest = -INFINITY;
        for (int64_t i = 0; i < plane; i++) {
            sum += in[i];
            if (isnan(in[i]) || in[i] > largest)
                largest = in[i];
        }
        *out++ = (float)(c->node->attr.fn == SL_FN_MAX ? largest : sum / (double)plane);
    }
    return SL_OK;
}

void sl_global_pool_gradient(sl_backward *b)
{
    unsigned spatial = (1u << sl_back_in_shape(b, 0).rank) - 1 - 3;
    sl_back_reduced(b, b->node.attr.fn, spatial);
}
