/* The part of the EMD kernels that is the same source on every instruction set; each emd_*.c includes it
 * before its products and ends with its table. */
#include <stdbool.h>

#include "match/kernels/kernels.h"
#include "match/kernels/lanes.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

static void body_marginal_sums(const float *S, int patches, int stride, float *row, float *column)
{
    memset(column, 0, (size_t)stride * sizeof *column);
    for (int s = 0; s < patches; s++, S += stride) {
        lanes sum = {0};
        for (int m = 0; m < stride; m += LANES) /* columns behind R are 0 */
#pragma GCC unroll 4
            for (int i = 0; i < VECS; i++) {
                float *to = column + m + i * VEC;
                vec x = load(S + m + i * VEC);
                sum.part[i] += x;
                store(to, load(to) + x);
            }
        row[s] = sum_of(&sum);
    }
}

static void body_column_maxima(const float *S, int patches, int stride, float *column)
{
    memcpy(column, S, (size_t)stride * sizeof *column);
    for (int s = 1; s < patches; s++) {
        S += stride;
        for (int m = 0; m < stride; m += VEC) {
            vec most = load(column + m), x = load(S + m);
            vec_u32 more = (vec_u32)(x > most);
            store(column + m, (vec)(((vec_u32)x & more) | ((vec_u32)most & ~more)));
        }
    }
}

/* y = sum over i of x[i] * M[i], for `width` vectors of columns. Even and odd rows are summed apart to hide
 * the latency of the additions. */
ALWAYS_INLINE void combine_rows_of(const float *M, const float *x, int n, int stride, float *y, const int width)
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

static void combine_rows(const float *M, const float *x, int n, int stride, float *y)
{
    int column = 0;
    for (; column + 4 * VEC <= stride; column += 4 * VEC)
        combine_rows_of(M + column, x, n, stride, y + column, 4);
    if (column + 2 * VEC <= stride) {
        combine_rows_of(M + column, x, n, stride, y + column, 2);
        column += 2 * VEC;
    }
    if (column < stride)
        combine_rows_of(M + column, x, n, stride, y + column, 1);
}

/* Kt = transpose of K, both [stride, stride]. */
static void transpose(const float *K, int stride, float *Kt)
{
    for (int s = 0; s < stride; s += 4)
        for (int m = 0; m < stride; m += 4) {
            const float *from = K + (size_t)s * stride + m;
            float *to = Kt + (size_t)m * stride + s;
#if defined(__SSE__)
            __m128 a = _mm_load_ps(from), b = _mm_load_ps(from + stride);
            __m128 c = _mm_load_ps(from + 2 * stride), d = _mm_load_ps(from + 3 * stride);
            _MM_TRANSPOSE4_PS(a, b, c, d);
            _mm_store_ps(to, a), _mm_store_ps(to + stride, b);
            _mm_store_ps(to + 2 * stride, c), _mm_store_ps(to + 3 * stride, d);
#else
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++)
                    to[j * stride + i] = from[i * stride + j];
#endif
        }
}

/* K = exp((S - 1) / eps) and its transpose. Padding: what stands behind row or column R of K is positive and
 * finite, so that r = 0 / (K c) is 0 there. */
static void make_K(const float *S, float eps, const sl_sinkhorn_work *w)
{
    const float log2_factor = 1.44269504f / eps;
    const size_t used = (size_t)w->patches * w->stride, whole = (size_t)w->stride * w->stride;
    for (size_t at = 0; at < used; at += VEC)
        store(w->K + at, exp2_of((load(S + at) - 1.0f) * log2_factor));
    for (size_t at = used; at < whole; at += VEC)
        store(w->K + at, all(1.0f));
    transpose(w->K, w->stride, w->Kt);
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

static float plan_score(const float *S, const sl_sinkhorn_work *w)
{
    lanes total = {0};
    const float *K = w->K;
    for (int s = 0; s < w->patches; s++, S += w->stride, K += w->stride) {
        lanes row = {0};
        for (int m = 0; m < w->stride; m += LANES)
#pragma GCC unroll 4
            for (int i = 0; i < VECS; i++) {
                int at = m + i * VEC;
                row.part[i] += load(K + at) * load(w->c + at) * load(S + at);
            }
#pragma GCC unroll 4
        for (int i = 0; i < VECS; i++)
            total.part[i] += w->r[s] * row.part[i];
    }
    return sum_of(&total);
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
        combine_rows(w->Kt, w->c, n, stride, product); /* K c */
        float change = divide(w->u, product, stride, w->r);
        combine_rows(w->K, w->r, n, stride, product); /* K' r */
        divide(w->v, product, stride, w->c);
        done = change / (float)n < rule->stop;
    }
    float sum = plan_score(S, w);
    *score = sum - sum == 0 ? sum : 0; /* NaN and infinity count nothing */
    return iterations;
}

