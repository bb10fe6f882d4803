/* Preparing rows of patches: the same source on every instruction set. */
#include <stdint.h>

#include "match/kernels/lanes.h"

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

/* The upper half of the float nearest to x that has no lower half. x is finite. */
ALWAYS_INLINE uint32_t rounded_to_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static void body_scale_to_bf16(const float *restrict x, size_t n, float factor, float *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = rounded_to_bf16(x[i] * factor) << 16;
        memcpy(&out[i], &bits, sizeof bits);
    }
}

static void body_pack_to_bf16(const float *restrict x, size_t n, float factor, uint16_t *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint16_t)rounded_to_bf16(x[i] * factor);
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

static void body_add_codes(const uint8_t *restrict codes, size_t n, float factor, float *restrict sum)
{
    const size_t half = (n + 1) / 2, upper = n - half;
    for (size_t i = 0; i < half; i++)
        sum[i] += (float)(2 * (codes[i] & 15) - 15) * factor;
    for (size_t i = 0; i < upper; i++)
        sum[half + i] += (float)(2 * (codes[i] >> 4) - 15) * factor;
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
