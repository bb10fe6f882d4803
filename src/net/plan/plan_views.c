/* Nodes whose output is another view of the input, written out: transposed, repeated along axes, part of it. A
 * row of the output reads the input from some place on in even steps. */
#include <stdlib.h>
#include <string.h>

#include "net/plan/plan_layout.h"

typedef struct {
    sl_shape rows;                /* the output's axes but those of a row */
    int64_t stride[SL_MAX_RANK];  /* of x along them */
    int64_t length, step, offset; /* of a row */
    const float *x;
    float *y;
} view_state;

static void bind_view(sl_step *step)
{
    view_state *s = step->state;
    s->x = step->data[0];
    s->y = step->data[1];
}

static void copy_rows(const void *context, int64_t from, int64_t to)
{
    const view_state *s = context;
    for (int64_t r = from; r < to; r++) {
        int64_t at = s->offset, rest = r;
        for (int i = s->rows.rank - 1; i >= 0; rest /= s->rows.dim[i--])
            at += rest % s->rows.dim[i] * s->stride[i];
        const float *x = s->x + at;
        float *y = s->y + r * s->length;
        if (s->step == 1)
            memcpy(y, x, (size_t)s->length * sizeof *y);
        else
            for (int64_t i = 0; i < s->length; i++)
                y[i] = x[i * s->step];
    }
}

static sl_status run_view(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const view_state *s = step->state;
    const int64_t rows = sl_shape_elements(&s->rows);
    (void)stream, (void)err;
    sl_run_pieces(rows, rows * s->length, copy_rows, s);
    return SL_OK;
}

/* The last axes that x runs through evenly become the row. */
static void merge_row(view_state *s)
{
    s->length = s->step = 1;
    for (; s->rows.rank > 0; s->rows.rank--) {
        int last = s->rows.rank - 1;
        if (s->rows.dim[last] == 1)
            continue;
        if (s->length == 1)
            s->step = s->stride[last];
        else if (s->stride[last] != s->step * s->length)
            break;
        s->length *= s->rows.dim[last];
    }
}

static void dense_strides(const sl_shape *x, int64_t stride[SL_MAX_RANK])
{
    sl_broadcast_strides(x, x, stride);
    for (int64_t i = x->rank - 1, step = 1; i >= 0; step *= x->dim[i--])
        stride[i] = step;
}

/* Where a slice begins in x; -1 for one that skips or turns, which is not done here. */
static int64_t slice_offset(const sl_build *b, const sl_node *n, const sl_shape *x, const int64_t stride[SL_MAX_RANK])
{
    const int64_t *list[5] = {NULL}; /* x, starts, ends, axes, steps */
    int64_t offset = 0;
    for (int i = 1; i < n->n_inputs; i++)
        list[i] = n->inputs[i] < 0 ? NULL : b->g->tensors[n->inputs[i]].data;
    for (int64_t i = 0; i < sl_shape_elements(&b->g->tensors[n->inputs[1]].shape); i++) {
        const int64_t axis = !list[3] ? i : list[3][i] < 0 ? list[3][i] + x->rank : list[3][i];
        if (list[1][i] < 0 || list[1][i] >= x->dim[axis] || (list[4] && list[4][i] != 1))
            return -1;
        offset += list[1][i] * stride[axis];
    }
    return offset;
}

static bool is_plain_slice(const sl_build *b, const sl_node *n)
{
    const sl_shape *x = &b->g->tensors[n->inputs[0]].shape;
    int64_t stride[SL_MAX_RANK];
    dense_strides(x, stride);
    return n->op == SL_OP_SLICE && slice_offset(b, n, x, stride) >= 0;
}

/* Output k of the node; start: of a split, where its part begins. */
static void describe_view(const sl_build *b, const sl_node *n, int k, int64_t *start, view_state *s)
{
    const sl_shape *x = &b->g->tensors[n->inputs[0]].shape, *y = &b->g->tensors[n->outputs[k]].shape;
    int64_t stride[SL_MAX_RANK];
    dense_strides(x, stride);
    s->rows = *y;
    memcpy(s->stride, stride, sizeof stride);
    if (n->op == SL_OP_EXPAND)
        sl_broadcast_strides(x, y, s->stride);
    for (int i = 0; i < x->rank && n->op == SL_OP_TRANSPOSE; i++)
        s->stride[i] = stride[n->attr.perm[i]];
    if (n->op == SL_OP_SLICE)
        s->offset = slice_offset(b, n, x, stride);
    if (n->op == SL_OP_SPLIT) {
        int axis = n->attr.axis < 0 ? n->attr.axis + x->rank : n->attr.axis;
        s->offset = *start * stride[axis];
        *start += y->dim[axis];
    }
    merge_row(s);
}

static sl_status add_view(sl_build *b, const sl_node *n, int k, int64_t *start, sl_error *err)
{
    int buffers[2];
    SL_TRY(sl_want_dense(b, n->inputs[0], &buffers[0], err));
    SL_TRY(sl_make_dense(b, n->outputs[k], &buffers[1], err));
    view_state *s = calloc(1, sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    describe_view(b, n, k, start, s);
    return sl_add_step(b, run_view, bind_view, free, s, buffers, 2, err);
}

sl_status sl_compile_views(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    int64_t start = 0;
    if (n->op != SL_OP_TRANSPOSE && n->op != SL_OP_EXPAND && n->op != SL_OP_SPLIT && !is_plain_slice(b, n))
        return SL_OK;
    *done = true;
    for (int k = 0; k < n->n_outputs; k++)
        SL_TRY(add_view(b, n, k, &start, err));
    return SL_OK;
}
