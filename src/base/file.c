/* Files: mapped, read whole up to a cap, and written so that readers see the old content or the new. */
#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/memory_files.h"

/* Opens a regular file and tells its size; FIFOs and devices are refused before they can block. */
static sl_status open_regular(const char *path, size_t max_bytes, int *fd, size_t *size, sl_error *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return sl_fail(err, errno == ENOENT ? SL_ERR_NOT_FOUND : SL_ERR_IO, "%s: cannot open: %s", path,
                       strerror(errno));
    struct stat st;
    sl_status status = SL_OK;
    if (fstat(*fd, &st) != 0)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot stat: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        status = sl_fail(err, SL_ERR_ARGUMENT, "%s: is a folder, a file was expected", path);
    else if (!S_ISREG(st.st_mode))
        status = sl_fail(err, SL_ERR_ARGUMENT, "%s: is not a regular file", path);
    else if ((uint64_t)st.st_size > max_bytes)
        status = sl_fail(err, SL_ERR_LIMIT, "%s: has %lld bytes, at most %zu are accepted", path,
                         (long long)st.st_size, max_bytes);
    if (status != SL_OK) {
        close(*fd);
        return status;
    }
    *size = (size_t)st.st_size;
    return SL_OK;
}

sl_status sl_map_file(const char *path, size_t max_bytes, sl_mapping *out, sl_error *err)
{
    int fd;
    size_t size;
    *out = (sl_mapping){0};
    if (sl_is_memory_path(path))
        return sl_memory_map(path, max_bytes, out, err);
    SL_TRY(open_regular(path, max_bytes, &fd, &size, err));
    void *data = size ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    int saved = errno;
    close(fd);
    if (data == MAP_FAILED)
        return sl_fail(err, SL_ERR_IO, "%s: cannot map: %s", path, strerror(saved));
    *out = (sl_mapping){.data = data, .size = size};
    return SL_OK;
}

void sl_unmap_file(sl_mapping *mapping)
{
    if (mapping->data && !sl_memory_unmap(mapping))
        munmap((void *)mapping->data, mapping->size);
    *mapping = (sl_mapping){0};
}

/* A copy of a file in memory. */
static sl_status read_memory(const char *path, size_t max_bytes, uint8_t **data, size_t *size, sl_error *err)
{
    sl_mapping file;
    SL_TRY(sl_memory_map(path, max_bytes, &file, err));
    *data = malloc(file.size + 1);
    if (*data) {
        if (file.size)
            memcpy(*data, file.data, file.size);
        (*data)[file.size] = 0;
        *size = file.size;
    }
    sl_unmap_file(&file);
    return *data ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its bytes", path);
}

sl_status sl_read_file(const char *path, size_t max_bytes, uint8_t **data, size_t *size, sl_error *err)
{
    int fd;
    size_t expected;
    *data = NULL;
    *size = 0;
    if (sl_is_memory_path(path))
        return read_memory(path, max_bytes, data, size, err);
    SL_TRY(open_regular(path, max_bytes, &fd, &expected, err));
    uint8_t *buffer = malloc(expected + 1);
    if (!buffer) {
        close(fd);
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for %zu bytes", path, expected);
    }
    size_t at = 0;
    while (at < expected) {
        ssize_t got = read(fd, buffer + at, expected - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int saved = errno;
            close(fd);
            free(buffer);
            return sl_fail(err, SL_ERR_IO, "%s: cannot read: %s", path, strerror(saved));
        }
        if (got == 0)
            break; /* the file shrank while it was read */
        at += (size_t)got;
    }
    close(fd);
    buffer[at] = 0;
    *data = buffer;
    *size = at;
    return SL_OK;
}

/* write(2) until all is written; EINTR is retried. */
static sl_status write_all(int fd, const void *data, size_t size, const char *name, sl_error *err)
{
    const uint8_t *p = data;
    while (size) {
        ssize_t put = write(fd, p, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return sl_fail(err, SL_ERR_IO, "%s: cannot write: %s%s", name, strerror(errno),
                           errno == ENOSPC ? "; free some space and run again" : "");
        p += put;
        size -= (size_t)put;
    }
    return SL_OK;
}

sl_status sl_sync_dir(const char *dir, sl_error *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return sl_fail(err, SL_ERR_IO, "%s: cannot open the folder: %s", dir, strerror(errno));
    int failed = fsync(fd) != 0 && errno != EINVAL; /* some file systems cannot sync folders */
    int saved = errno;
    close(fd);
    if (failed)
        return sl_fail(err, SL_ERR_IO, "%s: cannot sync the folder: %s", dir, strerror(saved));
    return SL_OK;
}

/* The folder part of `path` ("." when there is none), malloc'd. */
static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return sl_strdup(".");
    if (slash == path)
        return sl_strdup("/");
    return strndup(path, (size_t)(slash - path));
}

sl_status sl_write_file(const char *path, const void *data, size_t size, sl_error *err)
{
    char *temp = NULL, *dir = dir_of(path);
    int fd = -1;
    sl_status status = SL_OK;
    const char *slash = strrchr(path, '/');
    const int folders = slash ? (int)(slash + 1 - path) : 0;
    /* The file's name in front tells what a left-over was to become. It is cut so that the longest name has room. */
    if (!dir || asprintf(&temp, "%.*s%.200s.tmp-XXXXXX", folders, path, path + folders) < 0) {
        temp = NULL;
        status = sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its name", path);
        goto done;
    }
    fd = mkstemp(temp);
    if (fd < 0) {
        status = sl_fail(err, SL_ERR_IO, "%s: cannot create a file beside it: %s", path, strerror(errno));
        goto done;
    }
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask) != 0)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot set its mode: %s", path, strerror(errno));
    if (status == SL_OK)
        status = write_all(fd, data, size, path, err);
    if (status == SL_OK && fsync(fd) != 0)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot sync: %s", path, strerror(errno));
    if (close(fd) != 0 && status == SL_OK)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot close: %s", path, strerror(errno));
    if (status == SL_OK && rename(temp, path) != 0)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot rename to it: %s", path, strerror(errno));
    if (status == SL_OK)
        status = sl_sync_dir(dir, err);
    else
        unlink(temp);
done:
    free(temp);
    free(dir);
    return status;
}

bool sl_is_same_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

sl_status sl_make_dirs(const char *dir, sl_error *err)
{
    char path[PATH_MAX];
    size_t length = strlen(dir);
    if (length == 0 || length >= sizeof path)
        return sl_fail(err, SL_ERR_ARGUMENT, "\"%.80s\": not a usable folder name", dir);
    memcpy(path, dir, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char kept = path[i];
        path[i] = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return sl_fail(err, SL_ERR_IO, "%s: cannot make the folder: %s", path, strerror(errno));
        path[i] = kept;
    }
    struct stat st;
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return sl_fail(err, SL_ERR_IO, "%s: exists and is not a folder", dir);
    return SL_OK;
}

char *sl_path_join(const char *dir, const char *name)
{
    char *path;
    size_t length = strlen(dir);
    const char *slash = length && dir[length - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s", dir, slash, name) < 0 ? NULL : path;
}
