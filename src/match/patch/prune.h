/* A query's candidates with sketches: who cannot be among the best by its sketch is not looked at. */
#ifndef SL_MATCH_PRUNE_H
#define SL_MATCH_PRUNE_H

#include "match/patch/sketch.h"

/* sl_matcher_best of all n candidates, which are faces topk->face of the gallery that the sketches are of. */
sl_status sl_best_by_sketches(sl_matcher *matcher, sl_sketcher *sketcher, const sl_patch_set *query, size_t n,
                              sl_patch_source_fn source_of, void *context, sl_topk *topk, float *scores, sl_error *err);

#endif
