/* Softmax and L2 normalisation along one axis of a dense tensor, and their gradients. Rows, whose axis is the last,
 * have loops of their own. */
#include <math.h>
#include <stdlib.h>

#include "net/kernels/row_sums.h"
#include "net/plan/plan_layout.h"

typedef struct {
    const sl_row_loops *loops;
    sl_op op;
    float least; /* of the norm */
    int64_t outer, count, inner;
    const float *x, *gy; /* going back, x is softmax's y; gy only then */
    float *y;
} axis_state;

static bool goes_back(sl_op op)
{
    return op == SL_OP_SOFTMAX_BACK || op == SL_OP_L2NORM_BACK;
}

static void bind_axis(sl_step *step)
{
    axis_state *s = step->state;
    s->x = step->data[0];
    s->gy = goes_back(s->op) ? step->data[1] : NULL;
    s->y = step->data[step->n_buffers - 1];
}

/* ---- along any axis ---- */

static void softmax_at(const axis_state *s, int64_t at)
{
    const float *x = s->x + at;
    float *y = s->y + at, largest = x[0], sum = 0;
    for (int64_t k = 1; k < s->count; k++)
        largest = fmaxf(largest, x[k * s->inner]);
    for (int64_t k = 0; k < s->count; k++)
        sum += y[k * s->inner] = expf(x[k * s->inner] - largest);
    for (int64_t k = 0; k < s->count; k++)
        y[k * s->inner] /= sum;
}

static double sum_at(const axis_state *s, const float *x, const float *y)
{
    double sum = 0;
    for (int64_t k = 0; k < s->count; k++)
        sum += (double)x[k * s->inner] * y[k * s->inner];
    return sum;
}

static void l2norm_at(const axis_state *s, int64_t at)
{
    const float *x = s->x + at;
    float norm = (float)fmax(sqrt(sum_at(s, x, x)), s->least);
    for (int64_t k = 0; k < s->count; k++)
        s->y[at + k * s->inner] = x[k * s->inner] / norm;
}

static void softmax_back_at(const axis_state *s, int64_t at)
{
    const float *x = s->x + at, *gy = s->gy + at;
    const double sum = sum_at(s, x, gy);
    for (int64_t k = 0; k < s->count; k++)
        s->y[at + k * s->inner] = (float)(x[k * s->inner] * (gy[k * s->inner] - sum));
}

static void l2norm_back_at(const axis_state *s, int64_t at)
{
    const float *x = s->x + at, *gy = s->gy + at;
    const double squares = sum_at(s, x, x), norm = fmax(sqrt(squares), s->least);
    const double along = sqrt(squares) > s->least ? sum_at(s, x, gy) / squares : 0;
    for (int64_t k = 0; k < s->count; k++)
        s->y[at + k * s->inner] = (float)((gy[k * s->inner] - x[k * s->inner] * along) / norm);
}

static void along_axis(const void *context, int64_t from, int64_t to)
{
    const axis_state *s = context;
    for (int64_t i = from; i < to; i++) {
        int64_t at = i / s->inner * s->count * s->inner + i % s->inner;
        switch (s->op) {
        case SL_OP_SOFTMAX: softmax_at(s, at); break;
        case SL_OP_L2NORM: l2norm_at(s, at); break;
        case SL_OP_SOFTMAX_BACK: softmax_back_at(s, at); break;
        default: l2norm_back_at(s, at); break;
        }
    }
}

/* ---- rows ---- */

static void along_rows(const void *context, int64_t from, int64_t to)
{
    const axis_state *s = context;
    for (int64_t i = from; i < to; i++) {
        int64_t at = i * s->count;
        switch (s->op) {
        case SL_OP_SOFTMAX: s->loops->softmax(s->x + at, s->y + at, s->count); break;
        case SL_OP_L2NORM: l2norm_at(s, at); break;
        case SL_OP_SOFTMAX_BACK: s->loops->softmax_back(s->x + at, s->gy + at, s->y + at, s->count); break;
        default: s->loops->l2norm_back(s->x + at, s->gy + at, s->y + at, s->count, s->least); break;
        }
    }
}

static sl_status run_axis(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const axis_state *s = step->state;
    (void)stream, (void)err;
    sl_run_pieces(s->outer * s->inner, s->outer * s->inner * s->count, s->inner == 1 ? along_rows : along_axis, s);
    return SL_OK;
}

/* In place of x, or going back of gy, where nobody reads that afterwards. */
static sl_status axis_buffers(sl_build *b, const sl_node *n, int buffers[3], sl_error *err)
{
    const int last = n->n_inputs;
    for (int i = 0; i < last; i++)
        SL_TRY(sl_want_dense(b, n->inputs[i], &buffers[i], err));
    if (!sl_last_read(b, buffers[last - 1]))
        return sl_make_dense(b, n->outputs[0], &buffers[last], err);
    buffers[last] = buffers[last - 1];
    sl_bind_dense(b, n->outputs[0], buffers[last]);
    return SL_OK;
}

sl_status sl_compile_axis(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if (n->op != SL_OP_SOFTMAX && n->op != SL_OP_L2NORM && !goes_back(n->op))
        return SL_OK;
    const sl_shape *x = &b->g->tensors[n->inputs[0]].shape;
    int axis = n->attr.axis < 0 ? n->attr.axis + x->rank : n->attr.axis, buffers[3];
    axis_state *s = malloc(sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    *s = (axis_state){.loops = sl_row_loops_active(),
                      .op = n->op,
                      .least = n->attr.a,
                      .outer = sl_shape_span(x, 0, axis),
                      .count = x->dim[axis],
                      .inner = sl_shape_span(x, axis + 1, x->rank)};
    sl_status status = axis_buffers(b, n, buffers, err);
    if (status != SL_OK) {
        free(s);
        return status;
    }
    *done = true;
    return sl_add_step(b, run_axis, bind_axis, free, s, buffers, n->n_inputs + 1, err);
}
