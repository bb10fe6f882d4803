/* Keys: {"keys": [{"id", "name", "gallery", "scope", "sha256" or "argon2id"}]}. */
#include "store/keys.h"

#include <ctype.h>
#include <jansson.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/durable.h"

enum { KEYS_MAX = 10000, HASH = crypto_hash_sha256_BYTES, PASSWORD_MIN = 10, PASSWORD_MAX = 256, WRONG_MAX = 5 };
static const double locked_for = 60; /* seconds after so many wrong passwords in a row */

typedef struct {
    sv_key key;
    unsigned char hash[HASH];
    char argon2id[crypto_pwhash_STRBYTES]; /* of a login, which has no other hash; "" */
    int wrong;     /* passwords in a row */
    double locked; /* until then */
    double tokens, filled; /* the bucket, and when */
} record;

struct sv_keys {
    char *file;
    double rate;
    pthread_mutex_t mutex;
    record *records;
    size_t count;
    pthread_mutex_t one_login;
    char nobody[crypto_pwhash_STRBYTES]; /* what a wrong name's password is compared with */
};

/* ---- names ---- */

static const char *const scopes[] = {"nobody", "read", "enrol", "admin"};

const char *sv_scope_name(sv_scope scope)
{
    return scopes[scope];
}

int sv_scope_named(const char *name)
{
    for (int i = SV_READ; name && i <= SV_ADMIN; i++)
        if (strcmp(scopes[i], name) == 0)
            return i;
    return -1;
}

