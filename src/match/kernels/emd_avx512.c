/* EMD kernels with AVX-512 and VNNI. Columns go in blocks of up to 64 (four registers), rows in sixes (the last
 * ones in fours or twos): 24 sums in registers. Panels: one block after the other, [C, width] floats,
 * [C / 2, width, 2] bf16 or [C / 4, width, 4] bytes. */
#include <immintrin.h>

#include "match/kernels/emd_body.h"

enum { BLOCK = 64, ROWS = SL_ROW_TILE, FEW = 4 };

/* Columns computed as blocks: all, but not the last FEW of bytes where they would be a vector by themselves (49
 * patches: the last of them), which cost less as products of rows with rows. */
static int blocked_columns(const sl_match_layout *l)
{
    const int rest = l->patches % LANES;
    const bool few = l->compute == SL_COMPARE_INT8 && l->patches > LANES && rest >= 1 && rest <= FEW;
    return few ? l->stride - LANES : l->stride;
}

static int block_width(int columns, int column)
{
    return columns - column < BLOCK ? columns - column : BLOCK;
}

/* Of a row, four bytes each: a float, two channels of bf16 or four of int8, zero-padded. */
static size_t words(const sl_match_layout *l)
{
    return ((size_t)l->channels * sl_set_element_bytes(l) + 3) / 4;
}

static size_t panel_bytes(const sl_match_layout *l)
{
    return words(l) * 4 * l->stride;
}

/* Sixteen words at a time, so that what is read and what is written both stay in the cache. vpdpbusd multiplies
 * unsigned by signed bytes: the query's are stored + 128, and 128 * (sum of the candidate's row) is taken off where the
 * sums begin. Rows are zero from C to row_stride. */
