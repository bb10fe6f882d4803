/* EMD kernels with AVX-512 and VNNI. Columns go in blocks of up to 64 (four registers), rows in sixes: 24
 * sums in registers. Panels: one block after the other, [C, width] floats or [C / 4, width, 4] bytes. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "match/kernels/emd_body.h"

enum { BLOCK = 64, ROWS = SL_ROW_TILE };

static int block_width(int stride, int column)
{
    return stride - column < BLOCK ? stride - column : BLOCK;
}

/* Fours of channels, zero-padded. */
static size_t quads(const sl_match_layout *l)
{
    return ((size_t)l->channels + 3) / 4;
}

static size_t panel_bytes(const sl_match_layout *l)
{
    if (l->precision == SL_PRECISION_F32)
        return (size_t)l->channels * l->stride * sizeof(float);
    return quads(l) * 4 * l->stride;
}

/* Sixteen channels at a time, so that what is read and what is written both stay in the cache. */
static void pack_f32(const sl_patch_set *query, float *panel)
{
    const sl_match_layout *l = query->layout;
    const size_t row_stride = sl_set_shape_of(l).row_stride;
    for (int column = 0; column < l->stride; column += BLOCK) {
        const int width = block_width(l->stride, column);
        for (int first = 0; first < l->channels; first += LANES)
            for (int j = 0; j < width; j++) {
                const float *row = (const float *)query->rows + (size_t)(column + j) * row_stride;
                for (int c = first; c < first + LANES && c < l->channels; c++)
                    panel[(size_t)c * width + j] = column + j < l->patches ? row[c] : 0;
            }
        panel += (size_t)l->channels * width;
    }
}

/* vpdpbusd multiplies unsigned by signed bytes: the query is stored + 128, and 128 * (sum of the candidate's
 * row) is taken off where the sums begin. Rows are zero from C to row_stride. */
static void pack_i8(const sl_patch_set *query, uint8_t *panel)
{
    const sl_match_layout *l = query->layout;
    const size_t row_stride = sl_set_shape_of(l).row_stride;
    for (int column = 0; column < l->stride; column += BLOCK) {
        const int width = block_width(l->stride, column);
        for (size_t first = 0; first < quads(l); first += LANES)
            for (int j = 0; j < width; j++) {
                const int8_t *row = (const int8_t *)query->rows + (size_t)(column + j) * row_stride;
                for (size_t q = first; q < first + LANES && q < quads(l); q++) {
                    uint32_t four = 0;
                    if (column + j < l->patches)
                        memcpy(&four, row + 4 * q, sizeof four);
                    four ^= 0x80808080u;
                    memcpy(panel + (q * width + j) * 4, &four, sizeof four);
                }
            }
        panel += quads(l) * width * 4;
    }
}

static void pack_panel(const sl_patch_set *query, void *panel)
{
    if (query->layout->precision == SL_PRECISION_F32)
        pack_f32(query, panel);
    else
        pack_i8(query, panel);
}

