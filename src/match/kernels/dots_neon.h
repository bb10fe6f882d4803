/* Products of bytes in fours with NEON. */
#ifndef SL_MATCH_KERNELS_DOTS_NEON_H
#define SL_MATCH_KERNELS_DOTS_NEON_H

#include <arm_neon.h>

#include "match/kernels/lanes.h"

/* sum i += x[4 i] y[4 i] + .. + x[4 i + 3] y[4 i + 3]. Two products fit 16 bits, as |x|, |y| <= 127. */
ALWAYS_INLINE int32x4_t add_dots(int32x4_t sum, int8x16_t x, int8x16_t y)
{
    const int16x8_t low = vmull_s8(vget_low_s8(x), vget_low_s8(y)), high = vmull_high_s8(x, y);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
}

#endif
