/* The looks that were learned, h2 and h2l: a network that sees both photos' maps at once (learned.h). The query is its
 * first photo. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "match/learned/learned.h"
#include "match/look.h"

typedef struct {
    const sl_look *look;
    void *worker;
} learned_look;

/* ---- options ---- */

/* The table of looks has the names; it names this file's rows. */
static const char *name_of(sl_rerank rerank) { return (rerank == SL_RERANK_H2 ? &sl_look_h2 : &sl_look_h2l)->name; }

static sl_status check(const sl_match_options *o, const sl_template_shape *shape, sl_error *err)
{
    const sl_look *look = o->look;
    char own[65], read[65];
    if (!look)
        return sl_fail(err, SL_ERR_ARGUMENT, "rerank %s is a look that was learned: name the model (--look NAME)",
                       name_of(o->rerank));
    if (look->rerank != o->rerank)
        return sl_fail(err, SL_ERR_ARGUMENT, "the look %s is %s, rerank %s was asked for", look->name,
                       name_of(look->rerank), name_of(o->rerank));
    if (!sl_same_model(look->backbone, shape->fingerprint)) {
        sl_hex32(look->backbone, read);
        sl_hex32(shape->fingerprint, own);
        return sl_fail(err, SL_ERR_MISMATCH,
                       "the look %s reads maps of %s (%.12s), these templates are of another model "
                       "(%.12s): enrol with that model, or train a look for this one",
                       look->name, look->backbone_name, read, own);
    }
    if (shape->format == SL_PATCHES_COMPACT)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "compact patches are contributions, the look %s reads maps: enrol into a "
                       "new gallery with --patches int8 or f32",
                       look->name);
    if (shape->rows * shape->cols != look->cells || shape->channels != look->channels)
        return sl_fail(err, SL_ERR_MISMATCH, "the look %s reads maps of %d cells and %d channels, these are %dx%dx%d",
                       look->name, look->cells, look->channels, shape->rows, shape->cols, shape->channels);
    return SL_OK;
}

/* ---- opening ---- */

static sl_status open_look(const sl_look_kind *kind, const sl_match_options *o, const sl_template_shape *shape,
                           void **out, sl_error *err)
{
    (void)kind, (void)shape;
    *out = NULL;
    learned_look *look = calloc(1, sizeof *look);
    if (!look)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a second look");
    look->look = o->look;
    sl_status status = o->look->open(o->look, o->threads, &look->worker, err);
    if (status != SL_OK)
        free(look);
    else
        *out = look;
    return status;
}

static void close_look(void *opened)
{
    learned_look *look = opened;
    look->look->close(look->worker);
    free(look);
}

/* ---- faces ---- */

sl_status sl_look_patches(const sl_look *look, const sl_patch_source *face, float *out, sl_error *err)
{
    const size_t n = (size_t)look->cells * (size_t)look->channels;
    if (face->patches_f32)
        memcpy(out, face->patches_f32, n * sizeof *out);
    else if (face->patches_i8 && face->patch_scales)
        sl_patches_dequantise(face->patches_i8, face->patch_scales, look->cells, look->channels, out);
    else
        return sl_fail(err, SL_ERR_UNSUPPORTED, "it has no patch map");
    float sum = 0; /* of differences that are 0, or NaN where a number is none */
    for (size_t i = 0; i < n; i++)
        sum += out[i] - out[i];
    return sum == 0 ? SL_OK : sl_fail(err, SL_ERR_NUMERIC, "its patches have NaN or infinity");
}

static sl_status take_query(void *opened, const sl_patch_source *query, sl_error *err)
{
    const learned_look *look = opened;
    sl_status status = sl_look_patches(look->look, query, look->look->query(look->worker), err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "query");
}

static sl_status take_candidate(const learned_look *look, size_t i, int at, sl_patch_source_fn source_of, void *context,
                                sl_error *err)
{
    sl_patch_source face = {0};
    SL_TRY(source_of(context, i, &face, err));
    sl_status status = sl_look_patches(look->look, &face, look->look->candidate(look->worker, at), err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "candidate %zu", i);
}

