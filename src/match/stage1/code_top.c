/* For each query the k-th largest lower bound so far: whoever's upper bound is below it is not among the k best. */
#include "match/stage1/code_top.h"

#include <math.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "match/kernels/match_kernels.h"

typedef struct {
    uint64_t id;
    float low, high; /* of the product; equal where it is known */
} candidate;

typedef struct {
    float *lows; /* [k] a heap of the largest lower bounds, the least on top */
    size_t lows_count;
    candidate *candidates;
    size_t count, room;
    size_t pruned_at; /* how many there were left when they were last looked through */
} asked;

struct sl_code_top {
    sl_vectors queries;
    size_t k;
    uint32_t *codes; /* [queries, quads] */
    sl_code_query *coded;
    asked *asked;
};

/* ---- opening ---- */

static sl_status code_queries(sl_code_top *t, sl_error *err)
{
    const size_t quads = ((size_t)t->queries.dim + 3) / 4, dim = (size_t)t->queries.dim;
    for (size_t q = 0; q < t->queries.count; q++) {
        t->asked[q].lows = sl_realloc_array(NULL, t->k, sizeof(float));
        if (!t->asked[q].lows)
            return sl_no_memory(err, "for the best rows of a query");
        if (!sl_code_query_of(t->queries.data + q * dim, t->queries.dim, t->codes + q * quads, &t->coded[q]))
            return sl_fail(err, SL_ERR_NUMERIC, "query %zu has NaN, infinity or too large numbers", q);
    }
    return SL_OK;
}

sl_status sl_code_top_open(const sl_vectors *queries, int k, sl_code_top **out, sl_error *err)
{
    *out = NULL;
    if (k < 1 || queries->dim < 1 || queries->dim > SL_CODE_MAX_DIM || queries->count < 1)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "a search of %zu queries of %d numbers for the best %d: k and queries must be 1 "
                       "or more, numbers 1 to %d",
                       queries->count, queries->dim, k, SL_CODE_MAX_DIM);
    sl_code_top *t = calloc(1, sizeof *t);
    if (!t)
        return sl_no_memory(err, "for a search");
    *t = (sl_code_top){.queries = *queries, .k = (size_t)k};
    t->codes = sl_calloc_aligned(queries->count, ((size_t)queries->dim + 3) / 4 * sizeof *t->codes);
    t->coded = sl_calloc_aligned(queries->count, sizeof *t->coded);
    t->asked = sl_calloc_aligned(queries->count, sizeof *t->asked);
    sl_status status = t->codes && t->coded && t->asked ? code_queries(t, err) : sl_no_memory(err, "for a search");
    if (status != SL_OK)
        sl_code_top_close(t);
    else
        *out = t;
    return status;
}

void sl_code_top_close(sl_code_top *t)
{
    if (!t)
        return;
    for (size_t q = 0; t->asked && q < t->queries.count; q++) {
        free(t->asked[q].lows);
        free(t->asked[q].candidates);
    }
    free(t->codes);
    free(t->coded);
    free(t->asked);
    free(t);
}

/* ---- what is kept ---- */

/* The k-th largest lower bound. */
static float mark_of(const sl_code_top *t, const asked *a)
{
    return a->lows_count < t->k ? -INFINITY : a->lows[0];
}

static void raise_mark(const sl_code_top *t, asked *a, float low)
{
    float *h = a->lows;
    size_t i = 0;
    if (a->lows_count < t->k) {
        for (i = a->lows_count++; i > 0 && h[(i - 1) / 2] > low; i = (i - 1) / 2)
            h[i] = h[(i - 1) / 2];
    } else if (low <= h[0]) {
        return;
    } else {
        for (size_t child; (child = 2 * i + 1) < t->k; i = child) {
            child += child + 1 < t->k && h[child + 1] < h[child];
            if (h[child] >= low)
                break;
            h[i] = h[child];
        }
    }
    h[i] = low;
}

static void prune(const sl_code_top *t, asked *a)
{
    const float mark = mark_of(t, a);
    size_t left = 0;
    for (size_t i = 0; i < a->count; i++)
        if (a->candidates[i].high >= mark)
            a->candidates[left++] = a->candidates[i];
    a->count = a->pruned_at = left;
}

static sl_status keep(const sl_code_top *t, asked *a, candidate c, sl_error *err)
{
    if (c.high < mark_of(t, a))
        return SL_OK;
    if (a->count >= 2 * a->pruned_at + 256)
        prune(t, a);
    candidate *with_room = sl_with_room(a->candidates, a->count, &a->room, sizeof *a->candidates);
    if (!with_room)
        return sl_no_memory(err, "for the best rows of a query");
    a->candidates = with_room;
    a->candidates[a->count++] = c;
    raise_mark(t, a, c.low);
    return SL_OK;
}

/* ---- blocks ---- */

