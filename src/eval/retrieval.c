#include "eval/retrieval.h"

#include <string.h>

#include "secondlook_eval.h"

sl_rates sl_rates_of(const uint8_t *hits, size_t count, size_t r)
{
    size_t found = 0;
    double precision_sum = 0;
    for (size_t i = 0; i < r && i < count; i++)
        if (hits[i]) {
            found++;
            precision_sum += (double)found / (double)(i + 1);
        }
    return (sl_rates){.p1 = count && hits[0], .rp = (double)found / (double)r, .mapr = precision_sum / (double)r};
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
