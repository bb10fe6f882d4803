/* The weightings: what each patch of a face, or of a pair, counts; and the table of them. */
#include "match/patch/weighting.h"

#include <math.h>
#include <string.h>

#include "match/kernels/match_kernels.h"
#include "match/patch/pool_map.h"

/* ---- fixed ---- */

/* Landmarks per cell. The published list of landmarks names the inner and outer mouth corners in both lips,
 * so that those four count twice; points outside the crop count nowhere. */
static sl_status landmark_weights(const sl_match_layout *l, const sl_patch_source *face, float *weights, sl_error *err)
{
    const sl_point *landmarks = face->landmarks;
    if (!landmarks)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "weighting lmk needs 68 landmarks on both faces and one has none: enrol and query with a "
                       "landmark model, or use another weighting");
    for (int i = 0; i < 68; i++) {
        float x = landmarks[i].x, y = landmarks[i].y;
        if (!isfinite(x) || !isfinite(y))
            return sl_fail(err, SL_ERR_NUMERIC, "landmark %d has NaN or infinity", i);
        if (!(x >= 0 && x < 1 && y >= 0 && y < 1))
            continue;
        int twice = i == 48 || i == 54 || i == 60 || i == 64;
        weights[(int)(y * (float)l->rows) * l->cols + (int)(x * (float)l->cols)] += twice ? 2 : 1;
    }
    sl_emd_kernels_now()->normalise(weights, l->patches, l->stride);
    return SL_OK;
}

static sl_status uniform_weights(const sl_match_layout *l, const sl_patch_source *face, float *weights, sl_error *err)
{
    (void)face, (void)err;
    for (int i = 0; i < l->patches; i++)
        weights[i] = 1 / (float)l->patches;
    return SL_OK;
}

/* A candidate has no trust: it takes the query's. */
static sl_status trust_weights(const sl_match_layout *l, const sl_patch_source *face, float *weights, sl_error *err)
{
    (void)err;
    if (!face->trust)
        return SL_OK;
    sl_pool_map(face->trust, l->map_rows, l->map_cols, 1, weights, l->rows, l->cols);
    sl_emd_kernels_now()->normalise(weights, l->patches, l->stride);
    return SL_OK;
}

/* ---- of a pair ---- */

/* u = S (the query's mix), v = S' (the candidate's). */
static void mixed_weights(const float *query, const float *candidate, const float *S, const sl_match_layout *l,
                          float *u, float *v)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    k->rows_product(S, query, l->patches, l->stride, u);
    k->columns_product(S, candidate, l->patches, l->stride, v);
}

/* Products with vectors of their own; the candidate's went through S as the row behind its patches (int8: two). */
static void pooled_weights(const sl_patch_set *query, const sl_patch_set *candidate, const float *S, float *u, float *v)
{
    const sl_match_layout *l = query->layout;
    const float *pooled = S + (size_t)l->patches * l->stride;
    for (int m = 0; m < l->patches; m++)
        v[m] = l->compute == SL_COMPARE_INT8 ? pooled[m] + pooled[l->stride + m] : pooled[m];
    sl_emd_kernels_now()->pooled_products(candidate, query, u);
}

/* apc and cc. */
static void correspondence(const sl_patch_set *query, const sl_patch_set *candidate, const float *S, float *u, float *v)
{
    if (sl_has_pooled(query->layout))
        pooled_weights(query, candidate, S, u, v);
    else
        mixed_weights(query->shares, candidate->shares, S, query->layout, u, v);
}

/* Sums of similarities. */
static void similarities(const sl_patch_set *query, const sl_patch_set *candidate, const float *S, float *u, float *v)
{
    const sl_match_layout *l = query->layout;
    float ones[SL_MATCH_MAX_PATCHES] = {0};
    (void)candidate;
    for (int i = 0; i < l->patches; i++)
        ones[i] = 1;
    mixed_weights(ones, ones, S, l, u, v);
}

