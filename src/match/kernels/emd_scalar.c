/* EMD kernels in plain C, the reference of the others: any processor. Panels: [C, stride] floats, column m is
 * the query's patch m. Products of bytes are floats too: sums of up to EXACT of them are integers below 2^24,
 * which a float holds exactly. */
#include "match/kernels/emd_body.h"

enum { EXACT = 1024 }; /* * 127 * 127 < 2^24 */

static size_t panel_bytes(const sl_match_layout *l)
{
    return (size_t)l->channels * l->stride * sizeof(float);
}

static void pack_panel(const sl_patch_set *query, void *panel)
{
    const sl_match_layout *l = query->layout;
    const size_t row_stride = sl_set_shape_of(l).row_stride;
    for (int c = 0; c < l->channels; c++)
        for (int m = 0; m < l->stride; m++) {
            const size_t from = m * row_stride + c;
            float x = 0;
            if (m < l->patches)
                x = l->compute == SL_COMPARE_INT8 ? (float)((const int8_t *)query->rows)[from]
                                                      : ((const float *)query->rows)[from];
            ((float *)panel)[(size_t)c * l->stride + m] = x;
        }
}

/* S [2, 16] = rows a, b times 16 columns of the panel, over `channels`. */
static void tile(const float *a, const float *b, const float *panel, int channels, int stride, float *S0,
                 float *S1)
{
    lanes sum[2] = {{{{0}}}};
    for (int c = 0; c < channels; c++, panel += stride)
#pragma GCC unroll 4
        for (int i = 0; i < VECS; i++) {
            vec x = load(panel + i * VEC);
            sum[0].part[i] += a[c] * x;
            sum[1].part[i] += b[c] * x;
        }
    memcpy(S0, &sum[0], sizeof sum[0]);
    memcpy(S1, &sum[1], sizeof sum[1]);
}

static void rows_f32(const float *rows, size_t row_stride, const sl_patch_set *query, float *S)
{
    const sl_match_layout *l = query->layout;
    for (int m = 0; m < l->stride; m += LANES)
        tile(rows, rows + row_stride, (const float *)query->panel + m, l->channels, l->stride, S + m,
             S + l->stride + m);
}

static void rows_i8(const int8_t *rows, size_t row_stride, const float *row_factors, const sl_patch_set *query,
                    float *S)
{
    const sl_match_layout *l = query->layout;
    int32_t sums[2][SL_MATCH_MAX_PATCHES] = {{0}};
    float a[2][EXACT];
    for (int first = 0; first < l->channels; first += EXACT) {
        const int count = l->channels - first < EXACT ? l->channels - first : EXACT;
        for (int i = 0; i < 2; i++)
            body_dequantise(rows + i * row_stride + first, (size_t)count, 1, a[i]);
        for (int m = 0; m < l->stride; m += LANES) {
            float f[2][LANES];
            tile(a[0], a[1], (const float *)query->panel + (size_t)first * l->stride + m, count, l->stride, f[0],
                 f[1]);
            for (int i = 0; i < 2; i++)
                for (int j = 0; j < LANES; j++)
                    sums[i][m + j] += (int32_t)f[i][j];
        }
    }
    for (int i = 0; i < 2; i++)
        for (int m = 0; m < l->stride; m++)
            S[i * l->stride + m] = (float)sums[i][m] * query->factors[m] * row_factors[i];
}

static void similarities(const sl_patch_set *query, const sl_patch_set *candidate, const void *next, float *S)
{
    const sl_match_layout *l = query->layout;
    const sl_set_shape shape = sl_set_shape_of(candidate->layout);
    (void)next; /* slow enough for the processor's own fetching */
    for (int s = 0; s < shape.row_count; s += 2, S += 2 * l->stride) {
        if (l->compute != SL_COMPARE_INT8)
            rows_f32((const float *)candidate->rows + s * shape.row_stride, shape.row_stride, query, S);
        else
            rows_i8((const int8_t *)candidate->rows + s * shape.row_stride, shape.row_stride,
                    candidate->factors + s, query, S);
    }
}

static int64_t product_i16_i8(const int16_t *g, const int8_t *x, size_t n)
{
    int64_t total = 0;
    for (size_t first = 0; first < n; first += 512) { /* 512 products fit 32 bits */
        int32_t sum = 0;
        for (size_t i = first; i < first + 512 && i < n; i++)
            sum += g[i] * x[i];
        total += sum;
    }
    return total;
}

static void sums_i8(const int8_t *x, size_t n, int32_t *sum, int32_t *sum_of_squares)
{
    int32_t total = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        total += x[i];
        squares += x[i] * x[i];
    }
    *sum = total;
    *sum_of_squares = squares;
}

#include "match/kernels/sketch_body.h"

EMD_TABLE(scalar);
