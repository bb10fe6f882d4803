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

#include "base/file.h"
#include "base/mem.h"

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
        return sl_fail(err, SL_ERR_FORMAT, "%s: is a symbolic link, and a gallery writes to files of its own folder "
                       "only: delete the link, or put the file itself in its place", path);
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

/* ---- pieces ---- */

static char *piece_path(const sl_datafile *f, size_t piece)
{
    char *path;
    if (piece == 0)
        return strdup(f->path);
    return asprintf(&path, "%s.%zu", f->path, piece) < 0 ? NULL : path;
}

static sl_status no_memory(const sl_datafile *f, sl_error *err)
{
    return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its pieces", f->path);
}

/* As far as the mapping has room for a piece, it is read there. */
static sl_status map_piece(const sl_datafile *f, size_t piece, sl_error *err)
{
    const uint64_t at = piece * f->span;
    if (!f->span || f->apart || at >= f->mapped)
        return SL_OK;
    const uint64_t length = f->mapped - at < f->span ? f->mapped - at : f->span;
    const int fd = f->pieces[piece].fd;
    if (mmap((void *)(f->base + at), length, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        return sl_fail(err, errno == ENOMEM ? SL_ERR_MEMORY : SL_ERR_IO, "%s: cannot map piece %zu: %s", f->path, piece,
                       strerror(errno));
    return SL_OK;
}

/* Opens the piece behind all that there are. */
static sl_status add_piece(sl_datafile *f, int flags, sl_error *err)
{
    char *path = piece_path(f, f->count);
    sl_piece *more = path ? sl_realloc_array(f->pieces, f->count + 1, sizeof *more) : NULL;
    sl_status status = more ? SL_OK : no_memory(f, err);
    if (more) {
        f->pieces = more;
        more[f->count] = (sl_piece){.fd = -1};
        status = sl_file_open(path, flags, &more[f->count].fd, NULL, err);
    }
    if (status == SL_OK && (status = map_piece(f, f->count, err)) != SL_OK)
        close(more[f->count].fd);
    free(path);
    if (status == SL_OK && f->count++ == 0)
        f->fd = f->pieces[0].fd;
    return status;
}

static int flags_of(const sl_datafile *f) { return f->writable ? O_RDWR : O_RDONLY; }

/* Those that are there, from the last that is open on. */
static sl_status add_pieces(sl_datafile *f, sl_error *err)
{
    sl_status status = SL_OK;
    while (f->span && status == SL_OK)
        status = add_piece(f, flags_of(f), err);
    return status == SL_ERR_NOT_FOUND ? SL_OK : status;
}

sl_status sl_datafile_piece_size(const sl_datafile *f, size_t piece, uint64_t *size, sl_error *err)
{
    struct stat st;
    if (fstat(f->pieces[piece].fd, &st) != 0)
        return sl_fail(err, SL_ERR_IO, "%s: cannot stat: %s", f->path, strerror(errno));
    *size = (uint64_t)st.st_size;
    return SL_OK;
}

/* Of rows, what follows a piece that is short does not count. */
sl_status sl_datafile_measure(sl_datafile *f, sl_error *err)
{
    uint64_t size = 0;
    SL_TRY(add_pieces(f, err));
    for (size_t k = 0; k < f->count; k++) {
        SL_TRY(sl_datafile_piece_size(f, k, &size, err));
        f->size = k * f->span + size;
        if (f->span && !f->apart && size < f->span)
            break;
    }
    return SL_OK;
}

sl_status sl_datafile_pieces(sl_datafile *f, uint64_t span, bool apart, sl_error *err)
{
    f->span = span;
    f->apart = apart;
    if (!apart && span % (uint64_t)sysconf(_SC_PAGESIZE) != 0)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: lies in pieces that this machine's pages do not divide", f->path);
    return sl_datafile_measure(f, err);
}

/* ---- opening ---- */

static sl_status open_file(sl_datafile *f, char *path, int flags, sl_error *err)
{
    *f = (sl_datafile){.fd = -1, .writable = (flags & O_ACCMODE) == O_RDWR, .path = path};
    SL_TRY(path ? add_piece(f, flags, err) : sl_fail(err, SL_ERR_MEMORY, "no memory for a file's name"));
    return sl_datafile_measure(f, err);
}

sl_status sl_datafile_create(sl_datafile *f, char *path, const void *header, size_t size, sl_error *err)
{
    sl_status status = open_file(f, path, O_RDWR | O_CREAT | O_EXCL, err);
    if (status == SL_OK && size)
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

/* ---- mapping ---- */

static sl_status cannot_map(const sl_datafile *f, size_t length, sl_error *err)
{
    return sl_fail(err, errno == ENOMEM ? SL_ERR_MEMORY : SL_ERR_IO, "%s: cannot map %zu bytes: %s", f->path, length,
                   strerror(errno));
}

/* One that is written to, here or elsewhere, reserves addresses for growth: they may lie beyond the file's end as long
 * as nobody reads there. */
static size_t room_for(const sl_datafile *f, uint64_t end)
{
    return !f->writable && !f->grows ? end : end < (1 << 20) ? 1 << 20 : end * 2;
}

/* A mapping of one file. */
static sl_status map_file(const sl_datafile *f, int fd, uint64_t end, const uint8_t **base, size_t *mapped,
                          sl_error *err)
{
    if (end <= *mapped)
        return SL_OK;
    const size_t length = room_for(f, end);
    void *fresh = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
    if (fresh == MAP_FAILED)
        return cannot_map(f, length, err);
    if (*base)
        munmap((void *)*base, *mapped);
    *base = fresh;
    *mapped = length;
    return SL_OK;
}

/* Addresses for all of it, into which each piece is mapped. */
static sl_status map_row_pieces(sl_datafile *f, uint64_t end, sl_error *err)
{
    if (end <= f->mapped)
        return SL_OK;
    sl_datafile fresh = *f;
    fresh.mapped = room_for(f, end);
    fresh.base = mmap(NULL, fresh.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fresh.base == MAP_FAILED)
        return cannot_map(f, fresh.mapped, err);
    for (size_t k = 0; k < f->count; k++)
        if (map_piece(&fresh, k, err) != SL_OK) {
            munmap((void *)fresh.base, fresh.mapped);
            return SL_ERR_IO;
        }
    if (f->base)
        munmap((void *)f->base, f->mapped);
    *f = fresh;
    return SL_OK;
}

static sl_status map_at_least(sl_datafile *f, uint64_t end, sl_error *err)
{
    if (!f->span)
        return map_file(f, f->fd, end, &f->base, &f->mapped, err);
    return f->apart ? SL_OK : map_row_pieces(f, end, err);
}

/* All that a piece which lies apart has. */
static sl_status map_apart(sl_datafile *f, uint64_t end, sl_error *err)
{
    for (size_t k = 0; k < f->count && k * f->span < end; k++) {
        sl_piece *p = &f->pieces[k];
        uint64_t size = end - k * f->span;
        if (size > f->span)
            SL_TRY(sl_datafile_piece_size(f, k, &size, err));
        SL_TRY(map_file(f, p->fd, size, &p->base, &p->mapped, err));
    }
    return SL_OK;
}

sl_status sl_datafile_map(sl_datafile *f, uint64_t end, sl_error *err)
{
    SL_TRY(f->apart ? map_apart(f, end, err) : map_at_least(f, end, err));
    f->end = f->synced = end;
    return SL_OK;
}

/* ---- writing ---- */

static sl_status create_piece(sl_datafile *f, sl_error *err)
{
    f->named = true;
    return add_piece(f, O_RDWR | O_CREAT | O_EXCL, err);
}

sl_status sl_datafile_next_piece(sl_datafile *f, sl_error *err)
{
    const uint64_t end = f->count * f->span;
    SL_TRY(create_piece(f, err));
    f->end = end;
    return SL_OK;
}

sl_status sl_datafile_append(sl_datafile *f, const void *data, size_t size, sl_error *err)
{
    const size_t k = f->span ? (size_t)(f->end / f->span) : 0;
    const uint64_t at = f->end - k * f->span;
    if (k == f->count)
        SL_TRY(create_piece(f, err));
    sl_piece *p = &f->pieces[k];
    SL_TRY(sl_write_at(p->fd, data, size, at, f->path, err)); /* before the mapping moves: the data may lie there */
    SL_TRY(f->apart ? map_file(f, p->fd, at + size, &p->base, &p->mapped, err) : map_at_least(f, f->end + size, err));
    f->end += size;
    return SL_OK;
}

static void drop_piece(sl_datafile *f, size_t piece)
{
    sl_piece *p = &f->pieces[piece];
    char *path = piece_path(f, piece);
    if (path)
        unlinkat(AT_FDCWD, path, 0);
    free(path);
    if (p->base)
        munmap((void *)p->base, p->mapped);
    close(p->fd);
    f->count--;
}

static bool knows_no_links(int why)
{
    return why == EPERM || why == EOPNOTSUPP || why == ENOSYS || why == EMLINK || why == EXDEV;
}

/* The first piece of a new file is there, and empty: another takes its place. */
sl_status sl_datafile_adopt(sl_datafile *f, size_t k, const sl_datafile *from, size_t piece, uint64_t size,
                            sl_error *err)
{
    char *old = piece_path(from, piece), *path = piece_path(f, k);
    sl_status status = old && path ? SL_OK : no_memory(f, err);
    if (status == SL_OK && k < f->count)
        drop_piece(f, k);
    if (status == SL_OK && link(old, path) != 0)
        status = sl_fail(err, knows_no_links(errno) ? SL_ERR_UNSUPPORTED : SL_ERR_IO, "%s: cannot be named %s too: %s",
                         old, path, strerror(errno));
    f->named = true;
    if (status == SL_OK)
        status = add_piece(f, O_RDWR, err);
    free(old);
    free(path);
    SL_TRY(status);
    f->end = k * f->span + size;
    return f->apart ? map_file(f, f->pieces[k].fd, size, &f->pieces[k].base, &f->pieces[k].mapped, err)
                    : map_at_least(f, f->end, err);
}

void sl_datafile_cut(sl_datafile *f, uint64_t end)
{
    const size_t last = !f->span ? 0 : f->apart ? end / f->span : end ? (end - 1) / f->span : 0;
    f->end = end;
    if (f->synced > end)
        f->synced = end;
    while (f->count > last + 1)
        drop_piece(f, f->count - 1);
    while (ftruncate(f->pieces[last].fd, (off_t)(end - last * f->span)) != 0 && errno == EINTR) {
    }
}

/* The folder that a path lies in. */
static sl_status sync_names(const char *path, sl_error *err)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, (size_t)(slash - path) + (slash == path)) : strdup(".");
    if (!dir)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its folder's name", path);
    sl_status status = sl_sync_dir(dir, err);
    free(dir);
    return status;
}

sl_status sl_datafile_sync(sl_datafile *f, sl_error *err)
{
    if (f->synced == f->end && !f->named)
        return SL_OK;
    for (size_t k = f->span ? (size_t)(f->synced / f->span) : 0; k < f->count; k++)
        if (fdatasync(f->pieces[k].fd) != 0)
            return sl_fail(err, SL_ERR_IO, "%s: cannot sync: %s", f->path, strerror(errno));
    if (f->named)
        SL_TRY(sync_names(f->path, err));
    f->named = false;
    f->synced = f->end;
    return SL_OK;
}

void sl_datafile_close(sl_datafile *f)
{
    if (f->base)
        munmap((void *)f->base, f->mapped);
    for (size_t k = 0; k < f->count; k++) {
        if (f->pieces[k].base)
            munmap((void *)f->pieces[k].base, f->pieces[k].mapped);
        close(f->pieces[k].fd);
    }
    free(f->pieces);
    free(f->path);
    *f = (sl_datafile){.fd = -1};
}

uint64_t sl_datafile_bytes(const sl_datafile *f)
{
    uint64_t bytes = 0, size;
    if (!f->apart)
        return f->end;
    for (size_t k = 0; k < f->count; k++)
        if ((k + 1) * f->span <= f->end && sl_datafile_piece_size(f, k, &size, NULL) == SL_OK)
            bytes += size;
        else if (f->end > k * f->span)
            bytes += f->end - k * f->span;
    return bytes;
}

sl_status sl_file_was_cut(const sl_datafile *f, uint64_t committed, sl_error *err)
{
    return sl_fail(err, SL_ERR_CORRUPT,
                   "%s: has %" PRIu64 " bytes, %" PRIu64 " were committed: the file was cut. Restore "
                   "the gallery's folder from a copy, or enrol again",
                   f->path, f->size, committed);
}
