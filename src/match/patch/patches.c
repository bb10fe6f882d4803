/* Patch sets: from a stored map to unit patches in the kernels' form. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "match/kernels/match_kernels.h"
#include "match/patch/pool_map.h"
#include "match/patch/weighting.h"

/* A vector with nothing larger than this counts as zero (PyTorch's normalize has its floor there too). */
static const float nothing = 1e-12f;

/* Where the parts of a set lie in its memory. */
typedef struct {
    size_t rows, panel, factors, row_sums, pooled, shares, fixed, total;
} set_offsets;

static size_t place(size_t *total, size_t bytes)
{
    size_t at = *total;
    *total += (bytes + 63) / 64 * 64;
    return at;
}

static set_offsets offsets_of(const sl_match_layout *l, sl_role role)
{
    const sl_set_shape shape = sl_set_shape_of(l);
    const bool i8 = l->compute == SL_COMPARE_INT8;
    const size_t factors = (size_t)(shape.row_count > l->stride ? shape.row_count : l->stride);
    set_offsets o = {0};
    o.rows = place(&o.total, (size_t)shape.row_count * shape.row_stride * sl_set_element_bytes(l));
    o.panel = place(&o.total, role == SL_ROLE_QUERY ? sl_emd_kernels_now()->panel_bytes(l) : 0);
    o.factors = place(&o.total, factors * sizeof(float));
    o.row_sums = place(&o.total, i8 ? (size_t)shape.row_count * sizeof(int32_t) : 0);
    o.pooled = place(&o.total, sl_has_pooled(l) ? shape.row_stride * (i8 ? sizeof(int16_t) : sizeof(float)) : 0);
    o.shares = place(&o.total, (size_t)l->stride * sizeof(float));
    o.fixed = place(&o.total, (size_t)l->stride * sizeof(float));
    return o;
}

size_t sl_patch_set_bytes(const sl_match_layout *layout, sl_role role)
{
    return offsets_of(layout, role).total;
}

void sl_patch_set_place(sl_patch_set *set, const sl_match_layout *layout, sl_role role, void *memory)
{
    const set_offsets o = offsets_of(layout, role);
    char *base = memory;
    *set = (sl_patch_set){
        .layout = layout,
        .rows = base + o.rows,
        .panel = role == SL_ROLE_QUERY ? base + o.panel : NULL,
        .factors = (float *)(base + o.factors),
        .row_sums = layout->compute == SL_COMPARE_INT8 ? (int32_t *)(base + o.row_sums) : NULL,
        .pooled = sl_has_pooled(layout) ? base + o.pooled : NULL,
        .shares = (float *)(base + o.shares),
        .fixed = (float *)(base + o.fixed),
    };
}

const void *sl_stored_rows(const sl_match_layout *l, const sl_patch_source *source)
{
    const bool native = l->rows == l->map_rows && l->cols == l->map_cols && l->feature == SL_FEATURE_MAP;
    const bool fits = sl_set_row_stride(l) == (size_t)l->channels;
    if (!native || !fits || l->compute == SL_COMPARE_BF16)
        return NULL;
    return l->compute == SL_COMPARE_F32 ? (const void *)source->patches_f32 : source->patches_i8;
}

/* |x| of a vector that is not zero; no size of its numbers overflows. */
static double length_of(const float *x, size_t n, float largest)
{
    return largest * sqrt(sl_emd_kernels_now()->sum_of_squares(x, n, 1 / largest));
}

/* What is left of a row of bytes: its factor and its length. */
static double finish_row_i8(sl_patch_set *set, int i, int32_t squares, float scale)
{
    const float length = sqrtf((float)squares);
    set->factors[i] = squares && scale > 0 ? 1 / length : 0;
    return (double)length * (double)scale;
}

/* Row i of the set, of floats or bf16, becomes x * factor. */
static void put_row(sl_patch_set *set, int i, const float *x, float factor)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    const sl_match_layout *l = set->layout;
    const size_t channels = (size_t)l->channels, at = (size_t)i * sl_set_row_stride(l);
    if (l->compute == SL_COMPARE_F32)
        k->scale(x, channels, factor, (float *)set->rows + at);
    else if (sl_set_element_bytes(l) == sizeof(float))
        k->scale_to_bf16(x, channels, factor, (float *)set->rows + at);
    else
        k->pack_to_bf16(x, channels, factor, (uint16_t *)set->rows + at);
    set->factors[i] = 1;
}

/* Row i of the set becomes x / |x|, or zero; *length = |x|, of int8 rows what is left of it. False when x has NaN or
 * infinity. */
