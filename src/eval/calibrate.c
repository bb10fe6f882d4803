/* What scores mean, measured: pairs of different people, and searches for people who are not there, each by how much of
 * the query is hidden. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "eval/openset.h"
#include "eval/protocol.h"
#include "eval/scorer.h"
#include "gallery/gallery.h"
#include "match/look.h"
#include "match/oae/oae.h"
#include "pipeline/rates.h"
#include "secondlook_eval.h"

enum {
    BATCH = 64,
    BLOCK = 256
}; /* faces that one query is compared with; batches between two calls of progress */

/* Scores that fell into one bin. */
typedef struct {
    float *scores;
    size_t count, room;
} heap;

static sl_status put(heap *h, float score, sl_error *err)
{
    if (h->count == h->room) {
        size_t room = h->room ? 2 * h->room : 4096;
        float *grown = sl_realloc_array(h->scores, room, sizeof *grown);
        if (!grown)
            return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu scores", room);
        h->scores = grown;
        h->room = room;
    }
    h->scores[h->count++] = score;
    return SL_OK;
}

static int largest_first(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x > y ? -1 : x < y;
}

/* Into a curve; the heaps are emptied. */
static void measure_bins(heap heaps[SL_OCCLUSION_BINS], sl_rates *rates, bool pairs)
{
    for (uint32_t b = 0; b < rates->bins; b++) {
        sl_rate_bin *bin = &rates->bin[b];
        heap *h = &heaps[b];
        if (h->count)
            qsort(h->scores, h->count, sizeof *h->scores, largest_first);
        sl_rate_curve_of(h->scores, h->count, pairs ? &bin->fmr : &bin->fpir);
        *(pairs ? &bin->pairs : &bin->searches) = h->count;
        free(h->scores);
        *h = (heap){0};
    }
}

/* ---- pairs of different people ---- */

/* Batches of a query and faces of others: all faces (of the queries' own gallery those behind it), or drawn ones. */
typedef struct {
    sl_protocol protocol; /* who is who in the gallery */
    sl_scorer scorer;
    bool same; /* the queries are the gallery's faces */
    size_t faces, queries, batches;
    bool all;
    uint64_t seed;
    sl_hidden *hidden; /* [queries] */
    float *scores; /* [batches, BATCH] NaN: no pair */
} draw;

static bool are_different(const draw *d, size_t query, size_t face)
{
    return d->protocol.labels[face] != d->protocol.person[query];
}

/* Batch b: all: the query and where its faces begin follow from counting; drawn: both from the batch's own seed.
 */
static size_t batch_of(const draw *d, size_t b, uint32_t faces[BATCH], size_t *query)
{
    size_t n = 0;
    if (d->all) {
        size_t row = (d->faces + BATCH - 1) / BATCH, first = b % row * BATCH;
        *query = b / row;
        for (size_t i = first; i < first + BATCH && i < d->faces; i++)
            if ((!d->same || i > *query) && are_different(d, *query, i))
                faces[n++] = (uint32_t)i;
        return n;
    }
    sl_rng rng = sl_rng_seed(d->seed ^ (b + 1) * 0x9e3779b97f4a7c15u);
    *query = sl_rng_below(&rng, d->queries);
    for (size_t tries = 0; n < BATCH && tries < 4 * BATCH; tries++) {
        size_t i = sl_rng_below(&rng, d->faces);
        if (are_different(d, *query, i))
            faces[n++] = (uint32_t)i;
    }
    return n;
}

static sl_status score_batch(void *context, size_t b, int worker, sl_error *err)
{
    draw *d = context;
    uint32_t faces[BATCH];
    float stage1[BATCH], stage2[BATCH];
    size_t query, n = batch_of(d, b, faces, &query);
    SL_TRY(sl_scorer_scores(&d->scorer, worker, query, faces, n, stage1, stage2, err));
    for (size_t i = 0; i < BATCH; i++)
        d->scores[b * BATCH + i] = i < n ? sl_scorer_mix(&d->scorer, stage1[i], stage2[i]) : NAN;
    return SL_OK;
}

static sl_status find_hidden(void *context, size_t query, int worker, sl_error *err)
{
    draw *d = context;
    (void)worker;
    return sl_scorer_hidden(&d->scorer, query, &d->hidden[query], err);
}

