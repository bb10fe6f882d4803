/* Which instruction set the kernels use: detected once, or forced by SL_ISA=scalar|avx2|avx512|neon. */
#ifndef SL_BASE_CPU_H
#define SL_BASE_CPU_H

#include <stdbool.h>

#include "secondlook.h"

typedef enum {
    SL_ISA_SCALAR = 0, /* plain C */
    SL_ISA_AVX2 = 1,   /* AVX2 and FMA */
    SL_ISA_AVX512 = 2, /* AVX-512 F, BW, DQ, VL and VNNI */
    SL_ISA_NEON = 3,   /* what every 64-bit ARM has */
} sl_isa;

/* A table by sl_isa of those that this build has kernels for: {&name_scalar, ..}. */
#if defined(__x86_64__)
#define SL_PER_ISA(name)                                                                                          \
    {                                                                                                             \
        [SL_ISA_SCALAR] = &name##_scalar, [SL_ISA_AVX2] = &name##_avx2, [SL_ISA_AVX512] = &name##_avx512          \
    }
#elif defined(__aarch64__)
#define SL_PER_ISA(name)                                                                                          \
    {                                                                                                             \
        [SL_ISA_SCALAR] = &name##_scalar, [SL_ISA_NEON] = &name##_neon                                            \
    }
#else
#define SL_PER_ISA(name)                                                                                          \
    {                                                                                                             \
        [SL_ISA_SCALAR] = &name##_scalar                                                                          \
    }
#endif

/* The same in order, each better than the one before. The machine (processor and operating system) has the first
 * sl_isa_count(). */
extern const sl_isa sl_isas[];
int sl_isa_count(void);

/* The instruction set in force: the machine's best, or what SL_ISA asks for if the machine has it (sl_isa_check says
 * whether). Read once, at the first call. Thread-safe. */
sl_isa sl_isa_active(void);

/* Whether networks can be computed in this precision with the instruction set in force; SL_ERR_UNSUPPORTED says what
 * is lacking. f32 always can, bf16 needs AVX-512 with BF16, int8 AVX-512 with VNNI. */
sl_status sl_compute_check(sl_compute precision, sl_error *err);

/* Whether the processor has AVX-512's BF16 (vdpbf16ps). */
bool sl_cpu_has_bf16(void);

const char *sl_isa_name(sl_isa isa);

#endif
