/* The operators: which converter each goes through. Element-wise ones are converted here. */
#include "net/import/onnx/onnx.h"

#include <float.h>
#include <string.h>

static void convert_unary(sl_onnx *o, sl_fn fn)
{
    sl_onnx_finish(o, SL_OP_UNARY, &(sl_attr){.fn = fn}, o->inputs, 1);
}

static void convert_leaky_relu(sl_onnx *o, sl_fn fn)
{
    sl_onnx_finish(o, SL_OP_UNARY, &(sl_attr){.fn = fn, .a = sl_onnx_float(o, "alpha", 0.01f)}, o->inputs, 1);
}

static void convert_elu(sl_onnx *o, sl_fn fn)
{
    sl_onnx_finish(o, SL_OP_UNARY, &(sl_attr){.fn = fn, .a = sl_onnx_float(o, "alpha", 1)}, o->inputs, 1);
}

static void convert_hard_sigmoid(sl_onnx *o, sl_fn fn)
{
    sl_attr a = {.fn = fn, .a = sl_onnx_float(o, "alpha", 0.2f), .b = sl_onnx_float(o, "beta", 0.5f)};
    sl_onnx_finish(o, SL_OP_UNARY, &a, o->inputs, 1);
}

static void convert_gelu(sl_onnx *o, sl_fn fn)
{
    if (!sl_onnx_string_is(o, "approximate", "none", "none"))
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "approximate is not \"none\"");
    convert_unary(o, fn);
}

/* x tanh(log(1 + e^x)) */
static void convert_mish(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_tensor x = o->inputs[0], y = sl_onnx_emit(o, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_SOFTPLUS}, &x, 1);
    y = sl_onnx_emit(o, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_TANH}, &y, 1);
    sl_onnx_finish(o, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MUL}, (sl_tensor[]){x, y}, 2);
}

/* Bound i of Clip: 1 and *bound when it is a constant number or absent, 0 when it is computed. */
static bool clip_bound(const sl_onnx *o, int i, float *bound)
{
    int64_t count;
    sl_tensor t = sl_onnx_input(o, i);
    const float *value = sl_onnx_const_f32(o, t, &count);
    if (value && count == 1)
        *bound = *value;
    return t < 0 || (value && count == 1);
}

static void convert_clip(sl_onnx *o, sl_fn fn)
{
    sl_tensor x = o->inputs[0];
    sl_attr a = {.fn = fn, .a = sl_onnx_float(o, "min", -FLT_MAX), .b = sl_onnx_float(o, "max", FLT_MAX)};
    bool low = clip_bound(o, 1, &a.a), high = clip_bound(o, 2, &a.b);
    if (low && high && o->g->tensors[x].type == SL_TYPE_F32) {
        sl_onnx_finish(o, SL_OP_UNARY, &a, &x, 1);
        return;
    }
    if (sl_onnx_input(o, 1) >= 0)
        x = sl_onnx_emit(o, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MAX}, (sl_tensor[]){x, o->inputs[1]}, 2);
    if (sl_onnx_input(o, 2) >= 0)
        x = sl_onnx_emit(o, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MIN}, (sl_tensor[]){x, o->inputs[2]}, 2);
    sl_onnx_finish_same(o, x);
}

/* Add and its like, and the variadic ones: ((a + b) + c) + ... */
static void convert_binary(sl_onnx *o, sl_fn fn)
{
    sl_tensor x = o->inputs[0];
    for (int i = 1; i < o->n_inputs; i++)
        if (o->inputs[i] < 0 || o->g->tensors[o->inputs[i]].type != o->g->tensors[x].type)
            sl_onnx_fail(o, SL_ERR_FORMAT, "inputs are missing or of different types");
    if (o->n_inputs == 1) {
        sl_onnx_finish_same(o, x);
        return;
    }
    for (int i = 1; i < o->n_inputs - 1; i++)
        x = sl_onnx_emit(o, SL_OP_BINARY, &(sl_attr){.fn = fn}, (sl_tensor[]){x, o->inputs[i]}, 2);
    sl_onnx_finish(o, SL_OP_BINARY, &(sl_attr){.fn = fn}, (sl_tensor[]){x, o->inputs[o->n_inputs - 1]}, 2);
}

/* Pow's exponent may be of another type than its base. */
static void convert_pow(sl_onnx *o, sl_fn fn)
{
    sl_tensor exponent = o->inputs[1];
    sl_type type = o->g->tensors[o->inputs[0]].type;
    if (o->g->tensors[exponent].type != type)
        exponent = sl_onnx_emit(o, SL_OP_CAST, &(sl_attr){.type = type}, &exponent, 1);
    sl_onnx_finish(o, SL_OP_BINARY, &(sl_attr){.fn = fn}, (sl_tensor[]){o->inputs[0], exponent}, 2);
}

static void convert_matmul(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_onnx_finish(o, SL_OP_MATMUL, &(sl_attr){0}, o->inputs, 2);
}