static sl_status open_draw(draw *d, const sl_gallery *gallery, const sl_gallery *queries, const sl_calibrate_options *o,
                           sl_error *err)
{
    const sl_eval_options rules = {.exclude_same_photo = 1, .same_photo = o->same_photo};
    size_t every = 0;
    d->same = gallery == queries;
    d->seed = o->seed;
    d->faces = sl_gallery_size(gallery);
    d->queries = sl_gallery_size(queries);
    if (sl_gallery_label_bound(gallery) < 2 || d->faces < 2 || d->queries < 1 || o->max_pairs < 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "calibration needs a gallery of at least two people, and queries");
    SL_TRY(sl_protocol_make(gallery, queries, &rules, &d->protocol, err));
    size_t row = (d->faces + BATCH - 1) / BATCH;
    d->all = sl_mul_size(d->queries, d->faces, &every) && (d->same ? every / 2 : every) <= o->max_pairs;
    d->batches = d->all ? row * d->queries : (o->max_pairs + BATCH - 1) / BATCH;
    SL_TRY(sl_scorer_open(gallery, queries, &o->match, true, &d->scorer, err));
    d->scores = sl_calloc_aligned(d->batches, BATCH * sizeof *d->scores);
    d->hidden = sl_calloc_aligned(d->queries, sizeof *d->hidden);
    return d->scores && d->hidden ? SL_OK
                                  : sl_fail(err, SL_ERR_MEMORY, "no memory for %zu pairs", d->batches * BATCH);
}

/* NaN, which no bin but the last takes, counts as hidden, where some are left out at all. */
static bool is_taken(const sl_calibrate_options *o, float most_hidden)
{
    const bool all = !(o->hidden_below > 0 && o->hidden_below < 1);
    return all || most_hidden < o->hidden_below;
}

static sl_status sort_pairs(const draw *d, const sl_calibrate_options *o, const sl_rates *rates,
                            heap heaps[SL_OCCLUSION_BINS], sl_error *err)
{
    for (size_t b = 0; b < d->batches; b++) {
        uint32_t faces[BATCH];
        size_t query, n = batch_of(d, b, faces, &query);
        for (size_t i = 0; is_taken(o, sl_most_hidden(&d->hidden[query])) && i < n; i++)
            SL_TRY(put(&heaps[sl_rates_bin(rates, d->hidden[query].all)], d->scores[b * BATCH + i], err));
    }
    return SL_OK;
}

/* Scores of pairs of one set of queries into their bins. */
static sl_status score_pairs(const sl_gallery *gallery, const sl_gallery *queries, const sl_calibrate_options *o,
                             const sl_rates *rates, heap heaps[SL_OCCLUSION_BINS], sl_error *err)
{
    draw d = {0};
    sl_status status = open_draw(&d, gallery, queries, o, err);
    if (status == SL_OK)
        status = sl_scorer_run(&d.scorer, d.queries, BLOCK, find_hidden, &d, NULL, NULL, err);
    if (status == SL_OK)
        status = sl_scorer_run(&d.scorer, d.batches, BLOCK, score_batch, &d, o->progress, o->context, err);
    if (status == SL_OK)
        status = sort_pairs(&d, o, rates, heaps, err);
    free(d.scores);
    free(d.hidden);
    sl_scorer_close(&d.scorer);
    sl_protocol_free(&d.protocol);
    return status;
}

static sl_status measure_pairs(const sl_gallery *gallery, const sl_gallery *const *queries, size_t sets,
                               const sl_calibrate_options *o, sl_rates *rates, sl_error *err)
{
    heap heaps[SL_OCCLUSION_BINS] = {{0}};
    sl_status status = SL_OK;
    for (size_t s = 0; status == SL_OK && s < sets; s++)
        status = score_pairs(gallery, queries[s], o, rates, heaps, err);
    measure_bins(heaps, rates, true);
    return status;
}

/* ---- searches ---- */

static sl_status measure_searches(const sl_gallery *gallery, const sl_gallery *const *queries, size_t sets,
                                  const sl_calibrate_options *o, sl_rates *rates, size_t *total, sl_error *err)
{
    const sl_openset_options search = {.match = o->match, .same_photo = o->same_photo, .progress = o->progress,
                                       .context = o->context};
    heap heaps[SL_OCCLUSION_BINS] = {{0}};
    sl_status status = SL_OK;
    *total = 0;
    for (size_t k = 0; status == SL_OK && k < sets; k++) {
        sl_searches s;
        status = sl_searches_make(gallery, queries[k], &search, &s, err);
        if (status != SL_OK)
            break;
        for (size_t i = 0; status == SL_OK && i < s.nonmated; i++) {
            const sl_search_end *end = &s.impostors[1][i];
            if (!is_taken(o, end->most_hidden))
                continue;
            status = put(&heaps[sl_rates_bin(rates, end->hidden)], end->score, err);
            ++*total;
        }
        sl_searches_free(&s);
    }
    measure_bins(heaps, rates, false);
    return status;
}

/* ---- the public functions ---- */

