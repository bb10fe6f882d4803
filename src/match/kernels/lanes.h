/* Vectors of floats in GNU C's vector extension, as wide as the file's instruction set has registers. Products
 * are added without contraction (the build sets -ffp-contract=off). What works element by element (vec) does
 * not depend on the width; sums run in sixteen partial sums (lanes) whatever the width, which are added up in
 * one fixed order. So code written with these gives the same bits on every instruction set. */
#ifndef SL_MATCH_KERNELS_LANES_H
#define SL_MATCH_KERNELS_LANES_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { VEC = 16 };
#elif defined(__AVX2__)
enum { VEC = 8 };
#else
enum { VEC = 4 };
#endif
enum { LANES = 16, VECS = LANES / VEC };

/* Vectors that the processor has names for. */
#if defined(__AVX512F__) || defined(__aarch64__)
enum { REGISTERS = 32 };
#else
enum { REGISTERS = 16 };
#endif

typedef float vec __attribute__((vector_size(4 * VEC)));
typedef float vec_at __attribute__((vector_size(4 * VEC), aligned(4), may_alias)); /* anywhere in memory */
typedef uint32_t vec_u32 __attribute__((vector_size(4 * VEC)));
typedef int32_t vec_i32 __attribute__((vector_size(4 * VEC)));
typedef int32_t vec_i32_at __attribute__((vector_size(4 * VEC), aligned(4), may_alias));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE vec load(const float *p)
{
    return *(const vec_at *)p;
}
ALWAYS_INLINE void store(float *p, vec x)
{
    *(vec_at *)p = x;
}
ALWAYS_INLINE vec all(float x)
{
    return (vec){0} + x;
}
ALWAYS_INLINE vec absolute(vec x)
{
    return (vec)((vec_u32)x & 0x7fffffffu);
}

/* The larger, y where x is NaN. */
ALWAYS_INLINE vec larger(vec x, vec y)
{
#if defined(__AVX512F__)
    return _mm512_max_ps(x, y);
#elif defined(__AVX2__)
    return _mm256_max_ps(x, y);
#elif defined(__SSE__)
    return _mm_max_ps(x, y);
#else
    vec_u32 more = (vec_u32)(x > y);
    return (vec)(((vec_u32)x & more) | ((vec_u32)y & ~more));
#endif
}

/* The smaller, y where x is NaN. */
ALWAYS_INLINE vec smaller(vec x, vec y)
{
    return -larger(-x, -y);
}

/* Sixteen partial sums. */
typedef struct {
    vec part[VECS];
} lanes;

/* sum += a * b over sixteen elements. */
ALWAYS_INLINE void add_products(lanes *sum, const float *a, const float *b)
{
#pragma GCC unroll 4
    for (int i = 0; i < VECS; i++)
        sum->part[i] += load(a + i * VEC) * load(b + i * VEC);
}

/* Lane i + lane i + 8, then + 4, + 2, + 1. */
ALWAYS_INLINE float sum_of(const lanes *x)
{
    float f[LANES];
    memcpy(f, x, sizeof f);
#pragma GCC unroll 4
    for (int half = LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; i++)
            f[i] += f[i + half];
    return f[0];
}

ALWAYS_INLINE float largest_of(const lanes *x)
{
    float f[LANES];
    memcpy(f, x, sizeof f);
    for (int i = 1; i < LANES; i++)
        f[0] = f[i] > f[0] ? f[i] : f[0];
    return f[0];
}

/* sum_of() of ROW_GROUP rows, into out [ROW_GROUP], in the same order of additions. Vectors are combined two by two
 * until one lane is left of each row; rows are taken such that they end in order. */
enum { ROW_GROUP = VEC == 16 ? 16 : 4 };

#if defined(__AVX512F__)
ALWAYS_INLINE void sums_of(const lanes x[ROW_GROUP], float *out)
{
    __m512 four[4], two[2]; /* four lanes of rows q, q + 4, q + 8, q + 12; two lanes of eight rows */
#pragma GCC unroll 4
    for (int q = 0; q < 4; q++) {
        __m512 a = x[q].part[0], b = x[q + 4].part[0], c = x[q + 8].part[0], d = x[q + 12].part[0];
        __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
        __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));
        four[q] = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
    }
#pragma GCC unroll 2
    for (int i = 0; i < 4; i += 2)
        two[i / 2] = _mm512_add_ps(_mm512_shuffle_ps(four[i], four[i + 1], 0x44),
                                   _mm512_shuffle_ps(four[i], four[i + 1], 0xee));
    store(out, _mm512_add_ps(_mm512_shuffle_ps(two[0], two[1], 0x88), _mm512_shuffle_ps(two[0], two[1], 0xdd)));
}
#else
typedef float quad __attribute__((vector_size(16)));

ALWAYS_INLINE void sums_of(const lanes x[ROW_GROUP], float *out)
{
    quad four[4], two[2];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
#if defined(__AVX2__)
        const vec eight = x[i].part[0] + x[i].part[1];
        four[i] = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#else
        four[i] = (x[i].part[0] + x[i].part[2]) + (x[i].part[1] + x[i].part[3]);
#endif
    }
#pragma GCC unroll 2
    for (int i = 0; i < 4; i += 2)
        two[i / 2] = __builtin_shufflevector(four[i], four[i + 1], 0, 1, 4, 5) +
                     __builtin_shufflevector(four[i], four[i + 1], 2, 3, 6, 7);
    const quad sums = __builtin_shufflevector(two[0], two[1], 0, 2, 4, 6) +
                      __builtin_shufflevector(two[0], two[1], 1, 3, 5, 7);
    memcpy(out, &sums, sizeof sums);
}
#endif

/* x + ROUND_BIAS has round(x) in its low mantissa bits, for |x| < 2^22 (nearest, ties to even). */
#define ROUND_BIAS 12582912.0f

#define EXP2_C1 0.693146978f
#define EXP2_C2 0.240222421f
#define EXP2_C3 0.0555073374f
#define EXP2_C4 0.00967151269f
#define EXP2_C5 0.00132647272f

/* 2^x for -125 <= x <= 127. x = n + f, |f| <= 1/2: 2^f by the polynomial of degree 5 with the least relative error
 * (9.2e-8 before rounding), then n is added to the exponent. */
ALWAYS_INLINE vec exp2_of(vec x)
{
#if defined(__AVX512F__)
    const vec n = _mm512_roundscale_ps(x, 0), f = x - n;
#else
    const vec shifted = x + ROUND_BIAS, f = x - (shifted - ROUND_BIAS);
#endif
    vec p = all(EXP2_C5);
    p = p * f + EXP2_C4;
    p = p * f + EXP2_C3;
    p = p * f + EXP2_C2;
    p = p * f + EXP2_C1;
    p = p * f + 1.0f;
#if defined(__AVX512F__)
    return _mm512_scalef_ps(p, n);
#else
    return (vec)((vec_u32)p + ((vec_u32)shifted << 23));
#endif
}

#endif
