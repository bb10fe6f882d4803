/* What all converters of the TFLite importer use: the file's tensors, constants, and appending nodes. */
#include "net/import/tflite/tflite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "net/import/const_budget.h"
#include "net/import/half.h"

enum { TYPE_FLOAT32 = 0, TYPE_FLOAT16 = 1, TYPE_INT32 = 2, TYPE_INT64 = 4 };
enum { TENSOR_SHAPE = 0, TENSOR_TYPE = 1, TENSOR_BUFFER = 2, TENSOR_NAME = 3, TENSOR_SIGNATURE = 7 };

void sl_tflite_fail(sl_tflite *t, sl_status status, const char *format, ...)
{
    if (t->status != SL_OK)
        return;
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->status = sl_fail(t->err, status, "node %s (%s): %s", t->name, t->op_name, text);
}

/* ---- the file's tensors ---- */

int sl_tflite_index(const sl_tflite *t, uint32_t i)
{
    return i < t->inputs.count ? sl_flat_i32_in(&t->flat, t->inputs, i) : -1;
}

void sl_tflite_name(sl_tflite *t, int index, char *name, size_t size)
{
    sl_flat_at table = sl_flat_table_in(&t->flat, t->tensors, (uint32_t)index);
    sl_flat_vector text = sl_flat_vector_of(&t->flat, table, TENSOR_NAME, 1);
    snprintf(name, size, "%.*s", text.count < 1000 ? (int)text.count : 1000,
             text.count ? (const char *)t->flat.data + text.at : "");
}

/* The current size of every axis; the signature says which of them are free. */
sl_shape sl_tflite_shape(sl_tflite *t, int index)
{
    sl_flat_at table = sl_flat_table_in(&t->flat, t->tensors, (uint32_t)index);
    sl_flat_vector dims = sl_flat_vector_of(&t->flat, table, TENSOR_SHAPE, 4);
    sl_flat_vector signature = sl_flat_vector_of(&t->flat, table, TENSOR_SIGNATURE, 4);
    sl_shape shape = {.rank = (int)dims.count};
    if (dims.count > SL_MAX_RANK) {
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "a tensor has %u axes, at most %d are supported", dims.count,
                       SL_MAX_RANK);
        return (sl_shape){.rank = 0};
    }
    for (uint32_t i = 0; i < dims.count; i++) {
        shape.dim[i] = sl_flat_i32_in(&t->flat, dims, i);
        if (signature.count == dims.count && sl_flat_i32_in(&t->flat, signature, i) == -1)
            shape.dim[i] = -1;
        if (shape.dim[i] < -1)
            sl_tflite_fail(t, SL_ERR_FORMAT, "a tensor's axis %u has the size %lld", i, (long long)shape.dim[i]);
    }
    return shape;
}

sl_shape sl_tflite_output_shape(sl_tflite *t)
{
    return sl_tflite_shape(t, sl_flat_i32_in(&t->flat, t->outputs, 0));
}

static int type_of(sl_tflite *t, int index)
{
    return sl_flat_u8(&t->flat, sl_flat_table_in(&t->flat, t->tensors, (uint32_t)index), TENSOR_TYPE,
                      TYPE_FLOAT32);
}

/* The bytes of a constant; count 0 for tensors that are computed. */
static sl_flat_vector constant_bytes(sl_tflite *t, int index)
{
    sl_flat_at table = sl_flat_table_in(&t->flat, t->tensors, (uint32_t)t->stands_for[index]);
    uint32_t buffer = (uint32_t)sl_flat_i32(&t->flat, table, TENSOR_BUFFER, 0);
    if (buffer == 0 || buffer >= t->buffers.count)
        return (sl_flat_vector){0};
    return sl_flat_vector_of(&t->flat, sl_flat_table_in(&t->flat, t->buffers, buffer), 0, 1);
}

bool sl_tflite_is_const(sl_tflite *t, int index)
{
    return t->computed[index] < 0 && constant_bytes(t, index).count > 0;
}

/* ---- constants ---- */

/* A name nobody has. */
static void make_tflite_name(sl_tflite *t, const char *stem, char *name, size_t size)
{
    do
        snprintf(name, size, "%.200s/%d", stem, t->made_up++);
    while (sl_graph_find(t->g, name) >= 0);
}

/* `bytes` bytes for a constant, or NULL after an error. */
static void *new_data(sl_tflite *t, size_t bytes)
{
    void *data;
    sl_error why;
    if (t->status != SL_OK)
        return NULL;
    sl_status status = sl_const_alloc(&t->budget, bytes, &data, &why);
    if (status != SL_OK)
        sl_tflite_fail(t, status, "%s", why.text);
    return data;
}

/* Takes `data` over. */
static sl_tensor add_tflite_const(sl_tflite *t, const char *stem, sl_type type, const sl_shape *shape, void *data)
{
    char name[240];
    sl_tensor added = -1;
    if (t->status != SL_OK || !data) {
        free(data);
        return -1;
    }
    make_tflite_name(t, stem, name, sizeof name);
    t->status = sl_graph_add_const(t->g, name, type, shape, data, true, &added, t->err);
    return added;
}

