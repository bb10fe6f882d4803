/* Sixteen floats at a time, in GNU C's vector extension: the compiler makes of it one AVX-512 register,
 * two of AVX2 or four of SSE2. Products are added without contraction (the build sets -ffp-contract=off)
 * and sums run in one fixed order, so that what is written with these gives the same bits everywhere. */
#ifndef SL_MATCH_KERNELS_LANES_H
#define SL_MATCH_KERNELS_LANES_H

#include <stdint.h>
#include <string.h>

/* Sixteen lanes are passed by value only between functions of one file. */
#pragma GCC diagnostic ignored "-Wpsabi"

enum { LANES = 16 };

typedef float lanes __attribute__((vector_size(64)));
typedef float lanes_at __attribute__((vector_size(64), aligned(4), may_alias)); /* anywhere in memory */
typedef uint32_t lanes_u32 __attribute__((vector_size(64)));
typedef int32_t lanes_i32 __attribute__((vector_size(64)));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE lanes load(const float *p) { return *(const lanes_at *)p; }
ALWAYS_INLINE void store(float *p, lanes x) { *(lanes_at *)p = x; }
ALWAYS_INLINE lanes all(float x) { return (lanes){0} + x; }
ALWAYS_INLINE lanes absolute(lanes x) { return (lanes)((lanes_u32)x & 0x7fffffffu); }

/* The larger of each; b where a is NaN. */
ALWAYS_INLINE lanes larger(lanes a, lanes b)
{
    lanes_u32 take = (lanes_u32)(a > b);
    return (lanes)(((lanes_u32)a & take) | ((lanes_u32)b & ~take));
}

ALWAYS_INLINE lanes_i32 larger_bits(lanes_i32 a, lanes_i32 b)
{
    lanes_i32 take = a > b;
    return (a & take) | (b & ~take);
}

/* Lane i + lane i + 8, then + 4, + 2, + 1. */
ALWAYS_INLINE float sum_of(lanes x)
{
    float f[LANES];
    memcpy(f, &x, sizeof f);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            f[i] += f[i + half];
    return f[0];
}

/* x + round_bias has round(x) in its low mantissa bits, for |x| < 2^22 (nearest, ties to even). */
#define ROUND_BIAS 12582912.0f

#define EXP2_C1 0.693147182f
#define EXP2_C2 0.240226477f
#define EXP2_C3 0.0555033237f
#define EXP2_C4 0.00961843692f
#define EXP2_C5 0.00133988739f
#define EXP2_C6 0.00015353362f

/* 2^x for x <= 127, 0x1p-126 below -126. x = n + f, |f| <= 1/2: 2^f by the polynomial of degree 6 with the
 * least relative error (1.6e-8 before rounding), then n is added to the exponent. */
ALWAYS_INLINE lanes exp2_of(lanes x)
{
    x = larger(x, all(-126.0f));
    lanes shifted = x + ROUND_BIAS;
    lanes f = x - (shifted - ROUND_BIAS);
    lanes p = all(EXP2_C6);
    p = p * f + EXP2_C5;
    p = p * f + EXP2_C4;
    p = p * f + EXP2_C3;
    p = p * f + EXP2_C2;
    p = p * f + EXP2_C1;
    p = p * f + 1.0f;
    return (lanes)((lanes_u32)p + ((lanes_u32)shifted << 23));
}

#endif
