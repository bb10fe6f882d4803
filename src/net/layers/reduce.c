/* Sum, mean, max, min, L2 norm or sum of squares over some axes (from the attribute or an i64 input; none: all).
 */
#include "net/layers/backward.h"

#include <math.h>

sl_status sl_reduce_mask(const sl_call *c, int rank, unsigned *mask, sl_error *err)
{
    int64_t axes[SL_MAX_RANK];
    int count = c->node->attr.n_axes, axis;
    if (count < 0 || count > SL_MAX_RANK)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "%d axes to reduce", count);
    for (int i = 0; i < count; i++)
        axes[i] = c->node->attr.axes[i];
    if (sl_layer_in(c, 1))
        SL_TRY(sl_layer_ints(c, 1, axes, SL_MAX_RANK, &count, err));
    *mask = count ? 0 : (1u << rank) - 1;
    for (int i = 0; i < count; i++) {
        SL_TRY(sl_layer_axis(c, axes[i], rank, &axis, err));
        *mask |= 1u << axis;
    }
    return SL_OK;
}

static bool is_reduction(sl_fn fn)
{
    return fn == SL_FN_SUM || fn == SL_FN_AVERAGE || fn == SL_FN_MAX || fn == SL_FN_MIN || fn == SL_FN_L2 ||
           fn == SL_FN_SUM_SQUARE;
}

sl_status sl_reduce_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    unsigned mask;
    if (!is_reduction(c->node->attr.fn) || c->in[0]->type != SL_TYPE_F32)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "this reduction is not supported");
    if (sl_shape_elements(x) < 1)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "there is nothing to reduce");
    SL_TRY(sl_reduce_mask(c, x->rank, &mask, err));
    sl_shape s = {0};
    for (int i = 0; i < x->rank; i++)
        if (!(mask >> i & 1))
            s.dim[s.rank++] = x->dim[i];
        else if (c->node->attr.keepdims)
            s.dim[s.rank++] = 1;
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = s;
    return SL_OK;
}

static double accumulate(sl_fn fn, double sum, double x, bool first)
{
    switch (fn) {
    case SL_FN_MAX: return first || isnan(x) || x > sum ? x : sum;
    case SL_FN_MIN: return first || isnan(x) || x < sum ? x : sum;
    case SL_FN_L2:
    case SL_FN_SUM_SQUARE: return sum + x * x;
    default: return sum + x;
    }
}

sl_status sl_reduce_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    const float *in = c->in[0]->data;
    float *out = c->out[0].data;
    sl_fn fn = c->node->attr.fn;
    unsigned mask;
    SL_TRY(sl_reduce_mask(c, x->rank, &mask, err));
    sl_shape kept = {.rank = x->rank}, gone = {.rank = x->rank}; /* the axes of the one have size 1 in the other */
    sl_walk outer, inner;
    for (int i = 0; i < x->rank; i++) {
        kept.dim[i] = mask >> i & 1 ? 1 : x->dim[i];
        gone.dim[i] = mask >> i & 1 ? x->dim[i] : 1;
    }
    sl_walk_start(&outer, &kept);
    outer.n = 1;
    sl_broadcast_strides(x, x, outer.stride[0]);
    int64_t count = sl_shape_elements(&gone);
    for (int64_t o = sl_shape_elements(&kept); o > 0; o--, sl_walk_next(&outer)) {
        double sum = 0;
        sl_walk_start(&inner, &gone);
        inner.n = 1;
        sl_broadcast_strides(x, x, inner.stride[0]);
        for (int64_t i = 0; i < count; i++, sl_walk_next(&inner))
            sum = accumulate(fn, sum, in[outer.offset[0] + inner.offset[0]], i == 0);
        *out++ = (float)(fn == SL_FN_AVERAGE ? sum / (double)count : fn == SL_FN_L2 ? sqrt(sum) : sum);
    }
    return SL_OK;
}

/* ---- gradient ---- */

/* 1 where x is the largest or smallest (y, broadcast), shared out among equals; 0 elsewhere. */
static sl_tensor share_of_extreme(sl_backward *b, sl_tensor x, sl_tensor y, unsigned mask)
{
    sl_tensor one = sl_back_number(b, 1), away = sl_back_unary(b, SL_FN_ABS, sl_back_binary(b, SL_FN_SUB, x, y));
    sl_tensor other = sl_back_binary(b, SL_FN_MIN, sl_back_unary(b, SL_FN_CEIL, away), one);
    sl_tensor chosen = sl_back_binary(b, SL_FN_SUB, one, other);
    return sl_back_binary(b, SL_FN_DIV, chosen, sl_back_sum(b, chosen, mask));
}

void sl_back_reduced(sl_backward *b, sl_fn fn, unsigned mask)
{
    const sl_shape shape = sl_back_in_shape(b, 0);
    sl_shape kept = shape;
    double count = 1;
    for (int i = 0; i < shape.rank; i++)
        if (mask >> i & 1) {
            count *= (double)shape.dim[i];
            kept.dim[i] = 1;
        }
    sl_tensor x = b->node.inputs[0], gy = sl_back_reshape(b, sl_back_grad(b, 0), &kept);
    sl_tensor y = fn == SL_FN_SUM || fn == SL_FN_AVERAGE ? -1 : sl_back_reshape(b, b->node.outputs[0], &kept);
    switch (fn) {
    case SL_FN_AVERAGE: gy = sl_back_binary(b, SL_FN_MUL, gy, sl_back_number(b, (float)(1 / count))); break;
    case SL_FN_SUM_SQUARE:
        gy = sl_back_binary(b, SL_FN_MUL, x, sl_back_binary(b, SL_FN_MUL, gy, sl_back_number(b, 2)));
        break;
    case SL_FN_L2: gy = sl_back_binary(b, SL_FN_MUL, x, sl_back_binary(b, SL_FN_DIV, gy, y)); break;
    case SL_FN_MAX:
    case SL_FN_MIN: gy = sl_back_binary(b, SL_FN_MUL, gy, share_of_extreme(b, x, y, mask)); break;
    default: break;
    }
    sl_back_give(b, 0, sl_back_expand(b, gy, &shape));
}

void sl_reduce_gradient(sl_backward *b)
{
    const sl_shape shape = sl_back_in_shape(b, 0);
    const bool listed = b->node.n_inputs > 1 && b->node.inputs[1] >= 0;
    sl_value values[2];
    for (int i = 0; i < 1 + listed; i++)
        values[i] = sl_back_value(b, b->node.inputs[i]);
    const sl_value *in[2] = {&values[0], listed ? &values[1] : NULL};
    unsigned mask = 0;
    b->status = sl_reduce_mask(&(sl_call){&b->node, in, NULL}, shape.rank, &mask, b->err);
    sl_back_reduced(b, b->node.attr.fn, mask);
}
