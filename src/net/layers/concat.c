/* Concat joins tensors along one axis; Split takes one apart. */
#include "net/layers/backward.h"

#include <string.h>

sl_status sl_concat_infer(const sl_call *c, sl_error *err)
{
    sl_shape s = c->in[0]->shape;
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, s.rank, &axis, err));
    for (int i = 1; i < c->node->n_inputs; i++) {
        if (!c->in[i])
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "input %d is absent", i);
        sl_shape same = c->in[i]->shape;
        if (same.rank == s.rank) {
            int64_t more = same.dim[axis];
            same.dim[axis] = s.dim[axis];
            if (sl_shape_equal(&same, &s) && c->in[i]->type == c->in[0]->type) {
                s.dim[axis] += more;
                continue;
            }
        }
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "input %d does not fit input 0", i);
    }
    c->out[0].type = c->in[0]->type;
    c->out[0].shape = s;
    return SL_OK;
}

/* Bytes of everything behind and including `axis`. */
static size_t run_bytes(const sl_value *v, int axis)
{
    return (size_t)sl_shape_span(&v->shape, axis, v->shape.rank) * sl_type_size(v->type);
}

sl_status sl_concat_forward(const sl_call *c, sl_error *err)
{
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, c->out[0].shape.rank, &axis, err));
    char *out = c->out[0].data;
    for (int64_t o = 0, outer = sl_shape_span(&c->out[0].shape, 0, axis); o < outer; o++)
        for (int i = 0; i < c->node->n_inputs; i++) {
            size_t bytes = run_bytes(c->in[i], axis);
            memcpy(out, (const char *)c->in[i]->data + (size_t)o * bytes, bytes);
            out += bytes;
        }
    return SL_OK;
}

sl_status sl_split_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    int parts = c->node->n_outputs, given = parts, axis;
    int64_t size[SL_MAX_NODE_INPUTS], rest;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, x->rank, &axis, err));
    if (sl_layer_in(c, 1)) {
        SL_TRY(sl_layer_ints(c, 1, size, SL_MAX_NODE_INPUTS, &given, err));
    } else { /* equal parts; the last is smaller when they do not come out even */
        int64_t each = (x->dim[axis] + parts - 1) / parts;
        for (int i = 0; i < parts; i++)
            size[i] = i < parts - 1 ? each : x->dim[axis] - each * (parts - 1);
    }
    rest = x->dim[axis];
    for (int i = 0; i < given; i++) {
        if (size[i] < 0 || size[i] > rest)
            rest = -1;
        if (rest >= 0)
            rest -= size[i];
    }
    if (given != parts || rest != 0)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "%d sizes for %d parts do not make up the %lld there are",
                             given, parts, (long long)x->dim[axis]);
    for (int i = 0; i < parts; i++) {
        c->out[i].type = c->in[0]->type;
        c->out[i].shape = *x;
        c->out[i].shape.dim[axis] = size[i];
    }
    return SL_OK;
}

sl_status sl_split_forward(const sl_call *c, sl_error *err)
{
    int axis;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, c->in[0]->shape.rank, &axis, err));
    const char *in = c->in[0]->data;
    for (int64_t o = 0, outer = sl_shape_span(&c->in[0]->shape, 0, axis); o < outer; o++)
        for (int i = 0; i < c->node->n_outputs; i++) {
            size_t bytes = run_bytes(&c->out[i], axis);
            memcpy((char *)c->out[i].data + (size_t)o * bytes, in, bytes);
            in += bytes;
        }
    return SL_OK;
}

/* ---- gradients ---- */

void sl_concat_gradient(sl_backward *b)
{
    sl_tensor gy = sl_back_grad(b, 0);
    const sl_shape y = sl_back_shape(b, gy);
    int axis = b->node.attr.axis < 0 ? b->node.attr.axis + y.rank : b->node.attr.axis;
    int64_t from = 0;
    for (int i = 0; i < b->node.n_inputs; i++) {
        int64_t to = from + sl_back_in_shape(b, i).dim[axis];
        if (sl_back_wants(b, i))
            sl_back_give(b, i, sl_back_node(b, SL_OP_SLICE, NULL,
                                            SL_BACK_INPUTS(gy, sl_back_ints(b, &from, 1), sl_back_ints(b, &to, 1),
                                                           sl_back_ints(b, &(int64_t){axis}, 1))));
        from = to;
    }
}

void sl_split_gradient(sl_backward *b)
{
    sl_tensor parts[SL_MAX_NODE_INPUTS];
    for (int i = 0; i < b->node.n_outputs; i++) {
        const sl_shape shape = sl_back_shape(b, b->node.outputs[i]);
        parts[i] = sl_back_grad(b, i) >= 0 ? sl_back_grad(b, i) : sl_back_filled(b, 0, &shape);
    }
    const sl_attr attr = {.axis = b->node.attr.axis};
    sl_back_give(b, 0, sl_back_node(b, SL_OP_CONCAT, &attr, parts, b->node.n_outputs));
}
