/* Insertion and deletion: whether what an explanation calls important carries the score, over many pairs. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "eval/protocol.h"
#include "eval/retrieval.h"
#include "eval/told.h"

enum { PAIRS = 200, ORDERS = 4, BLOCK = 16, COLUMNS = 4 /* of a kind in the bootstrap */ };

typedef struct {
    const sl_explain_options *options;
    sl_match_options match; /* the look's own score */
    sl_protocol protocol;
    uint32_t *query, *face; /* [pairs] */
    size_t pairs;
    int threads, cells, orders, kinds;
    sl_told kind[SL_TOLD_KINDS];
    sl_heats *heats;       /* [threads] */
    float *hidden, *shown; /* [pairs, kinds, cells + 1] */
} explaining;

/* ---- which pairs ---- */

/* A photo of the query's person that is not its own, by chance. */
static uint32_t partner(const sl_protocol *p, uint32_t query, sl_rng *rng)
{
    uint64_t left = sl_rng_below(rng, p->relevant[query]);
    for (size_t i = 0; i < p->face_count; i++) {
        const uint32_t face = p->faces[i];
        if (p->labels[face] == p->person[query] && face != p->own_photo[query] && left-- == 0)
            return face;
    }
    return UINT32_MAX;
}

static sl_status draw_pairs(explaining *e, sl_error *err)
{
    const sl_protocol *p = &e->protocol;
    const size_t wanted = e->options->pairs ? e->options->pairs : PAIRS;
    if (!p->asked_count)
        return sl_fail(err, SL_ERR_ARGUMENT, "no query has another photo of its person in the gallery");
    e->pairs = p->asked_count < wanted ? p->asked_count : wanted;
    e->query = sl_calloc_aligned(2 * p->asked_count, sizeof *e->query);
    if (!e->query)
        return sl_no_memory(err, "for pairs of faces");
    e->face = e->query + p->asked_count;
    memcpy(e->query, p->asked, p->asked_count * sizeof *e->query);
    sl_rng rng = sl_rng_seed(e->options->seed);
    for (size_t i = 0; i < e->pairs; i++) { /* the first of a shuffle */
        const size_t j = i + (size_t)sl_rng_below(&rng, p->asked_count - i);
        const uint32_t kept = e->query[i];
        e->query[i] = e->query[j];
        e->query[j] = kept;
        e->face[i] = partner(p, e->query[i], &rng);
    }
    return SL_OK;
}

/* ---- one pair ---- */

/* Rows of the curves of pair i, kind k. */
static float *row_of(const explaining *e, float *curves, size_t i, int k)
{
    return curves + (i * (size_t)e->kinds + (size_t)k) * (size_t)(e->cells + 1);
}

static sl_status follow_importance(const explaining *e, const sl_parts *parts, size_t i, int k, int worker,
                                   sl_error *err)
{
    float importance[SL_MATCH_MAX_PATCHES];
    int order[SL_MATCH_MAX_PATCHES];
    SL_TRY(sl_told_importance(e->kind[k], parts, &e->heats[worker], importance, err));
    sl_order_by(importance, e->cells, order);
    SL_TRY(sl_parts_curve(parts, order, false, row_of(e, e->hidden, i, k), err));
    return sl_parts_curve(parts, order, true, row_of(e, e->shown, i, k), err);
}

/* The mean over random orders; what is hidden in one order is shown in its reverse. */
static sl_status follow_chance(const explaining *e, const sl_parts *parts, size_t i, int k, sl_error *err)
{
    int order[SL_MATCH_MAX_PATCHES];
    float scores[SL_MATCH_MAX_PATCHES + 1], *hidden = row_of(e, e->hidden, i, k), *shown = row_of(e, e->shown, i, k);
    sl_rng rng = sl_rng_seed(e->options->seed + 1 + i);
    for (int o = 0; o < e->orders; o++) {
        sl_order_by_chance(&rng, e->cells, order);
        SL_TRY(sl_parts_curve(parts, order, false, scores, err));
        for (int c = 0; c <= e->cells; c++) {
            hidden[c] += scores[c] / (float)e->orders;
            shown[e->cells - c] += scores[c] / (float)e->orders;
        }
    }
    return SL_OK;
}

