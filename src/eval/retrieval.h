/* Retrieval metrics of one ranking, and means over queries. */
#ifndef SL_EVAL_RETRIEVAL_H
#define SL_EVAL_RETRIEVAL_H

#include "base/status.h"
#include "secondlook_eval.h"

/* Of one query: each metric in [0, 1]. A new one is a value of sl_metric and a row in retrieval.c. */
typedef struct {
    double metric[SL_METRICS];
} sl_rates;

/* hits[i] is 1 when rank i (from 0) shows the query's person; `count` ranks are known, R >= 1 is what P@R divides
 * by. Ranks beyond `count` are no hits. */
sl_rates sl_rates_of(const uint8_t *hits, size_t count, size_t r);

/* The same for the best order of the first k ranks: all their hits first. */
sl_rates sl_rates_best(const uint8_t *hits, size_t count, size_t k, size_t r, uint8_t *scratch);

/* The first rank, from 1, that is a hit; 0: none is. */
size_t sl_first_hit(const uint8_t *hits, size_t count);

/* Cumulative match characteristic in percent: cmc[r] is the part of `queries` whose rank is r + 1 or better. */
void sl_cmc_of(const uint32_t *ranks, size_t queries, double cmc[SL_CMC_RANKS]);

/* Means over the rows of values [count, width] in percent with 95 % bootstrap intervals: percentiles of 2,000
 * resamples of the rows, the same ones for every column. Independent of the number of threads. */
sl_status sl_bootstrap(const float *values, size_t count, size_t width, uint64_t seed, int threads,
                       sl_interval *out, sl_error *err);

#endif
