/* How much each patch counts. */
#ifndef SL_MATCH_WEIGHTING_H
#define SL_MATCH_WEIGHTING_H

#include <stdbool.h>

#include "match/match.h"

/* Weights that one face has by itself (uniform, LMK, a query's trust): weights [stride], zeros behind R and for the
 * others. */
sl_status sl_fixed_weights(const sl_match_layout *layout, const sl_patch_source *source, float *weights,
                           sl_error *err);

/* Marginals of one pair: u [stride] of the candidate's patches, v [stride] of the query's, from S as the
 * kernels made it. False when all of u or all of v is zero. */
bool sl_pair_weights(const sl_patch_set *query, const sl_patch_set *candidate, const float *S, float *u, float *v);

#endif
