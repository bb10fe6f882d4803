/* ONNX tensors to constants: floats of all widths become float, integers and booleans int64. */
#include "net/import/onnx/onnx.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "net/import/half.h"

/* Bytes of one element in raw_data; 0 for types that are not supported. */
static size_t onnx_width(int type)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL: return 1;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16: return 2;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32: return 4;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return 8;
    default: return 0;
    }
}

bool sl_onnx_type(int type, sl_type *out)
{
    bool is_float =
        type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT || type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ||
        type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 || type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
    *out = is_float ? SL_TYPE_F32 : SL_TYPE_I64;
    return onnx_width(type) != 0;
}

/* Where a tensor's elements are: raw bytes, or one of the typed lists. */
typedef struct {
    int type;
    const uint8_t *raw; /* NULL: the list for this type */
    const Onnx__TensorProto *t;
} elements;

static float onnx_float_at(const elements *e, size_t i)
{
    const uint8_t *p = e->raw ? e->raw + i * onnx_width(e->type) : NULL;
    switch (e->type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: return p ? sl_get_f32(p) : e->t->float_data[i];
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
        return sl_float_of_half(p ? sl_get_u16(p) : (uint16_t)e->t->int32_data[i]);
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        return sl_float_of_bfloat(p ? sl_get_u16(p) : (uint16_t)e->t->int32_data[i]);
    default: break;
    }
    double value;
    if (p)
        memcpy(&value, p, sizeof value);
    else
        value = e->t->double_data[i];
    return (float)value;
}

static int64_t int_at(const elements *e, size_t i)
{
    const uint8_t *p = e->raw ? e->raw + i * onnx_width(e->type) : NULL;
    switch (e->type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return p ? sl_get_i64(p) : e->t->int64_data[i];
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32: return p ? sl_get_i32(p) : e->t->int32_data[i];
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8: return p ? (int8_t)*p : e->t->int32_data[i];
    default: return p ? *p : e->t->int32_data[i]; /* uint8, bool */
    }
}

/* Elements in the typed list that holds this type. */
static size_t listed_elements(const Onnx__TensorProto *t)
{
    switch (t->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT: return t->n_float_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: return t->n_double_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return t->n_int64_data;
    default: return t->n_int32_data;
    }
}

static sl_status onnx_shape_of(const Onnx__TensorProto *t, const char *name, sl_shape *shape, sl_error *err)
{
    if (t->n_dims > SL_MAX_RANK)
        return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s has %zu axes, at most %d are supported", name, t->n_dims,
                       SL_MAX_RANK);
    *shape = (sl_shape){.rank = (int)t->n_dims};
    for (int i = 0; i < shape->rank; i++)
        shape->dim[i] = t->dims[i];
    if (sl_shape_elements(shape) < 0)
        return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s: a negative size, or more than %lld elements", name,
                       (long long)SL_MAX_ELEMENTS);
    return SL_OK;
}

/* Checks that exactly `count` elements are there and says where. */
static sl_status locate_elements(const Onnx__TensorProto *t, const char *name, size_t count, elements *e, sl_error *err)
{
    if (t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "tensor %.200s: its data is in another file; save the model with "
                       "its weights inside", name);
    if (onnx_width(t->data_type) == 0)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "tensor %.200s: element type %d is not supported", name,
                       (int)t->data_type);
    *e = (elements){.type = t->data_type, .t = t};
    size_t have = listed_elements(t);
    if (t->has_raw_data && (t->raw_data.len || !have)) {
        static const uint8_t nothing;
        e->raw = t->raw_data.data ? t->raw_data.data : &nothing;
        have = t->raw_data.len / onnx_width(t->data_type);
        if (t->raw_data.len % onnx_width(t->data_type))
            have = SIZE_MAX;
    }
    if (have != count)
        return sl_fail(err, SL_ERR_FORMAT,
                       "tensor %.200s: its shape wants %zu elements, its data has another number", name, count);
    return SL_OK;
}

sl_status sl_onnx_add_tensor(sl_graph *g, const Onnx__TensorProto *t, const char *name, sl_tensor *out,
                             sl_error *err)
{
    sl_shape shape;
    elements e = {0};
    sl_type type;
    *out = -1;
    SL_TRY(onnx_shape_of(t, name, &shape, err));
    size_t count = (size_t)sl_shape_elements(&shape);
    SL_TRY(locate_elements(t, name, count, &e, err));
    sl_onnx_type(e.type, &type);
    void *data = sl_alloc_aligned(count * sl_type_size(type));
    if (!data)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the %zu elements of tensor %.200s", count, name);
    if (e.raw && e.type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) /* nearly always */
        memcpy(data, e.raw, count * sizeof(float));
    else if (type == SL_TYPE_F32)
        for (size_t i = 0; i < count; i++)
            ((float *)data)[i] = onnx_float_at(&e, i);
    else
        for (size_t i = 0; i < count; i++)
            ((int64_t *)data)[i] = int_at(&e, i);
    return sl_graph_add_const(g, name, type, &shape, data, true, out, err);
}
