/* What calls cells of a query important, pair by pair: the kinds of explanation that eval/explanations.c measures. */
#ifndef SL_EVAL_TOLD_H
#define SL_EVAL_TOLD_H

#include "explain/heat.h"
#include "match/attribution.h"
#include "secondlook_eval.h"

/* The kinds that a look has, random last; returns how many. */
int sl_told_of(const sl_match_options *match, const sl_insight *inside, sl_told kinds[SL_TOLD_KINDS]);

/* importance [R] of the pair that both are opened for; not of random. */
sl_status sl_told_importance(sl_told kind, const sl_parts *parts, const sl_heats *heats, float *importance,
                             sl_error *err);

#endif
