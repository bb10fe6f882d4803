/* Offsets of a flatbuffer, each checked before it is followed. */
#include "net/import/tflite/flatbuffer.h"

#include "base/bytes.h"

/* True when [at, at + bytes) is in the file. */
static bool is_in_file(sl_flat *f, uint64_t at, uint64_t bytes)
{
    if (at <= f->size && bytes <= f->size - at)
        return true;
    f->failed = true;
    return false;
}

/* Follows the relative offset at `at`. */
static sl_flat_at follow_offset(sl_flat *f, uint64_t at)
{
    if (!is_in_file(f, at, 4))
        return 0;
    uint64_t target = at + sl_get_u32(f->data + at);
    return is_in_file(f, target, 4) ? (sl_flat_at)target : 0;
}

sl_flat_at sl_flat_root(sl_flat *f) { return follow_offset(f, 0); }

/* Where a table's field of `bytes` bytes lies, or 0. */
static sl_flat_at field_at(sl_flat *f, sl_flat_at table, int field, size_t bytes)
{
    if (table == 0 || !is_in_file(f, table, 4))
        return 0;
    int64_t vtable = (int64_t)table - sl_get_i32(f->data + table);
    uint64_t slot = 4 + 2 * (uint64_t)field;
    if (vtable < 0 || !is_in_file(f, (uint64_t)vtable, 4)) {
        f->failed = true;
        return 0;
    }
    if (slot + 2 > sl_get_u16(f->data + vtable))
        return 0;
    if (!is_in_file(f, (uint64_t)vtable + slot, 2))
        return 0;
    uint16_t offset = sl_get_u16(f->data + (uint64_t)vtable + slot);
    return offset && is_in_file(f, (uint64_t)table + offset, bytes) ? table + offset : 0;
}

uint8_t sl_flat_u8(sl_flat *f, sl_flat_at table, int field, uint8_t otherwise)
{
    sl_flat_at at = field_at(f, table, field, 1);
    return at ? f->data[at] : otherwise;
}

int32_t sl_flat_i32(sl_flat *f, sl_flat_at table, int field, int32_t otherwise)
{
    sl_flat_at at = field_at(f, table, field, 4);
    return at ? sl_get_i32(f->data + at) : otherwise;
}

float sl_flat_f32(sl_flat *f, sl_flat_at table, int field, float otherwise)
{
    sl_flat_at at = field_at(f, table, field, 4);
    return at ? sl_get_f32(f->data + at) : otherwise;
}

sl_flat_at sl_flat_table(sl_flat *f, sl_flat_at table, int field)
{
    sl_flat_at at = field_at(f, table, field, 4);
    return at ? follow_offset(f, at) : 0;
}

sl_flat_vector sl_flat_vector_of(sl_flat *f, sl_flat_at table, int field, size_t width)
{
    sl_flat_at at = sl_flat_table(f, table, field);
    if (at == 0)
        return (sl_flat_vector){0};
    uint32_t count = sl_get_u32(f->data + at);
    if (!is_in_file(f, (uint64_t)at + 4, (uint64_t)count * width))
        return (sl_flat_vector){0};
    return (sl_flat_vector){.at = at + 4, .count = count};
}

sl_flat_at sl_flat_table_in(sl_flat *f, sl_flat_vector v, uint32_t i)
{
    return follow_offset(f, (uint64_t)v.at + 4 * (uint64_t)i);
}

int32_t sl_flat_i32_in(const sl_flat *f, sl_flat_vector v, uint32_t i)
{
    return sl_get_i32(f->data + v.at + 4 * (size_t)i);
}
