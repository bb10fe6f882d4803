/* Work that takes long: one job at a time, on a thread of its own. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/own.h"
#include "http/resume.h"
#include "secondlook_eval.h"
#include "server.h"
#include "store/durable.h"

enum { JOBS_MAX = 200, DUPLICATES_MAX = 1000 };

typedef enum { WAITING, RUNNING, DONE, FAILED, CANCELLED } job_state;
static const char *const state_names[] = {"waiting", "running", "done", "failed", "cancelled"};

typedef struct job job;
typedef struct {
    const char *name;
    sl_status (*run)(job *j, json_t *result, sl_error *err);
} job_kind;

struct job {
    sv_jobs *jobs;
    char id[37];
    const job_kind *kind;
    sv_place *place;
    job_state state;
    size_t done, total;
    bool cancel;
    unsigned long version; /* of what is told of it */
    double told;           /* when progress was told last */
    json_t *result;
    char error[1024];
};

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

static int progress(void *context, size_t done, size_t total)
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

/* ---- the kinds ---- */

static sl_status compact(job *j, json_t *result, sl_error *err)
{
    (void)result;
    sv_change change = {.kind = SV_COMPACT, .progress = progress, .progress_context = j};
    return sv_hub_change_now(j->place, &change, err);
}

static sl_status verify(job *j, json_t *result, sl_error *err)
{
    (void)result;
    return sl_gallery_verify(sv_place_dir(j->place), progress, j, err);
}

static sl_status calibrate(job *j, json_t *result, sl_error *err)
{
    const sv_view *view = sv_hub_view(j->place);
    const sl_gallery *set[] = {view->gallery};
    const sl_calibrate_options how = {.match = view->match, .max_pairs = 1000000, .seed = 1, .progress = progress,
                                      .context = j};
    sl_calibration out;
    sl_status status = sl_gallery_calibrate(view->gallery, set, 1, &how, &out, err);
    sv_view_release(view);
    if (status != SL_OK)
        return status;
    json_object_set_new(result, "searches", json_integer((json_int_t)out.searches));
    json_object_set_new(result, "pairs", json_integer((json_int_t)out.pairs));
    sv_change change = {.kind = SV_REFRESH};
    return sv_hub_change_now(j->place, &change, err);
}

typedef struct {
    uint8_t hash[32];
    size_t face;
} hashed_face;

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const hashed_face *)a)->hash, ((const hashed_face *)b)->hash, 32);
}

/* Photos that are enrolled more than once. */
static void same_photos(const sl_gallery *g, json_t *list)
{
    const size_t faces = sl_gallery_size(g);
    hashed_face *all = malloc((faces + 1) * sizeof *all);
    size_t n = 0;
    sl_entry a, b;
    for (size_t i = 0; all && i < faces; i++)
        if (sl_gallery_entry(g, i, &a, NULL) == SL_OK && a.photo_sha256) {
            memcpy(all[n].hash, a.photo_sha256, 32);
            all[n++].face = i;
        }
    if (n)
        qsort(all, n, sizeof *all, by_hash);
    for (size_t i = 1; i < n && json_array_size(list) < DUPLICATES_MAX; i++)
        if (by_hash(&all[i - 1], &all[i]) == 0 && sl_gallery_entry(g, all[i - 1].face, &a, NULL) == SL_OK &&
            sl_gallery_entry(g, all[i].face, &b, NULL) == SL_OK)
            json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o}", "image", sv_text(a.image), "person",
                                                  sv_text(a.label), "other_image", sv_text(b.image), "other_person",
                                                  sv_text(b.label)));
    free(all);
}

