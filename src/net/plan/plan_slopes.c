/* Gradients of functions of one number, element by element: PReLU's, with that of its slopes, and the others'. */
#include <stdlib.h>
#include <string.h>

#include "net/kernels/loops.h"
#include "net/kernels/row_sums.h"
#include "net/plan/plan_layout.h"

/* ---- PReLU ---- */

enum { LANES = 16, ROWS = 256 }; /* a dense plane counts as rows of LANES; sums in float are of ROWS at most */

typedef struct {
    const sl_loops *loops;
    int64_t batch, blocks, inner, width, channels, n_slopes;
    float *padded, *part; /* [blocks * width]: the slopes, zeros behind; the sums of a few rows. The plan's */
    double *sums;         /* [blocks * width]: of all. The plan's */
    const float *x, *slope, *gy;
    float *gx, *gslope; /* gslope: NULL where it is not asked for */
} prelu_state;

static void bind_prelu(sl_step *step)
{
    prelu_state *s = step->state;
    s->x = step->data[0];
    s->slope = step->data[1];
    s->gy = step->data[2];
    s->gx = step->data[3];
    s->gslope = step->n_buffers > 4 ? step->data[4] : NULL;
}

/* Rows of the channels `slope` is of: gx, and what the slopes get added to sums. */
static void prelu_rows(const prelu_state *s, int64_t at, const float *slope, int64_t rows, int64_t width, float *part,
                       double *sums)
{
    for (int64_t r = 0; r < rows; r += ROWS, at += ROWS * width) {
        memset(part, 0, (size_t)width * sizeof *part);
        s->loops->prelu_back_rows(s->x + at, slope, s->gy + at, s->gx + at, part, rows - r < ROWS ? rows - r : ROWS,
                                  width);
        for (int64_t c = 0; c < width; c++)
            sums[c] += part[c];
    }
}

/* A plane of one channel. */
static void prelu_plane(const prelu_state *s, int64_t at, float slope, double *sum)
{
    float slopes[LANES], part[LANES];
    double sums[LANES] = {0};
    int64_t rows = s->inner / LANES;
    for (int i = 0; i < LANES; i++)
        slopes[i] = slope;
    prelu_rows(s, at, slopes, rows, LANES, part, sums);
    prelu_rows(s, at + rows * LANES, slopes, 1, s->inner - rows * LANES, part, sums);
    for (int i = 0; i < LANES; i++)
        *sum += sums[i];
}

/* Whole blocks of channels: each sum is made by one thread, image after image. */
static void prelu_blocks(const void *context, int64_t from, int64_t to)
{
    const prelu_state *s = context;
    for (int64_t k = from; k < to; k++) {
        double *sums = s->sums + k * s->width;
        memset(sums, 0, (size_t)s->width * sizeof *sums);
        for (int64_t n = 0; n < s->batch; n++) {
            int64_t at = (n * s->blocks + k) * s->inner * s->width, c = k * s->width;
            if (s->width == 1)
                prelu_plane(s, at, s->padded[k], sums);
            else
                prelu_rows(s, at, s->padded + c, s->inner, s->width, s->part + c, sums);
        }
    }
}

static sl_status run_prelu(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const prelu_state *s = step->state;
    (void)stream, (void)err;
    for (int64_t c = 0; c < s->channels; c++)
        s->padded[c] = s->slope[s->n_slopes == 1 ? 0 : c];
    sl_run_pieces(s->blocks, s->batch * s->blocks * s->inner * s->width, prelu_blocks, s);
    if (!s->gslope)
        return SL_OK;
    double sum = 0;
    for (int64_t c = 0; c < s->channels; c++) {
        sum += s->sums[c];
        if (s->n_slopes > 1)
            s->gslope[c] = (float)s->sums[c];
    }
    if (s->n_slopes == 1)
        s->gslope[0] = (float)sum;
    return SL_OK;
}

