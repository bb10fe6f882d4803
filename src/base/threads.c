/* The parallel loops: the caller's thread and a crew that lives for one loop. */
#define _GNU_SOURCE
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

enum { MAX_THREADS = 256 };

/* ---- a crew: the caller and the threads that could be started ---- */

typedef void (*crew_fn)(void *work, int worker);

typedef struct {
    crew_fn fn;
    void *work;
    int worker;
} crew_member;

static void *member_main(void *arg)
{
    const crew_member *m = arg;
    m->fn(m->work, m->worker);
    return NULL;
}

/* Runs fn for worker 0, on the caller's thread, .. at most threads - 1 and returns when all are done. */
static void run_crew(int threads, size_t items, crew_fn fn, void *work)
{
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    if ((size_t)(threads < 1 ? 1 : threads) > items)
        threads = (int)items;
    pthread_t ids[MAX_THREADS];
    crew_member members[MAX_THREADS];
    int started = 0;
    for (int w = 1; w < threads; w++) {
        members[w] = (crew_member){.fn = fn, .work = work, .worker = w};
        if (pthread_create(&ids[started], NULL, member_main, &members[w]) != 0)
            break;
        started++;
    }
    fn(work, 0);
    for (int i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
}

/* ---- in any order ---- */

typedef struct {
    atomic_size_t next;
    size_t count;
    sl_parallel_fn fn;
    void *context;
} loop;

static void run_items(void *work, int worker)
{
    loop *l = work;
    for (size_t item; (item = atomic_fetch_add(&l->next, 1)) < l->count;)
        l->fn(l->context, item, worker);
}

void sl_parallel_for(int threads, size_t count, sl_parallel_fn fn, void *context)
{
    loop l = {.count = count, .fn = fn, .context = context};
    run_crew(threads, count, run_items, &l);
}

/* ---- that may fail ---- */

typedef struct {
    sl_parallel_try_fn fn;
    void *context;
    pthread_mutex_t lock;
    atomic_size_t failed; /* lowest item so far that failed, SIZE_MAX: none; set with the lock held */
    sl_error error;       /* that item's */
} attempt;

static void try_item(void *context, size_t item, int worker)
{
    attempt *a = context;
    sl_error err;
    err.text[0] = '\0';
    if (item > atomic_load(&a->failed))
        return;
    err.status = a->fn(a->context, item, worker, &err);
    if (err.status == SL_OK)
        return;
    pthread_mutex_lock(&a->lock);
    if (item < atomic_load(&a->failed)) {
        atomic_store(&a->failed, item);
        a->error = err;
    }
    pthread_mutex_unlock(&a->lock);
}

sl_status sl_parallel_try(int threads, size_t count, sl_parallel_try_fn fn, void *context, sl_error *err)
{
    attempt a = {.fn = fn, .context = context, .lock = PTHREAD_MUTEX_INITIALIZER};
    atomic_init(&a.failed, SIZE_MAX);
    sl_parallel_for(threads, count, try_item, &a);
    pthread_mutex_destroy(&a.lock);
    if (atomic_load(&a.failed) == SIZE_MAX)
        return SL_OK;
    if (err)
        *err = a.error;
    return a.error.status;
}

/* ---- taken in order ---- */

typedef struct {
    const sl_ordered_loop *loop;
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t changed;
    size_t next, taken;     /* items begun, items taken */
    size_t end;             /* items that there will be */
    bool made[SL_WINDOW_MAX]; /* [item % window] and not yet taken */
} ordered;

/* Makes the next item; the lock is held before and after, not meanwhile. */
static void make_next(ordered *o, int worker)
{
    size_t item = o->next++;
    pthread_mutex_unlock(&o->lock);
    o->loop->make(o->loop->context, item, worker);
    pthread_mutex_lock(&o->lock);
    o->made[item % o->loop->window] = true;
    pthread_cond_broadcast(&o->changed);
}

static void take_next(ordered *o)
{
    pthread_mutex_unlock(&o->lock);
    bool more = o->loop->take(o->loop->context, o->taken); /* which nobody else changes */
    pthread_mutex_lock(&o->lock);
    o->made[o->taken++ % o->loop->window] = false;
    if (!more)
        o->end = o->next;
    pthread_cond_broadcast(&o->changed);
}

/* The caller takes first, as others may wait for room. */
static void work_in_order(void *work, int worker)
{
    ordered *o = work;
    pthread_mutex_lock(&o->lock);
    while (worker == 0 ? o->taken < o->end : o->next < o->end) {
        if (worker == 0 && o->made[o->taken % o->loop->window])
            take_next(o);
        else if (o->next < o->end && o->next - o->taken < o->loop->window)
            make_next(o, worker);
        else
            pthread_cond_wait(&o->changed, &o->lock);
    }
    pthread_mutex_unlock(&o->lock);
}

void sl_parallel_ordered(const sl_ordered_loop *l)
{
    ordered o = {.loop = l, .end = l->count, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    run_crew(l->threads, l->count, work_in_order, &o);
    pthread_cond_destroy(&o.changed);
    pthread_mutex_destroy(&o.lock);
}

int sl_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n;
}
