/* Nodes that move numbers without computing: views cost nothing, joining copies whole runs. */
#include <stdlib.h>
#include <string.h>

#include "net/plan/plan_layout.h"

/* The output is the input's numbers in the same order: another name for the same memory. */
static bool is_view(const sl_build *b, const sl_node *n)
{
    switch (n->op) {
    case SL_OP_RESHAPE:
    case SL_OP_FLATTEN:
    case SL_OP_SQUEEZE:
    case SL_OP_UNSQUEEZE: return true;
    case SL_OP_TRANSPOSE: return sl_transpose_is_reshape(n, &b->g->tensors[n->inputs[0]].shape);
    default: return n->op == SL_OP_UNARY && n->attr.fn == SL_FN_IDENTITY;
    }
}

static sl_status compile_view(sl_build *b, const sl_node *n, sl_error *err)
{
    int buffer;
    SL_TRY(sl_want_dense(b, n->inputs[0], &buffer, err));
    sl_bind_dense(b, n->outputs[0], buffer);
    return SL_OK;
}

/* ---- concat: [outer, run_0 + run_1 + ...] of [outer, run_i] ---- */

typedef struct {
    int count;
    int64_t outer, all;
    int64_t run[SL_MAX_NODE_INPUTS];
    const float *x[SL_MAX_NODE_INPUTS];
    float *y;
} concat_state;

static void bind_concat(sl_step *step)
{
    concat_state *s = step->state;
    for (int i = 0; i < s->count; i++)
        s->x[i] = step->data[i];
    s->y = step->data[s->count];
}

static void copy_runs(const void *context, int64_t from, int64_t to)
{
    const concat_state *s = context;
    float *y = s->y + from * s->all;
    for (int64_t o = from; o < to; o++)
        for (int i = 0; i < s->count; i++) {
            memcpy(y, s->x[i] + o * s->run[i], (size_t)s->run[i] * sizeof *y);
            y += s->run[i];
        }
}

static sl_status run_concat(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const concat_state *s = step->state;
    (void)stream, (void)err;
    sl_run_pieces(s->outer, s->outer * s->all, copy_runs, s);
    return SL_OK;
}

/* Along channels every input may stay in the layout all of them have, if no padding gets in between. */
static bool common_layout(const sl_build *b, const sl_node *n, int axis, dnnl_format_tag_t *tag)
{
    int64_t width = 0;
    bool last = true, blocked = true; /* channels last; blocks of one width */
    if (axis != 1 || b->g->tensors[n->outputs[0]].shape.rank != 4)
        return false;
    for (int i = 0; i < n->n_inputs; i++) {
        sl_layout l = sl_layout_of(b, n->inputs[i]);
        last &= l.md && l.blocks == 1 && l.width == l.channels;
        blocked &= l.md && !l.padded && (l.width == 16 || l.width == 8) && (i == 0 || l.width == width);
        width = l.width;
    }
    *tag = last ? dnnl_nhwc : width == 16 ? dnnl_nChw16c : dnnl_nChw8c;
    return last || blocked;
}

static sl_status concat_buffers(sl_build *b, const sl_node *n, concat_state *s, int *buffers, sl_error *err)
{
    const sl_shape *shape = &b->g->tensors[n->outputs[0]].shape;
    int axis = n->attr.axis < 0 ? n->attr.axis + shape->rank : n->attr.axis;
    dnnl_format_tag_t tag;
    sl_layout l = {.width = 1};
    sl_md md;
    bool kept = common_layout(b, n, axis, &tag);
    if (kept && !sl_md_tag(shape, tag, &md))
        return sl_build_no_memory(err);
    if (kept)
        l.md = &md;
    bool pixels = kept && tag == dnnl_nhwc;
    s->count = n->n_inputs;
    s->outer = pixels ? shape->dim[0] * shape->dim[2] * shape->dim[3] : sl_shape_span(shape, 0, axis);
    sl_status status = SL_OK;
    for (int i = 0; i < n->n_inputs && status == SL_OK; i++) {
        s->run[i] = sl_shape_elements(&b->g->tensors[n->inputs[i]].shape) / s->outer;
        s->all += s->run[i];
        buffers[i] = b->places[n->inputs[i]].other;
        if (!kept)
            status = sl_want_dense(b, n->inputs[i], &buffers[i], err);
    }
    if (status == SL_OK)
        status = sl_layout_make(b, n->outputs[0], &l, -1, &buffers[n->n_inputs], err);
    if (kept)
        sl_md_free(&md);
    return status;
}

static sl_status compile_concat(sl_build *b, const sl_node *n, sl_error *err)
{
    int buffers[SL_MAX_NODE_INPUTS + 1];
    concat_state *s = calloc(1, sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    sl_status status = concat_buffers(b, n, s, buffers, err);
    if (status != SL_OK) {
        free(s);
        return status;
    }
    return sl_add_step(b, run_concat, bind_concat, free, s, buffers, n->n_inputs + 1, err);
}

sl_status sl_compile_movement(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    *done = true;
    if (is_view(b, n))
        return compile_view(b, n, err);
    if (n->op == SL_OP_CONCAT)
        return compile_concat(b, n, err);
    *done = false;
    return SL_OK;
}
