/* Stage 1's products with NEON. */
#include "match/kernels/dots_neon.h"
#include "match/kernels/scan_body.h"

enum { CODE_BIAS = 0 };

typedef struct {
    int32x4_t sums[4];
} quads16;

ALWAYS_INLINE quads16 add_quads(quads16 sum, const uint8_t *rows, uint32_t query)
{
    const int8x16_t q = vreinterpretq_s8_u32(vdupq_n_u32(query));
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        sum.sums[i] = add_dots(sum.sums[i], vld1q_s8((const int8_t *)rows + 16 * i), q);
    return sum;
}

ALWAYS_INLINE uint16_t signs_of(const vec_i32 x[VECS])
{
    vec_i32 bits = {1, 2, 4, 8}, signs = {0};
#pragma GCC unroll 4
    for (int i = 0; i < VECS; i++, bits <<= VEC)
        signs |= (x[i] < 0) & bits;
    return (uint16_t)vaddvq_s32((int32x4_t)signs);
}

#include "match/kernels/codes_body.h"

SCAN_TABLE(neon);
