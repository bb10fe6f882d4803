/* One query against many candidates, on several threads: all scores, or those that can be among the best; the plan. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "match/patch/batch_stop.h"
#include "match/patch/topk.h"
#include "match/kernels/match_kernels.h"
#include "match/patch/pair_rule.h"
#include "match/patch/weighting.h"

enum {
    RUN = 8,    /* candidates in a row by one thread, so that it can fetch the next one's rows */
    KEPT = 32,  /* pairs whose similarities are kept until it is known which of them need the solver */
    FEW = 4,    /* of them where they come in the order of their bounds, as the k-th best is high soon */
    ROUND = 8,  /* of them are solved between two looks at the k-th best */
};

struct sl_matcher {
    sl_match_layout layout;
    int threads;
    sl_pairing *pairs; /* [threads] */
    char *memory, *kept;
};

sl_status sl_matcher_open(const sl_match_layout *layout, int threads, sl_matcher **out, sl_error *err)
{
    *out = NULL;
    if (threads <= 0)
        threads = sl_cpu_count();
    sl_matcher *m = calloc(1, sizeof *m);
    const size_t each = sl_pairing_bytes(layout), kept = KEPT * sl_pairing_kept_bytes(layout);
    size_t bytes;
    if (m && sl_mul_size(each, (size_t)threads, &bytes)) {
        m->memory = sl_alloc_aligned(bytes);
        m->kept = sl_alloc_aligned(kept); /* pages that nobody touches cost nothing */
        m->pairs = calloc((size_t)threads, sizeof *m->pairs);
    }
    if (!m || !m->memory || !m->kept || !m->pairs) {
        sl_matcher_close(m);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for matching on %d threads", threads);
    }
    m->layout = *layout;
    m->threads = threads;
    for (int t = 0; t < threads; t++)
        sl_pairing_place(layout, m->memory + (size_t)t * each, &m->pairs[t]);
    *out = m;
    return SL_OK;
}

void sl_matcher_close(sl_matcher *matcher)
{
    if (!matcher)
        return;
    free(matcher->memory);
    free(matcher->kept);
    free(matcher->pairs);
    free(matcher);
}

/* ---- a parallel loop over candidates ---- */

typedef struct batch batch;
typedef sl_status (*item_fn)(batch *b, size_t item, int worker, sl_error *err);

struct batch {
    sl_matcher *matcher;
    const sl_patch_set *query, *candidates; /* candidates, or source_of */
    sl_patch_source_fn source_of;
    void *context;
    size_t begin;             /* of the topk's candidates */
    size_t first, count, run; /* candidates first .. first + count, `run` of them in a row by one thread */
    size_t known;             /* candidates from `first` on that there are, of which the next may be fetched */
    float *scores;
    int *iterations;
    float *changes; /* [count, max_iterations] of pairs that stop together */
    int together;   /* how many iterations these run */
    sl_bounded *bounded;    /* [count]: of look_at, by number of the item */
    const sl_bounded *order; /* [known] items are these candidates; NULL: first, first + 1 .. */
    item_fn fn;
};

static size_t candidate_of(const batch *b, size_t item)
{
    return b->order ? b->order[item].candidate : b->first + item;
}

static sl_status run_in_a_row(void *context, size_t run, int worker, sl_error *err)
{
    batch *b = context;
    for (size_t item = run * b->run; item < (run + 1) * b->run && item < b->count; item++)
        SL_TRY(b->fn(b, item, worker, err));
    return SL_OK;
}

static sl_status run_batch(batch *b, item_fn fn, size_t in_a_row, sl_error *err)
{
    b->fn = fn;
    b->run = in_a_row;
    return sl_parallel_try(b->matcher->threads, (b->count + b->run - 1) / b->run, run_in_a_row, b, err);
}

