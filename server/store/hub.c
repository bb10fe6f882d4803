/* Galleries and their threads. */
#define _GNU_SOURCE
#include "store/hub.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/durable.h"
#include "store/view.h"

enum { PLACES_MAX = 1000 };

struct sv_place {
    char *name, *dir;
    bool attached;
    const sl_engine *engine;
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t more;
    sv_change *first, **last; /* that wait */
    bool stopping, gone;
    sv_view *view;
    sv_view *spare; /* the thread's: the state before, which becomes the next one; NULL */
    json_t *noted; /* labels without faces: an object of them */
    sv_metadata *metadata;

    sl_gallery *writer; /* the thread's */
};

struct sv_hub {
    char *dir;
    const sl_engine *engine;
    sl_patch_format patches;
    pthread_mutex_t mutex;
    sv_place *places[PLACES_MAX];
    size_t count;
};

/* ---- a gallery's thread ---- */

static sl_status open_writer(sv_place *p, sl_error *err)
{
    const sl_gallery_options options = {.engine = p->engine};
    return p->writer ? SL_OK : sl_gallery_open(p->dir, SL_GALLERY_WRITE, &options, &p->writer, err);
}

static void close_writer(sv_place *p)
{
    sl_gallery_close(p->writer);
    p->writer = NULL;
}

/* The state before last, brought up to the newest; or the gallery opened once more, which costs a look at all of it: at
 * the first commit, after a compaction, and while a long job holds that state. */
static sl_status next_view(sv_place *p, sv_view **out, sl_error *err)
{
    sv_view *spare = p->spare;
    p->spare = NULL;
    if (spare && sv_view_alone(spare) && sv_view_refresh(spare, p->engine, NULL) == SL_OK) {
        *out = spare;
        return SL_OK;
    }
    sv_view_release(spare);
    return sv_view_open(p->dir, p->engine, out, err);
}

/* Shows searches what is on disk. compacted: nothing of before stays open, so that its bytes are gone. */
static sl_status publish(sv_place *p, bool compacted, sl_error *err)
{
    sv_view *fresh;
    sl_status status = next_view(p, &fresh, err);
    if (status != SL_OK)
        return status;
    pthread_mutex_lock(&p->mutex);
    sv_view *before = p->view;
    p->view = fresh;
    pthread_mutex_unlock(&p->mutex);
    if (compacted)
        sv_view_release(before);
    else
        p->spare = before;
    return SL_OK;
}

static sl_status commit(sv_place *p, sl_error *err)
{
    sl_status status = p->writer ? sl_gallery_commit(p->writer, err) : SL_OK;
    if (status != SL_OK) /* a handle that is broken is of no more use; one that is not opens again */
        close_writer(p);
    return status;
}

static void apply(sv_place *p, sv_change *c)
{
    sl_error *err = &c->result;
    *err = (sl_error){0};
    if (p->gone) {
        sv_fail(err, SL_ERR_NOT_FOUND, "the gallery %s was erased", p->name);
        return;
    }
    switch (c->kind) {
    case SV_REFRESH: return;
    case SV_COMPACT:
        close_writer(p);
        err->status = sl_gallery_compact(p->dir, c->progress, c->progress_context, err);
        if (err->status == SL_OK)
            err->status = sv_metadata_compact(p->metadata, err);
        return;
    case SV_CHANGE:
        err->status = open_writer(p, err);
        if (err->status == SL_OK)
            err->status = c->apply(c, p->writer, err);
    }
}

/* Commits what the changes from `first` up to `end` added, and tells those whose faces are dropped for it: the commit
 * must not fail in the hands of another change. */
static void settle(sv_place *p, sv_change *first, const sv_change *end)
{
    sl_error err = {0};
    if (p->gone || commit(p, &err) == SL_OK)
        return;
    for (sv_change *c = first; c != end; c = c->next)
        if (c->result.status == SL_OK)
            c->result = err;
}