/* S [6, 16 * width] = rows [6, C] * block [C, 16 * width]. */
ALWAYS_INLINE void tile_f32(const float *rows, size_t row_stride, const float *block, int channels, float *S,
                            int stride, const int width)
{
    __m512 sum[ROWS][4];
#pragma GCC unroll 6
    for (int s = 0; s < ROWS; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            sum[s][w] = _mm512_setzero_ps();
    for (int c = 0; c < channels; c++, block += width * LANES) {
        __m512 b[4];
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            b[w] = _mm512_loadu_ps(block + w * LANES);
#pragma GCC unroll 6
        for (int s = 0; s < ROWS; s++) {
            __m512 a = _mm512_set1_ps(rows[s * row_stride + c]);
#pragma GCC unroll 4
            for (int w = 0; w < width; w++)
                sum[s][w] = _mm512_fmadd_ps(a, b[w], sum[s][w]);
        }
    }
#pragma GCC unroll 6
    for (int s = 0; s < ROWS; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            _mm512_storeu_ps(S + (size_t)s * stride + w * LANES, sum[s][w]);
}

/* sum += four products of unsigned and signed bytes in each lane. As an instruction, because gcc 12 copies every
 * sum twice around its intrinsic. */
#define ADD_PRODUCTS(sum, unsigned8, signed8)                                                                     \
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(unsigned8), "v"(signed8))

/* The same of bytes; each sum is scaled by its column's and its row's factor. */
ALWAYS_INLINE void tile_i8(const int8_t *rows, size_t row_stride, const int32_t *row_sums,
                           const float *row_factors, const uint8_t *block, size_t n_quads,
                           const float *column_factors, float *S, int stride, const int width)
{
    __m512i sum[ROWS][4];
#pragma GCC unroll 6
    for (int s = 0; s < ROWS; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            sum[s][w] = _mm512_set1_epi32(-128 * row_sums[s]);
    for (size_t q = 0; q < n_quads; q++, block += width * 64) {
        __m512i b[4];
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            b[w] = _mm512_loadu_si512(block + w * 64);
#pragma GCC unroll 6
        for (int s = 0; s < ROWS; s++) {
            int32_t four;
            memcpy(&four, rows + s * row_stride + 4 * q, sizeof four);
            __m512i a = _mm512_set1_epi32(four);
#pragma GCC unroll 4
            for (int w = 0; w < width; w++)
                ADD_PRODUCTS(sum[s][w], b[w], a);
        }
    }
#pragma GCC unroll 6
    for (int s = 0; s < ROWS; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++) {
            __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(sum[s][w]), _mm512_loadu_ps(column_factors + w * LANES));
            _mm512_storeu_ps(S + (size_t)s * stride + w * LANES, _mm512_mul_ps(x, _mm512_set1_ps(row_factors[s])));
        }
}

static void similarities_f32(const sl_patch_set *query, const sl_patch_set *candidate, float *S)
{
    const sl_match_layout *l = query->layout;
    const sl_set_shape shape = sl_set_shape_of(l);
    const int stride = l->stride;
    for (int column = 0; column < stride; column += BLOCK) {
        const float *block = (const float *)query->panel + (size_t)column * l->channels;
        int width = block_width(stride, column) / LANES;
        for (int s = 0; s < shape.row_count; s += ROWS) {
            const float *rows = (const float *)candidate->rows + s * shape.row_stride;
            float *to = S + (size_t)s * stride + column;
            switch (width) {
            case 4: tile_f32(rows, shape.row_stride, block, l->channels, to, stride, 4); break;
            case 3: tile_f32(rows, shape.row_stride, block, l->channels, to, stride, 3); break;
            case 2: tile_f32(rows, shape.row_stride, block, l->channels, to, stride, 2); break;
            default: tile_f32(rows, shape.row_stride, block, l->channels, to, stride, 1); break;
            }
        }
    }
}

static void similarities_i8(const sl_patch_set *query, const sl_patch_set *candidate, float *S)
{
    const sl_match_layout *l = query->layout;
    const sl_set_shape shape = sl_set_shape_of(l);
    const int stride = l->stride;
    const size_t n = quads(l);
    for (int column = 0; column < stride; column += BLOCK) {
        const uint8_t *block = (const uint8_t *)query->panel + (size_t)column * n * 4;
        const float *factors = query->factors + column;
        int width = block_width(stride, column) / LANES;
        for (int s = 0; s < shape.row_count; s += ROWS) {
            const int8_t *rows = (const int8_t *)candidate->rows + s * shape.row_stride;
            const int32_t *sums = candidate->row_sums + s;
            const float *row_factors = candidate->factors + s;
            float *to = S + (size_t)s * stride + column;
            size_t rs = shape.row_stride;
            switch (width) {
            case 4: tile_i8(rows, rs, sums, row_factors, block, n, factors, to, stride, 4); break;
            case 3: tile_i8(rows, rs, sums, row_factors, block, n, factors, to, stride, 3); break;
            case 2: tile_i8(rows, rs, sums, row_factors, block, n, factors, to, stride, 2); break;
            default: tile_i8(rows, rs, sums, row_factors, block, n, factors, to, stride, 1); break;
            }
        }
    }
}

static void similarities(const sl_patch_set *query, const sl_patch_set *candidate, float *S)
{
    if (query->layout->precision == SL_PRECISION_F32)
        similarities_f32(query, candidate, S);
    else
        similarities_i8(query, candidate, S);
}

static int64_t product_i16_i8(const int16_t *g, const int8_t *x, size_t n)
{
    __m512i even = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 64) { /* n is a multiple of 64 */
        __m512i a = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(x + i)));
        __m512i b = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(x + i + 32)));
        even = _mm512_dpwssd_epi32(even, a, _mm512_loadu_si512(g + i));
        odd = _mm512_dpwssd_epi32(odd, b, _mm512_loadu_si512(g + i + 32));
    }
    /* Each lane stays below 128 * 127 * SL_POOLED_MAX < 2^31 for 4,096 channels; the sum needs more. */
    __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(even)), sum;
    sum = _mm512_add_epi64(low, _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(even, 1)));
    sum = _mm512_add_epi64(sum, _mm512_cvtepi32_epi64(_mm512_castsi512_si256(odd)));
    sum = _mm512_add_epi64(sum, _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(odd, 1)));
    return _mm512_reduce_add_epi64(sum);
}

static void sums_i8(const int8_t *x, size_t n, int32_t *sum, int32_t *sum_of_squares)
{
    const __m512i one = _mm512_set1_epi8(1);
    __m512i total = _mm512_setzero_si512(), even = total, odd = total;
    for (size_t i = 0; i < n; i += 64) {
        __m512i bytes = _mm512_loadu_si512(x + i);
        __m512i a = _mm512_cvtepi8_epi16(_mm512_castsi512_si256(bytes));
        __m512i b = _mm512_cvtepi8_epi16(_mm512_extracti64x4_epi64(bytes, 1));
        ADD_PRODUCTS(total, one, bytes);
        even = _mm512_dpwssd_epi32(even, a, a);
        odd = _mm512_dpwssd_epi32(odd, b, b);
    }
    *sum = _mm512_reduce_add_epi32(total);
    *sum_of_squares = _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
}

EMD_TABLE(avx512);
#endif