/* Similarities and weights of one candidate, into `pair`. */
static sl_status weigh(batch *b, size_t item, const sl_pairing *pair, bool *weighed, sl_error *err)
{
    const sl_match_layout *l = &b->matcher->layout;
    const size_t at = candidate_of(b, item);
    const bool last = item + 1 >= b->known;
    if (b->candidates) {
        const sl_patch_set *candidate = &b->candidates[at];
        *weighed = sl_pairing_weigh(pair, b->query, candidate, last ? NULL : candidate[1].rows);
        return SL_OK;
    }
    sl_patch_source source = {0}, after = {0};
    sl_patch_set prepared;
    SL_TRY(b->source_of(b->context, at, &source, err));
    sl_status status = sl_patch_set_init(&prepared, l, SL_ROLE_CANDIDATE, pair->candidate, &source, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "candidate %zu", at);
    const bool more = !last && b->source_of(b->context, candidate_of(b, item + 1), &after, NULL) == SL_OK;
    *weighed = sl_pairing_weigh(pair, b->query, &prepared, more ? sl_stored_rows(l, &after) : NULL);
    return SL_OK;
}

static sl_status solve(batch *b, size_t item, const sl_pairing *pair, sl_error *err)
{
    const size_t at = candidate_of(b, item);
    float score;
    int iterations;
    sl_status status = sl_pairing_score(&b->matcher->layout, pair, &score, &iterations, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "candidate %zu", at);
    b->scores[at] = score;
    if (b->iterations)
        b->iterations[at] = iterations;
    return SL_OK;
}

/* ---- every score ---- */

static sl_status score_item(batch *b, size_t item, int worker, sl_error *err)
{
    const sl_pairing *pair = &b->matcher->pairs[worker];
    bool weighed;
    SL_TRY(weigh(b, item, pair, &weighed, err));
    if (weighed)
        return solve(b, item, pair, err);
    b->scores[item] = 0;
    if (b->iterations)
        b->iterations[item] = 0;
    return SL_OK;
}

/* ---- every score, of pairs that stop together ---- */

static sl_status change_item(batch *b, size_t item, int worker, sl_error *err)
{
    const sl_match_layout *l = &b->matcher->layout;
    const sl_pairing *pair = &b->matcher->pairs[worker];
    bool weighed;
    SL_TRY(weigh(b, item, pair, &weighed, err));
    sl_batch_changes(l, pair, weighed, b->changes + item * (size_t)l->sinkhorn.max_iterations);
    return SL_OK;
}

static sl_status score_together(batch *b, size_t item, int worker, sl_error *err)
{
    const sl_pairing *pair = &b->matcher->pairs[worker];
    bool weighed;
    SL_TRY(weigh(b, item, pair, &weighed, err));
    b->scores[item] = weighed ? sl_batch_score(&b->matcher->layout, pair, b->together) : 0;
    if (b->iterations)
        b->iterations[item] = b->together;
    return SL_OK;
}

/* Twice over the candidates: until when each would have to run, then as long as all do. */
static sl_status run_together(batch *b, sl_error *err)
{
    const sl_match_layout *l = &b->matcher->layout;
    b->changes = sl_calloc_aligned(b->count, (size_t)l->sinkhorn.max_iterations * sizeof *b->changes);
    if (!b->changes)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu candidates that stop together", b->count);
    sl_status status = run_batch(b, change_item, RUN, err);
    if (status == SL_OK) {
        b->together = sl_batch_iterations(l, b->changes, b->count);
        status = run_batch(b, score_together, RUN, err);
    }
    free(b->changes);
    return status;
}

static sl_status run_all(batch *b, sl_error *err)
{
    if (b->count == 0)
        return SL_OK;
    return b->matcher->layout.solver == SL_SOLVER_PUBLISHED ? run_together(b, err) : run_batch(b, score_item, RUN, err);
}

sl_status sl_matcher_scores(sl_matcher *matcher, const sl_patch_set *query, const sl_patch_set *candidates,
                            size_t n, float *scores, int *iterations, sl_error *err)
{
    batch b = {.matcher = matcher,
               .query = query,
               .candidates = candidates,
               .count = n,
               .known = n,
               .scores = scores,
               .iterations = iterations};
    return run_all(&b, err);
}

