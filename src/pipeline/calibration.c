/* A gallery's calibration as a file (docs/gallery-format.md):
 *
 *     "SLCALIB\1", u64 gallery id, fingerprint [32], u64 faces, searches, pairs
 *     u32 bytes of the options' text, the text
 *     twice (fpir, fmr): u32 points, f64 rate and f64 threshold of each
 *     u32 crc32c of all before it */
#define _GNU_SOURCE
#include "pipeline/calibration.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/text.h"
#include "match/cells.h"

enum { MAX_BYTES = 1 << 16, HEADER = 8 + 8 + 32 + 3 * 8 };

static const uint8_t magic[8] = {'S', 'L', 'C', 'A', 'L', 'I', 'B', 1};

#define REMEDY "run 'secondlook calibrate' for this gallery and these options"

/* ---- the options' text ---- */

/* Statistics from elsewhere make other scores. */
static uint32_t checksum_of_cells(const sl_cells *cells)
{
    const sl_cell_stats *s = &cells->stats;
    size_t patches = (size_t)s->rows * (size_t)s->cols, dim = (size_t)s->dim;
    if (!sl_cells_has_statistics(cells))
        return 0;
    uint32_t crc = sl_crc32c(0, s->mu, patches * dim * sizeof *s->mu);
    crc = sl_crc32c(crc, s->means, patches * sizeof *s->means);
    return sl_crc32c(crc, s->axes, patches * (size_t)s->rank * dim);
}

void sl_match_key(const sl_match_options *m, char key[SL_MATCH_KEY])
{
    if (m->rerank == SL_RERANK_NONE) {
        snprintf(key, SL_MATCH_KEY, "stage 1");
        return;
    }
    bool patches = m->rerank != SL_RERANK_OAE;
    int n = snprintf(key, SL_MATCH_KEY, "rerank %d, k %d, alpha %d/1000000", (int)m->rerank, m->k,
                     (int)lrint((double)m->alpha * 1e6));
    if (patches)
        n += snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", feature %d, weighting %d, precision %d, grid %dx%d",
                      (int)m->feature, (int)m->weighting, (int)m->precision, m->grid_rows, m->grid_cols);
    if (m->rerank == SL_RERANK_EMD)
        n += snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", solver %d", (int)m->solver);
    if (sl_match_needs(m) == SL_NEEDS_STATISTICS && m->cells)
        snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", cells %08x", checksum_of_cells(m->cells));
}

/* ---- reading ---- */

static bool read_curve(sl_reader *r, sl_rate_curve *c)
{
    c->count = sl_read_u32(r);
    if (r->failed || c->count > SL_RATE_POINTS)
        return false;
    for (uint32_t i = 0; i < c->count; i++) {
        uint64_t bits[2] = {sl_read_u64(r), sl_read_u64(r)};
        memcpy(&c->rate[i], &bits[0], sizeof bits[0]);
        memcpy(&c->threshold[i], &bits[1], sizeof bits[1]);
        if (r->failed || !(c->rate[i] > 0 && c->rate[i] <= 1) || !isfinite(c->threshold[i]) ||
            (i && (c->rate[i] >= c->rate[i - 1] || c->threshold[i] < c->threshold[i - 1])))
            return false;
    }
    return true;
}

static bool read_parts(sl_reader *r, sl_calibration *c)
{
    c->gallery_id = sl_read_u64(r);
    const uint8_t *print = sl_read_bytes(r, sizeof c->fingerprint);
    c->faces = sl_read_u64(r);
    c->searches = sl_read_u64(r);
    c->pairs = sl_read_u64(r);
    uint32_t size = sl_read_u32(r);
    if (r->failed || size >= SL_MATCH_KEY || c->faces == 0)
        return false;
    const uint8_t *text = sl_read_bytes(r, size);
    if (!text || memchr(text, 0, size))
        return false;
    memcpy(c->fingerprint, print, sizeof c->fingerprint);
    memcpy(c->match, text, size);
    return read_curve(r, &c->fpir) && read_curve(r, &c->fmr) && r->at + 4 == r->size;
}

