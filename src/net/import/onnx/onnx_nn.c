/* ONNX converters: convolution, pooling, normalisation, dense layers, softmax, resizing. */
#include "net/import/onnx/onnx.h"

#include <string.h>

enum { MAX_WINDOW = 65535 };

/* Two integers for height and width. */
static void read_pair(sl_onnx *o, const char *attribute, int low, int out[2])
{
    size_t count;
    const int64_t *values = sl_onnx_ints(o, attribute, &count);
    if (!sl_onnx_has(o, attribute))
        return;
    if (count != 2) {
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "%s has %zu values; only two-dimensional windows are supported",
                     attribute, count);
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (values[i] < low || values[i] > MAX_WINDOW)
            sl_onnx_fail(o, SL_ERR_FORMAT, "%s has the value %lld", attribute, (long long)values[i]);
        else
            out[i] = (int)values[i];
    }
}

static void read_pads(sl_onnx *o, sl_attr *a)
{
    size_t count;
    const int64_t *pads = sl_onnx_ints(o, "pads", &count);
    if (sl_onnx_string_is(o, "auto_pad", "NOTSET", "SAME_UPPER"))
        a->auto_pad = SL_PAD_SAME_UPPER;
    else if (sl_onnx_string_is(o, "auto_pad", "NOTSET", "SAME_LOWER"))
        a->auto_pad = SL_PAD_SAME_LOWER;
    else if (sl_onnx_string_is(o, "auto_pad", "NOTSET", "VALID"))
        a->auto_pad = SL_PAD_VALID;
    else if (!sl_onnx_string_is(o, "auto_pad", "NOTSET", "NOTSET") && !sl_onnx_string_is(o, "auto_pad", "", ""))
        sl_onnx_fail(o, SL_ERR_FORMAT, "auto_pad has an unknown value");
    if (!sl_onnx_has(o, "pads") || a->auto_pad != SL_PAD_EXPLICIT)
        return;
    if (count != 4) {
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "pads has %zu values, expected 4", count);
        return;
    }
    for (int i = 0; i < 4; i++) {
        if (pads[i] < 0 || pads[i] > MAX_WINDOW)
            sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "pads has the value %lld", (long long)pads[i]);
        else
            a->pad[i] = (int)pads[i];
    }
}

/* Strides, dilations and padding of convolutions and pools. */
static sl_attr read_onnx_window(sl_onnx *o)
{
    sl_attr a = {.stride = {1, 1}, .dilation = {1, 1}, .kernel = {0, 0}, .groups = 1};
    read_pair(o, "kernel_shape", 1, a.kernel);
    read_pair(o, "strides", 1, a.stride);
    read_pair(o, "dilations", 1, a.dilation);
    read_pads(o, &a);
    return a;
}

void sl_onnx_conv(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_attr a = read_onnx_window(o);
    a.groups = sl_onnx_int_within(o, "group", 1, 1, 1 << 20);
    const sl_shape *w = &o->g->tensors[o->inputs[1]].shape;
    if (w->rank >= 0 && w->rank != 4)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED,
                     "weights have %d axes; only two-dimensional convolutions are supported", w->rank);
    for (int i = 0; i < 2 && w->rank == 4; i++) {
        if (a.kernel[i] == 0 && w->dim[2 + i] > 0 && w->dim[2 + i] <= MAX_WINDOW)
            a.kernel[i] = (int)w->dim[2 + i];
        if (a.kernel[i] != w->dim[2 + i])
            sl_onnx_fail(o, SL_ERR_FORMAT, "kernel_shape and the weights' shape differ");
    }
    if (a.kernel[0] == 0 || a.kernel[1] == 0)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "the kernel's size is not known");
    sl_tensor in[3] = {o->inputs[0], o->inputs[1], sl_onnx_input(o, 2)};
    sl_onnx_finish(o, SL_OP_CONV, &a, in, 3);
}

void sl_onnx_pool(sl_onnx *o, sl_fn fn)
{
    sl_attr a = read_onnx_window(o);
    a.fn = fn;
    a.ceil_mode = sl_onnx_int(o, "ceil_mode", 0) != 0;
    a.count_include_pad = sl_onnx_int(o, "count_include_pad", 0) != 0;
    if (a.kernel[0] == 0)
        sl_onnx_fail(o, SL_ERR_FORMAT, "kernel_shape is missing");
    if (a.dilation[0] != 1 || a.dilation[1] != 1)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "dilated pooling is not supported");
    sl_onnx_finish(o, SL_OP_POOL, &a, o->inputs, 1);
}

void sl_onnx_global_pool(sl_onnx *o, sl_fn fn)
{
    sl_onnx_finish(o, SL_OP_GLOBAL_POOL, &(sl_attr){.fn = fn}, o->inputs, 1);
}

