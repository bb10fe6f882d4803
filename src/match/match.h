/* Matching, as the rest of the library sees it: patch sets prepared once, compared many times.
 *
 *     sl_match_layout layout;                      what all sets of one search share
 *     sl_match_layout_make(&options, rows, cols, channels, dim, &layout, err);
 *     void *memory = sl_alloc_aligned(sl_patch_set_bytes(&layout, SL_ROLE_QUERY));
 *     sl_patch_set query;
 *     sl_patch_set_init(&query, &layout, SL_ROLE_QUERY, memory, &source, err);
 *     sl_matcher *matcher;                         scratch of every thread
 *     sl_matcher_open(&layout, threads, &matcher, err);
 *     sl_matcher_scores_of(matcher, &query, n, source_of, context, scores, iterations, err);
 *
 * Nothing allocates after sl_matcher_open. Scores do not depend on the number of threads, nor on which
 * candidates stand beside each other. With int8 patches they are the same bits on every instruction set;
 * with f32 patches AVX2, AVX-512 and NEON agree in every bit, scalar differs by rounding; all are within 2e-6 of exact
 * arithmetic up to 2,048 channels, 8e-6 above. With bf16 patches the rounded patches are the same bits everywhere and
 * similarities within the same 2e-6 (8e-6) of their exact products, whichever instruction adds them up. */
#ifndef SL_MATCH_MATCH_H
#define SL_MATCH_MATCH_H

#include <stdbool.h>

#include "template/patch_source.h"

enum {
    SL_MATCH_MAX_PATCHES = 256,
    SL_MATCH_MAX_CHANNELS = 4096,
    SL_MATCH_LANES = 16, /* columns of all R x R matrices are padded to a multiple of this */
};

/* What Sinkhorn runs with; sl_match_layout_make fills in the published values. */
typedef struct {
    float eps;          /* .05: K = exp((S - 1) / eps); the published iteration's kernels want .024 or more */
    int max_iterations; /* 100; converged 2,000 */
    float stop;         /* mean |r - r_old| below this ends; converged: L1 error of the row marginals */
} sl_sinkhorn_rule;

typedef struct sl_weighting_kind sl_weighting_kind; /* patch/weighting.h */
typedef struct sl_pair_rule sl_pair_rule;           /* patch/pair_rule.h */

/* What all patch sets of one search share. */
typedef struct {
    int map_rows, map_cols; /* of the raw map */
    int rows, cols;         /* of the grid compared: the map's own, or what it is pooled to */
    int channels, dim; /* channels: of what is compared, map or contributions */
    int patches; /* R = rows * cols */
    int stride;  /* R rounded up to SL_MATCH_LANES: floats between rows of an R x R matrix */
    const sl_pair_rule *rule; /* by which a pair is scored */
    sl_feature feature;
    sl_patch_compute compute;
    const sl_weighting_kind *weighting;
    sl_solver solver;
    sl_sinkhorn_rule sinkhorn;
} sl_match_layout;

/* The look that `auto` stands for with templates of this shape: none where embeddings alone are stored; oae with
 * cells that have statistics; else emd, of compact patches on contributions. An alpha that was not given becomes the
 * look's own for queries of the options' encoder, a grid of the map's own size 0. */
void sl_match_suit(sl_match_options *options, const sl_template_shape *shape);

/* Whether there is a second look at all. */
static inline bool sl_looks_again(const sl_match_options *options)
{
    return (sl_rerank_reads(options->rerank) & SL_READS_LOOK) != 0;
}

/* How many of stage 1's candidates are looked at again, as far as there are as many. */
static inline size_t sl_looks_at(const sl_match_options *options)
{
    return sl_looks_again(options) ? (size_t)options->k : 0;
}

/* No second look, by the same knowledge of the model: stage 1 alone. */
sl_match_options sl_match_stage1(const sl_match_options *options);

/* What a score means, as a text: all options that this look reads and that change its scores beyond rounding, such as
 * "oae, alpha 0.6", and the encoder of the queries. Options that the look ignores, the storage form of the templates
 * and k are not in it. */
enum { SL_MATCH_KEY = 128 };
void sl_match_key(const sl_match_options *match, char key[SL_MATCH_KEY]);

/* SL_ERR_ARGUMENT for an unknown rerank, weighting, solver or precision, alpha outside [0, 1], k below 1,
 * negative grid or threads. */
sl_status sl_match_options_check(const sl_match_options *options, sl_error *err);

/* Lays options that were checked out for a raw map of rows x cols x channels and embeddings of `dim` (0: none), which
 * they may not go together with. Pairs are scored by emd, whatever look the options name; another look sets its own
 * rule. */
sl_status sl_match_layout_make(const sl_match_options *options, int rows, int cols, int channels, int dim,
                               sl_match_layout *out, sl_error *err);

/* A query is packed for the kernels' columns, a candidate for their rows. */
typedef enum { SL_ROLE_QUERY = 0, SL_ROLE_CANDIDATE = 1 } sl_role;

/* One face ready to be compared. A view into the caller's memory; copyable, nothing to free. Its inner
 * layout is the kernels' affair (kernels/match_kernels.h) and depends on the instruction set in force. */
typedef struct {
    const sl_match_layout *layout;
    void *rows;        /* int8, f32 or bf16 [row_count, row_stride]: unit patches, then the pooled vector */
    void *panel;       /* query: the same by columns; candidate: NULL */
    float *factors;    /* true value = factor * stored value, 0 behind the rows (f32, bf16: 1 and 0) */
    int32_t *row_sums; /* int8: [row_count] sum of each row, for the kernels' offset */
    void *pooled;      /* unit g [row_stride], float or (int8) int16 with pooled_factor; NULL where not wanted */
    float pooled_factor;
    float *shares; /* [stride] of its length in all lengths of raw patches, for APC; 0 behind R */
    float *fixed; /* [stride] weights that need no partner (uniform, LMK, trust), summing to 1 or to 0 */
} sl_patch_set;

