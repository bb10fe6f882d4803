/* EMD kernels with AVX-512 and VNNI. Columns go in blocks of up to 64 (four registers), rows in sixes (the last
 * ones in fours or twos): 24 sums in registers. Panels: one block after the other, [C, width] floats or
 * [C / 4, width, 4] bytes. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "match/kernels/emd_body.h"

enum { BLOCK = 64, ROWS = SL_ROW_TILE, FEW = 4 };

/* Columns computed as blocks: all, but not the last FEW of bytes where they would be a vector by themselves (49
 * patches: the last of them), which cost less as products of rows with rows. */
static int blocked_columns(const sl_match_layout *l)
{
    const int rest = l->patches % LANES;
    const bool few = l->precision == SL_PRECISION_INT8 && l->patches > LANES && rest >= 1 && rest <= FEW;
    return few ? l->stride - LANES : l->stride;
}

static int block_width(int columns, int column)
{
    return columns - column < BLOCK ? columns - column : BLOCK;
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
    const int columns = blocked_columns(l);
    for (int column = 0; column < columns; column += BLOCK) {
        const int width = block_width(columns, column);
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

/* Some rows of a candidate, and where the same rows of the next one lie, which are fetched a cache line of each at a
 * time. */
typedef struct {
    const char *rows, *next;
    size_t bytes; /* between rows */
    const int32_t *sums;
    const float *factors;
} row_tile;

ALWAYS_INLINE void fetch_next(const row_tile *t, size_t at, const int rows)
{
#pragma GCC unroll 6
    for (int s = 0; s < rows; s++)
        _mm_prefetch(t->next + s * t->bytes + at, _MM_HINT_T1);
}

/* S [rows, 16 * width] = the tile's rows [rows, C] * block [C, 16 * width]. */
ALWAYS_INLINE void tile_f32(const row_tile *t, const float *block, size_t channels, float *S, int stride,
                            const int rows, const int width)
{
    __m512 sum[ROWS][4];
#pragma GCC unroll 6
    for (int s = 0; s < rows; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            sum[s][w] = _mm512_setzero_ps();
    for (size_t first = 0; first < channels; first += LANES) {
        const size_t end = first + LANES < channels ? first + LANES : channels;
        fetch_next(t, first * sizeof(float), rows);
        for (size_t c = first; c < end; c++, block += width * LANES) {
            __m512 b[4];
#pragma GCC unroll 4
            for (int w = 0; w < width; w++)
                b[w] = _mm512_loadu_ps(block + w * LANES);
#pragma GCC unroll 6
            for (int s = 0; s < rows; s++) {
                __m512 a = _mm512_set1_ps(((const float *)(t->rows + s * t->bytes))[c]);
#pragma GCC unroll 4
                for (int w = 0; w < width; w++)
                    sum[s][w] = _mm512_fmadd_ps(a, b[w], sum[s][w]);
            }
        }
    }
#pragma GCC unroll 6
    for (int s = 0; s < rows; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            _mm512_storeu_ps(S + (size_t)s * stride + w * LANES, sum[s][w]);
}

/* sum += four products of unsigned and signed bytes in each lane. As an instruction, because gcc 12 copies every
 * sum twice around its intrinsic. */
#define ADD_PRODUCTS(sum, unsigned8, signed8)                                                                     \
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(unsigned8), "v"(signed8))

/* The same of bytes; each sum is scaled by its column's and its row's factor. */
ALWAYS_INLINE void tile_i8(const row_tile *t, const uint8_t *block, size_t n_quads, const float *column_factors,
                           float *S, int stride, const int rows, const int width)
{
    __m512i sum[ROWS][4];
#pragma GCC unroll 6
    for (int s = 0; s < rows; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            sum[s][w] = _mm512_set1_epi32(-128 * t->sums[s]);
    for (size_t first = 0; first < n_quads; first += LANES) {
        const size_t end = first + LANES < n_quads ? first + LANES : n_quads;
        fetch_next(t, first * 4, rows);
        for (size_t q = first; q < end; q++, block += width * 64) {
            __m512i b[4];
#pragma GCC unroll 4
            for (int w = 0; w < width; w++)
                b[w] = _mm512_loadu_si512(block + w * 64);
#pragma GCC unroll 6
            for (int s = 0; s < rows; s++) {
                int32_t four;
                memcpy(&four, t->rows + s * t->bytes + 4 * q, sizeof four);
                __m512i a = _mm512_set1_epi32(four);
#pragma GCC unroll 4
                for (int w = 0; w < width; w++)
                    ADD_PRODUCTS(sum[s][w], b[w], a);
            }
        }
    }
#pragma GCC unroll 6
    for (int s = 0; s < rows; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++) {
            __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(sum[s][w]), _mm512_loadu_ps(column_factors + w * LANES));
            _mm512_storeu_ps(S + (size_t)s * stride + w * LANES, _mm512_mul_ps(x, _mm512_set1_ps(t->factors[s])));
        }
}

/* Calls tile(..., rows, width) with both as constants: 6, 4 or 2 rows, 1 to 4 vectors of columns. */
#define FOR_WIDTH(tile, width, rows, ...)                                                                         \
    switch (width) {                                                                                              \
    case 4: tile(__VA_ARGS__, rows, 4); break;                                                                    \
    case 3: tile(__VA_ARGS__, rows, 3); break;                                                                    \
    case 2: tile(__VA_ARGS__, rows, 2); break;                                                                    \
    default: tile(__VA_ARGS__, rows, 1); break;                                                                   \
    }
#define FOR_SIZE(tile, rows, width, ...)                                                                          \
    if ((rows) == 6)                                                                                              \
        FOR_WIDTH(tile, width, 6, __VA_ARGS__)                                                                    \
    else if ((rows) == 4)                                                                                         \
        FOR_WIDTH(tile, width, 4, __VA_ARGS__)                                                                    \
    else                                                                                                          \
        FOR_WIDTH(tile, width, 2, __VA_ARGS__)

/* The columns from `first` on, of bytes; zeros behind R. */
static void last_columns(const sl_patch_set *query, const sl_patch_set *candidate, int first, float *S)
{
    const sl_match_layout *l = query->layout;
    const sl_set_shape shape = sl_set_shape_of(candidate->layout);
    const int8_t *rows = candidate->rows;
    for (int s = 0; s < shape.row_count; s++, rows += shape.row_stride) {
        float *to = S + (size_t)s * l->stride;
        _mm512_storeu_ps(to + first, _mm512_setzero_ps());
        for (int m = first; m < l->patches; m++) {
            const int8_t *column = (const int8_t *)query->rows + (size_t)m * shape.row_stride;
            __m512i sum = _mm512_setzero_si512();
            for (size_t i = 0; i < shape.row_stride; i += 64) {
                __m512i x = _mm512_xor_si512(_mm512_loadu_si512(column + i), _mm512_set1_epi8(-128));
                ADD_PRODUCTS(sum, x, _mm512_loadu_si512(rows + i));
            }
            const int32_t product = _mm512_reduce_add_epi32(sum) - 128 * candidate->row_sums[s];
            to[m] = (float)product * query->factors[m] * candidate->factors[s];
        }
    }
}

static void similarities(const sl_patch_set *query, const sl_patch_set *candidate, const void *next, float *S)
{
    const sl_match_layout *l = query->layout;
    const sl_set_shape shape = sl_set_shape_of(candidate->layout);
    const bool f32 = l->precision == SL_PRECISION_F32;
    const size_t bytes = shape.row_stride * (f32 ? sizeof(float) : 1), n_quads = quads(l);
    const size_t depth = f32 ? (size_t)l->channels * sizeof(float) : 4 * n_quads; /* bytes of a panel's column */
    const int columns = blocked_columns(l);
    for (int column = 0; column < columns; column += BLOCK) {
        const char *block = (const char *)query->panel + (size_t)column * depth;
        const float *factors = query->factors + column;
        const int width = block_width(columns, column) / LANES;
        for (int s = 0, rows; s < shape.row_count; s += rows) {
            const row_tile t = {.rows = (const char *)candidate->rows + s * bytes,
                                .next = (const char *)(next ? next : candidate->rows) + s * bytes,
                                .bytes = bytes,
                                .sums = f32 ? NULL : candidate->row_sums + s,
                                .factors = candidate->factors + s};
            float *to = S + (size_t)s * l->stride + column;
            rows = shape.row_count - s < ROWS ? shape.row_count - s : ROWS;
            if (f32) {
                FOR_SIZE(tile_f32, rows, width, &t, (const float *)block, (size_t)l->channels, to, l->stride)
            } else {
                FOR_SIZE(tile_i8, rows, width, &t, (const uint8_t *)block, n_quads, factors, to, l->stride)
            }
        }
    }
    if (columns < l->stride)
        last_columns(query, candidate, columns, S);
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
    __m512i total = _mm512_setzero_si512(), squares = total;
    for (size_t i = 0; i < n; i += 64) {
        __m512i bytes = _mm512_loadu_si512(x + i), size = _mm512_abs_epi8(bytes);
        ADD_PRODUCTS(total, one, bytes);
        ADD_PRODUCTS(squares, size, size);
    }
    *sum = _mm512_reduce_add_epi32(total);
    *sum_of_squares = _mm512_reduce_add_epi32(squares);
}

EMD_TABLE(avx512);
#endif
