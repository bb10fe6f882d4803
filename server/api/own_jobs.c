/* Work that takes long: one job at a time, on a thread of its own. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/jobs.h"
#include "http/resume.h"
#include "server.h"
#include "store/durable.h"

enum { JOBS_MAX = 200 };

typedef enum { WAITING, RUNNING, DONE, FAILED, CANCELLED } job_state;
static const char *const state_names[] = {"waiting", "running", "done", "failed", "cancelled"};

typedef struct {
    sv_job job; /* first: what the kinds see */
    sv_jobs *jobs;
    char id[37];
    const sv_job_kind *kind;
    job_state state;
    size_t done, total;
    bool cancel;
    unsigned long version; /* of what is told of it */
    double told;           /* when progress was told last */
    json_t *result;
    char error[1024];
} job;

/* Somebody who listens to a job. */
typedef struct listener_stream {
    sv_stream stream;
    job *of;
    unsigned long sent;
    bool waiting;
    struct listener_stream *next;
} listener_stream;

struct sv_jobs {
    sv_server *server;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    pthread_t thread;
    bool stopping;
    job *items[JOBS_MAX];
    size_t count, begun; /* begun: the first that waits */
    listener_stream *streams;
};

/* ---- telling ---- */

/* The mutex is held. */
static void tell(job *j)
{
    j->version++;
    for (listener_stream *s = j->jobs->streams; s; s = s->next)
        if (s->of == j && s->waiting) {
            s->waiting = false;
            sv_stream_wake(&s->stream);
        }
}

int sv_job_progress(void *context, size_t done, size_t total)
{
    job *j = context;
    const double now = sv_now();
    pthread_mutex_lock(&j->jobs->mutex);
    j->done = done;
    j->total = total;
    if (now - j->told > .1) {
        j->told = now;
        tell(j);
    }
    const bool stop = j->cancel || j->jobs->stopping;
    pthread_mutex_unlock(&j->jobs->mutex);
    return stop;
}

/* ---- the thread ---- */

static void run_job(job *j)
{
    sl_error err = {0};
    json_t *result = json_object();
    const sl_status status = j->kind->run(&j->job, result, &err);
    pthread_mutex_lock(&j->jobs->mutex);
    j->state = status == SL_OK ? DONE : status == SL_ERR_INTERRUPTED ? CANCELLED : FAILED;
    if (j->state == DONE) {
        j->result = result; /* from here on it is counted by holders of the mutex alone */
        result = NULL;
    }
    snprintf(j->error, sizeof j->error, "%s", status == SL_OK ? "" : err.text);
    tell(j);
    pthread_mutex_unlock(&j->jobs->mutex);
    json_decref(result);
}

static void *work(void *context)
{
    sv_jobs *jobs = context;
    pthread_mutex_lock(&jobs->mutex);
    while (!jobs->stopping) {
        if (jobs->begun == jobs->count) {
            pthread_cond_wait(&jobs->more, &jobs->mutex);
            continue;
        }
        job *j = jobs->items[jobs->begun++];
        j->state = j->cancel ? CANCELLED : RUNNING;
        tell(j);
        if (j->state == CANCELLED)
            continue;
        pthread_mutex_unlock(&jobs->mutex);
        run_job(j);
        pthread_mutex_lock(&jobs->mutex);
    }
    pthread_mutex_unlock(&jobs->mutex);
    return NULL;
}

sl_status sv_jobs_open(sv_server *server, sv_jobs **out, sl_error *err)
{
    sv_jobs *jobs = calloc(1, sizeof *jobs);
    *out = NULL;
    if (!jobs)
        return sv_fail(err, SL_ERR_MEMORY, "no memory");
    jobs->server = server;
    pthread_mutex_init(&jobs->mutex, NULL);
    pthread_cond_init(&jobs->more, NULL);
    if (pthread_create(&jobs->thread, NULL, work, jobs) != 0) {
        free(jobs);
        return sv_fail(err, SL_ERR_MEMORY, "no thread for jobs");
    }
    *out = jobs;
    return SL_OK;
}

void sv_jobs_stop(sv_jobs *jobs)
{
    pthread_mutex_lock(&jobs->mutex);
    jobs->stopping = true;
    pthread_cond_signal(&jobs->more);
    for (listener_stream *s = jobs->streams; s; s = s->next)
        if (s->waiting) {
            s->waiting = false;
            sv_stream_wake(&s->stream);
        }
    pthread_mutex_unlock(&jobs->mutex);
    pthread_join(jobs->thread, NULL);
}