static sl_status measure(const explaining *e, const sl_template *query, const sl_template *other, size_t i,
                         int worker, sl_error *err)
{
    sl_parts parts;
    sl_status status = sl_parts_open(query, other, &e->match, &parts, err);
    if (status == SL_OK && parts.patches != e->cells)
        status = sl_fail(err, SL_ERR_ARGUMENT,
                         "of this look nothing can be told by cell: it needs what is known of the "
                         "model's cells");
    if (status == SL_OK)
        status = sl_heats_pair(&e->heats[worker], query, other, err);
    for (int k = 0; status == SL_OK && k < e->kinds; k++)
        status = e->kind[k] == SL_TOLD_RANDOM ? follow_chance(e, &parts, i, k, err)
                                              : follow_importance(e, &parts, i, k, worker, err);
    sl_parts_close(&parts);
    return status;
}

typedef struct {
    const explaining *e;
    size_t from;
} block;

static sl_status explain_pair(void *context, size_t item, int worker, sl_error *err)
{
    const block *b = context;
    const explaining *e = b->e;
    const size_t i = b->from + item;
    sl_template *query, *other = NULL;
    SL_TRY(sl_gallery_template(e->protocol.queries, e->query[i], &query, err));
    sl_status status = sl_gallery_template(e->protocol.gallery, e->face[i], &other, err);
    if (status == SL_OK)
        status = measure(e, query, other, i, worker, err);
    sl_template_free(query);
    sl_template_free(other);
    return status == SL_OK ? SL_OK
                           : sl_fail_in(err, status, "%s", sl_gallery_image(e->protocol.queries, e->query[i]));
}

static sl_status explain_all(const explaining *e, sl_error *err)
{
    for (block b = {.e = e}; b.from < e->pairs; b.from += BLOCK) {
        const size_t left = e->pairs - b.from;
        if (e->options->progress && e->options->progress(e->options->context, b.from, e->pairs))
            return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu pairs", b.from);
        SL_TRY(sl_parallel_try(e->threads, left < BLOCK ? left : BLOCK, explain_pair, &b, err));
    }
    return SL_OK;
}

/* ---- what came of them ---- */

static void mean_curve(const explaining *e, float *curves, int k, double *out)
{
    for (size_t i = 0; i < e->pairs; i++)
        for (int c = 0; c <= e->cells; c++)
            out[c] += (double)row_of(e, curves, i, k)[c] / (double)e->pairs;
}

/* Areas and their gains on chance, which is the last kind: areas [pairs, kinds, COLUMNS]. */
static void areas_of_pair(const explaining *e, size_t i, float *areas)
{
    const int chance = e->kinds - 1;
    const double hidden = sl_curve_area(row_of(e, e->hidden, i, chance), e->cells),
                 shown = sl_curve_area(row_of(e, e->shown, i, chance), e->cells);
    for (int k = 0; k < e->kinds; k++, areas += COLUMNS) {
        const double a = sl_curve_area(row_of(e, e->hidden, i, k), e->cells),
                     b = sl_curve_area(row_of(e, e->shown, i, k), e->cells);
        areas[0] = (float)a;
        areas[1] = (float)b;
        areas[2] = (float)(hidden - a);
        areas[3] = (float)(b - shown);
    }
}

/* The bootstrap tells percent. */
static sl_interval in_scores(const sl_interval *percent)
{
    return (sl_interval){percent->mean / 100, percent->low / 100, percent->high / 100};
}

