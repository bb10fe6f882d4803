/* int8 shadows of embeddings: they bound every inner product from above, so a scan reads a quarter of the bytes and
 * few embeddings themselves, while its answer stays that of the f32 products, bit for bit.
 *
 * Row x is kept as x^ = factor * codes, the query q as q^ in the same way. Then
 *     <x, q> = <x^, q^> + <x - x^, q> + <x^, q - q^>  <=  <x^, q^> + |x - x^| |q| + |x^| |q - q^|
 * where <x^, q^> is a product of integers. */
#ifndef SL_MATCH_CODES_H
#define SL_MATCH_CODES_H

#include <stdbool.h>

#include "match/match.h"

enum {
    SL_CODE_ROWS = 16 /* of a group */,
    SL_CODE_MAX_DIM = 4096,
    SL_CODE_AHEAD = 2 /* the group that a scan fetches is so many behind the one that it looks at */
};

/* Sixteen rows, behind it their codes [quads, 16, 4]: four dimensions of each row side by side. Where a group or the
 * dimensions end early there are zeros. */
typedef struct {
    float factor[SL_CODE_ROWS];
    float loss[SL_CODE_ROWS];   /* |x - x^| */
    int32_t sum[SL_CODE_ROWS];  /* of the codes */
} sl_code_group;

typedef struct sl_scan_codes {
    uint8_t *groups; /* a sl_code_group and its codes each `stride` bytes */
    size_t stride, count;
    size_t room; /* groups that there is memory for */
    int dim, quads; /* quads = dim / 4, rounded up */
    float norm;     /* no |x| or |x^| is larger */
    ptrdiff_t ahead; /* what will be scanned next lies so many bytes behind these, and is fetched on the way; 0: none */
} sl_scan_codes;

static inline const sl_code_group *sl_code_group_at(const sl_scan_codes *codes, size_t group)
{
    return (const sl_code_group *)(codes->groups + group * codes->stride);
}

/* Codes of rows [count, dim <= SL_CODE_MAX_DIM]. SL_ERR_NUMERIC names the first row that is not finite. */
sl_status sl_scan_codes_make(const float *rows, size_t count, int dim, int threads, sl_scan_codes *out, sl_error *err);
void sl_scan_codes_free(sl_scan_codes *codes);

/* The same of rows [count] that begin with those they were made of. On failure they are as they were. */
sl_status sl_scan_codes_grow(sl_scan_codes *codes, const float *rows, size_t count, sl_error *err);

/* A bank of vectors [count] that begin with those it has, which may lie elsewhere now. */
sl_status sl_cosine_bank_grow(sl_cosine_bank *bank, const float *data, size_t count, sl_error *err);

/* A query: <x, q> <= factor * x.factor * <x.codes, codes> + norm * x.loss + sl_code_slack. */
typedef struct {
    float factor, norm, loss;
    const uint32_t *codes; /* [quads] four codes each, plus the kernels' bias */
} sl_code_query;

/* Codes q [dim <= SL_CODE_MAX_DIM] into `codes` [dim / 4, rounded up]. false: its numbers are not finite, or so large
 * that products may not be. */
bool sl_code_query_of(const float *q, int dim, uint32_t *codes, sl_code_query *out);

/* What the query's own codes lose, and more than what rounding can add to a product or a bound. */
static inline float sl_code_slack(const sl_scan_codes *rows, const sl_code_query *q)
{
    return rows->norm * (q->loss + (float)(rows->dim + 16) * 0x1p-23f * q->norm) + 1e-34f /* numbers below floats */;
}

#endif
