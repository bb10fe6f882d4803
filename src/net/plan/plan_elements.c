/* Element-wise nodes that no convolution took in: in place where nobody reads the input afterwards, in
 * whatever layout the input has. */
#include <stdlib.h>
#include <string.h>

#include "net/kernels/loops.h"
#include "net/kernels/row_sums.h"
#include "net/plan/plan_layout.h"

/* ---- functions of one tensor: unary, PReLU, batch norm ---- */

typedef struct {
    const sl_loops *loops;
    sl_op op;
    sl_attr attr;
    int64_t planes, blocks, inner, width; /* x, y [planes, inner, width], plane = batch * blocks + block */
    float *slope, *shift;                 /* [blocks * width]: PReLU's slope, or scale and shift; the plan's */
    int n_params;                         /* what they are made of, anew in every run where it may change */
    bool changing;
    const float *params[4];
    int64_t channels, n_slopes;
    const float *x;
    float *y;
} map_state;

static void map_planes(const void *context, int64_t from, int64_t to)
{
    const map_state *s = context;
    for (int64_t p = from; p < to; p++) {
        int64_t at = p * s->inner * s->width, c = p % s->blocks * s->width;
        const float *x = s->x + at;
        float *y = s->y + at;
        if (s->op == SL_OP_BATCHNORM && s->width == 1)
            s->loops->affine(x, s->slope[c], s->shift[c], y, s->inner);
        else if (s->op == SL_OP_BATCHNORM)
            s->loops->affine_rows(x, s->slope + c, s->shift + c, y, s->inner, s->width);
        else if (s->width == 1)
            s->loops->unary(&(sl_attr){.fn = SL_FN_LEAKY_RELU, .a = s->slope[c]}, x, y, s->inner);
        else
            s->loops->prelu_rows(x, s->slope + c, y, s->inner, s->width);
    }
}

/* Channels-last: the one block's pixels are what is cut. */
static void map_pixels(const void *context, int64_t from, int64_t to)
{
    map_state s = *(const map_state *)context;
    s.x += from * s.width;
    s.y += from * s.width;
    s.inner = to - from;
    map_planes(&s, 0, 1);
}

static void map_flat(const void *context, int64_t from, int64_t to)
{
    const map_state *s = context;
    if (s->attr.fn == SL_FN_GELU)
        sl_row_loops_active()->gelu(s->x + from, s->y + from, to - from);
    else if (sl_has_unary_loop(s->attr.fn))
        s->loops->unary(&s->attr, s->x + from, s->y + from, to - from);
    else
        for (int64_t i = from; i < to; i++)
            s->y[i] = sl_unary_value(&s->attr, s->x[i]);
}

static void bind_map(sl_step *step)
{
    map_state *s = step->state;
    s->x = step->data[0];
    s->y = step->data[1];
    for (int i = 0; s->changing && i < s->n_params; i++)
        s->params[i] = step->data[2 + i];
}

/* PReLU's slope or batch norm's scale and shift, one per channel. */
static void channel_numbers(const map_state *s)
{
    const sl_node n = {.attr = s->attr};
    sl_value values[5];
    const sl_value *in[5];
    for (int i = 0; i < s->n_params; i++) {
        values[i + 1].data = (void *)s->params[i];
        in[i + 1] = &values[i + 1];
    }
    for (int64_t c = 0; c < s->channels; c++) {
        double scale, shift = 0;
        if (s->op == SL_OP_PRELU)
            scale = s->params[0][s->n_slopes == 1 ? 0 : c];
        else
            sl_batchnorm_affine(&(sl_call){&n, in, NULL}, c, &scale, &shift);
        s->slope[c] = (float)scale;
        s->shift[c] = (float)shift;
    }
}

static sl_status run_map(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const map_state *s = step->state;
    int64_t work = s->planes * s->inner * s->width;
    (void)stream, (void)err;
    if (s->changing)
        channel_numbers(s);
    if (s->op == SL_OP_UNARY)
        sl_run_pieces(work, work, map_flat, s);
    else if (s->blocks == 1 && s->width > 1)
        sl_run_pieces(s->planes * s->inner, work, map_pixels, s);
    else
        sl_run_pieces(s->planes, work, map_planes, s);
    return SL_OK;
}

