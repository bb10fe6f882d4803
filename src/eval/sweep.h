/* What the configurations of an evaluation share: a first ranking is made once, a second look scores once, for the
 * largest k; orders of every alpha and k come from the same scores. */
#ifndef SL_EVAL_SWEEP_H
#define SL_EVAL_SWEEP_H

#include "base/status.h"
#include "secondlook_eval.h"

/* A second look at the best k of one first ranking. */
typedef struct {
    sl_match_options options;
    size_t first, k;
} sl_sweep_look;

typedef struct {
    const sl_eval_config *configs;
    size_t count;
    sl_match_options *firsts; /* [first_count] rerank none: by the embedding */
    sl_sweep_look *looks;     /* [look_count] */
    size_t first_count, look_count;
    size_t *first_of, *look_of; /* [count] of each configuration; look_of SIZE_MAX: no second look */
    size_t most_k;
} sl_sweep;

/* Checks every configuration and finds what they share. SL_ERR_ARGUMENT names the configuration by its number
 * from 1. */
sl_status sl_sweep_make(const sl_eval_config *configs, size_t count, sl_sweep *out, sl_error *err);
void sl_sweep_free(sl_sweep *sweep);

#endif
