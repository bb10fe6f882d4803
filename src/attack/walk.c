#include "attack/walk.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

double sl_walk_length(const sl_walk *w)
{
    double sum = 0;
    for (size_t i = 0; i < w->samples; i++) {
        const double d = (double)w->now.value[i] - (double)w->photo.value[i];
        sum += d * d;
    }
    return sqrt(sum / (double)w->movable);
}

static float clamp(double v, double low, double high)
{
    return (float)(v < low ? low : v > high ? high : v);
}

/* Back into the bound around the photo, and to what samples can be. The second cut brings each sample nearer to the
 * photo's, so that it does not leave the bound. */
static void project(sl_walk *w)
{
    const double eps = w->a->options.eps;
    const bool each = w->a->options.norm == SL_ATTACK_LINF;
    const double length = each ? 0 : sl_walk_length(w), scale = length > eps ? eps / length : 1;
    for (size_t i = 0; i < w->samples; i++) {
        const double at = w->photo.value[i];
        double d = ((double)w->now.value[i] - at) * scale;
        if (each)
            d = (double)clamp(d, -eps, eps);
        w->now.value[i] = clamp(at + d, 0, 255);
    }
}

static void begin(sl_walk *w)
{
    const sl_attack_options *o = &w->a->options;
    sl_rng rng = sl_rng_seed(w->seed);
    for (size_t i = 0; i < w->samples; i++)
        if (w->may[i] && o->start > 0)
            w->now.value[i] += (float)sl_rng_range(&rng, -o->start, o->start);
    project(w);
}

/* slope: of the sum of cosines by every sample that may change, with the attack's sign. */
static sl_status find_slope(sl_walk *w, sl_error *err)
{
    double cosine, sum = 0;
    memset(w->slope.value, 0, w->samples * sizeof *w->slope.value);
    for (size_t i = 0; i < w->a->count; i++)
        SL_TRY(sl_surrogate_cosine(&w->a->networks[i], &w->now, &w->slope, &cosine, err));
    for (size_t i = 0; i < w->samples; i++) {
        w->slope.value[i] = w->may[i] ? (float)(w->sign * (double)w->slope.value[i]) : 0;
        sum += fabs((double)w->slope.value[i]);
    }
    if (!(isfinite(sum) && sum > 0))
        return sl_fail(err, SL_ERR_NUMERIC, "the slope of the cosine is %s here: the attack has nowhere to go",
                       sum == 0 ? "0" : "no number");
    if (w->a->options.method == SL_ATTACK_MOMENTUM)
        for (size_t i = 0; i < w->samples; i++)
            w->along[i] = (float)(w->a->options.momentum * (double)w->along[i] + (double)w->slope.value[i] / sum);
    return SL_OK;
}

static void take_step(sl_walk *w, double length)
{
    const float *g = w->a->options.method == SL_ATTACK_MOMENTUM ? w->along : w->slope.value;
    if (w->a->options.norm == SL_ATTACK_LINF) {
        for (size_t i = 0; i < w->samples; i++)
            w->now.value[i] += (float)(g[i] > 0 ? length : g[i] < 0 ? -length : 0);
    } else {
        double sum = 0;
        for (size_t i = 0; i < w->samples; i++)
            sum += (double)g[i] * (double)g[i];
        const double scale = sum > 0 ? length * sqrt((double)w->movable / sum) : 0;
        for (size_t i = 0; i < w->samples; i++)
            w->now.value[i] += (float)(scale * (double)g[i]);
    }
    project(w);
}

static double step_length(const sl_attack_options *o)
{
    if (o->step > 0)
        return o->step;
    return o->method == SL_ATTACK_FGSM ? o->eps : (o->method == SL_ATTACK_ITERATED ? 2.5 : 1) * o->eps / o->steps;
}

/* Whole levels within the bound: what rounding adds to the length is taken back by a smaller change. */
static void round_change(sl_walk *w)
{
    const sl_attack_options *o = &w->a->options;
    const bool each = o->norm == SL_ATTACK_LINF;
    const double most = each ? floor(o->eps) : 255;
    memcpy(w->slope.value, w->now.value, w->samples * sizeof *w->now.value); /* the slope is needed no more */
    for (double scale = 1;; scale *= .98) {
        for (size_t i = 0; i < w->samples; i++) {
            const double at = w->photo.value[i], d = ((double)w->slope.value[i] - at) * scale;
            w->now.value[i] = clamp(at + rint((double)clamp(d, -most, most)), 0, 255);
        }
        if (each || sl_walk_length(w) <= o->eps)
            return;
    }
}

sl_status sl_walk_run(sl_walk *w, sl_error *err)
{
    const sl_attack_options *o = &w->a->options;
    const int steps = o->method == SL_ATTACK_FGSM ? 1 : o->steps;
    begin(w);
    for (int i = 0; i < steps; i++) {
        SL_TRY(find_slope(w, err));
        take_step(w, step_length(o));
    }
    round_change(w);
    return SL_OK;
}
