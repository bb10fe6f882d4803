/* TFLite converters: convolutions, dense layers, pooling, PReLU, softmax, norms, resizing. */
#include "net/import/tflite/tflite.h"

enum { MAX_WINDOW = 65535, PADDING_VALID = 1 };

static int read_window_size(sl_tflite *t, int field, int otherwise, const char *what)
{
    int32_t value = sl_flat_i32(&t->flat, t->options, field, otherwise);
    if (value < 1 || value > MAX_WINDOW)
        sl_tflite_fail(t, SL_ERR_FORMAT, "its %s is %d", what, (int)value);
    return value;
}

/* Padding and strides: the first three options of convolutions and pools. */
static sl_attr read_tflite_window(sl_tflite *t)
{
    sl_attr a = {.dilation = {1, 1}, .groups = 1};
    a.auto_pad = sl_flat_u8(&t->flat, t->options, 0, 0) == PADDING_VALID ? SL_PAD_VALID : SL_PAD_SAME_UPPER;
    a.stride[1] = read_window_size(t, 1, 1, "stride");
    a.stride[0] = read_window_size(t, 2, 1, "stride");
    return a;
}

/* The shape of a constant input that must have `rank` axes. */
static sl_shape weight_shape(sl_tflite *t, uint32_t i, int rank)
{
    sl_shape none = {.rank = rank, .dim = {1, 1, 1, 1}};
    int index = sl_tflite_index(t, i);
    if (index < 0 || !sl_tflite_is_const(t, index)) {
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "its weights are no constant");
        return none;
    }
    sl_shape shape = sl_tflite_shape(t, index);
    if (shape.rank != rank || sl_shape_elements(&shape) < 1) {
        sl_tflite_fail(t, SL_ERR_FORMAT, "its weights have the wrong shape");
        return none;
    }
    return shape;
}

static void set_kernel(sl_tflite *t, sl_attr *a, int64_t height, int64_t width)
{
    if (height > MAX_WINDOW || width > MAX_WINDOW)
        sl_tflite_fail(t, SL_ERR_FORMAT, "its kernel is too large");
    a->kernel[0] = (int)height;
    a->kernel[1] = (int)width;
}

/* The bias input as [count], -1 when absent. */
static sl_tensor read_tflite_bias(sl_tflite *t, uint32_t i)
{
    int index = sl_tflite_index(t, i);
    if (index < 0)
        return -1;
    return sl_tflite_const(t, index, 1, (const int[]){0}, NULL);
}

static int64_t input_channels(sl_tflite *t)
{
    int index = sl_tflite_index(t, 0);
    sl_shape x = index < 0 ? (sl_shape){0} : sl_tflite_shape(t, index);
    if (x.rank != 4 || x.dim[3] < 1)
        sl_tflite_fail(t, SL_ERR_FORMAT, "its input has not four axes with a known number of channels");
    return t->status == SL_OK ? x.dim[3] : 1;
}

void sl_tflite_conv(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    sl_attr a = read_tflite_window(t);
    a.dilation[1] = read_window_size(t, 4, 1, "dilation");
    a.dilation[0] = read_window_size(t, 5, 1, "dilation");
    sl_shape w = weight_shape(t, 1, 4); /* O, H, W, I / groups */
    int64_t channels = input_channels(t);
    set_kernel(t, &a, w.dim[1], w.dim[2]);
    if (channels % w.dim[3] || channels / w.dim[3] > 1 << 20)
        sl_tflite_fail(t, SL_ERR_FORMAT, "its weights do not fit an input of %lld channels", (long long)channels);
    a.groups = (int)(channels / w.dim[3]);
    if (t->status != SL_OK)
        return;
    sl_tensor in[3] = {sl_tflite_input(t, 0),
                       sl_tflite_const(t, sl_tflite_index(t, 1), 4, (const int[]){0, 3, 1, 2}, NULL),
                       read_tflite_bias(t, 2)};
    sl_tflite_finish_fused(t, SL_OP_CONV, &a, in, 3, 3);
}

void sl_tflite_depthwise(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    sl_attr a = read_tflite_window(t);
    a.dilation[1] = read_window_size(t, 5, 1, "dilation");
    a.dilation[0] = read_window_size(t, 6, 1, "dilation");
    sl_shape w = weight_shape(t, 1, 4); /* 1, H, W, I * multiplier */
    int64_t channels = input_channels(t);
    set_kernel(t, &a, w.dim[1], w.dim[2]);
    if (w.dim[0] != 1 || w.dim[3] % channels || channels > 1 << 20)
        sl_tflite_fail(t, SL_ERR_FORMAT, "its weights do not fit an input of %lld channels", (long long)channels);
    a.groups = (int)channels;
    if (t->status != SL_OK)
        return;
    sl_tensor in[3] = {sl_tflite_input(t, 0),
                       sl_tflite_const(t, sl_tflite_index(t, 1), 4, (const int[]){3, 0, 1, 2}, NULL),
                       read_tflite_bias(t, 2)};
    sl_tflite_finish_fused(t, SL_OP_CONV, &a, in, 3, 4);
}