/* Somebody else whom the rule would take for this person. */
static sl_status search_twin(const sv_server *s, const sv_view *view, const sv_person *person, json_t *list,
                             sl_error *err)
{
    const sl_identify_options how = {.match = view->match, .top = 2, .rule = &view->rule};
    sl_template *t;
    sl_answer a;
    sl_status status = sl_gallery_template(view->gallery, person->own[0], &t, err);
    if (status != SL_OK)
        return status;
    status = sl_identify(s->engine, view->gallery, t, &how, &a, err);
    for (size_t i = 0; status == SL_OK && i < a.count; i++) {
        const sl_candidate *c = &a.candidates[i];
        if (strcmp(person->label, c->label) < 0 &&
            sl_rule_decide(&a.rule, c->score, c->stage1, a.hidden) == SL_MATCH)
            json_array_append_new(list, json_pack("{s:o,s:o,s:o}", "person", sv_text(person->label), "other_person",
                                                  sv_text(c->label), "score", sv_rounded(c->score, 6)));
    }
    sl_answer_free(&a);
    sl_template_free(t);
    return status;
}

static sl_status duplicates(job *j, json_t *result, sl_error *err)
{
    const sv_view *view = sv_hub_view(j->place);
    size_t count;
    const sv_person *people = sv_view_people(view, &count);
    json_t *photos = json_array(), *persons = json_array();
    sl_status status = SL_OK;
    same_photos(view->gallery, photos);
    for (size_t i = 0; i < count && status == SL_OK && json_array_size(persons) < DUPLICATES_MAX; i++) {
        status = search_twin(j->jobs->server, view, &people[i], persons, err);
        if (status == SL_OK && progress(j, i + 1, count))
            status = sv_fail(err, SL_ERR_INTERRUPTED, "cancelled");
    }
    json_object_set_new(result, "same_photo", photos);
    json_object_set_new(result, "same_person", persons);
    sv_view_release(view);
    return status;
}

static const job_kind kinds[] = {
    {"compact", compact}, {"verify", verify}, {"calibrate", calibrate}, {"duplicates", duplicates}};

/* ---- the thread ---- */

static void run_job(job *j)
{
    sl_error err = {0};
    json_t *result = json_object();
    const sl_status status = j->kind->run(j, result, &err);
    pthread_mutex_lock(&j->jobs->mutex);
    j->state = status == SL_OK ? DONE : status == SL_ERR_INTERRUPTED ? CANCELLED : FAILED;
    if (j->state == DONE)
        j->result = json_incref(result);
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

void sv_jobs_close(sv_jobs *jobs)
{
    for (size_t i = 0; jobs && i < jobs->count; i++) {
        json_decref(jobs->items[i]->result);
        free(jobs->items[i]);
    }
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
                               sv_place_name(j->place), "state", state_names[j->state], "done", (json_int_t)j->done,
                               "total", (json_int_t)j->total);
    if (j->result)
        json_object_set(object, "result", j->result);
    if (*j->error)
        json_object_set_new(object, "error", sv_text(j->error));
    return object;
}

static const job_kind *kind_named(const char *name)
{
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
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
    json_decref(first->result);
    free(first);
    memmove(jobs->items, jobs->items + 1, --jobs->count * sizeof *jobs->items);
    jobs->begun--;
    return true;
}

void sv_own_job_begin(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    sv_jobs *jobs = r->server->jobs;
    sv_place *place = sv_named_gallery(r);
    const job_kind *kind = kind_named(sv_ask(r, "kind", hold));
    if (!place)
        return;
    if (!kind) {
        sv_refuse(r, 400, 0, "kind is compact, verify, calibrate or duplicates");
        return;
    }
    job *j = calloc(1, sizeof *j);
    if (!j || !sv_note(r, kind->name, sv_place_name(place), NULL, NULL)) {
        free(j);
        return;
    }
    *j = (job){.jobs = jobs, .kind = kind, .place = place, .version = 1};
    sv_new_uuid(j->id);
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
        free(j);
        sv_refuse(r, 503, 0, "%d jobs wait already", JOBS_MAX);
    }
}

static bool may_see(const sv_request *r, const job *j)
{
    return strcmp(r->key.gallery, "*") == 0 || strcmp(r->key.gallery, sv_place_name(j->place)) == 0;
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
    pthread_mutex_unlock(&jobs->mutex);
    sv_reply_json(r, 200, json_pack("{s:o}", "jobs", list));
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
    } else {
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
