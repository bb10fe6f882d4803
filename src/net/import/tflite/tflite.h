/* Inside the TFLite importer. The file's images are NHWC, the graph's NCHW, and the rule is simple: a
 * tensor with four axes in the file has its channels second in the graph; all others stay as they are.
 * Where a converter crosses that line (reshape, dense layers) it inserts transposes. As with ONNX, errors
 * are sticky and checked once per operator. */
#ifndef SL_NET_TFLITE_H
#define SL_NET_TFLITE_H

#include "net/graph.h"
#include "net/import/tflite/flatbuffer.h"

typedef struct {
    sl_flat flat;
    sl_graph *g;
    sl_flat_vector tensors, buffers;
    sl_tensor *computed; /* per file tensor: the graph's, or -1 when nothing computed it yet */
    int *stands_for;     /* per file tensor: the one that holds its data (DEQUANTIZE of constants) */
    size_t budget;       /* bytes of constants that may still be made */
    int made_up;

    sl_flat_at options; /* of the current operator */
    sl_flat_vector inputs, outputs;
    const char *op_name;
    char name[240]; /* what messages call it: its first output's name */

    sl_status status;
    sl_error *err;
} sl_tflite;

/* A converter; `fn` is the table's. */
typedef void sl_tflite_convert(sl_tflite *t, sl_fn fn);

typedef struct {
    int code;
    const char *name;
    sl_tflite_convert *convert;
    sl_fn fn;
    uint32_t min_inputs, max_inputs;
} sl_tflite_operator;

/* NULL for a builtin code that is not supported. */
const sl_tflite_operator *sl_tflite_find_operator(int code);

/* ---- building (tflite_build.c) ---- */

void sl_tflite_fail(sl_tflite *t, sl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The file's tensor that is input i, or -1. */
int sl_tflite_index(const sl_tflite *t, uint32_t i);
/* Its shape in the file; unknown sizes are -1. */
sl_shape sl_tflite_shape(sl_tflite *t, int index);
sl_shape sl_tflite_output_shape(sl_tflite *t);
/* True when its values are in the file. */
bool sl_tflite_is_const(sl_tflite *t, int index);
/* A tensor's name in the file, cut to fit. */
void sl_tflite_name(sl_tflite *t, int index, char *name, size_t size);

/* Input i as the graph has it: computed, or a constant with its channels second when it has four axes. */
sl_tensor sl_tflite_input(sl_tflite *t, uint32_t i);
/* A float constant with its axes permuted (out axis j is the file's perm[j]) and then seen as `shape`, when
 * that is not NULL. The file's shape may be padded in front with ones to rank `rank`. */
sl_tensor sl_tflite_const(sl_tflite *t, int index, int rank, const int *perm, const sl_shape *shape);
/* The integers of constant input i, at most `max`; their number. An error when it is no such constant. */
int sl_tflite_ints(sl_tflite *t, uint32_t i, int64_t *values, int max);
sl_tensor sl_tflite_make_i64(sl_tflite *t, const int64_t *values, int count);
sl_tensor sl_tflite_make_scalar(sl_tflite *t, float value);

/* Axis of a file tensor of this rank (negative ones count from the end) as the graph has it. */
int sl_tflite_axis(sl_tflite *t, int64_t axis, int rank);

sl_tensor sl_tflite_emit(sl_tflite *t, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs);
/* x of the file's rank with the axes in the file's order. */
sl_tensor sl_tflite_to_file_order(sl_tflite *t, sl_tensor x, int rank);
/* Appends the node that computes the operator's output. */
void sl_tflite_finish(sl_tflite *t, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs);
/* The same with the fused activation that the options' field says. */
void sl_tflite_finish_fused(sl_tflite *t, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs,
                            int field);

/* ---- converters (tflite_nn.c, tflite_shape.c, tflite_blocks.c) ---- */
sl_tflite_convert sl_tflite_conv, sl_tflite_depthwise, sl_tflite_dense, sl_tflite_pool, sl_tflite_binary,
    sl_tflite_prelu, sl_tflite_softmax, sl_tflite_l2norm, sl_tflite_resize_bilinear, sl_tflite_resize_nearest,
    sl_tflite_dequantize;
sl_tflite_convert sl_tflite_reshape, sl_tflite_concat, sl_tflite_pad, sl_tflite_reduce, sl_tflite_transpose,
    sl_tflite_squeeze, sl_tflite_strided_slice;
sl_tflite_convert sl_tflite_space_to_batch, sl_tflite_batch_to_space, sl_tflite_shape_of, sl_tflite_pack;

#endif
