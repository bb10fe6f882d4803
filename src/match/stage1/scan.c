/* Stage 1: the k largest inner products, exactly.
 *
 * Work is cut into items of (a group of queries) x (a slice of all rows). An item goes through its rows in
 * pieces that stay in the cache while all queries of the group pass over them, and keeps for each query a
 * heap of its best, whose worst is the threshold to beat. Where a block has codes (codes.h), only rows that may beat
 * it by their bound are multiplied, and what one slice has found is the mark for all of them. The order (score down,
 * then index up) is total, so the result depends neither on the cut nor on the codes. */
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "match/kernels/match_kernels.h"

enum {
    GROUP = 8 * SL_SCAN_QUERIES, /* queries that share one pass over the rows */
    PIECE = SL_SCAN_GROUPS * SL_CODE_ROWS, /* rows in the cache at once */
    MAX_DIM = 1 << 16,
};

typedef struct {
    float score;
    uint32_t index;
} hit;

static bool is_better(hit a, hit b)
{
    return a.score > b.score || (a.score == b.score && a.index < b.index);
}

/* A heap with its worst hit on top. */
typedef struct {
    hit *hits;
    size_t count, capacity;
} heap;

static void sift_down(heap *h, hit x)
{
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && is_better(h->hits[child], h->hits[child + 1]))
            child++;
        if (!is_better(x, h->hits[child]))
            break;
        h->hits[i] = h->hits[child];
    }
    h->hits[i] = x;
}

static void offer(heap *h, hit x)
{
    if (h->count == h->capacity) {
        if (h->capacity > 0 && is_better(x, h->hits[0]))
            sift_down(h, x);
        return;
    }
    size_t i = h->count++;
    for (size_t parent; i > 0 && is_better(h->hits[parent = (i - 1) / 2], x); i = parent)
        h->hits[i] = h->hits[parent];
    h->hits[i] = x;
}

static int compare_hits(const void *a, const void *b)
{
    const hit *x = a, *y = b;
    return is_better(*x, *y) ? -1 : is_better(*y, *x) ? 1 : 0;
}

typedef struct {
    const sl_scan_block *blocks;
    size_t n_blocks, n_rows;
    int dim, dim_padded;
    const float *queries; /* [n_queries, dim_padded], zeros behind dim */
    size_t n_queries;
    sl_code_query *coded; /* [n_queries], where a block has codes; else NULL */
    uint32_t *query_codes;
    _Atomic float *marks; /* [n_queries] with `coded`: k rows of some slice reach it */
    size_t slices, slice_capacity; /* hits that one item keeps for one query */
    hit *hits;                     /* [n_queries, slices, slice_capacity] */
    size_t *counts;                /* [n_queries, slices] */
    size_t k;
    uint32_t *index;
    float *score;
} scan;

static size_t slice_begin(const scan *s, size_t slice)
{
    return (size_t)((unsigned __int128)s->n_rows * slice / s->slices);
}

/* `count` rows of one block against the group's queries. Returns the first with a product that is not finite, or
 * `count`. */
static size_t scan_piece(const scan *s, const float *rows, size_t stride, size_t count, uint32_t index, size_t query,
                         size_t n_queries, heap *heaps)
{
    float out[SL_SCAN_QUERIES * PIECE];
    size_t bad = count;
    for (size_t q = 0; q < n_queries; q += SL_SCAN_QUERIES) {
        size_t many = n_queries - q < SL_SCAN_QUERIES ? n_queries - q : SL_SCAN_QUERIES;
        sl_scan_kernels_now()->products(rows, stride, count, s->dim,
                                        s->queries + (query + q) * (size_t)s->dim_padded, (int)many, s->dim_padded,
                                        out, PIECE);
        for (size_t j = 0; j < many; j++) {
            heap *h = &heaps[q + j];
            for (size_t i = 0; i < count; i++) {
                float x = out[j * PIECE + i];
                if (!isfinite(x))
                    bad = i < bad ? i : bad;
                else if (h->count < h->capacity || x >= h->hits[0].score)
                    offer(h, (hit){.score = x, .index = index + (uint32_t)i});
            }
        }
    }
    return bad;
}

