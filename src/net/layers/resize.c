/* Resize by nearest or (multi)linear interpolation, with ONNX's ways of mapping coordinates. */
#include "net/layers/backward.h"

#include <math.h>
#include <string.h>

sl_status sl_resize_axes(const sl_call *c, sl_resize_axis axis[SL_MAX_RANK], sl_error *err)
{
    const sl_value *by = c->in[1];
    const sl_shape *x = &c->in[0]->shape;
    if (!by->data || by->shape.rank != 1 || by->shape.dim[0] != x->rank)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "its scales or sizes are no constant of %d elements",
                             x->rank);
    for (int i = 0; i < x->rank; i++) {
        axis[i].in = x->dim[i];
        if (by->type == SL_TYPE_I64) {
            axis[i].out = ((const int64_t *)by->data)[i];
            axis[i].scale = (double)axis[i].out / (double)axis[i].in;
        } else {
            axis[i].scale = ((const float *)by->data)[i];
            double out = floor((double)axis[i].in * axis[i].scale);
            axis[i].out = out >= 1 && out <= (double)SL_MAX_ELEMENTS ? (int64_t)out : 0; /* NaN too */
        }
        if (axis[i].in < 1 || axis[i].out < 1 || axis[i].out > SL_MAX_ELEMENTS)
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "axis %d cannot be resized from %lld by %g", i,
                                 (long long)axis[i].in, axis[i].scale);
    }
    return SL_OK;
}

static double coordinate(const sl_attr *attr, const sl_resize_axis *a, int64_t o)
{
    switch (attr->coord) {
    case SL_COORD_ASYMMETRIC: return (double)o / a->scale;
    case SL_COORD_ALIGN_CORNERS: return a->out > 1 ? (double)o * (double)(a->in - 1) / (double)(a->out - 1) : 0;
    case SL_COORD_PYTORCH_HALF_PIXEL: return a->out > 1 ? ((double)o + 0.5) / a->scale - 0.5 : 0;
    default: return ((double)o + 0.5) / a->scale - 0.5;
    }
}

int64_t sl_resize_nearest(const sl_attr *attr, const sl_resize_axis *a, int64_t o)
{
    double x = coordinate(attr, a, o);
    switch (attr->round) {
    case SL_ROUND_FLOOR: x = floor(x); break;
    case SL_ROUND_CEIL: x = ceil(x); break;
    case SL_ROUND_PREFER_CEIL: x = floor(x + 0.5); break;
    default: x = ceil(x - 0.5); break;
    }
    return x < 0 ? 0 : x > (double)(a->in - 1) ? a->in - 1 : (int64_t)x;
}

void sl_resize_linear(const sl_attr *attr, const sl_resize_axis *a, int64_t o, int64_t tap[2], double weight[2])
{
    double x = coordinate(attr, a, o);
    x = x < 0 ? 0 : x > (double)(a->in - 1) ? (double)(a->in - 1) : x;
    tap[0] = (int64_t)x;
    tap[1] = tap[0] + 1 < a->in ? tap[0] + 1 : tap[0];
    weight[1] = x - (double)tap[0];
    weight[0] = 1 - weight[1];
}

sl_status sl_resize_infer(const sl_call *c, sl_error *err)
{
    sl_resize_axis axis[SL_MAX_RANK];
    if (c->node->attr.fn != SL_FN_NEAREST && c->node->attr.fn != SL_FN_LINEAR)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "only nearest and linear interpolation are supported");
    if (c->in[0]->type != SL_TYPE_F32)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "integers cannot be resized");
    SL_TRY(sl_resize_axes(c, axis, err));
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape.rank = c->in[0]->shape.rank;
    for (int i = 0; i < c->in[0]->shape.rank; i++)
        c->out[0].shape.dim[i] = axis[i].out;
    return SL_OK;
}

