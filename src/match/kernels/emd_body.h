/* The part of the EMD kernels that is the same source on every instruction set; each emd_*.c includes it
 * before its products and ends with its table. */
#include <math.h>
#include <stdbool.h>

#include "match/kernels/double_body.h"
#include "match/kernels/match_kernels.h"
#include "match/kernels/lanes.h"
#include "match/kernels/rows_body.h"

/* y = M x: sums along the rows of M [rows, stride], a group of rows at a time; y is written up to n rounded up to
 * ROW_GROUP, whose rows must be there to be read. */
static void rows_product(const float *M, const float *x, int n, int stride, float *y)
{
    for (int s = 0; s < n; s += ROW_GROUP, M += ROW_GROUP * (size_t)stride) {
        lanes sum[ROW_GROUP] = {{{{0}}}};
        for (int m = 0; m < stride; m += LANES)
#pragma GCC unroll 4
            for (int i = 0; i < VECS; i++) {
                const int at = m + i * VEC;
                const vec factor = load(x + at);
#pragma GCC unroll 16
                for (int row = 0; row < ROW_GROUP; row++)
                    sum[row].part[i] += load(M + row * (size_t)stride + at) * factor;
            }
        sums_of(sum, y + s);
    }
}

/* y = M' x, for `width` vectors of columns. Even and odd rows are summed apart to hide the latency of the
 * additions. */
ALWAYS_INLINE void columns_product_of(const float *M, const float *x, int n, int stride, float *y, const int width)
{
    vec even[4] = {{0}}, odd[4] = {{0}};
    int i = 0;
    for (; i + 2 <= n; i += 2, M += 2 * (size_t)stride) {
        vec x0 = all(x[i]), x1 = all(x[i + 1]);
#pragma GCC unroll 4
        for (int w = 0; w < width; w++) {
            even[w] += x0 * load(M + w * VEC);
            odd[w] += x1 * load(M + stride + w * VEC);
        }
    }
    if (i < n) {
        vec x0 = all(x[i]);
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            even[w] += x0 * load(M + w * VEC);
    }
#pragma GCC unroll 4
    for (int w = 0; w < width; w++)
        store(y + w * VEC, even[w] + odd[w]);
}

static void columns_product(const float *M, const float *x, int n, int stride, float *y)
{
    int column = 0;
    for (; column + 4 * VEC <= stride; column += 4 * VEC)
        columns_product_of(M + column, x, n, stride, y + column, 4);
    if (column + 2 * VEC <= stride) {
        columns_product_of(M + column, x, n, stride, y + column, 2);
        column += 2 * VEC;
    }
    if (column < stride)
        columns_product_of(M + column, x, n, stride, y + column, 1);
}

/* w = [w]+ / (sum of [w]+ + 1e-7), zeros behind n; false when all are zero. */
static bool body_normalise(float *w, int n, int stride)
{
    lanes sum = {0};
    memset(w + n, 0, (size_t)(stride - n) * sizeof *w);
    for (int at = 0; at < stride; at += LANES)
#pragma GCC unroll 4
        for (int i = 0; i < VECS; i++) {
            vec x = larger(load(w + at + i * VEC), all(0));
            sum.part[i] += x;
            store(w + at + i * VEC, x);
        }
    const float total = sum_of(&sum);
    for (int at = 0; at < stride; at += VEC)
        store(w + at, load(w + at) / (total + 1e-7f));
    return total > 0;
}

/* Of `width` vectors of columns. */
ALWAYS_INLINE void column_maxima_of(const float *S, int patches, int stride, float *column, const int width)
{
    vec most[4];
#pragma GCC unroll 4
    for (int w = 0; w < width; w++)
        most[w] = load(S + w * VEC);
    for (int s = 1; s < patches; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++)
            most[w] = larger(load(S + s * (size_t)stride + w * VEC), most[w]);
#pragma GCC unroll 4
    for (int w = 0; w < width; w++)
        store(column + w * VEC, most[w]);
}

