/* A ring of replies. */
#include "http/idempotency.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

enum { KEPT = 1000, HASH = crypto_hash_sha256_BYTES, BODY_MAX = 1 << 16 };

typedef struct {
    unsigned char name[HASH], content[HASH]; /* of key and Idempotency-Key; of the request */
    char id[17];                             /* of the request that it was begun by; "": free */
    int status;                              /* 0: it is being made */
    const char *type;
    char *body;
    size_t size;
} replay;

struct sv_replays {
    pthread_mutex_t mutex;
    replay items[KEPT];
    size_t next;
};

sv_replays *sv_replays_open(void)
{
    sv_replays *s = calloc(1, sizeof *s);
    if (s)
        pthread_mutex_init(&s->mutex, NULL);
    return s;
}

void sv_replays_close(sv_replays *s)
{
    for (size_t i = 0; s && i < KEPT; i++)
        free(s->items[i].body);
    if (s)
        pthread_mutex_destroy(&s->mutex);
    free(s);
}

static bool concerns(const sv_request *r)
{
    return r->idempotency && r->route && r->route->style == SV_STYLE_OWN && r->route->flags & SV_WRITES;
}

static void hash_texts(unsigned char out[HASH], const char *a, const char *b, const void *data, size_t size)
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)a, strlen(a) + 1);
    crypto_hash_sha256_update(&state, (const unsigned char *)b, strlen(b) + 1);
    crypto_hash_sha256_update(&state, data, size);
    crypto_hash_sha256_final(&state, out);
}

static void repeat(sv_request *r, const replay *kept)
{
    char *body = malloc(kept->size + 1);
    if (body) {
        memcpy(body, kept->body, kept->size);
        sv_reply_bytes(r, kept->status, kept->type, body, kept->size);
    } else {
        sv_refuse(r, 500, 0, "no memory");
    }
}

bool sv_replay_find(sv_request *r)
{
    sv_replays *s = r->server->replays;
    unsigned char name[HASH], content[HASH];
    if (!concerns(r))
        return false;
    hash_texts(name, r->key.id, r->idempotency, "", 0);
    hash_texts(content, r->method, r->target, r->body ? (const void *)r->body : "", r->size);
    pthread_mutex_lock(&s->mutex);
    replay *found = NULL;
    for (size_t i = 0; i < KEPT && !found; i++)
        if (*s->items[i].id && memcmp(s->items[i].name, name, HASH) == 0)
            found = &s->items[i];
    if (!found) {
        replay *fresh = &s->items[s->next++ % KEPT];
        free(fresh->body);
        *fresh = (replay){0};
        memcpy(fresh->name, name, HASH);
        memcpy(fresh->content, content, HASH);
        memcpy(fresh->id, r->id, sizeof fresh->id);
    } else if (memcmp(found->content, content, HASH) != 0) {
        sv_refuse(r, 422, 0, "this Idempotency-Key came with another request");
    } else if (!found->status) {
        sv_refuse(r, 409, 0, "the request with this Idempotency-Key is being answered");
    } else {
        repeat(r, found);
    }
    pthread_mutex_unlock(&s->mutex);
    return found != NULL;
}

void sv_replay_keep(sv_request *r)
{
    sv_replays *s = r->server->replays;
    if (!concerns(r))
        return;
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < KEPT; i++) {
        replay *item = &s->items[i];
        if (strcmp(item->id, r->id) != 0)
            continue;
        const sv_reply *reply = &r->reply;
        item->body = reply->status < 500 && reply->size <= BODY_MAX && !reply->stream ? malloc(reply->size + 1) : NULL;
        if (item->body) {
            memcpy(item->body, reply->body ? reply->body : "", reply->size);
            item->size = reply->size;
            item->type = reply->type;
            item->status = reply->status;
        } else {
            *item->id = 0; /* what failed may be tried again */
        }
    }
    pthread_mutex_unlock(&s->mutex);
}