/* Bytes for one set, a multiple of 64; `memory` must be 64-byte aligned. `layout` must outlive the set.
 * SL_ERR_NUMERIC for NaN or infinity in the source, SL_ERR_ARGUMENT where the weighting misses something. */
size_t sl_patch_set_bytes(const sl_match_layout *layout, sl_role role);
sl_status sl_patch_set_init(sl_patch_set *set, const sl_match_layout *layout, sl_role role, void *memory,
                            const sl_patch_source *source, sl_error *err);

/* A set by hand: its parts in `memory`, and zeros behind the channels of every row and in the rows behind R. */
void sl_patch_set_place(sl_patch_set *set, const sl_match_layout *layout, sl_role role, void *memory);
void sl_patch_set_pad(sl_patch_set *set);

/* The stored patches where they lie like the rows of a set, so that they can be fetched before they are wanted, else
 * NULL. */
const void *sl_stored_rows(const sl_match_layout *layout, const sl_patch_source *source);

/* Scratch for `threads` threads (0: all processors). Use one matcher from one thread at a time. */
typedef struct sl_matcher sl_matcher;
sl_status sl_matcher_open(const sl_match_layout *layout, int threads, sl_matcher **out, sl_error *err);
void sl_matcher_close(sl_matcher *matcher);

/* Similarity of a query with n prepared candidates: scores [n], iterations [n] or NULL. A pair whose weights
 * are all zero on one side scores 0 after 0 iterations. SL_ERR_INTERNAL if the exact solver gives up. */
sl_status sl_matcher_scores(sl_matcher *matcher, const sl_patch_set *query, const sl_patch_set *candidates,
                            size_t n, float *scores, int *iterations, sl_error *err);

/* The same with candidates prepared on the way, each by the thread that compares it (no memory per
 * candidate). source_of may be called from several threads, more than once for a candidate; what it points
 * to must stay until the call returns. When it fails, or what it gives is refused, so does the call, for the
 * candidate of lowest index whatever the threads. */
typedef sl_status (*sl_patch_source_fn)(void *context, size_t candidate, sl_patch_source *out, sl_error *err);
sl_status sl_matcher_scores_of(sl_matcher *matcher, const sl_patch_set *query, size_t n,
                               sl_patch_source_fn source_of, void *context, float *scores, int *iterations,
                               sl_error *err);

/* The plan of one pair: plan [R, R] dense, row = candidate's patch, column = query's (NULL: not wanted);
 * similarities [R, R] or NULL; weights [R] or NULL; score may be NULL. All zero where a side weighs nothing. Of
 * maxsim the plan has the weight of each query patch at the candidate's patch most like it, the lowest of equals, of
 * same-cell the weights on the diagonal; their weights are what counted, the plan's sums. */
sl_status sl_matcher_plan(sl_matcher *matcher, const sl_patch_set *query, const sl_patch_set *candidate,
                          float *plan, float *similarities, float *query_weights, float *candidate_weights,
                          sl_score *score, sl_error *err);

/* The pair's score n times, each with other cells hidden: keep [n, R] is 1 for what counts as before and 0 for what
 * counts nothing; the query's weights are then scaled to the sum they had, and so are the candidate's where they are
 * the query's too (same-cell, the weighting trust). 0 where nothing is left. scores [n]. */
sl_status sl_matcher_scores_hidden(sl_matcher *matcher, const sl_patch_set *query, const sl_patch_set *candidate,
                                   const uint8_t *keep, size_t n, float *scores, sl_error *err);

/* ------------------------------------------------------------------ stage 1 */

/* Looks at what a scan is about to read, for rows and codes that lie in files. Called by several threads at once. */
typedef struct {
    /* Do these groups of codes hold? NULL: they do. */
    sl_status (*groups)(void *context, size_t first, int groups, sl_error *err);
    /* Does row i of the block? *skip: it is not to be found. */
    sl_status (*row)(void *context, size_t i, bool *skip, sl_error *err);
    void *context;
} sl_scan_guard;

/* A run of embeddings: row i at rows + i * stride (floats), known as index first + i. */
typedef struct {
    const float *rows;
    size_t stride, count;
    uint32_t first;
    const struct sl_scan_codes *codes; /* of exactly these rows, to look at few of them (codes.h); NULL: none */
    const sl_scan_guard *guard;        /* for blocks with codes; NULL: rows and codes are sound, and all to be found */
} sl_scan_block;

/* The k largest inner products of each query [n_queries, dim] over all blocks, best first, ties by lower
 * index: index and score [n_queries, k]; where there are fewer than k rows the rest is UINT32_MAX and
 * -infinity. The same bits on every instruction set and for any number of threads. SL_ERR_NUMERIC when a
 * product is not finite. */
sl_status sl_scan_top(const sl_scan_block *blocks, size_t n_blocks, const sl_vectors *queries, int k, int threads,
                      uint32_t *index, float *score, sl_error *err);

/* SL_ERR_LIMIT for a bank that is too large, SL_ERR_ARGUMENT for queries (NULL: none yet) of another dim. */
sl_status sl_bank_check(const sl_vectors *bank, const sl_vectors *queries, sl_error *err);

/* Cosine of two embeddings, bit for bit what the scan gives for unit vectors. */
float sl_scan_dot(const float *a, const float *b, int dim);

#endif
