/* A score taken apart by the cells of the query. */
#include "match/attribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/look.h"
#include "match/oae/oae.h"

/* ---- opening a pair ---- */

/* What is taken off y_p [D]: the mean over faces, or (NULL means) an equal share of the bias. */
static void take_off(const sl_oae *oae, float *y)
{
    const sl_head *h = &oae->head;
    const size_t dim = (size_t)h->dim;
    for (size_t p = 0; p < (size_t)h->cells; p++)
        for (size_t d = 0; d < dim; d++)
            y[p * dim + d] -= oae->stats.mu ? oae->stats.mu[p * dim + d] : h->bias[d] / (float)h->cells;
}

static void sum_base(const sl_oae *oae, double *base)
{
    const sl_head *h = &oae->head;
    const size_t dim = (size_t)h->dim;
    for (size_t p = 0; p < (size_t)h->cells; p++)
        for (size_t d = 0; d < dim; d++)
            base[d] += oae->stats.mu ? (double)oae->stats.mu[p * dim + d] : (double)h->bias[d] / h->cells;
}

static sl_status open_contributions(sl_parts *p, sl_error *err)
{
    const sl_oae *oae = p->options.oae;
    const size_t count = sl_contribution_count(&p->query->shape);
    SL_TRY(sl_oae_check(oae, &p->query->shape, false, "an attribution", err));
    p->x_query = sl_calloc_aligned(count, sizeof(float));
    p->x_other = sl_calloc_aligned(count, sizeof(float));
    p->base = sl_calloc_aligned((size_t)oae->head.dim, sizeof(double));
    if (!p->x_query || !p->x_other || !p->base)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for what the cells of two faces give");
    const sl_patch_source query = sl_patch_source_of(p->query), other = sl_patch_source_of(p->other);
    SL_TRY(sl_contributions(&oae->head, &query, 1, p->x_query, err));
    SL_TRY(sl_contributions(&oae->head, &other, 1, p->x_other, err));
    take_off(oae, p->x_query);
    take_off(oae, p->x_other);
    sum_base(oae, p->base);
    if (!sl_look_is_by_trust(p->options.rerank))
        return SL_OK;
    p->trust = sl_calloc_aligned((size_t)p->map, sizeof(float));
    return p->trust ? sl_trust_of_face(oae, &query, p->trust, err)
                    : sl_fail(err, SL_ERR_MEMORY, "no memory for a face's trust");
}

/* A look that hides cells itself, its query taken. */
static sl_status open_own_look(sl_parts *p, sl_error *err)
{
    const sl_patch_source query = sl_patch_source_of(p->query);
    SL_TRY(sl_second_look_open(&p->options, &p->query->shape, &p->look, err));
    return sl_second_look_query(p->look, &query, err);
}

static sl_status open_plan(sl_parts *p, sl_error *err)
{
    const sl_patch_source other = sl_patch_source_of(p->other);
    SL_TRY(open_own_look(p, err));
    sl_second_look_grid(p->look, &p->rows, &p->cols);
    p->patches = p->rows * p->cols;
    const size_t n = (size_t)p->patches;
    p->plan = sl_calloc_aligned(n * n, sizeof(float));
    p->similarities = sl_calloc_aligned(n * n, sizeof(float));
    p->query_weights = sl_calloc_aligned(n, sizeof(float));
    p->other_weights = sl_calloc_aligned(n, sizeof(float));
    if (!p->plan || !p->similarities || !p->query_weights || !p->other_weights)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a transport plan of %zu patches", n);
    p->told = true;
    return sl_second_look_plan(p->look, &other, p->plan, p->similarities, p->query_weights, p->other_weights, err);
}

sl_status sl_parts_open(const sl_template *query, const sl_template *other, const sl_match_options *options,
                        sl_parts *p, sl_error *err)
{
    *p = (sl_parts){.options = options ? *options : sl_match_defaults(), .query = query, .other = other};
    p->options.threads = 1;
    SL_TRY(sl_compare(query, other, &p->options, &p->score, err));
    sl_match_suit(&p->options, &query->shape);
    const sl_template_shape *shape = &query->shape;
    p->map_rows = shape->rows;
    p->map_cols = shape->cols;
    p->map = shape->rows * shape->cols;
    const bool learned = (sl_rerank_reads(p->options.rerank) & SL_READS_LEARNED) != 0;
    p->told = p->options.oae && shape->format != SL_PATCHES_NONE && other->shape.format != SL_PATCHES_NONE;
    if (p->told)
        SL_TRY(open_contributions(p, err));
    if (p->told || learned) {
        p->rows = shape->rows;
        p->cols = shape->cols;
        p->patches = p->map;
    }
    if (learned)
        return open_own_look(p, err);
    return sl_look_moves_patches(p->options.rerank) ? open_plan(p, err) : SL_OK;
}

