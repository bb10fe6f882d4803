/* The graph of a network: tensors and nodes, in the order they run. Semantics are ONNX's, data is NCHW.
 *
 *     file.onnx    file.tflite    weights and arch_NAME.c
 *          \            |            /
 *           v           v           v
 *        sl_graph       as the file has it; shapes as far as it knows them
 *             |
 *             |    sl_graph_specialize, for one input shape and the outputs asked for (passes/)
 *             |       infer.c    all shapes; what constants alone decide is computed, what leads to no output dropped
 *             |       fuse.c     batch norm into convolution, spelled-out PReLU, softmax and L2 norm into one node
 *             v
 *        sl_graph       all shapes known, no integers but constants
 *             |
 *             |    sl_plan_compile (plan/): kernels and layouts chosen, weights reordered, buffers placed in one arena
 *             v
 *        sl_plan        steps that run in order
 *
 * A residual block on its way:
 *
 *     the file        x -> Conv -> BatchNorm -> Add (x) -> Relu -> y
 *     specialised     x -> Conv ------------->  Add (x) -> Relu -> y       weights times scale, bias with the shift
 *     planned         one step: a convolution that adds x and clips what it has in registers, over x where that is free
 */
#ifndef SL_NET_GRAPH_H
#define SL_NET_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { SL_MAX_RANK = 6, SL_MAX_NODES = 1 << 16, SL_MAX_NODE_INPUTS = 64, SL_MAX_GRAPH_INPUTS = 1 << 12 };

/* Files of networks above this size are refused. */
#define SL_MAX_MODEL_BYTES ((size_t)2 << 30)

/* Tensors above this many elements are refused wherever a shape is made. */
#define SL_MAX_ELEMENTS ((int64_t)1 << 29)

typedef enum { SL_TYPE_F32 = 0, SL_TYPE_I64 = 1 } sl_type;

typedef struct {
    int rank;
    int64_t dim[SL_MAX_RANK]; /* -1: not known before specialisation */
} sl_shape;

/* Index of a tensor in its graph. -1: an optional input that is absent. */
typedef int sl_tensor;

typedef struct {
    char *name; /* unique */
    sl_type type;
    sl_shape shape;
    const void *data; /* constants: dense row-major, owned by the graph or mapped by its file; else NULL */
    int producer;     /* node index; -1 for inputs and constants */
} sl_tensor_info;

