/* Pad: cells around a tensor, filled with a constant, the edge or a mirror. A negative pad crops. */
#include "net/layers/backward.h"

#include <stdlib.h>

static sl_status pads_of(const sl_call *c, int64_t pads[2 * SL_MAX_RANK], sl_error *err)
{
    int count, rank = c->in[0]->shape.rank;
    SL_TRY(sl_layer_ints(c, 1, pads, 2 * SL_MAX_RANK, &count, err));
    if (count != 2 * rank)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "%d pads for %d axes", count, rank);
    return SL_OK;
}

sl_status sl_pad_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    sl_fn fn = c->node->attr.fn;
    int64_t pads[2 * SL_MAX_RANK];
    if (fn != SL_FN_CONSTANT && fn != SL_FN_EDGE && fn != SL_FN_REFLECT)
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "only constant, edge and reflect padding are supported");
    SL_TRY(pads_of(c, pads, err));
    c->out[0].type = c->in[0]->type;
    c->out[0].shape.rank = x->rank;
    for (int i = 0; i < x->rank; i++) {
        int64_t before = pads[i], after = pads[i + x->rank];
        bool fits = before >= -SL_MAX_ELEMENTS && before <= SL_MAX_ELEMENTS && after >= -SL_MAX_ELEMENTS &&
                    after <= SL_MAX_ELEMENTS && x->dim[i] + before + after >= 0;
        if (fits && fn == SL_FN_REFLECT)
            fits = before < x->dim[i] && after < x->dim[i];
        if (fits && fn == SL_FN_EDGE)
            fits = x->dim[i] > 0;
        if (!fits)
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "pads %lld and %lld do not fit the %lld along axis %d",
                                 (long long)before, (long long)after, (long long)x->dim[i], i);
        c->out[0].shape.dim[i] = x->dim[i] + before + after;
    }
    return SL_OK;
}

/* Where index `i` of the padded axis reads, or -1 for the constant. */
static int64_t source(sl_fn fn, int64_t i, int64_t size)
{
    if (i >= 0 && i < size)
        return i;
    if (fn == SL_FN_EDGE)
        return i < 0 ? 0 : size - 1;
    if (fn == SL_FN_REFLECT)
        return i < 0 ? -i : 2 * (size - 1) - i;
    return -1;
}

sl_status sl_pad_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape, *y = &c->out[0].shape;
    int64_t pads[2 * SL_MAX_RANK];
    SL_TRY(pads_of(c, pads, err));
    size_t size = sl_type_size(c->out[0].type);
    sl_walk w;
    sl_walk_start(&w, y);
    for (int64_t i = 0, n = sl_shape_elements(y); i < n; i++, sl_walk_next(&w)) {
        int64_t at = 0;
        for (int k = 0; k < x->rank && at >= 0; k++) {
            int64_t from = source(c->node->attr.fn, w.at[k] - pads[k], x->dim[k]);
            at = from < 0 ? -1 : at * x->dim[k] + from;
        }
        if (at >= 0)
            sl_copy_element(c->out[0].data, i, c->in[0]->data, at, size);
        else if (size == 8)
            ((int64_t *)c->out[0].data)[i] = (int64_t)c->node->attr.a;
        else
            ((float *)c->out[0].data)[i] = c->node->attr.a;
    }
    return SL_OK;
}

/* ---- gradient ---- */

/* Along one axis, edge or mirror: every cell adds to the one that it was read from. */
static sl_tensor unpad_axis(sl_backward *b, sl_tensor grad, int axis, int64_t before, int64_t size)
{
    sl_shape shape = sl_back_shape(b, grad);
    int64_t count = shape.dim[axis];
    int64_t *index = malloc((size_t)count * sizeof *index + 1);
    if (!index) {
        sl_back_fail(b, SL_ERR_MEMORY, "no memory");
        return -1;
    }
    for (int64_t i = 0; i < count; i++)
        index[i] = source(b->node.attr.fn, i - before, size);
    sl_tensor indices = sl_back_ints(b, index, (int)count);
    free(index);
    shape.dim[axis] = size;
    return sl_back_ungather(b, grad, indices, axis, &shape);
}

void sl_pad_gradient(sl_backward *b)
{
    const sl_shape x = sl_back_in_shape(b, 0);
    const int64_t *pads = b->g->tensors[b->node.inputs[1]].data;
    sl_tensor grad = sl_back_grad(b, 0);
    int64_t back[2 * SL_MAX_RANK];
    if (b->node.attr.fn == SL_FN_CONSTANT) {
        for (int i = 0; i < 2 * x.rank; i++)
            back[i] = -pads[i];
        grad = sl_back_node(b, SL_OP_PAD, &(sl_attr){.fn = SL_FN_CONSTANT},
                            SL_BACK_INPUTS(grad, sl_back_ints(b, back, 2 * x.rank)));
    }
    for (int i = 0; i < x.rank && b->node.attr.fn != SL_FN_CONSTANT && b->status == SL_OK; i++)
        if (pads[i] || pads[i + x.rank])
            grad = unpad_axis(b, grad, i, pads[i], x.dim[i]);
    sl_back_give(b, 0, grad);
}
