/* The product with a linear head's weights (head_body.h) in plain C. */
#include "match/kernels/head_body.h"

HEAD_KERNEL(scalar);

sl_head_kernel sl_head_kernel_for(sl_isa isa)
{
    static const sl_head_kernel *const kernels[] = SL_PER_ISA(sl_head_kernel);
    return *kernels[isa];
}