typedef enum {
    SL_OP_CONV,       /* x [N,I,H,W], w [O,I/groups,kh,kw], bias [O] or absent */
    SL_OP_DENSE,      /* x [N,K], w [O,K], bias [O] or absent: y = x w^T + b */
    SL_OP_MATMUL,     /* ONNX MatMul, broadcasting; transposed[i]: the last two axes of input i count as swapped */
    SL_OP_BATCHNORM,  /* x, scale [C], bias [C], mean [C], variance [C]; a = epsilon; stats; -> y, and where it is asked
                       * for, the batch's mean [C] and variance [C] (of n, not n - 1) */
    SL_OP_PRELU,      /* x, slope broadcastable to x from [C] or [C,1,1] or [1] */
    SL_OP_UNARY,      /* fn */
    SL_OP_BINARY,     /* fn, numpy broadcasting; f32 and i64 */
    SL_OP_POOL,       /* fn max or average over kernel */
    SL_OP_GLOBAL_POOL,/* fn max or average over all spatial axes -> [N,C,1,1] */
    SL_OP_REDUCE,     /* fn over axes (empty: all), keepdims */
    SL_OP_SOFTMAX,    /* axis */
    SL_OP_CONCAT,     /* axis */
    SL_OP_RESIZE,     /* x; scales or sizes from inputs[1] (const f32 scales [rank] or i64 sizes [rank]); fn, coord */
    SL_OP_RESHAPE,    /* x, shape i64 (0 copies a dim unless allow_zero, -1 infers) */
    SL_OP_FLATTEN,    /* axis */
    SL_OP_TRANSPOSE,  /* perm */
    SL_OP_SLICE,      /* x, starts, ends, axes (or -1), steps (or -1): all i64 */
    SL_OP_SPLIT,      /* x, sizes i64 (or -1: equal parts); axis; several outputs */
    SL_OP_SQUEEZE,    /* x, axes i64 or -1 */
    SL_OP_UNSQUEEZE,  /* x, axes i64 */
    SL_OP_PAD,        /* x, pads i64 [2*rank]; fn constant (a = value), edge, reflect */
    SL_OP_GATHER,     /* x, indices i64; axis */
    SL_OP_SHAPE,      /* -> i64 */
    SL_OP_CAST,       /* to type */
    SL_OP_EXPAND,     /* x, shape i64 */
    SL_OP_FILL,       /* ConstantOfShape: shape i64; a = value, type */
    SL_OP_L2NORM,     /* y = x / max(sqrt(sum x^2 over axis), a) */
    SL_OP_LAYERNORM,  /* x, scale, bias of the axes from `axis` on, over which it normalises; a = epsilon */
    SL_OP_DROPOUT,    /* x, counter [6] (sl_dropout_counter); a = rate; axis tells one dropout from another */
    SL_OP_MARGIN,     /* cosines [N,C], labels [N]; fn cosine or angle; a = scale, b = margin -> logits [N,C] */
    SL_OP_CROSS_ENTROPY, /* logits [N,C], labels [N], weights [N] or absent: their mean [1]; a = focal exponent */
    /* What gradients need beside the above; gy: the gradient of an output. None of them has a gradient itself. */
    SL_OP_CONV_BACK_DATA,    /* gy, w, shape of x i64 -> gx */
    SL_OP_CONV_BACK_WEIGHTS, /* gy, x, shape of w i64 -> gw, and where it is asked for, that of the bias [O] */
    SL_OP_UNARY_BACK,        /* x, gy: gy times fn's slope at x */
    SL_OP_PRELU_BACK,        /* x, slope, gy -> gx, and where it is asked for, that of the slope */
    SL_OP_POOL_BACK,         /* gy, shape of x i64, and for max, x -> gx; the first of equals takes all */
    SL_OP_BATCHNORM_BACK,    /* x, scale, mean, variance, gy; stats: fixed or batch -> gx, gscale, gbias */
    SL_OP_GATHER_BACK,       /* gy, indices i64, shape of x i64; axis -> gx */
    SL_OP_SOFTMAX_BACK,      /* y, gy; axis -> gx */
    SL_OP_L2NORM_BACK,       /* x, gy; axis, a -> gx */
    SL_OP_RESIZE_BACK,       /* gy, scales or sizes, shape of x i64 -> gx */
    SL_OP_LAYERNORM_BACK,    /* x, scale, gy -> gx, gscale, gbias */
    SL_OP_MARGIN_BACK,       /* cosines, labels, gy -> gradient of the cosines */
    SL_OP_CROSS_ENTROPY_BACK,/* logits, labels, gy [1], weights or absent -> gradient of the logits */
    SL_OP_COUNT
} sl_op;

typedef enum {
    SL_FN_NONE,
    SL_FN_RELU, SL_FN_LEAKY_RELU /* a = slope */, SL_FN_CLIP /* [a, b] */, SL_FN_SIGMOID, SL_FN_TANH,
    SL_FN_EXP, SL_FN_LOG, SL_FN_SQRT, SL_FN_ABS, SL_FN_NEG, SL_FN_RECIPROCAL, SL_FN_IDENTITY, SL_FN_ERF,
    SL_FN_ELU, SL_FN_HARD_SIGMOID, SL_FN_HARD_SWISH, SL_FN_SOFTPLUS, SL_FN_GELU /* by erf, exact */, SL_FN_FLOOR,
    SL_FN_CEIL, SL_FN_ROUND /* halves to even */,
    SL_FN_ADD, SL_FN_SUB, SL_FN_MUL, SL_FN_DIV, SL_FN_POW, SL_FN_MAX, SL_FN_MIN,
    SL_FN_AVERAGE, SL_FN_SUM, SL_FN_L2, SL_FN_SUM_SQUARE,
    SL_FN_NEAREST, SL_FN_LINEAR,
    SL_FN_CONSTANT, SL_FN_EDGE, SL_FN_REFLECT,
    SL_FN_COSINE /* CosFace: cos - b */, SL_FN_ANGLE /* ArcFace: cos(angle + b) */
} sl_fn;

