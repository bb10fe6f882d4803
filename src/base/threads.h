/* Parallel loops. Work is cut into `count` items that do not depend on each other; which thread
 * takes an item never changes its result, so answers do not depend on the number of threads. */
#ifndef SL_BASE_THREADS_H
#define SL_BASE_THREADS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* `worker` is 0 .. threads-1, for per-thread scratch. */
typedef void (*sl_parallel_fn)(void *context, size_t item, int worker);

/* Runs fn for item 0 .. count-1 on at most `threads` threads (the caller is one of them) and
 * returns when all are done. Falls back to fewer threads when none can be started. */
void sl_parallel_for(int threads, size_t count, sl_parallel_fn fn, void *context);

/* The same for items that may fail, each with an error of its own: SL_OK, or the error of the lowest item that failed,
 * whatever the threads. Items above one that failed may be left out. */
typedef sl_status (*sl_parallel_try_fn)(void *context, size_t item, int worker, sl_error *err);
sl_status sl_parallel_try(int threads, size_t count, sl_parallel_try_fn fn, void *context, sl_error *err);

/* A parallel loop whose results are taken in order. All threads make items, in any order; the caller's thread takes
 * them, one at a time and in order, while the others go on making. At most `window` items are begun and not yet taken,
 * so item i may use slot i % window of what the caller keeps. */
enum { SL_WINDOW_MAX = 1024 };
typedef struct {
    int threads;
    size_t count, window;                     /* window: 1 .. SL_WINDOW_MAX */
    sl_parallel_fn make;                      /* on any thread */
    bool (*take)(void *context, size_t item); /* false: no further item is begun, those begun are still taken */
    void *context;
} sl_ordered_loop;
void sl_parallel_ordered(const sl_ordered_loop *loop);

/* Processors this process may run on, at least 1. */
int sl_cpu_count(void);

#endif