static bool set_row(sl_patch_set *set, int i, const float *x, double *length)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    const size_t channels = (size_t)set->layout->channels, stride = sl_set_row_stride(set->layout);
    const float largest = k->largest(x, channels);
    if (!isfinite(largest))
        return false;
    const bool zero = largest < nothing;
    if (set->layout->compute != SL_COMPARE_INT8) {
        *length = zero ? 0 : length_of(x, channels, largest);
        put_row(set, i, x, zero ? 0 : (float)(1 / *length));
        return true;
    }
    int8_t *row = (int8_t *)set->rows + (size_t)i * stride;
    k->quantise(x, channels, zero ? 0 : 127 / largest, row);
    int32_t squares_i8;
    k->sums_i8(row, stride, &set->row_sums[i], &squares_i8);
    *length = finish_row_i8(set, i, squares_i8, largest / 127);
    return true;
}

/* The same from a stored int8 patch, for rows of floats. */
static bool set_row_of_i8(sl_patch_set *set, int i, const int8_t *x, float scale, double *length)
{
    float raw[SL_MATCH_MAX_CHANNELS];
    if (!(isfinite(scale) && scale >= 0))
        return false;
    sl_emd_kernels_now()->dequantise(x, (size_t)set->layout->channels, scale, raw);
    return set_row(set, i, raw, length);
}

/* All rows of bytes as they are stored: a patch's scale does not matter unless it is 0. The first bad row, or -1. */
static int set_stored_rows(sl_patch_set *set, const sl_patch_source *source, double *lengths)
{
    const sl_match_layout *l = set->layout;
    int32_t squares[SL_MATCH_MAX_PATCHES];
    sl_emd_kernels_now()->take_rows(source->patches_i8, l->patches, (size_t)l->channels, set->rows,
                                    sl_set_row_stride(l), set->row_sums, squares);
    for (int i = 0; i < l->patches; i++) {
        const float scale = source->patch_scales[i];
        if (!(isfinite(scale) && scale >= 0))
            return i;
        lengths[i] = finish_row_i8(set, i, squares[i], scale);
    }
    return -1;
}

/* APC's g is the sum of share * p, a mean of unit patches by their lengths. It is not made a unit vector: weights are
 * divided by their sum, and only the 1e-7 beside that sum could tell. */
static void set_shares(sl_patch_set *set, const double *lengths)
{
    const sl_match_layout *l = set->layout;
    double total = 0;
    memset(set->shares, 0, (size_t)l->stride * sizeof *set->shares);
    for (int i = 0; i < l->patches; i++)
        total += lengths[i];
    for (int i = 0; total > 0 && i < l->patches; i++)
        set->shares[i] = (float)(lengths[i] / total);
}

static sl_status set_rows(sl_patch_set *set, const sl_patch_source *source, sl_error *err)
{
    const sl_match_layout *l = set->layout;
    const bool pooled = l->rows != l->map_rows || l->cols != l->map_cols;
    const size_t channels = (size_t)l->channels;
    float mean[SL_MATCH_MAX_CHANNELS];
    double lengths[SL_MATCH_MAX_PATCHES];
    int bad = -1;
    if (!pooled && !source->patches_f32 && l->compute == SL_COMPARE_INT8) {
        bad = set_stored_rows(set, source, lengths);
    } else {
        for (int i = 0; bad < 0 && i < l->patches; i++) {
            const size_t at = (size_t)i * channels;
            const float *row = pooled ? mean : source->patches_f32 ? source->patches_f32 + at : NULL;
            if (pooled) /* the length does not matter: no division */
                sl_pool_window(l, source, i / l->cols, i % l->cols, mean);
            if (!(row ? set_row(set, i, row, &lengths[i])
                      : set_row_of_i8(set, i, source->patches_i8 + at, source->patch_scales[i], &lengths[i])))
                bad = i;
        }
    }
    if (bad >= 0)
        return sl_fail(err, SL_ERR_NUMERIC, "patch map: patch %d has NaN or infinity", bad);
    set_shares(set, lengths);
    return SL_OK;
}

/* The sum of all raw patches into `sum`, with the largest of its numbers; false when they are not finite. */
static bool sum_of_map(const sl_match_layout *l, const sl_patch_source *source, float *sum, float *largest)
{
    sl_match_layout whole = *l; /* one window over the whole map */
    whole.rows = whole.cols = 1;
    sl_pool_window(&whole, source, 0, 0, sum);
    *largest = sl_emd_kernels_now()->largest(sum, (size_t)l->channels);
    return isfinite(*largest);
}

