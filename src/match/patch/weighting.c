#include "match/patch/weighting.h"

#include <math.h>
#include <string.h>

#include "match/kernels/match_kernels.h"
#include "match/patch/pool.h"

/* Landmarks per cell. The published list of landmarks names the inner and outer mouth corners in both lips,
 * so that those four count twice; points outside the crop count nowhere. */
static sl_status landmark_weights(const sl_match_layout *l, const sl_point *landmarks, float *weights,
                                  sl_error *err)
{
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

sl_status sl_fixed_weights(const sl_match_layout *l, const sl_patch_source *source, float *weights, sl_error *err)
{
    memset(weights, 0, (size_t)l->stride * sizeof *weights);
    if (l->weighting == SL_WEIGHT_LMK)
        return landmark_weights(l, source->landmarks, weights, err);
    if (l->weighting == SL_WEIGHT_TRUST && source->trust) { /* a candidate has none: it takes the query's */
        sl_pool_map(source->trust, l->map_rows, l->map_cols, 1, weights, l->rows, l->cols);
        sl_emd_kernels_now()->normalise(weights, l->patches, l->stride);
    }
    if (l->weighting == SL_WEIGHT_UNIFORM)
        for (int i = 0; i < l->patches; i++)
            weights[i] = 1 / (float)l->patches;
    return SL_OK;
}

static bool any(const float *w, int n)
{
    for (int i = 0; i < n; i++)
        if (w[i] > 0)
            return true;
    return false;
}

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

bool sl_pair_weights(const sl_patch_set *query, const sl_patch_set *candidate, const float *S, float *u, float *v)
{
    const sl_match_layout *l = query->layout;
    const sl_emd_kernels *k = sl_emd_kernels_now();
    const int n = l->patches, stride = l->stride;
    switch (l->weighting) {
    case SL_WEIGHT_APC:
    case SL_WEIGHT_CC:
        if (sl_has_pooled(l))
            pooled_weights(query, candidate, S, u, v);
        else
            mixed_weights(query->shares, candidate->shares, S, l, u, v);
        break;
    case SL_WEIGHT_SC:
    case SL_WEIGHT_SC_TEXT: {
        float ones[SL_MATCH_MAX_PATCHES] = {0};
        for (int i = 0; i < n; i++)
            ones[i] = 1;
        mixed_weights(ones, ones, S, l, u, v);
        for (int i = 0; l->weighting == SL_WEIGHT_SC && i < n; i++) { /* sums of distances 1 - S */
            u[i] = (float)n - u[i];
            v[i] = (float)n - v[i];
        }
        break;
    }
    default: /* fixed */
        memcpy(u, l->weighting == SL_WEIGHT_TRUST ? query->fixed : candidate->fixed, (size_t)stride * sizeof *u);
        memcpy(v, query->fixed, (size_t)stride * sizeof *v);
        return any(u, n) && any(v, n);
    }
    bool fine_u = k->normalise(u, n, stride), fine_v = k->normalise(v, n, stride);
    return fine_u && fine_v;
}
