/* Slice: x[start:end:step] along some axes, with numpy's clamping and negative steps. */
#include "net/layers/backward.h"

#include <stdlib.h>

/* start and step of every axis, and the output's shape. */
typedef struct {
    int64_t start[SL_MAX_RANK], step[SL_MAX_RANK];
    sl_shape shape;
} cut;

static int64_t clamp_index(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static void slice_axis(cut *s, int axis, int64_t size, int64_t start, int64_t end, int64_t step)
{
    if (start < 0)
        start += size;
    if (end < 0)
        end = end < -size ? -1 : end + size;
    int64_t count;
    if (step > 0) {
        start = clamp_index(start, 0, size);
        end = clamp_index(end, 0, size);
        count = end > start ? (end - start - 1) / step + 1 : 0;
    } else {
        start = clamp_index(start, -1, size - 1);
        end = clamp_index(end, -1, size - 1);
        count = start > end ? (start - end - 1) / -step + 1 : 0;
    }
    s->start[axis] = count ? start : 0;
    s->step[axis] = count > 1 ? step : 1; /* a single element takes no step: no product can overflow */
    s->shape.dim[axis] = count;
}

static sl_status cut_of(const sl_call *c, cut *s, sl_error *err)
{
    int64_t starts[SL_MAX_RANK], ends[SL_MAX_RANK], axes[SL_MAX_RANK], steps[SL_MAX_RANK];
    int n, n_ends, n_axes, n_steps, axis;
    SL_TRY(sl_layer_ints(c, 1, starts, SL_MAX_RANK, &n, err));
    SL_TRY(sl_layer_ints(c, 2, ends, SL_MAX_RANK, &n_ends, err));
    n_axes = n_steps = n;
    for (int i = 0; i < n; i++) {
        axes[i] = i;
        steps[i] = 1;
    }
    if (sl_layer_in(c, 3))
        SL_TRY(sl_layer_ints(c, 3, axes, SL_MAX_RANK, &n_axes, err));
    if (sl_layer_in(c, 4))
        SL_TRY(sl_layer_ints(c, 4, steps, SL_MAX_RANK, &n_steps, err));
    if (n_ends != n || n_axes != n || n_steps != n)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "%d starts, %d ends, %d axes and %d steps", n, n_ends, n_axes,
                             n_steps);
    s->shape = c->in[0]->shape;
    unsigned seen = 0;
    for (int i = 0; i < s->shape.rank; i++) {
        s->start[i] = 0;
        s->step[i] = 1;
    }
    for (int i = 0; i < n; i++) {
        SL_TRY(sl_layer_axis(c, axes[i], s->shape.rank, &axis, err));
        if (steps[i] == 0 || steps[i] == INT64_MIN || seen >> axis & 1)
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "a step of %lld, or axis %d twice", (long long)steps[i],
                                 axis);
        seen |= 1u << axis;
        slice_axis(s, axis, c->in[0]->shape.dim[axis], starts[i], ends[i], steps[i]);
    }
    return SL_OK;
}

sl_status sl_slice_infer(const sl_call *c, sl_error *err)
{
    cut s;
    SL_TRY(cut_of(c, &s, err));
    c->out[0].type = c->in[0]->type;
    c->out[0].shape = s.shape;
    return SL_OK;
}

sl_status sl_slice_forward(const sl_call *c, sl_error *err)
{
    cut s;
    SL_TRY(cut_of(c, &s, err));
    size_t size = sl_type_size(c->out[0].type);
    const sl_shape *x = &c->in[0]->shape;
    sl_walk w;
    sl_walk_start(&w, &s.shape);
    w.n = 1;
    for (int64_t i = x->rank - 1, step = 1; i >= 0; step *= x->dim[i--]) {
        w.stride[0][i] = step * s.step[i];
        w.offset[0] += step * s.start[i];
    }
    for (int64_t i = 0, n = sl_shape_elements(&s.shape); i < n; i++, sl_walk_next(&w))
        sl_copy_element(c->out[0].data, i, c->in[0]->data, w.offset[0], size);
    return SL_OK;
}

/* ---- gradient: the cut's elements back in their places, axis by axis, zeros around ---- */

sl_tensor sl_back_uncut(sl_backward *b, sl_tensor gy, int axis, int64_t size, int64_t start, int64_t step)
{
    sl_shape shape = sl_back_shape(b, gy);
    int64_t count = shape.dim[axis], pads[2 * SL_MAX_RANK] = {0};
    if (count == size && step == 1)
        return gy;
    pads[axis] = start;
    pads[axis + shape.rank] = size - start - count;
    if (step == 1)
        return sl_back_node(b, SL_OP_PAD, &(sl_attr){.fn = SL_FN_CONSTANT},
                            SL_BACK_INPUTS(gy, sl_back_ints(b, pads, 2 * shape.rank)));
    int64_t *index = malloc((size_t)count * sizeof *index + 1);
    if (!index) {
        sl_back_fail(b, SL_ERR_MEMORY, "no memory");
        return -1;
    }
    for (int64_t i = 0; i < count; i++)
        index[i] = start + i * step;
    sl_tensor indices = sl_back_ints(b, index, (int)count);
    free(index);
    shape.dim[axis] = size;
    return sl_back_ungather(b, gy, indices, axis, &shape);
}

void sl_slice_gradient(sl_backward *b)
{
    sl_value values[5];
    const sl_value *in[5];
    for (int i = 0; i < b->node.n_inputs; i++) {
        in[i] = b->node.inputs[i] < 0 ? NULL : &values[i];
        if (in[i])
            values[i] = sl_back_value(b, b->node.inputs[i]);
    }
    cut s;
    b->status = cut_of(&(sl_call){&b->node, in, NULL}, &s, b->err);
    sl_tensor grad = sl_back_grad(b, 0);
    const sl_shape x = sl_back_in_shape(b, 0);
    for (int i = 0; i < x.rank && b->status == SL_OK; i++)
        grad = sl_back_uncut(b, grad, i, x.dim[i], s.start[i], s.step[i]);
    sl_back_give(b, 0, grad);
}