/* All that waited together: one commit, one view. */
static void serve(sv_place *p, sv_change *list)
{
    sl_error err = {0};
    bool compacted = false;
    for (sv_change *c = list; c; c = c->next) {
        if (c->commits || c->kind == SV_COMPACT)
            settle(p, list, c);
        apply(p, c);
        compacted |= c->kind == SV_COMPACT;
    }
    sl_status status = p->gone ? SL_OK : commit(p, &err);
    if (status == SL_OK && !p->gone)
        status = publish(p, compacted, &err);
    for (sv_change *c = list, *next; c; c = next) {
        next = c->next;
        if (status != SL_OK && c->result.status == SL_OK)
            c->result = err;
        c->done(c, &c->result);
    }
}

static void *run(void *context)
{
    sv_place *p = context;
    pthread_mutex_lock(&p->mutex);
    while (p->first || !p->stopping) {
        sv_change *list = p->first;
        if (!list) {
            pthread_cond_wait(&p->more, &p->mutex);
            continue;
        }
        p->first = NULL;
        p->last = &p->first;
        pthread_mutex_unlock(&p->mutex);
        serve(p, list);
        pthread_mutex_lock(&p->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
    close_writer(p);
    return NULL;
}

void sv_hub_change(sv_place *p, sv_change *change)
{
    change->next = NULL;
    pthread_mutex_lock(&p->mutex);
    *p->last = change;
    p->last = &change->next;
    pthread_cond_signal(&p->more);
    pthread_mutex_unlock(&p->mutex);
}

/* ---- waiting for a change ---- */

typedef struct {
    sv_change change;
    sv_change *asked;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool over;
} awaited;

static sl_status apply_asked(sv_change *change, sl_gallery *gallery, sl_error *err)
{
    sv_change *asked = ((awaited *)change)->asked;
    return asked->apply(asked, gallery, err);
}

static void end_wait(sv_change *change, const sl_error *result)
{
    awaited *w = (awaited *)change;
    (void)result;
    pthread_mutex_lock(&w->mutex);
    w->over = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->mutex);
}

sl_status sv_hub_change_now(sv_place *place, sv_change *change, sl_error *err)
{
    awaited w = {
        .change = *change, .asked = change, .mutex = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    w.change.apply = apply_asked;
    w.change.done = end_wait;
    sv_hub_change(place, &w.change);
    pthread_mutex_lock(&w.mutex);
    while (!w.over)
        pthread_cond_wait(&w.ended, &w.mutex);
    pthread_mutex_unlock(&w.mutex);
    if (err)
        *err = w.change.result;
    return w.change.result.status;
}

/* ---- opening ---- */

/* A file beside the gallery's folder. */
static char *file_beside(const sv_place *p, const char *ending)
{
    char *path;
    return asprintf(&path, "%s.%s", p->dir, ending) < 0 ? NULL : path;
}

static char *noted_file(const sv_place *p)
{
    return file_beside(p, "people.json");
}

static sl_status open_metadata(sv_place *p, sl_error *err)
{
    char *path = file_beside(p, "metadata");
    const sl_status status =
        path ? sv_metadata_open(path, &p->metadata, err) : sv_fail(err, SL_ERR_MEMORY, "no memory");
    free(path);
    return status;
}

static sl_status read_noted(sv_place *p, sl_error *err)
{
    char *path = noted_file(p);
    sl_status status = path ? sv_read_json(path, &p->noted, err) : sv_fail(err, SL_ERR_MEMORY, "no memory");
    free(path);
    if (status == SL_ERR_NOT_FOUND) {
        p->noted = json_object();
        return SL_OK;
    }
    return status;
}

static void close_place(sv_place *p)
{
    sv_view_release(p->view);
    sv_view_release(p->spare);
    close_writer(p);
    json_decref(p->noted);
    sv_metadata_close(p->metadata);
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->mutex);
    free(p->name);
    free(p->dir);
    free(p);
}

/* The writer is opened at once: a second server is told so before it serves anything. */
static sl_status open_place(sv_hub *hub, const char *name, const char *dir, bool attached, sv_place **out,
                            sl_error *err)
{
    sv_place *p = calloc(1, sizeof *p);
    if (!p)
        return sv_fail(err, SL_ERR_MEMORY, "no memory");
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->more, NULL);
    p->last = &p->first;
    p->engine = hub->engine;
    p->attached = attached;
    p->name = strdup(name);
    p->dir = strdup(dir);
    sl_status status = p->name && p->dir ? read_noted(p, err) : sv_fail(err, SL_ERR_MEMORY, "no memory");
    if (status == SL_OK)
        status = open_metadata(p, err);
    if (status == SL_OK)
        status = open_writer(p, err);
    if (status == SL_OK)
        status = publish(p, false, err);
    if (status == SL_OK && pthread_create(&p->thread, NULL, run, p) != 0)
        status = sv_fail(err, SL_ERR_MEMORY, "%s: no thread", dir);
    if (status == SL_OK)
        *out = p;
    else
        close_place(p);
    return status;
}

