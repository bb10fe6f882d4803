/* TFLite converters: shapes, concatenation, padding, reductions. Where the order of the axes shows in the
 * result, x is brought to the file's order first. */
#include "net/import/tflite/tflite.h"

#include <string.h>

/* Input 0's shape in the file; rank 0 after an error. */
static sl_shape x_shape(sl_tflite *t)
{
    int index = sl_tflite_index(t, 0);
    if (index < 0)
        sl_tflite_fail(t, SL_ERR_FORMAT, "its input is missing");
    return t->status == SL_OK ? sl_tflite_shape(t, index) : (sl_shape){.rank = 0};
}

/* The new shape: input 1, or the option, or what the file says of the output. */
static int reshape_target(sl_tflite *t, int64_t *target)
{
    int index = sl_tflite_index(t, 1);
    if (index >= 0 && sl_tflite_is_const(t, index))
        return sl_tflite_ints(t, 1, target, SL_MAX_RANK);
    sl_flat_vector option = sl_flat_vector_of(&t->flat, t->options, 0, 4);
    if (option.count > 0 && option.count <= SL_MAX_RANK) {
        for (uint32_t i = 0; i < option.count; i++)
            target[i] = sl_flat_i32_in(&t->flat, option, i);
        return (int)option.count;
    }
    sl_shape out = sl_tflite_output_shape(t);
    memcpy(target, out.dim, sizeof out.dim);
    return out.rank;
}

void sl_tflite_reshape(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    int64_t target[SL_MAX_RANK];
    sl_shape shape = x_shape(t);
    sl_tensor x = sl_tflite_to_file_order(t, sl_tflite_input(t, 0), shape.rank);
    int count = reshape_target(t, target);
    sl_tensor in[2] = {x, sl_tflite_make_i64(t, target, count)};
    if (count != 4) {
        sl_tflite_finish(t, SL_OP_RESHAPE, &(sl_attr){0}, in, 2);
        return;
    }
    sl_tensor nhwc = sl_tflite_emit(t, SL_OP_RESHAPE, &(sl_attr){0}, in, 2);
    sl_tflite_finish(t, SL_OP_TRANSPOSE, &(sl_attr){.perm = {0, 3, 1, 2}}, &nhwc, 1);
}

void sl_tflite_concat(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    sl_tensor in[SL_MAX_NODE_INPUTS];
    int rank = x_shape(t).rank, axis = sl_tflite_axis(t, sl_flat_i32(&t->flat, t->options, 0, 0), rank);
    for (uint32_t i = 0; i < t->inputs.count && t->status == SL_OK; i++) {
        in[i] = sl_tflite_input(t, i);
        if (t->status == SL_OK && sl_tflite_shape(t, sl_tflite_index(t, i)).rank != rank)
            sl_tflite_fail(t, SL_ERR_FORMAT, "its inputs have different numbers of axes");
    }
    sl_tflite_finish_fused(t, SL_OP_CONCAT, &(sl_attr){.axis = axis}, in, (int)t->inputs.count, 1);
}

void sl_tflite_pad(sl_tflite *t, sl_fn fn)
{
    int64_t given[2 * SL_MAX_RANK], pads[2 * SL_MAX_RANK];
    sl_attr a = {.fn = fn};
    int rank = x_shape(t).rank;
    if (sl_tflite_ints(t, 1, given, 2 * SL_MAX_RANK) != 2 * rank)
        sl_tflite_fail(t, SL_ERR_FORMAT, "its pads do not fit its input");
    if (sl_tflite_index(t, 2) >= 0)
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "a value to pad with is not supported");
    if (t->status != SL_OK)
        return;
    for (int i = 0; i < rank; i++) {
        int axis = sl_tflite_axis(t, i, rank);
        pads[axis] = given[2 * i];
        pads[rank + axis] = given[2 * i + 1];
    }
    sl_tensor in[2] = {sl_tflite_input(t, 0), sl_tflite_make_i64(t, pads, 2 * rank)};
    sl_tflite_finish(t, SL_OP_PAD, &a, in, 2);
}

/* True when dropping the axes of the set leaves the others in one order in NHWC and NCHW. */
static bool order_stays(int rank, unsigned dropped)
{
    bool channels = !(dropped & 1u << 3), height = !(dropped & 1u << 1), width = !(dropped & 1u << 2);
    return rank != 4 || !(channels && (height || width));
}

/* The set of the file's axes in `values`. */
static unsigned axis_set(sl_tflite *t, const int64_t *values, int count, int rank)
{
    unsigned set = 0;
    for (int i = 0; i < count; i++) {
        if (values[i] < -rank || values[i] >= rank)
            sl_tflite_fail(t, SL_ERR_FORMAT, "axis %lld of a tensor with %d axes", (long long)values[i], rank);
        else
            set |= 1u << (values[i] < 0 ? values[i] + rank : values[i]);
    }
    return set;
}

