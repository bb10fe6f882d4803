/* A copy of an ONNX file without its weights: protobuf-c copies all it is given, and weights are nearly all of a file.
 * Which bytes are an initializer's raw data is told beside it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/import/onnx/onnx.h"
#include "net/import/onnx/wire.h"

enum { FIELD_GRAPH = 7, FIELD_INITIALIZER = 5, FIELD_RAW_DATA = 9, LONGEST_VARINT = 10 };

/* The messages that lead to raw data. */
typedef enum { IN_MODEL, IN_GRAPH, IN_TENSOR } level;

static uint8_t *put_varint(uint8_t *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *to++ = (uint8_t)(value | 0x80);
    *to++ = (uint8_t)value;
    return to;
}

static bool new_initializer(sl_onnx_lean *lean)
{
    sl_onnx_raw *raw = sl_with_room(lean->raw, lean->count, &lean->capacity, sizeof *raw);
    if (!raw)
        return false;
    lean->raw = raw;
    lean->raw[lean->count++] = (sl_onnx_raw){0};
    return true;
}

static bool copy_message(level at, const uint8_t *p, size_t size, sl_onnx_lean *lean);

/* One that holds raw data further down, its length as it then is. */
static bool copy_inner(level at, const uint8_t *p, size_t size, sl_onnx_lean *lean)
{
    if (at == IN_TENSOR && !new_initializer(lean))
        return false;
    size_t start = lean->size;
    if (!copy_message(at, p, size, lean))
        return false;
    uint8_t length[LONGEST_VARINT], *content = lean->bytes + start;
    size_t bytes = lean->size - start, digits = (size_t)(put_varint(length, bytes) - length);
    memmove(content + digits, content, bytes);
    memcpy(content, length, digits);
    lean->size += digits;
    return true;
}

/* The message is well-formed. The copy is never longer than what was read so far: it has room. */
static bool copy_message(level at, const uint8_t *p, size_t size, sl_onnx_lean *lean)
{
    static const unsigned leads[] = {FIELD_GRAPH, FIELD_INITIALIZER, FIELD_RAW_DATA};
    const uint8_t *end = p + size;
    while (p < end) {
        const uint8_t *field = p;
        uint64_t key;
        size_t payload = 0;
        if (!sl_wire_varint(&p, end, &key))
            return false;
        size_t key_bytes = (size_t)(p - field);
        if (!sl_wire_skip(&p, end, key & 7, &payload))
            return false;
        bool leads_on = key == (leads[at] << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
        if (leads_on && at == IN_TENSOR) {
            lean->raw[lean->count - 1] = (sl_onnx_raw){p - payload, payload};
            continue;
        }
        size_t bytes = leads_on ? key_bytes : (size_t)(p - field);
        memcpy(lean->bytes + lean->size, field, bytes);
        lean->size += bytes;
        if (leads_on && !copy_inner(at + 1, p - payload, payload, lean))
            return false;
    }
    return true;
}

bool sl_onnx_lean_make(const void *data, size_t size, sl_onnx_lean *lean)
{
    *lean = (sl_onnx_lean){.bytes = malloc(size)};
    if (lean->bytes && copy_message(IN_MODEL, data, size, lean))
        return true;
    sl_onnx_lean_free(lean);
    return false;
}

void sl_onnx_lean_free(sl_onnx_lean *lean)
{
    free(lean->bytes);
    free(lean->raw);
    *lean = (sl_onnx_lean){0};
}
