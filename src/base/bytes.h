/* Numbers in bytes: little-endian ones read and written, big-endian ones read, and a cursor that cannot leave its
 * buffer. */
#ifndef SL_BASE_BYTES_H
#define SL_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "secondlook's files are little-endian and are mapped as they are: a big-endian port needs swaps in bytes.h"
#endif

#define SL_DEFINE_LE(type, name)                                          \
    static inline type sl_get_##name(const void *p)                       \
    {                                                                     \
        type v;                                                           \
        memcpy(&v, p, sizeof v);                                          \
        return v;                                                         \
    }                                                                     \
    static inline void sl_put_##name(void *p, type v) { memcpy(p, &v, sizeof v); }
SL_DEFINE_LE(uint16_t, u16)
SL_DEFINE_LE(uint32_t, u32)
SL_DEFINE_LE(uint64_t, u64)
SL_DEFINE_LE(int32_t, i32)
SL_DEFINE_LE(int64_t, i64)
SL_DEFINE_LE(float, f32)
#undef SL_DEFINE_LE

/* As PNG, JPEG and TIFF have them. */
static inline uint16_t sl_get_be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t sl_get_be32(const uint8_t *p)
{
    return (uint32_t)sl_get_be16(p) << 16 | sl_get_be16(p + 2);
}

/* A reader over [data, data + size). A read past the end sets `failed`, returns zero, and all
 * reads after it do the same: a parser checks `failed` once per record. */
typedef struct {
    const uint8_t *data;
    size_t size, at;
    bool failed;
} sl_reader;

static inline sl_reader sl_reader_of(const void *data, size_t size)
{
    return (sl_reader){.data = data, .size = size};
}

/* `count` bytes at the cursor, or NULL past the end. */
static inline const uint8_t *sl_read_bytes(sl_reader *r, size_t count)
{
    if (r->failed || count > r->size - r->at) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->data + r->at;
    r->at += count;
    return p;
}

#define SL_DEFINE_READ(type, name)                        \
    static inline type sl_read_##name(sl_reader *r)       \
    {                                                     \
        const uint8_t *p = sl_read_bytes(r, sizeof(type)); \
        return p ? sl_get_##name(p) : (type)0;            \
    }
SL_DEFINE_READ(uint16_t, u16)
SL_DEFINE_READ(uint32_t, u32)
SL_DEFINE_READ(uint64_t, u64)
SL_DEFINE_READ(int32_t, i32)
SL_DEFINE_READ(int64_t, i64)
SL_DEFINE_READ(float, f32)
#undef SL_DEFINE_READ

static inline uint8_t sl_read_u8(sl_reader *r)
{
    const uint8_t *p = sl_read_bytes(r, 1);
    return p ? *p : 0;
}

#endif
