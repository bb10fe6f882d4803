/* Scores of pairs of different people: what a false match rate costs. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "eval/metrics.h"
#include "gallery/gallery.h"

enum { TELL_EVERY = 4096 };

/* The pairs compared: all i < k of different labels, or drawn ones. */
typedef struct {
    const sl_gallery *gallery;
    const uint32_t *labels;
    const sl_match_options *match;
    size_t faces;
    float *scores;
    size_t count, capacity;
    sl_progress_fn progress;
    void *context;
} draw;

static sl_status score_pair(draw *d, size_t i, size_t k, sl_error *err)
{
    sl_template *a = NULL, *b = NULL;
    sl_score result;
    sl_status status = sl_gallery_template(d->gallery, i, &a, err);
    if (status == SL_OK)
        status = sl_gallery_template(d->gallery, k, &b, err);
    if (status == SL_OK)
        status = sl_compare(a, b, d->match, &result, err);
    if (status == SL_OK)
        d->scores[d->count++] = result.score;
    sl_template_free(a);
    sl_template_free(b);
    if (status == SL_OK && d->progress && d->count % TELL_EVERY == 0 &&
        d->progress(d->context, d->count, d->capacity))
        return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu pairs", d->count);
    return status;
}

static sl_status draw_some(draw *d, uint64_t seed, sl_error *err)
{
    sl_rng rng = sl_rng_seed(seed);
    for (size_t tries = 0; d->count < d->capacity && tries < 4 * d->capacity + 1000; tries++) {
        size_t i = sl_rng_below(&rng, d->faces), k = sl_rng_below(&rng, d->faces);
        if (d->labels[i] != d->labels[k])
            SL_TRY(score_pair(d, i, k, err));
    }
    return SL_OK;
}

static sl_status take_all(draw *d, sl_error *err)
{
    for (size_t i = 0; i < d->faces; i++)
        for (size_t k = i + 1; k < d->faces; k++)
            if (d->labels[i] != d->labels[k])
                SL_TRY(score_pair(d, i, k, err));
    return SL_OK;
}

static int largest_first(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x > y ? -1 : x < y;
}

sl_status sl_calibrate(const sl_gallery *gallery, const sl_match_options *match, const double *rates, size_t count,
                       size_t max_pairs, uint64_t seed, sl_progress_fn progress, void *context, double *thresholds,
                       size_t *pairs, sl_error *err)
{
    sl_match_options options = match ? *match : sl_match_defaults();
    options.threads = 1; /* a pair at a time is too little for several */
    draw d = {.gallery = gallery, .labels = sl_gallery_label_ids(gallery), .match = &options,
              .faces = sl_gallery_size(gallery), .progress = progress, .context = context};
    *pairs = 0;
    for (size_t i = 0; i < count; i++)
        thresholds[i] = NAN;
    for (size_t i = 0; i < count; i++)
        if (!(rates[i] > 0 && rates[i] <= 1))
            return sl_fail(err, SL_ERR_ARGUMENT, "a false match rate must be above 0 and at most 1");
    if (d.faces < 2)
        return sl_fail(err, SL_ERR_ARGUMENT, "calibration needs a gallery of at least two people");
    size_t all = d.faces < 1u << 31 ? d.faces * (d.faces - 1) / 2 : SIZE_MAX;
    d.capacity = all < max_pairs ? all : max_pairs;
    d.scores = sl_calloc_aligned(d.capacity + 1, sizeof *d.scores);
    if (!d.scores)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu pairs", d.capacity);
    sl_status status = all <= max_pairs ? take_all(&d, err) : draw_some(&d, seed, err);
    if (status == SL_OK) {
        qsort(d.scores, d.count, sizeof *d.scores, largest_first);
        for (size_t i = 0; i < count; i++)
            thresholds[i] = sl_threshold_at(d.scores, d.count, rates[i]);
        *pairs = d.count;
    }
    free(d.scores);
    return status;
}
