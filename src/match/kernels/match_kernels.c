/* Which table of kernels an instruction set has. */
#include "match/kernels/match_kernels.h"

const sl_emd_kernels *sl_emd_kernels_for(sl_isa isa)
{
#if defined(__x86_64__)
    if (isa == SL_ISA_AVX512)
        return &sl_emd_kernels_avx512;
    if (isa == SL_ISA_AVX2)
        return &sl_emd_kernels_avx2;
#endif
    (void)isa;
    return &sl_emd_kernels_scalar;
}

const sl_scan_kernels *sl_scan_kernels_for(sl_isa isa)
{
#if defined(__x86_64__)
    if (isa == SL_ISA_AVX512)
        return &sl_scan_kernels_avx512;
    if (isa == SL_ISA_AVX2)
        return &sl_scan_kernels_avx2;
#endif
    (void)isa;
    return &sl_scan_kernels_scalar;
}

const sl_emd_kernels *sl_emd_kernels_now(void)
{
    return sl_emd_kernels_for(sl_match_isa());
}

const sl_scan_kernels *sl_scan_kernels_now(void)
{
    return sl_scan_kernels_for(sl_match_isa());
}
