/* Writing by rename. */
#define _GNU_SOURCE
#include "store/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

sl_status sv_fail(sl_error *err, sl_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (err) {
        err->status = status;
        vsnprintf(err->text, sizeof err->text, format, args);
    }
    va_end(args);
    return status;
}

char *sv_join(const char *dir, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return fsync(fd);
}

static int sync_folder_of(char *path)
{
    const int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int result = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return result;
}

sl_status sv_write_durably(const char *path, const void *data, size_t size, sl_error *err)
{
    char *beside;
    if (asprintf(&beside, "%s.new", path) < 0)
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", path);
    const int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int result = fd < 0 ? -1 : write_all(fd, data, size);
    if (fd >= 0 && close(fd) != 0)
        result = -1;
    if (result == 0)
        result = rename(beside, path);
    if (result == 0)
        result = sync_folder_of(beside); /* which it may change: it is not needed any more */
    const int why = errno;
    if (result != 0 && fd >= 0)
        unlink(beside);
    free(beside);
    return result == 0 ? SL_OK : sv_fail(err, SL_ERR_IO, "%s: cannot be written: %s", path, strerror(why));
}

sl_status sv_write_json(const char *path, json_t *document, sl_error *err)
{
    char *text = document ? json_dumps(document, JSON_INDENT(1)) : NULL;
    json_decref(document);
    const sl_status status = text ? sv_write_durably(path, text, strlen(text), err)
                                  : sv_fail(err, SL_ERR_MEMORY, "%s: no memory", path);
    free(text);
    return status;
}

sl_status sv_read_json(const char *path, json_t **out, sl_error *err)
{
    json_error_t why;
    *out = NULL;
    FILE *f = fopen(path, "re");
    if (!f)
        return sv_fail(err, errno == ENOENT ? SL_ERR_NOT_FOUND : SL_ERR_IO, "%s: cannot be opened: %s", path,
                       strerror(errno));
    *out = json_loadf(f, JSON_REJECT_DUPLICATES, &why);
    fclose(f);
    return *out ? SL_OK : sv_fail(err, SL_ERR_FORMAT, "%s:%d: %s", path, why.line, why.text);
}
