/* The range of each tensor, measured on all samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/int8/int8_choose.h"
#include "net/plan/range_statistics.h"

sl_status sl_int8_run(sl_int8_subject *s, sl_plan *plan, size_t first, size_t n, float *answers, sl_error *err)
{
    const size_t dim = (size_t)s->dim;
    SL_TRY(s->fill(s, plan, first, n, err));
    SL_TRY(sl_plan_run(plan, err));
    memcpy(answers + first * dim, sl_plan_output(plan, 0, NULL), n * dim * sizeof *answers);
    s->done += n;
    if (s->progress && s->progress(s->context, s->done, s->total))
        return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted");
    return SL_OK;
}

/* A walk over all samples. */
typedef struct {
    sl_plan *plan;
    sl_range_statistics *all; /* [count], of outputs own + j */
    int own, count;
    float *answers;
} walk;

typedef void (*see_fn)(sl_range_statistics *s, const float *x, size_t count);

static sl_status walk_samples(sl_int8_subject *s, const walk *w, see_fn see, sl_error *err)
{
    const size_t batch = (size_t)s->batch;
    for (size_t at = 0; at < s->count; at += batch) {
        const size_t n = s->count - at < batch ? s->count - at : batch;
        SL_TRY(sl_int8_run(s, w->plan, at, n, w->answers, err));
        for (int j = 0; j < w->count; j++) {
            sl_shape shape;
            const float *x = sl_plan_output(w->plan, w->own + j, &shape);
            see(&w->all[j], x, (size_t)sl_shape_elements(&shape) / batch * n);
        }
    }
    return SL_OK;
}

static sl_status measure_ranges(sl_int8_subject *s, const walk *w, sl_range *ranges, sl_error *err)
{
    SL_TRY(walk_samples(s, w, sl_range_see_extremes, err));
    for (int j = 0; j < w->count; j++)
        if (!isfinite(w->all[j].most))
            return sl_fail(err, SL_ERR_NUMERIC, "%s %s: tensor %.200s has numbers that are not finite", s->what,
                           s->name, ranges[j].tensor);
    SL_TRY(walk_samples(s, w, sl_range_see_bins, err));
    for (int j = 0; j < w->count; j++)
        sl_range_choose(&w->all[j], &ranges[j]);
    return SL_OK;
}

sl_status sl_int8_measure(sl_int8_subject *s, sl_graph *g, const sl_tensor *tensors, int count, sl_range *ranges,
                          float *wide, sl_error *err)
{
    walk w = {.own = g->n_outputs, .count = count, .answers = wide};
    w.all = sl_calloc_aligned((size_t)count + 1, sizeof *w.all);
    if (!w.all)
        return sl_no_memory(err, "for the ranges of a network");
    sl_status status = SL_OK;
    for (int j = 0; status == SL_OK && j < count; j++)
        status = sl_graph_add_output(g, tensors[j], err);
    if (status == SL_OK)
        status = sl_plan_compile(g, s->threads, &w.plan, err);
    if (status == SL_OK) {
        status = measure_ranges(s, &w, ranges, err);
        sl_plan_free(w.plan);
    }
    free(w.all);
    return status;
}
