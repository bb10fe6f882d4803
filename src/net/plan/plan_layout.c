/* How a tensor [N, C, ...] lies in memory, as far as our own steps understand it. */
#include "net/plan/plan_layout.h"

#include <omp.h>

static bool has_layout(const sl_shape *shape, dnnl_format_tag_t tag, const sl_md *md)
{
    sl_md candidate;
    if (shape->rank != 4 || !sl_md_tag(shape, tag, &candidate))
        return false;
    bool equal = sl_md_equal(&candidate, md);
    sl_md_free(&candidate);
    return equal;
}

static int64_t layout_width(const sl_shape *shape, const sl_md *md)
{
    if (has_layout(shape, dnnl_nhwc, md))
        return shape->dim[1];
    if (has_layout(shape, dnnl_nChw16c, md))
        return 16;
    return has_layout(shape, dnnl_nChw8c, md) ? 8 : has_layout(shape, dnnl_nChw4c, md) ? 4 : 0;
}

sl_layout sl_layout_of(const sl_build *b, sl_tensor t)
{
    const sl_shape *shape = &b->g->tensors[t].shape;
    const sl_place *place = &b->places[t];
    sl_layout l = {.width = 1, .buffer = place->dense};
    int64_t width = place->other >= 0 ? layout_width(shape, &place->md) : 0;
    if (width) {
        l.md = &place->md;
        l.width = width;
        l.buffer = place->other;
    }
    if (shape->rank < 2) {
        l.blocks = l.channels = l.batch = 1;
        l.inner = sl_shape_elements(shape);
        return l;
    }
    l.batch = shape->dim[0];
    l.channels = shape->dim[1];
    l.blocks = (l.channels + l.width - 1) / l.width;
    l.inner = sl_shape_span(shape, 2, shape->rank);
    l.padded = l.blocks * l.width != l.channels;
    return l;
}

sl_status sl_layout_want(sl_build *b, sl_tensor t, const sl_layout *like, int *buffer, sl_error *err)
{
    return like->md ? sl_want_md(b, t, like->md, buffer, err) : sl_want_dense(b, t, buffer, err);
}

sl_status sl_layout_make(sl_build *b, sl_tensor t, const sl_layout *like, int in_place, int *buffer, sl_error *err)
{
    if (in_place < 0)
        return like->md ? sl_make_md(b, t, like->md, buffer, err) : sl_make_dense(b, t, buffer, err);
    *buffer = in_place;
    if (like->md)
        return sl_bind_md(b, t, like->md, in_place, err);
    sl_bind_dense(b, t, in_place);
    return SL_OK;
}

int64_t sl_layout_elements(const sl_layout *l)
{
    return l->batch * l->blocks * l->width * l->inner;
}

void sl_run_pieces(int64_t count, int64_t work, sl_piece_fn fn, const void *context)
{
    enum { WORTH_A_THREAD = 1 << 14 };
    int64_t threads = omp_get_max_threads();
    if (threads > count)
        threads = count;
    if (threads > work / WORTH_A_THREAD)
        threads = work / WORTH_A_THREAD;
    if (threads <= 1) {
        fn(context, 0, count);
        return;
    }
#pragma omp parallel for num_threads((int)threads) schedule(static)
    for (int64_t i = 0; i < threads; i++)
        fn(context, count * i / threads, count * (i + 1) / threads);
}