static void body_column_maxima(const float *S, int patches, int stride, float *column)
{
    int m = 0;
    for (; m + 4 * VEC <= stride; m += 4 * VEC)
        column_maxima_of(S + m, patches, stride, column + m, 4);
    for (; m < stride; m += VEC)
        column_maxima_of(S + m, patches, stride, column + m, 1);
}

/* K = exp((S - 1) / eps): of unit patches (S - 1) / eps >= -2 / .05, far inside exp2_of's range. Padding: what stands
 * behind row or column R of K is positive and finite, so that r = 0 / (K c) is 0 there. */
static void make_K(const float *S, float eps, const sl_sinkhorn_work *w)
{
    const float log2_factor = 1.44269504f / eps;
    const size_t used = (size_t)w->patches * w->stride, whole = (size_t)w->stride * w->stride;
    for (size_t at = 0; at < used; at += VEC)
        store(w->K + at, exp2_of((load(S + at) - 1.0f) * log2_factor));
    for (size_t at = used; at < whole; at += VEC)
        store(w->K + at, all(1.0f));
}

/* x = marginal / product; returns the sum of |x - x before|. */
static float divide(const float *marginal, const float *product, int stride, float *x)
{
    lanes change = {0};
    for (int at = 0; at < stride; at += LANES)
#pragma GCC unroll 4
        for (int i = 0; i < VECS; i++) {
            float *to = x + at + i * VEC;
            vec now = load(marginal + at + i * VEC) / load(product + at + i * VEC);
            change.part[i] += absolute(now - load(to));
            store(to, now);
        }
    return sum_of(&change);
}

/* sum r K S c, of `groups` times LANES columns; 0: as many as there are. */
ALWAYS_INLINE float plan_score_of(const float *S, const sl_sinkhorn_work *w, const int groups)
{
    const int columns = groups ? groups * LANES : w->stride;
    const float *K = w->K, *c = w->c;
    lanes total = {0};
    for (int s = 0; s < w->patches; s++, S += columns, K += columns) {
        lanes row = {0};
#pragma GCC unroll 4
        for (int m = 0; m < columns; m += LANES)
#pragma GCC unroll 4
            for (int i = 0; i < VECS; i++) {
                int at = m + i * VEC;
                row.part[i] += load(K + at) * load(c + at) * load(S + at);
            }
#pragma GCC unroll 4
        for (int i = 0; i < VECS; i++)
            total.part[i] += w->r[s] * row.part[i];
    }
    return sum_of(&total);
}

static float plan_score(const float *S, const sl_sinkhorn_work *w)
{
    switch (w->stride / LANES) { /* few enough columns that c stays in registers */
    case 1: return plan_score_of(S, w, 1);
    case 2: return plan_score_of(S, w, 2);
    case 3: return plan_score_of(S, w, 3);
    case 4: return plan_score_of(S, w, 4);
    }
    return plan_score_of(S, w, 0);
}

static int body_sinkhorn(const float *S, const sl_sinkhorn_rule *rule, const sl_sinkhorn_work *w, float *score)
{
    const int n = w->patches, stride = w->stride;
    float product[SL_MATCH_MAX_PATCHES] __attribute__((aligned(64)));
    make_K(S, rule->eps, w);
    for (int i = 0; i < stride; i++)
        w->r[i] = w->c[i] = i < n ? 1.0f : 0.0f;
    int iterations = 0;
    for (bool done = false; !done && iterations < rule->max_iterations; iterations++) {
        rows_product(w->K, w->c, stride, stride, product); /* all rows: r is 0 behind R */
        float change = divide(w->u, product, stride, w->r);
        columns_product(w->K, w->r, n, stride, product);
        divide(w->v, product, stride, w->c);
        if (w->changes)
            w->changes[iterations] = change;
        done = change / (float)n < rule->stop;
    }
    float sum = plan_score(S, w);
    *score = sum - sum == 0 ? sum : 0; /* NaN and infinity count nothing */
    return iterations;
}

