/* Thresholds and the rates that reach them. */
#ifndef SL_BASE_RATE_CURVE_H
#define SL_BASE_RATE_CURVE_H

#include <stddef.h>
#include <stdint.h>

enum { SL_RATE_POINTS = 256, SL_LEAST_EVENTS = 10 };

/* Thresholds over falling rates: `rate` of the scores reach `threshold`. */
typedef struct {
    uint32_t count;
    double rate[SL_RATE_POINTS];      /* in (0, 1], falling */
    double threshold[SL_RATE_POINTS]; /* never falling */
} sl_rate_curve;

/* The threshold that `rate` of the scores reach: between measured rates linear in log(rate). NaN beyond the
 * smallest measured rate; above the largest its threshold. */
double sl_rate_curve_at(const sl_rate_curve *curve, double rate);

/* The same beyond the smallest measured rate too, by at most two decades: on the straight line (over log(rate)) through
 * the curve's last decade. Scores of strangers fall off faster than that, so it errs to the strict side. NaN still
 * further, and where the curve has no decade. *beyond: 1 where it was carried on. */
double sl_rate_curve_beyond(const sl_rate_curve *curve, double rate, int *beyond);

/* The curve of `count` scores, sorted from the largest down: 16 rates a decade from 1 down to SL_LEAST_EVENTS /
 * count. */
void sl_rate_curve_of(const float *sorted, size_t count, sl_rate_curve *out);

/* The smallest threshold that at most `rate` of `count` scores, sorted from the largest down, reach; NaN when
 * rate * count is less than SL_LEAST_EVENTS: such a rate cannot be measured. */
double sl_threshold_at(const float *sorted, size_t count, double rate);

#endif
