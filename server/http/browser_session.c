/* Sessions live in memory: after a restart the key is given again. */
#define _GNU_SOURCE
#include "http/browser_session.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

enum { SESSIONS = 256, TOKEN = 32, TOKEN_TEXT = SV_TOKEN_TEXT };
static const double lifetime = 12 * 3600;
static const char cookie_name[] = SV_COOKIE;

typedef struct {
    unsigned char hash[crypto_hash_sha256_BYTES]; /* of the cookie */
    char csrf[TOKEN_TEXT];
    char key_id[9];
    double until; /* 0: free */
} session_record;

struct sv_sessions {
    pthread_mutex_t mutex;
    session_record records[SESSIONS];
};

sv_sessions *sv_sessions_open(void)
{
    sv_sessions *s = calloc(1, sizeof *s);
    if (s)
        pthread_mutex_init(&s->mutex, NULL);
    return s;
}

void sv_sessions_close(sv_sessions *s)
{
    if (s)
        pthread_mutex_destroy(&s->mutex);
    free(s);
}

static void new_token(char out[TOKEN_TEXT])
{
    unsigned char bytes[TOKEN];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(out, TOKEN_TEXT, bytes, sizeof bytes);
}

/* The cookie's hash; false without one. */
static bool hash_cookie(const sv_request *r, unsigned char out[crypto_hash_sha256_BYTES])
{
    const char *at = r->cookie ? strstr(r->cookie, cookie_name) : NULL;
    if (!at || (at != r->cookie && !strchr("; ", at[-1])))
        return false;
    at += sizeof cookie_name - 1;
    return crypto_hash_sha256(out, (const unsigned char *)at, strcspn(at, "; ")) == 0;
}

/* The mutex is held. */
static session_record *find(sv_sessions *s, const sv_request *r)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    session_record *found = NULL;
    if (!hash_cookie(r, hash))
        return NULL;
    for (int i = 0; i < SESSIONS; i++)
        if (s->records[i].until > r->began && sodium_memcmp(s->records[i].hash, hash, sizeof hash) == 0)
            found = &s->records[i];
    return found;
}

/* A key that was revoked ends its sessions. */
static bool key_by_id(sv_request *r, const char *id)
{
    size_t count;
    sv_key *list = sv_keys_list(r->server->keys, &count);
    bool found = false;
    for (size_t i = 0; list && i < count; i++)
        if (strcmp(list[i].id, id) == 0) {
            r->key = list[i];
            found = true;
        }
    free(list);
    return found;
}

bool sv_session_key(sv_request *r)
{
    sv_sessions *s = r->server->sessions;
    const bool changes = strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0;
    char id[9] = "";
    bool token = false;
    pthread_mutex_lock(&s->mutex);
    const session_record *found = find(s, r);
    if (found) {
        memcpy(id, found->key_id, sizeof id);
        token =
            r->csrf && strlen(r->csrf) == TOKEN_TEXT - 1 && sodium_memcmp(r->csrf, found->csrf, TOKEN_TEXT - 1) == 0;
    }
    pthread_mutex_unlock(&s->mutex);
    if (!*id || !key_by_id(r, id))
        return false;
    if (!changes || token)
        return true;
    sv_refuse(r, 403, 0, "the session's token is missing: the request came from another page");
    return false;
}

static session_record *oldest(sv_sessions *s)
{
    session_record *found = &s->records[0];
    for (int i = 1; i < SESSIONS; i++)
        if (s->records[i].until < found->until)
            found = &s->records[i];
    return found;
}

void sv_session_make(sv_request *r, char cookie[SV_TOKEN_TEXT], char csrf[SV_TOKEN_TEXT])
{
    sv_sessions *s = r->server->sessions;
    new_token(cookie);
    new_token(csrf);
    pthread_mutex_lock(&s->mutex);
    session_record *record = oldest(s);
    crypto_hash_sha256(record->hash, (const unsigned char *)cookie, strlen(cookie));
    memcpy(record->csrf, csrf, TOKEN_TEXT);
    memcpy(record->key_id, r->key.id, sizeof record->key_id);
    record->until = r->began + lifetime;
    pthread_mutex_unlock(&s->mutex);
}

void sv_session_token(sv_request *r, char csrf[SV_TOKEN_TEXT])
{
    sv_sessions *s = r->server->sessions;
    *csrf = 0;
    pthread_mutex_lock(&s->mutex);
    const session_record *found = find(s, r);
    if (found)
        memcpy(csrf, found->csrf, TOKEN_TEXT);
    pthread_mutex_unlock(&s->mutex);
}

void sv_session_forget(sv_request *r)
{
    sv_sessions *s = r->server->sessions;
    pthread_mutex_lock(&s->mutex);
    session_record *found = find(s, r);
    if (found)
        *found = (session_record){0};
    pthread_mutex_unlock(&s->mutex);
}