static sv_place *find(const sv_hub *hub, const char *name)
{
    for (size_t i = 0; i < hub->count; i++)
        if (!hub->places[i]->gone && strcmp(hub->places[i]->name, name) == 0)
            return hub->places[i];
    return NULL;
}

/* The mutex is held. */
static sl_status add_place(sv_hub *hub, const char *name, const char *dir, bool attached, sl_error *err)
{
    if (find(hub, name))
        return sv_fail(err, SL_ERR_EXISTS, "there is a gallery %s already", name);
    if (hub->count == PLACES_MAX)
        return sv_fail(err, SL_ERR_LIMIT, "there are %d galleries already, which is the most", PLACES_MAX);
    sl_status status = open_place(hub, name, dir, attached, &hub->places[hub->count], err);
    hub->count += status == SL_OK;
    return status;
}

static sl_status open_all(sv_hub *hub, sl_error *err)
{
    sl_status status = SL_OK;
    DIR *d = opendir(hub->dir);
    if (!d)
        return sv_fail(err, SL_ERR_IO, "%s: %s", hub->dir, strerror(errno));
    for (struct dirent *e; status == SL_OK && (e = readdir(d));) {
        char *dir = sv_join(hub->dir, e->d_name), *meta = dir ? sv_join(dir, "gallery.meta") : NULL;
        if (meta && sv_hub_named_well(e->d_name) && access(meta, F_OK) == 0)
            status = add_place(hub, e->d_name, dir, false, err);
        free(dir);
        free(meta);
    }
    closedir(d);
    return status;
}

sl_status sv_hub_open(const char *dir, const sl_engine *engine, sl_patch_format patches, sv_hub **out, sl_error *err)
{
    sv_hub *hub = calloc(1, sizeof *hub);
    *out = NULL;
    if (!hub || !(hub->dir = strdup(dir))) {
        free(hub);
        return sv_fail(err, SL_ERR_MEMORY, "no memory");
    }
    hub->engine = engine;
    hub->patches = patches;
    pthread_mutex_init(&hub->mutex, NULL);
    sl_status status = mkdir(dir, 0700) == 0 || errno == EEXIST
                           ? open_all(hub, err)
                           : sv_fail(err, SL_ERR_IO, "%s: cannot be made: %s", dir, strerror(errno));
    if (status == SL_OK)
        *out = hub;
    else
        sv_hub_close(hub);
    return status;
}

void sv_hub_stop(sv_hub *hub)
{
    for (size_t i = 0; hub && i < hub->count; i++) {
        sv_place *p = hub->places[i];
        pthread_mutex_lock(&p->mutex);
        const bool runs = !p->stopping;
        p->stopping = true;
        pthread_cond_signal(&p->more);
        pthread_mutex_unlock(&p->mutex);
        if (runs)
            pthread_join(p->thread, NULL);
    }
}

