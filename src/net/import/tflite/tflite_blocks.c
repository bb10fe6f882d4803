/* TFLite converters: space to batch and back, as dilated convolutions are written; and what Keras makes of a reshape:
 * SHAPE, a slice of it, PACK. */
#include "net/import/tflite/tflite.h"

enum { MOST_BLOCK = 1024 };

/* Block sizes and what is padded or cropped, of height and width, of an image of known size. */
typedef struct {
    int64_t block[2], edge[2][2]; /* [height, width][before, behind] */
    int64_t channels, size[2];
} blocks;

static bool read_blocks(sl_tflite *t, blocks *b)
{
    int64_t edges[4];
    const int index = sl_tflite_index(t, 0);
    const sl_shape shape = index >= 0 ? sl_tflite_shape(t, index) : (sl_shape){.rank = 0};
    if (shape.rank != 4 || sl_tflite_ints(t, 1, b->block, 2) != 2 || sl_tflite_ints(t, 2, edges, 4) != 4)
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "only blocks of height and width of images are supported");
    if (t->status != SL_OK)
        return false;
    b->channels = shape.dim[3];
    for (int i = 0; i < 2; i++) {
        b->size[i] = shape.dim[1 + i];
        b->edge[i][0] = edges[2 * i];
        b->edge[i][1] = edges[2 * i + 1];
        if (b->block[i] < 1 || b->block[i] > MOST_BLOCK || edges[2 * i] < 0 || edges[2 * i + 1] < 0 ||
            edges[2 * i] > INT32_MAX || edges[2 * i + 1] > INT32_MAX || b->size[i] < 1 || b->channels < 1)
            sl_tflite_fail(t, SL_ERR_FORMAT, "its blocks or edges do not fit its input, or that has an open size");
    }
    return t->status == SL_OK;
}

static sl_tensor reshaped(sl_tflite *t, sl_tensor x, const int64_t *shape, int rank)
{
    const sl_tensor in[2] = {x, sl_tflite_make_i64(t, shape, rank)};
    return sl_tflite_emit(t, SL_OP_RESHAPE, &(sl_attr){0}, in, 2);
}

/* [N, C, H, W], padded -> [N, C, H/b, b, W/b, b] -> [b, b, N, C, H/b, W/b] -> [b b N, C, H/b, W/b] */
void sl_tflite_space_to_batch(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    blocks b = {0};
    if (!read_blocks(t, &b))
        return;
    const int64_t pads[8] = {0, 0, b.edge[0][0], b.edge[1][0], 0, 0, b.edge[0][1], b.edge[1][1]};
    sl_tensor in[2] = {sl_tflite_input(t, 0), sl_tflite_make_i64(t, pads, 8)};
    sl_tensor x = sl_tflite_emit(t, SL_OP_PAD, &(sl_attr){.fn = SL_FN_CONSTANT}, in, 2);
    int64_t parts[2];
    for (int i = 0; i < 2; i++) {
        const int64_t padded = b.size[i] + b.edge[i][0] + b.edge[i][1];
        parts[i] = padded / b.block[i];
        if (padded % b.block[i])
            sl_tflite_fail(t, SL_ERR_FORMAT, "its blocks do not divide its padded input");
    }
    x = reshaped(t, x, (int64_t[]){-1, b.channels, parts[0], b.block[0], parts[1], b.block[1]}, 6);
    x = sl_tflite_emit(t, SL_OP_TRANSPOSE, &(sl_attr){.perm = {3, 5, 0, 1, 2, 4}}, &x, 1);
    const int64_t last[4] = {-1, b.channels, parts[0], parts[1]};
    in[0] = x;
    in[1] = sl_tflite_make_i64(t, last, 4);
    sl_tflite_finish(t, SL_OP_RESHAPE, &(sl_attr){0}, in, 2);
}

/* [b b N, C, H, W] -> [b, b, N, C, H, W] -> [N, C, H, b, W, b] -> [N, C, H b, W b], cropped */
void sl_tflite_batch_to_space(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    blocks b = {0};
    if (!read_blocks(t, &b))
        return;
    sl_tensor x = sl_tflite_input(t, 0);
    x = reshaped(t, x, (int64_t[]){b.block[0], b.block[1], -1, b.channels, b.size[0], b.size[1]}, 6);
    x = sl_tflite_emit(t, SL_OP_TRANSPOSE, &(sl_attr){.perm = {2, 3, 4, 0, 5, 1}}, &x, 1);
    int64_t from[2], to[2];
    for (int i = 0; i < 2; i++) {
        from[i] = b.edge[i][0];
        to[i] = b.size[i] * b.block[i] - b.edge[i][1];
        if (from[i] >= to[i])
            sl_tflite_fail(t, SL_ERR_FORMAT, "it crops all of its input");
    }
    x = reshaped(t, x, (int64_t[]){-1, b.channels, b.size[0] * b.block[0], b.size[1] * b.block[1]}, 4);
    const sl_tensor in[4] = {x, sl_tflite_make_i64(t, from, 2), sl_tflite_make_i64(t, to, 2),
                             sl_tflite_make_i64(t, (int64_t[]){2, 3}, 2)};
    sl_tflite_finish(t, SL_OP_SLICE, &(sl_attr){0}, in, 4);
}

/* The input's shape in the file's order. */
void sl_tflite_shape_of(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    const int index = sl_tflite_index(t, 0);
    sl_tensor x = sl_tflite_input(t, 0);
    if (t->status == SL_OK)
        x = sl_tflite_to_file_order(t, x, sl_tflite_shape(t, index).rank);
    sl_tflite_finish(t, SL_OP_SHAPE, &(sl_attr){0}, &x, 1);
}

/* An integer as a list of one. */
static sl_tensor one_integer(sl_tflite *t, uint32_t i)
{
    const int index = sl_tflite_index(t, i);
    int64_t value;
    if (index < 0 || sl_tflite_shape(t, index).rank != 0)
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "only single integers are packed");
    if (t->status != SL_OK)
        return -1;
    if (sl_tflite_is_const(t, index))
        return sl_tflite_make_i64(t, &value, sl_tflite_ints(t, i, &value, 1));
    const sl_tensor in[2] = {sl_tflite_input(t, i), sl_tflite_make_i64(t, &(int64_t){0}, 1)};
    return sl_tflite_emit(t, SL_OP_UNSQUEEZE, &(sl_attr){0}, in, 2);
}

/* Integers as a list. */
void sl_tflite_pack(sl_tflite *t, sl_fn fn)
{
    (void)fn;
    sl_tensor in[SL_MAX_NODE_INPUTS];
    for (uint32_t i = 0; i < t->inputs.count && t->status == SL_OK; i++)
        in[i] = one_integer(t, i);
    sl_tflite_finish(t, SL_OP_CONCAT, &(sl_attr){.axis = 0}, in, (int)t->inputs.count);
}