sl_tensor sl_tflite_make_i64(sl_tflite *t, const int64_t *values, int count)
{
    int64_t *data = new_data(t, (size_t)count * sizeof *data);
    if (data && count)
        memcpy(data, values, (size_t)count * sizeof *data);
    return add_tflite_const(t, t->name, SL_TYPE_I64, &(sl_shape){.rank = 1, .dim = {count}}, data);
}

sl_tensor sl_tflite_make_scalar(sl_tflite *t, float value)
{
    float *data = new_data(t, sizeof *data);
    if (data)
        *data = value;
    return add_tflite_const(t, t->name, SL_TYPE_F32, &(sl_shape){.rank = 0}, data);
}

static float float_at(const uint8_t *bytes, int type, size_t i)
{
    return type == TYPE_FLOAT32 ? sl_get_f32(bytes + 4 * i) : sl_float_of_half(sl_get_u16(bytes + 2 * i));
}

/* to[...] over `out`'s positions = from[...] with out axis j walking the file's axis perm[j]. */
static void copy_permuted(float *to, const sl_shape *out, const int *perm, const sl_shape *in, const uint8_t *from,
                          int type)
{
    int64_t stride[SL_MAX_RANK], step[SL_MAX_RANK], at[SL_MAX_RANK] = {0}, source = 0;
    int rank = out->rank;
    for (int i = rank - 1; i >= 0; i--)
        stride[i] = i == rank - 1 ? 1 : stride[i + 1] * in->dim[i + 1];
    for (int j = 0; j < rank; j++)
        step[j] = stride[perm[j]];
    int64_t count = sl_shape_elements(out);
    for (int64_t n = 0; n < count; n++) {
        to[n] = float_at(from, type, (size_t)source);
        for (int j = rank - 1; j >= 0; j--) {
            source += step[j];
            if (++at[j] < out->dim[j])
                break;
            source -= step[j] * out->dim[j];
            at[j] = 0;
        }
    }
}

sl_tensor sl_tflite_const(sl_tflite *t, int index, int rank, const int *perm, const sl_shape *seen_as)
{
    sl_shape shape = sl_tflite_shape(t, index), in = {.rank = rank}, out = {.rank = rank};
    sl_flat_vector bytes = constant_bytes(t, index);
    int type = type_of(t, t->stands_for[index]);
    if (t->status == SL_OK && type != TYPE_FLOAT32 && type != TYPE_FLOAT16)
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "a constant has element type %d; quantised models are not supported",
                       type);
    int64_t count = sl_shape_elements(&shape);
    if (count < 0 || shape.rank > rank || bytes.count != (uint64_t)count * (type == TYPE_FLOAT32 ? 4 : 2))
        sl_tflite_fail(t, SL_ERR_FORMAT, "a constant's data does not fit its shape");
    if (t->status != SL_OK)
        return -1;
    for (int i = 0; i < rank; i++)
        in.dim[i] = i < rank - shape.rank ? 1 : shape.dim[i - (rank - shape.rank)];
    for (int j = 0; j < rank; j++)
        out.dim[j] = in.dim[perm[j]];
    float *data = new_data(t, (size_t)count * sizeof *data);
    if (data && count)
        copy_permuted(data, &out, perm, &in, t->flat.data + bytes.at, type);
    char name[240];
    sl_tflite_name(t, index, name, sizeof name);
    return add_tflite_const(t, name, SL_TYPE_F32, seen_as ? seen_as : &out, data);
}

int sl_tflite_ints(sl_tflite *t, uint32_t i, int64_t *values, int max)
{
    int index = sl_tflite_index(t, i);
    if (index < 0 || !sl_tflite_is_const(t, index)) {
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "its input %u is no constant", i);
        return 0;
    }
    int type = type_of(t, index);
    sl_flat_vector bytes = constant_bytes(t, index);
    uint32_t width = type == TYPE_INT64 ? 8 : 4;
    if ((type != TYPE_INT32 && type != TYPE_INT64) || bytes.count % width || bytes.count / width > (uint32_t)max) {
        sl_tflite_fail(t, SL_ERR_FORMAT, "its input %u is no list of at most %d integers", i, max);
        return 0;
    }
    const uint8_t *p = t->flat.data + bytes.at;
    for (uint32_t k = 0; k < bytes.count / width; k++)
        values[k] = width == 8 ? sl_get_i64(p + 8 * k) : sl_get_i32(p + 4 * k);
    return (int)(bytes.count / width);
}

static const int to_nchw[4] = {0, 3, 1, 2}, to_nhwc[4] = {0, 2, 3, 1}, as_is[SL_MAX_RANK] = {0, 1, 2, 3, 4, 5};