/* Row s of f32 or bf16 as floats; `wide` is for those that lie in 16 bits. */
static const float *row_of_floats(const sl_patch_set *set, int s, float *wide)
{
    const size_t stride = sl_set_row_stride(set->layout), at = (size_t)s * stride;
    if (sl_set_element_bytes(set->layout) == sizeof(float))
        return (const float *)set->rows + at;
    for (size_t c = 0; c < stride; c++) {
        const uint32_t bits = (uint32_t)((const uint16_t *)set->rows)[at + c] << 16;
        memcpy(&wide[c], &bits, sizeof bits);
    }
    return wide;
}

static void pooled_products_of_floats(const sl_patch_set *set, const sl_patch_set *partner, float *out)
{
    const size_t stride = sl_set_row_stride(set->layout);
    float wide[SL_MATCH_MAX_CHANNELS];
    for (int s = 0; s < set->layout->patches; s++) {
        const float *row = row_of_floats(set, s, wide);
        lanes sum = {0};
        for (size_t c = 0; c < stride; c += LANES)
            add_products(&sum, row + c, (const float *)partner->pooled + c);
        out[s] = sum_of(&sum);
    }
}

/* int8: exact integers from the instruction set's own product_i16_i8(). */
static int64_t product_i16_i8(const int16_t *g, const int8_t *x, size_t n);

static void body_pooled_products(const sl_patch_set *set, const sl_patch_set *partner, float *out)
{
    if (set->layout->compute != SL_COMPARE_INT8) {
        pooled_products_of_floats(set, partner, out);
        return;
    }
    const sl_set_shape shape = sl_set_shape_of(set->layout);
    for (int s = 0; s < set->layout->patches; s++) {
        const int8_t *row = (const int8_t *)set->rows + (size_t)s * shape.row_stride;
        int64_t product = product_i16_i8(partner->pooled, row, shape.row_stride);
        out[s] = (float)product * (set->factors[s] * partner->pooled_factor);
    }
}

static void sums_i8(const int8_t *x, size_t n, int32_t *sum, int32_t *sum_of_squares);

static void body_take_rows(const int8_t *from, int count, size_t channels, int8_t *rows, size_t stride, int32_t *sums,
                           int32_t *sums_of_squares)
{
    for (int i = 0; i < count; i++, from += channels, rows += stride) {
        memcpy(rows, from, channels);
        sums_i8(rows, stride, &sums[i], &sums_of_squares[i]);
    }
}

#define EMD_TABLE(isa)                                                                                            \
    const sl_emd_kernels sl_emd_kernels_##isa = {                                                                 \
        .name = #isa,                                                                                             \
        .panel_bytes = panel_bytes,                                                                               \
        .pack_panel = pack_panel,                                                                                 \
        .similarities = similarities,                                                                             \
        .pooled_products = body_pooled_products,                                                                  \
        .column_maxima = body_column_maxima,                                                                      \
        .upper_bound = body_upper_bound,                                                                          \
        .rows_product = rows_product,                                                                             \
        .columns_product = columns_product,                                                                       \
        .rows_product_f64 = body_rows_product_f64,                                                                \
        .columns_product_f64 = body_columns_product_f64,                                                          \
        .exp_row_f64 = body_exp_row_f64,                                                                          \
        .rescale_f64 = body_rescale_f64,                                                                          \
        .normalise = body_normalise,                                                                              \
        .sinkhorn = body_sinkhorn,                                                                                \
        .largest = body_largest,                                                                                  \
        .sum_of_squares = body_sum_of_squares,                                                                    \
        .scale = body_scale,                                                                                      \
        .scale_to_bf16 = body_scale_to_bf16,                                                                      \
        .pack_to_bf16 = body_pack_to_bf16,                                                                        \
        .add_scaled = body_add_scaled,                                                                            \
        .add_scaled_i8 = body_add_scaled_i8,                                                                      \
        .add_codes = body_add_codes,                                                                              \
        .dequantise = body_dequantise,                                                                            \
        .quantise = body_quantise,                                                                                \
        .quantise_i16 = body_quantise_i16,                                                                        \
        .sums_i8 = sums_i8,                                                                                       \
        .take_rows = body_take_rows,                                                                              \
    }
