/* Pad: cells around a tensor, filled with a constant, the edge or a mirror. A negative pad crops. */
#include "net/layers/layers.h"

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
