/* How a tensor's numbers lie, gathered in two walks over the same samples, and the range that follows: that whose
 * rounding and clipping together have the least squared error, clipping weighed more: it falls on few samples, and
 * hard. */
#ifndef SL_NET_RANGE_STATISTICS_H
#define SL_NET_RANGE_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "net/plan/ranges.h"

enum { SL_RANGE_BINS = 2048 };

/* Begins as all 0. */
typedef struct {
    float most;                   /* largest |x|; not finite where a number is not */
    bool has_sign;
    uint32_t bins[SL_RANGE_BINS]; /* of |x| up to `most` */
} sl_range_statistics;

/* The first walk, then the second: x [count]. */
void sl_range_see_extremes(sl_range_statistics *s, const float *x, size_t count);
void sl_range_see_bins(sl_range_statistics *s, const float *x, size_t count);

/* Scale and sign; the tensor's name stays. */
void sl_range_choose(const sl_range_statistics *s, sl_range *range);

#endif
