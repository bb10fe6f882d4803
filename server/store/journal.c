/* "<16 hex digits of the text's SHA-256> <text>\n". */
#define _GNU_SOURCE
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/durable.h"

enum { MARK = 16 };

struct sv_journal {
    char *file;
    int fd; /* -1: not begun */
    pthread_mutex_t mutex;
};

static void mark_of(const char *text, size_t size, char mark[MARK + 1])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)text, size);
    sodium_bin2hex(mark, MARK + 1, hash, MARK / 2);
}

/* malloc'd; NULL without memory. */
static char *line_of(const json_t *object, size_t *size)
{
    char mark[MARK + 1], *line = NULL, *text = json_dumps(object, JSON_COMPACT);
    if (text) {
        mark_of(text, strlen(text), mark);
        const int n = asprintf(&line, "%s %s\n", mark, text);
        *size = n < 0 ? 0 : (size_t)n;
        line = n < 0 ? NULL : line;
    }
    free(text);
    return line;
}

/* ---- reading ---- */

/* The object of a line with its end, or NULL. */
static json_t *object_of(const char *line, size_t size)
{
    char mark[MARK + 1];
    if (size < MARK + 3 || line[MARK] != ' ' || line[size - 1] != '\n')
        return NULL;
    const char *text = line + MARK + 1;
    const size_t length = size - MARK - 2;
    mark_of(text, length, mark);
    return memcmp(mark, line, MARK) == 0 ? json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

/* *whole: the bytes of all lines that hold. Behind one that does not, none may hold. */
static sl_status read_lines(const char *file, FILE *f, void (*tell)(void *, const json_t *), void *context,
                            off_t *whole, sl_error *err)
{
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t size;
    bool broken = false, corrupt = false;
    *whole = 0;
    while ((size = getline(&line, &room, f)) > 0 && !corrupt) {
        json_t *object = object_of(line, (size_t)size);
        corrupt = broken && object;
        number += !broken;
        broken |= !object;
        if (object && !corrupt) {
            tell(context, object);
            *whole += size;
        }
        json_decref(object);
    }
    free(line);
    return corrupt ? sv_fail(err, SL_ERR_CORRUPT, "%s: line %zu is not what was written: restore the file from a copy, "
                             "or delete that line", file, number)
                   : SL_OK;
}

sl_status sv_journal_open(const char *file, void (*line)(void *context, const json_t *object), void *context,
                          sv_journal **out, sl_error *err)
{
    off_t whole = 0;
    sv_journal *j = calloc(1, sizeof *j);
    *out = NULL;
    if (!j || !(j->file = strdup(file)) || sodium_init() < 0) {
        free(j);
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", file);
    }
    j->fd = -1;
    pthread_mutex_init(&j->mutex, NULL);
    FILE *f = fopen(file, "re");
    sl_status status = f ? read_lines(file, f, line, context, &whole, err) : SL_OK;
    if (!f && errno != ENOENT)
        status = sv_fail(err, SL_ERR_IO, "%s: cannot be opened: %s", file, strerror(errno));
    if (f)
        fclose(f);
    if (f && status == SL_OK && truncate(file, whole) != 0)
        status = sv_fail(err, SL_ERR_IO, "%s: cannot be written: %s", file, strerror(errno));
    if (status == SL_OK)
        *out = j;
    else
        sv_journal_close(j);
    return status;
}

void sv_journal_close(sv_journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    pthread_mutex_destroy(&j->mutex);
    free(j->file);
    free(j);
}

/* ---- writing ---- */

static bool append(int fd, const char *line, size_t size)
{
    const off_t before = lseek(fd, 0, SEEK_END);
    if (write(fd, line, size) == (ssize_t)size && fdatasync(fd) == 0)
        return true;
    const int why = errno;
    if (before >= 0 && ftruncate(fd, before) != 0) /* half a line is cut off at the next start */
        errno = why;
    errno = why;
    return false;
}

sl_status sv_journal_add(sv_journal *j, json_t *object, sl_error *err)
{
    size_t size = 0;
    char *line = object ? line_of(object, &size) : NULL;
    json_decref(object);
    if (!line)
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", j->file);
    pthread_mutex_lock(&j->mutex);
    if (j->fd < 0)
        j->fd = open(j->file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    const sl_status status = j->fd >= 0 && append(j->fd, line, size)
                                 ? SL_OK
                                 : sv_fail(err, SL_ERR_IO, "%s: cannot be written: %s", j->file, strerror(errno));
    pthread_mutex_unlock(&j->mutex);
    free(line);
    return status;
}

sl_status sv_journal_rewrite(sv_journal *j, json_t *objects, sl_error *err)
{
    char *text = NULL;
    size_t bytes = 0, i, size;
    json_t *object;
    FILE *f = open_memstream(&text, &bytes);
    json_array_foreach(objects, i, object)
    {
        char *line = f ? line_of(object, &size) : NULL;
        if (line)
            fwrite(line, 1, size, f);
        free(line);
    }
    json_decref(objects);
    if (!f || fclose(f) != 0) {
        free(text);
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", j->file);
    }
    pthread_mutex_lock(&j->mutex);
    const sl_status status = sv_write_durably(j->file, text, bytes, err);
    if (status == SL_OK && j->fd >= 0) { /* that file is not there any more */
        close(j->fd);
        j->fd = -1;
    }
    pthread_mutex_unlock(&j->mutex);
    free(text);
    return status;
}
