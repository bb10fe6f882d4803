/* A ring of replies. */
#include "http/idempotency.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"
#include "store/durable.h"
#include "store/journal.h"

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
    sv_journal *journal;
    size_t lines; /* in it */
};

/* ---- the journal: {"name", "content", "status", "type", "body"} ---- */

static const char *const types[] = {"application/json", "application/problem+json"};

/* Of a type that can be kept; -1 of any other. A reply without a body is of the first. */
static int type_index(const char *type)
{
    for (int i = 0; i < 2; i++)
        if (!type || strcmp(types[i], type) == 0)
            return i;
    return -1;
}

static json_t *line_of(const replay *item)
{
    char name[2 * HASH + 1], content[2 * HASH + 1];
    sodium_bin2hex(name, sizeof name, item->name, HASH);
    sodium_bin2hex(content, sizeof content, item->content, HASH);
    return json_pack("{s:s,s:s,s:i,s:i,s:s%}", "name", name, "content", content, "status", item->status, "type",
                     type_index(item->type), "body", item->body, item->size);
}

static bool take_hash(const json_t *line, const char *name, unsigned char out[HASH])
{
    const char *hex = json_string_value(json_object_get(line, name));
    size_t n;
    return hex && sodium_hex2bin(out, HASH, hex, strlen(hex), NULL, &n, NULL) == 0 && n == HASH;
}

static void take_line(void *context, const json_t *line)
{
    sv_replays *s = context;
    const json_t *body = json_object_get(line, "body");
    const json_int_t type = json_integer_value(json_object_get(line, "type"));
    replay item = {.id = "before", .status = (int)json_integer_value(json_object_get(line, "status"))};
    s->lines++;
    if (!take_hash(line, "name", item.name) || !take_hash(line, "content", item.content) || !json_is_string(body) ||
        type < 0 || type > 1)
        return;
    item.type = types[type];
    item.size = json_string_length(body);
    item.body = malloc(item.size + 1);
    if (!item.body)
        return;
    memcpy(item.body, json_string_value(body), item.size);
    replay *place = &s->items[s->next++ % KEPT];
    free(place->body);
    *place = item;
}

/* The mutex is held. Beside the latest, the journal grows by as many again before it is written anew. */
static void write_line(sv_replays *s, const replay *item)
{
    if (++s->lines <= 4 * KEPT) {
        sv_journal_add(s->journal, line_of(item), NULL);
        return;
    }
    json_t *all = json_array();
    for (size_t i = 0; i < KEPT; i++) {
        const replay *one = &s->items[(s->next + i) % KEPT];
        if (*one->id && one->status)
            json_array_append_new(all, line_of(one));
    }
    s->lines = json_array_size(all);
    sv_journal_rewrite(s->journal, all, NULL);
}

/* ---- opening ---- */

sl_status sv_replays_open(const char *file, sv_replays **out, sl_error *err)
{
    sv_replays *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", file);
    pthread_mutex_init(&s->mutex, NULL);
    const sl_status status = sv_journal_open(file, take_line, s, &s->journal, err);
    if (status == SL_OK)
        *out = s;
    else
        sv_replays_close(s);
    return status;
}

void sv_replays_close(sv_replays *s)
{
    for (size_t i = 0; s && i < KEPT; i++)
        free(s->items[i].body);
    if (s) {
        sv_journal_close(s->journal);
        pthread_mutex_destroy(&s->mutex);
    }
    free(s);
}

/* ---- requests ---- */

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
        item->body = reply->status < 500 && reply->size <= BODY_MAX && !reply->stream && type_index(reply->type) >= 0
                         ? malloc(reply->size + 1) : NULL;
        if (item->body) {
            memcpy(item->body, reply->body ? reply->body : "", reply->size);
            item->size = reply->size;
            item->type = types[type_index(reply->type)];
            item->status = reply->status;
            write_line(s, item);
        } else {
            *item->id = 0; /* what failed may be tried again */
        }
    }
    pthread_mutex_unlock(&s->mutex);
}