static bool can_map(const sl_build *b, const sl_node *n)
{
    const sl_shape *x = &b->g->tensors[n->inputs[0]].shape;
    if (n->op == SL_OP_UNARY)
        return b->g->tensors[n->inputs[0]].type == SL_TYPE_F32 && n->attr.fn != SL_FN_IDENTITY; /* that is a view */
    if (n->op == SL_OP_BATCHNORM)
        return n->attr.stats != SL_STATS_BATCH; /* the batch's are told by plan_batchnorm.c */
    if (n->op != SL_OP_PRELU || x->rank < 2)
        return false;
    const sl_shape *slope = &b->g->tensors[n->inputs[1]].shape;
    int64_t stride[SL_MAX_RANK], count = sl_shape_elements(slope);
    sl_prelu_strides(slope, x, stride);
    return count == 1 || (count == x->dim[1] && stride[1] == 1);
}

/* Room for the numbers per channel, zeros behind them; constants are worked out here and now. buffers: of those that
 * are none. */
static sl_status map_params(sl_build *b, const sl_node *n, const sl_layout *l, map_state *s, int *buffers,
                            sl_error *err)
{
    size_t bytes = (size_t)(l->blocks * l->width) * sizeof(float);
    s->n_params = n->n_inputs - 1;
    s->channels = l->channels;
    s->n_slopes = sl_shape_elements(&b->g->tensors[n->inputs[1]].shape);
    s->slope = sl_plan_memory(b, bytes);
    s->shift = sl_plan_memory(b, bytes);
    if (!s->slope || !s->shift)
        return sl_build_no_memory(err);
    memset(s->slope, 0, bytes);
    memset(s->shift, 0, bytes);
    for (int i = 0; i < s->n_params; i++) {
        s->params[i] = b->g->tensors[n->inputs[i + 1]].data;
        s->changing |= !s->params[i];
    }
    for (int i = 0; s->changing && i < s->n_params; i++)
        SL_TRY(sl_want_dense(b, n->inputs[i + 1], &buffers[i], err));
    if (!s->changing)
        channel_numbers(s);
    return SL_OK;
}

