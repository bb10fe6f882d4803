/* The second look, of whatever kind the options ask for (look.h has the kinds): opened once, then for each query
 *
 *     sl_second_look_open(&options, &shape, &look, err);
 *     sl_second_look_face(look, faces, face, &query, err);        or sl_patch_source_of a template
 *     sl_second_look_query(look, &query, err);
 *     sl_second_look_scores(look, k, source_of, context, scores, NULL, err);
 *
 * Scores do not depend on the number of threads,
 * nor on which candidates stand beside each other. Use one from one thread at a time; it works on options->threads
 * threads (0: all processors). */
#ifndef SL_MATCH_SECOND_LOOK_H
#define SL_MATCH_SECOND_LOOK_H

#include "match/patch/topk.h"
#include "match/patch/sketch.h"

typedef struct sl_second_look sl_second_look;

/* Can templates of this shape be looked at so? SL_ERR_UNSUPPORTED, with the way out, for maps of compact patches and
 * for embeddings alone. None looks at nothing, which all can. */
sl_status sl_second_look_check(const sl_match_options *options, const sl_template_shape *shape, sl_error *err);

/* Checks the options, and against the templates it is for, lays them out and gets its memory. SL_ERR_ARGUMENT for none,
 * for `oae` missing where sl_match_needs says so, and whatever does not go together; SL_ERR_MISMATCH for another
 * model's cells. What the options point to must outlive it. */
sl_status sl_second_look_open(const sl_match_options *options, const sl_template_shape *shape, sl_second_look **out,
                              sl_error *err);
void sl_second_look_close(sl_second_look *look);

/* What the second look needs of a stored face of its model, where that lies. SL_ERR_ARGUMENT,
 * with the photo's name, where the weighting lmk misses landmarks. Threads may call it together. */
sl_status sl_second_look_face(const sl_second_look *look, sl_face_store store, size_t face, sl_patch_source *out,
                              sl_error *err);

/* Prepares the query whose candidates are scored from now on; what it points to must stay until then. */
sl_status sl_second_look_query(sl_second_look *look, const sl_patch_source *query, sl_error *err);

/* stage 2 of the query and n candidates: scores [n]; iterations [n] (0 where the look has none) or NULL. source_of
 * as in sl_matcher_scores_of. Sources that carry their contributions (contributions.h) save the look the product
 * with the head. */
sl_status sl_second_look_scores(sl_second_look *look, size_t n, sl_patch_source_fn source_of, void *context,
                                float *scores, int *iterations, sl_error *err);

/* Whether a search for `top` people is to prune: not to solve what cannot come among them. */
bool sl_second_look_prunes(const sl_match_options *options, int top);

/* The scores that can be among a topk's best (patch/topk.h); all of them where the look never prunes. */
sl_status sl_second_look_best(sl_second_look *look, size_t n, sl_patch_source_fn source_of, void *context,
                              sl_topk *topk, float *scores, sl_error *err);

/* Whether sketches would help it to prune. Once it has taken those of the gallery that its candidates are faces of
 * (topk.face), sl_second_look_best may use them; they must outlive the look. */
bool sl_second_look_takes_sketches(const sl_second_look *look);
sl_status sl_second_look_take_sketches(sl_second_look *look, sl_sketches *sketches, sl_error *err);

/* What moves where between the query and one candidate: plan [R, R], similarities [R, R] (NULL: not wanted) and
 * weights [R] as in sl_matcher_plan, on the grid of rows x cols = R that the look compares. SL_ERR_ARGUMENT for
 * looks that move nothing (sl_look_moves_patches), whose grid is 0 x 0. */
sl_status sl_second_look_plan(sl_second_look *look, const sl_patch_source *candidate, float *plan, float *similarities,
                              float *query_weights, float *candidate_weights, sl_error *err);

/* The pair's score n times, each with other cells of the query hidden: keep [n, R] of 1 and 0. Of looks that move
 * patches sl_matcher_scores_hidden; of those that were learned the mean of the query's patches stands in a hidden cell.
 * SL_ERR_ARGUMENT for others. */
sl_status sl_second_look_hide(sl_second_look *look, const sl_patch_source *candidate, const uint8_t *keep, size_t n,
                              float *scores, sl_error *err);
void sl_second_look_grid(const sl_second_look *look, int *rows, int *cols);

#endif
