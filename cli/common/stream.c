/* A photo from a pipe, whole in memory. */
#define _GNU_SOURCE
#include "common/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/progress.h"

#define MAX_BYTES ((size_t)256 << 20)

static sl_status fail(sl_error *err, sl_status status, const char *path, const char *why)
{
    err->status = status;
    snprintf(err->text, sizeof err->text, "%s: %s", strcmp(path, "-") ? path : "stdin", why);
    return status;
}

/* read(2), but a Ctrl-C is heard while nothing comes. */
static ssize_t read_some(int fd, uint8_t *to, size_t room)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    while (!cli_interrupted) {
        if (poll(&one, 1, -1) < 0 && errno != EINTR)
            return -1;
        ssize_t got = one.revents ? read(fd, to, room) : -1;
        if (got >= 0 || (one.revents && errno != EINTR && errno != EAGAIN))
            return got;
        one.revents = 0;
    }
    return -1;
}

static sl_status read_all(int fd, const char *path, uint8_t **data, size_t *size, sl_error *err)
{
    size_t capacity = 0;
    for (;;) {
        if (*size == capacity) {
            capacity = capacity ? 2 * capacity : 1 << 20;
            uint8_t *grown = realloc(*data, capacity);
            if (!grown)
                return fail(err, SL_ERR_MEMORY, path, "no memory for the picture");
            *data = grown;
        }
        ssize_t got = read_some(fd, *data + *size, capacity - *size);
        if (got == 0)
            return SL_OK;
        if (got < 0)
            return cli_interrupted ? fail(err, SL_ERR_INTERRUPTED, path, "interrupted")
                                   : fail(err, SL_ERR_IO, path, strerror(errno));
        *size += (size_t)got;
        if (*size > MAX_BYTES)
            return fail(err, SL_ERR_LIMIT, path, "more than 256 MB came: a picture was expected");
    }
}

sl_status cli_stream_read(const char *path, uint8_t **data, size_t *size, sl_error *err)
{
    static bool stdin_read;
    bool from_stdin = !strcmp(path, "-");
    *data = NULL;
    *size = 0;
    if (from_stdin && stdin_read)
        return fail(err, SL_ERR_ARGUMENT, path, "is one picture: give - once");
    if (from_stdin && isatty(STDIN_FILENO))
        return fail(err, SL_ERR_ARGUMENT, path, "is a terminal: pipe a picture into it");
    int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, SL_ERR_IO, path, strerror(errno));
    stdin_read |= from_stdin;
    sl_status status = read_all(fd, path, data, size, err);
    if (!from_stdin)
        close(fd);
    if (status) {
        free(*data);
        *data = NULL;
        *size = 0;
    }
    return status;
}
