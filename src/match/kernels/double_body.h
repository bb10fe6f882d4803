/* Products of a matrix of doubles with a vector, for the solver that converges: the same source on every instruction
 * set, and the same bits, as sums run in eight partial sums whatever a register holds. */
#include <string.h>

#include "match/kernels/match_kernels.h"
#include "match/kernels/lanes.h"

enum { WIDE = VEC / 2 /* doubles in a register */, DOUBLES = 8, PARTS = DOUBLES / WIDE, ROWS_OF_DOUBLES = 4 };

typedef double vec_f64 __attribute__((vector_size(8 * WIDE)));

/* Partial sum i + i + 4, then + 2, + 1. */
ALWAYS_INLINE double sum_of_doubles(const vec_f64 x[PARTS])
{
    double d[DOUBLES];
    memcpy(d, x, sizeof d);
#pragma GCC unroll 4
    for (int half = DOUBLES / 2; half > 0; half /= 2)
#pragma GCC unroll 4
        for (int i = 0; i < half; i++)
            d[i] += d[i + half];
    return d[0];
}

ALWAYS_INLINE void rows_of_doubles(const double *M, const double *x, int stride, double *y, const int rows)
{
    vec_f64 sum[ROWS_OF_DOUBLES][PARTS] = {{{0}}};
    for (int j = 0; j < stride; j += DOUBLES)
#pragma GCC unroll 4
        for (int i = 0; i < PARTS; i++) {
            const int at = j + i * WIDE;
            const vec_f64 factor = *(const vec_f64 *)(x + at);
#pragma GCC unroll 4
            for (int r = 0; r < rows; r++)
                sum[r][i] += *(const vec_f64 *)(M + (size_t)r * (size_t)stride + at) * factor;
        }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
        y[r] = sum_of_doubles(sum[r]);
}

static void body_rows_product_f64(const double *M, const double *x, int n, int stride, double *y)
{
    int i = 0;
    for (; i + ROWS_OF_DOUBLES <= n; i += ROWS_OF_DOUBLES)
        rows_of_doubles(M + (size_t)i * (size_t)stride, x, stride, y + i, ROWS_OF_DOUBLES);
    for (; i < n; i++)
        rows_of_doubles(M + (size_t)i * (size_t)stride, x, stride, y + i, 1);
}

/* Of `width` registers of columns; each column is summed in the order of its rows. */
ALWAYS_INLINE void columns_of_doubles(const double *M, const double *x, int n, int stride, double *y, const int width)
{
    vec_f64 sum[8] = {{0}};
    for (int i = 0; i < n; i++, M += stride)
#pragma GCC unroll 8
        for (int w = 0; w < width; w++)
            sum[w] += x[i] * *(const vec_f64 *)(M + w * WIDE);
#pragma GCC unroll 8
    for (int w = 0; w < width; w++)
        *(vec_f64 *)(y + w * WIDE) = sum[w];
}

static void body_columns_product_f64(const double *M, const double *x, int n, int stride, double *y)
{
    int j = 0;
    for (; j + 8 * WIDE <= stride; j += 8 * WIDE)
        columns_of_doubles(M + j, x, n, stride, y + j, 8);
    for (; j < stride; j += WIDE)
        columns_of_doubles(M + j, x, n, stride, y + j, 1);
}

typedef int64_t vec_i64 __attribute__((vector_size(8 * WIDE)));
typedef uint64_t vec_u64 __attribute__((vector_size(8 * WIDE)));

/* a where the mask's lanes are all ones, b where they are 0. */
ALWAYS_INLINE vec_f64 chosen(vec_i64 mask, vec_f64 a, vec_f64 b)
{
    return (vec_f64)(((vec_i64)a & mask) | ((vec_i64)b & ~mask));
}

static sl_rescaling body_rescale_f64(const double *marginal, const double *product, int stride, double *x)
{
    const vec_f64 one = (vec_f64){0} + 1, none = {0};
    vec_f64 error[PARTS] = {{0}}, least[PARTS], most[PARTS];
    for (int i = 0; i < PARTS; i++)
        least[i] = most[i] = one;
    for (int j = 0; j < stride; j += DOUBLES)
#pragma GCC unroll 4
        for (int i = 0; i < PARTS; i++) {
            const int at = j + i * WIDE;
            const vec_f64 m = *(const vec_f64 *)(marginal + at), p = *(const vec_f64 *)(product + at);
            const vec_i64 weighs = m > none;
            const vec_f64 off = *(vec_f64 *)(x + at) * p - m, now = chosen(weighs, m / chosen(weighs, p, one), none);
            error[i] += chosen(off < none, -off, off);
            least[i] = chosen(weighs & (now < least[i]), now, least[i]);
            most[i] = chosen(now > most[i], now, most[i]);
            *(vec_f64 *)(x + at) = now;
        }
    sl_rescaling out = {.error = sum_of_doubles(error), .least = 1, .most = 1};
    for (int i = 0; i < DOUBLES; i++) {
        const double low = least[i / WIDE][i % WIDE], high = most[i / WIDE][i % WIDE];
        out.least = low < out.least ? low : out.least;
        out.most = high > out.most ? high : out.most;
    }
    return out;
}

/* x + BIAS has round(x) in its low mantissa bits, for |x| < 2^51 (nearest, ties to even). */
#define BIAS_F64 0x1.8p52

/* 2^x for -1022 <= x <= 1023, of lower x that of -1022. x = n + f, |f| <= 1/2: 2^f by its Taylor series, which leaves
 * 4e-18, then n is added to the exponent. */
ALWAYS_INLINE vec_f64 exp2_f64(vec_f64 x)
{
    static const double terms[] = {
        0x1.816193166d0f7p-40, 0x1.c3bd650fc2983p-36, 0x1.e8cac7351bb22p-32, 0x1.e4cf5158b8ec7p-28,
        0x1.b5253d395e7c1p-24, 0x1.62c0223a5c822p-20, 0x1.ffcbfc588b0c5p-17, 0x1.430912f86c786p-13,
        0x1.5d87fe78a6730p-10, 0x1.3b2ab6fba4e77p-7, 0x1.c6b08d704a0bfp-5, 0x1.ebfbdff82c58ep-3,
        0x1.62e42fefa39efp-1, 1};
    const vec_f64 least = (vec_f64){0} - 1022, zero = {0};
    x = chosen(x > least, x, least);
    const vec_f64 shifted = x + BIAS_F64, f = x - (shifted - BIAS_F64);
    vec_f64 p = zero + terms[0];
#pragma GCC unroll 16
    for (size_t k = 1; k < sizeof terms / sizeof *terms; k++)
        p = p * f + terms[k];
    return (vec_f64)((vec_u64)p + ((vec_u64)shifted << 52));
}

static void body_exp_row_f64(const float *S, double add, const double *g, double eps, int n, double *out)
{
    const double factor = 1.4426950408889634 / eps;
    for (int j = 0; j < n; j += DOUBLES) {
        const int count = n - j < DOUBLES ? n - j : DOUBLES;
        double exponent[DOUBLES] __attribute__((aligned(64)));
        for (int i = 0; i < DOUBLES; i++)
            exponent[i] = i < count ? ((double)S[j + i] - 1 + add + g[j + i]) * factor : 0;
        for (int i = 0; i < DOUBLES; i += WIDE)
            *(vec_f64 *)(exponent + i) = exp2_f64(*(const vec_f64 *)(exponent + i));
        memcpy(out + j, exponent, (size_t)count * sizeof *out);
    }
}