bool sv_is_uuid(const char *text)
{
    for (int i = 0; i < 36; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return !text[36];
}

void sv_new_uuid(char out[37])
{
    unsigned char b[16];
    randombytes_buf(b, sizeof b);
    b[6] = (unsigned char)(0x40 | (b[6] & 0x0f));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
             b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

/* ---- the file ---- */

static bool take_text(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && strlen(text) < size && strcpy(out, text);
}

static bool read_record(const json_t *object, record *out)
{
    char hex[2 * HASH + 1], scope[16];
    size_t n;
    if (!take_text(object, "id", out->key.id, sizeof out->key.id) || !*out->key.id ||
        !take_text(object, "name", out->key.name, sizeof out->key.name) ||
        !take_text(object, "gallery", out->key.gallery, sizeof out->key.gallery) ||
        !take_text(object, "scope", scope, sizeof scope))
        return false;
    const int named = sv_scope_named(scope);
    out->key.scope = named < 0 ? SV_NOBODY : (sv_scope)named;
    if (named > 0 && take_text(object, "argon2id", out->argon2id, sizeof out->argon2id))
        return *out->argon2id;
    return named > 0 && take_text(object, "sha256", hex, sizeof hex) &&
           sodium_hex2bin(out->hash, HASH, hex, strlen(hex), NULL, &n, NULL) == 0 && n == HASH;
}

static json_t *record_json(const record *r)
{
    char hex[2 * HASH + 1];
    const bool login = *r->argon2id;
    sodium_bin2hex(hex, sizeof hex, r->hash, HASH);
    return json_pack("{s:s,s:s,s:s,s:s,s:s}", "id", r->key.id, "name", r->key.name, "gallery", r->key.gallery, "scope",
                     sv_scope_name(r->key.scope), login ? "argon2id" : "sha256", login ? r->argon2id : hex);
}

static sl_status write_file(const sv_keys *keys, sl_error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < keys->count; i++)
        json_array_append_new(list, record_json(&keys->records[i]));
    return sv_write_json(keys->file, json_pack("{s:o}", "keys", list), err);
}

static void number(record *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        records[i].key.number = (int)i;
}

/* ---- opening ---- */

sl_status sv_keys_reload(sv_keys *keys, sl_error *err)
{
    json_t *document;
    sl_status status = sv_read_json(keys->file, &document, err);
    if (status != SL_OK)
        return status;
    const json_t *list = json_object_get(document, "keys");
    const size_t count = json_array_size(list);
    record *records = json_is_array(list) && count <= KEYS_MAX ? calloc(count + 1, sizeof *records) : NULL;
    if (!records)
        status = sv_fail(err, SL_ERR_FORMAT, "%s: is no list of keys", keys->file);
    for (size_t i = 0; i < count && status == SL_OK; i++)
        if (!read_record(json_array_get(list, i), &records[i]))
            status = sv_fail(err, SL_ERR_FORMAT,
                             "%s: key %zu cannot be read: it needs id, name, gallery, scope and sha256 or argon2id",
                             keys->file, i + 1);
    json_decref(document);
    if (status != SL_OK) {
        free(records);
        return status;
    }
    number(records, count);
    pthread_mutex_lock(&keys->mutex);
    free(keys->records);
    keys->records = records;
    keys->count = count;
    pthread_mutex_unlock(&keys->mutex);
    return SL_OK;
}

sl_status sv_keys_open(const char *file, double rate, char made[37], sv_keys **out, sl_error *err)
{
    sv_keys *keys = calloc(1, sizeof *keys);
    *out = NULL;
    *made = 0;
    if (!keys || !(keys->file = strdup(file)) || sodium_init() < 0) {
        free(keys);
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", file);
    }
    keys->rate = rate;
    pthread_mutex_init(&keys->mutex, NULL);
    pthread_mutex_init(&keys->one_login, NULL);
    sl_status status = sv_keys_reload(keys, err);
    sv_key first;
    if (status == SL_ERR_NOT_FOUND)
        status = sv_keys_add(keys, "first", "*", SV_ADMIN, NULL, made, &first, err);
    if (status == SL_OK)
        *out = keys;
    else
        sv_keys_close(keys);
    return status;
}

void sv_keys_close(sv_keys *keys)
{
    if (!keys)
        return;
    pthread_mutex_destroy(&keys->mutex);
    pthread_mutex_destroy(&keys->one_login);
    free(keys->records);
    free(keys->file);
    free(keys);
}

/* ---- asking ---- */

bool sv_keys_find(sv_keys *keys, const char *text, sv_key *out)
{
    unsigned char hash[HASH];
    crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
    bool found = false;
    pthread_mutex_lock(&keys->mutex);
    for (size_t i = 0; i < keys->count; i++)
        if (sodium_memcmp(hash, keys->records[i].hash, HASH) == 0 && !*keys->records[i].argon2id) {
            *out = keys->records[i].key;
            found = true;
        }
    pthread_mutex_unlock(&keys->mutex);
    return found;
}

/* ---- logins ---- */

static bool hash_password(const char *password, char out[crypto_pwhash_STRBYTES])
{
    return crypto_pwhash_str(out, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                             crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0;
}

/* The mutex is held. */
static record *find_login(sv_keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->count; i++)
        if (*keys->records[i].argon2id && strcmp(keys->records[i].key.name, name) == 0)
            return &keys->records[i];
    return NULL;
}

/* Notes whether the password was right. The keys may have been read anew since. */
static bool judge_login(sv_keys *keys, const char *name, const char *against, bool right, double now, sv_key *out)
{
    pthread_mutex_lock(&keys->mutex);
    record *r = find_login(keys, name);
    const bool in = r && right && strcmp(r->argon2id, against) == 0;
    if (in)
        *out = r->key;
    if (r) {
        r->wrong = in ? 0 : r->wrong + 1;
        r->locked = r->wrong >= WRONG_MAX ? now + locked_for : 0;
    }
    pthread_mutex_unlock(&keys->mutex);
    return in;
}

sl_status sv_keys_login(sv_keys *keys, const char *name, const char *password, double now, sv_key *out, sl_error *err)
{
    char against[crypto_pwhash_STRBYTES];
    pthread_mutex_lock(&keys->one_login);
    if (!*keys->nobody)
        hash_password("nobody's password", keys->nobody);
    pthread_mutex_lock(&keys->mutex);
    const record *r = find_login(keys, name);
    const bool locked = r && r->locked > now;
    memcpy(against, r ? r->argon2id : keys->nobody, sizeof against);
    pthread_mutex_unlock(&keys->mutex);
    sl_status status = SL_OK;
    if (locked) {
        status = sv_fail(err, SL_ERR_LOCKED, "too many wrong passwords came for this name: try again in a minute");
    } else {
        const bool right = strlen(password) <= PASSWORD_MAX &&
                           crypto_pwhash_str_verify(against, password, strlen(password)) == 0;
        if (!judge_login(keys, name, against, right, now, out))
            status = sv_fail(err, SL_ERR_NOT_FOUND, "this name and password are not known");
    }
    pthread_mutex_unlock(&keys->one_login);
    return status;
}

bool sv_keys_admit(sv_keys *keys, const sv_key *key, double now)
{
    bool admitted = true;
    pthread_mutex_lock(&keys->mutex);
    if (keys->rate > 0 && (size_t)key->number < keys->count) {
        record *r = &keys->records[key->number];
        const double most = 2 * keys->rate > 1 ? 2 * keys->rate : 1;
        r->tokens = r->filled > 0 ? r->tokens + (now - r->filled) * keys->rate : most;
        r->tokens = r->tokens < most ? r->tokens : most;
        r->filled = now;
        admitted = r->tokens >= 1;
        r->tokens -= admitted;
    }
    pthread_mutex_unlock(&keys->mutex);
    return admitted;
}

sv_key *sv_keys_list(sv_keys *keys, size_t *count)
{
    pthread_mutex_lock(&keys->mutex);
    sv_key *list = calloc(keys->count + 1, sizeof *list);
    for (size_t i = 0; list && i < keys->count; i++)
        list[i] = keys->records[i].key;
    *count = keys->count;
    pthread_mutex_unlock(&keys->mutex);
    return list;
}

/* ---- changing ---- */

static sl_status take_password(const char *password, record *out, sl_error *err)
{
    const size_t size = strlen(password);
    if (size < PASSWORD_MIN || size > PASSWORD_MAX)
        return sv_fail(err, SL_ERR_ARGUMENT, "a password has %d to %d bytes", PASSWORD_MIN, PASSWORD_MAX);
    return hash_password(password, out->argon2id) ? SL_OK : sv_fail(err, SL_ERR_MEMORY, "no memory for Argon2id");
}

static sl_status make(const char *name, const char *gallery, sv_scope scope, const char *password, char made[37],
                      record *out, sl_error *err)
{
    *out = (record){.key = {.scope = scope}};
    if (strlen(name) >= sizeof out->key.name || strlen(gallery) >= sizeof out->key.gallery)
        return sv_fail(err, SL_ERR_ARGUMENT, "the name of a key or of its gallery has more than 64 bytes");
    strcpy(out->key.name, name);
    strcpy(out->key.gallery, gallery);
    char id[37];
    sv_new_uuid(id);
    memcpy(out->key.id, id, 8);
    *made = 0;
    if (password)
        return take_password(password, out, err);
    sv_new_uuid(made);
    crypto_hash_sha256(out->hash, (const unsigned char *)made, 36);
    return SL_OK;
}

sl_status sv_keys_add(sv_keys *keys, const char *name, const char *gallery, sv_scope scope, const char *password,
                      char made[37], sv_key *out, sl_error *err)
{
    record fresh;
    sl_status status = make(name, gallery, scope, password, made, &fresh, err);
    if (status != SL_OK)
        return status;
    pthread_mutex_lock(&keys->mutex);
    if (password && find_login(keys, name)) {
        pthread_mutex_unlock(&keys->mutex);
        return sv_fail(err, SL_ERR_EXISTS, "there is a login %s already", name);
    }
    record *grown = keys->count < KEYS_MAX ? realloc(keys->records, (keys->count + 1) * sizeof *grown) : NULL;
    if (grown) {
        keys->records = grown;
        fresh.key.number = (int)keys->count;
        grown[keys->count++] = fresh;
        status = write_file(keys, err);
        keys->count -= status != SL_OK;
    } else {
        status = sv_fail(err, SL_ERR_LIMIT, "%s: there are too many keys", keys->file);
    }
    pthread_mutex_unlock(&keys->mutex);
    *out = fresh.key;
    return status;
}

sl_status sv_keys_revoke(sv_keys *keys, const char *id, sl_error *err)
{
    pthread_mutex_lock(&keys->mutex);
    size_t i = 0;
    while (i < keys->count && strcmp(keys->records[i].key.id, id) != 0)
        i++;
    sl_status status = SL_OK;
    if (i < keys->count) {
        const record gone = keys->records[i];
        memmove(&keys->records[i], &keys->records[i + 1], (keys->count - i - 1) * sizeof gone);
        keys->count--;
        status = write_file(keys, err);
        if (status != SL_OK) { /* it is still on disk: at the end of the list */
            keys->records[keys->count++] = gone;
        }
        number(keys->records, keys->count);
    } else {
        status = sv_fail(err, SL_ERR_NOT_FOUND, "there is no key %.16s", id);
    }
    pthread_mutex_unlock(&keys->mutex);
    return status;
}