static void drop_job(job *j)
{
    if (!j)
        return;
    if (j->job.archive)
        unlink(j->job.archive);
    free(j->job.archive);
    free(j->job.body);
    json_decref(j->job.asked);
    json_decref(j->result);
    free(j);
}

void sv_jobs_close(sv_jobs *jobs)
{
    for (size_t i = 0; jobs && i < jobs->count; i++)
        drop_job(jobs->items[i]);
    if (jobs) {
        pthread_cond_destroy(&jobs->more);
        pthread_mutex_destroy(&jobs->mutex);
    }
    free(jobs);
}

/* ---- requests ---- */

/* The mutex is held. */
static json_t *job_json(const job *j)
{
    json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "id", j->id, "kind", j->kind->name, "gallery",
                               sv_place_name(j->job.place), "state", state_names[j->state], "done", (json_int_t)j->done,
                               "total", (json_int_t)j->total);
    if (j->result)
        json_object_set(object, "result", j->result);
    if (j->state == DONE && j->job.archive)
        json_object_set_new(object, "archive", json_sprintf("/v1/jobs/%s/archive", j->id));
    if (*j->error)
        json_object_set_new(object, "error", sv_text(j->error));
    return object;
}

/* The oldest that is over makes room. The mutex is held. */
static bool make_room(sv_jobs *jobs)
{
    if (jobs->count < JOBS_MAX)
        return true;
    job *first = jobs->items[0];
    for (listener_stream *s = jobs->streams; s; s = s->next)
        if (s->of == first)
            return false;
    if (jobs->begun == 0 || first->state < DONE)
        return false;
    drop_job(first);
    memmove(jobs->items, jobs->items + 1, --jobs->count * sizeof *jobs->items);
    jobs->begun--;
    return true;
}

void sv_job_begin(sv_request *r, sv_place *place, const sv_job_kind *kind)
{
    sv_jobs *jobs = r->server->jobs;
    job *j = calloc(1, sizeof *j);
    if (!j || !sv_note(r, kind->name, sv_place_name(place), NULL, NULL)) {
        free(j);
        return;
    }
    *j = (job){.job = {.server = r->server, .place = place, .asked = json_incref(r->json)}, .jobs = jobs, .kind = kind,
               .version = 1};
    memcpy(j->job.key, r->key.id, sizeof j->job.key);
    memcpy(j->job.request, r->id, sizeof j->job.request);
    sv_new_uuid(j->id);
    if (kind->keeps_body) {
        j->job.body = r->body;
        j->job.size = r->size;
        r->body = NULL;
        r->size = r->room = 0;
    }
    pthread_mutex_lock(&jobs->mutex);
    const bool room = make_room(jobs);
    if (room) {
        jobs->items[jobs->count++] = j;
        sv_reply_json(r, 202, job_json(j));
        if (asprintf(&r->reply.location, "/v1/jobs/%s", j->id) < 0)
            r->reply.location = NULL;
        pthread_cond_signal(&jobs->more);
    }
    pthread_mutex_unlock(&jobs->mutex);
    if (!room) {
        drop_job(j);
        sv_refuse(r, 503, 0, "%d jobs wait already", JOBS_MAX);
    }
}

static bool may_see(const sv_request *r, const job *j)
{
    return strcmp(r->key.gallery, "*") == 0 || strcmp(r->key.gallery, sv_place_name(j->job.place)) == 0;
}

void sv_own_jobs(sv_request *r, sl_session *session)
{
    (void)session;
    sv_jobs *jobs = r->server->jobs;
    json_t *list = json_array();
    pthread_mutex_lock(&jobs->mutex);
    for (size_t i = jobs->count; i-- > 0;)
        if (may_see(r, jobs->items[i]))
            json_array_append_new(list, job_json(jobs->items[i]));
    sv_reply_json(r, 200, json_pack("{s:o}", "jobs", list));
    pthread_mutex_unlock(&jobs->mutex);
}

