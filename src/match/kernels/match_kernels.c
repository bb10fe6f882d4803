/* Which table of kernels an instruction set has. */
#include "match/kernels/match_kernels.h"

const sl_emd_kernels *sl_emd_kernels_now(void)
{
    static const sl_emd_kernels *const kernels[] = SL_PER_ISA(sl_emd_kernels);
    return kernels[sl_match_isa()];
}

const sl_scan_kernels *sl_scan_kernels_now(void)
{
    static const sl_scan_kernels *const kernels[] = SL_PER_ISA(sl_scan_kernels);
    return kernels[sl_match_isa()];
}
