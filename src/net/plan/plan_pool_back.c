/* Pooling backwards, in the layout that the output's gradient, or for a maximum the input, has. */
#include <stdlib.h>
#include <string.h>

#include "net/kernels/row_sums.h"
#include "net/plan/plan_layout.h"

enum { LARGEST_WINDOW = 64 };

typedef struct {
    const sl_row_loops *loops;
    sl_row_window w;
    int64_t planes;
    const float *gy, *x;
    float *gx;
} pool_state;

static void bind_pool(sl_step *step)
{
    pool_state *s = step->state;
    s->gy = step->data[0];
    s->x = s->w.max ? step->data[1] : NULL;
    s->gx = step->data[step->n_buffers - 1];
}

static void pool_planes(const void *context, int64_t from, int64_t to)
{
    const pool_state *s = context;
    const int64_t in = s->w.in[0] * s->w.in[1] * s->w.width, out = s->w.out[0] * s->w.out[1] * s->w.width;
    for (int64_t p = from; p < to; p++) {
        memset(s->gx + p * in, 0, (size_t)in * sizeof *s->gx);
        s->loops->pool_back(&s->w, s->x ? s->x + p * in : NULL, s->gy + p * out, s->gx + p * in);
    }
}

static sl_status run_pool(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const pool_state *s = step->state;
    (void)stream, (void)err;
    sl_run_pieces(s->planes, s->planes * s->w.in[0] * s->w.in[1] * s->w.width, pool_planes, s);
    return SL_OK;
}

/* That layout for a tensor of another height and width. */
static bool same_layout(const sl_layout *l, const sl_shape *shape, sl_md *md)
{
    if (!l->md)
        return sl_md_dense(shape, md);
    const dnnl_format_tag_t tag = l->blocks == 1 && l->width == l->channels ? dnnl_nhwc
                                  : l->width == 16                          ? dnnl_nChw16c
                                  : l->width == 8                           ? dnnl_nChw8c
                                                                            : dnnl_nChw4c;
    return sl_md_tag(shape, tag, md);
}

static sl_status pool_buffers(sl_build *b, const sl_node *n, const sl_layout *l, int buffers[3], int *count,
                              sl_error *err)
{
    const bool max = n->attr.fn == SL_FN_MAX;
    sl_md small = {0}, large = {0};
    *count = 2 + max;
    sl_status status = same_layout(l, &b->g->tensors[n->inputs[0]].shape, &small) &&
                               same_layout(l, &b->g->tensors[n->outputs[0]].shape, &large)
                           ? SL_OK
                           : sl_build_no_memory(err);
    if (status == SL_OK)
        status = sl_want_md(b, n->inputs[0], &small, &buffers[0], err);
    if (status == SL_OK && max)
        status = sl_want_md(b, n->inputs[2], &large, &buffers[1], err);
    if (status == SL_OK)
        status = sl_make_md(b, n->outputs[0], &large, &buffers[1 + max], err);
    sl_md_free(&small);
    sl_md_free(&large);
    return status;
}

sl_status sl_compile_pool_back(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if (n->op != SL_OP_POOL_BACK)
        return SL_OK;
    const bool max = n->attr.fn == SL_FN_MAX;
    const int64_t kernel[2] = {n->attr.kernel[0], n->attr.kernel[1]};
    sl_window w;
    int buffers[3], count;
    SL_TRY(sl_window_of(&(sl_call){n, NULL, NULL}, &b->g->tensors[n->outputs[0]].shape, kernel, &w, err));
    if (kernel[0] * kernel[1] > LARGEST_WINDOW)
        return SL_OK;
    const sl_layout l = sl_layout_of(b, n->inputs[max ? 2 : 0]);
    pool_state *s = malloc(sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    *s = (pool_state){.loops = sl_row_loops_active(), .planes = l.batch * l.blocks};
    s->w = (sl_row_window){.width = l.width, .max = max, .count_pad = n->attr.count_include_pad};
    memcpy(s->w.in, w.in, sizeof w.in);
    memcpy(s->w.out, w.out, sizeof w.out);
    memcpy(s->w.kernel, w.kernel, sizeof w.kernel);
    memcpy(s->w.stride, w.stride, sizeof w.stride);
    memcpy(s->w.dilation, w.dilation, sizeof w.dilation);
    memcpy(s->w.pad, w.pad, sizeof w.pad);
    sl_status status = pool_buffers(b, n, &l, buffers, &count, err);
    if (status != SL_OK) {
        free(s);
        return status;
    }
    *done = true;
    return sl_add_step(b, run_pool, bind_pool, free, s, buffers, count, err);
}