sl_status sl_calibration_parse(const void *data, size_t size, const char *name, sl_calibration *out, sl_error *err)
{
    *out = (sl_calibration){0};
    sl_reader r = sl_reader_of(data, size);
    const uint8_t *start = sl_read_bytes(&r, sizeof magic);
    if (!start || memcmp(start, magic, sizeof magic) != 0 || size < HEADER)
        return sl_fail(err, SL_ERR_FORMAT, "%s: no calibration of this version: " REMEDY, name);
    if (sl_crc32c(0, data, size - 4) != sl_get_u32((const uint8_t *)data + size - 4))
        return sl_fail(err, SL_ERR_CORRUPT, "%s: its checksum does not hold: " REMEDY, name);
    if (!read_parts(&r, out)) {
        *out = (sl_calibration){0};
        return sl_fail(err, SL_ERR_FORMAT, "%s: its numbers are not usable: " REMEDY, name);
    }
    return SL_OK;
}

/* ---- its place ---- */

/* DIR/calibration-1A2B3C4D.slcal, by the options' text; NULL when there is no memory. */
static char *place_of(const sl_gallery *gallery, const char *key)
{
    char *path;
    return asprintf(&path, "%s/calibration-%08x.slcal", sl_gallery_dir(gallery), sl_crc32c(0, key, strlen(key))) <
                   0
               ? NULL
               : path;
}

static void add_number(sl_text *t, uint64_t value, size_t bytes)
{
    sl_text_add_bytes(t, &value, bytes);
}

sl_status sl_calibration_write(const sl_calibration *c, const sl_gallery *gallery, const char *file, sl_error *err)
{
    sl_text t = {0};
    size_t key = strlen(c->match);
    const sl_rate_curve *const curves[2] = {&c->fpir, &c->fmr};
    const uint64_t numbers[3] = {c->faces, c->searches, c->pairs};
    sl_text_add_bytes(&t, magic, sizeof magic);
    add_number(&t, c->gallery_id, 8);
    sl_text_add_bytes(&t, c->fingerprint, sizeof c->fingerprint);
    sl_text_add_bytes(&t, numbers, sizeof numbers);
    add_number(&t, key, 4);
    sl_text_add_bytes(&t, c->match, key);
    for (int k = 0; k < 2; k++) {
        add_number(&t, curves[k]->count, 4);
        for (uint32_t i = 0; i < curves[k]->count; i++) {
            sl_text_add_bytes(&t, &curves[k]->rate[i], 8);
            sl_text_add_bytes(&t, &curves[k]->threshold[i], 8);
        }
    }
    char *path = file ? NULL : place_of(gallery, c->match);
    sl_status status =
        t.failed || (!file && !path) ? sl_fail(err, SL_ERR_MEMORY, "no memory for a calibration") : SL_OK;
    if (status == SL_OK) {
        add_number(&t, sl_crc32c(0, t.data, t.size), 4);
        status = t.failed ? sl_fail(err, SL_ERR_MEMORY, "no memory for a calibration")
                          : sl_write_file(file ? file : path, t.data, t.size, err);
    }
    free(path);
    free(t.data);
    return status;
}

static sl_status check(const sl_calibration *c, const sl_gallery *gallery, const char *key, const char *path,
                       sl_error *err)
{
    size_t faces = sl_gallery_size(gallery);
    if (strcmp(c->match, key) != 0)
        return sl_fail(err, SL_ERR_MISMATCH, "%s: is for other options (%s, not %s): " REMEDY, path, c->match,
                       key);
    if (memcmp(c->fingerprint, sl_gallery_shape(gallery)->fingerprint, sizeof c->fingerprint) != 0 ||
        c->gallery_id != sl_gallery_id(gallery))
        return sl_fail(err, SL_ERR_MISMATCH, "%s: was measured on another gallery: " REMEDY, path);
    if (faces < c->faces / 2 || faces / 2 > c->faces)
        return sl_fail(err, SL_ERR_MISMATCH,
                       "%s: was measured when the gallery had %llu faces, it has %zu now: " REMEDY, path,
                       (unsigned long long)c->faces, faces);
    return SL_OK;
}

sl_status sl_calibration_read(const sl_gallery *gallery, const sl_match_options *match, sl_calibration *out,
                              sl_error *err)
{
    char key[SL_MATCH_KEY];
    uint8_t *data;
    size_t size;
    sl_match_key(match, key);
    *out = (sl_calibration){0};
    char *path = place_of(gallery, key);
    if (!path)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a calibration's name");
    sl_status status = sl_read_file(path, MAX_BYTES, &data, &size, err);
    if (status == SL_OK) {
        status = sl_calibration_parse(data, size, path, out, err);
        free(data);
    }
    if (status == SL_OK)
        status = check(out, gallery, key, path, err);
    free(path);
    return status;
}
