/* Sum, mean, max, min, L2 norm or sum of squares over some axes (from the attribute or an i64 input; none: all).
 */
#include "net/layers/layers.h"

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
