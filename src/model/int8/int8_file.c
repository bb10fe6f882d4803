/* The file (docs/int8-format.md):
 *
 *     "SLINT8\0", u8 kind, fingerprint [32], u32 width, height, channels, dim, ranges, f32 agreement
 *     probe [height, width, channels] in u8, of a look [channels, height, width] in f32; f32 expected [dim]
 *     per range: f32 scale, u8 has_sign, u8 length of the name, name
 *     u32 crc32c of all before it */
#include "model/int8/int8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"

enum { HEADER = 8 + 32 + 5 * 4 + 4, MOST_SIDE = 1024, MOST_DIM = 4096, MOST_RANGES = 4096, LONGEST_NAME = 255 };
enum { MOST_CELLS = 256, MOST_PATCH = 4096, MOST_BYTES = 16 << 20 };

static const uint8_t magic[7] = {'S', 'L', 'I', 'N', 'T', '8', 0};

static size_t probe_numbers(const sl_int8_model *m)
{
    return (size_t)m->width * (size_t)m->height * (size_t)m->channels;
}

static size_t probe_bytes(const sl_int8_model *m)
{
    return probe_numbers(m) * (m->kind == SL_INT8_LOOK ? sizeof(float) : 1);
}

sl_status sl_int8_model_alloc(sl_int8_model *m, sl_error *err)
{
    m->probe = sl_calloc_aligned(probe_bytes(m), 1);
    m->expected = sl_calloc_aligned((size_t)m->dim, sizeof *m->expected);
    return m->probe && m->expected ? SL_OK : sl_no_memory(err, "for an int8 model");
}

void sl_int8_model_free(sl_int8_model *m)
{
    for (int i = 0; i < m->ranges.count; i++)
        free(m->ranges.items[i].tensor);
    free(m->ranges.items);
    free(m->probe);
    free(m->expected);
    *m = (sl_int8_model){0};
}

/* ---- reading ---- */

static bool sizes_are_possible(const sl_int8_model *m, const uint32_t n[5])
{
    const bool look = m->kind == SL_INT8_LOOK;
    const uint32_t width = look ? MOST_PATCH : MOST_SIDE, height = look ? MOST_CELLS : MOST_SIDE;
    const bool channels = look ? n[2] == 2 : n[2] == 1 || n[2] == 3;
    return n[0] >= 1 && n[0] <= width && n[1] >= 1 && n[1] <= height && channels && n[3] >= 1 &&
           n[3] <= (look ? 1 : MOST_DIM) && n[4] <= MOST_RANGES;
}

static bool read_int8_header(sl_reader *r, sl_int8_model *m, uint32_t *ranges)
{
    const uint8_t *kind = sl_read_bytes(r, 1), *print = sl_read_bytes(r, sizeof m->fingerprint);
    uint32_t n[5];
    for (int i = 0; i < 5; i++)
        n[i] = sl_read_u32(r);
    m->agreement = sl_read_f32(r);
    if (r->failed)
        return false;
    m->kind = (sl_int8_kind)*kind;
    if (!sizes_are_possible(m, n) || !(m->agreement >= 0 && m->agreement <= 1.0001f))
        return false;
    memcpy(m->fingerprint, print, sizeof m->fingerprint);
    m->width = (int)n[0];
    m->height = (int)n[1];
    m->channels = (int)n[2];
    m->dim = (int)n[3];
    *ranges = n[4];
    return true;
}

static bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

static bool read_probe(sl_reader *r, sl_int8_model *m)
{
    const uint8_t *probe = sl_read_bytes(r, probe_bytes(m));
    if (probe)
        memcpy(m->probe, probe, probe_bytes(m));
    for (int d = 0; d < m->dim; d++)
        m->expected[d] = sl_read_f32(r);
    return !r->failed && all_finite(m->expected, (size_t)m->dim) &&
           (m->kind != SL_INT8_LOOK || all_finite(m->probe, probe_numbers(m)));
}

/* Ranges lie in the file one behind the other: no more of them are allocated than are there. */
static sl_status read_ranges(sl_reader *r, uint32_t count, sl_int8_model *m, sl_error *err)
{
    sl_ranges *ranges = &m->ranges;
    if (count > (r->size - r->at) / 6)
        return SL_ERR_FORMAT;
    ranges->items = sl_calloc_aligned(count + 1, sizeof *ranges->items);
    if (!ranges->items)
        return sl_no_memory(err, "for an int8 model");
    for (uint32_t i = 0; i < count; i++) {
        sl_range *range = &ranges->items[i];
        range->scale = sl_read_f32(r);
        const uint8_t *sign = sl_read_bytes(r, 1), *length = sl_read_bytes(r, 1);
        const uint8_t *name = length ? sl_read_bytes(r, *length) : NULL;
        if (!name || *sign > 1 || !isnormal(range->scale) || range->scale < 0 || memchr(name, 0, *length))
            return SL_ERR_FORMAT;
        range->has_sign = *sign;
        range->tensor = malloc((size_t)*length + 1);
        if (!range->tensor)
            return sl_no_memory(err, "for an int8 model");
        memcpy(range->tensor, name, *length);
        range->tensor[*length] = 0;
        ranges->count++;
    }
    return SL_OK;
}

