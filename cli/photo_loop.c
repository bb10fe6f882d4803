/* The loop of commands that do something with each of many photos. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"
#include "photos.h"
#include "progress.h"

typedef struct {
    cli_photo_loop *loop;
    const sl_photo *photos;
    size_t count, next, finished;
    char **reasons; /* [count] NULL: did not fail */
    pthread_mutex_t lock; /* of all that changes here and in the loop's results */
} loop_state;

typedef struct {
    loop_state *state;
    sl_session *session;
    pthread_t thread;
    bool started;
} loop_worker;

/* The next photo's number; false when there is none, or when the user asked to stop. */
static bool take(loop_state *s, size_t *photo)
{
    pthread_mutex_lock(&s->lock);
    bool more = s->next < s->count && !cli_progress_step(NULL, s->finished, s->count);
    if (more)
        *photo = s->next++;
    pthread_mutex_unlock(&s->lock);
    return more;
}

static void finish(loop_state *s, size_t photo, sl_status status, const sl_error *err)
{
    pthread_mutex_lock(&s->lock);
    s->finished++;
    if (status) {
        cli_fail(s->photos[photo].path, err);
        s->loop->failed++;
        s->loop->without_face += status == SL_ERR_NO_FACE;
        s->reasons[photo] = strdup(err->text);
    }
    pthread_mutex_unlock(&s->lock);
}

static void *work(void *context)
{
    loop_worker *w = context;
    loop_state *s = w->state;
    for (size_t i; take(s, &i);) {
        sl_error err = {0};
        finish(s, i, s->loop->one(s->loop->context, w->session, &s->photos[i], &err), &err);
    }
    return NULL;
}

/* Threads that can not be started leave the work to the others. */
static int run_workers(loop_state *s, const sl_engine *engine, loop_worker *workers, int count)
{
    sl_error err = {0};
    for (int i = 0; i < count; i++) {
        workers[i].state = s;
        if (engine && sl_session_open(engine, count > 1 ? 1 : s->loop->models->threads, &workers[i].session, &err))
            return cli_fail(NULL, &err);
    }
    for (int i = 1; i < count; i++)
        workers[i].started = !pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    work(&workers[0]);
    for (int i = 1; i < count; i++)
        if (workers[i].started)
            pthread_join(workers[i].thread, NULL);
    return CLI_OK;
}

static int run_loop(loop_state *s, const sl_engine *engine)
{
    int count = s->loop->workers, code = CLI_OK;
    loop_worker *workers = calloc((size_t)count, sizeof *workers);
    s->reasons = calloc(s->count, sizeof *s->reasons);
    if (!workers || !s->reasons) {
        cli_warn("no memory for %zu photos", s->count);
        code = CLI_FAILED;
    } else {
        if (!s->loop->no_bar)
            cli_progress_start("photos");
        code = run_workers(s, engine, workers, count);
        cli_progress_end();
    }
    for (size_t i = 0; s->reasons && i < s->count; i++) {
        if (s->reasons[i])
            json_array_append_new(s->loop->failures,
                                  json_pack("{s:o,s:o}", "image", cli_json_text(s->photos[i].path), "reason",
                                            cli_json_text(s->reasons[i])));
        free(s->reasons[i]);
    }
    for (int i = 0; workers && i < count; i++)
        sl_session_close(workers[i].session);
    free(s->reasons);
    free(workers);
    return code;
}

int cli_each_photo(const cli_list *paths, cli_photo_loop *loop)
{
    loop_state s = {.loop = loop};
    sl_photo *photos = NULL;
    sl_engine *engine = NULL;
    loop->failed = loop->without_face = 0;
    loop->failures = json_array();
    cli_catch_interrupts();
    int code = cli_photos_of(paths, &photos, &s.count);
    if (!code && loop->models)
        code = cli_open(loop->models, &engine, NULL);
    if (!code) {
        s.photos = photos;
        pthread_mutex_init(&s.lock, NULL);
        code = run_loop(&s, engine);
        pthread_mutex_destroy(&s.lock);
    }
    sl_engine_close(engine);
    sl_photos_free(photos, photos ? s.count : 0);
    return code;
}
