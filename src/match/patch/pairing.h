/* One pair in the memory of one thread: similarities and weights first, then, where it is wanted, the solver. */
#ifndef SL_MATCH_PAIRING_H
#define SL_MATCH_PAIRING_H

#include <stdbool.h>

#include "match/match.h"

typedef struct {
    float *S;        /* [row_count or stride if more, stride] */
    float *u, *v;    /* [stride] marginals of candidate and query */
    float *K;        /* [stride, stride] */
    float *r, *c;    /* [stride] */
    void *candidate; /* a patch set */
    double *plan;    /* [R, R]: converged and exact */
    void *solver;
} sl_pairing;

/* What sl_pairing_weigh makes, S, u and v, may also be kept in memory of its own. */
size_t sl_pairing_bytes(const sl_match_layout *layout);
void sl_pairing_place(const sl_match_layout *layout, void *memory, sl_pairing *out);
size_t sl_pairing_kept_bytes(const sl_match_layout *layout);
void sl_pairing_place_kept(const sl_match_layout *layout, void *memory, sl_pairing *pair);

/* S, u and v; false when one side weighs nothing, which makes the score 0. `next`: the rows of the candidate after
 * this one, or NULL. */
bool sl_pairing_weigh(const sl_pairing *pair, const sl_patch_set *query, const sl_patch_set *candidate,
                      const void *next);

/* Whether the plan comes from one of the solvers in double. */
bool sl_pairing_is_dense(const sl_match_layout *layout);

/* Sum over query patches of v times their best similarity. */
float sl_pairing_best_match(const sl_match_layout *layout, const sl_pairing *pair);

/* What the score of emd can be at most: sum over query patches of v times their best similarity. Every plan T >= 0 that
 * emd scores, converged or not, has the column sums v, as the columns are scaled last; so sum T S <= sum_m v_m max_s
 * S_sm. 0 where that is negative, as a plan that is no number scores 0; with room for the rounding of the sums. */
float sl_pairing_bound(const sl_match_layout *layout, const sl_pairing *pair);

/* The score of a pair that was weighed, by the layout's rule (pair_rule.h); emd leaves r, K and c, or the plan. */
sl_status sl_pairing_score(const sl_match_layout *layout, const sl_pairing *pair, float *score, int *iterations,
                           sl_error *err);

#endif
