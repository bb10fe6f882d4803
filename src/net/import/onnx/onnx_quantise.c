/* ONNX converters: QuantizeLinear and DequantizeLinear ("QDQ"). Quantised numbers are kept as floats, which hold
 * integers of 8 bits exactly: what the file rounds is rounded here, and all else is computed in f32.
 *
 *     q = clip(round(x / scale) + zero, lowest, highest)        y = (q - zero) scale */
#include <math.h>
#include <string.h>

#include "net/import/onnx/onnx.h"

/* The node's scale and zero point: one of each, or one for each index of an axis. Both are constants. */
typedef struct {
    const float *scale;
    const int64_t *zero; /* NULL: 0 */
    int64_t count;
    int axis;
    float lowest, highest;
} quantiser;

static const Onnx__TensorProto *initializer_of(const sl_onnx *o, const char *name)
{
    for (size_t i = 0; i < o->file_graph->n_initializer; i++)
        if (o->file_graph->initializer[i]->name && strcmp(o->file_graph->initializer[i]->name, name) == 0)
            return o->file_graph->initializer[i];
    for (size_t i = 0; i < o->file_graph->n_node; i++) {
        const Onnx__NodeProto *node = o->file_graph->node[i];
        if (node->n_output == 1 && strcmp(node->output[0], name) == 0)
            return node->n_attribute == 1 ? node->attribute[0]->t : NULL; /* of a Constant */
    }
    return NULL;
}

/* The zero point's type says what x is rounded to; without one it is uint8. */
static void read_limits(sl_onnx *o, quantiser *q)
{
    const Onnx__TensorProto *zero = sl_onnx_input(o, 2) >= 0 ? initializer_of(o, o->node->input[2]) : NULL;
    const int64_t type = zero ? zero->data_type
                              : sl_onnx_int(o, "output_dtype", ONNX__TENSOR_PROTO__DATA_TYPE__UINT8);
    const bool has_sign = type == ONNX__TENSOR_PROTO__DATA_TYPE__INT8;
    if (!has_sign && type != ONNX__TENSOR_PROTO__DATA_TYPE__UINT8 && type)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "it rounds to element type %lld; int8 and uint8 are supported",
                     (long long)type);
    q->lowest = has_sign ? -128 : 0;
    q->highest = has_sign ? 127 : 255;
}

static void read_quantiser(sl_onnx *o, quantiser *q)
{
    int64_t zeros = 0;
    q->scale = sl_onnx_const_f32(o, o->inputs[1], &q->count);
    if (sl_onnx_input(o, 2) >= 0)
        q->zero = sl_onnx_const_i64(o, o->inputs[2], &zeros);
    if (!q->scale || q->count < 1)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "its scale is computed; only constant ones are supported");
    else if (sl_onnx_input(o, 2) >= 0 && (!q->zero || zeros != q->count))
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "its zero point is computed, or not of its scale's shape");
    if (sl_onnx_int(o, "block_size", 0))
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "scales by blocks are not supported");
    for (int64_t i = 0; o->status == SL_OK && i < q->count; i++)
        if (!isfinite(q->scale[i]) || q->scale[i] <= 0)
            sl_onnx_fail(o, SL_ERR_FORMAT, "its scale is not above zero");
    q->axis = sl_onnx_int_within(o, "axis", 1, -SL_MAX_RANK, SL_MAX_RANK - 1);
}

/* ---- constants: weights ---- */

/* Of how many numbers in a row the scale is the same: those behind the axis. */
static int64_t inner_count(sl_onnx *o, const quantiser *q, const sl_shape *shape)
{
    const int axis = q->axis < 0 ? q->axis + shape->rank : q->axis;
    if (q->count == 1)
        return sl_shape_elements(shape);
    if (axis >= 0 && axis < shape->rank && shape->dim[axis] == q->count)
        return sl_shape_span(shape, axis + 1, shape->rank);
    sl_onnx_fail(o, SL_ERR_FORMAT, "it has %lld scales, which its axis has not", (long long)q->count);
    return 1;
}

static float quantised(const quantiser *q, int64_t i, float x)
{
    const float y = nearbyintf(x / q->scale[i]) + (q->zero ? (float)q->zero[i] : 0);
    return y < q->lowest ? q->lowest : y > q->highest ? q->highest : y;
}

static float dequantised(const quantiser *q, int64_t i, double x)
{
    return (float)(x - (q->zero ? (double)q->zero[i] : 0)) * q->scale[i];
}

/* The constant x quantised or back; the output is a constant. */
static void finish_const(sl_onnx *o, const quantiser *q, bool back)
{
    const sl_tensor_info x = o->g->tensors[o->inputs[0]];
    const int64_t inner = inner_count(o, q, &x.shape), count = sl_shape_elements(&x.shape);
    float *y = sl_onnx_new_floats(o, count);
    for (int64_t i = 0; y && i < count; i++) {
        const int64_t at = q->count == 1 ? 0 : i / inner % q->count;
        const double value = x.type == SL_TYPE_F32 ? (double)((const float *)x.data)[i]
                                                   : (double)((const int64_t *)x.data)[i];
        y[i] = back ? dequantised(q, at, value) : quantised(q, at, (float)value);
    }
    sl_onnx_finish_same(o, sl_onnx_make_f32(o, y, &x.shape));
}

/* ---- what is computed ---- */

static sl_tensor with_number(sl_onnx *o, sl_fn fn, sl_tensor x, float number)
{
    return sl_onnx_emit(o, SL_OP_BINARY, &(sl_attr){.fn = fn}, (sl_tensor[]){x, sl_onnx_make_scalar(o, number)}, 2);
}

static bool is_one_scale(sl_onnx *o, const quantiser *q)
{
    if (q->count != 1)
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "scales per axis of what is computed are not supported");
    return o->status == SL_OK;
}

void sl_onnx_quantise(sl_onnx *o, sl_fn fn)
{
    quantiser q = {0};
    (void)fn;
    read_quantiser(o, &q);
    read_limits(o, &q);
    if (o->status != SL_OK)
        return;
    if (o->g->tensors[o->inputs[0]].data) {
        finish_const(o, &q, false);
        return;
    }
    if (!is_one_scale(o, &q))
        return;
    sl_tensor x = with_number(o, SL_FN_DIV, o->inputs[0], q.scale[0]);
    x = sl_onnx_emit(o, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_ROUND}, &x, 1);
    if (q.zero && q.zero[0])
        x = with_number(o, SL_FN_ADD, x, (float)q.zero[0]);
    sl_onnx_finish(o, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_CLIP, .a = q.lowest, .b = q.highest}, &x, 1);
}

void sl_onnx_dequantise(sl_onnx *o, sl_fn fn)
{
    quantiser q = {0};
    (void)fn;
    read_quantiser(o, &q);
    if (o->status != SL_OK)
        return;
    if (o->g->tensors[o->inputs[0]].data) {
        finish_const(o, &q, true);
        return;
    }
    if (!is_one_scale(o, &q))
        return;
    sl_tensor x = o->inputs[0];
    if (q.zero && q.zero[0])
        x = with_number(o, SL_FN_SUB, x, (float)q.zero[0]);
    sl_onnx_finish(o, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MUL},
                   (sl_tensor[]){x, sl_onnx_make_scalar(o, q.scale[0])}, 2);
}
