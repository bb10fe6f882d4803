/* Queries, gallery and configurations of an evaluation, opened once and shared by its threads. */
#ifndef SL_EVAL_EXPERIMENT_H
#define SL_EVAL_EXPERIMENT_H

#include "eval/protocol.h"
#include "eval/sweep.h"
#include "match/oae/contributions.h"
#include "match/match.h"
#include "secondlook_eval.h"

typedef struct {
    sl_protocol protocol;
    sl_sweep sweep;
    const float *query_embeddings; /* [queries, dim] */
    size_t dim;
    size_t depth; /* ranks that are kept of a first ranking: enough for every k, every R and the CMC */
    int threads;
    sl_scan_block *blocks; /* the gallery's faces that may be found, in runs */
    size_t block_count;
    const sl_oae *oae;      /* whose contributions the configurations need; NULL: none do */
    sl_contribution_bank *bank; /* of the whole gallery; NULL: candidates are split as they come */
} sl_experiment;

sl_status sl_experiment_open(const sl_gallery *gallery, const sl_gallery *queries, const sl_eval_config *configs,
                             size_t count, const sl_eval_options *options, sl_experiment *out, sl_error *err);
void sl_experiment_close(sl_experiment *x);

/* Splits all faces into contributions once, where the configurations will look at more candidates than there are
 * faces. */
sl_status sl_experiment_open_bank(sl_experiment *x, const sl_eval_options *options, sl_error *err);

/* Stage 1 by the embeddings of `count` queries: index and score [count, depth + 1], best first; one more than is
 * kept, as a query's own photo may have to go. */
sl_status sl_experiment_scan(const sl_experiment *x, const uint32_t *queries, size_t count, uint32_t *index,
                             float *score, sl_error *err);

#endif
