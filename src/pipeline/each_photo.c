/* Work on each of many photos, on all threads; results in the list's order. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/threads.h"
#include "pipeline/engine.h"

enum { WINDOW_OF_A_THREAD = 4 };

/* What a photo's work left for its turn. */
typedef struct {
    void *made;
    sl_error why;
} photo_result;

typedef struct {
    const sl_photo_loop *loop;
    const sl_photo *photos;
    size_t count, window;
    sl_session **sessions; /* [threads]; NULL: no networks */
    photo_result *results; /* [window] */
    bool interrupted;
} photo_run;

static void work_on(void *context, size_t item, int worker)
{
    photo_run *r = context;
    photo_result *result = &r->results[item % r->window];
    *result = (photo_result){0};
    result->why.status = r->loop->work(r->loop->context, r->sessions ? r->sessions[worker] : NULL, &r->photos[item],
                                       &result->made, &result->why);
}

static bool finish(void *context, size_t item)
{
    photo_run *r = context;
    const sl_photo_loop *l = r->loop;
    const photo_result *result = &r->results[item % r->window];
    l->finish(l->context, &r->photos[item], result->made, &result->why);
    r->interrupted = l->progress && l->progress(l->context, item + 1, r->count);
    return !r->interrupted;
}

sl_status sl_each_photo(const sl_engine *engine, const sl_photo *photos, size_t count, const sl_photo_loop *loop,
                        sl_error *err)
{
    if (!loop || !loop->work || !loop->finish || (count && !photos))
        return sl_fail(err, SL_ERR_ARGUMENT, "a loop over photos needs photos, work and finish");
    int threads = loop->threads > 0 ? loop->threads : sl_cpu_count();
    photo_run r = {.loop = loop, .photos = photos, .count = count, .window = (size_t)threads * WINDOW_OF_A_THREAD};
    if (r.window > SL_WINDOW_MAX)
        r.window = SL_WINDOW_MAX;
    r.results = sl_calloc_aligned(r.window, sizeof *r.results);
    if (!r.results)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a loop over photos");
    sl_status status = engine ? sl_sessions_open(engine, threads, &r.sessions, err) : SL_OK;
    if (status == SL_OK)
        sl_parallel_ordered(&(sl_ordered_loop){threads, count, r.window, work_on, finish, &r});
    sl_sessions_close(r.sessions, threads);
    free(r.results);
    return status == SL_OK && r.interrupted ? sl_fail(err, SL_ERR_INTERRUPTED, "interrupted") : status;
}