static sl_status start_prelu(sl_build *b, const sl_node *n, prelu_state *s, int buffers[5], sl_error *err)
{
    const sl_layout l = sl_layout_of(b, n->inputs[0]);
    sl_md md;
    s->batch = l.batch, s->blocks = l.blocks, s->inner = l.inner, s->width = l.width, s->channels = l.channels;
    size_t lanes = (size_t)(l.blocks * l.width);
    s->padded = sl_plan_memory(b, lanes * sizeof *s->padded);
    s->part = sl_plan_memory(b, lanes * sizeof *s->part);
    s->sums = sl_plan_memory(b, lanes * sizeof *s->sums);
    if (!s->padded || !s->part || !s->sums || (l.md && !sl_md_copy(l.md, &md)))
        return sl_build_no_memory(err);
    memset(s->padded, 0, lanes * sizeof *s->padded);
    sl_layout like = l; /* reorders of the others may move the place that l.md is in */
    like.md = l.md ? &md : NULL;
    sl_status status = sl_layout_want(b, n->inputs[0], &like, &buffers[0], err);
    if (status == SL_OK)
        status = sl_want_dense(b, n->inputs[1], &buffers[1], err);
    if (status == SL_OK)
        status = sl_layout_want(b, n->inputs[2], &like, &buffers[2], err);
    int in_place = status == SL_OK && sl_last_read(b, buffers[2]) ? buffers[2] : -1;
    if (status == SL_OK)
        status = sl_layout_make(b, n->outputs[0], &like, in_place, &buffers[3], err);
    if (status == SL_OK && n->n_outputs > 1)
        status = sl_make_dense(b, n->outputs[1], &buffers[4], err);
    if (like.md)
        sl_md_free(&md);
    return status;
}

static sl_status compile_prelu(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    const sl_shape *x = &b->g->tensors[n->inputs[0]].shape, *slope = &b->g->tensors[n->inputs[1]].shape;
    int64_t stride[SL_MAX_RANK], count = sl_shape_elements(slope);
    sl_prelu_strides(slope, x, stride);
    if (x->rank < 2 || (count != 1 && (count != x->dim[1] || stride[1] != 1)))
        return SL_OK;
    int buffers[5];
    prelu_state *s = calloc(1, sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    s->loops = sl_loops_active();
    s->n_slopes = count;
    *done = true;
    sl_status status = start_prelu(b, n, s, buffers, err);
    if (status == SL_OK)
        return sl_add_step(b, run_prelu, bind_prelu, free, s, buffers, 3 + n->n_outputs, err);
    free(s);
    return status;
}

/* ---- the others ---- */

typedef struct {
    const sl_loops *loops; /* NULL where they do not have it */
    sl_attr attr;
    int64_t count;
    const float *x, *gy;
    float *gx;
} slope_state;

static void bind_slope(sl_step *step)
{
    slope_state *s = step->state;
    s->x = step->data[0];
    s->gy = step->data[1];
    s->gx = step->data[2];
}

static void slope_flat(const void *context, int64_t from, int64_t to)
{
    const slope_state *s = context;
    if (s->loops) {
        s->loops->unary_back(&s->attr, s->x + from, s->gy + from, s->gx + from, to - from);
        return;
    }
    if (s->attr.fn == SL_FN_GELU) {
        sl_row_loops_active()->gelu_back(s->x + from, s->gy + from, s->gx + from, to - from);
        return;
    }
    for (int64_t i = from; i < to; i++)
        s->gx[i] = sl_unary_slope(&s->attr, s->x[i]) * s->gy[i];
}

static sl_status run_slope(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const slope_state *s = step->state;
    (void)stream, (void)err;
    sl_run_pieces(s->count, s->count, slope_flat, s);
    return SL_OK;
}

/* In the layout of the gradient, which a convolution has chosen. Zeros that pad it stay zeros: the slopes of what the
 * loops have are finite. */
static sl_status start_slope(sl_build *b, const sl_node *n, slope_state *s, int buffers[3], sl_error *err)
{
    sl_layout l = sl_layout_of(b, n->inputs[1]);
    sl_md md;
    if (!s->loops)
        l.md = NULL;
    if (l.md && !sl_md_copy(l.md, &md))
        return sl_build_no_memory(err);
    s->count = l.md ? sl_layout_elements(&l) : sl_shape_elements(&b->g->tensors[n->inputs[0]].shape);
    if (l.md)
        l.md = &md;
    sl_status status = SL_OK;
    for (int i = 0; i < 2 && status == SL_OK; i++)
        status = sl_layout_want(b, n->inputs[i], &l, &buffers[i], err);
    int in_place = status == SL_OK && sl_last_read(b, buffers[1]) ? buffers[1] : -1;
    if (status == SL_OK)
        status = sl_layout_make(b, n->outputs[0], &l, in_place, &buffers[2], err);
    if (l.md)
        sl_md_free(&md);
    return status;
}

sl_status sl_compile_slopes(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if (n->op == SL_OP_PRELU_BACK)
        return compile_prelu(b, n, done, err);
    if (n->op != SL_OP_UNARY_BACK)
        return SL_OK;
    int buffers[3];
    slope_state *s = calloc(1, sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    s->loops = sl_has_slope_loop(n->attr.fn) ? sl_loops_active() : NULL;
    s->attr = n->attr;
    *done = true;
    sl_status status = start_slope(b, n, s, buffers, err);
    if (status == SL_OK)
        return sl_add_step(b, run_slope, bind_slope, free, s, buffers, 3, err);
    free(s);
    return status;
}
