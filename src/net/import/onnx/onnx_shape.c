/* ONNX converters: shapes, slices, reductions, constants. */
#include "net/import/onnx/onnx.h"

#include <string.h>

/* The tensor of input i must hold integers. */
static void want_integers(sl_onnx *o, sl_tensor t, const char *what)
{
    if (t >= 0 && o->g->tensors[t].type != SL_TYPE_I64)
        sl_onnx_fail(o, SL_ERR_FORMAT, "%s must be integers", what);
}

static int read_axis(sl_onnx *o, int64_t otherwise)
{
    return sl_onnx_int_within(o, "axis", otherwise, -SL_MAX_RANK, SL_MAX_RANK);
}

void sl_onnx_reshape(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    want_integers(o, o->inputs[1], "the shape's sizes");
    sl_onnx_finish(o, SL_OP_RESHAPE, &(sl_attr){.allow_zero = sl_onnx_int(o, "allowzero", 0) != 0}, o->inputs, 2);
}

void sl_onnx_flatten(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_onnx_finish(o, SL_OP_FLATTEN, &(sl_attr){.axis = read_axis(o, 1)}, o->inputs, 1);
}

void sl_onnx_concat(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    if (!sl_onnx_has(o, "axis"))
        sl_onnx_fail(o, SL_ERR_FORMAT, "axis is missing");
    for (int i = 0; i < o->n_inputs; i++)
        if (o->inputs[i] < 0 || o->g->tensors[o->inputs[i]].type != o->g->tensors[o->inputs[0]].type)
            sl_onnx_fail(o, SL_ERR_FORMAT, "inputs are missing or of different types");
    sl_onnx_finish(o, SL_OP_CONCAT, &(sl_attr){.axis = read_axis(o, 0)}, o->inputs, o->n_inputs);
}

void sl_onnx_transpose(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_attr a = {0};
    size_t count;
    const int64_t *perm = sl_onnx_ints(o, "perm", &count);
    unsigned seen = 0;
    if (!perm && o->status == SL_OK) { /* the default turns the axes round, whose number must be known */
        const sl_shape *x = &o->g->tensors[o->inputs[0]].shape;
        if (x->rank < 0)
            sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "perm is missing and the input's rank is not known");
        for (int i = 0; i < x->rank; i++)
            a.perm[i] = x->rank - 1 - i;
    } else if (count > SL_MAX_RANK) {
        sl_onnx_fail(o, SL_ERR_FORMAT, "perm has %zu values", count);
    } else {
        for (size_t i = 0; i < count; i++) {
            if (perm[i] < 0 || perm[i] >= (int64_t)count || seen & 1u << perm[i])
                sl_onnx_fail(o, SL_ERR_FORMAT, "perm is no permutation");
            else
                a.perm[i] = (int)perm[i], seen |= 1u << perm[i];
        }
    }
    sl_onnx_finish(o, SL_OP_TRANSPOSE, &a, o->inputs, 1);
}

void sl_onnx_slice(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_tensor in[5] = {o->inputs[0], sl_onnx_ints_or_input(o, "starts", 1), sl_onnx_ints_or_input(o, "ends", 2),
                       sl_onnx_ints_or_input(o, "axes", 3), sl_onnx_input(o, 4)};
    if (in[1] < 0 || in[2] < 0)
        sl_onnx_fail(o, SL_ERR_FORMAT, "starts or ends are missing");
    for (int i = 1; i < 5; i++)
        want_integers(o, in[i], "starts, ends, axes and steps");
    sl_onnx_finish(o, SL_OP_SLICE, &(sl_attr){0}, in, 5);
}

void sl_onnx_split(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_tensor in[2] = {o->inputs[0], sl_onnx_ints_or_input(o, "split", 1)};
    want_integers(o, in[1], "the parts' sizes");
    sl_onnx_finish(o, SL_OP_SPLIT, &(sl_attr){.axis = read_axis(o, 0)}, in, 2);
}

