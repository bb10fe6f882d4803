/* What the gradients of layers share: appending nodes, constants, and reducing what was broadcast. */
#include "net/layers/backward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sl_back_wants(const sl_backward *b, int i)
{
    return i < b->node.n_inputs && b->node.inputs[i] >= 0 && b->wanted[b->node.inputs[i]];
}

sl_tensor sl_back_grad(const sl_backward *b, int i)
{
    return i < b->node.n_outputs ? b->grads[b->node.outputs[i]] : -1;
}

void sl_back_give(sl_backward *b, int i, sl_tensor grad)
{
    sl_tensor *sum = &b->grads[b->node.inputs[i]];
    if (b->status == SL_OK)
        *sum = *sum < 0 ? grad : sl_back_binary(b, SL_FN_ADD, *sum, grad);
}

sl_shape sl_back_shape(const sl_backward *b, sl_tensor t)
{
    return t < 0 ? (sl_shape){0} : b->g->tensors[t].shape;
}

void sl_back_fail(sl_backward *b, sl_status status, const char *what)
{
    if (b->status == SL_OK)
        b->status = sl_fail(b->err, status, "node %.200s (%s): its gradient: %s", b->node.name, sl_op_name(b->node.op),
                            what);
}

sl_value sl_back_value(const sl_backward *b, sl_tensor t)
{
    const sl_tensor_info *info = &b->g->tensors[t];
    return (sl_value){info->type, info->shape, (void *)info->data};
}

/* ---- nodes ---- */

static void fresh_name(const sl_backward *b, char name[64])
{
    int count = b->g->n_tensors; /* grows with every tensor: the first try is nearly always free */
    do
        snprintf(name, 64, "back#%d", count++);
    while (sl_graph_find(b->g, name) >= 0);
}

/* Works out the outputs' shapes and adds tensors of them. */
static sl_status add_outputs(sl_backward *b, const sl_node *n, sl_error *err)
{
    sl_value values[SL_MAX_NODE_INPUTS], out[SL_MAX_NODE_INPUTS] = {0};
    const sl_value *in[SL_MAX_NODE_INPUTS];
    for (int i = 0; i < n->n_inputs; i++) {
        in[i] = n->inputs[i] < 0 ? NULL : &values[i];
        if (in[i])
            values[i] = sl_back_value(b, n->inputs[i]);
    }
    const sl_call call = {n, in, out};
    SL_TRY(b->infer(&call, err));
    for (int i = 0; i < n->n_outputs; i++) {
        char name[64];
        fresh_name(b, name);
        SL_TRY(sl_graph_add_tensor(b->g, name, out[i].type, &out[i].shape, &n->outputs[i], err));
    }
    return SL_OK;
}

void sl_back_nodes(sl_backward *b, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs,
                   sl_tensor *outputs, int n_outputs)
{
    static const sl_attr none;
    for (int i = 0; i < n_outputs; i++)
        outputs[i] = -1;
    if (b->status != SL_OK)
        return;
    char name[256];
    snprintf(name, sizeof name, "back:%.200s", b->node.name);
    const sl_node n = {op, name, n_inputs, n_outputs, (sl_tensor *)inputs, outputs, attr ? *attr : none};
    b->status = add_outputs(b, &n, b->err);
    if (b->status == SL_OK)
        b->status = sl_graph_add_node(b->g, op, name, &n.attr, inputs, n_inputs, outputs, n_outputs, b->err);
}

sl_tensor sl_back_node(sl_backward *b, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs)
{
    sl_tensor out;
    sl_back_nodes(b, op, attr, inputs, n_inputs, &out, 1);
    return out;
}

sl_tensor sl_back_unary(sl_backward *b, sl_fn fn, sl_tensor x)
{
    return sl_back_node(b, SL_OP_UNARY, &(sl_attr){.fn = fn}, SL_BACK_INPUTS(x));
}

