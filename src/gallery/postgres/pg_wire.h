/* Parameters and results in PostgreSQL's binary form: big-endian numbers, arrays with their lengths. */
#ifndef SL_GALLERY_PG_WIRE_H
#define SL_GALLERY_PG_WIRE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* ---- parameters ---- */

enum { SL_PG_MOST_PARAMETERS = 16 };

/* A statement with its parameters, $1 and on, in the order in which they are added. */
typedef struct {
    const char *sql; /* NULL: nothing is asked */
    int count;
    Oid types[SL_PG_MOST_PARAMETERS];
    sl_text values[SL_PG_MOST_PARAMETERS];
    bool null[SL_PG_MOST_PARAMETERS];
} sl_pg_request;

void sl_pg_add_null(sl_pg_request *r);
void sl_pg_add_bytes(sl_pg_request *r, const void *bytes, size_t size);
void sl_pg_add_text(sl_pg_request *r, const char *text);
void sl_pg_add_i32(sl_pg_request *r, int32_t value);
void sl_pg_add_i64(sl_pg_request *r, int64_t value);

/* An array of `count` elements, which are added one by one to the text that it returns. */
typedef enum { SL_PG_I64 = 20, SL_PG_BOOL = 16, SL_PG_F32 = 700, SL_PG_TEXT = 25, SL_PG_BYTES = 17 } sl_pg_type;
sl_text *sl_pg_add_array(sl_pg_request *r, sl_pg_type type, size_t count);
void sl_pg_element(sl_text *array, const void *bytes, size_t size); /* bytes NULL: NULL */
void sl_pg_element_i64(sl_text *array, int64_t value);
void sl_pg_element_f32(sl_text *array, float value);
void sl_pg_element_bool(sl_text *array, bool value);

/* Whether memory ran out on the way. */
bool sl_pg_request_failed(const sl_pg_request *r);
void sl_pg_request_free(sl_pg_request *r);

/* ---- results: false where the column is NULL or of another length ---- */

bool sl_pg_i32(const PGresult *r, int row, int column, int32_t *out);
bool sl_pg_i64(const PGresult *r, int row, int column, int64_t *out);
bool sl_pg_f32(const PGresult *r, int row, int column, float *out);
bool sl_pg_bool(const PGresult *r, int row, int column, bool *out);
/* An array real[count]. */
bool sl_pg_f32s(const PGresult *r, int row, int column, float *out, int count);
/* Bytes in place; NULL where the column is. */
const uint8_t *sl_pg_bytes(const PGresult *r, int row, int column, size_t *size);

#endif
