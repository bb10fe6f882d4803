/* A parallel loop. Work is cut into `count` items that do not depend on each other; which thread
 * takes an item never changes its result, so answers do not depend on the number of threads. */
#ifndef SL_BASE_THREADS_H
#define SL_BASE_THREADS_H

#include <stddef.h>

/* `worker` is 0 .. threads-1, for per-thread scratch. */
typedef void (*sl_parallel_fn)(void *context, size_t item, int worker);

/* Runs fn for item 0 .. count-1 on at most `threads` threads (the caller is one of them) and
 * returns when all are done. Falls back to fewer threads when none can be started. */
void sl_parallel_for(int threads, size_t count, sl_parallel_fn fn, void *context);

/* Processors this process may run on, at least 1. */
int sl_cpu_count(void);

#endif