static const sl_onnx_operator operators[] = {
    {"Conv", sl_onnx_conv, SL_FN_NONE, 2, 3},
    {"BatchNormalization", sl_onnx_batchnorm, SL_FN_NONE, 5, 5},
    {"Gemm", sl_onnx_gemm, SL_FN_NONE, 2, 3},
    {"MatMul", convert_matmul, SL_FN_NONE, 2, 2},
    {"PRelu", sl_onnx_prelu, SL_FN_NONE, 2, 2},
    {"MaxPool", sl_onnx_pool, SL_FN_MAX, 1, 1},
    {"AveragePool", sl_onnx_pool, SL_FN_AVERAGE, 1, 1},
    {"GlobalMaxPool", sl_onnx_global_pool, SL_FN_MAX, 1, 1},
    {"GlobalAveragePool", sl_onnx_global_pool, SL_FN_AVERAGE, 1, 1},
    {"Softmax", sl_onnx_softmax, SL_FN_NONE, 1, 1},
    {"LpNormalization", sl_onnx_lp_norm, SL_FN_NONE, 1, 1},
    {"LayerNormalization", sl_onnx_layernorm, SL_FN_NONE, 2, 3},
    {"QuantizeLinear", sl_onnx_quantise, SL_FN_NONE, 2, 3},
    {"DequantizeLinear", sl_onnx_dequantise, SL_FN_NONE, 2, 3},
    {"Resize", sl_onnx_resize, SL_FN_NONE, 1, 4},
    {"Upsample", sl_onnx_upsample, SL_FN_NONE, 1, 2},

    {"Relu", convert_unary, SL_FN_RELU, 1, 1},
    {"Sigmoid", convert_unary, SL_FN_SIGMOID, 1, 1},
    {"Tanh", convert_unary, SL_FN_TANH, 1, 1},
    {"Exp", convert_unary, SL_FN_EXP, 1, 1},
    {"Log", convert_unary, SL_FN_LOG, 1, 1},
    {"Sqrt", convert_unary, SL_FN_SQRT, 1, 1},
    {"Abs", convert_unary, SL_FN_ABS, 1, 1},
    {"Neg", convert_unary, SL_FN_NEG, 1, 1},
    {"Reciprocal", convert_unary, SL_FN_RECIPROCAL, 1, 1},
    {"Erf", convert_unary, SL_FN_ERF, 1, 1},
    {"Softplus", convert_unary, SL_FN_SOFTPLUS, 1, 1},
    {"HardSwish", convert_unary, SL_FN_HARD_SWISH, 1, 1},
    {"Floor", convert_unary, SL_FN_FLOOR, 1, 1},
    {"Ceil", convert_unary, SL_FN_CEIL, 1, 1},
    {"Round", convert_unary, SL_FN_ROUND, 1, 1},
    {"Gelu", convert_gelu, SL_FN_GELU, 1, 1},
    {"Mish", convert_mish, SL_FN_NONE, 1, 1},
    {"LeakyRelu", convert_leaky_relu, SL_FN_LEAKY_RELU, 1, 1},
    {"Elu", convert_elu, SL_FN_ELU, 1, 1},
    {"HardSigmoid", convert_hard_sigmoid, SL_FN_HARD_SIGMOID, 1, 1},
    {"Clip", convert_clip, SL_FN_CLIP, 1, 3},

    {"Add", convert_binary, SL_FN_ADD, 2, 2},
    {"Sub", convert_binary, SL_FN_SUB, 2, 2},
    {"Mul", convert_binary, SL_FN_MUL, 2, 2},
    {"Div", convert_binary, SL_FN_DIV, 2, 2},
    {"Pow", convert_pow, SL_FN_POW, 2, 2},
    {"Max", convert_binary, SL_FN_MAX, 1, SL_MAX_NODE_INPUTS},
    {"Min", convert_binary, SL_FN_MIN, 1, SL_MAX_NODE_INPUTS},
    {"Sum", convert_binary, SL_FN_ADD, 1, SL_MAX_NODE_INPUTS},

    {"ReduceMean", sl_onnx_reduce, SL_FN_AVERAGE, 1, 2},
    {"ReduceSum", sl_onnx_reduce, SL_FN_SUM, 1, 2},
    {"ReduceMax", sl_onnx_reduce, SL_FN_MAX, 1, 2},
    {"ReduceMin", sl_onnx_reduce, SL_FN_MIN, 1, 2},
    {"ReduceL2", sl_onnx_reduce, SL_FN_L2, 1, 2},
    {"ReduceSumSquare", sl_onnx_reduce, SL_FN_SUM_SQUARE, 1, 2},

    {"Concat", sl_onnx_concat, SL_FN_NONE, 1, SL_MAX_NODE_INPUTS},
    {"Reshape", sl_onnx_reshape, SL_FN_NONE, 2, 2},
    {"Flatten", sl_onnx_flatten, SL_FN_NONE, 1, 1},
    {"Transpose", sl_onnx_transpose, SL_FN_NONE, 1, 1},
    {"Slice", sl_onnx_slice, SL_FN_NONE, 1, 5},
    {"Split", sl_onnx_split, SL_FN_NONE, 1, 2},
    {"Squeeze", sl_onnx_squeeze, SL_FN_NONE, 1, 2},
    {"Unsqueeze", sl_onnx_unsqueeze, SL_FN_NONE, 1, 2},
    {"Pad", sl_onnx_pad, SL_FN_NONE, 1, 4},
    {"Gather", sl_onnx_gather, SL_FN_NONE, 2, 2},
    {"Shape", sl_onnx_shape, SL_FN_NONE, 1, 1},
    {"Cast", sl_onnx_cast, SL_FN_NONE, 1, 1},
    {"Expand", sl_onnx_expand, SL_FN_NONE, 2, 2},
    {"ConstantOfShape", sl_onnx_fill, SL_FN_NONE, 1, 1},
    {"Constant", sl_onnx_constant, SL_FN_NONE, 0, 0},
    {"Identity", sl_onnx_identity, SL_FN_NONE, 1, 1},
    {"Dropout", sl_onnx_identity, SL_FN_NONE, 1, 3},
};

const sl_onnx_operator *sl_onnx_find_operator(const char *op_type)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (strcmp(operators[i].op_type, op_type) == 0)
            return &operators[i];
    return NULL;
}
