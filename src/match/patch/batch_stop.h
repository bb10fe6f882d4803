/* The stop of the published program: Sinkhorn ends for all candidates of a query at once, when the mean of |r - r_old|
 * over all of their patches falls below the rule's bound. So a score depends on who stands beside it (`--solver
 * published`); the solver sinkhorn stops pair by pair.
 *
 *     pair 0:  change 0, change 1, ...  \
 *     pair 1:  change 0, change 1, ...   }  --mean over pairs--> the first step below the bound: all run so many
 */
#ifndef SL_MATCH_BATCH_STOP_H
#define SL_MATCH_BATCH_STOP_H

#include "match/patch/pairing.h"

/* changes [layout->sinkhorn.max_iterations]: the sum of |r - r_old| in each step of a pair that sl_pairing_weigh made
 * S, u and v of; `weighed` is what it returned. */
void sl_batch_changes(const sl_match_layout *layout, const sl_pairing *pair, bool weighed, float *changes);

/* How many iterations n pairs run: changes [n, max_iterations]. */
int sl_batch_iterations(const sl_match_layout *layout, const float *changes, size_t n);

/* The score of a pair, weighed, after so many iterations. */
float sl_batch_score(const sl_match_layout *layout, const sl_pairing *pair, int iterations);

#endif
