/* Writes small checkpoints for tests, opcode by opcode and record by record: independent of the reader, and able to
 * write what torch.save would not. */
#ifndef SL_TESTS_TORCH_WRITER_H
#define SL_TESTS_TORCH_WRITER_H

#include "onnx_writer.h"

static inline void wire_number(wire *w, uint64_t value, size_t bytes) { wire_bytes(w, &value, bytes); }

/* ---- pickles ---- */

static inline void pk_op(wire *w, char op) { wire_bytes(w, &op, 1); }

static inline void pk_begin(wire *w) { wire_bytes(w, "\x80\x02", 2); }

static inline void pk_text(wire *w, const char *text)
{
    pk_op(w, 'X');
    wire_number(w, strlen(text), 4);
    wire_bytes(w, text, strlen(text));
}

static inline void pk_int(wire *w, int64_t value)
{
    pk_op(w, '\x8a');
    pk_op(w, 8);
    wire_number(w, (uint64_t)value, 8);
}

/* "module name" */
static inline void pk_global(wire *w, const char *name)
{
    const char *space = strchr(name, ' ');
    pk_op(w, 'c');
    wire_bytes(w, name, (size_t)(space - name));
    pk_op(w, '\n');
    wire_bytes(w, space + 1, strlen(space + 1));
    pk_op(w, '\n');
}

static inline void pk_ints(wire *w, size_t count, const int64_t *values)
{
    pk_op(w, '(');
    for (size_t i = 0; i < count; i++)
        pk_int(w, values[i]);
    pk_op(w, 't');
}

typedef struct {
    const char *key;        /* of the storage */
    const char *type;       /* "torch FloatStorage" */
    int64_t elements;       /* of the storage */
    int64_t offset;
    size_t rank;
    const int64_t *shape, *strides;
} pk_tensor;

/* The call of _rebuild_tensor_v2. view: what the sixth part of the storage's name is, or NULL for none. */
static inline void pk_put_tensor(wire *w, const pk_tensor *t, const wire *view)
{
    pk_global(w, "torch._utils _rebuild_tensor_v2");
    pk_op(w, '(');
    pk_op(w, '(');
    pk_text(w, "storage");
    pk_global(w, t->type);
    pk_text(w, t->key);
    pk_text(w, "cpu");
    pk_int(w, t->elements);
    if (view)
        wire_bytes(w, view->data, view->size);
    wire_bytes(w, "tQ", 2);
    pk_int(w, t->offset);
    pk_ints(w, t->rank, t->shape);
    pk_ints(w, t->rank, t->strides);
    pk_op(w, '\x89'); /* requires_grad */
    pk_global(w, "collections OrderedDict");
    wire_bytes(w, ")RtR", 4);
}

/* ---- zip archives ---- */

enum { ZIP_MAX_ENTRIES = 8 };

typedef struct {
    wire file, directory;
    int count;
    bool zip64;       /* sizes and offsets in extra fields, and a zip64 end */
    uint16_t method;  /* 8: says that entries are deflated */
} zip_writer;

static inline void zip_add(zip_writer *z, const char *name, const void *data, size_t size)
{
    size_t offset = z->file.size, length = strlen(name);
    uint64_t small = z->zip64 ? UINT32_MAX : size;
    wire_bytes(&z->file, "PK\3\4", 4);
    wire_number(&z->file, 45, 2);
    wire_number(&z->file, 0, 2);
    wire_number(&z->file, z->method, 2);
    wire_number(&z->file, 0, 8); /* time, date, crc */
    wire_number(&z->file, size, 4);
    wire_number(&z->file, size, 4);
    wire_number(&z->file, length, 2);
    wire_number(&z->file, 3, 2); /* padding, as torch aligns data */
    wire_bytes(&z->file, name, length);
    wire_bytes(&z->file, "FBx", 3);
    wire_bytes(&z->file, data, size);
    wire *d = &z->directory;
    wire_bytes(d, "PK\1\2", 4);
    wire_number(d, 45, 2);
    wire_number(d, 45, 2);
    wire_number(d, 0, 2);
    wire_number(d, z->method, 2);
    wire_number(d, 0, 8);
    wire_number(d, small, 4);
    wire_number(d, small, 4);
    wire_number(d, length, 2);
    wire_number(d, z->zip64 ? 28 : 0, 2);
    wire_number(d, 0, 8);
    wire_number(d, 0, 2); /* comment, disk, attributes */
    wire_number(d, z->zip64 ? UINT32_MAX : offset, 4);
    wire_bytes(d, name, length);
    if (z->zip64) {
        wire_number(d, 1, 2);
        wire_number(d, 24, 2);
        wire_number(d, size, 8);
        wire_number(d, size, 8);
        wire_number(d, offset, 8);
    }
    z->count++;
}

/* The archive; z is used up. */
static inline wire zip_end(zip_writer *z)
{
    wire *f = &z->file;
    size_t at = f->size;
    wire_bytes(f, z->directory.data, z->directory.size);
    if (z->zip64) {
        size_t end64 = f->size;
        wire_bytes(f, "PK\6\6", 4);
        wire_number(f, 44, 8);
        wire_number(f, 45, 2);
        wire_number(f, 45, 2);
        wire_number(f, 0, 8);
        wire_number(f, (uint64_t)z->count, 8);
        wire_number(f, (uint64_t)z->count, 8);
        wire_number(f, z->directory.size, 8);
        wire_number(f, at, 8);
        wire_bytes(f, "PK\6\7", 4);
        wire_number(f, 0, 4);
        wire_number(f, end64, 8);
        wire_number(f, 1, 4);
    }
    wire_bytes(f, "PK\5\6", 4);
    wire_number(f, 0, 4);
    wire_number(f, z->zip64 ? UINT16_MAX : (uint64_t)z->count, 2);
    wire_number(f, z->zip64 ? UINT16_MAX : (uint64_t)z->count, 2);
    wire_number(f, z->zip64 ? UINT32_MAX : z->directory.size, 4);
    wire_number(f, z->zip64 ? UINT32_MAX : at, 4);
    wire_number(f, 0, 2);
    free(z->directory.data);
    return *f;
}

/* A checkpoint of a pickle and one storage with the key 0. */
static inline wire zip_checkpoint(const wire *pickle, const void *storage, size_t size, bool zip64)
{
    zip_writer z = {.zip64 = zip64};
    zip_add(&z, "a/data.pkl", pickle->data, pickle->size);
    zip_add(&z, "a/data/0", storage, size);
    return zip_end(&z);
}

/* The same in the legacy form: magic number, version, machine, object, keys, storage. */
static inline wire legacy_checkpoint(const wire *pickle, const void *storage, uint64_t elements, size_t size,
                                     bool little_endian)
{
    wire w = {0};
    wire_bytes(&w, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}", 24);
    pk_text(&w, "little_endian");
    wire_bytes(&w, little_endian ? "\x88s." : "\x89s.", 3);
    wire_bytes(&w, pickle->data, pickle->size);
    wire_bytes(&w, "\x80\x02](", 4);
    pk_text(&w, "0");
    wire_bytes(&w, "e.", 2);
    wire_number(&w, elements, 8);
    wire_bytes(&w, storage, size);
    return w;
}

#endif
