/* Writes small TFLite files for tests. A tensor is named and has the file's (NHWC) shape; an operator has
 * its builtin code and its options as text: "0=1 2=f0.5 3=[1,2]" sets field 0 to 1, field 2 to a float and
 * field 3 to a vector. Every scalar takes four bytes, which readers of narrower ones accept. */
#ifndef SL_TESTS_TFLITE_WRITER_H
#define SL_TESTS_TFLITE_WRITER_H

#include "onnx_writer.h"

enum { TFL_FLOAT32 = 0, TFL_FLOAT16 = 1, TFL_INT32 = 2, TFL_INT8 = 9, TFL_MAX = 24 };

typedef struct {
    const char *name;
    int type, rank;
    int32_t dims[8];
    void *data; /* NULL: computed */
    size_t size;
} tfl_tensor;

typedef struct {
    int code;
    const char *inputs, *outputs, *options;
} tfl_op;

typedef struct {
    tfl_tensor tensors[TFL_MAX];
    tfl_op ops[TFL_MAX];
    int n_tensors, n_ops;
} tfl_model;

static inline void tfl_any(tfl_model *m, const char *name, int type, size_t rank, const int64_t *dims,
                           const void *data, size_t size)
{
    tfl_tensor *t = &m->tensors[m->n_tensors++];
    *t = (tfl_tensor){.name = name, .type = type, .rank = (int)rank, .size = size};
    for (size_t i = 0; i < rank; i++)
        t->dims[i] = (int32_t)dims[i];
    if (data) {
        t->data = malloc(size + 1);
        memcpy(t->data, data, size);
    }
}

static inline void tfl_computed(tfl_model *m, const char *name, size_t rank, const int64_t *dims)
{
    tfl_any(m, name, TFL_FLOAT32, rank, dims, NULL, 0);
}

static inline void tfl_floats(tfl_model *m, const char *name, size_t rank, const int64_t *dims,
                              const float *values)
{
    tfl_any(m, name, TFL_FLOAT32, rank, dims, values, 4 * onnx_count(rank, dims));
}

/* 32-bit integers with this shape. */
static inline void tfl_ints(tfl_model *m, const char *name, size_t rank, const int64_t *dims,
                            const int32_t *values)
{
    tfl_any(m, name, TFL_INT32, rank, dims, values, 4 * onnx_count(rank, dims));
}

static inline void tfl_node(tfl_model *m, int code, const char *inputs, const char *outputs, const char *options)
{
    m->ops[m->n_ops++] = (tfl_op){code, inputs, outputs, options};
}

/* ---- flatbuffers, parents before children ---- */

static inline void fb_put(wire *w, size_t at, uint32_t v) { memcpy(w->data + at, &v, 4); }

static inline void fb_align(wire *w)
{
    while (w->size % 8 != 4) /* vectors' elements then begin at multiples of 8 */
        wire_bytes(w, "", 1);
}

/* A table with `n` fields, all absent. */
static inline size_t fb_table(wire *w, int n)
{
    uint16_t vtable[20] = {(uint16_t)(4 + 2 * n), (uint16_t)(4 + 4 * n)};
    uint32_t zeros[20] = {0};
    fb_align(w);
    size_t start = w->size;
    wire_bytes(w, vtable, 4 + 2 * (size_t)n);
    fb_align(w);
    size_t table = w->size;
    zeros[0] = (uint32_t)(table - start);
    wire_bytes(w, zeros, 4 + 4 * (size_t)n);
    return table;
}

static inline void fb_set(wire *w, size_t table, int field, uint32_t value)
{
    uint32_t back;
    memcpy(&back, w->data + table, 4);
    uint16_t offset = (uint16_t)(4 + 4 * field);
    memcpy(w->data + table - back + 4 + 2 * (size_t)field, &offset, 2);
    fb_put(w, table + offset, value);
}

/* Field `field` refers to what is written next. */
static inline void fb_refer(wire *w, size_t table, int field)
{
    fb_align(w);
    fb_set(w, table, field, (uint32_t)(w->size - (table + 4 + 4 * (size_t)field)));
}

static inline size_t fb_vector(wire *w, size_t table, int field, uint32_t count, const void *data, size_t bytes)
{
    fb_refer(w, table, field);
    wire_bytes(w, &count, 4);
    size_t first = w->size;
    wire_bytes(w, data, bytes);
    return first;
}

/* A vector of `count` tables with `fields` fields; their positions. */
static inline void fb_tables(wire *w, size_t table, int field, int count, int fields, size_t *positions)
{
    uint32_t zeros[TFL_MAX + 1] = {0};
    size_t first = fb_vector(w, table, field, (uint32_t)count, zeros, 4 * (size_t)count);
    for (int i = 0; i < count; i++) {
        positions[i] = fb_table(w, fields);
        fb_put(w, first + 4 * (size_t)i, (uint32_t)(positions[i] - (first + 4 * (size_t)i)));
    }
}