void sl_onnx_batchnorm(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    if (sl_onnx_int(o, "training_mode", 0) != 0)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "training mode is not supported; export the model for inference");
    if (sl_onnx_int(o, "spatial", 1) != 1)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "spatial = 0 is not supported");
    sl_onnx_finish(o, SL_OP_BATCHNORM, &(sl_attr){.a = sl_onnx_float(o, "epsilon", 1e-5f)}, o->inputs, 5);
}

/* Over the last axis alone; without a bias that is zeros. */
void sl_onnx_layernorm(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    const int rank = o->g->tensors[o->inputs[0]].shape.rank;
    const int64_t axis = sl_onnx_int(o, "axis", -1);
    sl_tensor inputs[3] = {o->inputs[0], o->inputs[1], sl_onnx_input(o, 2)};
    int64_t count;
    const float *scale = sl_onnx_const_f32(o, inputs[1], &count);
    if (!scale || (axis != -1 && axis != rank - 1))
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "it is done over the last axis, with a constant scale; this has another");
    if (inputs[2] < 0) {
        float *zeros = sl_onnx_new_floats(o, count);
        for (int64_t i = 0; zeros && i < count; i++)
            zeros[i] = 0;
        inputs[2] = sl_onnx_make_f32(o, zeros, &(sl_shape){1, {count}});
    }
    sl_onnx_finish(o, SL_OP_LAYERNORM, &(sl_attr){.axis = -1, .a = sl_onnx_float(o, "epsilon", 1e-5f)}, inputs, 3);
}

/* True for a slope SL_OP_PRELU takes; *slope is then its per-channel shape. */
static bool slope_per_channel(const sl_shape *given, sl_shape *slope)
{
    int64_t count = sl_shape_elements(given);
    if (count < 1)
        return false;
    if (count == 1) {
        *slope = (sl_shape){.rank = 1, .dim = {1}};
        return true;
    }
    *slope = *given;
    if (given->rank == 1)
        return true;
    *slope = (sl_shape){.rank = 3, .dim = {count, 1, 1}};
    return given->rank >= 3 && given->rank <= 4 && given->dim[given->rank - 3] == count;
}

void sl_onnx_prelu(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_tensor x = o->inputs[0], slope = o->inputs[1];
    int64_t count;
    sl_shape shape;
    const float *values = sl_onnx_const_f32(o, slope, &count);
    if (values && slope_per_channel(&o->g->tensors[slope].shape, &shape)) {
        sl_tensor in[2] = {x, sl_onnx_view(o, slope, &shape)};
        sl_onnx_finish(o, SL_OP_PRELU, &(sl_attr){0}, in, 2);
        return;
    }
    /* relu(x) - slope * relu(-x): slopes per position or computed ones */
    sl_tensor positive = sl_onnx_emit(o, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_RELU}, &x, 1);
    sl_tensor minus = sl_onnx_emit(o, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_NEG}, &x, 1);
    sl_tensor negative = sl_onnx_emit(o, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_RELU}, &minus, 1);
    sl_tensor scaled =
        sl_onnx_emit(o, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MUL}, (sl_tensor[]){negative, slope}, 2);
    sl_onnx_finish(o, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_SUB}, (sl_tensor[]){positive, scaled}, 2);
}

/* ---- Gemm: y = alpha x w + beta c ---- */

/* Weights [K,O] or [O,K] as [O,K], times alpha. */
static sl_tensor gemm_weights(sl_onnx *o, float alpha, bool transposed)
{
    sl_tensor w = o->inputs[1];
    int64_t count;
    const float *values = sl_onnx_const_f32(o, w, &count);
    if (values && transposed && alpha == 1)
        return w;
    if (!values) {
        if (!transposed)
            w = sl_onnx_emit(o, SL_OP_TRANSPOSE, &(sl_attr){.perm = {1, 0}}, &w, 1);
        if (alpha != 1)
            w = sl_onnx_emit(o, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MUL},
                             (sl_tensor[]){w, sl_onnx_make_scalar(o, alpha)}, 2);
        return w;
    }
    const sl_shape shape = o->g->tensors[w].shape;
    if (shape.rank != 2) {
        sl_onnx_fail(o, SL_ERR_FORMAT, "weights have %d axes, expected 2", shape.rank);
        return -1;
    }
    int64_t rows = shape.dim[transposed ? 0 : 1], columns = shape.dim[transposed ? 1 : 0];
    float *data = sl_onnx_new_floats(o, count);
    for (int64_t r = 0; data && r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            data[r * columns + c] = alpha * (transposed ? values[r * columns + c] : values[c * rows + r]);
    return sl_onnx_make_f32(o, data, &(sl_shape){.rank = 2, .dim = {rows, columns}});
}

