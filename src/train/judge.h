/* What a network is worth on people that it does not learn from. */
#ifndef SL_TRAIN_JUDGE_H
#define SL_TRAIN_JUDGE_H

#include "base/ticker.h"
#include "net/plan/plan.h"
#include "train/lesson.h"

/* Unit embeddings of the source's pictures 0 .. n - 1, by a plan whose output 0 is the embedding [batch, dim];
 * covered as sl_lesson_pictures does. out [n, dim]; ticker may be NULL. SL_ERR_NUMERIC where an embedding is no
 * direction. */
sl_status sl_embed_pictures(const sl_lesson *lesson, const sl_source *source, size_t n, bool covered,
                            sl_plan *plan, int dim, sl_ticker *ticker, float *out, sl_error *err);

/* Precision at 1: the part of the pictures that judge (there are some) of which the nearest of all others (by
 * gallery [n, dim], its own left out) is of the same person; queries [n, dim], n = sl_lesson_judged. */
sl_status sl_judge_precision(const sl_lesson *lesson, const float *queries, const float *gallery, int dim, double *out,
                             sl_error *err);

#endif