/* The rows from `at` to `stop` that are in the masks of the groups; they are fetched, as they lie far apart. */
static size_t take_survivors(const sl_scan_block *block, const uint16_t *mask, size_t first, int groups, size_t at,
                             size_t stop, uint32_t rows[PIECE])
{
    size_t count = 0;
    for (int g = 0; g < groups; g++)
        for (unsigned rest = mask[g]; rest; rest &= rest - 1) {
            const size_t row = (first + (size_t)g) * SL_CODE_ROWS + (size_t)__builtin_ctz(rest);
            if (row < at || row >= stop)
                continue;
            const char *values = (const char *)(block->rows + row * block->stride);
            for (size_t i = 0; i < block->stride * sizeof(float); i += 64)
                __builtin_prefetch(values + i);
            rows[count++] = (uint32_t)row;
        }
    return count;
}

/* Multiplies row i of the block with one query, where it may be found. */
static sl_status offer_row(const scan *s, const sl_scan_block *block, uint32_t i, size_t query, heap *h, sl_error *err)
{
    bool skip = false;
    float x;
    if (block->guard)
        SL_TRY(block->guard->row(block->guard->context, i, &skip, err));
    if (skip)
        return SL_OK;
    sl_scan_kernels_now()->products(block->rows + i * block->stride, block->stride, 1, s->dim,
                                    s->queries + query * (size_t)s->dim_padded, 1, s->dim_padded, &x, 1);
    offer(h, (hit){.score = x, .index = block->first + i});
    return SL_OK;
}

/* What a row must reach: the worst of k rows that this slice has, or another one had. */
static float mark_of(const scan *s, size_t query, const heap *h)
{
    const float known = atomic_load_explicit(&s->marks[query], memory_order_relaxed);
    return h->count == h->capacity && h->hits[0].score > known ? h->hits[0].score : known;
}

