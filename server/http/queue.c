/* Two lanes and some workers. */
#define _GNU_SOURCE
#include "http/queue.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "http/idempotency.h"
#include "http/resume.h"
#include "store/durable.h"

typedef struct {
    sv_request *first, **last;
} lane;

struct sv_queue {
    const sl_engine *engine;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    lane searches, changes;
    size_t length, most;
    unsigned passed; /* searches that went before a change that waits */
    bool closing;
    int workers;
    pthread_t *threads;
    sl_session **sessions;
    int started;
};

/* ---- lanes ---- */

static void push(lane *l, sv_request *r)
{
    r->next = NULL;
    *l->last = r;
    l->last = &r->next;
}

static sv_request *pop(lane *l)
{
    sv_request *r = l->first;
    l->first = r->next;
    if (!l->first)
        l->last = &l->first;
    return r;
}

static sv_request *pop_next(sv_queue *q)
{
    const bool change = q->changes.first && (!q->searches.first || q->passed >= 3);
    q->passed = change ? 0 : q->passed + (q->changes.first != NULL);
    q->length--;
    return pop(change ? &q->changes : &q->searches);
}

/* ---- workers ---- */

/* Nobody waits for the answer any more. */
static bool client_left(const sv_request *r)
{
    struct pollfd p = {.fd = r->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void answer(sv_request *r, sl_session *session)
{
    if (client_left(r))
        sv_refuse(r, 503, 0, "the client left");
    else if (!sv_replay_find(r) && sv_request_parse(r))
        r->route->run(r, session);
    if (!r->change && !r->reply.status)
        sv_refuse(r, 500, 41, "no memory");
    if (r->change)
        sv_hub_change(r->place, r->change); /* from here on it is the gallery's thread that has the request */
    else
        sv_resume(r);
}

typedef struct {
    sv_queue *queue;
    sl_session *session;
} worker;

static void *work(void *context)
{
    worker w = *(worker *)context;
    free(context);
    sv_queue *q = w.queue;
    pthread_mutex_lock(&q->mutex);
    while (q->length > 0 || !q->closing) {
        if (q->length == 0) {
            pthread_cond_wait(&q->more, &q->mutex);
            continue;
        }
        sv_request *r = pop_next(q);
        pthread_mutex_unlock(&q->mutex);
        answer(r, w.session);
        pthread_mutex_lock(&q->mutex);
    }
    pthread_mutex_unlock(&q->mutex);
    return NULL;
}

static sl_status start(sv_queue *q, int i, sl_error *err)
{
    sl_status status = q->engine ? sl_session_open(q->engine, 1, &q->sessions[i], err) : SL_OK;
    if (status != SL_OK)
        return status;
    worker *w = malloc(sizeof *w);
    if (w)
        *w = (worker){q, q->sessions[i]};
    if (!w || pthread_create(&q->threads[i], NULL, work, w) != 0) {
        free(w);
        return sv_fail(err, SL_ERR_MEMORY, "no worker can be started");
    }
    q->started++;
    return SL_OK;
}

sl_status sv_queue_open(const sl_engine *engine, int workers, int most, sv_queue **out, sl_error *err)
{
    sv_queue *q = calloc(1, sizeof *q);
    *out = NULL;
    if (!q)
        return sv_fail(err, SL_ERR_MEMORY, "no memory");
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->more, NULL);
    q->engine = engine;
    q->searches.last = &q->searches.first;
    q->changes.last = &q->changes.first;
    q->most = (size_t)most;
    q->workers = workers;
    q->threads = calloc((size_t)workers, sizeof *q->threads);
    q->sessions = calloc((size_t)workers, sizeof *q->sessions);
    sl_status status = q->threads && q->sessions ? SL_OK : sv_fail(err, SL_ERR_MEMORY, "no memory");
    for (int i = 0; i < workers && status == SL_OK; i++)
        status = start(q, i, err);
    if (status == SL_OK)
        *out = q;
    else
        sv_queue_close(q);
    return status;
}

void sv_queue_close(sv_queue *q)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->mutex);
    q->closing = true;
    pthread_cond_broadcast(&q->more);
    pthread_mutex_unlock(&q->mutex);
    for (int i = 0; i < q->started; i++)
        pthread_join(q->threads[i], NULL);
    for (int i = 0; q->sessions && i < q->workers; i++)
        sl_session_close(q->sessions[i]);
    pthread_cond_destroy(&q->more);
    pthread_mutex_destroy(&q->mutex);
    free(q->threads);
    free(q->sessions);
    free(q);
}

bool sv_queue_add(sv_queue *q, sv_request *r)
{
    pthread_mutex_lock(&q->mutex);
    const bool taken = !q->closing && q->length < q->most;
    if (taken) {
        push(r->route->flags & SV_WRITES ? &q->changes : &q->searches, r);
        q->length++;
        pthread_cond_signal(&q->more);
    }
    pthread_mutex_unlock(&q->mutex);
    return taken;
}

size_t sv_queue_length(sv_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    const size_t length = q->length;
    pthread_mutex_unlock(&q->mutex);
    return length;
}
