/* EMD kernels with NEON: blocks of 16 columns (four registers) and six rows, 24 sums in registers; the last rows in
 * fours or twos. Panels: [C, 16] floats or [C / 4, 16, 4] bytes a block. */
#include "match/kernels/dots_neon.h"
#include "match/kernels/emd_body.h"

enum { ROWS = SL_ROW_TILE };

/* Of a row, four bytes each: a float or four channels of int8, zero-padded. */
static size_t words(const sl_match_layout *l)
{
    return ((size_t)l->channels * sl_set_element_bytes(l) + 3) / 4;
}

static size_t panel_bytes(const sl_match_layout *l)
{
    return words(l) * 4 * l->stride;
}

static void pack_panel(const sl_patch_set *query, void *panel)
{
    const sl_match_layout *l = query->layout;
    const size_t row_bytes = sl_set_row_stride(l) * sl_set_element_bytes(l), n = words(l);
    uint32_t *to = panel;
    for (int column = 0; column < l->stride; column += LANES)
        for (size_t i = 0; i < n; i++)
            for (int m = column; m < column + LANES; m++, to++) {
                *to = 0;
                if (m < l->patches)
                    memcpy(to, (const char *)query->rows + (size_t)m * row_bytes + 4 * i, sizeof *to);
            }
}

/* S [count, 16] = rows [count, C] * block [C, 16] */
ALWAYS_INLINE void tile_f32(const float *rows, size_t row_stride, const float *block, size_t n_words, float *S,
                            int stride, const int count)
{
    float32x4_t sum[ROWS][VECS];
#pragma GCC unroll 6
    for (int s = 0; s < count; s++)
#pragma GCC unroll 4
        for (int w = 0; w < VECS; w++)
            sum[s][w] = vdupq_n_f32(0);
    for (size_t i = 0; i < n_words; i++, block += LANES) {
        const float32x4x4_t b = vld1q_f32_x4(block);
#pragma GCC unroll 6
        for (int s = 0; s < count; s++)
#pragma GCC unroll 4
            for (int w = 0; w < VECS; w++)
                sum[s][w] = vfmaq_n_f32(sum[s][w], b.val[w], rows[s * row_stride + i]);
    }
#pragma GCC unroll 6
    for (int s = 0; s < count; s++)
#pragma GCC unroll 4
        for (int w = 0; w < VECS; w++)
            vst1q_f32(S + (size_t)s * stride + w * VEC, sum[s][w]);
}

/* The same of bytes; each sum is scaled by its column's and its row's factor. */
ALWAYS_INLINE void tile_i8(const int8_t *rows, size_t row_stride, const float *row_factors, const int8_t *block,
                           size_t n_words, const float *column_factors, float *S, int stride, const int count)
{
    int32x4_t sum[ROWS][VECS];
#pragma GCC unroll 6
    for (int s = 0; s < count; s++)
#pragma GCC unroll 4
        for (int w = 0; w < VECS; w++)
            sum[s][w] = vdupq_n_s32(0);
    for (size_t i = 0; i < n_words; i++, block += 4 * LANES) {
        const int8x16x4_t b = vld1q_s8_x4(block);
#pragma GCC unroll 6
        for (int s = 0; s < count; s++) {
            int32_t four;
            memcpy(&four, rows + s * row_stride + 4 * i, sizeof four);
            const int8x16_t a = vreinterpretq_s8_s32(vdupq_n_s32(four));
#pragma GCC unroll 4
            for (int w = 0; w < VECS; w++)
                sum[s][w] = add_dots(sum[s][w], b.val[w], a);
        }
    }
#pragma GCC unroll 6
    for (int s = 0; s < count; s++)
#pragma GCC unroll 4
        for (int w = 0; w < VECS; w++) {
            const float32x4_t x = vmulq_f32(vcvtq_f32_s32(sum[s][w]), vld1q_f32(column_factors + w * VEC));
            vst1q_f32(S + (size_t)s * stride + w * VEC, vmulq_n_f32(x, row_factors[s]));
        }
}

/* Calls tile(..., count) with count as a constant. */
#define FOR_COUNT(tile, count, ...)                                                                               \
    switch (count) {                                                                                              \
    case 6: tile(__VA_ARGS__, 6); break;                                                                          \
    case 4: tile(__VA_ARGS__, 4); break;                                                                          \
    default: tile(__VA_ARGS__, 2); break;                                                                         \
    }

static void similarities(const sl_patch_set *query, const sl_patch_set *candidate, const void *next, float *S)
{
    const sl_match_layout *l = query->layout;
    const size_t row_stride = sl_set_row_stride(l), n = words(l);
    const int row_count = sl_set_shape_of(candidate->layout).row_count;
    (void)next; /* slow enough for the processor's own fetching */
    for (int s = 0, rows; s < row_count; s += rows) {
        rows = row_count - s < ROWS ? row_count - s : ROWS;
        for (int column = 0; column < l->stride; column += LANES) {
            const char *block = (const char *)query->panel + (size_t)column * 4 * n;
            float *to = S + (size_t)s * l->stride + column;
            if (l->compute == SL_COMPARE_INT8) {
                const int8_t *from = (const int8_t *)candidate->rows + s * row_stride;
                const float *factors = candidate->factors + s, *columns = query->factors + column;
                FOR_COUNT(tile_i8, rows, from, row_stride, factors, (const int8_t *)block, n, columns, to, l->stride)
            } else {
                const float *from = (const float *)candidate->rows + s * row_stride;
                FOR_COUNT(tile_f32, rows, from, row_stride, (const float *)block, n, to, l->stride)
            }
        }
    }
}

static int64_t product_i16_i8(const int16_t *g, const int8_t *x, size_t n)
{
    int32x4_t low = vdupq_n_s32(0), high = low; /* below 512 * 127 * SL_POOLED_MAX < 2^31 for 4,096 channels */
    for (size_t i = 0; i < n; i += 8) {
        const int16x8_t wide = vmovl_s8(vld1_s8(x + i)), factors = vld1q_s16(g + i);
        low = vmlal_s16(low, vget_low_s16(wide), vget_low_s16(factors));
        high = vmlal_high_s16(high, wide, factors);
    }
    return vaddlvq_s32(low) + vaddlvq_s32(high);
}

static void sums_i8(const int8_t *x, size_t n, int32_t *sum, int32_t *sum_of_squares)
{
    int32x4_t total = vdupq_n_s32(0), squares = total;
    for (size_t i = 0; i < n; i += 16) {
        const int8x16_t bytes = vld1q_s8(x + i);
        total = add_dots(total, bytes, vdupq_n_s8(1));
        squares = add_dots(squares, bytes, bytes);
    }
    *sum = vaddvq_s32(total);
    *sum_of_squares = vaddvq_s32(squares);
}

#include "match/kernels/sketch_body.h"

EMD_TABLE(neon);
