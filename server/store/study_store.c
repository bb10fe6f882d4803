/* A folder with a study. */
#define _GNU_SOURCE
#include "store/study_store.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/durable.h"

enum { ANSWERS_MAX = 65536, FILE_MAX = 16 << 20 };

struct sv_study {
    char *site, *answers; /* paths */
    int fd;               /* of the answers, to append; -1 */
    bool broken;          /* half a line could not be taken back */
    pthread_mutex_t mutex; /* of what follows, and of appending */
    sl_study *study;
};

/* ---- opening ---- */

/* Cuts off what is behind the last line's end. */
static sl_status cut_tail(sv_study *s, sl_error *err)
{
    char last[4096];
    off_t end = lseek(s->fd, 0, SEEK_END), at = end;
    while (at > 0) {
        const size_t n = at < (off_t)sizeof last ? (size_t)at : sizeof last;
        if (pread(s->fd, last, n, at - (off_t)n) != (ssize_t)n)
            return sv_fail(err, SL_ERR_IO, "%s: cannot be read: %s", s->answers, strerror(errno));
        const char *found = memrchr(last, '\n', n);
        if (found) {
            at += found + 1 - (last + n);
            break;
        }
        at -= (off_t)n;
    }
    if (end < 0 || (at != end && ftruncate(s->fd, at) != 0))
        return sv_fail(err, SL_ERR_IO, "%s: half a line cannot be cut off: %s", s->answers, strerror(errno));
    return SL_OK;
}

static sl_status open_answers(sv_study *s, sl_error *err)
{
    s->fd = open(s->answers, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (s->fd < 0)
        return sv_fail(err, SL_ERR_IO, "%s: cannot be written: %s", s->answers, strerror(errno));
    if (flock(s->fd, LOCK_EX | LOCK_NB) != 0)
        return sv_fail(err, SL_ERR_LOCKED, "%s: another process serves this study", s->answers);
    return cut_tail(s, err);
}

static void count_refused(void *context, const char *where, const sl_study_sheet *sheet, const sl_error *why)
{
    (void)where, (void)why;
    *(size_t *)context += !sheet;
}

sl_status sv_study_open(const char *folder, sv_study **out, size_t *refused, sl_error *err)
{
    sv_study *s = calloc(1, sizeof *s);
    *out = NULL;
    *refused = 0;
    if (!s)
        return sv_fail(err, SL_ERR_MEMORY, "no memory");
    pthread_mutex_init(&s->mutex, NULL);
    s->fd = -1;
    s->site = sv_join(folder, "site");
    s->answers = sv_join(folder, "answers.jsonl");
    sl_status status = s->site && s->answers ? sl_study_open(folder, &s->study, err)
                                             : sv_fail(err, SL_ERR_MEMORY, "no memory");
    if (status == SL_OK)
        status = open_answers(s, err);
    if (status == SL_OK)
        status = sl_study_take_file(s->study, s->answers, count_refused, refused, err);
    if (status == SL_OK)
        *out = s;
    else
        sv_study_close(s);
    return status;
}

void sv_study_close(sv_study *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    sl_study_close(s->study);
    pthread_mutex_destroy(&s->mutex);
    free(s->site);
    free(s->answers);
    free(s);
}

const char *sv_study_id(const sv_study *s)
{
    return sl_study_id(s->study);
}

/* ---- the site ---- */

/* What files of a site are called: none begins with a dot, none has a slash. */
static bool is_plain(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    return *name && *name != '.' && name[strspn(name, allowed)] == 0;
}

static sl_status read_all(int fd, const char *name, uint8_t **data, size_t *size, sl_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
        return sv_fail(err, SL_ERR_NOT_FOUND, "there is no %s", name);
    *data = malloc((size_t)st.st_size + 1);
    if (!*data)
        return sv_fail(err, SL_ERR_MEMORY, "no memory");
    *size = 0;
    for (ssize_t n; *size < (size_t)st.st_size; *size += (size_t)n) {
        n = read(fd, *data + *size, (size_t)st.st_size - *size);
        if (n > 0)
            continue;
        free(*data);
        return sv_fail(err, SL_ERR_IO, "%s: cannot be read", name);
    }
    return SL_OK;
}

sl_status sv_study_file(const sv_study *s, const char *subfolder, const char *name, uint8_t **data, size_t *size,
                        sl_error *err)
{
    char *path = NULL;
    int fd = -1;
    const char *below = subfolder ? subfolder : ".";
    if (is_plain(name) && asprintf(&path, "%s/%s/%s", s->site, below, name) > 0)
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    free(path);
    if (fd < 0)
        return sv_fail(err, SL_ERR_NOT_FOUND, "there is nothing here");
    const sl_status status = read_all(fd, name, data, size, err);
    close(fd);
    return status;
}

/* ---- answers ---- */

/* The same document on one line, malloc'd. */
static char *one_line(const void *json, size_t size, size_t *line_size)
{
    json_t *document = json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL, *line = NULL;
    json_decref(document);
    const int n = text ? asprintf(&line, "%s\n", text) : -1;
    free(text);
    *line_size = n > 0 ? (size_t)n : 0;
    return n > 0 ? line : NULL;
}

/* Behind what is there, and synced; or as it was. */
static sl_status append(sv_study *s, const char *line, size_t size, sl_error *err)
{
    if (s->broken)
        return sv_fail(err, SL_ERR_IO, "the answers cannot be kept: half a line could not be taken back");
    const off_t before = lseek(s->fd, 0, SEEK_END);
    errno = ENOSPC; /* what a short write means */
    if (before >= 0 && write(s->fd, line, size) == (ssize_t)size && fdatasync(s->fd) == 0)
        return SL_OK;
    const int why = errno;
    s->broken = before < 0 || ftruncate(s->fd, before) != 0;
    return sv_fail(err, SL_ERR_IO, "the answers cannot be kept: %s", strerror(why));
}

/* The mutex is held. */
static sl_status add(sv_study *s, const void *json, size_t size, sl_study_sheet *out, sl_error *err)
{
    size_t line_size;
    sl_status status = sl_study_check(s->study, json, size, out, err);
    if (status != SL_OK || out->repeated)
        return status;
    char *line = one_line(json, size, &line_size);
    status = line ? append(s, line, line_size, err) : sv_fail(err, SL_ERR_MEMORY, "no memory");
    free(line);
    return status == SL_OK ? sl_study_take(s->study, json, size, out, err) : status;
}

sl_status sv_study_add(sv_study *s, const void *json, size_t size, sl_study_sheet *out, sl_error *err)
{
    if (size > ANSWERS_MAX)
        return sv_fail(err, SL_ERR_LIMIT, "answers have at most %d bytes", ANSWERS_MAX);
    pthread_mutex_lock(&s->mutex);
    const sl_status status = add(s, json, size, out, err);
    pthread_mutex_unlock(&s->mutex);
    return status;
}

sl_status sv_study_score(sv_study *s, sl_study_result *out, sl_error *err)
{
    pthread_mutex_lock(&s->mutex);
    const sl_status status = sl_study_score(s->study, 1, out, err);
    pthread_mutex_unlock(&s->mutex);
    return status;
}

sl_status sv_study_csv(sv_study *s, char **csv, sl_error *err)
{
    pthread_mutex_lock(&s->mutex);
    const sl_status status = sl_study_csv(s->study, csv, err);
    pthread_mutex_unlock(&s->mutex);
    return status;
}