/* Sums of distances 1 - S. */
static void distances(const sl_patch_set *query, const sl_patch_set *candidate, const float *S, float *u, float *v)
{
    const int n = query->layout->patches;
    similarities(query, candidate, S, u, v);
    for (int i = 0; i < n; i++) {
        u[i] = (float)n - u[i];
        v[i] = (float)n - v[i];
    }
}

/* ---- the table ---- */

static const sl_weighting_kind kinds[] = {
    [SL_WEIGHT_UNIFORM] = {.name = "uniform", .words = "every patch counts the same", .fixed = uniform_weights},
    [SL_WEIGHT_APC] = {.name = "apc",
                       .words = "a patch counts by how well it fits the other face as a whole",
                       .pool = SL_POOL_PATCHES,
                       .pair = correspondence,
                       .sketched = true},
    [SL_WEIGHT_CC] = {.name = "cc",
                      .words = "a patch counts by how well it fits the other face&rsquo;s description",
                      .pool = SL_POOL_EMBEDDING,
                      .pair = correspondence},
    [SL_WEIGHT_SC] = {.name = "sc",
                      .words = "a patch counts by its distances from the other face&rsquo;s patches",
                      .pair = distances},
    [SL_WEIGHT_SC_TEXT] = {.name = "sc-text",
                           .words = "a patch counts by its likeness to the other face&rsquo;s patches",
                           .pair = similarities},
    [SL_WEIGHT_LMK] = {.name = "lmk",
                       .words = "a patch counts by the facial landmarks in it",
                       .landmarks = true,
                       .fixed = landmark_weights},
    [SL_WEIGHT_TRUST] = {.name = "trust",
                         .words = "a patch counts by how far the query is believed there",
                         .trust = true,
                         .fixed = trust_weights},
    [SL_WEIGHT_UEW] = {.name = "uew",
                       .words = "a patch counts by how well it fits the other face as a whole, on the scale of both",
                       .pool = SL_POOL_PATCHES,
                       .pair = correspondence,
                       .joint = true},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

const sl_weighting_kind *sl_weighting_of(sl_weighting weighting)
{
    return (unsigned)weighting < KINDS ? &kinds[weighting] : NULL;
}

const char *sl_weighting_name(sl_weighting weighting)
{
    const sl_weighting_kind *kind = sl_weighting_of(weighting);
    return kind ? kind->name : NULL;
}

int sl_weighting_named(const char *name)
{
    for (int i = 0; name && i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return i;
    return -1;
}

static bool any(const float *w, int n)
{
    for (int i = 0; i < n; i++)
        if (w[i] > 0)
            return true;
    return false;
}

/* x = [x]+ of both, over their common sum + 1e-7. */
static bool normalise_jointly(float *u, float *v, int n, int stride)
{
    double sum_u = 0, sum_v = 0;
    for (int i = 0; i < stride; i++) {
        u[i] = i < n && u[i] > 0 ? u[i] : 0;
        v[i] = i < n && v[i] > 0 ? v[i] : 0;
        sum_u += (double)u[i];
        sum_v += (double)v[i];
    }
    for (int i = 0; i < n; i++) {
        u[i] = (float)(u[i] / (sum_u + sum_v + 1e-7));
        v[i] = (float)(v[i] / (sum_u + sum_v + 1e-7));
    }
    return sum_u > 0 && sum_v > 0;
}

bool sl_pair_weights(const sl_patch_set *query, const sl_patch_set *candidate, const float *S, float *u, float *v)
{
    const sl_match_layout *l = query->layout;
    const sl_weighting_kind *kind = l->weighting;
    const sl_emd_kernels *k = sl_emd_kernels_now();
    const int n = l->patches, stride = l->stride;
    if (kind->fixed) {
        memcpy(u, kind->trust ? query->fixed : candidate->fixed, (size_t)stride * sizeof *u);
        memcpy(v, query->fixed, (size_t)stride * sizeof *v);
        return any(u, n) && any(v, n);
    }
    kind->pair(query, candidate, S, u, v);
    if (kind->joint)
        return normalise_jointly(u, v, n, stride);
    bool fine_u = k->normalise(u, n, stride), fine_v = k->normalise(v, n, stride);
    return fine_u && fine_v;
}