void sl_tflite_reduce(sl_tflite *t, sl_fn fn)
{
    int64_t values[SL_MAX_RANK];
    sl_attr a = {.fn = fn, .keepdims = sl_flat_u8(&t->flat, t->options, 0, 0) != 0};
    int rank = x_shape(t).rank, count = sl_tflite_ints(t, 1, values, SL_MAX_RANK);
    unsigned set = axis_set(t, values, count, rank);
    sl_tensor x = sl_tflite_input(t, 0);
    bool file_order = !a.keepdims && !order_stays(rank, set);
    if (file_order)
        x = sl_tflite_to_file_order(t, x, rank);
    for (int i = 0; i < rank; i++)
        if (set & 1u << i)
            a.axes[a.n_axes++] = file_order ? i : sl_tflite_axis(t, i, rank);
    if (set == 0) /* no axes: nothing is reduced */
        sl_tflite_finish(t, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_IDENTITY}, &x, 1);
    else
        sl_tflite_finish(t, SL_OP_REDUCE, &a, &x, 1);
}

void sl_tflite_transpose(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    static const int nchw[4] = {0, 3, 1, 2};
    int64_t perm[SL_MAX_RANK];
    sl_attr a = {0};
    int rank = x_shape(t).rank;
    if (sl_tflite_ints(t, 1, perm, SL_MAX_RANK) != rank || axis_set(t, perm, rank, rank) != (1u << rank) - 1)
        sl_tflite_fail(t, SL_ERR_FORMAT, "its permutation does not fit its input");
    if (t->status != SL_OK)
        return;
    for (int j = 0; j < rank; j++)
        a.perm[j] = sl_tflite_axis(t, perm[rank == 4 ? nchw[j] : j], rank);
    sl_tensor x = sl_tflite_input(t, 0);
    sl_tflite_finish(t, SL_OP_TRANSPOSE, &a, &x, 1);
}

/* Finishes with x less the axes of the set. */
static void finish_squeeze(sl_tflite *t, sl_tensor x, int rank, unsigned set)
{
    int64_t axes[SL_MAX_RANK];
    int count = 0;
    bool file_order = !order_stays(rank, set);
    if (file_order)
        x = sl_tflite_to_file_order(t, x, rank);
    for (int i = 0; i < rank; i++)
        if (set & 1u << i)
            axes[count++] = file_order ? i : sl_tflite_axis(t, i, rank);
    sl_tensor in[2] = {x, sl_tflite_make_i64(t, axes, count)};
    sl_tflite_finish(t, SL_OP_SQUEEZE, &(sl_attr){0}, in, 2);
}

void sl_tflite_squeeze(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    int64_t values[SL_MAX_RANK];
    int count = 0;
    sl_shape shape = x_shape(t);
    sl_flat_vector dims = sl_flat_vector_of(&t->flat, t->options, 0, 4);
    if (dims.count > SL_MAX_RANK)
        sl_tflite_fail(t, SL_ERR_FORMAT, "it squeezes %u axes", dims.count);
    for (uint32_t i = 0; i < dims.count && t->status == SL_OK; i++)
        values[count++] = sl_flat_i32_in(&t->flat, dims, i);
    for (int i = 0; i < shape.rank && dims.count == 0; i++)
        if (shape.dim[i] == 1)
            values[count++] = i;
    finish_squeeze(t, sl_tflite_input(t, 0), shape.rank, axis_set(t, values, count, shape.rank));
}

void sl_tflite_strided_slice(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    enum { BEGIN_MASK, END_MASK, ELLIPSIS_MASK, NEW_AXIS_MASK, SHRINK_MASK };
    int64_t begin[SL_MAX_RANK], end[SL_MAX_RANK], step[SL_MAX_RANK], axes[SL_MAX_RANK];
    uint32_t mask[5];
    int rank = x_shape(t).rank, count = sl_tflite_ints(t, 1, begin, SL_MAX_RANK);
    for (int i = 0; i < 5; i++)
        mask[i] = (uint32_t)sl_flat_i32(&t->flat, t->options, i, 0);
    if (mask[ELLIPSIS_MASK] || mask[NEW_AXIS_MASK])
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "ellipsis and new axes are not supported");
    if (sl_tflite_ints(t, 2, end, SL_MAX_RANK) != count || sl_tflite_ints(t, 3, step, SL_MAX_RANK) != count ||
        count > rank)
        sl_tflite_fail(t, SL_ERR_FORMAT, "begin, end and strides do not fit its input");
    if (t->status != SL_OK)
        return;
    for (int i = 0; i < count; i++) {
        axes[i] = sl_tflite_axis(t, i, rank);
        bool backwards = step[i] < 0;
        if (mask[BEGIN_MASK] & 1u << i)
            begin[i] = backwards ? INT32_MAX : 0;
        if (mask[END_MASK] & 1u << i)
            end[i] = backwards ? INT64_MIN : INT64_MAX;
        if (mask[SHRINK_MASK] & 1u << i) {
            end[i] = begin[i] == -1 ? INT64_MAX : begin[i] + 1;
            step[i] = 1;
        }
    }
    sl_tensor in[5] = {sl_tflite_input(t, 0), sl_tflite_make_i64(t, begin, count),
                       sl_tflite_make_i64(t, end, count), sl_tflite_make_i64(t, axes, count),
                       sl_tflite_make_i64(t, step, count)};
    unsigned shrunk = mask[SHRINK_MASK] & ((1u << count) - 1);
    if (shrunk)
        finish_squeeze(t, sl_tflite_emit(t, SL_OP_SLICE, &(sl_attr){0}, in, 5), rank, shrunk);
    else
        sl_tflite_finish(t, SL_OP_SLICE, &(sl_attr){0}, in, 5);
}