/* Where the output at coordinates `at` reads: up to 2^rank cells of x, those of weight 0 left out. Returns how many. */
static int sources(const sl_attr *attr, const sl_shape *x, const sl_resize_axis *axis, const int64_t *at,
                   int64_t from[1 << SL_MAX_RANK], double share[1 << SL_MAX_RANK])
{
    int64_t tap[SL_MAX_RANK][2];
    double weight[SL_MAX_RANK][2];
    bool linear = attr->fn == SL_FN_LINEAR;
    int count = 0;
    for (int k = 0; k < x->rank; k++)
        if (linear)
            sl_resize_linear(attr, &axis[k], at[k], tap[k], weight[k]);
        else
            tap[k][0] = sl_resize_nearest(attr, &axis[k], at[k]), weight[k][0] = 1;
    for (unsigned corner = 0; corner < (linear ? 1u << x->rank : 1); corner++) {
        share[count] = 1;
        from[count] = 0;
        for (int k = 0; k < x->rank; k++) {
            share[count] *= weight[k][corner >> k & 1];
            from[count] = from[count] * x->dim[k] + tap[k][corner >> k & 1];
        }
        count += share[count] != 0;
    }
    return count;
}

sl_status sl_resize_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape, *y = &c->out[0].shape;
    const float *in = c->in[0]->data;
    float *out = c->out[0].data;
    sl_resize_axis axis[SL_MAX_RANK];
    int64_t from[1 << SL_MAX_RANK];
    double share[1 << SL_MAX_RANK];
    SL_TRY(sl_resize_axes(c, axis, err));
    sl_walk w;
    sl_walk_start(&w, y);
    for (int64_t i = 0, n = sl_shape_elements(y); i < n; i++, sl_walk_next(&w)) {
        double sum = 0;
        for (int k = 0, count = sources(&c->node->attr, x, axis, w.at, from, share); k < count; k++)
            sum += share[k] * in[from[k]];
        out[i] = (float)sum;
    }
    return SL_OK;
}

/* ---- gradient: each output gives its share to the cells that it read ---- */

sl_status sl_resize_back_infer(const sl_call *c, sl_error *err)
{
    sl_value x = {.type = SL_TYPE_F32}, y = {.type = SL_TYPE_F32};
    SL_TRY(sl_layer_ints(c, 2, x.shape.dim, SL_MAX_RANK, &x.shape.rank, err));
    const sl_value *in[2] = {&x, c->in[1]};
    SL_TRY(sl_resize_infer(&(sl_call){c->node, in, &y}, err));
    if (!sl_shape_equal(&y.shape, &c->in[0]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the output's gradient does not fit the input");
    c->out[0] = x;
    return SL_OK;
}

sl_status sl_resize_back_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->out[0].shape, *y = &c->in[0]->shape;
    const float *gy = c->in[0]->data;
    float *out = c->out[0].data;
    const sl_value *const in[2] = {&c->out[0], c->in[1]};
    sl_resize_axis axis[SL_MAX_RANK];
    int64_t from[1 << SL_MAX_RANK];
    double share[1 << SL_MAX_RANK];
    SL_TRY(sl_resize_axes(&(sl_call){c->node, in, NULL}, axis, err));
    memset(out, 0, (size_t)sl_shape_elements(x) * sizeof *out);
    sl_walk w;
    sl_walk_start(&w, y);
    for (int64_t i = 0, n = sl_shape_elements(y); i < n; i++, sl_walk_next(&w))
        for (int k = 0, count = sources(&c->node->attr, x, axis, w.at, from, share); k < count; k++)
            out[from[k]] += (float)(share[k] * gy[i]);
    return SL_OK;
}

void sl_resize_gradient(sl_backward *b)
{
    const sl_shape x = sl_back_in_shape(b, 0);
    sl_back_give(b, 0, sl_back_node(b, SL_OP_RESIZE_BACK, &b->node.attr,
                                    SL_BACK_INPUTS(sl_back_grad(b, 0), b->node.inputs[1], sl_back_dims(b, &x))));
}