/* The job that the address names, for whom may see it. The mutex is held. */
static job *find(sv_request *r)
{
    sv_jobs *jobs = r->server->jobs;
    for (size_t i = 0; i < jobs->count; i++)
        if (strcmp(jobs->items[i]->id, r->args[0]) == 0 && may_see(r, jobs->items[i]))
            return jobs->items[i];
    sv_refuse(r, 404, 0, "there is no job %s", r->args[0]);
    return NULL;
}

void sv_own_job(sv_request *r, sl_session *session)
{
    (void)session;
    pthread_mutex_lock(&r->server->jobs->mutex);
    const job *j = find(r);
    if (j)
        sv_reply_json(r, 200, job_json(j));
    pthread_mutex_unlock(&r->server->jobs->mutex);
}

void sv_own_job_cancel(sv_request *r, sl_session *session)
{
    (void)session;
    pthread_mutex_lock(&r->server->jobs->mutex);
    job *j = find(r);
    if (j) {
        j->cancel = true;
        sv_reply_json(r, 202, job_json(j));
    }
    pthread_mutex_unlock(&r->server->jobs->mutex);
}

/* ---- what it made ---- */

typedef struct {
    sv_stream stream;
    FILE *file;
} file_stream;

static long read_file(sv_stream *stream, char *out, size_t size)
{
    const size_t n = fread(out, 1, size, ((file_stream *)stream)->file);
    return n ? (long)n : -1;
}

static void close_file(sv_stream *stream)
{
    fclose(((file_stream *)stream)->file);
    free(stream);
}

void sv_own_job_archive(sv_request *r, sl_session *session)
{
    (void)session;
    pthread_mutex_lock(&r->server->jobs->mutex);
    const job *j = find(r);
    FILE *f = j && j->state == DONE && j->job.archive ? fopen(j->job.archive, "re") : NULL;
    pthread_mutex_unlock(&r->server->jobs->mutex);
    file_stream *s = f ? calloc(1, sizeof *s) : NULL;
    if (s) {
        *s = (file_stream){.stream = {.read = read_file, .close = close_file}, .file = f};
        sv_reply_fixed(r, 200, "application/x-tar", "", 0);
        r->reply.stream = &s->stream;
    } else if (f) {
        fclose(f);
        sv_refuse(r, 500, 0, "no memory");
    } else if (j) {
        sv_refuse(r, 404, 0, "this job has made no archive (yet)");
    }
}

/* ---- events ---- */

static long read_events(sv_stream *stream, char *out, size_t size)
{
    listener_stream *s = (listener_stream *)stream;
    sv_jobs *jobs = s->of->jobs;
    long n = 0;
    pthread_mutex_lock(&jobs->mutex);
    const job *j = s->of;
    if (jobs->stopping || (s->sent >= j->version && j->state >= DONE)) {
        n = -1;
    } else if (s->sent < j->version) {
        const int made =
            snprintf(out, size, "id: %lu\nevent: %s\ndata: {\"state\":\"%s\",\"done\":%zu,\"total\":%zu}\n\n",
                     j->version, j->state >= DONE ? "end" : "progress", state_names[j->state], j->done, j->total);
        n = made < (int)size ? made : -1;
        s->sent = j->version;
    } else { /* under the mutex: whoever wakes it comes behind this */
        sv_stream_sleep(stream);
        s->waiting = true;
    }
    pthread_mutex_unlock(&jobs->mutex);
    return n;
}

static void close_events(sv_stream *stream)
{
    listener_stream *s = (listener_stream *)stream;
    sv_jobs *jobs = s->of->jobs;
    pthread_mutex_lock(&jobs->mutex);
    for (listener_stream **at = &jobs->streams; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    pthread_mutex_unlock(&jobs->mutex);
    free(s);
}

void sv_own_job_events(sv_request *r, sl_session *session)
{
    (void)session;
    sv_jobs *jobs = r->server->jobs;
    listener_stream *s = calloc(1, sizeof *s);
    pthread_mutex_lock(&jobs->mutex);
    job *j = s ? find(r) : NULL;
    if (j) {
        *s = (listener_stream){.stream = {.read = read_events, .close = close_events}, .of = j, .next = jobs->streams,
                               .sent = r->last_event};
        jobs->streams = s;
        sv_reply_fixed(r, 200, "text/event-stream", "", 0);
        r->reply.stream = &s->stream;
    }
    pthread_mutex_unlock(&jobs->mutex);
    if (!j)
        free(s);
}
