/* The kernels of stage 1 in plain C: the reference of the others. */
#include "match/kernels/scan_body.h"

enum { CODE_BIAS = 0 };

typedef struct {
    int32_t sums[SL_CODE_ROWS];
} quads16;

ALWAYS_INLINE quads16 add_quads(quads16 sum, const uint8_t *rows, uint32_t query)
{
    int8_t q[4];
    memcpy(q, &query, sizeof q);
    for (int i = 0; i < SL_CODE_ROWS; i++)
        for (int d = 0; d < 4; d++)
            sum.sums[i] += (int8_t)rows[4 * i + d] * q[d];
    return sum;
}

ALWAYS_INLINE uint16_t signs_of(const vec_i32 x[VECS])
{
    uint16_t signs = 0;
    for (int i = 0; i < SL_CODE_ROWS; i++)
        signs |= (uint16_t)((x[i / VEC][i % VEC] < 0) << i);
    return signs;
}

#include "match/kernels/codes_body.h"

SCAN_TABLE(scalar);
