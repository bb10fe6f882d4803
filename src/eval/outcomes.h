/* What every query of an evaluation came to, and what is told of it: means with intervals, lines. */
#ifndef SL_EVAL_OUTCOMES_H
#define SL_EVAL_OUTCOMES_H

#include "eval/experiment.h"
#include "eval/retrieval.h"
#include "secondlook_eval.h"

/* One query after one ranking; rates in [0, 1]. */
typedef struct {
    float metric[SL_METRICS];
    uint32_t rank; /* of the first right photo, from 1; 0: not among those ranked */
    uint32_t face; /* the first candidate, UINT32_MAX: there is none */
} sl_outcome;

/* Of all queries asked, in their order. */
typedef struct {
    const sl_experiment *x;
    sl_outcome *first;                    /* [first_count, asked] */
    sl_outcome *second;                   /* [configurations, asked] after the second look */
    sl_outcome *best;                     /* [configurations, asked] of the best order of the top k */
    double *first_seconds, *look_seconds; /* [first_count], [look_count] of all threads */
} sl_outcomes;

/* out [configurations] */
sl_status sl_outcomes_summarise(const sl_outcomes *o, uint64_t seed, sl_evaluation *out, sl_error *err);

/* Tells options->line of every configuration and query, the unmatched ones too, and writes options->csv. */
sl_status sl_outcomes_tell(const sl_outcomes *o, const sl_eval_options *options, sl_error *err);

#endif
