/* {"face"|"person": name, "metadata": {..}|null}, the latest line of a name counts. "gone": it went with its face or
 * person, and can be called back with them until the file is written anew; "to": it became that person's. */
#define _GNU_SOURCE
#include "store/metadata.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "store/durable.h"
#include "store/journal.h"

static const char *const kinds[] = {"face", "person"};
enum { KINDS = sizeof kinds / sizeof *kinds };

struct sv_metadata {
    pthread_mutex_t mutex;
    json_t *of[KINDS], *gone[KINDS]; /* objects by name */
    json_t *moved;                   /* names: of a person whose are gone, who has them now */
    sv_journal *journal;
};

/* What becomes of a name's metadata. */
typedef enum { KEEP, FORGET, GONE } fate;

static json_t *line_of(sv_metadata_kind kind, const char *name, json_t *object, fate to)
{
    json_t *line = json_pack("{s:s,s:O?}", kinds[kind], name, "metadata", object);
    if (to == GONE)
        json_object_set_new(line, "gone", json_true());
    return line;
}

static void enter(sv_metadata *m, int kind, const char *name, json_t *object, fate to)
{
    json_object_del(m->gone[kind], name);
    if (kind == SV_OF_PERSON)
        json_object_del(m->moved, name);
    if (to == KEEP) {
        json_object_set(m->of[kind], name, object);
        return;
    }
    if (to == GONE)
        json_object_set(m->gone[kind], name, json_object_get(m->of[kind], name));
    json_object_del(m->of[kind], name);
}

static void take_line(void *context, const json_t *line)
{
    sv_metadata *m = context;
    json_t *object = json_object_get(line, "metadata");
    const fate to = json_is_object(object) ? KEEP : json_object_get(line, "gone") ? GONE : FORGET;
    for (int k = 0; k < KINDS; k++) {
        const char *name = json_string_value(json_object_get(line, kinds[k]));
        if (name)
            enter(m, k, name, object, to);
        if (name && to == GONE && json_object_get(line, "to"))
            json_object_set(m->moved, name, json_object_get(line, "to"));
    }
}

sl_status sv_metadata_open(const char *file, sv_metadata **out, sl_error *err)
{
    sv_metadata *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m)
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", file);
    pthread_mutex_init(&m->mutex, NULL);
    m->moved = json_object();
    for (int k = 0; k < KINDS; k++)
        m->of[k] = json_object(), m->gone[k] = json_object();
    const sl_status status = sv_journal_open(file, take_line, m, &m->journal, err);
    if (status == SL_OK)
        *out = m;
    else
        sv_metadata_close(m);
    return status;
}

