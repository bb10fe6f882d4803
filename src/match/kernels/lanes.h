/* Vectors of floats in GNU C's vector extension, as wide as the file's instruction set has registers. Products
 * are added without contraction (the build sets -ffp-contract=off). What works element by element (vec) does
 * not depend on the width; sums run in sixteen partial sums (lanes) whatever the width, which are added up in
 * one fixed order. So code written with these gives the same bits on every instruction set. */
#ifndef SL_MATCH_KERNELS_LANES_H
#define SL_MATCH_KERNELS_LANES_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
enum { VEC = 16 };
#elif defined(__AVX2__)
enum { VEC = 8 };
#else
enum { VEC = 4 };
#endif
enum { LANES = 16, VECS = LANES / VEC };

typedef float vec __attribute__((vector_size(4 * VEC)));
typedef float vec_at __attribute__((vector_size(4 * VEC), aligned(4), may_alias)); /* anywhere in memory */
typedef uint32_t vec_u32 __attribute__((vector_size(4 * VEC)));

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

/* x + ROUND_BIAS has round(x) in its low mantissa bits, for |x| < 2^22 (nearest, ties to even). */
#define ROUND_BIAS 12582912.0f

#define EXP2_C1 0.693147182f
#define EXP2_C2 0.240226477f
#define EXP2_C3 0.0555033237f
#define EXP2_C4 0.00961843692f
#define EXP2_C5 0.00133988739f
#define EXP2_C6 0.00015353362f

/* 2^x for x <= 127, about 2^-126 below -126. x = n + f, |f| <= 1/2: 2^f by the polynomial of degree 6 with the
 * least relative error (1.6e-8 before rounding), then n is added to the exponent. */
ALWAYS_INLINE vec exp2_of(vec x)
{
    vec_u32 fine = (vec_u32)(x > -126.0f);
    x = (vec)(((vec_u32)x & fine) | ((vec_u32)all(-126.0f) & ~fine));
    vec shifted = x + ROUND_BIAS;
    vec f = x - (shifted - ROUND_BIAS);
    vec p = all(EXP2_C6);
    p = p * f + EXP2_C5;
    p = p * f + EXP2_C4;
    p = p * f + EXP2_C3;
    p = p * f + EXP2_C2;
    p = p * f + EXP2_C1;
    p = p * f + 1.0f;
    return (vec)((vec_u32)p + ((vec_u32)shifted << 23));
}

#endif
