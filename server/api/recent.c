/* A ring of faces. */
#include "api/recent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

enum { KEPT = 64 };
static const double lifetime = 600;

typedef struct {
    sv_face face; /* first: what is lent */
    char id[37], key[9], gallery[65];
    sl_match_options match;
    double until;
    int holders; /* the ring, and those who draw */
} recent_face;

struct sv_recent {
    pthread_mutex_t mutex;
    recent_face *items[KEPT];
    size_t next;
};

sv_recent *sv_recent_open(void)
{
    sv_recent *recent = calloc(1, sizeof *recent);
    if (recent)
        pthread_mutex_init(&recent->mutex, NULL);
    return recent;
}

/* The mutex is held. */
static void let_go(recent_face *f)
{
    if (!f || --f->holders > 0)
        return;
    sl_template_free(f->face.t);
    sl_image_free(&f->face.crop);
    free(f);
}

void sv_recent_close(sv_recent *recent)
{
    for (size_t i = 0; recent && i < KEPT; i++)
        let_go(recent->items[i]);
    if (recent)
        pthread_mutex_destroy(&recent->mutex);
    free(recent);
}

void sv_recent_keep(sv_recent *recent, const sv_request *r, const sl_match_options *match, sv_face *face, char id[37])
{
    recent_face *f = calloc(1, sizeof *f);
    sv_new_uuid(id);
    if (!f)
        return; /* it is not found then */
    f->face = *face;
    f->match = *match;
    f->until = sv_now() + lifetime;
    f->holders = 1;
    memcpy(f->id, id, sizeof f->id);
    memcpy(f->key, r->key.id, sizeof f->key);
    strncpy(f->gallery, r->args[0], sizeof f->gallery - 1);
    face->t = NULL;
    face->crop = (sl_image){0};
    pthread_mutex_lock(&recent->mutex);
    recent_face **place = &recent->items[recent->next++ % KEPT];
    let_go(*place);
    *place = f;
    pthread_mutex_unlock(&recent->mutex);
}

/* The mutex is held; what is too old goes. */
static recent_face *find(sv_recent *recent, const sv_request *r)
{
    recent_face *found = NULL;
    for (size_t i = 0; i < KEPT; i++) {
        recent_face *f = recent->items[i];
        if (f && f->until < r->began) {
            let_go(f);
            recent->items[i] = NULL;
        } else if (f && strcmp(f->id, r->args[0]) == 0 && strcmp(f->key, r->key.id) == 0) {
            found = f;
        }
    }
    return found;
}

const sv_face *sv_recent_find(sv_recent *recent, sv_request *r, char gallery[65], sl_match_options *match)
{
    pthread_mutex_lock(&recent->mutex);
    recent_face *f = find(recent, r);
    if (f) {
        f->holders++;
        strcpy(gallery, f->gallery);
        *match = f->match;
    }
    pthread_mutex_unlock(&recent->mutex);
    if (!f)
        sv_refuse(r, 404, 0, "this face was asked about too long ago: search again");
    return f ? &f->face : NULL;
}

void sv_recent_release(sv_recent *recent, const sv_face *face)
{
    pthread_mutex_lock(&recent->mutex);
    let_go((recent_face *)face);
    pthread_mutex_unlock(&recent->mutex);
}