/* What the kernels compute, of one row, and as much below the product as that is above it. */
static candidate bounds_of(const sl_scan_codes *codes, size_t row, const sl_code_query *q)
{
    const sl_code_group *group = sl_code_group_at(codes, row / SL_CODE_ROWS);
    const size_t i = row % SL_CODE_ROWS;
    const uint8_t bias = sl_scan_kernels_now()->code_bias;
    const int8_t *quads = (const int8_t *)(group + 1) + 4 * i;
    int32_t sum = 0;
    for (int k = 0; k < codes->quads; k++, quads += 4 * SL_CODE_ROWS) {
        uint8_t asks[4];
        memcpy(asks, &q->codes[k], sizeof asks);
        for (int d = 0; d < 4; d++)
            sum += quads[d] * (int8_t)(uint8_t)(asks[d] - bias);
    }
    const float product = (float)sum * (group->factor[i] * q->factor);
    const float off = group->loss[i] * q->norm + sl_code_slack(codes, q);
    return (candidate){.low = product - off, .high = product + off};
}

static sl_status keep_survivors(sl_code_top *t, size_t query, const sl_scan_codes *codes, size_t first,
                                const uint16_t *mask, int groups, const uint8_t *ids, sl_error *err)
{
    for (int g = 0; g < groups; g++)
        for (unsigned rest = mask[g]; rest; rest &= rest - 1) {
            const size_t row = (first + (size_t)g) * SL_CODE_ROWS + (size_t)__builtin_ctz(rest);
            if (row >= codes->count)
                break;
            candidate c = bounds_of(codes, row, &t->coded[query]);
            c.id = sl_get_u64(ids + 8 * row);
            SL_TRY(keep(t, &t->asked[query], c, err));
        }
    return SL_OK;
}

sl_status sl_code_top_scan(sl_code_top *t, const sl_scan_codes *codes, const void *ids, sl_error *err)
{
    const size_t groups = (codes->count + SL_CODE_ROWS - 1) / SL_CODE_ROWS;
    for (size_t first = 0; first < groups; first += SL_SCAN_GROUPS) {
        const int many = (int)(groups - first < SL_SCAN_GROUPS ? groups - first : SL_SCAN_GROUPS);
        for (size_t q = 0; q < t->queries.count; q += SL_SCAN_QUERIES) {
            const size_t left = t->queries.count - q, n = left < SL_SCAN_QUERIES ? left : SL_SCAN_QUERIES;
            uint16_t mask[SL_SCAN_QUERIES * SL_SCAN_GROUPS];
            float least[SL_SCAN_QUERIES];
            for (size_t j = 0; j < n; j++)
                least[j] = mark_of(t, &t->asked[q + j]);
            sl_scan_kernels_now()->survivors(codes, first, many, t->coded + q, (int)n, least, mask);
            for (size_t j = 0; j < n; j++)
                SL_TRY(keep_survivors(t, q + j, codes, first, mask + j * SL_SCAN_GROUPS, many, ids, err));
        }
    }
    return SL_OK;
}

sl_status sl_code_top_offer(sl_code_top *t, uint64_t id, const float *embedding, sl_error *err)
{
    const size_t dim = (size_t)t->queries.dim;
    for (size_t q = 0; q < t->queries.count; q++) {
        const float product = sl_scan_dot(t->queries.data + q * dim, embedding, t->queries.dim);
        if (!isfinite(product))
            return sl_fail(err, SL_ERR_NUMERIC,
                           "the embedding of face %llu has NaN, infinity or too large numbers",
                           (unsigned long long)id);
        SL_TRY(keep(t, &t->asked[q], (candidate){.id = id, .low = product, .high = product}, err));
    }
    return SL_OK;
}

/* ---- the answer ---- */

static int by_high(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    return x->high > y->high ? -1 : x->high < y->high ? 1 : x->id < y->id ? -1 : x->id > y->id;
}

/* Into hits [*count of at most k], best first, ties by lower id. */
static void enter(sl_code_hit *hits, size_t *count, size_t k, sl_code_hit h)
{
    size_t at = *count;
    while (at > 0 && (hits[at - 1].score < h.score || (hits[at - 1].score == h.score && hits[at - 1].id > h.id)))
        at--;
    if (at == k)
        return;
    *count += *count < k;
    memmove(hits + at + 1, hits + at, (*count - 1 - at) * sizeof *hits);
    hits[at] = h;
}

sl_status sl_code_top_best(sl_code_top *t, size_t query, size_t k, sl_code_fetch_fn fetch, void *context,
                           sl_code_hit *hits, size_t *count, bool *whole, sl_error *err)
{
    asked *a = &t->asked[query];
    const float *q = t->queries.data + query * (size_t)t->queries.dim;
    *count = 0;
    prune(t, a);
    if (a->count > 0) /* else there may be no memory yet, which qsort must not get */
        qsort(a->candidates, a->count, sizeof *a->candidates, by_high);
    for (size_t i = 0; i < a->count; i++) {
        const candidate *c = &a->candidates[i];
        const float *embedding;
        if (*count == k && c->high < hits[k - 1].score)
            break;
        SL_TRY(fetch(context, c->id, &embedding, err));
        if (!embedding)
            continue;
        const float score = sl_scan_dot(q, embedding, t->queries.dim);
        if (!isfinite(score))
            return sl_fail(err, SL_ERR_NUMERIC,
                           "the embedding of face %llu has NaN, infinity or too large numbers",
                           (unsigned long long)c->id);
        enter(hits, count, k, (sl_code_hit){score, c->id});
    }
    const float mark = mark_of(t, a); /* whoever was not kept is below it */
    *whole = isinf(mark) || (*count == k && hits[k - 1].score >= mark);
    return SL_OK;
}