void sl_parts_close(sl_parts *p)
{
    sl_second_look_close(p->look);
    free(p->x_query);
    free(p->x_other);
    free(p->base);
    free(p->trust);
    free(p->plan);
    free(p->similarities);
    free(p->query_weights);
    free(p->other_weights);
    *p = (sl_parts){0};
}

/* Cells first .. last of an axis that cell i of a coarser one pools. */
static void window(int i, int cells, int all, int *first, int *last)
{
    *first = i * all / cells;
    *last = ((i + 1) * all + cells - 1) / cells - 1;
}

/* In how many windows of its axis cell `at` lies. */
static int windows_with(int at, int cells, int all)
{
    int count = 0, first, last;
    for (int i = 0; i < cells; i++) {
        window(i, cells, all, &first, &last);
        count += at >= first && at <= last;
    }
    return count;
}

void sl_parts_members(const sl_parts *p, int m, float *share)
{
    int top, bottom, left, right;
    memset(share, 0, (size_t)p->map * sizeof *share);
    window(m / p->cols, p->rows, p->map_rows, &top, &bottom);
    window(m % p->cols, p->cols, p->map_cols, &left, &right);
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++)
            share[y * p->map_cols + x] =
                1 / (float)(windows_with(y, p->rows, p->map_rows) * windows_with(x, p->cols, p->map_cols));
}

/* ---- shares ---- */

static double product(const float *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * y[i];
    return sum;
}

