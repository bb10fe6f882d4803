/* The builtin operators: which converter each goes through. Element-wise ones are converted here. */
#include "net/import/tflite/tflite.h"

static void finish_unary(sl_tflite *t, const sl_attr *a)
{
    sl_tensor x = sl_tflite_input(t, 0);
    sl_tflite_finish(t, SL_OP_UNARY, a, &x, 1);
}

static void tflite_unary(sl_tflite *t, sl_fn fn) { finish_unary(t, &(sl_attr){.fn = fn, .a = 1}); }
static void tflite_relu6(sl_tflite *t, sl_fn fn) { finish_unary(t, &(sl_attr){.fn = fn, .a = 0, .b = 6}); }
static void tflite_relu1(sl_tflite *t, sl_fn fn) { finish_unary(t, &(sl_attr){.fn = fn, .a = -1, .b = 1}); }

static void tflite_leaky_relu(sl_tflite *t, sl_fn fn)
{
    finish_unary(t, &(sl_attr){.fn = fn, .a = sl_flat_f32(&t->flat, t->options, 0, 0)});
}

static void tflite_rsqrt(sl_tflite *t, sl_fn fn)
{
    sl_tensor x = sl_tflite_input(t, 0),
              root = sl_tflite_emit(t, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_SQRT}, &x, 1);
    sl_tflite_finish(t, SL_OP_UNARY, &(sl_attr){.fn = fn}, &root, 1);
}

static void tflite_square(sl_tflite *t, sl_fn fn)
{
    sl_tensor x = sl_tflite_input(t, 0);
    sl_tflite_finish(t, SL_OP_BINARY, &(sl_attr){.fn = fn}, (sl_tensor[]){x, x}, 2);
}

static const sl_tflite_operator operators[] = {
    {0, "ADD", sl_tflite_binary, SL_FN_ADD, 2, 2},
    {1, "AVERAGE_POOL_2D", sl_tflite_pool, SL_FN_AVERAGE, 1, 1},
    {2, "CONCATENATION", sl_tflite_concat, SL_FN_NONE, 1, SL_MAX_NODE_INPUTS},
    {3, "CONV_2D", sl_tflite_conv, SL_FN_NONE, 2, 3},
    {4, "DEPTHWISE_CONV_2D", sl_tflite_depthwise, SL_FN_NONE, 2, 3},
    {6, "DEQUANTIZE", sl_tflite_dequantize, SL_FN_NONE, 1, 1},
    {8, "FLOOR", tflite_unary, SL_FN_FLOOR, 1, 1},
    {9, "FULLY_CONNECTED", sl_tflite_dense, SL_FN_NONE, 2, 3},
    {11, "L2_NORMALIZATION", sl_tflite_l2norm, SL_FN_NONE, 1, 1},
    {14, "LOGISTIC", tflite_unary, SL_FN_SIGMOID, 1, 1},
    {17, "MAX_POOL_2D", sl_tflite_pool, SL_FN_MAX, 1, 1},
    {18, "MUL", sl_tflite_binary, SL_FN_MUL, 2, 2},
    {19, "RELU", tflite_unary, SL_FN_RELU, 1, 1},
    {20, "RELU_N1_TO_1", tflite_relu1, SL_FN_CLIP, 1, 1},
    {21, "RELU6", tflite_relu6, SL_FN_CLIP, 1, 1},
    {22, "RESHAPE", sl_tflite_reshape, SL_FN_NONE, 1, 2},
    {23, "RESIZE_BILINEAR", sl_tflite_resize_bilinear, SL_FN_NONE, 2, 2},
    {25, "SOFTMAX", sl_tflite_softmax, SL_FN_NONE, 1, 1},
    {28, "TANH", tflite_unary, SL_FN_TANH, 1, 1},
    {34, "PAD", sl_tflite_pad, SL_FN_CONSTANT, 2, 2},
    {37, "BATCH_TO_SPACE_ND", sl_tflite_batch_to_space, SL_FN_NONE, 3, 3},
    {38, "SPACE_TO_BATCH_ND", sl_tflite_space_to_batch, SL_FN_NONE, 3, 3},
    {39, "TRANSPOSE", sl_tflite_transpose, SL_FN_NONE, 2, 2},
    {40, "MEAN", sl_tflite_reduce, SL_FN_AVERAGE, 2, 2},
    {41, "SUB", sl_tflite_binary, SL_FN_SUB, 2, 2},
    {42, "DIV", sl_tflite_binary, SL_FN_DIV, 2, 2},
    {43, "SQUEEZE", sl_tflite_squeeze, SL_FN_NONE, 1, 1},
    {45, "STRIDED_SLICE", sl_tflite_strided_slice, SL_FN_NONE, 4, 4},
    {47, "EXP", tflite_unary, SL_FN_EXP, 1, 1},
    {54, "PRELU", sl_tflite_prelu, SL_FN_NONE, 2, 2},
    {55, "MAXIMUM", sl_tflite_binary, SL_FN_MAX, 2, 2},
    {57, "MINIMUM", sl_tflite_binary, SL_FN_MIN, 2, 2},
    {59, "NEG", tflite_unary, SL_FN_NEG, 1, 1},
    {73, "LOG", tflite_unary, SL_FN_LOG, 1, 1},
    {74, "SUM", sl_tflite_reduce, SL_FN_SUM, 2, 2},
    {75, "SQRT", tflite_unary, SL_FN_SQRT, 1, 1},
    {76, "RSQRT", tflite_rsqrt, SL_FN_RECIPROCAL, 1, 1},
    {77, "SHAPE", sl_tflite_shape_of, SL_FN_NONE, 1, 1},
    {78, "POW", sl_tflite_binary, SL_FN_POW, 2, 2},
    {82, "REDUCE_MAX", sl_tflite_reduce, SL_FN_MAX, 2, 2},
    {83, "PACK", sl_tflite_pack, SL_FN_NONE, 1, SL_MAX_NODE_INPUTS},
    {92, "SQUARE", tflite_square, SL_FN_MUL, 1, 1},
    {97, "RESIZE_NEAREST_NEIGHBOR", sl_tflite_resize_nearest, SL_FN_NONE, 2, 2},
    {98, "LEAKY_RELU", tflite_leaky_relu, SL_FN_LEAKY_RELU, 1, 1},
    {101, "ABS", tflite_unary, SL_FN_ABS, 1, 1},
    {104, "CEIL", tflite_unary, SL_FN_CEIL, 1, 1},
    {111, "ELU", tflite_unary, SL_FN_ELU, 1, 1}, /* alpha is 1 */
    {117, "HARD_SWISH", tflite_unary, SL_FN_HARD_SWISH, 1, 1},
};

const sl_tflite_operator *sl_tflite_find_operator(int code)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].code == code)
            return &operators[i];
    return NULL;
}
