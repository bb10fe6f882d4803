/* Which instruction set's loops run. */
#include "base/cpu.h"
#include "net/kernels/loops.h"

const sl_loops *sl_loops_active(void)
{
    static const sl_loops *const loops[] = SL_PER_ISA(sl_loops);
    return loops[sl_isa_active()];
}

bool sl_has_unary_loop(sl_fn fn)
{
    switch (fn) {
    case SL_FN_RELU:
    case SL_FN_LEAKY_RELU:
    case SL_FN_CLIP:
    case SL_FN_ABS:
    case SL_FN_NEG:
    case SL_FN_SQRT:
    case SL_FN_RECIPROCAL: return true;
    default: return false;
    }
}

bool sl_has_slope_loop(sl_fn fn)
{
    return fn == SL_FN_RELU || fn == SL_FN_LEAKY_RELU || fn == SL_FN_CLIP;
}