/* The bias as [O] when it is a constant that is the same for every row; else -1. */
static sl_tensor gemm_bias(sl_onnx *o, sl_tensor c, float beta, int64_t width)
{
    int64_t count;
    const float *values = sl_onnx_const_f32(o, c, &count);
    if (!values || (count != 1 && count != width) || width < 1)
        return -1;
    const sl_shape *shape = &o->g->tensors[c].shape;
    if (count > 1 && (shape->rank < 1 || shape->dim[shape->rank - 1] != width))
        return -1;
    float *data = sl_onnx_new_floats(o, width);
    for (int64_t i = 0; data && i < width; i++)
        data[i] = beta * values[count == 1 ? 0 : i];
    return sl_onnx_make_f32(o, data, &(sl_shape){.rank = 1, .dim = {width}});
}

void sl_onnx_gemm(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    float alpha = sl_onnx_float(o, "alpha", 1), beta = sl_onnx_float(o, "beta", 1);
    sl_tensor x = o->inputs[0], c = sl_onnx_input(o, 2);
    if (sl_onnx_int(o, "transA", 0))
        x = sl_onnx_emit(o, SL_OP_TRANSPOSE, &(sl_attr){.perm = {1, 0}}, &x, 1);
    sl_tensor w = gemm_weights(o, alpha, sl_onnx_int(o, "transB", 0) != 0);
    if (o->status != SL_OK)
        return;
    const sl_shape *shape = &o->g->tensors[w].shape;
    sl_tensor bias = c < 0 ? -1 : gemm_bias(o, c, beta, shape->rank == 2 ? shape->dim[0] : -1);
    sl_tensor in[3] = {x, w, bias};
    if (c < 0 || bias >= 0) {
        sl_onnx_finish(o, SL_OP_DENSE, &(sl_attr){0}, in, 3);
        return;
    }
    sl_tensor product = sl_onnx_emit(o, SL_OP_DENSE, &(sl_attr){0}, in, 3);
    if (beta != 1)
        c = sl_onnx_emit(o, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MUL},
                         (sl_tensor[]){c, sl_onnx_make_scalar(o, beta)}, 2);
    sl_onnx_finish(o, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_ADD}, (sl_tensor[]){product, c}, 2);
}

/* ---- softmax and norms ---- */

void sl_onnx_softmax(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_tensor x = o->inputs[0];
    int axis = sl_onnx_int_within(o, "axis", o->opset < 13 ? 1 : -1, -SL_MAX_RANK, SL_MAX_RANK - 1);
    if (o->opset >= 13 || axis == -1) {
        sl_onnx_finish(o, SL_OP_SOFTMAX, &(sl_attr){.axis = axis}, &x, 1);
        return;
    }
    /* before opset 13 all axes from `axis` on were one */
    sl_tensor shape = sl_onnx_emit(o, SL_OP_SHAPE, &(sl_attr){0}, &x, 1);
    sl_tensor flat = sl_onnx_emit(o, SL_OP_FLATTEN, &(sl_attr){.axis = axis}, &x, 1);
    sl_tensor soft = sl_onnx_emit(o, SL_OP_SOFTMAX, &(sl_attr){.axis = 1}, &flat, 1);
    sl_onnx_finish(o, SL_OP_RESHAPE, &(sl_attr){0}, (sl_tensor[]){soft, shape}, 2);
}

void sl_onnx_lp_norm(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    if (sl_onnx_int(o, "p", 2) != 2)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "only p = 2 is supported");
    int axis = sl_onnx_int_within(o, "axis", -1, -SL_MAX_RANK, SL_MAX_RANK - 1);
    sl_onnx_finish(o, SL_OP_L2NORM, &(sl_attr){.axis = axis, .a = 1e-12f}, o->inputs, 1);
}

/* ---- resizing ---- */

static sl_fn resize_mode(sl_onnx *o)
{
    if (sl_onnx_string_is(o, "mode", "nearest", "nearest"))
        return SL_FN_NEAREST;
    if (!sl_onnx_string_is(o, "mode", "nearest", "linear") && !sl_onnx_string_is(o, "mode", "nearest", "bilinear"))
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "only the modes nearest and linear are supported");
    return SL_FN_LINEAR;
}

static sl_coord resize_coord(sl_onnx *o)
{
    static const char *const names[] = {[SL_COORD_HALF_PIXEL] = "half_pixel",
                                        [SL_COORD_ASYMMETRIC] = "asymmetric",
                                        [SL_COORD_ALIGN_CORNERS] = "align_corners",
                                        [SL_COORD_PYTORCH_HALF_PIXEL] = "pytorch_half_pixel"};
    for (int i = 0; i < 4; i++)
        if (sl_onnx_string_is(o, "coordinate_transformation_mode", "half_pixel", names[i]))
            return (sl_coord)i;
    sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "this coordinate_transformation_mode is not supported");
    return SL_COORD_HALF_PIXEL;
}

