/* Shared weights, found by the constant's name and its layout; who does not find one makes it with the lock held. */
#include "net/plan/shared_weights.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/plan/plan_build.h"

typedef struct {
    char *name; /* of the constant in the specialised graph: one network gives a name to one content */
    sl_md md;
    void *data;
} entry;

struct sl_weights {
    pthread_mutex_t lock;
    entry *entries;
    size_t count, capacity, bytes;
};

sl_weights *sl_weights_new(void)
{
    sl_weights *w = calloc(1, sizeof *w);
    if (w)
        pthread_mutex_init(&w->lock, NULL);
    return w;
}

static void free_entry(entry *e)
{
    if (e->name)
        sl_md_free(&e->md);
    free(e->name);
    free(e->data);
}

void sl_weights_free(sl_weights *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->count; i++)
        free_entry(&w->entries[i]);
    pthread_mutex_destroy(&w->lock);
    free(w->entries);
    free(w);
}

size_t sl_weights_bytes(sl_weights *w)
{
    pthread_mutex_lock(&w->lock);
    size_t bytes = w->bytes;
    pthread_mutex_unlock(&w->lock);
    return bytes;
}

static void *find_entry(const sl_weights *w, const char *name, const sl_md *md)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->entries[i].name, name) == 0 && sl_md_equal(&w->entries[i].md, md))
            return w->entries[i].data;
    return NULL;
}

static bool has_room(sl_weights *w)
{
    entry *entries = sl_with_room(w->entries, w->count, &w->capacity, sizeof *entries);
    if (entries)
        w->entries = entries;
    return entries;
}

static sl_status make_entry(sl_build *b, sl_tensor t, const sl_md *to, sl_fill_fn fill, const void *context,
                            void **data, sl_error *err)
{
    sl_weights *w = b->weights;
    entry e = {.data = sl_alloc_aligned(sl_md_bytes(to))};
    if (!e.data || !has_room(w)) {
        free_entry(&e);
        return sl_build_no_memory(err);
    }
    sl_status status = fill(b, t, context, e.data, err);
    if (status == SL_OK && !((e.name = sl_strdup(b->g->tensors[t].name)) && sl_md_copy(to, &e.md)))
        status = sl_build_no_memory(err);
    if (status != SL_OK) {
        free(e.name);
        free(e.data);
        return status;
    }
    w->entries[w->count++] = e;
    w->bytes += sl_md_bytes(to);
    *data = e.data;
    return SL_OK;
}

sl_status sl_shared_weights(sl_build *b, sl_tensor t, const sl_md *to, sl_fill_fn fill, const void *context,
                            void **data, sl_error *err)
{
    sl_weights *w = b->weights;
    pthread_mutex_lock(&w->lock);
    *data = find_entry(w, b->g->tensors[t].name, to);
    sl_status status = *data ? SL_OK : make_entry(b, t, to, fill, context, data, err);
    pthread_mutex_unlock(&w->lock);
    return status;
}