/* The pooled unit vector, as the partner of products and as the last row(s) of a candidate. */
static sl_status set_pooled(sl_patch_set *set, const sl_patch_source *source, sl_error *err)
{
    const sl_match_layout *l = set->layout;
    const sl_emd_kernels *k = sl_emd_kernels_now();
    const sl_set_shape shape = sl_set_shape_of(l);
    const size_t channels = (size_t)l->channels;
    float sum[SL_MATCH_MAX_CHANNELS], largest;
    const bool of_patches = l->weighting->pool == SL_POOL_PATCHES;
    const float *vector = of_patches ? sum : source->embedding;
    if (!vector)
        return sl_fail(err, SL_ERR_ARGUMENT, "weighting %s needs the embedding beside the patch map",
                       l->weighting->name);
    bool fine = of_patches ? sum_of_map(l, source, sum, &largest) : isfinite(largest = k->largest(vector, channels));
    if (!fine)
        return sl_fail(err, SL_ERR_NUMERIC, "%s has NaN or infinity",
                       of_patches ? "patch map: the mean of all patches" : "the embedding");
    const bool zero = largest < nothing;
    const double length = zero ? 0 : length_of(vector, channels, largest);
    if (l->compute != SL_COMPARE_INT8) {
        float *g = set->pooled; /* as it is, also beside rows of bf16 */
        k->scale(vector, channels, zero ? 0 : (float)(1 / length), g);
        memset(g + channels, 0, (shape.row_stride - channels) * sizeof *g);
        put_row(set, l->patches, g, 1);
        return SL_OK;
    }
    int16_t *g = set->pooled;
    int8_t *high = (int8_t *)set->rows + (size_t)l->patches * shape.row_stride, *low = high + shape.row_stride;
    const float to_integer = zero ? 0 : SL_POOLED_MAX / largest;
    k->quantise_i16(vector, channels, to_integer, g);
    for (size_t c = 0; c < channels; c++) {
        high[c] = (int8_t)((g[c] + SL_POOLED_BASE / 2) >> 7);
        low[c] = (int8_t)(g[c] - high[c] * SL_POOLED_BASE);
    }
    memset(g + channels, 0, (shape.row_stride - channels) * sizeof *g);
    set->pooled_factor = zero ? 0 : (float)(1 / (length * to_integer));
    int32_t *sums = set->row_sums + l->patches, ignored;
    k->sums_i8(high, shape.row_stride, &sums[0], &ignored);
    k->sums_i8(low, shape.row_stride, &sums[1], &ignored);
    set->factors[l->patches] = SL_POOLED_BASE * set->pooled_factor;
    set->factors[l->patches + 1] = set->pooled_factor;
    return SL_OK;
}

void sl_patch_set_pad(sl_patch_set *set)
{
    const sl_match_layout *l = set->layout;
    const sl_set_shape shape = sl_set_shape_of(l);
    const size_t item = sl_set_element_bytes(l);
    char *rows = set->rows;
    if (shape.row_stride > (size_t)l->channels)
        for (int i = 0; i < shape.row_count; i++)
            memset(rows + ((size_t)i * shape.row_stride + l->channels) * item, 0,
                   (shape.row_stride - l->channels) * item);
    memset(rows + (size_t)l->patches * shape.row_stride * item, 0,
           (size_t)(shape.row_count - l->patches) * shape.row_stride * item);
    int count = shape.row_count > l->stride ? shape.row_count : l->stride;
    memset(set->factors + l->patches, 0, (size_t)(count - l->patches) * sizeof(float));
    if (set->row_sums)
        memset(set->row_sums + l->patches, 0, (size_t)(shape.row_count - l->patches) * sizeof(int32_t));
}

sl_status sl_patch_set_init(sl_patch_set *set, const sl_match_layout *layout, sl_role role, void *memory,
                            const sl_patch_source *source, sl_error *err)
{
    sl_patch_set_place(set, layout, role, memory);
    sl_patch_source compared = *source;
    if (layout->feature == SL_FEATURE_CONTRIBUTIONS) {
        compared.patches_i8 = NULL;
        compared.patches_f32 = source->contributions;
    }
    if (!compared.patches_f32 && !(compared.patches_i8 && compared.patch_scales))
        return sl_fail(err, SL_ERR_ARGUMENT, "no patch map given");
    sl_patch_set_pad(set);
    SL_TRY(set_rows(set, &compared, err));
    if (role == SL_ROLE_QUERY)
        sl_emd_kernels_now()->pack_panel(set, set->panel);
    if (set->pooled)
        SL_TRY(set_pooled(set, &compared, err));
    if (role == SL_ROLE_QUERY) /* columns: nothing but the patches */
        memset(set->factors + layout->patches, 0, (size_t)(layout->stride - layout->patches) * sizeof(float));
    memset(set->fixed, 0, (size_t)layout->stride * sizeof *set->fixed);
    return layout->weighting->fixed ? layout->weighting->fixed(layout, source, set->fixed, err) : SL_OK;
}
