/* EMD kernels in plain C, the reference of the others: any processor. Panels: [C, stride] floats or 16-bit
 * integers, column m of the panel is the query's patch m. */
#include "match/kernels/emd_body.h"

static size_t panel_bytes(const sl_match_layout *l)
{
    size_t item = l->precision == SL_PRECISION_F32 ? sizeof(float) : sizeof(int16_t);
    return (size_t)l->channels * l->stride * item;
}

static void pack_panel(const sl_patch_set *query, void *panel)
{
    const sl_match_layout *l = query->layout;
    const size_t row_stride = sl_set_shape_of(l).row_stride;
    float *to_f32 = panel;
    int16_t *to_i16 = panel;
    for (size_t c = 0; c < (size_t)l->channels; c++)
        for (int m = 0; m < l->stride; m++) {
            size_t from = m * row_stride + c, to = c * l->stride + m;
            if (l->precision == SL_PRECISION_F32)
                to_f32[to] = m < l->patches ? ((const float *)query->rows)[from] : 0;
            else
                to_i16[to] = m < l->patches ? ((const int8_t *)query->rows)[from] : 0;
        }
}

static void row_f32(const float *row, const float *panel, const sl_match_layout *l, float *S)
{
    for (int column = 0; column < l->stride; column += LANES) {
        lanes sum = {0};
        for (int c = 0; c < l->channels; c++)
            sum += row[c] * load(panel + (size_t)c * l->stride + column);
        store(S + column, sum);
    }
}

static void row_i8(const int8_t *row, float row_factor, const sl_patch_set *query, float *S)
{
    const sl_match_layout *l = query->layout;
    const int16_t *panel = query->panel;
    int32_t sum[SL_MATCH_MAX_PATCHES] = {0};
    for (int c = 0; c < l->channels; c++)
        for (int m = 0; m < l->stride; m++)
            sum[m] += row[c] * panel[(size_t)c * l->stride + m];
    for (int m = 0; m < l->stride; m++)
        S[m] = (float)sum[m] * query->factors[m] * row_factor;
}

static void similarities(const sl_patch_set *query, const sl_patch_set *candidate, float *S)
{
    const sl_match_layout *l = query->layout;
    const sl_set_shape shape = sl_set_shape_of(l);
    for (int s = 0; s < shape.row_count; s++, S += l->stride) {
        if (l->precision == SL_PRECISION_F32)
            row_f32((const float *)candidate->rows + s * shape.row_stride, query->panel, l, S);
        else
            row_i8((const int8_t *)candidate->rows + s * shape.row_stride, candidate->factors[s], query, S);
    }
}

static int64_t product_i16_i8(const int16_t *g, const int8_t *x, size_t n)
{
    int64_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += g[i] * x[i];
    return total;
}

EMD_TABLE(scalar);
