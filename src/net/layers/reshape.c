/* The same numbers under another shape: Reshape, Flatten, Squeeze, Unsqueeze. */
#include "net/layers/backward.h"

#include <string.h>

static sl_status copy_data(const sl_call *c)
{
    size_t bytes = (size_t)sl_shape_elements(&c->out[0].shape) * sl_type_size(c->out[0].type);
    if (c->out[0].data != c->in[0]->data)
        memcpy(c->out[0].data, c->in[0]->data, bytes);
    return SL_OK;
}

static sl_status same_count(const sl_call *c, const sl_shape *shape, sl_error *err)
{
    if (sl_shape_elements(shape) != sl_shape_elements(&c->in[0]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "%lld elements do not fill the shape asked for",
                             (long long)sl_shape_elements(&c->in[0]->shape));
    c->out[0].type = c->in[0]->type;
    c->out[0].shape = *shape;
    return SL_OK;
}

sl_status sl_reshape_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    sl_shape s = {0};
    int inferred = -1;
    SL_TRY(sl_layer_ints(c, 1, s.dim, SL_MAX_RANK, &s.rank, err));
    for (int i = 0; i < s.rank; i++) {
        if (s.dim[i] == 0 && !c->node->attr.allow_zero) {
            if (i >= x->rank)
                return sl_layer_fail(c, err, SL_ERR_FORMAT, "there is no axis %d to copy", i);
            s.dim[i] = x->dim[i];
        } else if (s.dim[i] == -1 && inferred < 0) {
            inferred = i;
            s.dim[i] = 1;
        } else if (s.dim[i] < 0) {
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "axis %d is asked to be %lld", i, (long long)s.dim[i]);
        }
    }
    if (inferred >= 0) {
        int64_t rest = sl_shape_elements(&s), all = sl_shape_elements(x);
        if (rest < 1 || all % rest)
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "%lld elements cannot be cut into pieces of %lld",
                                 (long long)all, (long long)rest);
        s.dim[inferred] = all / rest;
    }
    return same_count(c, &s, err);
}

sl_status sl_reshape_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    return copy_data(c);
}

sl_status sl_flatten_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    int64_t axis = c->node->attr.axis;
    if (axis < -x->rank || axis > x->rank)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "axis %lld of a tensor of %d axes", (long long)axis, x->rank);
    int at = (int)(axis < 0 ? axis + x->rank : axis);
    sl_shape s = {2, {sl_shape_span(x, 0, at), sl_shape_span(x, at, x->rank)}};
    return same_count(c, &s, err);
}

sl_status sl_flatten_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    return copy_data(c);
}

/* Axes named by input 1 as a mask over `rank` axes. */
static sl_status named_axes(const sl_call *c, int rank, unsigned *mask, sl_error *err)
{
    int64_t axes[SL_MAX_RANK];
    int count, axis;
    SL_TRY(sl_layer_ints(c, 1, axes, SL_MAX_RANK, &count, err));
    *mask = 0;
    for (int i = 0; i < count; i++) {
        SL_TRY(sl_layer_axis(c, axes[i], rank, &axis, err));
        if (*mask >> axis & 1)
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "axis %d is named twice", axis);
        *mask |= 1u << axis;
    }
    return SL_OK;
}

sl_status sl_squeeze_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    unsigned mask = 0;
    if (sl_layer_in(c, 1))
        SL_TRY(named_axes(c, x->rank, &mask, err));
    else
        for (int i = 0; i < x->rank && i < SL_MAX_RANK; i++)
            mask |= (unsigned)(x->dim[i] == 1) << i;
    sl_shape s = {0};
    for (int i = 0; i < x->rank; i++) {
        if (!(mask >> i & 1))
            s.dim[s.rank++] = x->dim[i];
        else if (x->dim[i] != 1)
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "axis %d has %lld elements, not one", i,
                                 (long long)x->dim[i]);
    }
    return same_count(c, &s, err);
}

sl_status sl_squeeze_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    return copy_data(c);
}

sl_status sl_unsqueeze_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    int64_t count = sl_shape_elements(&c->in[1]->shape);
    unsigned mask;
    if (count < 0 || x->rank + count > SL_MAX_RANK)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "more than %d axes", SL_MAX_RANK);
    sl_shape s = {.rank = x->rank + (int)count};
    SL_TRY(named_axes(c, s.rank, &mask, err));
    for (int i = 0, from = 0; i < s.rank; i++)
        s.dim[i] = mask >> i & 1 ? 1 : x->dim[from++];
    return same_count(c, &s, err);
}

sl_status sl_unsqueeze_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    return copy_data(c);
}

/* ---- gradient: the same numbers as they were ---- */

static void shape_back(sl_backward *b)
{
    const sl_shape shape = sl_back_in_shape(b, 0);
    sl_back_give(b, 0, sl_back_reshape(b, sl_back_grad(b, 0), &shape));
}

void sl_reshape_gradient(sl_backward *b) { shape_back(b); }
void sl_flatten_gradient(sl_backward *b) { shape_back(b); }
void sl_squeeze_gradient(sl_backward *b) { shape_back(b); }
void sl_unsqueeze_gradient(sl_backward *b) { shape_back(b); }