void sl_onnx_squeeze(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_tensor in[2] = {o->inputs[0], sl_onnx_ints_or_input(o, "axes", 1)};
    want_integers(o, in[1], "axes");
    sl_onnx_finish(o, SL_OP_SQUEEZE, &(sl_attr){0}, in, 2);
}

void sl_onnx_unsqueeze(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_tensor in[2] = {o->inputs[0], sl_onnx_ints_or_input(o, "axes", 1)};
    if (in[1] < 0)
        sl_onnx_fail(o, SL_ERR_FORMAT, "axes are missing");
    want_integers(o, in[1], "axes");
    sl_onnx_finish(o, SL_OP_UNSQUEEZE, &(sl_attr){0}, in, 2);
}

void sl_onnx_pad(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_attr a = {.fn = SL_FN_CONSTANT, .a = sl_onnx_float(o, "value", 0)};
    sl_tensor in[2] = {o->inputs[0], sl_onnx_ints_or_input(o, "pads", 1)}, value = sl_onnx_input(o, 2);
    if (sl_onnx_string_is(o, "mode", "constant", "edge"))
        a.fn = SL_FN_EDGE;
    else if (sl_onnx_string_is(o, "mode", "constant", "reflect"))
        a.fn = SL_FN_REFLECT;
    else if (!sl_onnx_string_is(o, "mode", "constant", "constant"))
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "this mode is not supported");
    if (value >= 0) {
        int64_t count;
        const float *v = sl_onnx_const_f32(o, value, &count);
        if (v && count == 1)
            a.a = *v;
        else
            sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "the value to pad with is no constant number");
    }
    if (sl_onnx_input(o, 3) >= 0)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "pads for some axes only are not supported");
    if (in[1] < 0)
        sl_onnx_fail(o, SL_ERR_FORMAT, "pads are missing");
    want_integers(o, in[1], "pads");
    sl_onnx_finish(o, SL_OP_PAD, &a, in, 2);
}

void sl_onnx_gather(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    want_integers(o, o->inputs[1], "indices");
    sl_onnx_finish(o, SL_OP_GATHER, &(sl_attr){.axis = read_axis(o, 0)}, o->inputs, 2);
}

/* Shape; start and end (opset 15) become a slice of it. */
void sl_onnx_shape(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    int64_t start = sl_onnx_int(o, "start", 0), end = sl_onnx_int(o, "end", INT64_MAX);
    if (start == 0 && end == INT64_MAX) {
        sl_onnx_finish(o, SL_OP_SHAPE, &(sl_attr){0}, o->inputs, 1);
        return;
    }
    sl_tensor whole = sl_onnx_emit(o, SL_OP_SHAPE, &(sl_attr){0}, o->inputs, 1);
    sl_tensor in[5] = {whole, sl_onnx_make_i64(o, &start, 1), sl_onnx_make_i64(o, &end, 1), -1, -1};
    sl_onnx_finish(o, SL_OP_SLICE, &(sl_attr){0}, in, 5);
}

void sl_onnx_cast(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_attr a = {0};
    int64_t to = sl_onnx_int(o, "to", 0);
    bool narrow = to == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL || to == ONNX__TENSOR_PROTO__DATA_TYPE__INT8 ||
                  to == ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
    if (to < 0 || to > INT32_MAX || !sl_onnx_type((int)to, &a.type) || narrow)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "element type %lld is not supported", (long long)to);
    sl_onnx_finish(o, SL_OP_CAST, &a, o->inputs, 1);
}

void sl_onnx_expand(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    want_integers(o, o->inputs[1], "the shape's sizes");
    sl_onnx_finish(o, SL_OP_EXPAND, &(sl_attr){0}, o->inputs, 2);
}