void sv_hub_close(sv_hub *hub)
{
    sv_hub_stop(hub);
    for (size_t i = 0; hub && i < hub->count; i++)
        close_place(hub->places[i]);
    if (!hub)
        return;
    pthread_mutex_destroy(&hub->mutex);
    free(hub->dir);
    free(hub);
}

/* ---- which there are ---- */

bool sv_hub_named_well(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const size_t size = strlen(name);
    return size >= 1 && size <= 64 && *name != '.' && strspn(name, letters) == size;
}

sl_status sv_hub_attach(sv_hub *hub, const char *name, const char *dir, sl_error *err)
{
    if (!sv_hub_named_well(name))
        return sv_fail(err, SL_ERR_ARGUMENT, "a gallery cannot be called \"%.80s\"", name);
    pthread_mutex_lock(&hub->mutex);
    sl_status status = add_place(hub, name, dir, true, err);
    pthread_mutex_unlock(&hub->mutex);
    return status;
}

sl_status sv_hub_create(sv_hub *hub, const char *name, sl_error *err)
{
    const sl_gallery_options options = {.engine = hub->engine, .patches = hub->patches};
    sl_gallery *made = NULL;
    char *dir = sv_join(hub->dir, name);
    sl_status status = dir ? SL_OK : sv_fail(err, SL_ERR_MEMORY, "no memory");
    if (!sv_hub_named_well(name))
        status = sv_fail(err, SL_ERR_ARGUMENT, "a gallery's name has 1 to 64 letters, digits and . _ -, no dot first");
    pthread_mutex_lock(&hub->mutex);
    if (status == SL_OK && find(hub, name))
        status = sv_fail(err, SL_ERR_EXISTS, "there is a gallery %s already", name);
    if (status == SL_OK)
        status = sl_gallery_open(dir, SL_GALLERY_CREATE, &options, &made, err);
    sl_gallery_close(made);
    if (status == SL_OK)
        status = add_place(hub, name, dir, false, err);
    pthread_mutex_unlock(&hub->mutex);
    free(dir);
    return status;
}

static sl_status remove_folder(const char *dir, sl_error *err)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    return rmdir(dir) == 0 ? SL_OK : sv_fail(err, SL_ERR_IO, "%s: cannot be removed: %s", dir, strerror(errno));
}

static sl_status erase(sv_change *change, sl_gallery *gallery, sl_error *err)
{
    (void)change, (void)gallery, (void)err;
    return SL_OK;
}

sl_status sv_hub_erase(sv_hub *hub, const char *name, sl_error *err)
{
    pthread_mutex_lock(&hub->mutex);
    sv_place *p = find(hub, name);
    sl_status status = !p            ? sv_fail(err, SL_ERR_NOT_FOUND, "there is no gallery %.80s", name)
                       : p->attached ? sv_fail(err, SL_ERR_ARGUMENT,
                                               "the gallery %s lies outside the server's own folder: "
                                               "its faces can be removed, its folder is yours",
                                               name)
                                     : SL_OK;
    if (status == SL_OK) {
        sv_change last = {.apply = erase};
        status = sv_hub_change_now(p, &last, err); /* all before it is done */
        pthread_mutex_lock(&p->mutex);
        p->gone = status == SL_OK;
        pthread_mutex_unlock(&p->mutex);
    }
    if (status == SL_OK) {
        char *beside[] = {noted_file(p), file_beside(p, "metadata")};
        for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
            if (beside[i])
                unlink(beside[i]);
            free(beside[i]);
        }
        status = remove_folder(p->dir, err);
    }
    pthread_mutex_unlock(&hub->mutex);
    return status;
}

