/* Which instruction set the kernels use, and which precisions it serves. */
#include "base/cpu.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};

const char *sl_isa_name(sl_isa isa) { return names[isa]; }

#if defined(__x86_64__)
const sl_isa sl_isas[] = {SL_ISA_SCALAR, SL_ISA_AVX2, SL_ISA_AVX512};

int sl_isa_count(void)
{
    /* __builtin_cpu_supports checks the operating system's state saving too. */
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vnni"))
        return 3;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 2 : 1;
}
#elif defined(__aarch64__)
const sl_isa sl_isas[] = {SL_ISA_SCALAR, SL_ISA_NEON};

int sl_isa_count(void) { return 2; }
#else
const sl_isa sl_isas[] = {SL_ISA_SCALAR};

int sl_isa_count(void) { return 1; }
#endif

static sl_isa best(void) { return sl_isas[sl_isa_count() - 1]; }

/* The one called `wanted`, or -1. */
static int isa_by_name(const char *wanted)
{
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(wanted, names[i]) == 0)
            return i;
    return -1;
}

static bool machine_has(int isa)
{
    for (int i = 0; i < sl_isa_count(); i++)
        if ((int)sl_isas[i] == isa)
            return true;
    return false;
}

static sl_isa active;

static void choose_isa(void)
{
    const char *wanted = getenv("SL_ISA");
    const int asked = wanted ? isa_by_name(wanted) : -1;
    active = machine_has(asked) ? (sl_isa)asked : best();
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
    const bool bf16 = precision == SL_COMPUTE_BF16, there = best() == SL_ISA_AVX512 && (!bf16 || sl_cpu_has_bf16());
    if (there && sl_isa_active() == SL_ISA_AVX512)
        return SL_OK;
    return sl_fail(err, SL_ERR_UNSUPPORTED, "%s, which %s: take --precision f32",
                   bf16 ? "bf16 needs AVX-512 with BF16" : "int8 needs AVX-512 with VNNI",
                   there ? "SL_ISA forbids" : "this processor lacks");
}

sl_status sl_isa_check(sl_error *err)
{
    const char *wanted = getenv("SL_ISA");
    if (!wanted || !*wanted)
        return SL_OK;
    const int asked = isa_by_name(wanted);
    if (asked < 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "SL_ISA=%s: use scalar, avx2, avx512 or neon", wanted);
    if (!machine_has(asked))
        return sl_fail(err, SL_ERR_ARGUMENT, "SL_ISA=%s: this machine has %s at best", wanted, names[best()]);
    return SL_OK;
}
