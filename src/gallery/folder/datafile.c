/* Files that grow at the end, through a mapping that grows with them. */
#define _GNU_SOURCE
#include "gallery/folder/datafile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

char *sl_generation_path(const char *dir, const char *name, uint64_t generation)
{
    char *path;
    size_t length = strlen(dir);
    const char *slash = length && dir[length - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s.%" PRIu64, dir, slash, name, generation) < 0 ? NULL : path;
}

sl_status sl_read_at(int fd, void *data, size_t size, uint64_t at, size_t *got, const char *path, sl_error *err)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = pread(fd, (uint8_t *)data + *got, size - *got, (off_t)(at + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sl_fail(err, SL_ERR_IO, "%s: cannot read: %s", path, strerror(errno));
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return SL_OK;
}

sl_status sl_write_at(int fd, const void *data, size_t size, uint64_t at, const char *path, sl_error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(fd, (const uint8_t *)data + done, size - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int why = n < 0 ? errno : ENOSPC;
            return sl_fail(err, SL_ERR_IO, "%s: cannot write: %s%s", path, strerror(why),
                           why == ENOSPC || why == EDQUOT ? "; free some space and go on" : "");
        }
        done += (size_t)n;
    }
    return SL_OK;
}

sl_status sl_file_open(const char *path, int flags, int *fd, uint64_t *size, sl_error *err)
{
    const bool writes = (flags & O_ACCMODE) != O_RDONLY;
    struct stat st;
    *fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | (writes ? O_NOFOLLOW : 0), 0666);
    if (*fd < 0 && errno == ELOOP && writes)
        return sl_fail(err, SL_ERR_FORMAT, "%s: is a symbolic link, and a gallery writes to files of its own folder only: "
                       "delete the link, or put the file itself in its place", path);
    if (*fd < 0)
        return sl_fail(err, errno == ENOENT || errno == ENOTDIR ? SL_ERR_NOT_FOUND : SL_ERR_IO, "%s: cannot open%s: %s",
                       path, writes ? " for writing" : "", strerror(errno));
    sl_status status = SL_OK;
    if (fstat(*fd, &st) != 0)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot stat: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        status = sl_fail(err, SL_ERR_FORMAT, "%s: is not a regular file", path);
    else if (size)
        *size = (uint64_t)st.st_size;
    if (status != SL_OK) {
        close(*fd);
        *fd = -1;
    }
    return status;
}

static sl_status open_file(sl_datafile *f, char *path, int flags, sl_error *err)
{
    *f = (sl_datafile){.fd = -1, .writable = (flags & O_ACCMODE) == O_RDWR, .path = path};
    return path ? sl_file_open(path, flags, &f->fd, &f->size, err)
                : sl_fail(err, SL_ERR_MEMORY, "no memory for a file's name");
}

sl_status sl_datafile_create(sl_datafile *f, char *path, const void *header, size_t size, sl_error *err)
{
    sl_status status = open_file(f, path, O_RDWR | O_CREAT | O_EXCL, err);
    if (status == SL_OK)
        status = sl_datafile_append(f, header, size, err);
    if (status != SL_OK)
        sl_datafile_close(f);
    return status;
}

sl_status sl_datafile_open(sl_datafile *f, char *path, bool writable, sl_error *err)
{
    sl_status status = open_file(f, path, writable ? O_RDWR : O_RDONLY, err);
    if (status != SL_OK)
        sl_datafile_close(f);
    return status;
}

/* A mapping of at least `end` bytes. One that is written to, here or elsewhere, reserves addresses for growth: they may lie
 * beyond the file's end as long as nobody reads there. */
static sl_status map_at_least(sl_datafile *f, uint64_t end, sl_error *err)
{
    if (end <= f->mapped)
        return SL_OK;
    size_t length = f->writable || f->grows ? (end < (1 << 20) ? 1 << 20 : end * 2) : end;
    void *base = mmap(NULL, length, PROT_READ, MAP_SHARED, f->fd, 0);
    if (base == MAP_FAILED)
        return sl_fail(err, errno == ENOMEM ? SL_ERR_MEMORY : SL_ERR_IO, "%s: cannot map %zu bytes: %s", f->path,
                       length, strerror(errno));
    if (f->base)
        munmap((void *)f->base, f->mapped);
    f->base = base;
    f->mapped = length;
    return SL_OK;
}

sl_status sl_datafile_map(sl_datafile *f, uint64_t end, sl_error *err)
{
    SL_TRY(map_at_least(f, end, err));
    f->end = f->synced = end;
    return SL_OK;
}

sl_status sl_datafile_append(sl_datafile *f, const void *data, size_t size, sl_error *err)
{
    SL_TRY(map_at_least(f, f->end + size, err));
    SL_TRY(sl_write_at(f->fd, data, size, f->end, f->path, err));
    f->end += size;
    return SL_OK;
}

void sl_datafile_cut(sl_datafile *f, uint64_t end)
{
    f->end = end;
    if (f->synced > end)
        f->synced = end;
    while (ftruncate(f->fd, (off_t)end) != 0 && errno == EINTR) {
    }
}

sl_status sl_datafile_sync(sl_datafile *f, sl_error *err)
{
    if (f->synced == f->end)
        return SL_OK;
    if (fdatasync(f->fd) != 0)
        return sl_fail(err, SL_ERR_IO, "%s: cannot sync: %s", f->path, strerror(errno));
    f->synced = f->end;
    return SL_OK;
}

void sl_datafile_close(sl_datafile *f)
{
    if (f->base)
        munmap((void *)f->base, f->mapped);
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    *f = (sl_datafile){.fd = -1};
}

sl_status sl_file_was_cut(const sl_datafile *f, uint64_t committed, sl_error *err)
{
    return sl_fail(err, SL_ERR_CORRUPT, "%s: has %" PRIu64 " bytes, %" PRIu64 " were committed: the file was cut. Restore "
                   "the gallery's folder from a copy, or enrol again", f->path, f->size, committed);
}
