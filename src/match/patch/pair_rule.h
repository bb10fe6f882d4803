/* By which rule a pair is scored once its similarities S and weights u, v are known: what patches are moved where, T,
 * so that the score is the sum of T S.
 *
 *     emd         from all to all, at least cost, T having the sums u and v (kernels/emd_body.h,
 *                 sinkhorn_converged.c, exact_emd.c)
 *     maxsim      each patch m of the query takes v_m from the one most like it
 *     same-cell   each patch m takes (u_m + v_m) / 2 from the one in its place */
#ifndef SL_MATCH_PAIR_RULE_H
#define SL_MATCH_PAIR_RULE_H

#include "match/patch/pairing.h"

struct sl_pair_rule {
    bool by_transport; /* a solver finds T, which is worth pruning; sl_pairing_bound bounds the score */
    bool both_sides;   /* both faces' weights count in the same places: what is hidden is hidden on both */

    sl_status (*score)(const sl_match_layout *layout, const sl_pairing *pair, float *score, int *iterations,
                       sl_error *err);

    /* T [R, R] (zeros so far) of the pair as it was scored, NULL: not wanted; u and v become what counted. */
    void (*plan)(const sl_match_layout *layout, sl_pairing *pair, float *plan);
};

extern const sl_pair_rule sl_pair_emd, sl_pair_maxsim, sl_pair_same_cell;

#endif
