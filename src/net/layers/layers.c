/* The table of layer kinds, and the checks that all of them share. */
#include "net/layers/layers.h"

#include <string.h>

#define WITHOUT_GRADIENT(min, max, outputs, name)                                                                 \
    {                                                                                                             \
        min, max, outputs, sl_##name##_infer, sl_##name##_forward, NULL                                           \
    }
#define LAYER(min, max, outputs, name)                                                                            \
    {                                                                                                             \
        min, max, outputs, sl_##name##_infer, sl_##name##_forward, sl_##name##_gradient                           \
    }

const sl_layer sl_layers[SL_OP_COUNT] = {
    [SL_OP_CONV] = LAYER(2, 3, 1, conv),
    [SL_OP_DENSE] = LAYER(2, 3, 1, dense),
    [SL_OP_MATMUL] = LAYER(2, 2, 1, matmul),
    [SL_OP_BATCHNORM] = LAYER(5, 5, 3, batchnorm),
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
    [SL_OP_SHAPE] = WITHOUT_GRADIENT(1, 1, 1, shape),
    [SL_OP_CAST] = WITHOUT_GRADIENT(1, 1, 1, cast),
    [SL_OP_EXPAND] = LAYER(2, 2, 1, expand),
    [SL_OP_FILL] = WITHOUT_GRADIENT(1, 1, 1, fill),
    [SL_OP_L2NORM] = LAYER(1, 1, 1, l2norm),
    [SL_OP_LAYERNORM] = LAYER(3, 3, 1, layernorm),
    [SL_OP_DROPOUT] = LAYER(2, 2, 1, dropout),
    [SL_OP_MARGIN] = LAYER(2, 2, 1, margin),
    [SL_OP_CROSS_ENTROPY] = LAYER(2, 3, 1, cross_entropy),
    [SL_OP_CONV_BACK_DATA] = WITHOUT_GRADIENT(3, 3, 1, conv_back_data),
    [SL_OP_CONV_BACK_WEIGHTS] = WITHOUT_GRADIENT(3, 3, 2, conv_back_weights),
    [SL_OP_UNARY_BACK] = WITHOUT_GRADIENT(2, 2, 1, unary_back),
    [SL_OP_PRELU_BACK] = WITHOUT_GRADIENT(3, 3, 2, prelu_back),
    [SL_OP_POOL_BACK] = WITHOUT_GRADIENT(2, 3, 1, pool_back),
    [SL_OP_BATCHNORM_BACK] = WITHOUT_GRADIENT(5, 5, 3, batchnorm_back),
    [SL_OP_GATHER_BACK] = WITHOUT_GRADIENT(3, 3, 1, gather_back),
    [SL_OP_SOFTMAX_BACK] = WITHOUT_GRADIENT(2, 2, 1, softmax_back),
    [SL_OP_L2NORM_BACK] = WITHOUT_GRADIENT(2, 2, 1, l2norm_back),
    [SL_OP_RESIZE_BACK] = WITHOUT_GRADIENT(3, 3, 1, resize_back),
    [SL_OP_LAYERNORM_BACK] = WITHOUT_GRADIENT(3, 3, 3, layernorm_back),
    [SL_OP_MARGIN_BACK] = WITHOUT_GRADIENT(3, 3, 1, margin_back),
    [SL_OP_CROSS_ENTROPY_BACK] = WITHOUT_GRADIENT(3, 4, 1, cross_entropy_back),
};

/* Kinds that only move numbers or count with them: integers too. All others compute with floats alone. */
static bool takes_integers(sl_op op, int input)
{
    switch (op) {
    case SL_OP_UNARY:
    case SL_OP_BINARY:
    case SL_OP_REDUCE: /* checks for itself */
    case SL_OP_CONCAT:
    case SL_OP_RESIZE:
    case SL_OP_RESHAPE:
    case SL_OP_FLATTEN:
    case SL_OP_TRANSPOSE:
    case SL_OP_SLICE:
    case SL_OP_SPLIT:
    case SL_OP_SQUEEZE:
    case SL_OP_UNSQUEEZE:
    case SL_OP_PAD:
    case SL_OP_GATHER:
    case SL_OP_SHAPE:
    case SL_OP_CAST:
    case SL_OP_EXPAND:
    case SL_OP_FILL: return true;
    case SL_OP_CONV_BACK_DATA:
    case SL_OP_CONV_BACK_WEIGHTS: return input == 2;
    case SL_OP_POOL_BACK: return input == 1;
    case SL_OP_GATHER_BACK:
    case SL_OP_RESIZE_BACK: return input > 0;
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
        if (c->in[i] && c->in[i]->type != SL_TYPE_F32 && !takes_integers(n->op, i))
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
