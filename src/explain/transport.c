/* The transport plan between two templates, for the pictures. */
#include "explain/explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gallery/template.h"
#include "match/match.h"

void sl_transport_free(sl_transport *t)
{
    free(t->plan);
    free(t->query_weights);
    free(t->other_weights);
    *t = (sl_transport){0};
}

static sl_status check_same_model(const sl_template_shape *a, const sl_template_shape *b, sl_error *err)
{
    if (memcmp(a->fingerprint, b->fingerprint, sizeof a->fingerprint) != 0)
        return sl_fail(
            err, SL_ERR_MISMATCH,
            "the two faces were described by different models and can not be compared: enrol both with one");
    if (a->rows != b->rows || a->cols != b->cols || a->channels != b->channels || a->dim != b->dim)
        return sl_fail(
            err, SL_ERR_MISMATCH,
            "the two faces' patch maps differ (%d x %d x %d and %d x %d x %d): enrol both with one model", a->rows,
            a->cols, a->channels, b->rows, b->cols, b->channels);
    return SL_OK;
}

/* A template as sl_emd_plan takes it; *patches is the caller's. */
static sl_status map_of(const sl_template *t, float **patches, sl_patch_map *out, sl_error *err)
{
    const sl_template_shape *s = &t->shape;
    *patches = sl_calloc_aligned((size_t)s->rows * s->cols * s->channels, sizeof(float));
    if (!*patches)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a patch map of %d x %d x %d", s->rows, s->cols,
                       s->channels);
    sl_template_patches(t, *patches);
    *out = (sl_patch_map){.rows = s->rows,
                          .cols = s->cols,
                          .channels = s->channels,
                          .patches = *patches,
                          .embedding = t->embedding,
                          .dim = s->dim,
                          .landmarks = t->has_landmarks ? t->landmarks : NULL};
    return SL_OK;
}

sl_status sl_transport_make(const sl_template *query, const sl_template *other, const sl_match_options *options,
                            sl_transport *out, sl_error *err)
{
    *out = (sl_transport){0};
    if (!query || !other)
        return sl_fail(err, SL_ERR_ARGUMENT, "a pair needs the templates of both faces");
    SL_TRY(check_same_model(&query->shape, &other->shape, err));
    sl_match_options defaults = sl_match_defaults();
    if (!options)
        options = &defaults;
    const sl_template_shape *shape = &query->shape;
    sl_match_layout layout;
    SL_TRY(sl_match_layout_make(options, shape->rows, shape->cols, shape->channels, shape->dim, &layout, err));
    out->rows = layout.rows;
    out->cols = layout.cols;

    sl_status status;
    size_t patches = (size_t)out->rows * out->cols;
    float *query_patches = NULL, *other_patches = NULL;
    sl_patch_map query_map, other_map;
    SL_TRY_GOTO(map_of(query, &query_patches, &query_map, err), done);
    SL_TRY_GOTO(map_of(other, &other_patches, &other_map, err), done);
    out->plan = sl_calloc_aligned(patches * patches, sizeof(float));
    out->query_weights = sl_calloc_aligned(patches, sizeof(float));
    out->other_weights = sl_calloc_aligned(patches, sizeof(float));
    if (!out->plan || !out->query_weights || !out->other_weights) {
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a transport plan of %zu patches", patches);
        goto done;
    }
    status = sl_emd_plan(&query_map, &other_map, options, out->plan, out->query_weights, out->other_weights, err);
done:
    free(query_patches);
    free(other_patches);
    if (status != SL_OK)
        sl_transport_free(out);
    return status;
}

void sl_stretch(float *values, int count, float equal)
{
    float low = INFINITY, high = -INFINITY;
    for (int i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            values[i] = 0;
        low = fminf(low, values[i]);
        high = fmaxf(high, values[i]);
    }
    bool flat = !(high - low > 1e-6f * fmaxf(fabsf(low), fabsf(high)));
    for (int i = 0; i < count; i++)
        values[i] = flat ? equal : (values[i] - low) / (high - low);
}
