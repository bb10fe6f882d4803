/* Codes of rows and of queries: largest value to 127, so that a row's loss is small where its numbers are alike. */
#include "match/stage1/codes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "match/kernels/match_kernels.h"

enum { CHUNK = 64 }; /* groups that one worker codes at a time */

typedef struct {
    const float *rows;
    size_t begin; /* the first group */
    sl_scan_codes *out;
    float *scratch;       /* [workers, dim]: what coding loses */
    int8_t *lines;        /* [workers, 16, padded dim]: the codes of a group's rows, zeros behind dim */
    float *norms;         /* [workers] */
} making;

/* |x|, and never less: scaled, so that no square is lost. */
static float norm_of(const float *x, int dim, float scale)
{
    float sum = sl_emd_kernels_now()->sum_of_squares(x, (size_t)dim, scale);
    return sqrtf(sum) / scale * (1 + (float)(dim + 8) * 1.2e-7f);
}

/* One vector: its codes, what they lose, the larger norm of the vector and of what the codes stand for. */
static bool code_vector(const float *x, int dim, int8_t *codes, float *scratch, float *factor, float *loss,
                        float *norm)
{
    const sl_emd_kernels *kernels = sl_emd_kernels_now();
    const float largest = kernels->largest(x, (size_t)dim), scale = 127 / largest;
    if (!(largest <= 1e15f)) /* no product of two such vectors overflows */
        return false;
    if (!isfinite(scale)) { /* nothing, or too small for a scale: all of it is lost */
        memset(codes, 0, (size_t)dim);
        *factor = 0;
        *loss = *norm = largest * sqrtf((float)dim);
        return true;
    }
    *factor = largest / 127;
    kernels->quantise(x, (size_t)dim, scale, codes);
    kernels->dequantise(codes, (size_t)dim, *factor, scratch);
    float kept = norm_of(scratch, dim, scale), whole = norm_of(x, dim, scale);
    for (int d = 0; d < dim; d++)
        scratch[d] = x[d] - scratch[d];
    *loss = norm_of(scratch, dim, scale);
    *norm = kept > whole ? kept : whole;
    return true;
}

/* sums_i8 takes sixty-fours. */
static size_t padded(int dim)
{
    return ((size_t)dim + 63) / 64 * 64;
}

static size_t groups_of(size_t count)
{
    return (count + SL_CODE_ROWS - 1) / SL_CODE_ROWS;
}

static sl_status code_group(making *m, size_t group, int worker, sl_error *err)
{
    sl_scan_codes *bank = m->out;
    sl_code_group *head = (sl_code_group *)(bank->groups + group * bank->stride);
    const size_t first = group * SL_CODE_ROWS, left = bank->count - first, length = padded(bank->dim);
    float *scratch = m->scratch + (size_t)worker * (size_t)bank->dim;
    int8_t *lines = m->lines + (size_t)worker * SL_CODE_ROWS * length;
    for (size_t i = 0; i < SL_CODE_ROWS && i < left; i++) {
        float norm;
        int32_t squares;
        if (!code_vector(m->rows + (first + i) * (size_t)bank->dim, bank->dim, lines + i * length, scratch,
                         &head->factor[i], &head->loss[i], &norm))
            return sl_fail(err, SL_ERR_NUMERIC,
                           "cosine scan: row %zu of the bank has NaN, infinity or too large numbers", first + i);
        m->norms[worker] = norm > m->norms[worker] ? norm : m->norms[worker];
        sl_emd_kernels_now()->sums_i8(lines + i * length, length, &head->sum[i], &squares);
    }
    uint32_t *quads = (uint32_t *)(head + 1);
    for (int k = 0; k < bank->quads; k++)
        for (size_t i = 0; i < SL_CODE_ROWS && i < left; i++)
            memcpy(&quads[(size_t)k * SL_CODE_ROWS + i], lines + i * length + 4 * k, 4);
    return SL_OK;
}

static sl_status code_chunk(void *context, size_t item, int worker, sl_error *err)
{
    making *m = context;
    const size_t groups = groups_of(m->out->count);
    for (size_t g = m->begin + item * CHUNK; g < groups && g < m->begin + (item + 1) * CHUNK; g++)
        SL_TRY(code_group(m, g, worker, err));
    return SL_OK;
}

