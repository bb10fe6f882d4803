/* One thread's rankings of one query after the other: a first one over the whole gallery, then second looks at its
 * best. */
#ifndef SL_EVAL_RANKER_H
#define SL_EVAL_RANKER_H

#include "eval/experiment.h"
#include "match/second_look.h"

typedef struct {
    float key;
    uint32_t position;
} sl_ranked;

typedef struct {
    const sl_experiment *x;
    sl_second_look **firsts; /* [sweep.first_count] NULL where the first ranking is the embedding's */
    sl_second_look **looks;  /* [sweep.look_count] */
    size_t query;
    float *contributions;  /* [R, D] of the query, where needed */
    uint32_t *order;       /* [face_count + 1] the first ranking's faces, best first; `known` of them are ranked */
    float *first, *second; /* [face_count + 1] its scores; those of the second look at the first k */
    size_t known;
    sl_ranked *list; /* [face_count + 1] */
    double *first_seconds, *look_seconds;
} sl_ranker;

sl_status sl_ranker_open(const sl_experiment *x, sl_ranker *out, sl_error *err);
void sl_ranker_close(sl_ranker *r);

/* Turns to a query of the protocol. */
sl_status sl_ranker_ask(sl_ranker *r, size_t query, sl_error *err);

/* The query's first ranking f, its own photo left out: sets order, first and known. index, score: its row of
 * sl_experiment_scan. */
sl_status sl_ranker_first(sl_ranker *r, size_t f, const uint32_t *index, const float *score, sl_error *err);

/* Look l at the first k <= known of that ranking: sets second [k]. */
sl_status sl_ranker_look(sl_ranker *r, size_t l, size_t k, sl_error *err);

/* Positions in the first ranking of its first k, in the order of alpha * second + (1 - alpha) * first, ties as
 * they stood: list [k]. */
void sl_ranker_order(sl_ranker *r, float alpha, size_t k);

#endif
