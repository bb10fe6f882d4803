#include "train/judge.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include <string.h>

sl_status sl_unit_embeddings(const float *embeddings, size_t count, int dim, float *out, sl_error *err)
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
        SL_TRY(sl_unit_embeddings(sl_plan_output(plan, 0, NULL), count, dim, out + from * (size_t)dim, err));
        if (ticker)
            SL_TRY(sl_tick(ticker, from + count, err));
    }
    return SL_OK;
}

/* Of a picture's two nearest the one that is not itself. */
static size_t other_of(const uint32_t nearest[2], size_t own) { return nearest[0] == own ? nearest[1] : nearest[0]; }

static double part_right(const sl_source *source, const uint32_t *nearest, size_t n)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++)
        right += sl_source_person(source, i) == sl_source_person(source, other_of(nearest + 2 * i, i));
    return (double)right / (double)n;
}

sl_status sl_judge_precision(const sl_source *source, const sl_vectors *queries, const sl_vectors *gallery, int threads,
                             double *out, sl_error *err)
{
    const size_t n = queries->count;
    uint32_t *nearest = sl_realloc_array(NULL, 2 * n, sizeof *nearest);
    float *cosines = sl_realloc_array(NULL, 2 * n, sizeof *cosines);
    sl_status status = nearest && cosines ? sl_cosine_top(gallery, queries, 2, threads, nearest, cosines, err)
                                          : sl_no_memory(err, "for judging");
    if (status == SL_OK)
        *out = part_right(source, nearest, n);
    free(nearest);
    free(cosines);
    return status;
}

/* ---- pairs ---- */

typedef struct {
    float score;
    bool same;
} scored;

static int by_score_down(const void *a, const void *b)
{
    const float x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x < y) - (x > y);
}

/* Right where the first i are taken for one person each: the same among them, and the others among the rest. A
 * threshold cannot part equal scores. */
static double best_part(const scored *s, size_t n)
{
    size_t right = 0, best;
    for (size_t i = 0; i < n; i++)
        right += !s[i].same;
    best = right;
    for (size_t i = 0; i < n; i++) {
        right += s[i].same ? 1 : (size_t)-1;
        if ((i + 1 == n || s[i + 1].score < s[i].score) && right > best)
            best = right;
    }
    return (double)best / (double)n;
}

sl_status sl_judge_pairs(const float *scores, const bool *same, size_t n, double *out, sl_error *err)
{
    scored *s = sl_realloc_array(NULL, n, sizeof *s);
    if (!s)
        return sl_no_memory(err, "for judging");
    for (size_t i = 0; i < n; i++)
        s[i] = (scored){scores[i], same[i]};
    qsort(s, n, sizeof *s, by_score_down);
    *out = best_part(s, n);
    free(s);
    return SL_OK;
}
