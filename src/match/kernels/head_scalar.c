#include "match/kernels/head_body.h"

HEAD_KERNEL(scalar);

sl_head_kernel sl_head_kernel_for(sl_isa isa)
{
#if defined(__x86_64__)
    if (isa == SL_ISA_AVX512)
        return sl_head_kernel_avx512;
    if (isa == SL_ISA_AVX2)
        return sl_head_kernel_avx2;
#endif
    (void)isa;
    return sl_head_kernel_scalar;
}