static sl_status code_all(making *m, int threads, sl_error *err)
{
    sl_scan_codes *bank = m->out;
    const size_t groups = groups_of(bank->count) - m->begin;
    SL_TRY(sl_parallel_try(threads, (groups + CHUNK - 1) / CHUNK, code_chunk, m, err));
    for (int w = 0; w < threads; w++)
        bank->norm = m->norms[w] > bank->norm ? m->norms[w] : bank->norm;
    return SL_OK;
}

/* All groups from the first that `m` names. */
static sl_status make_codes(making *m, int threads, sl_error *err)
{
    const int dim = m->out->dim;
    m->scratch = sl_calloc_aligned((size_t)threads, (size_t)dim * sizeof *m->scratch);
    m->lines = sl_calloc_aligned((size_t)threads, SL_CODE_ROWS * padded(dim));
    m->norms = sl_calloc_aligned((size_t)threads, sizeof *m->norms);
    const sl_status status = m->scratch && m->lines && m->norms
                                 ? code_all(m, threads, err)
                                 : sl_fail(err, SL_ERR_MEMORY, "no memory to code embeddings");
    free(m->scratch);
    free(m->lines);
    free(m->norms);
    return status;
}

sl_status sl_scan_codes_make(const float *rows, size_t count, int dim, int threads, sl_scan_codes *out, sl_error *err)
{
    const int quads = (dim + 3) / 4;
    *out = (sl_scan_codes){.count = count, .dim = dim, .quads = quads, .room = groups_of(count) + 1,
                           .stride = sizeof(sl_code_group) + (size_t)quads * SL_CODE_ROWS * 4};
    out->ahead = SL_CODE_AHEAD * (ptrdiff_t)out->stride;
    making m = {.rows = rows, .out = out};
    out->groups = sl_calloc_aligned(out->room, out->stride);
    sl_status status = out->groups ? make_codes(&m, threads ? threads : sl_cpu_count(), err)
                                   : sl_fail(err, SL_ERR_MEMORY, "no memory for the codes of %zu embeddings", count);
    if (status != SL_OK)
        sl_scan_codes_free(out);
    return status;
}

sl_status sl_scan_codes_grow(sl_scan_codes *codes, const float *rows, size_t count, sl_error *err)
{
    sl_scan_codes grown = *codes;
    const size_t begin = codes->count / SL_CODE_ROWS, groups = groups_of(count); /* the last group may have had room */
    grown.count = count;
    if (groups > codes->room) {
        grown.room = groups + groups / 2;
        grown.groups = sl_calloc_aligned(grown.room, codes->stride);
        if (!grown.groups)
            return sl_fail(err, SL_ERR_MEMORY, "no memory for the codes of %zu embeddings", count);
        memcpy(grown.groups, codes->groups, begin * codes->stride);
    }
    making m = {.rows = rows, .begin = begin, .out = &grown};
    const sl_status status = make_codes(&m, 1, err);
    if (grown.groups != codes->groups)
        free(status == SL_OK ? codes->groups : grown.groups);
    if (status == SL_OK)
        *codes = grown;
    return status;
}

void sl_scan_codes_free(sl_scan_codes *codes)
{
    free(codes->groups);
    *codes = (sl_scan_codes){0};
}

bool sl_code_query_of(const float *q, int dim, uint32_t *codes, sl_code_query *out)
{
    int8_t line[SL_CODE_MAX_DIM];
    float scratch[SL_CODE_MAX_DIM], whole;
    const uint8_t bias = sl_scan_kernels_now()->code_bias;
    if (!code_vector(q, dim, line, scratch, &out->factor, &out->loss, &whole))
        return false;
    memset(codes, 0, (size_t)((dim + 3) / 4) * sizeof *codes);
    for (int d = 0; d < dim; d++)
        ((uint8_t *)codes)[d] = (uint8_t)(line[d] + bias);
    out->codes = codes;
    out->norm = whole;
    return true;
}
