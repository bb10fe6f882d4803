/* EMD kernels with AVX2 and FMA: blocks of 16 columns (two registers) and six rows, 12 sums in registers; the last
 * rows in fours or twos (bytes: half of those, as gcc 12 spills twelve sums of two instructions each).
 * Panels: [C, 16] floats or [C / 2, 16, 2] 16-bit integers a block. Bytes are widened to 16 bits before they
 * are multiplied (vpmaddwd), so that nothing can saturate. */
#include <immintrin.h>

#include "match/kernels/emd_body.h"

enum { ROWS = SL_ROW_TILE, HALF = ROWS / 2 };

static size_t pairs(const sl_match_layout *l)
{
    return ((size_t)l->channels + 1) / 2;
}

static size_t panel_bytes(const sl_match_layout *l)
{
    if (l->compute != SL_COMPARE_INT8)
        return (size_t)l->channels * l->stride * sizeof(float);
    return pairs(l) * 2 * l->stride * sizeof(int16_t);
}

static void pack_panel(const sl_patch_set *query, void *panel)
{
    const sl_match_layout *l = query->layout;
    const size_t row_stride = sl_set_shape_of(l).row_stride;
    float *to_f32 = panel;
    int16_t *to_i16 = panel;
    for (int column = 0; column < l->stride; column += LANES) {
        if (l->compute != SL_COMPARE_INT8) {
            for (int c = 0; c < l->channels; c++)
                for (int m = column; m < column + LANES; m++)
                    *to_f32++ = m < l->patches ? ((const float *)query->rows)[m * row_stride + c] : 0;
        } else {
            for (size_t p = 0; p < pairs(l); p++)
                for (int m = column; m < column + LANES; m++)
                    for (int i = 0; i < 2; i++)
                        *to_i16++ = m < l->patches ? ((const int8_t *)query->rows)[m * row_stride + 2 * p + i] : 0;
        }
    }
}

ALWAYS_INLINE void tile_f32(const float *rows, size_t row_stride, const float *block, int channels, float *S,
                            int stride, const int count)
{
    __m256 low[ROWS], high[ROWS];
#pragma GCC unroll 6
    for (int s = 0; s < count; s++)
        low[s] = high[s] = _mm256_setzero_ps();
    for (int c = 0; c < channels; c++, block += LANES) {
        __m256 b0 = _mm256_loadu_ps(block), b1 = _mm256_loadu_ps(block + 8);
#pragma GCC unroll 6
        for (int s = 0; s < count; s++) {
            __m256 a = _mm256_broadcast_ss(rows + s * row_stride + c);
            low[s] = _mm256_fmadd_ps(a, b0, low[s]);
            high[s] = _mm256_fmadd_ps(a, b1, high[s]);
        }
    }
#pragma GCC unroll 6
    for (int s = 0; s < count; s++) {
        _mm256_storeu_ps(S + (size_t)s * stride, low[s]);
        _mm256_storeu_ps(S + (size_t)s * stride + 8, high[s]);
    }
}

static __m256 scaled(__m256i sum, const float *column_factors, float row_factor)
{
    __m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(column_factors));
    return _mm256_mul_ps(x, _mm256_set1_ps(row_factor));
}

ALWAYS_INLINE void tile_i16(const int16_t *rows, size_t row_stride, const float *row_factors, const int16_t *block,
                            size_t n_pairs, const float *column_factors, float *S, int stride, const int count)
{
    __m256i low[HALF], high[HALF];
#pragma GCC unroll 3
    for (int s = 0; s < count; s++)
        low[s] = high[s] = _mm256_setzero_si256();
    for (size_t p = 0; p < n_pairs; p++, block += 2 * LANES) {
        __m256i b0 = _mm256_loadu_si256((const __m256i *)block);
        __m256i b1 = _mm256_loadu_si256((const __m256i *)(block + LANES));
#pragma GCC unroll 3
        for (int s = 0; s < count; s++) {
            int32_t two;
            memcpy(&two, rows + s * row_stride + 2 * p, sizeof two);
            __m256i a = _mm256_set1_epi32(two);
            low[s] = _mm256_add_epi32(low[s], _mm256_madd_epi16(a, b0));
            high[s] = _mm256_add_epi32(high[s], _mm256_madd_epi16(a, b1));
        }
    }
#pragma GCC unroll 3
    for (int s = 0; s < count; s++) {
        _mm256_storeu_ps(S + (size_t)s * stride, scaled(low[s], column_factors, row_factors[s]));
        _mm256_storeu_ps(S + (size_t)s * stride + 8, scaled(high[s], column_factors + 8, row_factors[s]));
    }
}

