/* Calls a progress callback at most ten times a second, and at the end. */
#ifndef SL_BASE_TICKER_H
#define SL_BASE_TICKER_H

#include <time.h>

#include "base/status.h"

typedef struct {
    sl_progress_fn fn; /* may be NULL */
    void *context;
    size_t total;
    double last;
} sl_ticker;

static inline sl_status sl_tick(sl_ticker *t, size_t done, sl_error *err)
{
    if (!t->fn)
        return SL_OK;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    if (done < t->total && seconds - t->last < .1)
        return SL_OK;
    t->last = seconds;
    if (t->fn(t->context, done, t->total) != 0)
        return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu", done, t->total);
    return SL_OK;
}

#endif