static double length(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* Of a cosine: each cell's half on either side. sums: of the weighted x of either face, `weights` NULL: 1. Cells
 * that are not of the sums (base) are the rest. */
static void halves(const sl_parts *p, const float *weights, const double *query, const double *other,
                   double *by_map)
{
    const size_t dim = (size_t)p->query->shape.dim;
    const double both = length(query, dim) * length(other, dim);
    for (int c = 0; c < p->map; c++) {
        double w = weights ? (double)weights[c] : 1;
        double half =
            product(p->x_query + (size_t)c * dim, other, dim) + product(p->x_other + (size_t)c * dim, query, dim);
        by_map[c] = both > 0 ? w * half / (2 * both) : 0;
    }
}

/* out [D] = base (NULL: 0) + sum of weighted cells. */
static void weighted_sum(const sl_parts *p, const float *x, const float *weights, const double *base, double *out)
{
    const size_t dim = (size_t)p->query->shape.dim;
    for (size_t d = 0; d < dim; d++)
        out[d] = base ? base[d] : 0;
    for (int c = 0; c < p->map; c++)
        for (size_t d = 0; d < dim; d++)
            out[d] += (weights ? (double)weights[c] : 1) * (double)x[(size_t)c * dim + d];
}

/* From the map's cells to those of the grid that was compared. */
static void to_grid(const sl_parts *p, const double *by_map, float *out)
{
    float share[SL_MATCH_MAX_PATCHES];
    for (int m = 0; m < p->patches; m++) {
        double sum = 0;
        sl_parts_members(p, m, share);
        for (int c = 0; c < p->map; c++)
            sum += (double)share[c] * by_map[c];
        out[m] = (float)sum;
    }
}

static void unit(const double *x, int dim, float *out)
{
    const double size = length(x, (size_t)dim);
    for (int d = 0; d < dim; d++)
        out[d] = size > 0 ? (float)(x[d] / size) : 0;
}

/* vectors [2 D] scratch. */
static void share_stage1(const sl_parts *p, double *vectors, sl_attribution *out)
{
    double by_map[SL_MATCH_MAX_PATCHES], *query = vectors, *other = vectors + p->query->shape.dim;
    if (!p->x_query)
        return;
    weighted_sum(p, p->x_query, NULL, p->base, query);
    weighted_sum(p, p->x_other, NULL, p->base, other);
    halves(p, NULL, query, other, by_map);
    to_grid(p, by_map, out->stage1);
}

static void share_stage2(const sl_parts *p, double *vectors, sl_attribution *out)
{
    const int n = p->patches;
    if (p->trust) {
        double by_map[SL_MATCH_MAX_PATCHES], *query = vectors, *other = vectors + out->dim;
        weighted_sum(p, p->x_query, p->trust, NULL, query);
        weighted_sum(p, p->x_other, p->trust, NULL, other);
        halves(p, p->trust, query, other, by_map);
        to_grid(p, by_map, out->stage2);
        unit(query, out->dim, out->query_again);
        unit(other, out->dim, out->other_again);
    }
    for (int m = 0; p->plan && m < n; m++) {
        double sum = 0;
        for (int s = 0; s < n; s++)
            sum += (double)p->plan[s * n + m] * (double)p->similarities[s * n + m];
        out->stage2[m] = (float)sum;
    }
}

/* Weights as multiples of their mean. */
static void relative(const float *weights, int n, float *out)
{
    double sum = 0;
    for (int m = 0; weights && m < n; m++)
        sum += (double)weights[m];
    for (int m = 0; m < n; m++)
        out[m] = weights && sum > 0 ? (float)((double)weights[m] * n / sum) : !weights;
}

/* Shares and rests of the score from those of either look. */
static void mix(const sl_parts *p, sl_attribution *out)
{
    const bool again = sl_looks_again(&p->options);
    const double alpha = again ? (double)p->options.alpha : 0;
    double sum1 = 0, sum2 = 0;
    for (int m = 0; m < p->patches; m++) {
        out->shares[m] = (float)(alpha * (double)out->stage2[m] + (1 - alpha) * (double)out->stage1[m]);
        sum1 += (double)out->stage1[m];
        sum2 += (double)out->stage2[m];
    }
    out->rest1 = (float)((double)p->score.stage1 - sum1);
    out->rest2 = again ? (float)((double)p->score.stage2 - sum2) : 0;
    out->rest = (float)((double)p->score.score - alpha * sum2 - (1 - alpha) * sum1);
}

static sl_status allocate(const sl_parts *p, sl_attribution *out, sl_error *err)
{
    const size_t n = (size_t)p->patches + 1;
    float **const of_cells[] = {&out->stage1, &out->stage2, &out->shares, &out->query_weights,
                                &out->other_weights};
    bool fine = true;
    for (size_t i = 0; i < sizeof of_cells / sizeof *of_cells; i++)
        fine &= (*of_cells[i] = sl_calloc_aligned(n, sizeof(float))) != NULL;
    if (p->trust) {
        out->dim = p->query->shape.dim;
        fine &= (out->query_again = sl_calloc_aligned((size_t)out->dim, sizeof(float))) != NULL;
        fine &= (out->other_again = sl_calloc_aligned((size_t)out->dim, sizeof(float))) != NULL;
    }
    return fine ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory to take a score apart");
}

static sl_status take_apart(const sl_parts *p, sl_attribution *out, sl_error *err)
{
    *out = (sl_attribution){.rows = p->rows, .cols = p->cols, .score = p->score};
    double *vectors = sl_calloc_aligned(2 * (size_t)p->query->shape.dim, sizeof *vectors);
    sl_status status = allocate(p, out, err);
    if (status == SL_OK && !vectors)
        status = sl_fail(err, SL_ERR_MEMORY, "no memory to take a score apart");
    if (status == SL_OK) {
        share_stage1(p, vectors, out);
        share_stage2(p, vectors, out);
        mix(p, out);
        relative(p->trust ? p->trust : p->query_weights, p->patches, out->query_weights);
        relative(p->trust ? p->trust : p->other_weights, p->patches, out->other_weights);
    }
    free(vectors);
    return status;
}

sl_status sl_attribute(const sl_template *query, const sl_template *other, const sl_match_options *options,
                       sl_attribution *out, sl_error *err)
{
    sl_parts parts;
    *out = (sl_attribution){0};
    sl_status status = sl_parts_open(query, other, options, &parts, err);
    if (status == SL_OK && !parts.told) /* a look that was learned can hide cells, but not tell what they gave */
        parts.rows = parts.cols = parts.patches = 0;
    if (status == SL_OK)
        status = take_apart(&parts, out, err);
    sl_parts_close(&parts);
    if (status != SL_OK)
        sl_attribution_free(out);
    return status;
}

void sl_attribution_free(sl_attribution *a)
{
    if (!a)
        return;
    free(a->stage1);
    free(a->stage2);
    free(a->shares);
    free(a->query_weights);
    free(a->other_weights);
    free(a->query_again);
    free(a->other_again);
    *a = (sl_attribution){0};
}
