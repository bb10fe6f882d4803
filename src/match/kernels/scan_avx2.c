/* The kernels of stage 1 (scan_body.h, codes_body.h) in AVX2. */
#include <immintrin.h>

#include "match/kernels/scan_body.h"

/* vpmaddubsw multiplies unsigned by signed bytes; |row| times the query with the row's sign cannot saturate, as codes
 * are at most 127. */
enum { CODE_BIAS = 0 };

typedef struct {
    __m256i low, high;
} quads16;

ALWAYS_INLINE __m256i add_eight(__m256i sum, const uint8_t *rows, __m256i query)
{
    __m256i x = _mm256_loadu_si256((const __m256i *)rows);
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(query, x));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

ALWAYS_INLINE quads16 add_quads(quads16 sum, const uint8_t *rows, uint32_t query)
{
    __m256i q = _mm256_set1_epi32((int)query);
    return (quads16){add_eight(sum.low, rows, q), add_eight(sum.high, rows + 32, q)};
}

ALWAYS_INLINE uint16_t signs_of(const vec_i32 x[VECS])
{
    return (uint16_t)(_mm256_movemask_ps((__m256)x[0]) | _mm256_movemask_ps((__m256)x[1]) << 8);
}

#include "match/kernels/codes_body.h"

SCAN_TABLE(avx2);
