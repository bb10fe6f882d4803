#include "match/weights.h"

#include <math.h>
#include <string.h>

#include "match/kernels/kernels.h"

/* w = [w]+ / (sum of [w]+ + 1e-7), zeros behind n; false when all are zero. */
static bool normalise(float *w, int n, int stride)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        w[i] = w[i] > 0 ? w[i] : 0;
        sum += w[i];
    }
    const float total = (float)(sum + 1e-7);
    for (int i = 0; i < n; i++)
        w[i] /= total;
    memset(w + n, 0, (size_t)(stride - n) * sizeof *w);
    return sum > 0;
}

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
    normalise(weights, l->patches, l->stride);
    return SL_OK;
}

sl_status sl_fixed_weights(const sl_match_layout *l, const sl_patch_source *source, float *weights, sl_error *err)
{
    memset(weights, 0, (size_t)l->stride * sizeof *weights);
    if (l->weighting == SL_WEIGHT_LMK)
        return landmark_weights(l, source->landmarks, weights, err);
    if (l->weighting == SL_WEIGHT_TRUST && source->trust) { /* a candidate has none: it takes the query's */
        sl_pool_map(source->trust, l->map_rows, l->map_cols, 1, weights, l->rows, l->cols);
        normalise(weights, l->patches, l->stride);
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

bool sl_pair_weights(const sl_patch_set *query, const sl_patch_set *candidate, const float *S, float *u, float *v)
{
    const sl_match_layout *l = query->layout;
    const sl_emd_kernels *k = sl_emd_kernels_now();
    const int n = l->patches, stride = l->stride;
    switch (l->weighting) {
    case SL_WEIGHT_APC:
    case SL_WEIGHT_CC: {
        /* The candidate's pooled vector went through the product as the row behind its patches (int8: two). */
        const float *pooled = S + (size_t)n * stride;
        const bool two = l->precision == SL_PRECISION_INT8;
        for (int m = 0; m < n; m++)
            v[m] = two ? pooled[m] + pooled[stride + m] : pooled[m];
        k->pooled_products(candidate, query, u);
        break;
    }
    case SL_WEIGHT_SC:
        k->marginal_sums(S, n, stride, u, v);
        for (int i = 0; i < n; i++) { /* sums of distances 1 - S */
            u[i] = (float)n - u[i];
            v[i] = (float)n - v[i];
        }
        break;
    case SL_WEIGHT_SC_TEXT: k->marginal_sums(S, n, stride, u, v); break;
    default: /* fixed */
        memcpy(u, l->weighting == SL_WEIGHT_TRUST ? query->fixed : candidate->fixed, (size_t)stride * sizeof *u);
        memcpy(v, query->fixed, (size_t)stride * sizeof *v);
        return any(u, n) && any(v, n);
    }
    bool fine_u = normalise(u, n, stride), fine_v = normalise(v, n, stride);
    return fine_u && fine_v;
}
