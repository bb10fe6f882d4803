/* Which instruction set's loops over rows run. */
#include "base/cpu.h"
#include "net/kernels/row_sums.h"

const sl_row_loops *sl_row_loops_active(void)
{
    static const sl_row_loops *const loops[] = SL_PER_ISA(sl_row_loops);
    return loops[sl_isa_active()];
}
