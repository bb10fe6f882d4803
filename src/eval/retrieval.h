/* Retrieval metrics of one ranking, and means over queries. */
#ifndef SL_EVAL_RETRIEVAL_H
#define SL_EVAL_RETRIEVAL_H

#include "base/status.h"

/* hits[i] is 1 when rank i (from 0) shows the query's person; `count` ranks are known, R >= 1 is what P@R divides by.
 * Ranks beyond `count` are no hits. p1 in {0, 1}, rp and mapr in [0, 1]. */
sl_retrieval sl_retrieval_of(const uint8_t *hits, size_t count, size_t r);

/* The same for the best order of the first k ranks: all their hits first. */
sl_retrieval sl_retrieval_best(const uint8_t *hits, size_t count, size_t k, size_t r, uint8_t *scratch);

/* Mean of values [count] with its 95 % bootstrap interval (percentiles of 2,000 resamples), times 100. */
sl_status sl_bootstrap(const float *values, size_t count, uint64_t seed, sl_interval *out, sl_error *err);

#endif
