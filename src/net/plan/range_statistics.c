#include "net/plan/range_statistics.h"

#include <math.h>

enum { STEPS = 100, CLIPPED = 300 };

void sl_range_see_extremes(sl_range_statistics *s, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(x[i]) <= s->most)) /* NaN stays */
            s->most = fabsf(x[i]);
        s->has_sign |= x[i] < 0;
    }
}

void sl_range_see_bins(sl_range_statistics *s, const float *x, size_t count)
{
    float scale = s->most > 0 ? SL_RANGE_BINS / s->most : 0;
    for (size_t i = 0; i < count; i++) {
        size_t bin = (size_t)(fabsf(x[i]) * scale);
        s->bins[bin < SL_RANGE_BINS ? bin : SL_RANGE_BINS - 1]++;
    }
}

/* Squared error of |x| clipped at bin `last` and rounded to `levels`, in units of bins. */
static double squared_error(const sl_range_statistics *s, int last, int levels)
{
    double step = (double)last / levels, rounding = step * step / 12, error = 0;
    for (int i = 1; i < SL_RANGE_BINS; i++) { /* bin 0 is nearly all 0, which is exact */
        double over = (double)i + .5 - (double)last;
        error += s->bins[i] * (over > 0 ? CLIPPED * over * over : rounding);
    }
    return error;
}

void sl_range_choose(const sl_range_statistics *s, sl_range *range)
{
    int levels = s->has_sign ? 127 : 255, best = SL_RANGE_BINS;
    double least = INFINITY;
    for (int k = STEPS / 10; k <= STEPS; k++) {
        int last = SL_RANGE_BINS * k / STEPS;
        double error = squared_error(s, last, levels);
        if (error <= least) {
            least = error;
            best = last;
        }
    }
    range->has_sign = s->has_sign;
    range->scale = s->most > 0 ? s->most * (float)best / SL_RANGE_BINS / (float)levels : 1;
}