static void report(const sl_gallery *gallery, const sl_rates *rates, sl_calibration *out)
{
    static const double fpir[SL_OPENSET_RATES] = {.1, .01, .001}, fmr[] = {1e-3, 1e-4, 1e-5, 1e-6};
    sl_gallery_info info;
    sl_gallery_get_info(gallery, &info);
    *out = (sl_calibration){.faces = info.faces, .people = info.labels, .bins = (int)rates->bins};
    for (uint32_t b = 0; b < rates->bins; b++) {
        const sl_rate_bin *from = &rates->bin[b];
        sl_calibrated_bin *bin = &out->bin[b];
        *bin = (sl_calibrated_bin){from->hidden_to, (size_t)from->searches, (size_t)from->pairs, {0}, {0}};
        for (int i = 0; i < SL_OPENSET_RATES; i++)
            bin->fpir_threshold[i] = sl_rate_curve_at(&from->fpir, fpir[i]);
        for (int i = 0; i < 4; i++)
            bin->fmr_threshold[i] = sl_rate_curve_at(&from->fmr, fmr[i]);
        out->searches += bin->searches;
        out->pairs += bin->pairs;
    }
}

static void begin(const sl_gallery *gallery, const sl_match_options *match, sl_rates *rates)
{
    char look[SL_MATCH_KEY];
    sl_match_key(match, look);
    sl_rates_begin(rates, sl_gallery_shape(gallery)->fingerprint, sl_match_statistics(match), look);
}

static sl_status calibrate(const sl_gallery *gallery, const sl_gallery *const *queries, size_t sets,
                           const sl_calibrate_options *o, sl_rates *rates, sl_error *err)
{
    size_t searches;
    begin(gallery, &o->match, rates);
    rates->gallery_id = sl_gallery_id(gallery);
    rates->faces = sl_gallery_size(gallery);
    SL_TRY(measure_searches(gallery, queries, sets, o, rates, &searches, err));
    if (searches < SL_CALIBRATE_LEAST)
        return sl_fail(err, SL_ERR_ARGUMENT, "%zu searches for people who are not there tell nothing: nothing is kept. "
                       "%d tell a rate of one in ten, %d one in a hundred: calibrate with more faces, or with queries "
                       "drawn from the gallery's crops", searches, SL_CALIBRATE_LEAST, 10 * SL_CALIBRATE_LEAST);
    SL_TRY(measure_pairs(gallery, queries, sets, o, rates, err));
    return sl_gallery_rates_keep(gallery, rates, err);
}

sl_status sl_gallery_calibrate(const sl_gallery *gallery, const sl_gallery *const *queries, size_t sets,
                               const sl_calibrate_options *options, sl_calibration *out, sl_error *err)
{
    *out = (sl_calibration){0};
    const sl_look_kind *kind = sl_look_kind_of(options->match.rerank);
    if (!kind || kind->unsettled)
        return sl_fail(err, SL_ERR_ARGUMENT, "a calibration is for a look: settle the options first (sl_match_settle)");
    sl_rates *rates = calloc(1, sizeof *rates);
    sl_status status = rates ? calibrate(gallery, queries, sets, options, rates, err)
                             : sl_fail(err, SL_ERR_MEMORY, "no memory for a calibration");
    if (status == SL_OK)
        report(gallery, rates, out);
    free(rates);
    return status;
}

/* Four rates a decade, and the smallest: what a model brings along should be short. */
static void thin(sl_rate_curve *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->count; i++)
        if (i % 4 == 0 || i + 1 == c->count) {
            c->rate[n] = c->rate[i];
            c->threshold[n++] = c->threshold[i];
        }
    c->count = n;
}

sl_status sl_model_threshold(const sl_gallery *gallery, const sl_gallery *const *queries, size_t sets,
                             const sl_threshold_options *what, const sl_calibrate_options *options,
                             sl_calibration *out, sl_error *err)
{
    const size_t count = what->count;
    sl_rates *rates = sl_calloc_aligned(count + 1, sizeof *rates);
    sl_status status = rates ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for %zu looks", count);
    for (size_t i = 0; status == SL_OK && i < count; i++) {
        sl_calibrate_options o = *options;
        o.match = what->looks[i];
        begin(gallery, &o.match, &rates[i]);
        status = measure_pairs(gallery, queries, sets, &o, &rates[i], err);
        if (status == SL_OK)
            report(gallery, &rates[i], &out[i]);
        for (uint32_t b = 0; b < rates[i].bins; b++)
            thin(&rates[i].bin[b].fmr);
    }
    if (status == SL_OK)
        status = sl_rates_write(rates, count, what->measured_on, what->file, err);
    free(rates);
    return status;
}
