/* Which instruction set the kernels use, and which precisions it serves. */
#include "base/cpu.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static const char *const names[] = {"scalar", "avx2", "avx512"};

const char *sl_isa_name(sl_isa isa) { return names[isa]; }

sl_isa sl_isa_supported(void)
{
#if defined(__x86_64__)
    /* __builtin_cpu_supports checks the operating system's state saving too. */
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vnni"))
        return SL_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return SL_ISA_AVX2;
#endif
    return SL_ISA_SCALAR;
}

/* The index of `wanted` among the names, or -1. */
static int isa_by_name(const char *wanted)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(wanted, names[i]) == 0)
            return i;
    return -1;
}

static sl_isa active;

static void choose_isa(void)
{
    sl_isa best = sl_isa_supported();
    const char *wanted = getenv("SL_ISA");
    int asked = wanted ? isa_by_name(wanted) : -1;
    active = asked >= 0 && asked < (int)best ? (sl_isa)asked : best;
}

sl_isa sl_isa_active(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose_isa);
    return active;
}

bool sl_cpu_has_bf16(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

sl_status sl_compute_check(sl_compute precision, sl_error *err)
{
    if (precision == SL_COMPUTE_F32)
        return SL_OK;
    if (precision != SL_COMPUTE_BF16 && precision != SL_COMPUTE_INT8)
        return sl_fail(err, SL_ERR_ARGUMENT, "there is no precision %d", (int)precision);
    bool bf16 = precision == SL_COMPUTE_BF16;
    if (sl_isa_active() == SL_ISA_AVX512 && (!bf16 || sl_cpu_has_bf16()))
        return SL_OK;
    return sl_fail(err, SL_ERR_UNSUPPORTED, "%s, which %s: take --precision f32",
                   bf16 ? "bf16 needs AVX-512 with BF16" : "int8 needs AVX-512 with VNNI",
                   sl_isa_active() < sl_isa_supported() ? "SL_ISA forbids" : "this processor lacks");
}

sl_status sl_isa_check(sl_error *err)
{
    const char *wanted = getenv("SL_ISA");
    if (!wanted || !*wanted)
        return SL_OK;
    int asked = isa_by_name(wanted);
    if (asked < 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "SL_ISA=%s: use scalar, avx2 or avx512", wanted);
    if (asked > (int)sl_isa_supported())
        return sl_fail(err, SL_ERR_ARGUMENT, "SL_ISA=%s: this machine has only %s", wanted,
                       sl_isa_name(sl_isa_supported()));
    return SL_OK;
}
