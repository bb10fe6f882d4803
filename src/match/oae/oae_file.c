/* The statistics as a file (docs/oae-format.md):
 *
 *     "SLCELLS\1", fingerprint [32], u32 rows, cols, dim, rank, faces
 *     per cell: f32 mean, f32 sd, f32 mu [dim], f32 scale [rank], int8 axes [rank, dim]
 *     u32 crc32c of all before it */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "match/oae/oae.h"

enum { HEADER = 8 + 32 + 5 * 4, MOST_DIM = 4096 };

static const uint8_t magic[8] = {'S', 'L', 'C', 'E', 'L', 'L', 'S', 1};

static size_t cell_bytes(const sl_oae_stats *s)
{
    return 4 * (2 + (size_t)s->dim + (size_t)s->rank) + (size_t)s->rank * (size_t)s->dim;
}

static size_t file_bytes(const sl_oae_stats *s)
{
    return HEADER + (size_t)s->rows * (size_t)s->cols * cell_bytes(s) + 4;
}

/* ---- reading ---- */

static bool read_header(sl_reader *r, sl_oae_stats *s)
{
    const uint8_t *print = sl_read_bytes(r, sizeof s->fingerprint);
    uint32_t n[5];
    for (int i = 0; i < 5; i++)
        n[i] = sl_read_u32(r);
    if (r->failed || n[0] < 1 || n[1] < 1 || n[0] > SL_MATCH_MAX_PATCHES || n[1] > SL_MATCH_MAX_PATCHES ||
        n[0] * n[1] > SL_MATCH_MAX_PATCHES || n[2] < 1 || n[2] > MOST_DIM || n[3] < 1 || n[3] > SL_OAE_RANK ||
        n[3] > n[2])
        return false;
    memcpy(s->fingerprint, print, sizeof s->fingerprint);
    s->rows = (int)n[0];
    s->cols = (int)n[1];
    s->dim = (int)n[2];
    s->rank = (int)n[3];
    s->faces = n[4];
    return true;
}

/* False where a number is not finite. */
static bool read_floats(sl_reader *r, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = sl_read_f32(r);
        if (!isfinite(out[i]))
            return false;
    }
    return true;
}

static bool read_cell(sl_reader *r, const sl_oae_stats *s, size_t p)
{
    size_t dim = (size_t)s->dim, rank = (size_t)s->rank;
    if (!read_floats(r, 1, &s->means[p]) || !read_floats(r, 1, &s->sds[p]) || !(s->sds[p] > 0) ||
        !read_floats(r, dim, s->mu + p * dim) || !read_floats(r, rank, s->scales + p * rank))
        return false;
    const uint8_t *axes = sl_read_bytes(r, rank * dim);
    if (axes)
        memcpy(s->axes + p * rank * dim, axes, rank * dim);
    return !r->failed;
}

sl_status sl_oae_stats_parse(const void *data, size_t size, const char *name, sl_oae_stats *out, sl_error *err)
{
    *out = (sl_oae_stats){0};
    sl_oae_stats s = {0};
    sl_reader r = sl_reader_of(data, size);
    const uint8_t *start = sl_read_bytes(&r, sizeof magic);
    if (!start || memcmp(start, magic, sizeof magic) != 0)
        return sl_fail(err, SL_ERR_FORMAT, "%s: no statistics per cell of this version: make them again with "
                       "'models statistics'", name);
    if (!read_header(&r, &s) || size != file_bytes(&s))
        return sl_fail(err, SL_ERR_FORMAT, "%s: its sizes are wrong: make it again with 'models statistics'", name);
    if (sl_crc32c(0, data, size - 4) != sl_get_u32((const uint8_t *)data + size - 4))
        return sl_fail(err, SL_ERR_CORRUPT, "%s: its checksum does not hold: make it again with 'models statistics'",
                       name);
    SL_TRY(sl_oae_stats_alloc(&s, err));
    for (size_t p = 0; p < (size_t)s.rows * (size_t)s.cols; p++)
        if (!read_cell(&r, &s, p)) {
            sl_oae_stats_free(&s);
            return sl_fail(err, SL_ERR_FORMAT, "%s: the numbers of cell %zu are not usable", name, p);
        }
    *out = s;
    return SL_OK;
}

/* ---- writing ---- */

static uint8_t *put_bytes(uint8_t *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    return to + size;
}

sl_status sl_oae_stats_write(const sl_oae_stats *s, const char *path, sl_error *err)
{
    size_t size = file_bytes(s), dim = (size_t)s->dim, rank = (size_t)s->rank;
    const uint32_t numbers[5] = {(uint32_t)s->rows, (uint32_t)s->cols, (uint32_t)s->dim, (uint32_t)s->rank, s->faces};
    uint8_t *data = sl_calloc_aligned(size, 1), *at = data;
    if (!data)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to write %s", path);
    at = put_bytes(at, magic, sizeof magic);
    at = put_bytes(at, s->fingerprint, sizeof s->fingerprint);
    at = put_bytes(at, numbers, sizeof numbers);
    for (size_t p = 0; p < (size_t)s->rows * (size_t)s->cols; p++) {
        at = put_bytes(at, &s->means[p], sizeof(float));
        at = put_bytes(at, &s->sds[p], sizeof(float));
        at = put_bytes(at, s->mu + p * dim, dim * sizeof(float));
        at = put_bytes(at, s->scales + p * rank, rank * sizeof(float));
        at = put_bytes(at, s->axes + p * rank * dim, rank * dim);
    }
    sl_put_u32(at, sl_crc32c(0, data, size - 4));
    sl_status status = sl_write_file(path, data, size, err);
    free(data);
    return status;
}