sl_status sl_matcher_scores_of(sl_matcher *matcher, const sl_patch_set *query, size_t n,
                               sl_patch_source_fn source_of, void *context, float *scores, int *iterations,
                               sl_error *err)
{
    batch b = {.matcher = matcher,
               .query = query,
               .source_of = source_of,
               .context = context,
               .count = n,
               .known = n,
               .scores = scores,
               .iterations = iterations};
    return run_all(&b, err);
}

/* ---- the best scores ---- */

static sl_pairing kept_pair(const batch *b, size_t item, int worker)
{
    const sl_matcher *m = b->matcher;
    sl_pairing pair = m->pairs[worker];
    sl_pairing_place_kept(&m->layout, m->kept + item * sl_pairing_kept_bytes(&m->layout), &pair);
    return pair;
}

static sl_status bound_item(batch *b, size_t item, int worker, sl_error *err)
{
    const sl_pairing pair = kept_pair(b, item, worker);
    bool weighed;
    SL_TRY(weigh(b, item, &pair, &weighed, err));
    b->scores[candidate_of(b, item)] = weighed ? NAN : 0;
    b->bounded[item] = (sl_bounded){.bound = weighed ? sl_pairing_bound(&b->matcher->layout, &pair) : 0,
                                     .candidate = (uint32_t)item};
    return SL_OK;
}

static sl_status solve_item(batch *b, size_t i, int worker, sl_error *err)
{
    const size_t item = b->bounded[i].candidate;
    const sl_pairing pair = kept_pair(b, item, worker);
    return isnan(b->scores[candidate_of(b, item)]) ? solve(b, item, &pair, err) : SL_OK;
}

/* Largest bound first, then stage 1's order. */
static int by_bound(const void *a, const void *b)
{
    const sl_bounded *x = a, *y = b;
    if (x->bound != y->bound)
        return x->bound > y->bound ? -1 : 1;
    return x->candidate < y->candidate ? -1 : 1;
}

/* Solves what can still reach the k-th best, by rounds of fixed size, so that what is solved does not depend on
 * threads. */
static sl_status solve_bounded(batch *b, sl_topk *topk, sl_error *err)
{
    sl_bounded *const all = b->bounded;
    const size_t n = b->count, in_a_row = b->matcher->layout.solver == SL_SOLVER_SINKHORN ? ROUND : 1; /* too quick */
    sl_status status = SL_OK;
    for (size_t i = 0; i < n; i++)
        all[i].bound = sl_topk_mix(topk, b->begin + candidate_of(b, i), all[i].bound);
    qsort(all, n, sizeof *all, by_bound);
    for (size_t at = 0; status == SL_OK && at < n && all[at].bound >= sl_topk_kth_best(topk); at += b->count) {
        b->bounded = all + at;
        b->count = n - at < ROUND ? n - at : ROUND;
        status = run_batch(b, solve_item, in_a_row, err);
        for (size_t i = 0; status == SL_OK && i < b->count; i++) {
            const size_t candidate = candidate_of(b, b->bounded[i].candidate);
            sl_topk_enter(topk, b->begin + candidate, b->scores[candidate]);
        }
    }
    b->bounded = all;
    return status;
}

/* Scores those of the batch's candidates that can be among the best. */
static sl_status look_at(batch *b, sl_topk *topk, sl_error *err)
{
    sl_bounded bounded[KEPT];
    b->bounded = bounded;
    SL_TRY(run_batch(b, bound_item, RUN, err));
    return solve_bounded(b, topk, err);
}

sl_status sl_matcher_best(sl_matcher *matcher, const sl_patch_set *query, size_t begin, size_t n,
                          sl_patch_source_fn source_of, void *context, sl_topk *topk, float *scores,
                          sl_error *err)
{
    for (size_t first = 0; first < n; first += KEPT) {
        batch b = {.matcher = matcher,
                   .query = query,
                   .source_of = source_of,
                   .context = context,
                   .begin = begin,
                   .first = first,
                   .count = n - first < KEPT ? n - first : KEPT,
                   .known = n - first,
                   .scores = scores + begin};
        SL_TRY(look_at(&b, topk, err));
    }
    return SL_OK;
}

