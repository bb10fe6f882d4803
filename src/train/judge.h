/* What a network is worth on people that it does not learn from. */
#ifndef SL_TRAIN_JUDGE_H
#define SL_TRAIN_JUDGE_H

#include "base/ticker.h"
#include "net/plan/plan.h"
#include "train/lesson.h"

/* count embeddings [count, dim] at unit length. SL_ERR_NUMERIC where one is no direction. */
sl_status sl_unit_embeddings(const float *embeddings, size_t count, int dim, float *out, sl_error *err);

/* Unit embeddings of the source's pictures 0 .. n - 1, by a plan whose output 0 is the embedding [batch, dim];
 * covered as sl_lesson_pictures does. out [n, dim]; ticker may be NULL. */
sl_status sl_embed_pictures(const sl_lesson *lesson, const sl_source *source, size_t n, bool covered,
                            sl_plan *plan, int dim, sl_ticker *ticker, float *out, sl_error *err);

/* Precision at 1: the part of the queries, unit vectors of the source's pictures 0 .. n - 1 in some state, of which the
 * nearest of all others (by `gallery`, of the same pictures, their own left out) is of the same person. */
sl_status sl_judge_precision(const sl_source *source, const sl_vectors *queries, const sl_vectors *gallery, int threads,
                             double *out, sl_error *err);

/* The part of n > 0 scores that is told right by the threshold that tells most right: same[i], whether pair i is of one
 * person, is guessed from score i's being at least that. Sorts nothing of the caller's. */
sl_status sl_judge_pairs(const float *scores, const bool *same, size_t n, double *out, sl_error *err);

#endif
