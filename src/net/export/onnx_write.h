/* Inside the ONNX exporter. One sl_onnx_writer gathers protobuf-c messages that point into the graph (its weights
 * are not copied) and into memory of its own. Running out of memory is sticky: calls then do nothing and return
 * NULL, and it is checked once at the end. */
#ifndef SL_NET_EXPORT_ONNX_WRITE_H
#define SL_NET_EXPORT_ONNX_WRITE_H

#include "net/graph.h"
#include "onnx.pb-c.h"

typedef struct {
    const sl_graph *g;
    void *blocks; /* a chain of all that was taken */
    Onnx__NodeProto **nodes;
    Onnx__TensorProto **tensors;
    size_t n_nodes, cap_nodes, n_tensors, cap_tensors;
    int made_up; /* names so far */
    bool failed;
} sl_onnx_writer;

/* ---- onnx_write.c ---- */

/* Zeroed memory, freed with the writer by sl_put_free. */
void *sl_put_memory(sl_onnx_writer *w, size_t count, size_t size);
void sl_put_free(sl_onnx_writer *w);

/* STEM/NUMBER, which no tensor has. */
char *sl_put_name(sl_onnx_writer *w, const char *stem);

/* An operator from and to these tensors; a NULL input is absent. Its name, which must be unique, is its first
 * output's. */
Onnx__NodeProto *sl_put_node(sl_onnx_writer *w, const char *op, const char *const *inputs, int n_inputs,
                             const char *const *outputs, int n_outputs);

/* Its attributes; node may be NULL. Lists are copied. */
void sl_put_int(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name, int64_t value);
void sl_put_float(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name, float value);
void sl_put_text(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name, const char *value);
void sl_put_ints(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name, const int *values, int count);
void sl_put_tensor_attribute(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name, Onnx__TensorProto *value);

/* A tensor message over `data`, which must outlive the writer. */
Onnx__TensorProto *sl_put_tensor(sl_onnx_writer *w, const char *name, sl_type type, const sl_shape *shape,
                                 const void *data);

/* Initializers: `tensor` itself, or made-up constants, whose name is returned. */
void sl_put_initializer(sl_onnx_writer *w, Onnx__TensorProto *tensor);
const char *sl_put_scalar(sl_onnx_writer *w, const char *stem, float value);
const char *sl_put_list(sl_onnx_writer *w, const char *stem, const int *values, int count);

/* ---- onnx_nodes.c ---- */

/* Whether ONNX of this opset has what the node does: not what only training needs. */
bool sl_in_onnx(const sl_graph *g, const sl_node *node);

/* What the graph's node is in ONNX: one operator, or a few. */
void sl_put_graph_node(sl_onnx_writer *w, const sl_node *node);

#endif
