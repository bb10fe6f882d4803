/* Layer normalisation and its gradient, row by row. What scale and bias get is summed over groups of rows, and those
 * sums in order, so that threads change nothing. */
#include <stdlib.h>
#include <string.h>

#include "net/kernels/row_sums.h"
#include "net/plan/plan_layout.h"

enum { GROUP = 64 };

typedef struct {
    const sl_row_loops *loops;
    int64_t rows, count;
    float epsilon;
    const float *x, *scale, *other; /* other: bias, or going back gy */
    float *y, *gscale, *gbias, *sums; /* sums [groups, 2, count] */
} norm_state;

static void bind_forward(sl_step *step)
{
    norm_state *s = step->state;
    s->x = step->data[0];
    s->scale = step->data[1];
    s->other = step->data[2];
    s->y = step->data[3];
}

static void bind_back(sl_step *step)
{
    norm_state *s = step->state;
    bind_forward(step);
    s->gscale = step->data[4];
    s->gbias = step->data[5];
    s->sums = step->data[6];
}

static void norm_rows(const void *context, int64_t from, int64_t to)
{
    const norm_state *s = context;
    const int64_t at = from * s->count;
    s->loops->layernorm(s->x + at, s->scale, s->other, s->y + at, to - from, s->count, s->epsilon);
}

static sl_status run_forward(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const norm_state *s = step->state;
    (void)stream, (void)err;
    sl_run_pieces(s->rows, s->rows * s->count, norm_rows, s);
    return SL_OK;
}

static void back_groups(const void *context, int64_t from, int64_t to)
{
    const norm_state *s = context;
    for (int64_t g = from; g < to; g++) {
        float *gscale = s->sums + 2 * g * s->count, *gbias = gscale + s->count;
        int64_t end = (g + 1) * GROUP < s->rows ? (g + 1) * GROUP : s->rows;
        memset(gscale, 0, 2 * (size_t)s->count * sizeof *gscale);
        for (int64_t at = g * GROUP * s->count; at < end * s->count; at += s->count)
            s->loops->layernorm_back(s->x + at, s->scale, s->other + at, s->y + at, gscale, gbias, s->count,
                                     s->epsilon);
    }
}

static int64_t groups_of(const norm_state *s)
{
    return (s->rows + GROUP - 1) / GROUP;
}

static sl_status run_back(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const norm_state *s = step->state;
    (void)stream, (void)err;
    sl_run_pieces(groups_of(s), s->rows * s->count, back_groups, s);
    for (int64_t i = 0; i < s->count; i++) {
        double gscale = 0, gbias = 0;
        for (int64_t g = 0; g < groups_of(s); g++) {
            gscale += s->sums[2 * g * s->count + i];
            gbias += s->sums[(2 * g + 1) * s->count + i];
        }
        s->gscale[i] = (float)gscale;
        s->gbias[i] = (float)gbias;
    }
    return SL_OK;
}

static sl_status norm_buffers(sl_build *b, const sl_node *n, const norm_state *s, int buffers[7], sl_error *err)
{
    for (int i = 0; i < 3; i++)
        SL_TRY(sl_want_dense(b, n->inputs[i], &buffers[i], err));
    for (int i = 0; i < n->n_outputs; i++)
        SL_TRY(sl_make_dense(b, n->outputs[i], &buffers[3 + i], err));
    if (n->op == SL_OP_LAYERNORM)
        return SL_OK;
    buffers[6] = sl_new_buffer(b, (size_t)(2 * groups_of(s) * s->count) * sizeof(float));
    return buffers[6] < 0 ? sl_build_no_memory(err) : SL_OK;
}

sl_status sl_compile_layernorm(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    bool back = n->op == SL_OP_LAYERNORM_BACK;
    if (!back && n->op != SL_OP_LAYERNORM)
        return SL_OK;
    int buffers[7];
    norm_state *s = calloc(1, sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    s->loops = sl_row_loops_active();
    s->count = sl_shape_elements(&b->g->tensors[n->inputs[1]].shape);
    s->rows = sl_shape_elements(&b->g->tensors[n->inputs[0]].shape) / s->count;
    s->epsilon = n->attr.a;
    *done = true;
    sl_status status = norm_buffers(b, n, s, buffers, err);
    if (status == SL_OK)
        return sl_add_step(b, back ? run_back : run_forward, back ? bind_back : bind_forward, free, s, buffers,
                           back ? 7 : 4, err);
    free(s);
    return status;
}
