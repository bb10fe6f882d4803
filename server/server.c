/* The clock, and the bounds of the histogram. */
#define _GNU_SOURCE
#include "server.h"

#include <time.h>

/* Half a second is a usual answer; the ends tell trouble. */
const double sv_latency_bounds[SV_LATENCIES] = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10};

double sv_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
