/* Metrics of one ranking: a table, by which all else counts columns. */
#include "eval/retrieval.h"

#include <string.h>

#include "secondlook_eval.h"

/* ---- the metrics ----
 * hits [count]: 1 where the rank shows the right person; r: R. Ranks beyond `count` are no hits. */

static double precision_at_1(const uint8_t *hits, size_t count, size_t r)
{
    (void)r;
    return count && hits[0];
}

static double r_precision(const uint8_t *hits, size_t count, size_t r)
{
    size_t found = 0;
    for (size_t i = 0; i < r && i < count; i++)
        found += hits[i];
    return (double)found / (double)r;
}

static double mean_average_precision(const uint8_t *hits, size_t count, size_t r)
{
    size_t found = 0;
    double sum = 0;
    for (size_t i = 0; i < r && i < count; i++)
        if (hits[i])
            sum += (double)++found / (double)(i + 1);
    return sum / (double)r;
}

static const struct {
    const char *name;
    double (*of)(const uint8_t *hits, size_t count, size_t r);
} metrics[SL_METRICS] = {
    [SL_P1] = {"p1", precision_at_1},
    [SL_RP] = {"rp", r_precision},
    [SL_MAPR] = {"mapr", mean_average_precision},
};

const char *sl_metric_name(sl_metric metric)
{
    return (unsigned)metric < SL_METRICS ? metrics[metric].name : NULL;
}

sl_rates sl_rates_of(const uint8_t *hits, size_t count, size_t r)
{
    sl_rates rates;
    for (int m = 0; m < SL_METRICS; m++)
        rates.metric[m] = metrics[m].of(hits, count, r);
    return rates;
}

sl_rates sl_rates_best(const uint8_t *hits, size_t count, size_t k, size_t r, uint8_t *scratch)
{
    if (k > count)
        k = count;
    size_t found = 0;
    for (size_t i = 0; i < k; i++)
        found += hits[i];
    memset(scratch, 1, found);
    memset(scratch + found, 0, k - found);
    memcpy(scratch + k, hits + k, count - k);
    return sl_rates_of(scratch, count, r);
}

size_t sl_first_hit(const uint8_t *hits, size_t count)
{
    const uint8_t *found = memchr(hits, 1, count);
    return found ? (size_t)(found - hits) + 1 : 0;
}

void sl_cmc_of(const uint32_t *ranks, size_t queries, double cmc[SL_CMC_RANKS])
{
    size_t at[SL_CMC_RANKS] = {0}, found = 0;
    for (size_t q = 0; q < queries; q++)
        if (ranks[q] >= 1 && ranks[q] <= SL_CMC_RANKS)
            at[ranks[q] - 1]++;
    for (size_t r = 0; r < SL_CMC_RANKS; r++) {
        found += at[r];
        cmc[r] = queries ? 100 * (double)found / (double)queries : 0;
    }
}
