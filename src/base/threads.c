#define _GNU_SOURCE
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { MAX_THREADS = 256 };

typedef struct {
    atomic_size_t next;
    size_t count;
    sl_parallel_fn fn;
    void *context;
} loop;

typedef struct {
    loop *loop;
    int worker;
} worker_start;

static void run_items(loop *l, int worker)
{
    for (size_t item; (item = atomic_fetch_add(&l->next, 1)) < l->count;)
        l->fn(l->context, item, worker);
}

static void *worker_main(void *arg)
{
    const worker_start *start = arg;
    run_items(start->loop, start->worker);
    return NULL;
}

void sl_parallel_for(int threads, size_t count, sl_parallel_fn fn, void *context)
{
    loop l = {.count = count, .fn = fn, .context = context};
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    if ((size_t)(threads < 1 ? 1 : threads) > count)
        threads = (int)count;
    pthread_t ids[MAX_THREADS];
    worker_start starts[MAX_THREADS];
    int started = 0;
    for (int w = 1; w < threads; w++) {
        starts[w] = (worker_start){.loop = &l, .worker = w};
        if (pthread_create(&ids[started], NULL, worker_main, &starts[w]) != 0)
            break;
        started++;
    }
    run_items(&l, 0);
    for (int i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
}

int sl_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n;
}
