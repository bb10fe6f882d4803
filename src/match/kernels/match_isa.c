/* Which instruction set matching uses: the machine's, or what a test asked for. */
#include "match/kernels/match_isa.h"

#include <stddef.h>

static const sl_isa *forced;
static bool no_bf16;

void sl_match_use_isa(const sl_isa *isa)
{
    forced = isa;
}

void sl_match_use_bf16(bool use)
{
    no_bf16 = !use;
}

sl_isa sl_match_isa(void)
{
    return forced ? *forced : sl_isa_active();
}

bool sl_match_has_bf16(void)
{
    return sl_match_isa() == SL_ISA_AVX512 && sl_cpu_has_bf16() && !no_bf16;
}
