/* Softmax and L2 normalisation along one axis of a dense tensor. */
#include <math.h>
#include <stdlib.h>

#include "net/plan/plan_layout.h"

typedef struct {
    sl_op op;
    float least; /* of the norm */
    int64_t outer, count, inner;
    const float *x;
    float *y;
} axis_state;

static void bind_axis(sl_step *step)
{
    axis_state *s = step->state;
    s->x = step->data[0];
    s->y = step->data[1];
}

static void softmax_at(const axis_state *s, const float *x, float *y)
{
    float largest = x[0], sum = 0;
    for (int64_t k = 1; k < s->count; k++)
        largest = fmaxf(largest, x[k * s->inner]);
    for (int64_t k = 0; k < s->count; k++)
        sum += y[k * s->inner] = expf(x[k * s->inner] - largest);
    for (int64_t k = 0; k < s->count; k++)
        y[k * s->inner] /= sum;
}

static void l2norm_at(const axis_state *s, const float *x, float *y)
{
    double sum = 0;
    for (int64_t k = 0; k < s->count; k++)
        sum += (double)x[k * s->inner] * x[k * s->inner];
    float norm = (float)fmax(sqrt(sum), s->least);
    for (int64_t k = 0; k < s->count; k++)
        y[k * s->inner] = x[k * s->inner] / norm;
}

static void along_axis(const void *context, int64_t from, int64_t to)
{
    const axis_state *s = context;
    for (int64_t i = from; i < to; i++) {
        int64_t at = i / s->inner * s->count * s->inner + i % s->inner;
        if (s->op == SL_OP_SOFTMAX)
            softmax_at(s, s->x + at, s->y + at);
        else
            l2norm_at(s, s->x + at, s->y + at);
    }
}

static sl_status run_axis(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const axis_state *s = step->state;
    (void)stream, (void)err;
    sl_run_pieces(s->outer * s->inner, s->outer * s->inner * s->count, along_axis, s);
    return SL_OK;
}

sl_status sl_compile_axis(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if (n->op != SL_OP_SOFTMAX && n->op != SL_OP_L2NORM)
        return SL_OK;
    const sl_shape *x = &b->g->tensors[n->inputs[0]].shape;
    int axis = n->attr.axis < 0 ? n->attr.axis + x->rank : n->attr.axis, buffers[2];
    axis_state *s = malloc(sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    *s = (axis_state){.op = n->op,
                      .least = n->attr.a,
                      .outer = sl_shape_span(x, 0, axis),
                      .count = x->dim[axis],
                      .inner = sl_shape_span(x, axis + 1, x->rank)};
    sl_status status = sl_want_dense(b, n->inputs[0], &buffers[0], err);
    if (status == SL_OK)
        status = sl_make_dense(b, n->outputs[0], &buffers[1], err);
    if (status != SL_OK) {
        free(s);
        return status;
    }
    *done = true;
    return sl_add_step(b, run_axis, bind_axis, free, s, buffers, 2, err);
}
