/* The range of each tensor: the one whose rounding and clipping together have the least squared error, clipping weighed
 * more: it falls on few faces, and hard. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/int8/int8_make.h"

enum { BINS = 2048, STEPS = 100, CLIPPED = 300 };

typedef struct {
    float most;      /* largest |x| */
    bool has_sign;
    uint32_t bins[BINS]; /* of |x| up to `most` */
} statistics;

sl_status sl_int8_run(sl_int8_faces *f, sl_plan *plan, size_t first, size_t n, sl_error *err)
{
    const sl_recogniser *r = f->r;
    size_t picture = (size_t)r->channels_in * (size_t)r->width * (size_t)r->height;
    for (size_t i = 0; i < n; i++)
        SL_TRY(sl_recogniser_prepare(r, f->crops[first + i], sl_plan_input(plan, 0, NULL) + i * picture, err));
    SL_TRY(sl_plan_run(plan, err));
    f->done += n;
    if (f->progress && f->progress(f->context, f->done, f->total))
        return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted");
    return SL_OK;
}

/* The numbers of `n` faces in output 2 + j: outputs 0 and 1 are embedding and map. */
static const float *tensor_numbers(const sl_plan *plan, int j, size_t n, size_t *count)
{
    sl_shape shape;
    const float *x = sl_plan_output(plan, 2 + j, &shape);
    *count = (size_t)sl_shape_elements(&shape) / SL_INT8_BATCH * n;
    return x;
}

static void see_extremes(statistics *s, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(x[i]) <= s->most)) /* NaN stays */
            s->most = fabsf(x[i]);
        s->has_sign |= x[i] < 0;
    }
}

static void see_bins(statistics *s, const float *x, size_t count)
{
    float scale = s->most > 0 ? BINS / s->most : 0;
    for (size_t i = 0; i < count; i++) {
        size_t bin = (size_t)(fabsf(x[i]) * scale);
        s->bins[bin < BINS ? bin : BINS - 1]++;
    }
}

/* Squared error of |x| clipped at bin `last` and rounded to `levels`, in units of bins. */
static double squared_error(const statistics *s, int last, int levels)
{
    double step = (double)last / levels, rounding = step * step / 12, error = 0;
    for (int i = 1; i < BINS; i++) { /* bin 0 is nearly all 0, which is exact */
        double over = (double)i + .5 - (double)last;
        error += s->bins[i] * (over > 0 ? CLIPPED * over * over : rounding);
    }
    return error;
}

static void choose_range(const statistics *s, sl_range *range)
{
    int levels = s->has_sign ? 127 : 255, best = BINS;
    double least = INFINITY;
    for (int k = STEPS / 10; k <= STEPS; k++) {
        int last = BINS * k / STEPS;
        double error = squared_error(s, last, levels);
        if (error <= least) {
            least = error;
            best = last;
        }
    }
    range->has_sign = s->has_sign;
    range->scale = s->most > 0 ? s->most * (float)best / BINS / (float)levels : 1;
}

/* One walk over all faces: the first finds extremes and embeddings, the second fills the bins. */
static sl_status walk_faces(sl_int8_faces *f, sl_plan *plan, statistics *all, int count, bool first, sl_error *err)
{
    size_t dim = (size_t)f->r->dim;
    for (size_t at = 0; at < f->count; at += SL_INT8_BATCH) {
        size_t n = f->count - at < SL_INT8_BATCH ? f->count - at : SL_INT8_BATCH, elements;
        SL_TRY(sl_int8_run(f, plan, at, n, err));
        if (first)
            memcpy(f->embeddings + at * dim, sl_plan_output(plan, 0, NULL), n * dim * sizeof(float));
        for (int j = 0; j < count; j++) {
            const float *x = tensor_numbers(plan, j, n, &elements);
            if (first)
                see_extremes(&all[j], x, elements);
            else
                see_bins(&all[j], x, elements);
        }
    }
    return SL_OK;
}

static sl_status measure_ranges(sl_int8_faces *f, sl_plan *plan, statistics *all, sl_int8_candidate *c, int count,
                                sl_error *err)
{
    SL_TRY(walk_faces(f, plan, all, count, true, err));
    for (int j = 0; j < count; j++)
        if (!isfinite(all[j].most))
            return sl_fail(err, SL_ERR_NUMERIC, "model %s: tensor %.200s has numbers that are not finite",
                           f->r->network.manifest->name, c[j].range.tensor);
    SL_TRY(walk_faces(f, plan, all, count, false, err));
    for (int j = 0; j < count; j++)
        choose_range(&all[j], &c[j].range);
    return SL_OK;
}

sl_status sl_int8_measure(sl_int8_faces *f, sl_graph *g, sl_int8_candidate *c, int count, sl_error *err)
{
    sl_plan *plan;
    statistics *all = sl_calloc_aligned((size_t)count + 1, sizeof *all);
    if (!all)
        return sl_no_memory(err, "for the ranges of a network");
    sl_status status = SL_OK;
    for (int j = 0; status == SL_OK && j < count; j++)
        status = sl_graph_add_output(g, c[j].tensor, err);
    if (status == SL_OK)
        status = sl_plan_compile(g, f->threads, &plan, err);
    if (status == SL_OK) {
        status = measure_ranges(f, plan, all, c, count, err);
        sl_plan_free(plan);
    }
    free(all);
    return status;
}
