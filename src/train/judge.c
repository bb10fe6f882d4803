#include "train/judge.h"

#include <math.h>
#include <string.h>

static sl_status keep_units(const float *embeddings, size_t count, int dim, float *out, sl_error *err)
{
    for (size_t i = 0; i < count; i++, embeddings += dim, out += dim) {
        double sum = 0;
        for (int d = 0; d < dim; d++)
            sum += (double)embeddings[d] * embeddings[d];
        if (!isfinite(sum) || !(sum > 0))
            return sl_fail(err, SL_ERR_NUMERIC, "the embedding of a picture is no direction");
        for (int d = 0; d < dim; d++)
            out[d] = (float)(embeddings[d] / sqrt(sum));
    }
    return SL_OK;
}

sl_status sl_embed_pictures(const sl_lesson *lesson, const sl_source *source, size_t n, bool covered,
                            sl_plan *plan, int dim, sl_ticker *ticker, float *out, sl_error *err)
{
    sl_shape shape;
    float *in = sl_plan_input(plan, 0, &shape);
    const size_t batch = (size_t)shape.dim[0];
    for (size_t from = 0; from < n; from += batch) {
        const size_t count = n - from < batch ? n - from : batch;
        SL_TRY(sl_lesson_pictures(lesson, source, from, (int)count, covered, in, err));
        SL_TRY(sl_plan_run(plan, err));
        SL_TRY(keep_units(sl_plan_output(plan, 0, NULL), count, dim, out + from * (size_t)dim, err));
        if (ticker)
            SL_TRY(sl_tick(ticker, from + count, err));
    }
    return SL_OK;
}

static size_t nearest_other(const float *query, size_t own, const float *gallery, size_t n, int dim)
{
    size_t best = SIZE_MAX;
    double most = -INFINITY;
    for (size_t j = 0; j < n; j++) {
        double dot = 0;
        for (int d = 0; d < dim; d++)
            dot += (double)query[d] * gallery[j * (size_t)dim + (size_t)d];
        if (j != own && dot > most) {
            most = dot;
            best = j;
        }
    }
    return best;
}

double sl_judge_precision(const sl_lesson *lesson, const float *queries, const float *gallery, int dim)
{
    size_t right = 0;
    const size_t n = sl_lesson_judged(lesson);
    for (size_t i = 0; i < n; i++) {
        const size_t j = nearest_other(queries + i * (size_t)dim, i, gallery, n, dim);
        right += j != SIZE_MAX && sl_source_person(lesson->judged, i) == sl_source_person(lesson->judged, j);
    }
    return n ? (double)right / (double)n : NAN;
}
