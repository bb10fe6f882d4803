/* Seconds that only go forward, for measuring. */
#ifndef SL_BASE_CLOCK_H
#define SL_BASE_CLOCK_H

#include <time.h>

static inline double sl_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of processor time that this thread has used. */
static inline double sl_thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
