/* Who can still be among the best: the people with the highest mixed scores so far. The score of the last of them, the
 * k-th best, is what a candidate must be able to reach; who cannot is pruned.
 *
 *     sl_topk topk = {.alpha = alpha, .stage1 = stage1, .person = person, .top = top, .entered = memory};
 *     sl_matcher_best(matcher, &query, 0, n, source_of, context, &topk, scores, err); */
#ifndef SL_MATCH_TOPK_H
#define SL_MATCH_TOPK_H

#include "match/match.h"

typedef struct {
    float score;
    uint32_t person;
} sl_topk_entry;

/* A candidate and what its score can be at most. */
typedef struct {
    float bound;
    uint32_t candidate;
} sl_bounded;

typedef struct sl_topk {
    float alpha;            /* mixed score = alpha * stage 2 + (1 - alpha) * stage 1 */
    const float *stage1;    /* [n] of every candidate */
    const uint32_t *person; /* [n] who it is: only a person's best face counts */
    int top;                /* people wanted, at least 1 */
    sl_topk_entry *entered; /* [top] the caller's; best first */
    const uint32_t *face;   /* [n] in the gallery that the second look's sketches are of; NULL without sketches */
    sl_bounded *bounded;   /* [n] the caller's, for those that sketches bound; NULL without sketches */
    int count;              /* of entered */
    size_t solved;          /* candidates that were entered: the solver ran for them */
} sl_topk;

/* No stage 2 of emd is above: rounding can lift one of faces that are the same beyond 1. */
#define SL_MOST_STAGE2 1.0001f

float sl_topk_mix(const sl_topk *topk, size_t candidate, float stage2);

/* The score of the last of them, -infinity while there are fewer: a candidate below it is not among the best; one that
 * equals it may be. */
float sl_topk_kth_best(const sl_topk *topk);

void sl_topk_enter(sl_topk *topk, size_t candidate, float stage2);

/* The scores that can be among the topk's best, of its candidates begin .. begin + n (source_of knows them as 0 ..
 * n): scores, from `begin` on, are exact for every candidate that is, NaN for those that were pruned, which are
 * not. A pruned candidate may not be looked at at all, so errors in it go unreported. The rest as in
 * sl_matcher_scores_of. */
sl_status sl_matcher_best(sl_matcher *matcher, const sl_patch_set *query, size_t begin, size_t n,
                          sl_patch_source_fn source_of, void *context, sl_topk *topk, float *scores,
                          sl_error *err);

/* The same of n candidates of which bounds are known, the highest first; order [n] is sorted. */
sl_status sl_matcher_best_of(sl_matcher *matcher, const sl_patch_set *query, sl_bounded *order, size_t n,
                             sl_patch_source_fn source_of, void *context, sl_topk *topk, float *scores,
                             sl_error *err);

#endif
