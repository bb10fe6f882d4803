/* Metrics over scored pairs. */
#ifndef SL_EVAL_METRICS_H
#define SL_EVAL_METRICS_H

#include "base/status.h"
#include "secondlook_eval.h"

typedef struct {
    float score; /* higher: more alike */
    int same, fold;
} sl_scored_pair;

/* SL_ERR_NUMERIC for a score that is not finite, SL_ERR_ARGUMENT where one kind of pair is missing. A fold without
 * pairs is left out of the means. */
sl_status sl_verify_rates_of(const sl_scored_pair *pairs, size_t count, int folds, sl_verify_rates *out,
                             sl_error *err);
void sl_verify_rates_free(sl_verify_rates *rates);

#endif
