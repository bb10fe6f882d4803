/* Resize of H and W in any layout: where each row and column reads is known beforehand. */
#include <stdlib.h>
#include <string.h>

#include "net/plan/plan_layout.h"

typedef struct {
    int64_t tap[2];
    float weight[2];
} resize_tap;

typedef struct {
    bool linear;
    int64_t planes, in[2], out[2], width; /* x [planes, in, width] */
    resize_tap *rows, *columns;           /* [out[0]], [out[1]]; the plan's */
    const float *x;
    float *y;
} resize_state;

static void bind_resize(sl_step *step)
{
    resize_state *s = step->state;
    s->x = step->data[0];
    s->y = step->data[1];
}

static void nearest_row(const resize_state *s, const float *x, float *y)
{
    for (int64_t ox = 0; ox < s->out[1]; ox++, y += s->width) {
        const float *from = x + s->columns[ox].tap[0] * s->width;
        for (int64_t c = 0; c < s->width; c++)
            y[c] = from[c];
    }
}

/* Between two pixels of each of two rows. */
static void linear_row(const resize_state *s, const float *plane, const resize_tap *r, float *y)
{
    const float *top = plane + r->tap[0] * s->in[1] * s->width, *bottom = plane + r->tap[1] * s->in[1] * s->width;
    for (int64_t ox = 0; ox < s->out[1]; ox++, y += s->width) {
        const resize_tap *c = &s->columns[ox];
        int64_t left = c->tap[0] * s->width, right = c->tap[1] * s->width;
        for (int64_t i = 0; i < s->width; i++) {
            float above = top[left + i] * c->weight[0] + top[right + i] * c->weight[1];
            float below = bottom[left + i] * c->weight[0] + bottom[right + i] * c->weight[1];
            y[i] = above * r->weight[0] + below * r->weight[1];
        }
    }
}

static void resize_rows(const void *context, int64_t from, int64_t to)
{
    const resize_state *s = context;
    int64_t in_plane = s->in[0] * s->in[1] * s->width, out_row = s->out[1] * s->width;
    for (int64_t row = from; row < to; row++) {
        const float *plane = s->x + row / s->out[0] * in_plane;
        const resize_tap *r = &s->rows[row % s->out[0]];
        if (s->linear)
            linear_row(s, plane, r, s->y + row * out_row);
        else
            nearest_row(s, plane + r->tap[0] * s->in[1] * s->width, s->y + row * out_row);
    }
}

static sl_status run_resize(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const resize_state *s = step->state;
    (void)stream, (void)err;
    int64_t rows = s->planes * s->out[0];
    sl_run_pieces(rows, rows * s->out[1] * s->width, resize_rows, s);
    return SL_OK;
}

static resize_tap *taps(sl_build *b, const sl_attr *attr, const sl_resize_axis *axis)
{
    resize_tap *t = sl_plan_memory(b, (size_t)axis->out * sizeof *t);
    for (int64_t o = 0; t && o < axis->out; o++) {
        double weight[2] = {1, 0};
        if (attr->fn == SL_FN_LINEAR)
            sl_resize_linear(attr, axis, o, t[o].tap, weight);
        else
            t[o].tap[0] = t[o].tap[1] = sl_resize_nearest(attr, axis, o);
        t[o].weight[0] = (float)weight[0];
        t[o].weight[1] = (float)weight[1];
    }
    return t;
}

static sl_status start_resize(sl_build *b, const sl_node *n, const sl_resize_axis *axis, resize_state *s,
                              int buffers[2], sl_error *err)
{
    sl_layout l = sl_layout_of(b, n->inputs[0]);
    sl_md md;
    s->planes = l.batch * l.blocks;
    s->width = l.width;
    s->linear = n->attr.fn == SL_FN_LINEAR;
    s->rows = taps(b, &n->attr, &axis[2]);
    s->columns = taps(b, &n->attr, &axis[3]);
    for (int i = 0; i < 2; i++) {
        s->in[i] = axis[2 + i].in;
        s->out[i] = axis[2 + i].out;
    }
    if (!s->rows || !s->columns)
        return sl_build_no_memory(err);
    SL_TRY(sl_layout_want(b, n->inputs[0], &l, &buffers[0], err));
    if (!l.md)
        return sl_make_dense(b, n->outputs[0], &buffers[1], err);
    dnnl_format_tag_t tag = l.blocks == 1 && l.width == l.channels ? dnnl_nhwc
                            : l.width == 16                        ? dnnl_nChw16c
                            : l.width == 8                         ? dnnl_nChw8c
                                                                   : dnnl_nChw4c;
    if (!sl_md_tag(&b->g->tensors[n->outputs[0]].shape, tag, &md))
        return sl_build_no_memory(err);
    sl_status status = sl_make_md(b, n->outputs[0], &md, &buffers[1], err);
    sl_md_free(&md);
    return status;
}

sl_status sl_compile_resize(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if (n->op != SL_OP_RESIZE || b->g->tensors[n->inputs[0]].shape.rank != 4)
        return SL_OK;
    sl_value values[2];
    const sl_value *in[2] = {&values[0], &values[1]};
    for (int i = 0; i < 2; i++) {
        const sl_tensor_info *t = &b->g->tensors[n->inputs[i]];
        values[i] = (sl_value){t->type, t->shape, (void *)t->data};
    }
    const sl_call call = {n, in, NULL};
    sl_resize_axis axis[SL_MAX_RANK];
    SL_TRY(sl_resize_axes(&call, axis, err));
    if (axis[0].scale != 1 || axis[1].scale != 1)
        return SL_OK;
    int buffers[2];
    resize_state *s = calloc(1, sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    sl_status status = start_resize(b, n, axis, s, buffers, err);
    if (status != SL_OK) {
        free(s);
        return status;
    }
    *done = true;
    return sl_add_step(b, run_resize, bind_resize, free, s, buffers, 2, err);
}
