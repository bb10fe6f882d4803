/* PostgreSQL's binary form. */
#include "gallery/postgres/pg_wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* ---- parameters ---- */

static void put_be32(sl_text *t, uint32_t v)
{
    const uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    sl_text_add_bytes(t, bytes, sizeof bytes);
}

static void put_be64(sl_text *t, uint64_t v)
{
    put_be32(t, (uint32_t)(v >> 32));
    put_be32(t, (uint32_t)v);
}

static sl_text *next(sl_pg_request *r, Oid type)
{
    r->types[r->count] = type;
    return &r->values[r->count++];
}

void sl_pg_add_null(sl_pg_request *r)
{
    r->null[r->count] = true;
    next(r, 0);
}

void sl_pg_add_bytes(sl_pg_request *r, const void *bytes, size_t size)
{
    sl_text_add_bytes(next(r, SL_PG_BYTES), bytes, size);
}

void sl_pg_add_text(sl_pg_request *r, const char *text)
{
    sl_text_add_bytes(next(r, SL_PG_TEXT), text, strlen(text));
}

void sl_pg_add_i32(sl_pg_request *r, int32_t value)
{
    put_be32(next(r, 23), (uint32_t)value);
}

void sl_pg_add_i64(sl_pg_request *r, int64_t value)
{
    put_be64(next(r, SL_PG_I64), (uint64_t)value);
}

static Oid array_of(sl_pg_type type)
{
    switch (type) {
    case SL_PG_I64: return 1016;
    case SL_PG_BOOL: return 1000;
    case SL_PG_F32: return 1021;
    case SL_PG_TEXT: return 1009;
    case SL_PG_BYTES: return 1001;
    }
    return 0;
}

sl_text *sl_pg_add_array(sl_pg_request *r, sl_pg_type type, size_t count)
{
    sl_text *t = next(r, array_of(type));
    put_be32(t, count ? 1 : 0); /* dimensions */
    put_be32(t, 1);             /* there may be NULLs */
    put_be32(t, type);
    if (count) {
        put_be32(t, (uint32_t)count);
        put_be32(t, 1); /* the first one's number */
    }
    return t;
}

void sl_pg_element(sl_text *array, const void *bytes, size_t size)
{
    put_be32(array, bytes ? (uint32_t)size : UINT32_MAX);
    if (bytes)
        sl_text_add_bytes(array, bytes, size);
}

void sl_pg_element_i64(sl_text *array, int64_t value)
{
    put_be32(array, 8);
    put_be64(array, (uint64_t)value);
}

void sl_pg_element_f32(sl_text *array, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_be32(array, 4);
    put_be32(array, bits);
}

void sl_pg_element_bool(sl_text *array, bool value)
{
    const uint8_t byte = value;
    sl_pg_element(array, &byte, 1);
}

bool sl_pg_request_failed(const sl_pg_request *r)
{
    bool failed = false;
    for (int i = 0; i < r->count; i++)
        failed |= r->values[i].failed;
    return failed;
}

void sl_pg_request_free(sl_pg_request *r)
{
    for (int i = 0; i < r->count; i++)
        free(r->values[i].data);
    *r = (sl_pg_request){0};
}

/* ---- results ---- */

/* The bytes of a column that is `size` long, else NULL. */
static const uint8_t *sized(const PGresult *r, int row, int column, int size)
{
    const bool fits = row < PQntuples(r) && column < PQnfields(r) && !PQgetisnull(r, row, column) &&
                      PQgetlength(r, row, column) == size;
    return fits ? (const uint8_t *)PQgetvalue(r, row, column) : NULL;
}

bool sl_pg_i32(const PGresult *r, int row, int column, int32_t *out)
{
    const uint8_t *p = sized(r, row, column, 4);
    *out = p ? (int32_t)sl_get_be32(p) : 0;
    return p;
}

bool sl_pg_i64(const PGresult *r, int row, int column, int64_t *out)
{
    const uint8_t *p = sized(r, row, column, 8);
    *out = p ? (int64_t)((uint64_t)sl_get_be32(p) << 32 | sl_get_be32(p + 4)) : 0;
    return p;
}

static float f32_at(const uint8_t *p)
{
    const uint32_t bits = sl_get_be32(p);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool sl_pg_f32(const PGresult *r, int row, int column, float *out)
{
    const uint8_t *p = sized(r, row, column, 4);
    *out = p ? f32_at(p) : 0;
    return p;
}

bool sl_pg_bool(const PGresult *r, int row, int column, bool *out)
{
    const uint8_t *p = sized(r, row, column, 1);
    *out = p && *p;
    return p;
}

bool sl_pg_f32s(const PGresult *r, int row, int column, float *out, int count)
{
    const uint8_t *p = sized(r, row, column, 20 + 8 * count);
    if (!p || sl_get_be32(p) != 1 || sl_get_be32(p + 8) != SL_PG_F32 || sl_get_be32(p + 12) != (uint32_t)count)
        return false;
    p += 20;
    for (int i = 0; i < count; i++, p += 8) {
        if (sl_get_be32(p) != 4)
            return false;
        out[i] = f32_at(p + 4);
    }
    return true;
}

const uint8_t *sl_pg_bytes(const PGresult *r, int row, int column, size_t *size)
{
    *size = 0;
    if (row >= PQntuples(r) || column >= PQnfields(r) || PQgetisnull(r, row, column))
        return NULL;
    *size = (size_t)PQgetlength(r, row, column);
    return (const uint8_t *)PQgetvalue(r, row, column);
}