static sl_status scores_of(void *opened, size_t n, sl_patch_source_fn source_of, void *context, float *scores,
                           int *iterations, sl_error *err)
{
    const learned_look *look = opened;
    const size_t batch = (size_t)look->look->batch;
    for (size_t from = 0; from < n; from += batch) {
        const size_t count = n - from < batch ? n - from : batch;
        for (size_t i = 0; i < count; i++)
            SL_TRY(take_candidate(look, from + i, (int)i, source_of, context, err));
        SL_TRY(look->look->run(look->worker, (int)count, scores + from, err));
    }
    for (size_t i = 0; i < n; i++)
        if (!isfinite(scores[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "candidate %zu: the look %s gives no number", i, look->look->name);
    if (iterations)
        memset(iterations, 0, n * sizeof *iterations);
    return SL_OK;
}

/* ---- with cells hidden ---- */

static void mean_patch(const float *patches, int cells, int channels, float *out)
{
    for (int c = 0; c < channels; c++) {
        double sum = 0;
        for (int i = 0; i < cells; i++)
            sum += (double)patches[(size_t)i * (size_t)channels + (size_t)c];
        out[c] = (float)(sum / cells);
    }
}

/* The query's map with the mean of its patches in place of those that are not kept. */
static void hide_cells(const sl_look *look, const float *query, const float *mean, const uint8_t *keep, float *out)
{
    const size_t channels = (size_t)look->channels;
    for (size_t i = 0; i < (size_t)look->cells; i++)
        memcpy(out + i * channels, keep[i] ? query + i * channels : mean, channels * sizeof *out);
}

/* Whole batches; behind the last of n the batch repeats that. scores [n], some [batch] scratch. */
static sl_status hidden_scores(const learned_look *l, const float *mean, const uint8_t *keep, size_t n, float *scores,
                               float *some, float *first, sl_error *err)
{
    const sl_look *look = l->look;
    const size_t batch = (size_t)look->batch, cells = (size_t)look->cells, map = cells * (size_t)look->channels;
    for (size_t from = 0; from < n; from += batch) {
        const size_t left = n - from, count = left < batch ? left : batch;
        for (size_t i = 0; i < batch; i++)
            hide_cells(look, look->query(l->worker), mean, keep + (from + (i < count ? i : count - 1)) * cells,
                       first + i * map);
        SL_TRY(look->run_pairs(l->worker, some, err));
        memcpy(scores + from, some, count * sizeof *scores);
    }
    return SL_OK;
}

static sl_status hide(void *opened, const sl_patch_source *candidate, const uint8_t *keep, size_t n, float *scores,
                      sl_error *err)
{
    const learned_look *l = opened;
    const sl_look *look = l->look;
    const size_t batch = (size_t)look->batch, map = (size_t)look->cells * (size_t)look->channels;
    float *first, *second, *scratch = malloc(((size_t)look->channels + batch) * sizeof *scratch);
    if (!scratch)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to hide cells");
    sl_status status = look->pairs(l->worker, &first, &second, err);
    if (status == SL_OK)
        status = sl_look_patches(look, candidate, second, err);
    if (status == SL_OK) {
        for (size_t i = 1; i < batch; i++)
            memcpy(second + i * map, second, map * sizeof *second);
        mean_patch(look->query(l->worker), look->cells, look->channels, scratch);
        status = hidden_scores(l, scratch, keep, n, scores, scratch + look->channels, first, err);
    }
    free(scratch);
    return status;
}

/* ---- the rows ---- */

#define LOOK_LEARNED                                                                                                   \
    .reads = SL_READS_LOOK | SL_READS_LEARNED, .alpha = .7f, .weighting = SL_WEIGHT_APC, .check = check,               \
    .open = open_look, .close = close_look, .query = take_query, .scores = scores_of, .hide = hide

const sl_look_kind sl_look_h2l = {
    LOOK_LEARNED,
    .name = "h2l",
    .words = "side by side",
    .told = "both faces by a network that sees them side by side (h2l)",
};

const sl_look_kind sl_look_h2 = {
    LOOK_LEARNED,
    .name = "h2",
    .words = "one person or two",
    .told = "by a network that sees both faces and says whether they are one person (h2)",
};