static sl_status read_body(sl_reader *r, uint32_t ranges, sl_int8_model *m, sl_error *err)
{
    if ((uint64_t)probe_bytes(m) + (uint64_t)m->dim * 4 > r->size - r->at)
        return SL_ERR_FORMAT;
    SL_TRY(sl_int8_model_alloc(m, err));
    if (!read_probe(r, m))
        return SL_ERR_FORMAT;
    SL_TRY(read_ranges(r, ranges, m, err));
    return r->at + 4 == r->size ? SL_OK : SL_ERR_FORMAT;
}

sl_status sl_int8_parse(const void *data, size_t size, const char *name, sl_int8_model *out, sl_error *err)
{
    *out = (sl_int8_model){0};
    sl_int8_model m = {0};
    sl_reader r = sl_reader_of(data, size);
    uint32_t ranges;
    const uint8_t *start = sl_read_bytes(&r, sizeof magic);
    if (!start || memcmp(start, magic, sizeof magic) != 0 || size < HEADER + 4 ||
        (start[sizeof magic] != SL_INT8_RECOGNISER && start[sizeof magic] != SL_INT8_LOOK))
        return sl_fail(err, SL_ERR_FORMAT, "%s: no int8 ranges of this version: make them again with 'models quantise'",
                       name);
    if (sl_crc32c(0, data, size - 4) != sl_get_u32((const uint8_t *)data + size - 4))
        return sl_fail(err, SL_ERR_CORRUPT, "%s: its checksum does not hold: make it again with 'models quantise'",
                       name);
    sl_status status = read_int8_header(&r, &m, &ranges) ? read_body(&r, ranges, &m, err) : SL_ERR_FORMAT;
    if (status == SL_ERR_FORMAT)
        sl_fail(err, status, "%s: its numbers are not usable: make it again with 'models quantise'", name);
    if (status != SL_OK)
        sl_int8_model_free(&m);
    *out = m;
    return status;
}

sl_status sl_int8_read(const char *path, sl_int8_model *out, sl_error *err)
{
    uint8_t *data;
    size_t size;
    *out = (sl_int8_model){0};
    SL_TRY(sl_read_file(path, MOST_BYTES, &data, &size, err));
    sl_status status = sl_int8_parse(data, size, path, out, err);
    free(data);
    return status;
}

/* ---- writing ---- */

static uint8_t *append_bytes(uint8_t *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    return to + size;
}

static size_t int8_file_bytes(const sl_int8_model *m)
{
    size_t size = HEADER + probe_bytes(m) + (size_t)m->dim * 4 + 4;
    for (int i = 0; i < m->ranges.count; i++)
        size += 6 + strlen(m->ranges.items[i].tensor);
    return size;
}

sl_status sl_int8_write(const sl_int8_model *m, const char *path, sl_error *err)
{
    for (int i = 0; i < m->ranges.count; i++)
        if (strlen(m->ranges.items[i].tensor) > LONGEST_NAME)
            return sl_fail(err, SL_ERR_LIMIT, "%s: a tensor's name is longer than %d bytes", path, LONGEST_NAME);
    const uint32_t numbers[5] = {(uint32_t)m->width, (uint32_t)m->height, (uint32_t)m->channels, (uint32_t)m->dim,
                                 (uint32_t)m->ranges.count};
    size_t size = int8_file_bytes(m);
    uint8_t *data = sl_calloc_aligned(size, 1), *at = data;
    if (!data)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to write %s", path);
    at = append_bytes(at, magic, sizeof magic);
    *at++ = (uint8_t)m->kind;
    at = append_bytes(at, m->fingerprint, sizeof m->fingerprint);
    at = append_bytes(at, numbers, sizeof numbers);
    at = append_bytes(at, &m->agreement, sizeof m->agreement);
    at = append_bytes(at, m->probe, probe_bytes(m));
    at = append_bytes(at, m->expected, (size_t)m->dim * sizeof *m->expected);
    for (int i = 0; i < m->ranges.count; i++) {
        const sl_range *range = &m->ranges.items[i];
        const uint8_t form[2] = {range->has_sign, (uint8_t)strlen(range->tensor)};
        at = append_bytes(at, &range->scale, sizeof range->scale);
        at = append_bytes(at, form, sizeof form);
        at = append_bytes(at, range->tensor, form[1]);
    }
    sl_put_u32(at, sl_crc32c(0, data, size - 4));
    sl_status status = sl_write_file(path, data, size, err);
    free(data);
    return status;
}