static sl_status sum_up(const explaining *e, sl_explained *out, sl_error *err)
{
    const size_t width = (size_t)(e->kinds * COLUMNS), points = (size_t)e->cells + 1;
    float *areas = sl_calloc_aligned(e->pairs * width, sizeof *areas);
    sl_interval rates[SL_TOLD_KINDS * COLUMNS];
    sl_status status = areas ? SL_OK : sl_no_memory(err, "for areas under curves");
    for (size_t i = 0; status == SL_OK && i < e->pairs; i++)
        areas_of_pair(e, i, areas + i * width);
    if (status == SL_OK)
        status = sl_bootstrap(areas, e->pairs, width, e->options->seed, e->threads, rates, err);
    free(areas);
    SL_TRY(status);
    *out = (sl_explained){.pairs = e->pairs, .cells = e->cells, .count = e->kinds};
    for (int k = 0; k < e->kinds; k++) {
        sl_told_rates *r = &out->of[k];
        const sl_interval *own = rates + k * COLUMNS;
        *r = (sl_told_rates){.kind = e->kind[k],
                             .deletion = in_scores(&own[0]),
                             .insertion = in_scores(&own[1]),
                             .deletion_gain = in_scores(&own[2]),
                             .insertion_gain = in_scores(&own[3]),
                             .hidden = sl_calloc_aligned(points, sizeof(double)),
                             .shown = sl_calloc_aligned(points, sizeof(double))};
        if (!r->hidden || !r->shown)
            return sl_no_memory(err, "for mean curves");
        mean_curve(e, e->hidden, k, r->hidden);
        mean_curve(e, e->shown, k, r->shown);
    }
    return SL_OK;
}

/* ---- the whole ---- */

static sl_status open_threads(explaining *e, sl_error *err)
{
    const sl_template_shape *shape = sl_gallery_shape(e->protocol.gallery);
    e->heats = sl_calloc_aligned((size_t)e->threads, sizeof *e->heats);
    if (!e->heats)
        return sl_no_memory(err, "for threads");
    for (int i = 0; i < e->threads; i++)
        SL_TRY(sl_heats_open(&e->match, shape, true, &e->heats[i], err));
    const bool pooled = sl_look_moves_patches(e->match.rerank) && e->match.grid_rows;
    e->cells = pooled ? e->match.grid_rows * e->match.grid_cols : shape->rows * shape->cols;
    e->kinds = sl_told_of(&e->match, &e->heats[0].inside, e->kind);
    return SL_OK;
}

static sl_status run(explaining *e, const sl_gallery *gallery, const sl_gallery *queries, sl_explained *out,
                     sl_error *err)
{
    const sl_explain_options *o = e->options;
    const sl_eval_options who = {.exclude_same_photo = 1, .same_photo = o->same_photo, .people = o->people};
    SL_TRY(sl_protocol_make(gallery, queries, &who, &e->protocol, err));
    SL_TRY(draw_pairs(e, err));
    SL_TRY(open_threads(e, err));
    const size_t numbers = e->pairs * (size_t)e->kinds * (size_t)(e->cells + 1);
    e->hidden = sl_calloc_aligned(2 * numbers, sizeof *e->hidden);
    if (!e->hidden)
        return sl_no_memory(err, "for curves");
    e->shown = e->hidden + numbers;
    SL_TRY(explain_all(e, err));
    return sum_up(e, out, err);
}

sl_status sl_eval_explain(const sl_gallery *gallery, const sl_gallery *queries, const sl_explain_options *options,
                          sl_explained *out, sl_error *err)
{
    explaining e = {.options = options, .match = options->match};
    *out = (sl_explained){0};
    e.threads = options->match.threads > 0 ? options->match.threads : sl_cpu_count();
    e.orders = options->random_orders > 0 ? options->random_orders : ORDERS;
    e.match.threads = 1;
    e.match.alpha = 1;
    sl_status status = run(&e, gallery, queries, out, err);
    for (int i = 0; e.heats && i < e.threads; i++)
        sl_heats_close(&e.heats[i]);
    free(e.heats);
    free(e.hidden);
    free(e.query);
    sl_protocol_free(&e.protocol);
    if (status != SL_OK)
        sl_explained_free(out);
    return status;
}

void sl_explained_free(sl_explained *explained)
{
    for (int k = 0; k < explained->count; k++) {
        free(explained->of[k].hidden);
        free(explained->of[k].shown);
    }
    *explained = (sl_explained){0};
}
