/* 16-bit floats to float, for weights. */
#ifndef SL_NET_IMPORT_HALF_H
#define SL_NET_IMPORT_HALF_H

#include <stdint.h>
#include <string.h>

static inline float sl_float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* IEEE 754 binary16. */
static inline float sl_float_of_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent == 0) /* zero or subnormal: fraction * 2^-24 */
        return (sign ? -1.0f : 1.0f) * (float)fraction * 0x1p-24f;
    if (exponent == 31)
        return sl_float_of_bits(sign | 0x7f800000u | fraction << 13);
    return sl_float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

static inline float sl_float_of_bfloat(uint16_t b) { return sl_float_of_bits((uint32_t)b << 16); }

#endif