void sl_tflite_dense(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    sl_shape w = weight_shape(t, 1, 2); /* O, K */
    int x_index = sl_tflite_index(t, 0);
    if (sl_flat_u8(&t->flat, t->options, 1, 0) != 0)
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "shuffled weights are not supported");
    sl_tensor x = sl_tflite_input(t, 0);
    if (t->status != SL_OK)
        return;
    sl_shape shape = sl_tflite_shape(t, x_index);
    if (sl_flat_u8(&t->flat, t->options, 2, 0) && shape.rank != 2)
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "keep_num_dims is not supported");
    if (shape.rank != 2) {
        int64_t features = 1; /* behind the batch */
        for (int i = 1; i < shape.rank; i++)
            features = shape.dim[i] < 0 || features > w.dim[1] ? -1 : features * shape.dim[i];
        x = sl_tflite_to_file_order(t, x, shape.rank);
        if (features == w.dim[1])
            x = sl_tflite_emit(t, SL_OP_FLATTEN, &(sl_attr){.axis = 1}, &x, 1);
        else
            x = sl_tflite_emit(t, SL_OP_RESHAPE, &(sl_attr){0},
                               (sl_tensor[]){x, sl_tflite_make_i64(t, (int64_t[]){-1, w.dim[1]}, 2)}, 2);
    }
    sl_tensor in[3] = {x, sl_tflite_const(t, sl_tflite_index(t, 1), 2, (const int[]){0, 1}, NULL),
                       read_tflite_bias(t, 2)};
    sl_tflite_finish_fused(t, SL_OP_DENSE, &(sl_attr){0}, in, 3, 0);
}

void sl_tflite_pool(sl_tflite *t, sl_fn fn)
{
    sl_attr a = read_tflite_window(t);
    a.fn = fn;
    a.kernel[1] = read_window_size(t, 3, 0, "kernel");
    a.kernel[0] = read_window_size(t, 4, 0, "kernel");
    input_channels(t);
    sl_tensor x = sl_tflite_input(t, 0);
    sl_tflite_finish_fused(t, SL_OP_POOL, &a, &x, 1, 5);
}

/* Operands that broadcast: a constant of fewer axes than an image gets its channels before the others. */
static sl_tensor operand(sl_tflite *t, uint32_t i, int rank)
{
    int index = sl_tflite_index(t, i);
    if (index < 0 || !sl_tflite_is_const(t, index)) {
        if (index >= 0 && rank == 4 && sl_tflite_shape(t, index).rank != 4)
            sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "an operand with fewer axes than the other must be a constant");
        return sl_tflite_input(t, i);
    }
    sl_shape shape = sl_tflite_shape(t, index);
    if (rank != 4 || shape.rank == 0 || shape.rank > 4)
        return sl_tflite_input(t, i);
    if (shape.rank == 1) {
        sl_shape channels = {.rank = 3, .dim = {shape.dim[0], 1, 1}};
        return sl_tflite_const(t, index, 4, (const int[]){0, 3, 1, 2}, &channels);
    }
    return sl_tflite_const(t, index, 4, (const int[]){0, 3, 1, 2}, NULL);
}

void sl_tflite_binary(sl_tflite *t, sl_fn fn)
{
    int a = sl_tflite_index(t, 0), b = sl_tflite_index(t, 1);
    int rank = 0;
    if (a >= 0 && b >= 0) {
        int rank_a = sl_tflite_shape(t, a).rank, rank_b = sl_tflite_shape(t, b).rank;
        rank = rank_a > rank_b ? rank_a : rank_b;
    }
    sl_tensor in[2] = {operand(t, 0, rank), operand(t, 1, rank)};
    bool fused = fn == SL_FN_ADD || fn == SL_FN_SUB || fn == SL_FN_MUL || fn == SL_FN_DIV;
    if (fused)
        sl_tflite_finish_fused(t, SL_OP_BINARY, &(sl_attr){.fn = fn}, in, 2, 0);
    else
        sl_tflite_finish(t, SL_OP_BINARY, &(sl_attr){.fn = fn}, in, 2);
}

