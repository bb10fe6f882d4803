/* Writes small ONNX files for tests, straight in protobuf's wire format: independent of the importer, and
 * able to write what is wrong. Attributes are given as text: "group=2 pads=[1,1,1,1] alpha=0.5 mode=nearest"
 * (a digit starts an int, a '.' makes it a float, a bracket a list, a letter a string). */
#ifndef SL_TESTS_ONNX_WRITER_H
#define SL_TESTS_ONNX_WRITER_H

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint8_t *data;
    size_t size;
} wire;

/* What `size` bytes are given: small messages just that, so that the sanitizer sees a read behind them; large ones a
 * power of two, as a sanitizer's realloc copies each time. */
static inline size_t wire_room(size_t size)
{
    size_t room = 4096;
    while (room < size)
        room *= 2;
    return size < 4096 ? size + 1 : room;
}

static inline void wire_bytes(wire *w, const void *data, size_t size)
{
    if (!w->data || wire_room(w->size + size) != wire_room(w->size))
        w->data = realloc(w->data, wire_room(w->size + size));
    if (!w->data)
        abort();
    if (size)
        memcpy(w->data + w->size, data, size);
    w->size += size;
}

static inline void wire_varint(wire *w, uint64_t v)
{
    do {
        uint8_t byte = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
        wire_bytes(w, &byte, 1);
    } while (v >>= 7);
}

static inline void wire_int(wire *w, int field, int64_t v)
{
    wire_varint(w, (uint64_t)field << 3);
    wire_varint(w, (uint64_t)v);
}

static inline void wire_float(wire *w, int field, float v)
{
    wire_varint(w, (uint64_t)field << 3 | 5);
    wire_bytes(w, &v, 4);
}

static inline void wire_data(wire *w, int field, const void *data, size_t size)
{
    wire_varint(w, (uint64_t)field << 3 | 2);
    wire_varint(w, size);
    wire_bytes(w, data, size);
}

static inline void wire_text(wire *w, int field, const char *text) { wire_data(w, field, text, strlen(text)); }

/* Adds `part` as a submessage and frees it. */
static inline void wire_message(wire *w, int field, wire part)
{
    wire_data(w, field, part.data, part.size);
    free(part.data);
}

/* ---- models ---- */

enum { ONNX_FLOAT = 1, ONNX_UINT8 = 2, ONNX_INT8 = 3, ONNX_INT32 = 6, ONNX_INT64 = 7, ONNX_BOOL = 9,
       ONNX_FLOAT16 = 10, ONNX_DOUBLE = 11, ONNX_BFLOAT16 = 16 };

typedef struct {
    wire graph;
    int opset;
} onnx_model;

#define DIMS(...) (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}
#define NO_DIMS 0, NULL

static inline wire onnx_value_info(const char *name, int type, size_t rank, const int64_t *dims)
{
    wire info = {0}, type_proto = {0}, tensor = {0}, shape = {0};
    for (size_t i = 0; i < rank; i++) {
        wire dim = {0};
        if (dims[i] == -1)
            wire_text(&dim, 2, "N");
        else
            wire_int(&dim, 1, dims[i]);
        wire_message(&shape, 1, dim);
    }
    wire_int(&tensor, 1, type);
    wire_message(&tensor, 2, shape);
    wire_message(&type_proto, 1, tensor);
    wire_text(&info, 1, name);
    wire_message(&info, 2, type_proto);
    return info;
}

static inline void onnx_input(onnx_model *m, const char *name, size_t rank, const int64_t *dims)
{
    wire_message(&m->graph, 11, onnx_value_info(name, ONNX_FLOAT, rank, dims));
}

static inline void onnx_output(onnx_model *m, const char *name)
{
    wire info = {0};
    wire_text(&info, 1, name);
    wire_message(&m->graph, 12, info);
}

/* A TensorProto with raw data. */
static inline wire onnx_raw(const char *name, int type, size_t rank, const int64_t *dims, const void *data,
                            size_t size)
{
    wire t = {0};
    for (size_t i = 0; i < rank; i++)
        wire_int(&t, 1, dims[i]);
    wire_int(&t, 2, type);
    wire_text(&t, 8, name);
    wire_data(&t, 9, data, size);
    return t;
}

