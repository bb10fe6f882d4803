/* Reading flatbuffers without generated code: every offset is checked. A position is a byte offset into
 * the file, 0 means absent. A reference that leaves the file sets `failed` and reads as absent. */
#ifndef SL_NET_FLATBUFFER_H
#define SL_NET_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *data;
    size_t size; /* below 2^31 */
    bool failed;
} sl_flat;

typedef uint32_t sl_flat_at;

/* A vector's first element and their number. */
typedef struct {
    sl_flat_at at;
    uint32_t count;
} sl_flat_vector;

sl_flat_at sl_flat_root(sl_flat *f);

/* Scalars of a table's field; `otherwise` when the field or the table is absent. */
uint8_t sl_flat_u8(sl_flat *f, sl_flat_at table, int field, uint8_t otherwise);
int32_t sl_flat_i32(sl_flat *f, sl_flat_at table, int field, int32_t otherwise);
float sl_flat_f32(sl_flat *f, sl_flat_at table, int field, float otherwise);

sl_flat_at sl_flat_table(sl_flat *f, sl_flat_at table, int field);

/* A vector of elements of `width` bytes, wholly inside the file. */
sl_flat_vector sl_flat_vector_of(sl_flat *f, sl_flat_at table, int field, size_t width);

/* Element i of a vector of tables, or of 32-bit integers; i < count. */
sl_flat_at sl_flat_table_in(sl_flat *f, sl_flat_vector v, uint32_t i);
int32_t sl_flat_i32_in(const sl_flat *f, sl_flat_vector v, uint32_t i);

#endif
