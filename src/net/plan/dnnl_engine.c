/* The one engine of oneDNN, held to the instruction set in force. */
#include <pthread.h>
#include <stdio.h>

#include "base/cpu.h"
#include "net/plan/dnnl_adapter.h"

static dnnl_engine_t engine;
static char backend[48];

static void start_engine(void)
{
    /* Must come before the first primitive. SSE4.1 is oneDNN's least. */
    switch (sl_isa_active()) {
    case SL_ISA_SCALAR: dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41); break;
    case SL_ISA_AVX2: dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2); break;
    default: break;
    }
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
}

dnnl_engine_t sl_dnnl_engine(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_engine);
    return engine;
}

static void write_backend(void)
{
    const dnnl_version_t *v = dnnl_version();
    snprintf(backend, sizeof backend, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
}

const char *sl_net_backend(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, write_backend);
    return backend;
}