void sl_tflite_prelu(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    int x_index = sl_tflite_index(t, 0), slope_index = sl_tflite_index(t, 1);
    sl_tensor x = sl_tflite_input(t, 0);
    if (t->status != SL_OK || slope_index < 0)
        return sl_tflite_fail(t, SL_ERR_FORMAT, "its slopes are missing");
    int rank = sl_tflite_shape(t, x_index).rank;
    sl_shape slope = sl_tflite_shape(t, slope_index);
    int64_t count = sl_shape_elements(&slope);
    if (rank >= 1 && slope.rank >= 1 && count >= 1 && slope.dim[slope.rank - 1] == count &&
        sl_tflite_is_const(t, slope_index)) {
        sl_shape channels = {.rank = rank == 4 ? 3 : 1, .dim = {count, 1, 1}};
        sl_tensor in[2] = {
            x, sl_tflite_const(t, slope_index, slope.rank, (const int[]){0, 1, 2, 3, 4, 5}, &channels)};
        sl_tflite_finish(t, SL_OP_PRELU, &(sl_attr){0}, in, 2);
        return;
    }
    /* slopes per position: relu(x) - slope * relu(-x) */
    sl_tensor positive = sl_tflite_emit(t, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_RELU}, &x, 1);
    sl_tensor minus = sl_tflite_emit(t, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_NEG}, &x, 1);
    sl_tensor negative = sl_tflite_emit(t, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_RELU}, &minus, 1);
    sl_tensor by[2] = {negative, operand(t, 1, rank)};
    sl_tensor scaled = sl_tflite_emit(t, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MUL}, by, 2);
    sl_tflite_finish(t, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_SUB}, (sl_tensor[]){positive, scaled}, 2);
}

/* The last axis in the file: the channels. */
static int last_axis(sl_tflite *t)
{
    int index = sl_tflite_index(t, 0);
    int rank = index < 0 ? 0 : sl_tflite_shape(t, index).rank;
    return sl_tflite_axis(t, -1, rank);
}

void sl_tflite_softmax(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    float beta = sl_flat_f32(&t->flat, t->options, 0, 1);
    sl_tensor x = sl_tflite_input(t, 0);
    if (beta != 1) {
        sl_tensor in[2] = {x, sl_tflite_make_scalar(t, beta)};
        x = sl_tflite_emit(t, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MUL}, in, 2);
    }
    sl_tflite_finish(t, SL_OP_SOFTMAX, &(sl_attr){.axis = last_axis(t)}, &x, 1);
}

void sl_tflite_l2norm(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    sl_tensor x = sl_tflite_input(t, 0);
    sl_tflite_finish_fused(t, SL_OP_L2NORM, &(sl_attr){.axis = last_axis(t), .a = 1e-6f}, &x, 1, 0);
}

/* x resized to the height and width of constant input 1; its own batch and channels stay. */
static void finish_resize(sl_tflite *t, const sl_attr *a)
{
    int64_t size[2];
    input_channels(t);
    sl_tensor x = sl_tflite_input(t, 0);
    if (sl_tflite_ints(t, 1, size, 2) != 2)
        sl_tflite_fail(t, SL_ERR_FORMAT, "its size has not two values");
    if (t->status != SL_OK)
        return;
    sl_tensor shape = sl_tflite_emit(t, SL_OP_SHAPE, &(sl_attr){0}, &x, 1);
    sl_tensor in[5] = {shape, sl_tflite_make_i64(t, (int64_t[]){0}, 1), sl_tflite_make_i64(t, (int64_t[]){2}, 1),
                       -1, -1};
    sl_tensor kept = sl_tflite_emit(t, SL_OP_SLICE, &(sl_attr){0}, in, 5);
    sl_tensor parts[2] = {kept, sl_tflite_make_i64(t, size, 2)};
    sl_tensor sizes = sl_tflite_emit(t, SL_OP_CONCAT, &(sl_attr){.axis = 0}, parts, 2);
    sl_tflite_finish(t, SL_OP_RESIZE, a, (sl_tensor[]){x, sizes}, 2);
}

void sl_tflite_resize_bilinear(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    bool align = sl_flat_u8(&t->flat, t->options, 2, 0), half = sl_flat_u8(&t->flat, t->options, 3, 0);
    sl_attr a = {.fn = SL_FN_LINEAR};
    a.coord = align ? SL_COORD_ALIGN_CORNERS : half ? SL_COORD_HALF_PIXEL : SL_COORD_ASYMMETRIC;
    finish_resize(t, &a);
}

void sl_tflite_resize_nearest(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    bool align = sl_flat_u8(&t->flat, t->options, 0, 0), half = sl_flat_u8(&t->flat, t->options, 1, 0);
    sl_attr a = {.fn = SL_FN_NEAREST};
    a.coord = align ? SL_COORD_ALIGN_CORNERS : half ? SL_COORD_HALF_PIXEL : SL_COORD_ASYMMETRIC;
    a.round = align || half ? SL_ROUND_PREFER_CEIL : SL_ROUND_FLOOR;
    finish_resize(t, &a);
}

/* 16-bit weights are widened when they are used: the output stands for the input. */
void sl_tflite_dequantize(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    int from = sl_tflite_index(t, 0), to = sl_flat_i32_in(&t->flat, t->outputs, 0);
    if (from < 0 || !sl_tflite_is_const(t, from))
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "only constants of 16-bit floats can be dequantised");
    else
        t->stands_for[to] = t->stands_for[from];
}