static sl_round resize_round(sl_onnx *o)
{
    static const char *const names[] = {[SL_ROUND_PREFER_FLOOR] = "round_prefer_floor",
                                        [SL_ROUND_PREFER_CEIL] = "round_prefer_ceil",
                                        [SL_ROUND_FLOOR] = "floor",
                                        [SL_ROUND_CEIL] = "ceil"};
    for (int i = 0; i < 4; i++)
        if (sl_onnx_string_is(o, "nearest_mode", "round_prefer_floor", names[i]))
            return (sl_round)i;
    sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "this nearest_mode is not supported");
    return SL_ROUND_PREFER_FLOOR;
}

/* Input i, unless it is absent or an empty constant (which is how exporters write "absent"). */
static sl_tensor given_input(const sl_onnx *o, int i)
{
    sl_tensor t = sl_onnx_input(o, i);
    return t >= 0 && o->g->tensors[t].data && sl_shape_elements(&o->g->tensors[t].shape) == 0 ? -1 : t;
}

/* Constant sizes have the batch of the export in front: x's own first size takes its place. */
static sl_tensor sizes_for_any_batch(sl_onnx *o, sl_tensor sizes)
{
    int64_t count;
    const int64_t *values = sl_onnx_const_i64(o, sizes, &count);
    if (!values || count < 3 || count > SL_MAX_RANK)
        return sizes;
    const int64_t zero = 0, one = 1;
    sl_tensor shape = sl_onnx_emit(o, SL_OP_SHAPE, &(sl_attr){0}, o->inputs, 1);
    sl_tensor in[5] = {shape, sl_onnx_make_i64(o, &zero, 1), sl_onnx_make_i64(o, &one, 1), -1, -1};
    sl_tensor batch = sl_onnx_emit(o, SL_OP_SLICE, &(sl_attr){0}, in, 5);
    sl_tensor rest = sl_onnx_make_i64(o, values + 1, (size_t)count - 1);
    return sl_onnx_emit(o, SL_OP_CONCAT, &(sl_attr){.axis = 0}, (sl_tensor[]){batch, rest}, 2);
}

void sl_onnx_resize(sl_onnx *o, sl_fn fn)
{
    if (o->opset < 11) {
        sl_onnx_upsample(o, fn);
        return;
    }
    sl_attr a = {.fn = resize_mode(o), .coord = resize_coord(o), .round = resize_round(o)};
    if (sl_onnx_int(o, "antialias", 0) || sl_onnx_has(o, "axes") ||
        !sl_onnx_string_is(o, "keep_aspect_ratio_policy", "stretch", "stretch"))
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "antialias, axes and keep_aspect_ratio_policy are not supported");
    sl_tensor scales = given_input(o, 2), sizes = given_input(o, 3), target = sizes >= 0 ? sizes : scales;
    if (target < 0)
        sl_onnx_fail(o, SL_ERR_FORMAT, "neither scales nor sizes are given");
    else if (o->g->tensors[target].type != (sizes >= 0 ? SL_TYPE_I64 : SL_TYPE_F32))
        sl_onnx_fail(o, SL_ERR_FORMAT, "scales or sizes are of the wrong type");
    if (target >= 0 && target == sizes)
        target = sizes_for_any_batch(o, sizes);
    sl_onnx_finish(o, SL_OP_RESIZE, &a, (sl_tensor[]){o->inputs[0], target}, 2);
}

/* Upsample, and Resize of opset 10: scales only, x_in = floor(x_out / scale). */
void sl_onnx_upsample(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_attr a = {.fn = resize_mode(o), .coord = SL_COORD_ASYMMETRIC, .round = SL_ROUND_FLOOR};
    sl_tensor scales = sl_onnx_input(o, 1);
    size_t count;
    const float *values = sl_onnx_floats(o, "scales", &count);
    if (values && scales < 0 && count <= SL_MAX_RANK) {
        float *data = sl_onnx_new_floats(o, (int64_t)count);
        if (data)
            memcpy(data, values, count * sizeof *data);
        scales = sl_onnx_make_f32(o, data, &(sl_shape){.rank = 1, .dim = {(int64_t)count}});
    }
    if (scales < 0 || o->g->tensors[scales].type != SL_TYPE_F32)
        sl_onnx_fail(o, SL_ERR_FORMAT, "scales are missing, or no floats");
    sl_onnx_finish(o, SL_OP_RESIZE, &a, (sl_tensor[]){o->inputs[0], scales}, 2);
}