/* The only value of a constant tensor, as float; *type says what it is. */
static float only_value(sl_onnx *o, const Onnx__TensorProto *t, sl_type *type)
{
    float value = 0;
    sl_tensor constant = -1;
    sl_graph *scratch = sl_graph_new();
    if (!scratch)
        o->status = sl_fail(o->err, SL_ERR_MEMORY, "no memory for node %.200s", o->name);
    else
        o->status = sl_onnx_add_tensor(scratch, t, o->name, &constant, o->err);
    if (o->status == SL_OK) {
        const sl_tensor_info *info = &scratch->tensors[constant];
        *type = info->type;
        if (sl_shape_elements(&info->shape) != 1)
            sl_onnx_fail(o, SL_ERR_FORMAT, "value has not one element");
        else
            value = *type == SL_TYPE_F32 ? *(const float *)info->data : (float)*(const int64_t *)info->data;
    }
    sl_graph_free(scratch);
    return value;
}

void sl_onnx_fill(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_attr a = {.type = SL_TYPE_F32};
    const Onnx__TensorProto *value = sl_onnx_tensor_attribute(o, "value");
    if (value && o->status == SL_OK)
        a.a = only_value(o, value, &a.type);
    want_integers(o, o->inputs[0], "the shape's sizes");
    sl_onnx_finish(o, SL_OP_FILL, &a, o->inputs, 1);
}

/* Identity and Dropout, which does nothing at inference. */
void sl_onnx_identity(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    sl_onnx_finish_same(o, o->inputs[0]);
}

void sl_onnx_constant(sl_onnx *o, sl_fn fn)
{
    (void)fn;
    size_t count;
    sl_tensor t = -1;
    const Onnx__TensorProto *value = sl_onnx_tensor_attribute(o, "value");
    const float *floats = sl_onnx_floats(o, "value_floats", &count);
    float one_float = sl_onnx_float(o, "value_float", 0);
    int64_t one_int = sl_onnx_int(o, "value_int", 0);
    if (o->status != SL_OK)
        return;
    if (value) {
        o->status = sl_onnx_add_tensor(o->g, value, o->node->output[0], &t, o->err);
        return;
    }
    if (sl_onnx_has(o, "value_float")) {
        t = sl_onnx_make_scalar(o, one_float);
    } else if (sl_onnx_has(o, "value_floats")) {
        float *data = sl_onnx_new_floats(o, (int64_t)count);
        if (data && count)
            memcpy(data, floats, count * sizeof *data);
        t = sl_onnx_make_f32(o, data, &(sl_shape){.rank = 1, .dim = {(int64_t)count}});
    } else if (sl_onnx_has(o, "value_int")) {
        t = sl_onnx_make_i64(o, &one_int, 1);
        if (t >= 0)
            o->g->tensors[t].shape.rank = 0;
    } else if (sl_onnx_has(o, "value_ints")) {
        const int64_t *ints = sl_onnx_ints(o, "value_ints", &count);
        t = sl_onnx_make_i64(o, ints, count);
    } else {
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "constants of this kind are not supported");
    }
    sl_onnx_finish_same(o, t);
}

void sl_onnx_reduce(sl_onnx *o, sl_fn fn)
{
    sl_attr a = {.fn = fn, .keepdims = sl_onnx_int(o, "keepdims", 1) != 0};
    sl_tensor axes = sl_onnx_ints_or_input(o, "axes", 1);
    int64_t count = 0;
    const int64_t *values = sl_onnx_const_i64(o, axes, &count);
    if (axes >= 0 && !values)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "axes are not constant");
    if (count > SL_MAX_RANK)
        sl_onnx_fail(o, SL_ERR_FORMAT, "axes has %lld values", (long long)count);
    for (int64_t i = 0; i < count && count <= SL_MAX_RANK; i++) {
        if (values[i] < -SL_MAX_RANK || values[i] >= SL_MAX_RANK)
            sl_onnx_fail(o, SL_ERR_FORMAT, "axes has the value %lld", (long long)values[i]);
        else
            a.axes[a.n_axes++] = (int)values[i];
    }
    if (count == 0 && sl_onnx_int(o, "noop_with_empty_axes", 0))
        sl_onnx_finish_same(o, o->inputs[0]);
    else
        sl_onnx_finish(o, SL_OP_REDUCE, &a, o->inputs, 1);
}