static sl_status compile_map(sl_build *b, const sl_node *n, sl_error *err)
{
    sl_layout l = sl_layout_of(b, n->inputs[0]);
    if (l.padded && n->op == SL_OP_UNARY && sl_unary_value(&n->attr, 0) != 0)
        l = (sl_layout){
            .batch = l.batch, .blocks = l.channels, .inner = l.inner, .width = 1, .channels = l.channels};
    map_state *s = malloc(sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    *s = (map_state){.loops = sl_loops_active(),
                     .op = n->op,
                     .attr = n->attr,
                     .planes = l.batch * l.blocks,
                     .blocks = l.blocks,
                     .inner = l.inner,
                     .width = l.width};
    int buffers[6];
    sl_status status = SL_OK;
    if (n->op != SL_OP_UNARY)
        status = map_params(b, n, &l, s, buffers + 2, err);
    if (status == SL_OK)
        status = sl_layout_want(b, n->inputs[0], &l, &buffers[0], err);
    if (status == SL_OK)
        status =
            sl_layout_make(b, n->outputs[0], &l, sl_last_read(b, buffers[0]) ? buffers[0] : -1, &buffers[1], err);
    if (status != SL_OK) {
        free(s);
        return status;
    }
    return sl_add_step(b, run_map, bind_map, free, s, buffers, 2 + (s->changing ? s->n_params : 0), err);
}

/* ---- GELU between two layers in bf16 ---- */

typedef struct {
    int64_t count;
    const uint16_t *x;
    uint16_t *y;
} gelu_state;

static void bind_gelu(sl_step *step)
{
    gelu_state *s = step->state;
    s->x = step->data[0];
    s->y = step->data[1];
}

static void map_gelu(const void *context, int64_t from, int64_t to)
{
    const gelu_state *s = context;
    sl_row_loops_active()->gelu_bf16(s->x + from, s->y + from, to - from);
}

static sl_status run_gelu(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const gelu_state *s = step->state;
    (void)stream, (void)err;
    sl_run_pieces(s->count, s->count, map_gelu, s);
    return SL_OK;
}

static sl_status add_gelu(sl_build *b, const sl_node *n, const sl_md *md, sl_error *err)
{
    int buffers[2] = {b->places[n->inputs[0]].narrow, 0};
    gelu_state *s = malloc(sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    *s = (gelu_state){.count = sl_shape_elements(&b->g->tensors[n->outputs[0]].shape)};
    sl_status status = SL_OK;
    if (sl_last_read(b, buffers[0]))
        status = sl_bind_md(b, n->outputs[0], md, buffers[1] = buffers[0], err);
    else
        status = sl_make_md(b, n->outputs[0], md, &buffers[1], err);
    if (status != SL_OK) {
        free(s);
        return status;
    }
    return sl_add_step(b, run_gelu, bind_gelu, free, s, buffers, 2, err);
}

static sl_status compile_gelu(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    const sl_place *x = &b->places[n->inputs[0]];
    sl_md md;
    if (x->narrow < 0 || sl_md_type(&x->narrow_md) != dnnl_bf16)
        return SL_OK;
    *done = true;
    if (!sl_md_dense_as(&b->g->tensors[n->outputs[0]].shape, dnnl_bf16, &md))
        return sl_build_no_memory(err);
    sl_status status = add_gelu(b, n, &md, err);
    sl_md_free(&md);
    return status;
}

/* ---- functions of two tensors ---- */

typedef struct {
    const sl_loops *loops;
    sl_fn fn;
    sl_walk rows;           /* over all axes but the last; offsets of both inputs */
    int64_t n_rows, length; /* the last axis, merged with those before it where both inputs allow */
    int64_t step[2];        /* along the last axis: 0 or 1 */
    const float *x[2];
    float *y;
} pair_state;

static void pair_flat(const void *context, int64_t from, int64_t to)
{
    const pair_state *s = context;
    s->loops->binary(s->fn, s->x[0] + from * s->step[0], s->step[0], s->x[1] + from * s->step[1], s->step[1],
                     s->y + from, to - from);
}

static void pair_rows(const void *context, int64_t from, int64_t to)
{
    const pair_state *s = context;
    sl_walk w = s->rows;
    sl_walk_to(&w, from);
    for (int64_t r = from; r < to; r++, sl_walk_next(&w))
        s->loops->binary(s->fn, s->x[0] + w.offset[0], s->step[0], s->x[1] + w.offset[1], s->step[1],
                         s->y + r * s->length, s->length);
}

static void bind_pair(sl_step *step)
{
    pair_state *s = step->state;
    s->x[0] = step->data[0];
    s->x[1] = step->data[1];
    s->y = step->data[2];
}

static sl_status run_pair(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const pair_state *s = step->state;
    (void)stream, (void)err;
    if (s->n_rows == 1)
        sl_run_pieces(s->length, s->length, pair_flat, s);
    else
        sl_run_pieces(s->n_rows, s->n_rows * s->length, pair_rows, s);
    return SL_OK;
}

/* Merges the last two axes while each input either runs through both or repeats over both. */
static void merge_axes(pair_state *s, const sl_shape *a, const sl_shape *b, const sl_shape *y)
{
    sl_walk *w = &s->rows;
    sl_walk_start(w, y);
    w->n = 2;
    sl_broadcast_strides(a, y, w->stride[0]);
    sl_broadcast_strides(b, y, w->stride[1]);
    s->length = 1;
    s->step[0] = s->step[1] = 0;
    for (; w->shape.rank > 0; w->shape.rank--) {
        int last = w->shape.rank - 1;
        bool fits = true;
        for (int k = 0; k < 2 && y->dim[last] != 1 && s->length != 1; k++)
            fits &= w->stride[k][last] == s->step[k] * s->length;
        if (!fits)
            break;
        for (int k = 0; k < 2 && y->dim[last] != 1 && s->length == 1; k++)
            s->step[k] = w->stride[k][last];
        s->length *= y->dim[last];
    }
    s->n_rows = sl_shape_elements(&w->shape);
}

static bool same_shapes(const sl_build *b, const sl_node *n)
{
    return sl_shape_equal(&b->g->tensors[n->inputs[0]].shape, &b->g->tensors[n->inputs[1]].shape);
}

/* The input of the output's shape when the other is one number: then any layout will do. Else -1. */
static int beside_scalar(const sl_build *b, const sl_node *n)
{
    for (int i = 0; i < 2; i++)
        if (sl_shape_elements(&b->g->tensors[n->inputs[1 - i]].shape) == 1 &&
            sl_shape_equal(&b->g->tensors[n->inputs[i]].shape, &b->g->tensors[n->outputs[0]].shape))
            return i;
    return -1;
}

static sl_status pair_buffers(sl_build *b, const sl_node *n, pair_state *s, int buffers[3], sl_error *err)
{
    sl_layout l = {.width = 1};
    int lead = same_shapes(b, n) ? (b->places[n->inputs[0]].other >= 0 ? 0 : 1) : beside_scalar(b, n);
    if (lead >= 0)
        l = sl_layout_of(b, n->inputs[lead]);
    if (l.padded)
        lead = -1;
    if (lead < 0 || !l.md) {
        l = (sl_layout){.width = 1};
        merge_axes(s, &b->g->tensors[n->inputs[0]].shape, &b->g->tensors[n->inputs[1]].shape,
                   &b->g->tensors[n->outputs[0]].shape);
    } else {
        s->n_rows = 1;
        s->length = sl_layout_elements(&l);
        s->step[0] = s->step[1] = 1;
        if (!same_shapes(b, n))
            s->step[1 - lead] = 0;
    }
    sl_md md;
    bool has_md = l.md; /* a reorder of the other input may move the place that l.md is in */
    if (has_md && !sl_md_copy(l.md, &md))
        return sl_build_no_memory(err);
    if (has_md)
        l.md = &md;
    const sl_layout dense = {.width = 1};
    sl_status status = SL_OK;
    int in_place = -1;
    for (int i = 0; i < 2 && status == SL_OK; i++)
        status = sl_layout_want(b, n->inputs[i], s->step[i] || !has_md ? &l : &dense, &buffers[i], err);
    for (int i = 0; i < 2 && status == SL_OK; i++)
        if (in_place < 0 && sl_last_read(b, buffers[i]) &&
            sl_shape_equal(&b->g->tensors[n->inputs[i]].shape, &b->g->tensors[n->outputs[0]].shape))
            in_place = buffers[i];
    if (status == SL_OK)
        status = sl_layout_make(b, n->outputs[0], &l, in_place, &buffers[2], err);
    if (has_md)
        sl_md_free(&md);
    return status;
}

static sl_status compile_pair(sl_build *b, const sl_node *n, sl_error *err)
{
    int buffers[3];
    pair_state *s = calloc(1, sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    s->loops = sl_loops_active();
    s->fn = n->attr.fn;
    sl_status status = pair_buffers(b, n, s, buffers, err);
    if (status != SL_OK) {
        free(s);
        return status;
    }
    return sl_add_step(b, run_pair, bind_pair, free, s, buffers, 3, err);
}

sl_status sl_compile_elements(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if (sl_is_narrow_gelu(b, n))
        SL_TRY(compile_gelu(b, n, done, err));
    if (*done)
        return SL_OK;
    bool pair = n->op == SL_OP_BINARY && n->attr.fn != SL_FN_POW;
    bool map = (n->op == SL_OP_UNARY || n->op == SL_OP_PRELU || n->op == SL_OP_BATCHNORM) && can_map(b, n);
    if (pair || map)
        *done = true;
    return pair ? compile_pair(b, n, err) : map ? compile_map(b, n, err) : SL_OK;
}