/* ---- the file ---- */

/* A vector of tensor indices from a list of names; an empty name is -1, an unknown one 999. */
static inline void tfl_indices(wire *w, size_t table, int field, const tfl_model *m, const char *list)
{
    int32_t indices[16];
    uint32_t n = 0;
    for (const char *at = list; *list && at && n < 16;) {
        const char *comma = strchr(at, ',');
        size_t length = comma ? (size_t)(comma - at) : strlen(at);
        indices[n] = length ? 999 : -1;
        for (int i = 0; i < m->n_tensors; i++)
            if (strlen(m->tensors[i].name) == length && memcmp(m->tensors[i].name, at, length) == 0)
                indices[n] = i;
        n++;
        at = comma ? comma + 1 : NULL;
    }
    fb_vector(w, table, field, n, indices, 4 * n);
}

static inline void tfl_options(wire *w, size_t op, const char *text)
{
    if (!text)
        return;
    fb_refer(w, op, 4);
    size_t refer = op + 4 + 4 * 4, table = fb_table(w, 8);
    fb_put(w, refer, (uint32_t)(table - refer));
    for (const char *at = text; *at;) {
        char *value, *end = NULL;
        int field = (int)strtol(at, &value, 10);
        value++; /* '=' */
        if (*value == 'f') {
            float v = strtof(value + 1, &end);
            uint32_t bits;
            memcpy(&bits, &v, 4);
            fb_set(w, table, field, bits);
        } else if (*value == '[') {
            int32_t values[8];
            uint32_t n = 0;
            for (end = value; *end != ']';)
                values[n++] = (int32_t)strtol(end + 1, &end, 10);
            end++;
            fb_vector(w, table, field, n, values, 4 * n);
        } else {
            fb_set(w, table, field, (uint32_t)strtol(value, &end, 10));
        }
        at = end + (*end == ' ');
    }
}

/* The file with these inputs and outputs; the model is spent. */
static inline wire tfl_file(tfl_model *m, const char *inputs, const char *outputs)
{
    wire w = {0};
    size_t graph, tensors[TFL_MAX], ops[TFL_MAX], codes[TFL_MAX], buffers[TFL_MAX + 1];
    wire_bytes(&w, "\0\0\0\0TFL3", 8);
    size_t model = fb_table(&w, 5);
    fb_put(&w, 0, (uint32_t)model);
    fb_set(&w, model, 0, 3);
    fb_tables(&w, model, 1, m->n_ops, 4, codes);
    for (int i = 0; i < m->n_ops; i++) {
        fb_set(&w, codes[i], 0, (uint32_t)(m->ops[i].code < 127 ? m->ops[i].code : 127));
        fb_set(&w, codes[i], 3, (uint32_t)m->ops[i].code);
    }
    fb_tables(&w, model, 2, 1, 5, &graph);
    fb_tables(&w, graph, 0, m->n_tensors, 8, tensors);
    for (int i = 0; i < m->n_tensors; i++) {
        const tfl_tensor *t = &m->tensors[i];
        fb_vector(&w, tensors[i], 0, (uint32_t)t->rank, t->dims, 4 * (size_t)t->rank);
        fb_set(&w, tensors[i], 1, (uint32_t)t->type);
        fb_set(&w, tensors[i], 2, t->data ? (uint32_t)i + 1 : 0);
        fb_vector(&w, tensors[i], 3, (uint32_t)strlen(t->name), t->name, strlen(t->name) + 1);
    }
    tfl_indices(&w, graph, 1, m, inputs);
    tfl_indices(&w, graph, 2, m, outputs);
    fb_tables(&w, graph, 3, m->n_ops, 5, ops);
    for (int i = 0; i < m->n_ops; i++) {
        fb_set(&w, ops[i], 0, (uint32_t)i);
        tfl_indices(&w, ops[i], 1, m, m->ops[i].inputs);
        tfl_indices(&w, ops[i], 2, m, m->ops[i].outputs);
        tfl_options(&w, ops[i], m->ops[i].options);
    }
    fb_tables(&w, model, 4, m->n_tensors + 1, 1, buffers); /* buffer 0 is empty by convention */
    for (int i = 0; i < m->n_tensors; i++)
        if (m->tensors[i].data)
            fb_vector(&w, buffers[i + 1], 0, (uint32_t)m->tensors[i].size, m->tensors[i].data, m->tensors[i].size);
    for (int i = 0; i < m->n_tensors; i++)
        free(m->tensors[i].data);
    *m = (tfl_model){0};
    return w;
}

#endif