static inline size_t onnx_count(size_t rank, const int64_t *dims)
{
    size_t n = 1;
    for (size_t i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    return n;
}

static inline void onnx_floats(onnx_model *m, const char *name, size_t rank, const int64_t *dims,
                               const float *values)
{
    wire_message(&m->graph, 5, onnx_raw(name, ONNX_FLOAT, rank, dims, values, 4 * onnx_count(rank, dims)));
}

/* A list of int64, one axis. */
#define onnx_ints(m, name, ...) onnx_ints_((m), (name), DIMS(__VA_ARGS__))
static inline void onnx_ints_(onnx_model *m, const char *name, size_t count, const int64_t *values)
{
    int64_t dim = (int64_t)count;
    wire_message(&m->graph, 5, onnx_raw(name, ONNX_INT64, 1, &dim, values, 8 * count));
}

static inline void onnx_scalar(onnx_model *m, const char *name, float value)
{
    onnx_floats(m, name, 0, NULL, &value);
}

/* One "name=value" as an AttributeProto. */
static inline wire onnx_attribute(const char *name, size_t name_size, const char *value, size_t size)
{
    wire a = {0};
    char text[256];
    snprintf(text, sizeof text, "%.*s", (int)size, value);
    wire_data(&a, 1, name, name_size);
    int is_list = text[0] == '[', is_float = strpbrk(text, ".") != NULL;
    if (isalpha((unsigned char)text[0])) {
        wire_text(&a, 4, text);
        wire_int(&a, 20, 3);
    } else if (!is_list && is_float) {
        wire_float(&a, 2, strtof(text, NULL));
        wire_int(&a, 20, 1);
    } else if (!is_list) {
        wire_int(&a, 3, strtoll(text, NULL, 10));
        wire_int(&a, 20, 2);
    } else {
        for (char *at = text + 1; *at && *at != ']'; at += *at == ',')
            if (is_float)
                wire_float(&a, 7, strtof(at, &at));
            else
                wire_int(&a, 8, strtoll(at, &at, 10));
        wire_int(&a, 20, is_float ? 6 : 7);
    }
    return a;
}

/* Names of a comma-separated list; an empty one is an absent input. */
static inline void onnx_names(wire *w, int field, const char *list)
{
    for (const char *at = list; *list && at;) {
        const char *comma = strchr(at, ',');
        wire_data(w, field, at, comma ? (size_t)(comma - at) : strlen(at));
        at = comma ? comma + 1 : NULL;
    }
}

static inline wire onnx_node_message(const char *op, const char *inputs, const char *outputs,
                                     const char *attributes)
{
    wire n = {0};
    onnx_names(&n, 1, inputs);
    onnx_names(&n, 2, outputs);
    wire_text(&n, 4, op);
    for (const char *at = attributes; at && *at;) {
        const char *equals = strchr(at, '='), *end = strchr(at, ' ');
        size_t length = end ? (size_t)(end - at) : strlen(at);
        wire_message(&n, 5,
                     onnx_attribute(at, (size_t)(equals - at), equals + 1, length - (size_t)(equals + 1 - at)));
        at = end ? end + 1 : NULL;
    }
    return n;
}

static inline void onnx_node(onnx_model *m, const char *op, const char *inputs, const char *outputs,
                             const char *attributes)
{
    wire_message(&m->graph, 1, onnx_node_message(op, inputs, outputs, attributes));
}

/* A node with one tensor attribute. */
static inline void onnx_node_with(onnx_model *m, const char *op, const char *inputs, const char *outputs,
                                  const char *attribute, wire tensor)
{
    wire n = onnx_node_message(op, inputs, outputs, NULL), a = {0};
    wire_text(&a, 1, attribute);
    wire_message(&a, 5, tensor);
    wire_int(&a, 20, 4);
    wire_message(&n, 5, a);
    wire_message(&m->graph, 1, n);
}

/* The file; the model is spent. */
static inline wire onnx_file(onnx_model *m)
{
    wire file = {0}, opset = {0};
    wire_text(&opset, 1, "");
    wire_int(&opset, 2, m->opset);
    wire_int(&file, 1, 8);
    wire_message(&file, 8, opset);
    wire_message(&file, 7, m->graph);
    m->graph = (wire){0};
    return file;
}

#endif