static void raise_mark(const scan *s, size_t query, const heap *h)
{
    if (h->count < s->k)
        return;
    float known = atomic_load_explicit(&s->marks[query], memory_order_relaxed);
    while (h->hits[0].score > known &&
           !atomic_compare_exchange_weak_explicit(&s->marks[query], &known, h->hits[0].score, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

/* The same for groups of coded rows, `at` to `stop` of the block: only what may beat the marks is multiplied. */
static sl_status scan_coded(const scan *s, const sl_scan_block *block, size_t at, size_t stop, size_t query,
                            size_t n_queries, heap *heaps, sl_error *err)
{
    const size_t first = at / SL_CODE_ROWS;
    const int groups = (int)((stop + SL_CODE_ROWS - 1) / SL_CODE_ROWS - first);
    if (block->guard && block->guard->groups)
        SL_TRY(block->guard->groups(block->guard->context, first, groups, err));
    for (size_t q = 0; q < n_queries; q += SL_SCAN_QUERIES) {
        size_t many = n_queries - q < SL_SCAN_QUERIES ? n_queries - q : SL_SCAN_QUERIES;
        uint16_t mask[SL_SCAN_QUERIES * SL_SCAN_GROUPS];
        float least[SL_SCAN_QUERIES];
        for (size_t j = 0; j < many; j++)
            least[j] = mark_of(s, query + q + j, &heaps[q + j]);
        sl_scan_kernels_now()->survivors(block->codes, first, groups, s->coded + query + q, (int)many, least, mask);
        for (size_t j = 0; j < many; j++) {
            uint32_t rows[PIECE];
            size_t count = take_survivors(block, mask + j * SL_SCAN_GROUPS, first, groups, at, stop, rows);
            for (size_t i = 0; i < count; i++)
                SL_TRY(offer_row(s, block, rows[i], query + q + j, &heaps[q + j], err));
            if (count)
                raise_mark(s, query + q + j, &heaps[q + j]);
        }
    }
    return SL_OK;
}

static sl_status scan_item(void *context, size_t item, int worker, sl_error *err)
{
    (void)worker;
    scan *s = context;
    const size_t slice = item % s->slices, query = item / s->slices * GROUP;
    const size_t n_queries = s->n_queries - query < GROUP ? s->n_queries - query : GROUP;
    heap heaps[GROUP];
    for (size_t q = 0; q < n_queries; q++)
        heaps[q] = (heap){.hits = s->hits + ((query + q) * s->slices + slice) * s->slice_capacity,
                          .capacity = s->slice_capacity};
    const size_t begin = slice_begin(s, slice), end = slice_begin(s, slice + 1);
    size_t block_begin = 0; /* number of the block's first row */
    for (size_t b = 0; b < s->n_blocks && block_begin < end; block_begin += s->blocks[b++].count) {
        const sl_scan_block *block = &s->blocks[b];
        size_t at = begin > block_begin ? begin - block_begin : 0;
        size_t stop = end - block_begin < block->count ? end - block_begin : block->count;
        for (size_t next; at < stop; at = next) {
            next = (at / PIECE + 1) * PIECE;
            next = next < stop ? next : stop;
            size_t bad = next - at;
            if (s->coded && block->codes)
                SL_TRY(scan_coded(s, block, at, next, query, n_queries, heaps, err));
            else
                bad = scan_piece(s, block->rows + at * block->stride, block->stride, next - at,
                                 block->first + (uint32_t)at, query, n_queries, heaps);
            if (bad < next - at)
                return sl_fail(err, SL_ERR_NUMERIC,
                               "cosine scan: row %zu of the bank, or a query, has NaN, infinity or too large numbers",
                               block_begin + at + bad);
        }
    }
    for (size_t q = 0; q < n_queries; q++)
        s->counts[(query + q) * s->slices + slice] = heaps[q].count;
    return SL_OK;
}

/* Merges the slices of one query and writes its answer. */
static void merge_item(void *context, size_t query, int worker)
{
    (void)worker;
    scan *s = context;
    hit *all = s->hits + query * s->slices * s->slice_capacity;
    size_t count = 0;
    for (size_t slice = 0; slice < s->slices; slice++) {
        size_t n = s->counts[query * s->slices + slice];
        memmove(all + count, all + slice * s->slice_capacity, n * sizeof *all);
        count += n;
    }
    qsort(all, count, sizeof *all, compare_hits);
    for (size_t i = 0; i < s->k; i++) {
        s->index[query * s->k + i] = i < count ? all[i].index : UINT32_MAX;
        s->score[query * s->k + i] = i < count ? all[i].score : -INFINITY;
    }
}

/* Enough items for every thread, few enough that a slice is worth a pass. */
static size_t slices_for(size_t n_rows, size_t n_queries, int threads)
{
    size_t groups = (n_queries + GROUP - 1) / GROUP, wanted = 4 * (size_t)threads;
    size_t slices = groups >= wanted || threads == 1 ? 1 : (wanted + groups - 1) / groups;
    size_t most = (n_rows + 4 * PIECE - 1) / (4 * PIECE);
    return slices < most ? slices : most ? most : 1;
}

static sl_status allocate(scan *s, float **padded, const float *queries, sl_error *err)
{
    size_t cells, hits;
    if (sl_mul_size(s->n_queries, s->slices, &cells) && sl_mul_size(cells, s->slice_capacity, &hits)) {
        s->counts = sl_calloc_aligned(cells, sizeof *s->counts);
        s->hits = sl_calloc_aligned(hits, sizeof *s->hits);
        *padded = sl_calloc_aligned(s->n_queries, (size_t)s->dim_padded * sizeof **padded);
    }
    if (!s->counts || !s->hits || !*padded)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the best %zu of %zu queries", s->k, s->n_queries);
    for (size_t q = 0; q < s->n_queries; q++)
        memcpy(*padded + q * (size_t)s->dim_padded, queries + q * (size_t)s->dim,
               (size_t)s->dim * sizeof **padded);
    s->queries = *padded;
    return SL_OK;
}

/* Codes of the queries, where a block can use them and all of them can be coded. */
static sl_status code_queries(scan *s, sl_error *err)
{
    bool wanted = false;
    for (size_t b = 0; b < s->n_blocks; b++)
        wanted |= s->blocks[b].codes != NULL;
    if (!wanted || s->dim > SL_CODE_MAX_DIM)
        return SL_OK;
    const size_t quads = ((size_t)s->dim + 3) / 4;
    s->query_codes = sl_calloc_aligned(s->n_queries, quads * sizeof *s->query_codes);
    s->coded = sl_calloc_aligned(s->n_queries, sizeof *s->coded);
    s->marks = sl_calloc_aligned(s->n_queries, sizeof *s->marks);
    if (!s->query_codes || !s->coded || !s->marks)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the codes of %zu queries", s->n_queries);
    for (size_t q = 0; q < s->n_queries; q++)
        atomic_init(&s->marks[q], -INFINITY);
    for (size_t q = 0; q < s->n_queries; q++)
        if (!sl_code_query_of(s->queries + q * (size_t)s->dim_padded, s->dim, s->query_codes + q * quads,
                              &s->coded[q])) {
            free(s->coded); /* the plain products tell what is wrong */
            s->coded = NULL;
            return SL_OK;
        }
    return SL_OK;
}

sl_status sl_scan_top(const sl_scan_block *blocks, size_t n_blocks, const sl_vectors *queries, int k, int threads,
                      uint32_t *index, float *score, sl_error *err)
{
    const int dim = queries->dim;
    const size_t n_queries = queries->count;
    if (dim < 1 || dim > MAX_DIM)
        return sl_fail(err, SL_ERR_ARGUMENT, "cosine scan: dim is %d, use 1 to %d", dim, MAX_DIM);
    if (k < 1 || threads < 0)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "cosine scan: k is %d and threads %d; k must be 1 or more, threads 0 or more", k, threads);
    if (n_queries == 0)
        return SL_OK;
    if (threads == 0)
        threads = sl_cpu_count();
    scan s = {.blocks = blocks,
              .n_blocks = n_blocks,
              .dim = dim,
              .n_queries = n_queries,
              .k = (size_t)k,
              .dim_padded = (dim + SL_MATCH_LANES - 1) / SL_MATCH_LANES * SL_MATCH_LANES,
              .index = index,
              .score = score};
    for (size_t b = 0; b < n_blocks; b++)
        s.n_rows += blocks[b].count;
    s.slices = slices_for(s.n_rows, n_queries, threads);
    size_t rows_in_slice = (s.n_rows + s.slices - 1) / s.slices;
    s.slice_capacity = s.k < rows_in_slice ? s.k : rows_in_slice;
    float *padded = NULL;
    sl_status status = allocate(&s, &padded, queries->data, err);
    if (status == SL_OK)
        status = code_queries(&s, err);
    if (status == SL_OK)
        status = sl_parallel_try(threads, (n_queries + GROUP - 1) / GROUP * s.slices, scan_item, &s, err);
    if (status == SL_OK)
        sl_parallel_for(threads, n_queries, merge_item, &s);
    free(s.counts);
    free(s.hits);
    free(s.coded);
    free(s.query_codes);
    free(s.marks);
    free(padded);
    return status;
}

float sl_scan_dot(const float *a, const float *b, int dim)
{
    float padded[MAX_DIM > 4096 ? 4096 : MAX_DIM], out;
    const int dim_padded = (dim + SL_MATCH_LANES - 1) / SL_MATCH_LANES * SL_MATCH_LANES;
    if (dim_padded > 4096)
        return NAN; /* embeddings are at most 4,096 long */
    memcpy(padded, a, (size_t)dim * sizeof *padded);
    memset(padded + dim, 0, (size_t)(dim_padded - dim) * sizeof *padded);
    sl_scan_kernels_now()->products(b, (size_t)dim, 1, dim, padded, 1, dim_padded, &out, 1);
    return out;
}

sl_status sl_bank_check(const sl_vectors *bank, const sl_vectors *queries, sl_error *err)
{
    if (bank->count >= UINT32_MAX)
        return sl_fail(err, SL_ERR_LIMIT, "cosine scan: a bank of %zu vectors; at most %u", bank->count,
                       UINT32_MAX - 1);
    if (queries && queries->dim != bank->dim)
        return sl_fail(err, SL_ERR_ARGUMENT, "cosine scan: queries of dim %d, a bank of dim %d", queries->dim,
                       bank->dim);
    return SL_OK;
}

sl_status sl_cosine_top(const sl_vectors *bank, const sl_vectors *queries, int k, int threads, uint32_t *index,
                        float *score, sl_error *err)
{
    SL_TRY(sl_bank_check(bank, queries, err));
    const sl_scan_block block = {
        .rows = bank->data, .stride = (size_t)(bank->dim > 0 ? bank->dim : 0), .count = bank->count};
    return sl_scan_top(&block, 1, queries, k, threads, index, score, err);
}
