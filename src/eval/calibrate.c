/* Scores of people who are not the same: what a false match rate costs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rate_curve.h"
#include "base/rng.h"
#include "eval/openset.h"
#include "eval/scorer.h"
#include "pipeline/calibration.h"

enum {
    BATCH = 64,
    BLOCK = 256
}; /* faces that one query is compared with; batches between two calls of progress */

/* ---- pairs of different people ---- */

/* Batches of a query and faces of others: all faces behind it, or drawn ones. */
typedef struct {
    const sl_gallery *gallery;
    const uint32_t *labels;
    sl_scorer scorer;
    size_t faces, batches;
    bool all;
    uint64_t seed;
    float *scores; /* [batches, BATCH] NaN: no pair */
} draw;

/* Batch b: all: the query and where its faces begin follow from counting; drawn: both from the batch's own seed.
 */
static size_t batch_of(const draw *d, size_t b, uint32_t faces[BATCH], size_t *query)
{
    size_t n = 0;
    if (d->all) {
        size_t row = (d->faces + BATCH - 1) / BATCH, first = b % row * BATCH;
        *query = b / row;
        for (size_t i = first; i < first + BATCH && i < d->faces; i++)
            if (i > *query && d->labels[i] != d->labels[*query])
                faces[n++] = (uint32_t)i;
        return n;
    }
    sl_rng rng = sl_rng_seed(d->seed ^ (b + 1) * 0x9e3779b97f4a7c15u);
    *query = sl_rng_below(&rng, d->faces);
    for (size_t tries = 0; n < BATCH && tries < 4 * BATCH; tries++) {
        size_t i = sl_rng_below(&rng, d->faces);
        if (d->labels[i] != d->labels[*query])
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

static int largest_first(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x > y ? -1 : x < y;
}

/* Scores of different people, sorted from the largest down: *scores [*count]. */
static sl_status score_pairs(const sl_gallery *gallery, const sl_match_options *match, size_t max_pairs,
                             uint64_t seed, sl_progress_fn progress, void *context, float **scores, size_t *count,
                             sl_error *err)
{
    draw d = {.gallery = gallery,
              .labels = sl_gallery_label_ids(gallery),
              .faces = sl_gallery_size(gallery),
              .seed = seed};
    *scores = NULL;
    *count = 0;
    if (sl_gallery_label_bound(gallery) < 2 || d.faces < 2 || max_pairs < 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "calibration needs a gallery of at least two people");
    size_t row = (d.faces + BATCH - 1) / BATCH, every;
    d.all = d.faces < 1u << 31 && d.faces * (d.faces - 1) / 2 <= max_pairs && sl_mul_size(row, d.faces, &every);
    d.batches = d.all ? row * d.faces : (max_pairs + BATCH - 1) / BATCH;
    SL_TRY(sl_scorer_open(gallery, gallery, match, true, &d.scorer, err));
    d.scores = sl_calloc_aligned(d.batches, BATCH * sizeof *d.scores);
    sl_status status = d.scores
                           ? sl_scorer_run(&d.scorer, d.batches, BLOCK, score_batch, &d, progress, context, err)
                           : sl_fail(err, SL_ERR_MEMORY, "no memory for %zu pairs", d.batches * BATCH);
    sl_scorer_close(&d.scorer);
    size_t n = 0;
    for (size_t i = 0; status == SL_OK && i < d.batches * BATCH; i++)
        if (!isnan(d.scores[i]))
            d.scores[n++] = d.scores[i];
    if (status == SL_OK && n == 0)
        status = sl_fail(err, SL_ERR_ARGUMENT, "calibration needs a gallery of at least two people");
    if (status != SL_OK) {
        free(d.scores);
        return status;
    }
    qsort(d.scores, n, sizeof *d.scores, largest_first);
    *scores = d.scores;
    *count = n;
    return SL_OK;
}

sl_status sl_calibrate(const sl_gallery *gallery, const sl_match_options *match, const double *rates, size_t count,
                       size_t max_pairs, uint64_t seed, sl_progress_fn progress, void *context, double *thresholds,
                       size_t *pairs, sl_error *err)
{
    const sl_match_options options = match ? *match : sl_match_defaults();
    float *scores;
    size_t n;
    *pairs = 0;
    for (size_t i = 0; i < count; i++)
        thresholds[i] = NAN;
    for (size_t i = 0; i < count; i++)
        if (!(rates[i] > 0 && rates[i] <= 1))
            return sl_fail(err, SL_ERR_ARGUMENT, "a false match rate must be above 0 and at most 1");
    SL_TRY(score_pairs(gallery, &options, max_pairs, seed, progress, context, &scores, &n, err));
    for (size_t i = 0; i < count; i++)
        thresholds[i] = sl_threshold_at(scores, n, rates[i]);
    *pairs = n;
    free(scores);
    return SL_OK;
}

/* ---- a gallery's calibration ---- */

static sl_status measure(const sl_gallery *gallery, const sl_gallery *queries, const sl_openset_options *o,
                         size_t max_pairs, uint64_t seed, sl_calibration *c, sl_openset_rates *rates,
                         size_t *mated, sl_error *err)
{
    sl_searches s;
    float *scores;
    size_t pairs;
    SL_TRY(sl_searches_make(gallery, queries, o, &s, err));
    sl_status status = s.nonmated >= SL_LEAST_EVENTS
                           ? sl_openset_rates_of(&s, 1, rates, err)
                           : sl_fail(err, SL_ERR_ARGUMENT,
                                     "calibration needs at least %d searches for people who are not "
                                     "there, there are %zu",
                                     SL_LEAST_EVENTS, s.nonmated);
    if (status == SL_OK) {
        sl_rate_curve_of(s.impostors[1], s.nonmated, &c->fpir);
        c->searches = s.nonmated;
        *mated = s.mated;
    }
    sl_searches_free(&s);
    SL_TRY(status);
    SL_TRY(score_pairs(gallery, &o->match, max_pairs, seed, o->progress, o->context, &scores, &pairs, err));
    sl_rate_curve_of(scores, pairs, &c->fmr);
    c->pairs = pairs;
    free(scores);
    return SL_OK;
}

sl_status sl_calibrate_gallery(const sl_gallery *gallery, const sl_gallery *queries,
                               const sl_openset_options *options, size_t max_pairs, uint64_t seed, sl_openset *out,
                               sl_error *err)
{
    sl_calibration c = {.gallery_id = sl_gallery_id(gallery), .faces = sl_gallery_size(gallery)};
    sl_gallery_info info;
    *out = (sl_openset){0};
    sl_gallery_get_info(gallery, &info);
    memcpy(c.fingerprint, sl_gallery_shape(gallery)->fingerprint, sizeof c.fingerprint);
    sl_match_key(&options->match, c.match);
    sl_status status = measure(gallery, queries, options, max_pairs, seed, &c, &out->score, &out->mated, err);
    if (status == SL_OK)
        status = sl_calibration_write(&c, gallery, NULL, err);
    out->nonmated = (size_t)c.searches;
    out->pairs = (size_t)c.pairs;
    out->faces = info.faces;
    out->people = info.labels;
    if (status != SL_OK)
        sl_openset_free(out);
    return status;
}