/* Largest |x| by the order of the bits, in which infinity and NaN are the largest. */
static float body_largest(const float *x, size_t n)
{
    int32_t best = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffff;
        best = bits > best ? bits : best;
    }
    float result;
    memcpy(&result, &best, sizeof result);
    return result;
}

static float body_sum_of_squares(const float *x, size_t n, float factor)
{
    lanes sum = {0};
    for (size_t at = 0; at < n; at += LANES) {
        float rest[LANES] = {0};
        const float *from = x + at;
        if (n - at < LANES)
            from = memcpy(rest, from, (n - at) * sizeof *x);
#pragma GCC unroll 4
        for (int i = 0; i < VECS; i++) {
            vec y = load(from + i * VEC) * factor;
            sum.part[i] += y * y;
        }
    }
    return sum_of(&sum);
}

/* Plain loops, for the compiler to vectorise: every element stands by itself, so the bits are the same. */
static void body_scale(const float *restrict x, size_t n, float factor, float *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] * factor;
}

static void body_add_scaled(const float *restrict x, size_t n, float factor, float *restrict sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += x[i] * factor;
}

static void body_add_scaled_i8(const int8_t *restrict x, size_t n, float factor, float *restrict sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += (float)x[i] * factor;
}

static void body_dequantise(const int8_t *restrict x, size_t n, float factor, float *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)x[i] * factor;
}

static void body_quantise(const float *restrict x, size_t n, float factor, int8_t *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int8_t)(int32_t)(x[i] * factor + ROUND_BIAS - ROUND_BIAS);
}

static void body_quantise_i16(const float *restrict x, size_t n, float factor, int16_t *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int16_t)(int32_t)(x[i] * factor + ROUND_BIAS - ROUND_BIAS);
}

static void body_pooled_products_f32(const sl_patch_set *set, const sl_patch_set *partner, float *out)
{
    const sl_set_shape shape = sl_set_shape_of(set->layout);
    const float *row = set->rows;
    for (int s = 0; s < set->layout->patches; s++, row += shape.row_stride) {
        lanes sum = {0};
        for (size_t c = 0; c < shape.row_stride; c += LANES)
            add_products(&sum, row + c, (const float *)partner->pooled + c);
        out[s] = sum_of(&sum);
    }
}

/* int8: exact integers from the instruction set's own product_i16_i8(). */
static int64_t product_i16_i8(const int16_t *g, const int8_t *x, size_t n);

static void body_pooled_products(const sl_patch_set *set, const sl_patch_set *partner, float *out)
{
    if (set->layout->precision == SL_PRECISION_F32) {
        body_pooled_products_f32(set, partner, out);
        return;
    }
    const sl_set_shape shape = sl_set_shape_of(set->layout);
    for (int s = 0; s < set->layout->patches; s++) {
        const int8_t *row = (const int8_t *)set->rows + (size_t)s * shape.row_stride;
        int64_t product = product_i16_i8(partner->pooled, row, shape.row_stride);
        out[s] = (float)product * (set->factors[s] * partner->pooled_factor);
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
        .marginal_sums = body_marginal_sums,                                                                      \
        .sinkhorn = body_sinkhorn,                                                                                \
        .largest = body_largest,                                                                                  \
        .sum_of_squares = body_sum_of_squares,                                                                    \
        .scale = body_scale,                                                                                      \
        .add_scaled = body_add_scaled,                                                                            \
        .add_scaled_i8 = body_add_scaled_i8,                                                                      \
        .dequantise = body_dequantise,                                                                            \
        .quantise = body_quantise,                                                                                \
        .quantise_i16 = body_quantise_i16,                                                                        \
        .sums_i8 = sums_i8,                                                                                       \
    }
