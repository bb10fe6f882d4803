/* Inside the ONNX importer. One sl_onnx walks the file's nodes in topological order; a converter per
 * operator reads the current node's attributes and appends to the graph. Errors are sticky: the first one
 * is kept in `status`, what comes after it does nothing, and the caller checks once per node. */
#ifndef SL_NET_ONNX_H
#define SL_NET_ONNX_H

#include "base/file.h"
#include "net/graph.h"
#include "onnx.pb-c.h"

typedef struct {
    sl_graph *g;
    int64_t opset;
    const Onnx__GraphProto *file_graph;
    const Onnx__NodeProto *node; /* the current one */
    const char *name;            /* what messages call it */
    sl_tensor inputs[SL_MAX_NODE_INPUTS]; /* -1: absent */
    int n_inputs;
    int made_up;   /* tensors named by us so far */
    size_t budget; /* bytes of constants that may still be computed */
    sl_status status;
    sl_error *err;
} sl_onnx;

/* A converter; `fn` is the table's, for those that serve several operators. */
typedef void sl_onnx_convert(sl_onnx *o, sl_fn fn);

typedef struct {
    const char *op_type;
    sl_onnx_convert *convert;
    sl_fn fn;
    int min_inputs, max_inputs; /* the first min_inputs must be there */
} sl_onnx_operator;

/* NULL for an operator that is not supported. */
const sl_onnx_operator *sl_onnx_find_operator(const char *op_type);

/* ---- messages (onnx_proto.c) ---- */

/* A file without its initializers' raw data, and where that is (onnx_lean.c). */
typedef struct {
    const uint8_t *data; /* NULL: none */
    size_t size;
} sl_onnx_raw;
typedef struct {
    uint8_t *bytes;
    size_t size;
    sl_onnx_raw *raw; /* [count] */
    size_t count, capacity;
} sl_onnx_lean;
bool sl_onnx_lean_make(const void *data, size_t size, sl_onnx_lean *lean);
void sl_onnx_lean_free(sl_onnx_lean *lean);

/* A file beside the model that has weights (onnx_external.c). */
enum { SL_ONNX_SIDES = 64 };
typedef struct {
    char *location; /* as tensors name it */
    sl_mapping map;
} sl_onnx_side;

/* Parses with guards against deep nesting and memory blow-up. The initializers' raw data stays in `data`, which must
 * live until sl_onnx_close. */
typedef struct {
    Onnx__ModelProto *model;
    sl_onnx_side sides[SL_ONNX_SIDES];
    int n_sides;
    ProtobufCAllocator allocator;
    size_t memory_left;
    bool exhausted;
} sl_onnx_file;
sl_status sl_onnx_open(sl_onnx_file *file, const void *data, size_t size, sl_error *err);
void sl_onnx_close(sl_onnx_file *file);

/* Gives initializers whose data is in other files their raw data there, until sl_onnx_close: files below `folder`.
 * digest (or NULL) becomes the SHA-256 of itself and the SHA-256 of each such file, one after the other. */
sl_status sl_onnx_lend_sides(sl_onnx_file *file, const char *folder, uint8_t digest[32], sl_error *err);
void sl_onnx_close_sides(sl_onnx_file *file);

/* ---- tensors (onnx_tensor.c) ---- */

/* The graph's type for one of ONNX's; false when there is none. */
bool sl_onnx_type(int onnx_type, sl_type *out);

/* Adds the tensor's values as a constant named `name`. */
sl_status sl_onnx_add_tensor(sl_graph *g, const Onnx__TensorProto *t, const char *name, sl_tensor *out,
                             sl_error *err);

/* ---- inputs (onnx_inputs.c) ---- */

/* The graph's inputs. A picture that the file has as [N, H, W, C] is one of [N, C, H, W] in the graph. */
sl_status sl_onnx_add_inputs(sl_onnx *o, const Onnx__GraphProto *graph);

/* ---- building (onnx_build.c) ---- */

/* Records "node NAME: ..." unless there is an error already. */
void sl_onnx_fail(sl_onnx *o, sl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Attributes; `otherwise` when absent. A wrong kind is an error. */
bool sl_onnx_has(const sl_onnx *o, const char *attribute);
int64_t sl_onnx_int(sl_onnx *o, const char *attribute, int64_t otherwise);
float sl_onnx_float(sl_onnx *o, const char *attribute, float otherwise);
/* True when the string attribute (or `otherwise`) equals `text`. */
bool sl_onnx_string_is(sl_onnx *o, const char *attribute, const char *otherwise, const char *text);
/* NULL and *count 0 when absent. */
const int64_t *sl_onnx_ints(sl_onnx *o, const char *attribute, size_t *count);
const float *sl_onnx_floats(sl_onnx *o, const char *attribute, size_t *count);
const Onnx__TensorProto *sl_onnx_tensor_attribute(sl_onnx *o, const char *attribute);
/* An int attribute that must lie in [low, high]. */
int sl_onnx_int_within(sl_onnx *o, const char *attribute, int64_t otherwise, int low, int high);

/* Input i, or -1. */
sl_tensor sl_onnx_input(const sl_onnx *o, int i);
/* The values of a constant of this type and *count, or NULL when the tensor is computed or of the other type. */
const float *sl_onnx_const_f32(const sl_onnx *o, sl_tensor t, int64_t *count);
const int64_t *sl_onnx_const_i64(const sl_onnx *o, sl_tensor t, int64_t *count);

/* Memory for `count` floats, NULL after an error: what nodes make out of shared weights has a limit. */
float *sl_onnx_new_floats(sl_onnx *o, int64_t count);

/* New constants, -1 after an error. make_f32 takes `data` over; view shares the data of constant `t`. */
sl_tensor sl_onnx_make_i64(sl_onnx *o, const int64_t *values, size_t count);
sl_tensor sl_onnx_make_f32(sl_onnx *o, float *data, const sl_shape *shape);
sl_tensor sl_onnx_view(sl_onnx *o, sl_tensor t, const sl_shape *shape);
sl_tensor sl_onnx_make_scalar(sl_onnx *o, float value);
/* What the file writes as attribute (older opsets) or as input i: the constant or tensor; -1 when absent. */
sl_tensor sl_onnx_ints_or_input(sl_onnx *o, const char *attribute, int i);

/* Appends a node with one new inner tensor, which is returned; -1 after an error. */
sl_tensor sl_onnx_emit(sl_onnx *o, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs);
/* Appends the node that computes the current node's outputs. */
void sl_onnx_finish(sl_onnx *o, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs);
/* The current node's first output is the same as `t`. */
void sl_onnx_finish_same(sl_onnx *o, sl_tensor t);

/* ---- converters (onnx_nn.c, onnx_shape.c, onnx_quantise.c) ---- */
sl_onnx_convert sl_onnx_conv, sl_onnx_batchnorm, sl_onnx_prelu, sl_onnx_pool, sl_onnx_global_pool, sl_onnx_gemm,
    sl_onnx_softmax, sl_onnx_resize, sl_onnx_upsample, sl_onnx_lp_norm, sl_onnx_layernorm;
sl_onnx_convert sl_onnx_reshape, sl_onnx_flatten, sl_onnx_transpose, sl_onnx_slice, sl_onnx_split,
    sl_onnx_squeeze, sl_onnx_unsqueeze, sl_onnx_pad, sl_onnx_gather, sl_onnx_shape, sl_onnx_cast, sl_onnx_expand,
    sl_onnx_fill, sl_onnx_concat, sl_onnx_identity, sl_onnx_constant, sl_onnx_reduce;
sl_onnx_convert sl_onnx_quantise, sl_onnx_dequantise;

#endif
