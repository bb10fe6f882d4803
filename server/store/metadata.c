/* {"face"|"person": name, "metadata": {..}|null}, the latest line of a name counts. */
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
    json_t *of[KINDS]; /* objects by name */
    sv_journal *journal;
};

static json_t *line_of(sv_metadata_kind kind, const char *name, json_t *object)
{
    return json_pack("{s:s,s:O?}", kinds[kind], name, "metadata", object);
}

static void take_line(void *context, const json_t *line)
{
    sv_metadata *m = context;
    json_t *object = json_object_get(line, "metadata");
    for (int k = 0; k < KINDS; k++) {
        const char *name = json_string_value(json_object_get(line, kinds[k]));
        if (name && json_is_object(object))
            json_object_set(m->of[k], name, object);
        else if (name)
            json_object_del(m->of[k], name);
    }
}

sl_status sv_metadata_open(const char *file, sv_metadata **out, sl_error *err)
{
    sv_metadata *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m)
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", file);
    pthread_mutex_init(&m->mutex, NULL);
    for (int k = 0; k < KINDS; k++)
        m->of[k] = json_object();
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
        json_decref(m->of[k]);
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

/* The mutex is held; object NULL forgets. */
static sl_status set(sv_metadata *m, sv_metadata_kind kind, const char *name, json_t *object, sl_error *err)
{
    if (!object && !json_object_get(m->of[kind], name))
        return SL_OK;
    const sl_status status = sv_journal_add(m->journal, line_of(kind, name, object), err);
    if (status == SL_OK && object)
        json_object_set(m->of[kind], name, object);
    else if (status == SL_OK)
        json_object_del(m->of[kind], name);
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
        status = set(m, kind, name, object, err);
        pthread_mutex_unlock(&m->mutex);
    }
    json_decref(object);
    return status;
}

sl_status sv_metadata_rename(sv_metadata *m, const char *from, const char *to, sl_error *err)
{
    sl_status status = SL_OK;
    pthread_mutex_lock(&m->mutex);
    json_t *object = json_incref(json_object_get(m->of[SV_OF_PERSON], from));
    if (object && strcmp(from, to) != 0) {
        if (!json_object_get(m->of[SV_OF_PERSON], to))
            status = set(m, SV_OF_PERSON, to, object, err);
        if (status == SL_OK)
            status = set(m, SV_OF_PERSON, from, NULL, err);
    }
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
                status = set(m, (sv_metadata_kind)k, name, NULL, err);
    }
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
            json_array_append_new(lines, line_of((sv_metadata_kind)k, name, object));
    }
    const sl_status status = sv_journal_rewrite(m->journal, lines, err);
    pthread_mutex_unlock(&m->mutex);
    return status;
}
