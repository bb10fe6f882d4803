/* What layers share: errors, lists of integers, broadcasting, walks over elements, windows. */
#include "net/layers/layers.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

sl_status sl_layer_fail(const sl_call *c, sl_error *err, sl_status status, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return sl_fail(err, status, "node %.200s (%s): %s", c->node->name, sl_op_name(c->node->op), text);
}

sl_status sl_layer_ints(const sl_call *c, int i, int64_t *out, int max, int *count, sl_error *err)
{
    const sl_value *v = sl_layer_in(c, i);
    *count = 0;
    if (!v || v->type != SL_TYPE_I64 || v->shape.rank > 1)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "input %d is no list of integers", i);
    if (!v->data)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED,
                             "input %d depends on the picture, only constants are supported", i);
    int64_t n = sl_shape_elements(&v->shape);
    if (n < 0 || n > max)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "input %d has %lld elements, at most %d fit here", i,
                             (long long)n, max);
    memcpy(out, v->data, (size_t)n * sizeof *out);
    *count = (int)n;
    return SL_OK;
}

sl_status sl_layer_axis(const sl_call *c, int64_t axis, int rank, int *out, sl_error *err)
{
    if (axis < -rank || axis >= rank)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "axis %lld of a tensor of %d axes", (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return SL_OK;
}

bool sl_broadcast(const sl_shape *a, const sl_shape *b, sl_shape *out)
{
    sl_shape s = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < s.rank; i++) {
        int ia = i - (s.rank - a->rank), ib = i - (s.rank - b->rank);
        int64_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da != db && da != 1 && db != 1)
            return false;
        s.dim[i] = da == 1 ? db : da;
    }
    *out = s;
    return true;
}

void sl_broadcast_strides(const sl_shape *from, const sl_shape *to, int64_t stride[SL_MAX_RANK])
{
    int64_t step = 1;
    memset(stride, 0, SL_MAX_RANK * sizeof *stride);
    for (int i = from->rank - 1; i >= 0; i--) {
        if (from->dim[i] != 1)
            stride[i + to->rank - from->rank] = step;
        step *= from->dim[i];
    }
}

void sl_walk_start(sl_walk *w, const sl_shape *shape)
{
    *w = (sl_walk){.shape = *shape};
}

void sl_walk_next(sl_walk *w)
{
    for (int i = w->shape.rank - 1; i >= 0; i--) {
        for (int k = 0; k < w->n; k++)
            w->offset[k] += w->stride[k][i];
        if (++w->at[i] < w->shape.dim[i])
            return;
        for (int k = 0; k < w->n; k++)
            w->offset[k] -= w->stride[k][i] * w->at[i];
        w->at[i] = 0;
    }
}

void sl_walk_to(sl_walk *w, int64_t element)
{
    for (int i = w->shape.rank - 1; i >= 0; i--) {
        w->at[i] = element % w->shape.dim[i];
        element /= w->shape.dim[i];
    }
    for (int k = 0; k < w->n; k++) {
        w->offset[k] = 0;
        for (int i = 0; i < w->shape.rank; i++)
            w->offset[k] += w->stride[k][i] * w->at[i];
    }
}

/* ---- windows ---- */

/* SAME: as many outputs as input / stride, rounded up; the odd cell goes after (upper) or before (lower). */
static void pad_same(sl_window *w, int axis, bool upper)
{
    int64_t out = (w->in[axis] + w->stride[axis] - 1) / w->stride[axis];
    int64_t total = (out - 1) * w->stride[axis] + (w->kernel[axis] - 1) * w->dilation[axis] + 1 - w->in[axis];
    if (total < 0)
        total = 0;
    w->pad[axis] = upper ? total / 2 : total - total / 2;
    w->pad[axis + 2] = total - w->pad[axis];
}

/* Outputs along one axis; ceil_mode rounds up, but a window must begin before the padding at the end. */
static int64_t outputs_along(const sl_window *w, int axis, bool ceil_mode)
{
    int64_t room = w->in[axis] + w->pad[axis] + w->pad[axis + 2] - (w->kernel[axis] - 1) * w->dilation[axis] - 1;
    if (room < 0)
        return 0;
    int64_t out = (room + (ceil_mode ? w->stride[axis] - 1 : 0)) / w->stride[axis] + 1;
    if (ceil_mode && (out - 1) * w->stride[axis] >= w->in[axis] + w->pad[axis])
        out--;
    return out;
}

sl_status sl_window_of(const sl_call *c, const sl_shape *x, const int64_t kernel[2], sl_window *w, sl_error *err)
{
    const sl_attr *a = &c->node->attr;
    enum { MOST = 1 << 24 }; /* keeps all products far from overflow */
    if (x->rank != 4)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "input of %d axes, only [N, C, H, W] is supported",
                             x->rank);
    for (int i = 0; i < 2; i++) {
        w->in[i] = x->dim[2 + i];
        w->kernel[i] = kernel[i];
        w->stride[i] = a->stride[i] ? a->stride[i] : 1;
        w->dilation[i] = a->dilation[i] ? a->dilation[i] : 1;
        w->pad[i] = a->pad[i];
        w->pad[i + 2] = a->pad[i + 2];
        if (w->in[i] < 1 || kernel[i] < 1 || kernel[i] > MOST || w->stride[i] < 1 || w->dilation[i] < 1 ||
            w->dilation[i] > MOST || w->pad[i] < 0 || w->pad[i + 2] < 0 || w->pad[i] > MOST ||
            w->pad[i + 2] > MOST)
            return sl_layer_fail(
                c, err, SL_ERR_FORMAT,
                "size %lld, kernel %lld, stride %lld, dilation %lld, pads %lld and %lld do not fit",
                (long long)w->in[i], (long long)kernel[i], (long long)w->stride[i], (long long)w->dilation[i],
                (long long)w->pad[i], (long long)w->pad[i + 2]);
        if (a->auto_pad == SL_PAD_VALID)
            w->pad[i] = w->pad[i + 2] = 0;
        else if (a->auto_pad != SL_PAD_EXPLICIT)
            pad_same(w, i, a->auto_pad == SL_PAD_SAME_UPPER);
        w->out[i] = outputs_along(w, i, a->ceil_mode);
        if (w->out[i] < 1)
            return sl_layer_fail(c, err, SL_ERR_FORMAT,
                                 "a kernel of %lld (dilation %lld) is larger than the %lld there are",
                                 (long long)kernel[i], (long long)w->dilation[i],
                                 (long long)(w->in[i] + w->pad[i] + w->pad[i + 2]));
    }
    return SL_OK;
}
