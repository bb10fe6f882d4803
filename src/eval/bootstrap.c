/* Percentile bootstrap over queries (Efron 1979), all columns by the same draws: a paired difference is a column.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "eval/retrieval.h"
#include "secondlook_eval.h"

enum { RESAMPLES = 2000 };

typedef struct {
    const float *values; /* [count, width] */
    size_t count, width;
    uint64_t seed;
    double *means; /* [RESAMPLES, width] */
} resampling;

/* Resample b has a generator of its own, so that it does not matter which thread draws it. */
static void resample(void *context, size_t b, int worker)
{
    const resampling *r = context;
    double *mean = r->means + b * r->width;
    sl_rng rng = sl_rng_seed(r->seed * RESAMPLES + b);
    (void)worker;
    for (size_t i = 0; i < r->count; i++) {
        const float *row = r->values + sl_rng_below(&rng, r->count) * r->width;
        for (size_t k = 0; k < r->width; k++)
            mean[k] += (double)row[k];
    }
    for (size_t k = 0; k < r->width; k++)
        mean[k] *= 100 / (double)r->count;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static sl_interval column(const resampling *r, size_t k, double sorted[RESAMPLES])
{
    double sum = 0;
    for (size_t i = 0; i < r->count; i++)
        sum += (double)r->values[i * r->width + k];
    for (size_t b = 0; b < RESAMPLES; b++)
        sorted[b] = r->means[b * r->width + k];
    qsort(sorted, RESAMPLES, sizeof *sorted, by_value);
    return (sl_interval){.mean = 100 * sum / (double)r->count,
                         .low = sorted[RESAMPLES / 40],
                         .high = sorted[RESAMPLES - 1 - RESAMPLES / 40]};
}

sl_status sl_bootstrap(const float *values, size_t count, size_t width, uint64_t seed, int threads,
                       sl_interval *out, sl_error *err)
{
    double sorted[RESAMPLES];
    for (size_t k = 0; k < width; k++)
        out[k] = (sl_interval){0};
    if (count == 0)
        return SL_OK;
    resampling r = {.values = values,
                    .count = count,
                    .width = width,
                    .seed = seed,
                    .means = sl_calloc_aligned(width, RESAMPLES * sizeof *r.means)};
    if (!r.means)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the bootstrap");
    sl_parallel_for(threads > 0 ? threads : sl_cpu_count(), RESAMPLES, resample, &r);
    for (size_t k = 0; k < width; k++)
        out[k] = column(&r, k, sorted);
    free(r.means);
    return SL_OK;
}
