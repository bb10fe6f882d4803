/* Which instruction set the kernels use: detected once, or forced by SL_ISA=scalar|avx2|avx512. */
#ifndef SL_BASE_CPU_H
#define SL_BASE_CPU_H

#include <stdbool.h>

#include "secondlook.h"

typedef enum {
    SL_ISA_SCALAR = 0,
    SL_ISA_AVX2 = 1,   /* AVX2 and FMA */
    SL_ISA_AVX512 = 2, /* AVX-512 F, BW, DQ, VL and VNNI */
} sl_isa;

/* The instruction set in force. SL_ISA asks for one; a machine that has less gives what it has
 * (sl_isa_check says so). Read once, at the first call. Thread-safe. */
sl_isa sl_isa_active(void);

/* What the machine (processor and operating system) supports. */
sl_isa sl_isa_supported(void);

/* Whether networks can be computed in this precision with the instruction set in force; SL_ERR_UNSUPPORTED says what
 * is lacking. f32 always can, bf16 needs AVX-512 with BF16, int8 AVX-512 with VNNI. */
sl_status sl_compute_check(sl_compute precision, sl_error *err);

/* Whether the processor has AVX-512's BF16 (vdpbf16ps). */
bool sl_cpu_has_bf16(void);

const char *sl_isa_name(sl_isa isa);

#endif