/* Rows s .. s + rows - 1. */
static void rows_i8(const sl_patch_set *query, const sl_patch_set *candidate, int s, int rows, float *S)
{
    const sl_match_layout *l = query->layout;
    const size_t row_stride = sl_set_shape_of(l).row_stride, n = pairs(l);
    const int8_t *from = (const int8_t *)candidate->rows + s * row_stride;
    int16_t wide[ROWS * SL_MATCH_MAX_CHANNELS];
    for (size_t i = 0; i < rows * row_stride; i += LANES)
        _mm256_storeu_si256((__m256i *)(wide + i),
                            _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(from + i))));
    for (int column = 0; column < l->stride; column += LANES) {
        const int16_t *block = (const int16_t *)query->panel + (size_t)column * 2 * n;
        for (int i = 0; i < rows; i += rows / 2) {
            const int16_t *tile = wide + i * row_stride;
            const float *factors = candidate->factors + s + i, *columns = query->factors + column;
            float *to = S + (size_t)(s + i) * l->stride + column;
            switch (rows) {
            case 6: tile_i16(tile, row_stride, factors, block, n, columns, to, l->stride, 3); break;
            case 4: tile_i16(tile, row_stride, factors, block, n, columns, to, l->stride, 2); break;
            default: tile_i16(tile, row_stride, factors, block, n, columns, to, l->stride, 1); break;
            }
        }
    }
}

static void rows_f32(const sl_patch_set *query, const sl_patch_set *candidate, int s, int rows, float *S)
{
    const sl_match_layout *l = query->layout;
    const size_t row_stride = sl_set_shape_of(l).row_stride;
    const float *from = (const float *)candidate->rows + s * row_stride;
    for (int column = 0; column < l->stride; column += LANES) {
        const float *block = (const float *)query->panel + (size_t)column * l->channels;
        float *to = S + (size_t)s * l->stride + column;
        switch (rows) {
        case 6: tile_f32(from, row_stride, block, l->channels, to, l->stride, 6); break;
        case 4: tile_f32(from, row_stride, block, l->channels, to, l->stride, 4); break;
        default: tile_f32(from, row_stride, block, l->channels, to, l->stride, 2); break;
        }
    }
}

static void similarities(const sl_patch_set *query, const sl_patch_set *candidate, const void *next, float *S)
{
    const int row_count = sl_set_shape_of(candidate->layout).row_count;
    const bool i8 = query->layout->compute == SL_COMPARE_INT8;
    (void)next; /* slow enough for the processor's own fetching */
    for (int s = 0, rows; s < row_count; s += rows) {
        rows = row_count - s < ROWS ? row_count - s : ROWS;
        (i8 ? rows_i8 : rows_f32)(query, candidate, s, rows, S);
    }
}

static int64_t product_i16_i8(const int16_t *g, const int8_t *x, size_t n)
{
    __m256i sum = _mm256_setzero_si256(); /* below 256 * 2 * 127 * SL_POOLED_MAX < 2^31 for 4,096 channels */
    for (size_t i = 0; i < n; i += LANES) {
        __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + i)));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(wide, _mm256_loadu_si256((const __m256i *)(g + i))));
    }
    int32_t part[8];
    _mm256_storeu_si256((__m256i *)part, sum);
    int64_t total = 0;
    for (int i = 0; i < 8; i++)
        total += part[i];
    return total;
}

static int32_t sum_of_i32(__m256i x)
{
    int32_t part[8], total = 0;
    _mm256_storeu_si256((__m256i *)part, x);
    for (int i = 0; i < 8; i++)
        total += part[i];
    return total;
}

static void sums_i8(const int8_t *x, size_t n, int32_t *sum, int32_t *sum_of_squares)
{
    const __m256i one = _mm256_set1_epi16(1);
    __m256i total = _mm256_setzero_si256(), squares = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i += LANES) {
        __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + i)));
        total = _mm256_add_epi32(total, _mm256_madd_epi16(wide, one));
        squares = _mm256_add_epi32(squares, _mm256_madd_epi16(wide, wide));
    }
    *sum = sum_of_i32(total);
    *sum_of_squares = sum_of_i32(squares);
}

#include "match/kernels/sketch_body.h"

EMD_TABLE(avx2);