sl_tensor sl_tflite_input(sl_tflite *t, uint32_t i)
{
    int index = sl_tflite_index(t, i);
    if (index >= 0 && t->computed[index] >= 0)
        return t->computed[index];
    if (index < 0 || !sl_tflite_is_const(t, index)) {
        sl_tflite_fail(t, SL_ERR_FORMAT, "its input %u is missing, or nothing has computed it before", i);
        return -1;
    }
    int rank = sl_tflite_shape(t, index).rank;
    return sl_tflite_const(t, index, rank, rank == 4 ? to_nchw : as_is, NULL);
}

int sl_tflite_axis(sl_tflite *t, int64_t axis, int rank)
{
    if (axis < -rank || axis >= rank) {
        sl_tflite_fail(t, SL_ERR_FORMAT, "axis %lld of a tensor with %d axes", (long long)axis, rank);
        return 0;
    }
    if (axis < 0)
        axis += rank;
    return rank == 4 ? to_nhwc[axis] /* where NCHW has it: 0, 2, 3, 1 */ : (int)axis;
}

/* ---- nodes ---- */

/* The graph's tensor for file tensor `index`, which a node is about to compute. */
static sl_tensor add_tflite_output(sl_tflite *t, int index, bool integers)
{
    char name[240], unique[280];
    sl_tensor added = -1;
    sl_tflite_name(t, index, name, sizeof name);
    snprintf(unique, sizeof unique, "%s", name);
    if (!name[0] || sl_graph_find(t->g, name) >= 0)
        snprintf(unique, sizeof unique, "%s#%d", name, index);
    const int type = type_of(t, index);
    if (integers ? type != TYPE_INT32 && type != TYPE_INT64 : type != TYPE_FLOAT32)
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "its output has element type %d; only float models are supported",
                       type);
    if (t->computed[index] >= 0)
        sl_tflite_fail(t, SL_ERR_FORMAT, "its output %s is computed twice", name);
    if (t->status == SL_OK)
        t->status = sl_graph_add_tensor(t->g, unique, integers ? SL_TYPE_I64 : SL_TYPE_F32, &(sl_shape){.rank = -1},
                                        &added, t->err);
    if (t->status == SL_OK)
        t->computed[index] = added;
    return added;
}

static void add_tflite_node(sl_tflite *t, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs,
                            sl_tensor out)
{
    if (t->status == SL_OK)
        t->status = sl_graph_add_node(t->g, op, t->name, attr, inputs, n_inputs, &out, 1, t->err);
}

/* Shapes, and what is made of them. */
static bool makes_integers(const sl_tflite *t, sl_op op, const sl_tensor *inputs, int n_inputs)
{
    return op == SL_OP_SHAPE || (n_inputs > 0 && t->g->tensors[inputs[0]].type == SL_TYPE_I64);
}

sl_tensor sl_tflite_emit(sl_tflite *t, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs)
{
    char name[240];
    sl_tensor out = -1;
    if (t->status != SL_OK)
        return -1;
    bool integers = makes_integers(t, op, inputs, n_inputs);
    make_tflite_name(t, t->name, name, sizeof name);
    t->status = sl_graph_add_tensor(t->g, name, integers ? SL_TYPE_I64 : SL_TYPE_F32, &(sl_shape){.rank = -1},
                                    &out, t->err);
    add_tflite_node(t, op, attr, inputs, n_inputs, out);
    return t->status == SL_OK ? out : -1;
}

sl_tensor sl_tflite_to_file_order(sl_tflite *t, sl_tensor x, int rank)
{
    return rank == 4 ? sl_tflite_emit(t, SL_OP_TRANSPOSE, &(sl_attr){.perm = {0, 2, 3, 1}}, &x, 1) : x;
}

void sl_tflite_finish(sl_tflite *t, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs)
{
    if (t->status == SL_OK)
        add_tflite_node(t, op, attr, inputs, n_inputs,
                        add_tflite_output(t, sl_flat_i32_in(&t->flat, t->outputs, 0),
                                          makes_integers(t, op, inputs, n_inputs)));
}

void sl_tflite_finish_fused(sl_tflite *t, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs,
                            int field)
{
    static const sl_attr activations[] = {[1] = {.fn = SL_FN_RELU},
                                          [2] = {.fn = SL_FN_CLIP, .a = -1, .b = 1},
                                          [3] = {.fn = SL_FN_CLIP, .a = 0, .b = 6},
                                          [4] = {.fn = SL_FN_TANH}};
    unsigned which = sl_flat_u8(&t->flat, t->options, field, 0);
    if (which == 0) {
        sl_tflite_finish(t, op, attr, inputs, n_inputs);
        return;
    }
    if (which >= sizeof activations / sizeof *activations) {
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "fused activation %u is not supported", which);
        return;
    }
    sl_tensor x = sl_tflite_emit(t, op, attr, inputs, n_inputs);
    sl_tflite_finish(t, SL_OP_UNARY, &activations[which], &x, 1);
}
