/* Upper bounds of candidates by their sketches, and the best of those that they leave. */
#include "match/patch/prune.h"

enum {
    SAMPLE = 5,       /* one in so many candidates tells whether sketches are of use to a query: */
    LEAST_PRUNED = 6, /* one in so many of them is pruned, as a sketch takes a sixth of a pair's time */
};

/* Candidates that are multiples of SAMPLE (pass 0), or all others (pass 1): the first from `i` on. */
static size_t in_pass(size_t i, int pass)
{
    return pass == 0 ? (i + SAMPLE - 1) / SAMPLE * SAMPLE : i + (i % SAMPLE == 0);
}

/* Upper-bounds the score of each candidate from `first` on by its sketch, and keeps the trivial bound where computing
 * one would not pay: of those that stay below the k-th best even so, and of all but a sample where hardly any of the
 * sample does. On this thread, whatever the options say: a bound takes no longer than waking another. */
static sl_status find_upper_bounds(sl_sketcher *sketcher, const sl_patch_set *query, size_t first, size_t n,
                                   sl_patch_source_fn source_of, void *context, const sl_topk *topk, sl_error *err)
{
    const float kth_best = sl_topk_kth_best(topk);
    size_t asked = 0, pruned = 0;
    sl_sketcher_query(sketcher, query);
    for (size_t i = first; i < n; i++)
        topk->bounded[i - first] = (sl_bounded){.bound = SL_MOST_STAGE2, .candidate = (uint32_t)i};
    for (int pass = 0; pass < 2 && (pass == 0 || pruned * LEAST_PRUNED >= asked); pass++)
        for (size_t i = in_pass(first, pass), next; i < n; i = next) {
            float *bound = &topk->bounded[i - first].bound;
            next = in_pass(i + 1, pass);
            if (next < n)
                sl_sketcher_fetch(sketcher, topk->face[next]);
            if (sl_topk_mix(topk, i, SL_MOST_STAGE2) < kth_best)
                continue;
            sl_status status = sl_sketcher_upper_bound(sketcher, topk->face[i], source_of, context, i, bound, err);
            if (status != SL_OK)
                return sl_fail_in(err, status, "candidate %zu", i);
            asked++;
            pruned += sl_topk_mix(topk, i, *bound) < kth_best;
        }
    return SL_OK;
}

/* Stage 1's first are likely to set a k-th best that many others' trivial bound does not reach. */
sl_status sl_best_by_sketches(sl_matcher *matcher, sl_sketcher *sketcher, const sl_patch_set *query, size_t n,
                              sl_patch_source_fn source_of, void *context, sl_topk *topk, float *scores, sl_error *err)
{
    const size_t first = (size_t)topk->top < n ? (size_t)topk->top : n;
    SL_TRY(sl_matcher_best(matcher, query, 0, first, source_of, context, topk, scores, err));
    if (first == n)
        return SL_OK;
    SL_TRY(find_upper_bounds(sketcher, query, first, n, source_of, context, topk, err));
    return sl_matcher_best_of(matcher, query, topk->bounded, n - first, source_of, context, topk, scores, err);
}