typedef enum { SL_PAD_EXPLICIT, SL_PAD_SAME_UPPER, SL_PAD_SAME_LOWER, SL_PAD_VALID } sl_auto_pad;

/* How Resize maps an output coordinate to the input (ONNX's names). */
typedef enum { SL_COORD_HALF_PIXEL, SL_COORD_ASYMMETRIC, SL_COORD_ALIGN_CORNERS, SL_COORD_PYTORCH_HALF_PIXEL } sl_coord;
typedef enum { SL_ROUND_PREFER_FLOOR, SL_ROUND_PREFER_CEIL, SL_ROUND_FLOOR, SL_ROUND_CEIL } sl_round;

/* What batch normalisation normalises by: the statistics it is given; the batch's; or those given, the batch's being
 * told beside y. */
/* Numbers in the counter of Dropout. */
enum { SL_DROPOUT_COUNTER = 6 };

typedef enum { SL_STATS_FIXED, SL_STATS_BATCH, SL_STATS_WATCHED } sl_stats;

/* One flat struct for all kinds: only what the node's op names above is read. */
typedef struct {
    sl_fn fn;
    float a, b;
    int axis;
    int axes[SL_MAX_RANK], n_axes;
    int perm[SL_MAX_RANK];
    int kernel[2], stride[2], dilation[2]; /* height, width */
    int pad[4];                            /* top, left, bottom, right */
    sl_auto_pad auto_pad;
    int groups;
    bool ceil_mode, count_include_pad, keepdims, allow_zero;
    sl_coord coord;
    sl_round round;
    sl_type type;
    sl_stats stats;
    bool transposed[2];
} sl_attr;

typedef struct {
    sl_op op;
    char *name; /* the file's node name, for messages; never NULL */
    int n_inputs, n_outputs;
    sl_tensor *inputs, *outputs;
    sl_attr attr;
} sl_node;

typedef struct {
    sl_tensor_info *tensors;
    int n_tensors;
    sl_node *nodes;
    int n_nodes;
    sl_tensor *inputs, *outputs; /* the graph's own */
    int n_inputs, n_outputs;
    void **owned; /* memory of constants, freed with the graph */
    int n_owned;
    size_t cap_tensors, cap_nodes, cap_owned;
    int *name_slots; /* hash table of the tensors' names: tensor + 1, 0 for a free slot */
    int n_slots;     /* a power of two */
} sl_graph;

/* ---- building (graph.c) ---- */
sl_graph *sl_graph_new(void);
void sl_graph_free(sl_graph *g);

/* SL_ERR_FORMAT for a name that exists, a rank or size over the limits. name is copied. */
sl_status sl_graph_add_tensor(sl_graph *g, const char *name, sl_type type, const sl_shape *shape,
                              sl_tensor *out, sl_error *err);

/* A constant; `data` must live as long as the graph: pass owned memory (malloc'd) with `owned` true: the
 * graph then frees it, at once when this fails. */
sl_status sl_graph_add_const(sl_graph *g, const char *name, sl_type type, const sl_shape *shape,
                             const void *data, bool owned, sl_tensor *out, sl_error *err);

/* Appends a node. Its inputs exist; its outputs are tensors that nothing defines yet (of rank -1: of unknown shape). */
sl_status sl_graph_add_node(sl_graph *g, sl_op op, const char *name, const sl_attr *attr,
                            const sl_tensor *inputs, int n_inputs, const sl_tensor *outputs, int n_outputs,
                            sl_error *err);

/* Appends a tensor to the graph's own inputs or outputs. SL_ERR_FORMAT when an input is computed, a
 * constant, or an input already. */
sl_status sl_graph_add_input(sl_graph *g, sl_tensor tensor, sl_error *err);
sl_status sl_graph_add_output(sl_graph *g, sl_tensor tensor, sl_error *err);

/* Gives a tensor another name. SL_ERR_FORMAT for one that exists. name is copied. */
sl_status sl_graph_rename(sl_graph *g, sl_tensor tensor, const char *name, sl_error *err);

/* Index by name, or -1. */
sl_tensor sl_graph_find(const sl_graph *g, const char *name);

/* Elements of a fully known shape, or -1 when it is unknown, negative or over SL_MAX_ELEMENTS. */
int64_t sl_shape_elements(const sl_shape *shape);

