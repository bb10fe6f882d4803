/* A learned look's network compiled for a number of pairs, in two parts where it ends in H2L's dense layers. What the
 * layers of its transformer make of a few pairs fits into a core's second cache: they go over a few at a time, each
 * thread over its own. The dense layers behind them have more weights than any cache: those are read once for all. */
#ifndef SL_PIPELINE_LOOK_PLAN_H
#define SL_PIPELINE_LOOK_PLAN_H

#include "pipeline/look_network.h"

typedef struct sl_look_plan sl_look_plan;

/* For `candidates` pairs of one query, or of as many queries. `look` must outlive the plan. */
sl_status sl_look_plan_open(const sl_look_network *look, int queries, int candidates, const sl_plan_options *options,
                            sl_look_plan **out, sl_error *err);
void sl_look_plan_close(sl_look_plan *plan);

/* Maps of queries [1 or n, R, C] and of candidates [n, R, C]: the scores [n], n no more than it was opened for. */
sl_status sl_look_plan_run(sl_look_plan *plan, const float *first, const float *second, int n, float *scores,
                           sl_error *err);

#endif
