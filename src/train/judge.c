#include "train/judge.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
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

/* Of a picture's two nearest the one that is not itself. */
static size_t other_of(const uint32_t nearest[2], size_t own) { return nearest[0] == own ? nearest[1] : nearest[0]; }

static double part_right(const sl_lesson *lesson, const uint32_t *nearest, size_t n)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++)
        right += sl_source_person(lesson->judged, i) == sl_source_person(lesson->judged, other_of(nearest + 2 * i, i));
    return (double)right / (double)n;
}

sl_status sl_judge_precision(const sl_lesson *lesson, const float *queries, const float *gallery, int dim, double *out,
                             sl_error *err)
{
    const size_t n = sl_lesson_judged(lesson);
    const sl_vectors asking = {queries, n, dim}, bank = {gallery, n, dim};
    uint32_t *nearest = sl_realloc_array(NULL, 2 * n, sizeof *nearest);
    float *cosines = sl_realloc_array(NULL, 2 * n, sizeof *cosines);
    sl_status status = nearest && cosines ? sl_cosine_top(&bank, &asking, 2, lesson->threads, nearest, cosines, err)
                                          : sl_no_memory(err, "for judging");
    if (status == SL_OK)
        *out = part_right(lesson, nearest, n);
    free(nearest);
    free(cosines);
    return status;
}