sl_tensor sl_back_binary(sl_backward *b, sl_fn fn, sl_tensor x, sl_tensor y)
{
    return sl_back_node(b, SL_OP_BINARY, &(sl_attr){.fn = fn}, SL_BACK_INPUTS(x, y));
}

sl_tensor sl_back_matmul(sl_backward *b, sl_tensor x, bool x_transposed, sl_tensor y, bool y_transposed)
{
    const sl_attr attr = {.transposed = {x_transposed, y_transposed}};
    return sl_back_node(b, SL_OP_MATMUL, &attr, SL_BACK_INPUTS(x, y));
}

sl_tensor sl_back_sum(sl_backward *b, sl_tensor x, unsigned mask)
{
    sl_attr attr = {.fn = SL_FN_SUM, .keepdims = true};
    for (int i = 0; i < SL_MAX_RANK; i++)
        if (mask >> i & 1)
            attr.axes[attr.n_axes++] = i;
    return mask ? sl_back_node(b, SL_OP_REDUCE, &attr, SL_BACK_INPUTS(x)) : x;
}

sl_tensor sl_back_fit(sl_backward *b, sl_tensor x, const sl_shape *shape)
{
    const sl_shape from = sl_back_shape(b, x);
    unsigned mask = 0;
    for (int i = 0, extra = from.rank - shape->rank; i < from.rank; i++)
        if (from.dim[i] != 1 && (i < extra || shape->dim[i - extra] == 1))
            mask |= 1u << i;
    return sl_back_reshape(b, sl_back_sum(b, x, mask), shape);
}

sl_tensor sl_back_reshape(sl_backward *b, sl_tensor x, const sl_shape *shape)
{
    const sl_shape from = sl_back_shape(b, x);
    if (b->status != SL_OK || sl_shape_equal(&from, shape))
        return x;
    return sl_back_node(b, SL_OP_RESHAPE, &(sl_attr){.allow_zero = true}, SL_BACK_INPUTS(x, sl_back_dims(b, shape)));
}

sl_tensor sl_back_expand(sl_backward *b, sl_tensor x, const sl_shape *shape)
{
    const sl_shape from = sl_back_shape(b, x);
    if (b->status != SL_OK || sl_shape_equal(&from, shape))
        return x;
    return sl_back_node(b, SL_OP_EXPAND, NULL, SL_BACK_INPUTS(x, sl_back_dims(b, shape)));
}

/* ---- constants ---- */

static sl_tensor add_const(sl_backward *b, sl_type type, const sl_shape *shape, void *data)
{
    sl_tensor out = -1;
    char name[64];
    fresh_name(b, name);
    b->status = data ? sl_graph_add_const(b->g, name, type, shape, data, true, &out, b->err)
                     : sl_fail(b->err, SL_ERR_MEMORY, "no memory for the gradient's constants");
    return out;
}

sl_tensor sl_back_number(sl_backward *b, float value)
{
    return sl_back_filled(b, value, &(sl_shape){0});
}

sl_tensor sl_back_filled(sl_backward *b, float value, const sl_shape *shape)
{
    if (b->status != SL_OK)
        return -1;
    int64_t n = sl_shape_elements(shape);
    float *data = malloc((size_t)n * sizeof *data + 1);
    for (int64_t i = 0; data && i < n; i++)
        data[i] = value;
    return add_const(b, SL_TYPE_F32, shape, data);
}

sl_tensor sl_back_ints(sl_backward *b, const int64_t *values, int count)
{
    if (b->status != SL_OK)
        return -1;
    int64_t *data = malloc((size_t)count * sizeof *data + 1);
    if (data && count)
        memcpy(data, values, (size_t)count * sizeof *data);
    return add_const(b, SL_TYPE_I64, &(sl_shape){1, {count}}, data);
}

sl_tensor sl_back_dims(sl_backward *b, const sl_shape *shape)
{
    return sl_back_ints(b, shape->dim, shape->rank);
}
