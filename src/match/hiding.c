/* What is left of a pair's score when cells of the query are hidden one after the other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "match/attribution.h"

/* ---- scores with cells hidden ---- */

static double cosine(const double *a, const double *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* sum [D] of base and the cells x [map, D] as far as they are kept and weigh. */
static void sum_kept(const sl_parts *p, const float *x, const double *base, const float *kept,
                     const float *weights, double *sum)
{
    const size_t dim = (size_t)p->query->shape.dim;
    for (size_t d = 0; d < dim; d++)
        sum[d] = base ? base[d] : 0;
    for (int c = 0; c < p->map; c++) {
        const double w = (double)kept[c] * (weights ? (double)weights[c] : 1);
        for (size_t d = 0; w != 0 && d < dim; d++)
            sum[d] += w * (double)x[(size_t)c * dim + d];
    }
}

/* keep [R] of the grid's cells -> kept [map], from 0 to 1. */
static void keep_of_map(const sl_parts *p, const uint8_t *keep, float *kept)
{
    float share[SL_MATCH_MAX_PATCHES];
    memset(kept, 0, (size_t)p->map * sizeof *kept);
    for (int m = 0; m < p->patches; m++) {
        sl_parts_members(p, m, share);
        for (int c = 0; keep[m] && c < p->map; c++)
            kept[c] += share[c];
    }
}

/* Stage 1 of a query in which an average face shows where it is hidden. sums [2 D] scratch. */
static double stage1_kept(const sl_parts *p, const float *kept, double *sums)
{
    const size_t dim = (size_t)p->query->shape.dim;
    float all[SL_MATCH_MAX_PATCHES];
    for (int c = 0; c < p->map; c++)
        all[c] = 1;
    sum_kept(p, p->x_other, p->base, all, NULL, sums + dim);
    sum_kept(p, p->x_query, p->base, all, NULL, sums);
    const double whole = cosine(sums, sums + dim, dim);
    sum_kept(p, p->x_query, p->base, kept, NULL, sums);
    return (double)p->score.stage1 + cosine(sums, sums + dim, dim) - whole; /* what storing rounds off stays */
}

static double stage2_kept(const sl_parts *p, const float *kept, double *sums)
{
    const size_t dim = (size_t)p->query->shape.dim;
    sum_kept(p, p->x_query, NULL, kept, p->trust, sums);
    sum_kept(p, p->x_other, NULL, kept, p->trust, sums + dim);
    return cosine(sums, sums + dim, dim);
}

sl_status sl_parts_scores(const sl_parts *p, const uint8_t *keep, size_t n, float *scores, sl_error *err)
{
    const double alpha = sl_looks_again(&p->options) ? (double)p->options.alpha : 0;
    const sl_patch_source other = sl_patch_source_of(p->other);
    float kept[SL_MATCH_MAX_PATCHES];
    memset(scores, 0, n * sizeof *scores);
    if (p->look)
        SL_TRY(sl_second_look_hide(p->look, &other, keep, n, scores, err));
    double *sums = sl_calloc_aligned(2 * (size_t)p->query->shape.dim, sizeof *sums);
    if (!sums)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to hide cells");
    for (size_t i = 0; i < n; i++) {
        double stage1 = (double)p->score.stage1, stage2 = (double)scores[i];
        keep_of_map(p, keep + i * (size_t)p->patches, kept);
        if (p->x_query)
            stage1 = stage1_kept(p, kept, sums);
        if (p->trust)
            stage2 = stage2_kept(p, kept, sums);
        scores[i] = (float)(alpha * stage2 + (1 - alpha) * stage1);
    }
    free(sums);
    return SL_OK;
}

/* ---- curves ---- */

sl_status sl_parts_curve(const sl_parts *p, const int *order, bool shown, float *scores, sl_error *err)
{
    const size_t n = (size_t)p->patches;
    uint8_t *keep = sl_calloc_aligned((n + 1) * n, 1);
    if (!keep)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to hide cells");
    for (size_t i = 0; i <= n; i++)
        for (size_t at = 0; at < n; at++)
            keep[i * n + (size_t)order[at]] = (at < i) == shown;
    sl_status status = sl_parts_scores(p, keep, n + 1, scores, err);
    free(keep);
    return status;
}

double sl_curve_area(const float *scores, int cells)
{
    double sum = 0;
    for (int i = 0; i < cells; i++)
        sum += ((double)scores[i] + (double)scores[i + 1]) / 2;
    return sum / cells;
}

void sl_order_by(const float *importance, int n, int *order)
{
    for (int i = 0; i < n; i++) {
        int at = i;
        for (; at > 0 && importance[order[at - 1]] < importance[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

void sl_order_by_chance(sl_rng *rng, int n, int *order)
{
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        int j = (int)sl_rng_below(rng, (uint64_t)i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

static sl_status random_curves(const sl_parts *p, uint64_t seed, float *scores, sl_hiding *out, sl_error *err)
{
    int order[SL_MATCH_MAX_PATCHES];
    sl_rng rng = sl_rng_seed(seed);
    for (int k = 0; k < SL_RANDOM_ORDERS; k++) {
        sl_order_by_chance(&rng, p->patches, order);
        SL_TRY(sl_parts_curve(p, order, false, scores, err));
        out->random_areas[k] = sl_curve_area(scores, p->patches);
        out->random_area += out->random_areas[k] / SL_RANDOM_ORDERS;
        for (int i = 0; i <= p->patches; i++)
            out->random_hidden[i] += scores[i] / SL_RANDOM_ORDERS;
    }
    return SL_OK;
}

static sl_status draw_curves(const sl_parts *p, const float *importance, uint64_t seed, sl_hiding *out,
                             sl_error *err)
{
    const size_t n = (size_t)p->patches;
    int order[SL_MATCH_MAX_PATCHES];
    float *scores = sl_calloc_aligned(n + 1, sizeof *scores);
    out->cells = p->patches;
    out->hidden = sl_calloc_aligned(n + 1, sizeof(float));
    out->shown = sl_calloc_aligned(n + 1, sizeof(float));
    out->random_hidden = sl_calloc_aligned(n + 1, sizeof(float));
    sl_status status = scores && out->hidden && out->shown && out->random_hidden
                           ? SL_OK
                           : sl_fail(err, SL_ERR_MEMORY, "no memory to hide cells");
    sl_order_by(importance, p->patches, order);
    if (status == SL_OK)
        status = sl_parts_curve(p, order, false, out->hidden, err);
    if (status == SL_OK)
        status = sl_parts_curve(p, order, true, out->shown, err);
    if (status == SL_OK)
        status = random_curves(p, seed, scores, out, err);
    if (status == SL_OK) {
        out->hidden_area = sl_curve_area(out->hidden, p->patches);
        out->shown_area = sl_curve_area(out->shown, p->patches);
    }
    free(scores);
    return status;
}

sl_status sl_hide_cells(const sl_template *query, const sl_template *other, const sl_match_options *options,
                        const float *importance, uint64_t seed, sl_hiding *out, sl_error *err)
{
    sl_parts parts;
    *out = (sl_hiding){0};
    sl_status status = sl_parts_open(query, other, options, &parts, err);
    if (status == SL_OK && (!importance || !parts.patches))
        status = sl_fail(err, SL_ERR_ARGUMENT, "nothing can be told by cell: give the options the model's cells");
    for (int m = 0; status == SL_OK && m < parts.patches; m++)
        if (!isfinite(importance[m]))
            status = sl_fail(err, SL_ERR_NUMERIC, "the importance of cell %d is not a number", m);
    if (status == SL_OK)
        status = draw_curves(&parts, importance, seed, out, err);
    sl_parts_close(&parts);
    if (status != SL_OK)
        sl_hiding_free(out);
    return status;
}

void sl_hiding_free(sl_hiding *h)
{
    if (!h)
        return;
    free(h->hidden);
    free(h->shown);
    free(h->random_hidden);
    *h = (sl_hiding){0};
}
