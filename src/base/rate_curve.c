/* Thresholds of sorted scores, and between the rates that were measured. */
#include "base/rate_curve.h"

#include <math.h>

enum { PER_DECADE = 16 };

double sl_threshold_at(const float *sorted, size_t count, double rate)
{
    double allowed = rate * (double)count * (1 + 1e-12);
    if (!(allowed >= SL_LEAST_EVENTS) || count == 0)
        return NAN;
    size_t n = (size_t)allowed;
    if (n >= count)
        return (double)sorted[count - 1];
    /* the n-th largest may pass; with ties across the border none of the tied may */
    while (n > 0 && sorted[n - 1] == sorted[n])
        n--;
    /* the next float up: a threshold is compared with floats */
    return n ? (double)sorted[n - 1] : (double)nextafterf(sorted[0], INFINITY);
}

void sl_rate_curve_of(const float *sorted, size_t count, sl_rate_curve *out)
{
    out->count = 0;
    for (int i = 0; out->count < SL_RATE_POINTS; i++) {
        double rate = pow(10, -(double)i / PER_DECADE), t = sl_threshold_at(sorted, count, rate);
        if (isnan(t))
            return;
        out->rate[out->count] = rate;
        out->threshold[out->count++] = t;
    }
}

double sl_rate_curve_at(const sl_rate_curve *c, double rate)
{
    uint32_t i = 0;
    while (i < c->count && c->rate[i] > rate * (1 + 1e-9))
        i++; /* the first measured rate that is not above */
    if (i == c->count)
        return NAN;
    if (i == 0 || c->rate[i] >= rate * (1 - 1e-9))
        return c->threshold[i];
    double part = log(rate / c->rate[i - 1]) / log(c->rate[i] / c->rate[i - 1]);
    return c->threshold[i - 1] + part * (c->threshold[i] - c->threshold[i - 1]);
}

double sl_rate_curve_beyond(const sl_rate_curve *c, double rate, int *beyond)
{
    double t = sl_rate_curve_at(c, rate);
    *beyond = 0;
    if (!isnan(t) || c->count == 0)
        return t;
    double last = c->rate[c->count - 1], top = c->threshold[c->count - 1];
    double decade = last * 10 > c->rate[0] * (1 + 1e-9) ? NAN : top - sl_rate_curve_at(c, last * 10);
    if (rate < last / 100 * (1 - 1e-9))
        return NAN;
    *beyond = 1;
    return top + decade * log10(last / rate);
}