static void pack_panel(const sl_patch_set *query, void *panel)
{
    const sl_match_layout *l = query->layout;
    const size_t row_bytes = sl_set_row_stride(l) * sl_set_element_bytes(l), n = words(l);
    const uint32_t offset = l->compute == SL_COMPARE_INT8 ? 0x80808080u : 0;
    const int columns = blocked_columns(l);
    char *block = panel;
    for (int column = 0; column < columns; column += BLOCK) {
        const int width = block_width(columns, column);
        for (size_t first = 0; first < n; first += LANES)
            for (int j = 0; j < width; j++) {
                const char *row = (const char *)query->rows + (size_t)(column + j) * row_bytes;
                for (size_t i = first; i < first + LANES && i < n; i++) {
                    uint32_t word = 0;
                    if (column + j < l->patches)
                        memcpy(&word, row + 4 * i, sizeof word);
                    word ^= offset;
                    memcpy(block + (i * width + j) * 4, &word, sizeof word);
                }
            }
        block += n * width * 4;
    }
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

/* sum += two products of bf16 in each lane; denormals count as zero. As an instruction, so that the file needs no flag
 * for it and runs where there is none. */
#define ADD_PAIRS(sum, pairs, pair) __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(pairs), "v"(pair))

/* S [rows, 16 * width] = the tile's rows [rows, C] * block [C, 16 * width], of floats or pairs of bf16. */
ALWAYS_INLINE void tile_floats(const row_tile *t, const float *block, size_t n_words, float *S, int stride,
                               const bool pairs, const int rows, const int width)
{
    __m512 sum[ROWS][4];
#pragma GCC unroll 6
    for (int s = 0; s < rows; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            sum[s][w] = _mm512_setzero_ps();
    for (size_t first = 0; first < n_words; first += LANES) {
        const size_t end = first + LANES < n_words ? first + LANES : n_words;
        fetch_next(t, first * 4, rows);
        for (size_t i = first; i < end; i++, block += width * LANES) {
            __m512 b[4];
#pragma GCC unroll 4
            for (int w = 0; w < width; w++)
                b[w] = _mm512_loadu_ps(block + w * LANES);
#pragma GCC unroll 6
            for (int s = 0; s < rows; s++) {
                float word;
                memcpy(&word, t->rows + s * t->bytes + 4 * i, sizeof word);
                __m512 a = _mm512_set1_ps(word);
#pragma GCC unroll 4
                for (int w = 0; w < width; w++) {
                    if (pairs)
                        ADD_PAIRS(sum[s][w], b[w], a);
                    else
                        sum[s][w] = _mm512_fmadd_ps(a, b[w], sum[s][w]);
                }
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

/* sum [rows, 16 * width] of bytes, exact. */
ALWAYS_INLINE void sums_of_bytes(const row_tile *t, const uint8_t *block, size_t n_words, __m512i sum[ROWS][4],
                                 const int rows, const int width)
{
#pragma GCC unroll 6
    for (int s = 0; s < rows; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            sum[s][w] = _mm512_set1_epi32(-128 * t->sums[s]);
    for (size_t first = 0; first < n_words; first += LANES) {
        const size_t end = first + LANES < n_words ? first + LANES : n_words;
        fetch_next(t, first * 4, rows);
        for (size_t i = first; i < end; i++, block += width * 64) {
            __m512i b[4];
#pragma GCC unroll 4
            for (int w = 0; w < width; w++)
                b[w] = _mm512_loadu_si512(block + w * 64);
#pragma GCC unroll 6
            for (int s = 0; s < rows; s++) {
                int32_t four;
                memcpy(&four, t->rows + s * t->bytes + 4 * i, sizeof four);
                __m512i a = _mm512_set1_epi32(four);
#pragma GCC unroll 4
                for (int w = 0; w < width; w++)
                    ADD_PRODUCTS(sum[s][w], b[w], a);
            }
        }
    }
}

/* S of bytes: each sum is scaled by its column's and its row's factor. */
ALWAYS_INLINE void tile_i8(const row_tile *t, const uint8_t *block, size_t n_words, const float *column_factors,
                           float *S, int stride, const int rows, const int width)
{
    __m512i sum[ROWS][4];
    sums_of_bytes(t, block, n_words, sum, rows, width);
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
    const bool i8 = l->compute == SL_COMPARE_INT8, pairs = sl_set_element_bytes(l) == 2;
    const size_t bytes = shape.row_stride * sl_set_element_bytes(l), n = words(l);
    const int columns = blocked_columns(l);
    for (int column = 0; column < columns; column += BLOCK) {
        const char *block = (const char *)query->panel + (size_t)column * 4 * n;
        const float *factors = query->factors + column;
        const int width = block_width(columns, column) / LANES;
        for (int s = 0, rows; s < shape.row_count; s += rows) {
            const row_tile t = {.rows = (const char *)candidate->rows + s * bytes,
                                .next = (const char *)(next ? next : candidate->rows) + s * bytes,
                                .bytes = bytes,
                                .sums = i8 ? candidate->row_sums + s : NULL,
                                .factors = candidate->factors + s};
            float *to = S + (size_t)s * l->stride + column;
            rows = shape.row_count - s < ROWS ? shape.row_count - s : ROWS;
            if (i8) {
                FOR_SIZE(tile_i8, rows, width, &t, (const uint8_t *)block, n, factors, to, l->stride)
            } else if (pairs) {
                FOR_SIZE(tile_floats, rows, width, &t, (const float *)block, n, to, l->stride, true)
            } else {
                FOR_SIZE(tile_floats, rows, width, &t, (const float *)block, n, to, l->stride, false)
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

/* ---- sketches ---- */

/* most and mix of sketch_columns take in the tile's rows `first` .. */
ALWAYS_INLINE void tile_sketch(const row_tile *t, const uint8_t *block, size_t n_words, const sl_sketch *q,
                               const sl_sketch *x, int first, int column, float *most, float *mix, const int rows,
                               const int width)
{
    __m512i sum[ROWS][4];
    sums_of_bytes(t, block, n_words, sum, rows, width);
#pragma GCC unroll 4
    for (int w = 0; w < width; w++) {
        const int at = column + w * LANES;
        const __m512 factor = _mm512_loadu_ps(q->codes.factors + at), along = _mm512_loadu_ps(q->along + at),
                     rest = _mm512_loadu_ps(q->rest + at);
        __m512 largest = _mm512_loadu_ps(most + at), mixed = _mm512_loadu_ps(mix + at);
#pragma GCC unroll 6
        for (int s = 0; s < rows; s++) {
            const __m512 S = _mm512_mul_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sum[s][w]), factor),
                                           _mm512_set1_ps(t->factors[s]));
            mixed = _mm512_fmadd_ps(S, _mm512_set1_ps(x->codes.shares[first + s]), mixed);
            const __m512 more = _mm512_fmadd_ps(along, _mm512_set1_ps(x->along[first + s]), S);
            largest = _mm512_max_ps(_mm512_fmadd_ps(rest, _mm512_set1_ps(x->rest[first + s]), more), largest);
        }
        _mm512_storeu_ps(most + at, largest);
        _mm512_storeu_ps(mix + at, mixed);
    }
}

/* Sixteen products of one of the query's rows with the candidate's rows first .. first + 15. Behind R they are anything
 * finite (row_sums end there), and the candidate's factors 0. */
static __m512 products_of_rows(const int8_t *column, const sl_patch_set *x, int first)
{
    const sl_set_shape shape = sl_set_shape_of(x->layout);
    lanes sums[LANES];
    float out[LANES];
    for (int s = 0; s < LANES; s++) {
        __m512i sum = _mm512_setzero_si512();
        const int8_t *row = (const int8_t *)x->rows + (size_t)(first + s) * shape.row_stride;
        for (size_t i = 0; first + s < x->layout->patches && i < shape.row_stride; i += 64)
            ADD_PRODUCTS(sum, _mm512_xor_si512(_mm512_loadu_si512(column + i), _mm512_set1_epi8(-128)),
                         _mm512_loadu_si512(row + i));
        sums[s].part[0] = _mm512_cvtepi32_ps(sum);
    }
    sums_of(sums, out); /* integers below 2^24 */
    const __m512i offsets = _mm512_slli_epi32(_mm512_loadu_si512(x->row_sums + first), 7);
    return _mm512_sub_ps(_mm512_loadu_ps(out), _mm512_cvtepi32_ps(offsets));
}

/* The column m, which is in no block. */
static void sketch_last_column(const sl_sketch *q, const sl_sketch *x, int m, float *most, float *mix)
{
    const int8_t *column = (const int8_t *)q->codes.rows + (size_t)m * sl_set_row_stride(q->codes.layout);
    const __m512 factor = _mm512_set1_ps(q->codes.factors[m]), along = _mm512_set1_ps(q->along[m]),
                 rest = _mm512_set1_ps(q->rest[m]);
    __m512 largest = _mm512_setzero_ps(), mixed = largest;
    for (int first = 0; first < x->codes.layout->patches; first += LANES) {
        const __m512 products = products_of_rows(column, &x->codes, first);
        const __m512 S = _mm512_mul_ps(_mm512_mul_ps(products, factor), _mm512_loadu_ps(x->codes.factors + first));
        mixed = _mm512_fmadd_ps(S, _mm512_loadu_ps(x->codes.shares + first), mixed);
        const __m512 more = _mm512_fmadd_ps(along, _mm512_loadu_ps(x->along + first), S);
        largest = _mm512_max_ps(_mm512_fmadd_ps(rest, _mm512_loadu_ps(x->rest + first), more), largest);
    }
    most[m] = _mm512_reduce_max_ps(largest);
    mix[m] = _mm512_reduce_add_ps(mixed);
}

/* As in sketch_body.h, S in registers. */
static void sketch_columns(const sl_sketch *q, const sl_sketch *x, float *S, float *most, float *mix)
{
    const sl_match_layout *l = q->codes.layout;
    const sl_set_shape shape = sl_set_shape_of(l);
    const size_t n = words(l);
    const int columns = blocked_columns(l);
    (void)S;
    memset(most, 0, (size_t)l->stride * sizeof *most);
    memset(mix, 0, (size_t)l->stride * sizeof *mix);
    for (int column = 0; column < columns; column += BLOCK) {
        const uint8_t *block = (const uint8_t *)q->codes.panel + (size_t)column * 4 * n;
        const int width = block_width(columns, column) / LANES;
        for (int s = 0, rows; s < shape.row_count; s += rows) {
            const char *at = (const char *)x->codes.rows + (size_t)s * shape.row_stride;
            const row_tile t = {.rows = at,
                                .next = at,
                                .bytes = shape.row_stride,
                                .sums = x->codes.row_sums + s,
                                .factors = x->codes.factors + s};
            rows = shape.row_count - s < ROWS ? shape.row_count - s : ROWS;
            FOR_SIZE(tile_sketch, rows, width, &t, block, n, q, x, s, column, most, mix)
        }
    }
    for (int m = columns; m < l->patches; m++)
        sketch_last_column(q, x, m, most, mix);
}

#define HAS_SKETCH_COLUMNS
#include "match/kernels/sketch_body.h"

EMD_TABLE(avx512);
