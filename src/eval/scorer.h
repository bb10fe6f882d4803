/* Scores of chosen faces of one gallery for queries out of another (or the same), by several threads. */
#ifndef SL_EVAL_SCORER_H
#define SL_EVAL_SCORER_H

#include "match/oae/oae.h"
#include "gallery/gallery.h"
#include "match/oae/contributions.h"
#include "match/second_look.h"

/* What all threads share. */
typedef struct {
    const sl_gallery *gallery, *queries;
    sl_match_options match; /* threads: 1, each thread has a look of its own */
    int threads, dim;
    const float *embeddings, *query_embeddings;
    sl_contribution_bank *bank;  /* the gallery's, for looks with cells; else NULL */
    struct sl_scorer_thread *of; /* [threads] */
} sl_scorer;

/* match->threads 0: all processors. faces_often: whether faces are scored many times each, so that what a look
 * with cells needs is worth computing once for all of the gallery. SL_ERR_MISMATCH for galleries of different
 * models. */
sl_status sl_scorer_open(const sl_gallery *gallery, const sl_gallery *queries, const sl_match_options *match,
                         bool faces_often, sl_scorer *out, sl_error *err);
void sl_scorer_close(sl_scorer *s);

/* stage1 [n] and stage2 [n] (NaN without a second look) of a query and n faces; by thread `worker`. */
sl_status sl_scorer_scores(sl_scorer *s, int worker, size_t query, const uint32_t *faces, size_t n, float *stage1,
                           float *stage2, sl_error *err);

/* How much of a query is hidden; NaN where the options' cells have no statistics. From several threads together. */
sl_status sl_scorer_hidden(const sl_scorer *s, size_t query, sl_hidden *out, sl_error *err);

/* The mix, stage 1's score where there was no second look. */
float sl_scorer_mix(const sl_scorer *s, float stage1, float stage2);

/* work(context, item, worker) for items 0 .. count-1 on all threads, with progress between blocks of `block`
 * items. Ends with the failure of the lowest item. */
typedef sl_status (*sl_scorer_work)(void *context, size_t item, int worker, sl_error *err);
sl_status sl_scorer_run(const sl_scorer *s, size_t count, size_t block, sl_scorer_work work, void *context,
                        sl_progress_fn progress, void *progress_context, sl_error *err);

#endif