sl_status sl_matcher_best_of(sl_matcher *matcher, const sl_patch_set *query, sl_bounded *order, size_t n,
                             sl_patch_source_fn source_of, void *context, sl_topk *topk, float *scores,
                             sl_error *err)
{
    for (size_t i = 0; i < n; i++) {
        scores[order[i].candidate] = NAN;
        order[i].bound = sl_topk_mix(topk, order[i].candidate, order[i].bound);
    }
    qsort(order, n, sizeof *order, by_bound);
    for (size_t first = 0, count; first < n; first += count) {
        count = n - first < FEW ? n - first : FEW;
        while (count && order[first + count - 1].bound < sl_topk_kth_best(topk))
            count--;
        if (!count)
            break;
        batch b = {.matcher = matcher,
                   .query = query,
                   .source_of = source_of,
                   .context = context,
                   .order = order + first,
                   .count = count,
                   .known = n - first,
                   .scores = scores};
        SL_TRY(look_at(&b, topk, err));
    }
    return SL_OK;
}

/* ---- the plan ---- */

sl_status sl_matcher_plan(sl_matcher *matcher, const sl_patch_set *query, const sl_patch_set *candidate,
                          float *plan, float *similarities, float *query_weights, float *candidate_weights,
                          sl_score *score, sl_error *err)
{
    const sl_match_layout *l = &matcher->layout;
    sl_pairing *x = &matcher->pairs[0];
    const size_t n = (size_t)l->patches;
    float stage2 = 0;
    int iterations = 0;
    const bool weighed = sl_pairing_weigh(x, query, candidate, NULL);
    if (weighed)
        SL_TRY(sl_pairing_score(l, x, &stage2, &iterations, err));
    if (plan)
        memset(plan, 0, n * n * sizeof *plan);
    if (weighed)
        l->rule->plan(l, x, plan);
    for (size_t s = 0; similarities && s < n; s++)
        memcpy(similarities + s * n, x->S + s * (size_t)l->stride, n * sizeof *similarities);
    if (query_weights)
        memcpy(query_weights, x->v, n * sizeof *query_weights);
    if (candidate_weights)
        memcpy(candidate_weights, x->u, n * sizeof *candidate_weights);
    if (score)
        *score = (sl_score){.stage1 = NAN, .stage2 = stage2, .score = stage2, .iterations = iterations};
    return SL_OK;
}

/* ---- with cells hidden ---- */

/* w [stride] of what is kept; false where nothing is. */
static bool keep_weights(const sl_match_layout *l, const float *all, const uint8_t *keep, float *w)
{
    for (int m = 0; m < l->patches; m++)
        w[m] = keep[m] ? all[m] : 0;
    return sl_emd_kernels_now()->normalise(w, l->patches, l->stride);
}

sl_status sl_matcher_scores_hidden(sl_matcher *matcher, const sl_patch_set *query, const sl_patch_set *candidate,
                                   const uint8_t *keep, size_t n, float *scores, sl_error *err)
{
    const sl_match_layout *l = &matcher->layout;
    const sl_pairing *x = &matcher->pairs[0];
    const bool both = l->rule->both_sides || l->weighting->trust;
    float u[SL_MATCH_MAX_PATCHES], v[SL_MATCH_MAX_PATCHES];
    int iterations;
    memset(scores, 0, n * sizeof *scores);
    if (!sl_pairing_weigh(x, query, candidate, NULL))
        return SL_OK;
    memcpy(u, x->u, (size_t)l->patches * sizeof *u);
    memcpy(v, x->v, (size_t)l->patches * sizeof *v);
    for (size_t i = 0; i < n; i++, keep += l->patches) {
        bool left = keep_weights(l, v, keep, x->v);
        if (both)
            left &= keep_weights(l, u, keep, x->u);
        if (left)
            SL_TRY(sl_pairing_score(l, x, &scores[i], &iterations, err));
    }
    return SL_OK;
}
