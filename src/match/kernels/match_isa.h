/* The instruction set that matching uses now: the machine's (base/cpu.h), unless a test asks for another. */
#ifndef SL_MATCH_MATCH_ISA_H
#define SL_MATCH_MATCH_ISA_H

#include <stdbool.h>

#include "base/cpu.h"

sl_isa sl_match_isa(void);
bool sl_match_has_bf16(void); /* vdpbf16ps, which only rows of bf16 ask for */

/* For tests: compare with this set from now on (NULL: the active one), and with or without vdpbf16ps where the machine
 * has it. Sets made before are void. */
void sl_match_use_isa(const sl_isa *isa);
void sl_match_use_bf16(bool use);

#endif