void sv_metadata_close(sv_metadata *m)
{
    if (!m)
        return;
    sv_journal_close(m->journal);
    for (int k = 0; k < KINDS; k++)
        json_decref(m->of[k]), json_decref(m->gone[k]);
    json_decref(m->moved);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

json_t *sv_metadata_get(sv_metadata *m, sv_metadata_kind kind, const char *name)
{
    pthread_mutex_lock(&m->mutex);
    json_t *object = json_deep_copy(json_object_get(m->of[kind], name));
    pthread_mutex_unlock(&m->mutex);
    return object;
}

/* The mutex is held. object: of KEEP. */
static sl_status set(sv_metadata *m, sv_metadata_kind kind, const char *name, json_t *object, fate to, sl_error *err)
{
    if (to != KEEP && !json_object_get(m->of[kind], name))
        return SL_OK;
    const sl_status status = sv_journal_add(m->journal, line_of(kind, name, object, to), err);
    if (status == SL_OK)
        enter(m, kind, name, object, to);
    return status;
}

sl_status sv_metadata_set(sv_metadata *m, sv_metadata_kind kind, const char *name, json_t *object, sl_error *err)
{
    const size_t size = object ? json_dumpb(object, NULL, 0, JSON_COMPACT) : 0;
    sl_status status = SL_OK;
    if (object && !json_is_object(object))
        status = sv_fail(err, SL_ERR_ARGUMENT, "metadata is a JSON object");
    else if (size > SV_METADATA_MAX)
        status = sv_fail(err, SL_ERR_ARGUMENT, "metadata has %d bytes at most, not %zu", SV_METADATA_MAX, size);
    if (status == SL_OK) {
        pthread_mutex_lock(&m->mutex);
        status = set(m, kind, name, object, object ? KEEP : FORGET, err);
        pthread_mutex_unlock(&m->mutex);
    }
    json_decref(object);
    return status;
}

/* The mutex is held. */
static sl_status move(sv_metadata *m, const char *from, const char *to, json_t *object, sl_error *err)
{
    json_t *line = line_of(SV_OF_PERSON, from, NULL, GONE);
    json_object_set_new(line, "to", json_string(to));
    sl_status status = set(m, SV_OF_PERSON, to, object, KEEP, err);
    json_incref(line);
    if (status == SL_OK)
        status = sv_journal_add(m->journal, line, err);
    else
        json_decref(line);
    if (status == SL_OK)
        take_line(m, line);
    json_decref(line);
    return status;
}

sl_status sv_metadata_rename(sv_metadata *m, const char *from, const char *to, sl_error *err)
{
    sl_status status = SL_OK;
    pthread_mutex_lock(&m->mutex);
    json_t *object = json_incref(json_object_get(m->of[SV_OF_PERSON], from));
    if (object && strcmp(from, to) != 0)
        status = json_object_get(m->of[SV_OF_PERSON], to) ? set(m, SV_OF_PERSON, from, NULL, GONE, err)
                                                          : move(m, from, to, object, err);
    json_decref(object);
    pthread_mutex_unlock(&m->mutex);
    return status;
}

sl_status sv_metadata_sweep(sv_metadata *m, bool (*there)(void *context, sv_metadata_kind kind, const char *name),
                            void *context, sl_error *err)
{
    sl_status status = SL_OK;
    pthread_mutex_lock(&m->mutex);
    for (int k = 0; k < KINDS; k++) {
        const char *name;
        json_t *object;
        void *next;
        json_object_foreach_safe(m->of[k], next, name, object)
            if (status == SL_OK && !there(context, (sv_metadata_kind)k, name))
                status = set(m, (sv_metadata_kind)k, name, NULL, GONE, err);
    }
    pthread_mutex_unlock(&m->mutex);
    return status;
}

/* Whoever has had them meanwhile has them no more. The mutex is held. */
static sl_status take_from(sv_metadata *m, const char *to, const json_t *object, sl_error *err)
{
    const bool same = to && json_equal(json_object_get(m->of[SV_OF_PERSON], to), object);
    return same ? set(m, SV_OF_PERSON, to, NULL, FORGET, err) : SL_OK;
}

sl_status sv_metadata_recall(sv_metadata *m, sv_metadata_kind kind, const char *name, sl_error *err)
{
    sl_status status = SL_OK;
    pthread_mutex_lock(&m->mutex);
    json_t *object = json_incref(json_object_get(m->gone[kind], name));
    json_t *to = kind == SV_OF_PERSON ? json_incref(json_object_get(m->moved, name)) : NULL;
    if (object && !json_object_get(m->of[kind], name)) {
        status = take_from(m, json_string_value(to), object, err);
        if (status == SL_OK)
            status = set(m, kind, name, object, KEEP, err);
    }
    json_decref(to);
    json_decref(object);
    pthread_mutex_unlock(&m->mutex);
    return status;
}

sl_status sv_metadata_compact(sv_metadata *m, sl_error *err)
{
    json_t *lines = json_array();
    pthread_mutex_lock(&m->mutex);
    for (int k = 0; k < KINDS; k++) {
        const char *name;
        json_t *object;
        json_object_foreach(m->of[k], name, object)
            json_array_append_new(lines, line_of((sv_metadata_kind)k, name, object, KEEP));
        json_object_clear(m->gone[k]);
    }
    json_object_clear(m->moved);
    const sl_status status = sv_journal_rewrite(m->journal, lines, err);
    pthread_mutex_unlock(&m->mutex);
    return status;
}
