/* Stored elements of any type as floats, through any strides, on the file's budget. */
#include "net/import/weights/storage.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "net/import/half.h"

enum {
    MALLOC_OVERHEAD = 32,              /* what an allocation takes beside its bytes */
    PER_WEIGHT = 4 * sizeof(sl_weight) /* of a state dict: arrays that grow by doubling, hash table, name */
};

static const char parallel_prefix[] = "module."; /* of torch's DataParallel and DistributedDataParallel */

size_t sl_element_size(sl_element type)
{
    static const uint8_t sizes[] = {4, 8, 2, 2, 8, 4, 2, 1, 1};
    return sizes[type];
}

static float element_at(sl_element type, const uint8_t *p)
{
    double f64;
    switch (type) {
    case SL_ELEMENT_F32: return sl_get_f32(p);
    case SL_ELEMENT_F64: memcpy(&f64, p, sizeof f64); return (float)f64;
    case SL_ELEMENT_F16: return sl_float_of_half(sl_get_u16(p));
    case SL_ELEMENT_BF16: return sl_float_of_bfloat(sl_get_u16(p));
    case SL_ELEMENT_I64: return (float)sl_get_i64(p);
    case SL_ELEMENT_I32: return (float)sl_get_i32(p);
    case SL_ELEMENT_I16: return (int16_t)sl_get_u16(p);
    case SL_ELEMENT_I8: return (int8_t)*p;
    case SL_ELEMENT_U8: return *p;
    }
    return 0;
}

void sl_view_dense(sl_view *view)
{
    int64_t step = 1;
    for (int i = view->shape.rank - 1; i >= 0; i--) {
        view->stride[i] = step;
        step *= view->shape.dim[i];
    }
}

size_t sl_budget_of(size_t file_size)
{
    size_t budget;
    return sl_mul_size(file_size, SL_BUDGET_FACTOR, &budget) && sl_add_size(budget, 1 << 16, &budget) ? budget
                                                                                                      : SIZE_MAX;
}

sl_status sl_take_budget(size_t *budget, size_t bytes, sl_error *err)
{
    if (bytes > *budget || *budget - bytes < MALLOC_OVERHEAD)
        return sl_fail(err, SL_ERR_LIMIT, "it wants more memory than %d times its size, which no sound file does",
                       SL_BUDGET_FACTOR);
    *budget -= bytes + MALLOC_OVERHEAD;
    return SL_OK;
}

/* False when the shape has no sound number of elements, or an element lies outside of the storage. */
static bool view_is_inside(const sl_storage *s, const sl_view *v)
{
    int64_t count = sl_shape_elements(&v->shape), last = v->offset, reach;
    if (count < 0 || v->offset < 0 || (uint64_t)v->offset > s->count)
        return false;
    for (int i = 0; count && i < v->shape.rank; i++)
        if (v->stride[i] < 0 || __builtin_mul_overflow(v->shape.dim[i] - 1, v->stride[i], &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return false;
    return !count || (uint64_t)last < s->count;
}

static bool view_is_dense(const sl_view *v)
{
    sl_view dense = *v;
    sl_view_dense(&dense);
    for (int i = 0; i < v->shape.rank; i++)
        if (v->shape.dim[i] != 1 && v->stride[i] != dense.stride[i])
            return false;
    return true;
}

/* Counts through the view's indices, the last one fastest. */
static void copy_view(const sl_storage *s, const sl_view *v, int64_t count, float *out)
{
    if (count && s->type == SL_ELEMENT_F32 && view_is_dense(v)) { /* only not aligned */
        memcpy(out, s->data + (size_t)v->offset * sizeof *out, (size_t)count * sizeof *out);
        return;
    }
    int64_t index[SL_MAX_RANK] = {0}, at = v->offset, size = (int64_t)sl_element_size(s->type);
    for (int64_t i = 0; i < count; i++) {
        out[i] = element_at(s->type, s->data + at * size);
        for (int axis = v->shape.rank - 1; axis >= 0; axis--) {
            at += v->stride[axis];
            if (++index[axis] < v->shape.dim[axis])
                break;
            at -= index[axis] * v->stride[axis];
            index[axis] = 0;
        }
    }
}

sl_status sl_state_dict_add_view(sl_state_dict *dict, const char *name, const sl_storage *s, const sl_view *v,
                                 size_t *budget, sl_error *err)
{
    SL_TRY(sl_take_budget(budget, PER_WEIGHT, err));
    if (strncmp(name, parallel_prefix, sizeof parallel_prefix - 1) == 0)
        name += sizeof parallel_prefix - 1;
    if (!view_is_inside(s, v))
        return sl_fail(err, SL_ERR_FORMAT, "weight %.200s reaches out of its storage of %llu elements", name,
                       (unsigned long long)s->count);
    int64_t count = sl_shape_elements(&v->shape);
    const uint8_t *first = s->data + (size_t)v->offset * sl_element_size(s->type);
    if (count && s->type == SL_ELEMENT_F32 && view_is_dense(v) && (uintptr_t)first % sizeof(float) == 0)
        return sl_state_dict_add(dict, name, &v->shape, (const float *)(const void *)first, false, err);
    size_t bytes = (size_t)count * sizeof(float);
    SL_TRY(sl_take_budget(budget, bytes, err));
    float *data = sl_alloc_aligned(bytes ? bytes : sizeof(float));
    if (!data)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the %zu bytes of weight %.200s", bytes, name);
    copy_view(s, v, count, data);
    return sl_state_dict_add(dict, name, &v->shape, data, true, err);
}
