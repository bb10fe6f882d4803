/* The kernels of stage 1 (scan_body.h, codes_body.h) in AVX-512. */
#include <immintrin.h>

#include "match/kernels/scan_body.h"

/* vpdpbusd multiplies unsigned by signed bytes: queries' codes are moved by 128. */
enum { CODE_BIAS = 128 };

typedef struct {
    __m512i sums;
} quads16;

ALWAYS_INLINE quads16 add_quads(quads16 sum, const uint8_t *rows, uint32_t query)
{
    return (quads16){_mm512_dpbusd_epi32(sum.sums, _mm512_set1_epi32((int)query), _mm512_loadu_si512(rows))};
}

ALWAYS_INLINE uint16_t signs_of(const vec_i32 x[VECS])
{
    return _mm512_movepi32_mask((__m512i)x[0]);
}

#include "match/kernels/codes_body.h"

SCAN_TABLE(avx512);
