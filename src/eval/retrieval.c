#include "eval/retrieval.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { RESAMPLES = 2000 };

sl_retrieval sl_retrieval_of(const uint8_t *hits, size_t count, size_t r)
{
    size_t found = 0;
    double precision_sum = 0;
    for (size_t i = 0; i < r && i < count; i++)
        if (hits[i]) {
            found++;
            precision_sum += (double)found / (double)(i + 1);
        }
    return (sl_retrieval){.p1 = count && hits[0], .rp = (double)found / (double)r, .mapr = precision_sum / (double)r};
}

sl_retrieval sl_retrieval_best(const uint8_t *hits, size_t count, size_t k, size_t r, uint8_t *scratch)
{
    if (k > count)
        k = count;
    size_t found = 0;
    for (size_t i = 0; i < k; i++)
        found += hits[i];
    memset(scratch, 1, found);
    memset(scratch + found, 0, k - found);
    memcpy(scratch + k, hits + k, count - k);
    return sl_retrieval_of(scratch, count, r);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

sl_status sl_bootstrap(const float *values, size_t count, uint64_t seed, sl_interval *out, sl_error *err)
{
    *out = (sl_interval){0};
    if (count == 0)
        return SL_OK;
    double *means = sl_calloc_aligned(RESAMPLES, sizeof *means), sum = 0;
    if (!means)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the bootstrap");
    sl_rng rng = sl_rng_seed(seed);
    for (size_t i = 0; i < count; i++)
        sum += (double)values[i];
    for (int b = 0; b < RESAMPLES; b++) {
        double drawn = 0;
        for (size_t i = 0; i < count; i++)
            drawn += (double)values[sl_rng_below(&rng, count)];
        means[b] = 100 * drawn / (double)count;
    }
    qsort(means, RESAMPLES, sizeof *means, by_value);
    *out = (sl_interval){.mean = 100 * sum / (double)count, .low = means[RESAMPLES / 40],
                         .high = means[RESAMPLES - 1 - RESAMPLES / 40]};
    free(means);
    return SL_OK;
}
