/* Protobuf's wire format: keys (field << 3 | wire type), variable-length numbers, length-delimited payloads. */
#ifndef SL_NET_WIRE_H
#define SL_NET_WIRE_H

#include "onnx.pb-c.h"

static inline bool sl_wire_varint(const uint8_t **p, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && *p < end; shift += 7) {
        uint8_t byte = *(*p)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* Steps over the value behind a key; `payload` is what a length-delimited one holds. */
static inline bool sl_wire_skip(const uint8_t **p, const uint8_t *end, unsigned wire_type, size_t *payload)
{
    uint64_t value, bytes = 0;
    switch (wire_type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT: return sl_wire_varint(p, end, &value);
    case PROTOBUF_C_WIRE_TYPE_64BIT: bytes = 8; break;
    case PROTOBUF_C_WIRE_TYPE_32BIT: bytes = 4; break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!sl_wire_varint(p, end, &bytes))
            return false;
        break;
    default: return false;
    }
    if (bytes > (uint64_t)(end - *p))
        return false;
    *payload = (size_t)bytes;
    *p += bytes;
    return true;
}

#endif
