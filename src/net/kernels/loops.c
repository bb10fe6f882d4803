#include "base/cpu.h"
#include "net/kernels/loops.h"

const sl_loops *sl_loops_active(void)
{
#if defined(__x86_64__)
    switch (sl_isa_active()) {
    case SL_ISA_AVX512: return &sl_loops_avx512;
    case SL_ISA_AVX2: return &sl_loops_avx2;
    default: break;
    }
#endif
    return &sl_loops_scalar;
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