/* Product of dim[from] .. dim[to - 1]. */
int64_t sl_shape_span(const sl_shape *shape, int from, int to);

bool sl_shape_equal(const sl_shape *a, const sl_shape *b);

/* Bytes of one element. */
static inline size_t sl_type_size(sl_type type)
{
    return type == SL_TYPE_I64 ? sizeof(int64_t) : sizeof(float);
}

const char *sl_op_name(sl_op op);

/* ---- specialising (specialize.c) ----
 * A new graph for these concrete input shapes (one per graph input): shapes of all tensors are known, nodes
 * that only compute constants are folded away, no i64 tensor but constants is left, what does not lead to
 * `outputs` (names, NULL for the graph's own; any inner tensor may be one) is dropped, and spelled-out
 * patterns are fused (batch norm into convolution where exact, PReLU from Relu/Abs/Sub/Mul/Add, L2
 * normalisation, softmax).
 * A requested output is always computed exactly as the file defines it. Constants may be shared with
 * `g`, which must outlive the result. */
sl_status sl_graph_specialize(const sl_graph *g, const sl_shape *input_shapes, const char *const *outputs,
                              int n_outputs, sl_graph **out, sl_error *err);

/* The first half of it: shapes and constants known, nothing fused. Enough to ask what comes out of a network. */
sl_status sl_graph_infer(const sl_graph *g, const sl_shape *input_shapes, const char *const *outputs, int n_outputs,
                         sl_graph **out, sl_error *err);

/* ---- copying (copy.c) ----
 * Adds all of `g` to the empty graph `to`: the same tensors under the same indices, constants shared, but those marked
 * in as_input[tensors] (NULL: none) without their data, for the caller to make inputs of. */
sl_status sl_graph_copy(const sl_graph *g, const bool *as_input, sl_graph *to, sl_error *err);

/* ---- where something begins (boundary.c) ----
 * depends [tensors]: true at first for the constants that are in question, afterwards also for all that is computed
 * from them. out [most]: the tensors of numbers that depend on none and are read by what does; *count: how many there
 * are, also where that is more than `most`. Whole numbers (a batch's size) are worked out again. */
sl_status sl_graph_boundary(const sl_graph *g, bool *depends, sl_tensor *out, int most, int *count, sl_error *err);

/* ---- cutting (cut.c) ----
 * The part of `g` that computes outputs[n_outputs] from the tensors from[n_from]: these become its inputs, of the given
 * shapes (dim[0] may be -1), and behind them those of g's own inputs that are needed still. Names stay; constants are
 * shared with `g`, which must outlive *out. */
sl_status sl_graph_cut(const sl_graph *g, const sl_tensor *from, const sl_shape *shapes, int n_from,
                       const sl_tensor *outputs, int n_outputs, sl_graph **out, sl_error *err);

/* ---- appending (append.c) ----
 * Adds g's nodes to `to`, where g's inputs are the tensors inputs[]; names get the prefix. Constants are shared with
 * `g`, which must outlive `to`; outputs are not made. A failure leaves `to` half done. */
sl_status sl_graph_append(sl_graph *to, const sl_graph *g, const char *prefix, const sl_tensor *inputs, sl_error *err);

/* ---- importers (import/) ----
 * Both check every length; SL_ERR_UNSUPPORTED names node and operator. */
sl_status sl_import_onnx(const void *data, size_t size, sl_graph **out, sl_error *err);

/* With weights in files below `folder`, which are read too (NULL: as above, they are refused). digest (or NULL), of
 * `data`, then becomes one of all of them: onnx/onnx.h. */
sl_status sl_import_onnx_in(const void *data, size_t size, const char *folder, uint8_t digest[32], sl_graph **out,
                            sl_error *err);
sl_status sl_import_tflite(const void *data, size_t size, sl_graph **out, sl_error *err);

/* ---- exporter (export/) ----
 * The graph as an ONNX file (opset 14) that keeps its names; it computes what the graph does. metadata: pairs of key
 * and value for whoever reads the file. SL_ERR_LIMIT above 1 GiB. *data is malloc'd. */
sl_status sl_export_onnx(const sl_graph *g, const char *const (*metadata)[2], size_t metadata_count, uint8_t **data,
                         size_t *size, sl_error *err);

#endif
