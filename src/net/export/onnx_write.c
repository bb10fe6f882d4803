/* Building the messages of an ONNX file. */
#include "net/export/onnx_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BLOCK_HEADER = 16, MAX_ATTRIBUTES = 8 };

/* ---- memory ---- */

void *sl_put_memory(sl_onnx_writer *w, size_t count, size_t size)
{
    size_t bytes;
    if (w->failed || !sl_mul_size(count ? count : 1, size, &bytes) || !sl_add_size(bytes, BLOCK_HEADER, &bytes))
        return w->failed = true, NULL;
    void **block = calloc(1, bytes);
    if (!block)
        return w->failed = true, NULL;
    *block = w->blocks;
    w->blocks = block;
    return (char *)block + BLOCK_HEADER;
}

void sl_put_free(sl_onnx_writer *w)
{
    for (void **block = w->blocks, **next; block; block = next) {
        next = *block;
        free(block);
    }
    free(w->nodes);
    free(w->tensors);
    *w = (sl_onnx_writer){0};
}

/* Appends to a list of messages. */
static void append_message(sl_onnx_writer *w, void ***list, size_t *count, size_t *capacity, void *message)
{
    if (w->failed || !message)
        return;
    void **grown = sl_with_room(*list, *count, capacity, sizeof *grown);
    if (!grown) {
        w->failed = true;
        return;
    }
    *list = grown;
    grown[(*count)++] = message;
}

/* ---- names and nodes ---- */

char *sl_put_name(sl_onnx_writer *w, const char *stem)
{
    size_t size = strlen(stem) + 16;
    char *name = sl_put_memory(w, size, 1);
    if (name)
        do
            snprintf(name, size, "%s/%d", stem, w->made_up++);
        while (sl_graph_find(w->g, name) >= 0);
    return name;
}

/* protobuf-c has pointers to char, and only reads what it packs. */
static char **copy_names(sl_onnx_writer *w, const char *const *names, int count)
{
    char **copy = sl_put_memory(w, (size_t)count, sizeof *copy);
    for (int i = 0; copy && i < count; i++)
        copy[i] = (char *)(names[i] ? names[i] : "");
    return copy;
}

Onnx__NodeProto *sl_put_node(sl_onnx_writer *w, const char *op, const char *const *inputs, int n_inputs,
                             const char *const *outputs, int n_outputs)
{
    while (n_inputs > 0 && !inputs[n_inputs - 1])
        n_inputs--;
    Onnx__NodeProto *node = sl_put_memory(w, 1, sizeof *node);
    char **in = copy_names(w, inputs, n_inputs), **out = copy_names(w, outputs, n_outputs);
    Onnx__AttributeProto **attributes = sl_put_memory(w, MAX_ATTRIBUTES, sizeof(Onnx__AttributeProto *));
    if (!node || !in || !out || !attributes)
        return NULL;
    onnx__node_proto__init(node);
    node->name = out[0];
    node->op_type = (char *)op;
    node->input = in;
    node->n_input = (size_t)n_inputs;
    node->output = out;
    node->n_output = (size_t)n_outputs;
    node->attribute = attributes;
    append_message(w, (void ***)&w->nodes, &w->n_nodes, &w->cap_nodes, node);
    return node;
}

/* ---- attributes ---- */

static Onnx__AttributeProto *attribute(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name,
                                       Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *a = node && node->n_attribute < MAX_ATTRIBUTES ? sl_put_memory(w, 1, sizeof *a) : NULL;
    if (!a)
        return NULL;
    onnx__attribute_proto__init(a);
    a->name = (char *)name;
    a->has_type = 1;
    a->type = type;
    node->attribute[node->n_attribute++] = a;
    return a;
}

void sl_put_int(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = attribute(w, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (a) {
        a->has_i = 1;
        a->i = value;
    }
}

void sl_put_float(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name, float value)
{
    Onnx__AttributeProto *a = attribute(w, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (a) {
        a->has_f = 1;
        a->f = value;
    }
}

void sl_put_text(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name, const char *value)
{
    Onnx__AttributeProto *a = attribute(w, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    if (a) {
        a->has_s = 1;
        a->s = (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
    }
}

static int64_t *copy_ints(sl_onnx_writer *w, const int *values, int count)
{
    int64_t *copy = sl_put_memory(w, (size_t)count, sizeof *copy);
    for (int i = 0; copy && i < count; i++)
        copy[i] = values[i];
    return copy;
}

void sl_put_ints(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name, const int *values, int count)
{
    Onnx__AttributeProto *a = attribute(w, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    int64_t *copy = a ? copy_ints(w, values, count) : NULL;
    if (copy) {
        a->ints = copy;
        a->n_ints = (size_t)count;
    }
}

void sl_put_tensor_attribute(sl_onnx_writer *w, Onnx__NodeProto *node, const char *name, Onnx__TensorProto *value)
{
    Onnx__AttributeProto *a = attribute(w, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
    if (a)
        a->t = value;
}

/* ---- tensors ---- */

Onnx__TensorProto *sl_put_tensor(sl_onnx_writer *w, const char *name, sl_type type, const sl_shape *shape,
                                 const void *data)
{
    size_t count = (size_t)sl_shape_elements(shape);
    Onnx__TensorProto *t = sl_put_memory(w, 1, sizeof *t);
    int64_t *dims = sl_put_memory(w, (size_t)shape->rank, sizeof *dims);
    if (!t || !dims)
        return NULL;
    onnx__tensor_proto__init(t);
    memcpy(dims, shape->dim, (size_t)shape->rank * sizeof *dims);
    t->name = (char *)name;
    t->dims = dims;
    t->n_dims = (size_t)shape->rank;
    t->has_data_type = 1;
    t->data_type =
        type == SL_TYPE_F32 ? ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT : ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){count * sl_type_size(type), (uint8_t *)data};
    return t;
}

void sl_put_initializer(sl_onnx_writer *w, Onnx__TensorProto *tensor)
{
    append_message(w, (void ***)&w->tensors, &w->n_tensors, &w->cap_tensors, tensor);
}

const char *sl_put_scalar(sl_onnx_writer *w, const char *stem, float value)
{
    const sl_shape shape = {.rank = 0};
    float *data = sl_put_memory(w, 1, sizeof *data);
    char *name = sl_put_name(w, stem);
    if (!data || !name)
        return NULL;
    *data = value;
    sl_put_initializer(w, sl_put_tensor(w, name, SL_TYPE_F32, &shape, data));
    return name;
}

const char *sl_put_list(sl_onnx_writer *w, const char *stem, const int *values, int count)
{
    const sl_shape shape = {.rank = 1, .dim = {count}};
    int64_t *data = copy_ints(w, values, count);
    char *name = sl_put_name(w, stem);
    if (!data || !name)
        return NULL;
    sl_put_initializer(w, sl_put_tensor(w, name, SL_TYPE_I64, &shape, data));
    return name;
}