sv_place *sv_hub_find(sv_hub *hub, const char *name)
{
    pthread_mutex_lock(&hub->mutex);
    sv_place *p = find(hub, name);
    pthread_mutex_unlock(&hub->mutex);
    return p;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Pointers in order, without those that are twice, and the texts behind them, in one piece. */
static char **pack_names(const char **names, size_t *count)
{
    size_t bytes = 0, n = 0;
    qsort(names, *count, sizeof *names, by_text);
    for (size_t i = 0; i < *count; i++) {
        if (n == 0 || strcmp(names[n - 1], names[i]) != 0)
            names[n++] = names[i];
        bytes += strlen(names[i]) + 1;
    }
    char **out = malloc((n + 1) * sizeof *out + bytes), *text = (char *)(out + n + 1);
    for (size_t i = 0; out && i < n; i++) {
        out[i] = text;
        text = stpcpy(text, names[i]) + 1;
    }
    *count = out ? n : 0;
    return out;
}

char **sv_hub_names(sv_hub *hub, size_t *count)
{
    const char *names[PLACES_MAX];
    *count = 0;
    pthread_mutex_lock(&hub->mutex);
    for (size_t i = 0; i < hub->count; i++)
        if (!hub->places[i]->gone)
            names[(*count)++] = hub->places[i]->name;
    char **out = pack_names(names, count);
    pthread_mutex_unlock(&hub->mutex);
    return out;
}

const char *sv_place_name(const sv_place *p)
{
    return p->name;
}

const char *sv_place_dir(const sv_place *p)
{
    return p->dir;
}

sv_metadata *sv_place_metadata(sv_place *p)
{
    return p->metadata;
}

const sv_view *sv_hub_view(sv_place *p)
{
    pthread_mutex_lock(&p->mutex);
    const sv_view *view = p->view;
    sv_view_hold(view);
    pthread_mutex_unlock(&p->mutex);
    return view;
}

/* ---- names without faces ---- */

/* The mutex is held. */
static sl_status write_noted(sv_place *p, sl_error *err)
{
    char *path = noted_file(p);
    sl_status status =
        path ? sv_write_json(path, json_incref(p->noted), err) : sv_fail(err, SL_ERR_MEMORY, "no memory");
    free(path);
    return status;
}

sl_status sv_place_note_person(sv_place *p, const char *label, sl_error *err)
{
    sl_status status = SL_OK;
    pthread_mutex_lock(&p->mutex);
    if (!json_object_get(p->noted, label)) {
        if (json_object_set_new(p->noted, label, json_true()) != 0)
            status = sv_fail(err, SL_ERR_ARGUMENT, "the name is no UTF-8");
        else
            status = write_noted(p, err);
        if (status != SL_OK)
            json_object_del(p->noted, label);
    }
    pthread_mutex_unlock(&p->mutex);
    return status;
}

sl_status sv_place_forget_person(sv_place *p, const char *label, sl_error *err)
{
    sl_status status = SL_OK;
    pthread_mutex_lock(&p->mutex);
    if (label ? json_object_get(p->noted, label) != NULL : json_object_size(p->noted) > 0) {
        if (label)
            json_object_del(p->noted, label);
        else
            json_object_clear(p->noted);
        status = write_noted(p, err);
    }
    pthread_mutex_unlock(&p->mutex);
    return status;
}

bool sv_place_noted(sv_place *p, const char *label)
{
    pthread_mutex_lock(&p->mutex);
    const bool noted = json_object_get(p->noted, label) != NULL;
    pthread_mutex_unlock(&p->mutex);
    return noted;
}

char **sv_place_labels(sv_place *p, const sv_view *view, size_t *count)
{
    size_t people;
    const sv_person *person = sv_view_people(view, &people);
    pthread_mutex_lock(&p->mutex);
    const char **names = malloc((people + json_object_size(p->noted) + 1) * sizeof *names);
    const char *label;
    json_t *value;
    *count = 0;
    for (size_t i = 0; names && i < people; i++)
        names[(*count)++] = person[i].label;
    if (names)
        json_object_foreach(p->noted, label, value)
            names[(*count)++] = label;
    char **out = names ? pack_names(names, count) : NULL;
    pthread_mutex_unlock(&p->mutex);
    free(names);
    return out;
}
