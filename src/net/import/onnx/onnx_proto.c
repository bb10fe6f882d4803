/* From bytes to ONNX messages. protobuf-c recurses without a limit, merges repeated submessages in
 * quadratic time and allocates what the file says, so a hostile file is stopped before and while it parses. */
#include "net/import/onnx/onnx.h"

#include <stdlib.h>

#include "net/import/onnx/wire.h"

enum { MAX_DEPTH = 32, MEMORY_FACTOR = 64, MEMORY_SLACK = 1 << 20 };
static const size_t max_file_size = (size_t)1 << 30;

/* ---- an allocator with a budget; each block remembers its size ---- */

enum { BLOCK_HEADER = 16 };

static void *budget_alloc(void *context, size_t size)
{
    sl_onnx_file *file = context;
    if (size > file->memory_left || file->memory_left - size < BLOCK_HEADER) {
        file->exhausted = true;
        return NULL;
    }
    size_t *block = malloc(size + BLOCK_HEADER);
    if (!block)
        return NULL;
    block[0] = size + BLOCK_HEADER;
    file->memory_left -= block[0];
    return (char *)block + BLOCK_HEADER;
}

static void budget_free(void *context, void *p)
{
    sl_onnx_file *file = context;
    if (!p)
        return;
    size_t *block = (void *)((char *)p - BLOCK_HEADER);
    file->memory_left += block[0];
    free(block);
}

/* ---- the check before parsing ---- */

/* True when `data` is well-formed, nests at most MAX_DEPTH messages, and has no single submessage twice. */
static bool is_tame(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t size, int depth)
{
    const uint8_t *p = data, *end = data + size;
    uint64_t seen = 0;
    if (depth > MAX_DEPTH || type->n_fields > 64)
        return false;
    while (p < end) {
        uint64_t key;
        size_t payload = 0;
        if (!sl_wire_varint(&p, end, &key) || key > UINT32_MAX || !sl_wire_skip(&p, end, key & 7, &payload))
            return false;
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3));
        if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if ((key & 7) != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
            return false;
        uint64_t bit = (uint64_t)1 << (field - type->fields);
        if (field->label != PROTOBUF_C_LABEL_REPEATED && (seen & bit))
            return false;
        seen |= bit;
        if (!is_tame(field->descriptor, p - payload, payload, depth + 1))
            return false;
    }
    return true;
}

/* ---- opening ---- */

/* Puts the initializers' raw data, which the parser has not seen, back where it belongs: in the caller's bytes. */
static bool lend_raw_data(sl_onnx_file *file, const sl_onnx_lean *lean)
{
    Onnx__GraphProto *graph = file->model->graph;
    if ((graph ? graph->n_initializer : 0) != lean->count)
        return false;
    for (size_t i = 0; i < lean->count; i++) {
        graph->initializer[i]->has_raw_data = lean->raw[i].data != NULL;
        graph->initializer[i]->raw_data = (ProtobufCBinaryData){lean->raw[i].size, (uint8_t *)lean->raw[i].data};
    }
    return true;
}

static sl_status parse_onnx(sl_onnx_file *file, const sl_onnx_lean *lean, sl_error *err)
{
    file->model = onnx__model_proto__unpack(&file->allocator, lean->size, lean->bytes);
    if (!file->model && file->exhausted)
        return sl_fail(err, SL_ERR_LIMIT, "the ONNX file wants more than %d times its size in memory",
                       MEMORY_FACTOR);
    return file->model && lend_raw_data(file, lean) ? SL_OK
                                                    : sl_fail(err, SL_ERR_FORMAT, "not an ONNX file, or a damaged one");
}

sl_status sl_onnx_open(sl_onnx_file *file, const void *data, size_t size, sl_error *err)
{
    sl_onnx_lean lean;
    *file = (sl_onnx_file){.allocator = {.alloc = budget_alloc, .free = budget_free, .allocator_data = file}};
    if (size > max_file_size)
        return sl_fail(err, SL_ERR_LIMIT, "the ONNX file has %zu bytes, at most 1 GiB is read", size);
    file->memory_left = size * MEMORY_FACTOR + MEMORY_SLACK;
    if (size == 0 || !is_tame(&onnx__model_proto__descriptor, data, size, 0))
        return sl_fail(err, SL_ERR_FORMAT, "not an ONNX file, or a damaged one");
    if (!sl_onnx_lean_make(data, size, &lean))
        return sl_no_memory(err, "to read an ONNX file");
    sl_status status = parse_onnx(file, &lean, err);
    sl_onnx_lean_free(&lean);
    if (status != SL_OK)
        sl_onnx_close(file);
    return status;
}

void sl_onnx_close(sl_onnx_file *file)
{
    if (!file->model)
        return;
    const Onnx__GraphProto *graph = file->model->graph;
    for (size_t i = 0; graph && i < graph->n_initializer; i++) {
        graph->initializer[i]->has_raw_data = 0;
        graph->initializer[i]->raw_data = (ProtobufCBinaryData){0};
    }
    onnx__model_proto__free_unpacked(file->model, &file->allocator);
    file->model = NULL;
    sl_onnx_close_sides(file);
}
