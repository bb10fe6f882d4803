/* A chain of lines. */
#define _GNU_SOURCE
#include "store/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/durable.h"

enum { HASH = crypto_hash_sha256_BYTES };
static const char no_line[] = "0000000000000000000000000000000000000000000000000000000000000000";

struct sv_audit {
    char *file;
    int fd;
    pthread_mutex_t mutex;
    pthread_cond_t synced_more;
    uint64_t written, synced; /* lines */
    bool syncing;
    char last[65];
};

/* ---- one line ---- */

static void hash_text(const char *text, size_t size, char hex[65])
{
    unsigned char hash[HASH];
    crypto_hash_sha256(hash, (const unsigned char *)text, size);
    sodium_bin2hex(hex, 65, hash, HASH);
}

static json_t *with_place(json_t *what, uint64_t seq, const char *prev)
{
    char time_text[40];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    const size_t n = strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(time_text + n, sizeof time_text - n, ".%03ldZ", now.tv_nsec / 1000000);
    json_t *line = json_pack("{s:I,s:s}", "seq", (json_int_t)seq, "time", time_text);
    json_object_update(line, what);
    json_object_set_new(line, "prev", json_string(prev));
    json_decref(what);
    return line;
}

/* The text without the hash, which ends with "}": ',"hash":"..."}\n' takes that one's place. */
static char *line_of(json_t *line, char hash[65], size_t *size)
{
    char *bare = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL, *text = NULL;
    json_decref(line);
    if (bare) {
        hash_text(bare, strlen(bare), hash);
        const int n = asprintf(&text, "%.*s,\"hash\":\"%s\"}\n", (int)strlen(bare) - 1, bare, hash);
        *size = n < 0 ? 0 : (size_t)n;
        text = n < 0 ? NULL : text;
    }
    free(bare);
    return text;
}

/* ---- checking ---- */

/* A line without its end: does it hold, after `prev`? Then `prev` is its hash. */
static bool line_holds(char *line, size_t size, uint64_t seq, char prev[65])
{
    static const char mark[] = ",\"hash\":\"";
    const size_t tail = sizeof mark - 1 + 64 + 2;
    char hash[65], expected[128];
    if (size <= tail || memcmp(line + size - tail, mark, sizeof mark - 1) != 0 ||
        memcmp(line + size - 2, "\"}", 2) != 0)
        return false;
    snprintf(expected, sizeof expected, ",\"prev\":\"%s\"", prev);
    char *bare_end = line + size - tail;
    const size_t n = strlen(expected);
    if ((size_t)(bare_end - line) < n || memcmp(bare_end - n, expected, n) != 0)
        return false;
    memcpy(hash, bare_end + sizeof mark - 1, 64);
    hash[64] = 0;
    *bare_end = '}';
    hash_text(line, (size_t)(bare_end - line) + 1, prev);
    snprintf(expected, sizeof expected, "{\"seq\":%llu,", (unsigned long long)seq);
    return strncmp(line, expected, strlen(expected)) == 0 && strcmp(hash, prev) == 0;
}

/* *whole: the bytes up to the last line's end. A last line without an end is none. */
static sl_status verify(const char *file, uint64_t *lines, char last[65], long *whole, sl_error *err)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    sl_status status = SL_OK;
    *lines = 0;
    *whole = 0;
    strcpy(last, no_line);
    FILE *f = fopen(file, "re");
    if (!f)
        return sv_fail(err, errno == ENOENT ? SL_ERR_NOT_FOUND : SL_ERR_IO, "%s: %s", file, strerror(errno));
    while (status == SL_OK && (size = getline(&line, &room, f)) > 0 && line[size - 1] == '\n') {
        ++*lines;
        *whole += size;
        if (!line_holds(line, (size_t)size - 1, *lines, last))
            status = sv_fail(err, SL_ERR_CORRUPT, "%s: line %llu is not what was written, or one before it is missing",
                             file, (unsigned long long)*lines);
    }
    free(line);
    fclose(f);
    return status;
}

sl_status sv_audit_verify(const char *file, uint64_t *lines, char last[65], sl_error *err)
{
    long whole;
    if (sodium_init() < 0)
        return sv_fail(err, SL_ERR_INTERNAL, "libsodium does not start");
    return verify(file, lines, last, &whole, err);
}

/* ---- the open log ---- */

sl_status sv_audit_open(const char *file, sv_audit **out, sl_error *err)
{
    long whole = 0;
    sv_audit *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a || !(a->file = strdup(file)) || sodium_init() < 0) {
        free(a);
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", file);
    }
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->synced_more, NULL);
    sl_status status = verify(file, &a->written, a->last, &whole, err);
    if (status == SL_ERR_NOT_FOUND)
        status = SL_OK;
    a->synced = a->written;
    a->fd = status == SL_OK ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    if (status == SL_OK && (a->fd < 0 || ftruncate(a->fd, whole) != 0))
        status = sv_fail(err, SL_ERR_IO, "%s: cannot be written: %s", file, strerror(errno));
    if (status == SL_OK)
        *out = a;
    else
        sv_audit_close(a);
    return status;
}

void sv_audit_close(sv_audit *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    pthread_cond_destroy(&a->synced_more);
    pthread_mutex_destroy(&a->mutex);
    free(a->file);
    free(a);
}

/* ---- adding ---- */

static sl_status fail_io(const sv_audit *a, const char *what, sl_error *err)
{
    return sv_fail(err, SL_ERR_IO, "%s: %s: %s; nothing is answered before it can be logged again", a->file, what,
                   strerror(errno));
}

static sl_status append(sv_audit *a, json_t *what, sl_error *err)
{
    char hash[65];
    size_t size = 0;
    if (!*a->last) {
        json_decref(what);
        return sv_fail(err, SL_ERR_IO, "%s: half a line could not be taken back: start the server again", a->file);
    }
    char *text = line_of(with_place(what, a->written + 1, a->last), hash, &size);
    if (!text)
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", a->file);
    const off_t before = lseek(a->fd, 0, SEEK_END);
    const ssize_t n = write(a->fd, text, size);
    free(text);
    if (n != (ssize_t)size) {
        if (before < 0 || ftruncate(a->fd, before) != 0)
            a->last[0] = 0; /* what is there now cannot be continued */
        return fail_io(a, "cannot be written", err);
    }
    strcpy(a->last, hash);
    a->written++;
    return SL_OK;
}

/* One of those who wait syncs for all that is written by then. */
static sl_status sync_to(sv_audit *a, uint64_t line, sl_error *err)
{
    while (a->synced < line) {
        if (a->syncing) {
            pthread_cond_wait(&a->synced_more, &a->mutex);
            continue;
        }
        const uint64_t reached = a->written;
        a->syncing = true;
        pthread_mutex_unlock(&a->mutex);
        const int result = fdatasync(a->fd);
        pthread_mutex_lock(&a->mutex);
        a->syncing = false;
        pthread_cond_broadcast(&a->synced_more);
        if (result != 0)
            return fail_io(a, "cannot be synced", err);
        a->synced = reached > a->synced ? reached : a->synced;
    }
    return SL_OK;
}

sl_status sv_audit_add(sv_audit *a, json_t *what, sl_error *err)
{
    pthread_mutex_lock(&a->mutex);
    sl_status status = append(a, what, err);
    if (status == SL_OK)
        status = sync_to(a, a->written, err);
    pthread_mutex_unlock(&a->mutex);
    return status;
}
