/* The table of layer kinds, and the checks that all of them share. */
#include "net/layers/layers.h"

#include <string.h>

#define LAYER(min, max, outputs, name)                                                                            \
    {                                                                                                             \
        min, max, outputs, sl_##name##_infer, sl_##name##_forward                                                 \
    }

const sl_layer sl_layers[SL_OP_COUNT] = {
    [SL_OP_CONV] = LAYER(2, 3, 1, conv),
    [SL_OP_DENSE] = LAYER(2, 3, 1, dense),
    [SL_OP_MATMUL] = LAYER(2, 2, 1, matmul),
    [SL_OP_BATCHNORM] = LAYER(5, 5, 1, batchnorm),
    [SL_OP_PRELU] = LAYER(2, 2, 1, prelu),
    [SL_OP_UNARY] = LAYER(1, 1, 1, unary),
    [SL_OP_BINARY] = LAYER(2, 2, 1, binary),
    [SL_OP_POOL] = LAYER(1, 1, 1, pool),
    [SL_OP_GLOBAL_POOL] = LAYER(1, 1, 1, global_pool),
    [SL_OP_REDUCE] = LAYER(1, 2, 1, reduce),
    [SL_OP_SOFTMAX] = LAYER(1, 1, 1, softmax),
    [SL_OP_CONCAT] = LAYER(1, SL_MAX_NODE_INPUTS, 1, concat),
    [SL_OP_RESIZE] = LAYER(2, 2, 1, resize),
    [SL_OP_RESHAPE] = LAYER(2, 2, 1, reshape),
    [SL_OP_FLATTEN] = LAYER(1, 1, 1, flatten),
    [SL_OP_TRANSPOSE] = LAYER(1, 1, 1, transpose),
    [SL_OP_SLICE] = LAYER(3, 5, 1, slice),
    [SL_OP_SPLIT] = LAYER(1, 2, SL_MAX_NODE_INPUTS, split),
    [SL_OP_SQUEEZE] = LAYER(1, 2, 1, squeeze),
    [SL_OP_UNSQUEEZE] = LAYER(2, 2, 1, unsqueeze),
    [SL_OP_PAD] = LAYER(2, 2, 1, pad),
    [SL_OP_GATHER] = LAYER(2, 2, 1, gather),
    [SL_OP_SHAPE] = LAYER(1, 1, 1, shape),
    [SL_OP_CAST] = LAYER(1, 1, 1, cast),
    [SL_OP_EXPAND] = LAYER(2, 2, 1, expand),
    [SL_OP_FILL] = LAYER(1, 1, 1, fill),
    [SL_OP_L2NORM] = LAYER(1, 1, 1, l2norm),
};

/* Kinds that compute with numbers, not only move them: f32 alone. */
static bool float_only(sl_op op)
{
    switch (op) {
    case SL_OP_CONV:
    case SL_OP_DENSE:
    case SL_OP_MATMUL:
    case SL_OP_BATCHNORM:
    case SL_OP_PRELU:
    case SL_OP_POOL:
    case SL_OP_GLOBAL_POOL:
    case SL_OP_SOFTMAX:
    case SL_OP_L2NORM: return true;
    default: return false;
    }
}

static sl_status check_inputs(const sl_call *c, sl_error *err)
{
    const sl_node *n = c->node;
    const sl_layer *l = &sl_layers[n->op];
    if (n->n_inputs < l->min_inputs || n->n_inputs > l->max_inputs)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "%d inputs, expected %d to %d", n->n_inputs, l->min_inputs,
                             l->max_inputs);
    if (n->n_outputs > l->max_outputs)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "%d outputs, expected %d", n->n_outputs, l->max_outputs);
    for (int i = 0; i < l->min_inputs; i++)
        if (!c->in[i])
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "input %d is absent", i);
    for (int i = 0; i < n->n_inputs; i++)
        if (c->in[i] && float_only(n->op) && c->in[i]->type != SL_TYPE_F32)
            return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "input %d is of integers, only float is supported",
                                 i);
    return SL_OK;
}

sl_status sl_layer_infer(const sl_call *c, sl_error *err)
{
    SL_TRY(check_inputs(c, err));
    SL_TRY(sl_layers[c->node->op].infer(c, err));
    for (int i = 0; i < c->node->n_outputs; i++)
        if (sl_shape_elements(&c->out[i].shape) < 0)
            return sl_layer_fail(c, err, SL_ERR_LIMIT,
                                 "output %d would have more than %lld elements or a negative axis", i,
                                 (long long)SL_MAX_ELEMENTS);
    return SL_OK;
}
