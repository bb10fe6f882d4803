/* A gallery in one file, and back: a tar of what counts of its files, as `tar` reads it too. gallery.meta comes first.
 * What was committed when the backup began is in it, whoever writes or compacts meanwhile. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "gallery/folder/store.h"
#include "gallery/folder/tar_header.h"

enum { CHUNK = 1 << 20, NOTE_MOST = SL_PERSON_NOTES_MOST };

/* "FILE.tmp-XXXXXX", malloc'd; NULL when there is no memory. */
static char *beside(const char *path)
{
    char *name;
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return asprintf(&name, "%.*s.tmp-XXXXXX", (int)length, path) < 0 ? NULL : name;
}

/* The folder that a path lies in, synced: a name in it is new. */
static sl_status sync_folder_of(const char *path, sl_error *err)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    char *dir = length ? strndup(path, length) : strdup(".");
    if (!dir)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its name", path);
    sl_status status = sl_sync_dir(dir, err);
    free(dir);
    return status;
}

static bool is_note(const char *name)
{
    const size_t size = strlen(name);
    if (strcmp(name, SL_PERSON_NOTES_NAME) == 0)
        return true;
    return size < SL_TAR_NAME && strncmp(name, "calibration-", 12) == 0 && !strchr(name, '/') && size > 18 &&
           strcmp(name + size - 6, ".rates") == 0;
}

/* ---- writing ---- */

typedef struct {
    int fd;
    const char *path;
    uint64_t at;
    sl_ticker ticker; /* of CHUNKs */
} tar_writer;

static sl_status put(tar_writer *t, const void *data, uint64_t size, sl_error *err)
{
    for (uint64_t done = 0; done < size; done += CHUNK) {
        const size_t part = size - done < CHUNK ? (size_t)(size - done) : CHUNK;
        SL_TRY(sl_write_at(t->fd, (const uint8_t *)data + done, part, t->at, t->path, err));
        t->at += part;
        if (t->at / CHUNK < t->ticker.total)
            SL_TRY(sl_tick(&t->ticker, (size_t)(t->at / CHUNK), err));
    }
    return SL_OK;
}

static sl_status put_file(tar_writer *t, const char *name, const void *data, uint64_t size, sl_error *err)
{
    static const uint8_t zeros[SL_TAR_BLOCK];
    uint8_t header[SL_TAR_BLOCK];
    sl_tar_header_encode(name, size, header);
    SL_TRY(put(t, header, sizeof header, err));
    SL_TRY(put(t, data, size, err));
    return put(t, zeros, sl_tar_padding(size), err);
}

/* A data file in its pieces, as far as they count. */
static sl_status put_data(tar_writer *t, const sl_folder *g, sl_file_kind kind, sl_error *err)
{
    const sl_datafile *f = &g->files[kind];
    char name[SL_TAR_NAME];
    for (size_t k = 0; k < f->count && (k == 0 || k * f->span < f->end + f->apart); k++) {
        uint64_t size = f->end - k * f->span;
        if (f->span && size > f->span && f->apart)
            SL_TRY(sl_datafile_piece_size(f, k, &size, err));
        else if (f->span && size > f->span)
            size = f->span;
        snprintf(name, sizeof name, k ? "%s.%" PRIu64 ".%zu" : "%s.%" PRIu64, sl_file_names[kind], g->meta.generation,
                 k);
        SL_TRY(put_file(t, name, sl_datafile_at(f, k * f->span), size, err));
    }
    return SL_OK;
}

static sl_status put_generation(tar_writer *t, const sl_folder *g, sl_error *err)
{
    uint8_t meta[SL_META_SIZE], marker[SL_MARKER_SIZE] = {0};
    char name[SL_TAR_NAME];
    sl_meta_encode(&g->meta, meta);
    sl_slot_encode(&g->committed, marker);
    sl_slot_encode(&g->committed, marker + SL_SLOT_STEP);
    SL_TRY(put_file(t, "gallery.meta", meta, sizeof meta, err));
    for (int k = 0; k < SL_FILES; k++)
        SL_TRY(put_data(t, g, (sl_file_kind)k, err));
    if (g->meta.segment_rows && g->centre) {
        snprintf(name, sizeof name, SL_CENTRE_NAME ".%" PRIu64, g->meta.generation);
        SL_TRY(put_file(t, name, g->centre, sl_centre_bytes(&g->meta.shape), err));
    }
    snprintf(name, sizeof name, "commit.%" PRIu64, g->meta.generation);
    return put_file(t, name, marker, sizeof marker, err);
}

static sl_status put_note(tar_writer *t, const char *dir, const char *name, sl_error *err)
{
    char *path = sl_path_join(dir, name);
    uint8_t *data = NULL;
    size_t size;
    sl_status status = path ? sl_read_file(path, NOTE_MOST, &data, &size, err)
                            : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a name", dir);
    if (status == SL_OK)
        status = put_file(t, name, data, size, err);
    else if (status == SL_ERR_NOT_FOUND)
        status = SL_OK; /* it was taken out since */
    free(data);
    free(path);
    return status;
}

static sl_status put_notes(tar_writer *t, const char *dir, sl_error *err)
{
    struct dirent **entries;
    const int count = scandir(dir, &entries, NULL, alphasort);
    sl_status status = SL_OK;
    if (count < 0)
        return sl_fail(err, SL_ERR_IO, "%s: cannot list the folder: %s", dir, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (status == SL_OK && is_note(entries[i]->d_name))
            status = put_note(t, dir, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static sl_status put_all(tar_writer *t, const sl_folder *g, sl_error *err)
{
    static const uint8_t end[2 * SL_TAR_BLOCK];
    SL_TRY(put_generation(t, g, err));
    SL_TRY(put_notes(t, g->base.place, err));
    SL_TRY(put(t, end, sizeof end, err));
    if (fsync(t->fd) != 0)
        return sl_fail(err, SL_ERR_IO, "%s: cannot sync: %s", t->path, strerror(errno));
    return sl_tick(&t->ticker, t->ticker.total, err);
}

/* Complete or not at all: written beside itself, then renamed. */
static sl_status write_tar(const sl_folder *g, const char *file, sl_progress_fn progress, void *context, sl_error *err)
{
    uint64_t bytes = 0;
    char *temp = beside(file);
    if (!temp)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its name", file);
    for (int k = 0; k < SL_FILES; k++)
        bytes += sl_datafile_bytes(&g->files[k]);
    tar_writer t = {.path = file, .ticker = {.fn = progress, .context = context, .total = bytes / CHUNK + 1}};
    t.fd = mkstemp(temp); /* for its owner alone: faces are in it */
    sl_status status = t.fd < 0
                           ? sl_fail(err, SL_ERR_IO, "%s: cannot create a file beside it: %s", file, strerror(errno))
                           : put_all(&t, g, err);
    if (t.fd >= 0 && close(t.fd) != 0 && status == SL_OK)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot close: %s", file, strerror(errno));
    if (status == SL_OK && rename(temp, file) != 0)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot rename to it: %s", file, strerror(errno));
    if (status == SL_OK)
        status = sync_folder_of(file, err);
    else if (t.fd >= 0)
        unlink(temp);
    free(temp);
    return status;
}

sl_status sl_folder_backup(const char *dir, const char *file, sl_progress_fn progress, void *context, sl_error *err)
{
    sl_gallery *gallery;
    SL_TRY(sl_folder_open(dir, SL_GALLERY_READ, NULL, NULL, &gallery, err));
    sl_status status = write_tar((const sl_folder *)gallery, file, progress, context, err);
    sl_gallery_close(gallery);
    return status;
}

/* ---- reading ---- */

/* "FIRST.K" */
static bool is_piece_of(const char *name, const char *first)
{
    const size_t length = strlen(first);
    const char *number = name + length + 1;
    return strncmp(name, first, length) == 0 && name[length] == '.' && *number >= '1' && *number <= '9' &&
           strspn(number, "0123456789") == strlen(number);
}

/* Is it a file of the generation that gallery.meta names, or a note? */
static bool belongs(const char *name, const sl_meta *meta)
{
    char own[SL_TAR_NAME];
    for (int k = 0; k < SL_FILES; k++) {
        snprintf(own, sizeof own, "%s.%" PRIu64, sl_file_names[k], meta->generation);
        if (strcmp(own, name) == 0 || (meta->segment_rows && k < SL_FILE_LOG && is_piece_of(name, own)))
            return true;
    }
    snprintf(own, sizeof own, SL_CENTRE_NAME ".%" PRIu64, meta->generation);
    if (strcmp(own, name) == 0)
        return meta->segment_rows && sl_centre_bytes(&meta->shape);
    snprintf(own, sizeof own, "commit.%" PRIu64, meta->generation);
    return strcmp(own, name) == 0 || is_note(name);
}

static sl_status no_backup(const char *file, const char *why, sl_error *err)
{
    return sl_fail(err, SL_ERR_FORMAT, "%s: is no gallery's backup, or damaged: %s", file, why);
}

static sl_status unpack_file(const char *dir, const char *name, const uint8_t *data, uint64_t size, sl_error *err)
{
    char *path = sl_path_join(dir, name);
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    sl_status status = fd >= 0 ? SL_OK
                       : path  ? sl_fail(err, SL_ERR_IO, "%s: cannot create: %s", path, strerror(errno))
                               : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a name", dir);
    if (status == SL_OK)
        status = sl_write_at(fd, data, size, 0, path, err);
    if (status == SL_OK && fsync(fd) != 0)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot sync: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(path);
    return status;
}

static bool is_zero(const uint8_t *block)
{
    return sl_all_zero(block, block + SL_TAR_BLOCK);
}

/* Every file of the archive, into the folder; all of them are told of before one is written. */
static sl_status unpack(const sl_mapping *tar, const char *file, const char *dir, sl_error *err)
{
    sl_meta meta;
    size_t files = 0, at = 0;
    for (; at + SL_TAR_BLOCK <= tar->size && !is_zero(tar->data + at); files++) {
        char name[SL_TAR_NAME];
        uint64_t size;
        if (!sl_tar_header_decode(tar->data + at, name, &size))
            return no_backup(file, "a header does not hold", err);
        at += SL_TAR_BLOCK;
        if (size > tar->size - at || sl_tar_padding(size) > tar->size - at - size)
            return no_backup(file, "it ends early", err);
        if (files == 0 && (strcmp(name, "gallery.meta") != 0 ||
                           sl_meta_decode(tar->data + at, (size_t)size, &meta, NULL) != SL_OK))
            return no_backup(file, "it does not begin with gallery.meta", err);
        if (files > 0 && !belongs(name, &meta))
            return no_backup(file, "it has files that no gallery has", err);
        SL_TRY(unpack_file(dir, name, tar->data + at, size, err));
        at += (size_t)size + sl_tar_padding(size);
    }
    return files ? SL_OK : no_backup(file, "there is nothing in it", err);
}

/* Deletes a folder of files. */
static void drop(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *entry; d && (entry = readdir(d));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    rmdir(dir);
}

/* rename(2) puts a folder in the place of an empty one, and of nothing else. */
static sl_status put_in_place(const char *temp, const char *dir, sl_error *err)
{
    mode_t mask = umask(0);
    umask(mask);
    if (chmod(temp, 0777 & ~mask) != 0 || rename(temp, dir) != 0)
        return sl_fail(err, errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? SL_ERR_EXISTS : SL_ERR_IO,
                       "%s: %s: name a new folder for the gallery", dir, strerror(errno));
    return sync_folder_of(dir, err);
}

sl_status sl_folder_from_backup(const char *file, const char *dir, sl_progress_fn progress, void *context,
                                sl_error *err)
{
    sl_mapping tar;
    SL_TRY(sl_map_file(file, SIZE_MAX, &tar, err));
    char *temp = beside(dir);
    sl_status status = SL_OK;
    if (!temp)
        status = sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its name", dir);
    else if (!mkdtemp(temp))
        status = sl_fail(err, SL_ERR_IO, "%s: cannot create a folder beside it: %s", dir, strerror(errno));
    if (status == SL_OK) {
        status = unpack(&tar, file, temp, err);
        if (status == SL_OK && (status = sl_folder_verify(temp, progress, context, err)) != SL_OK)
            sl_fail_in(err, status, "%s", file);
        if (status == SL_OK)
            status = sl_folder_derive(temp, err);
        if (status == SL_OK)
            status = sl_sync_dir(temp, err);
        if (status == SL_OK)
            status = put_in_place(temp, dir, err);
        if (status != SL_OK)
            drop(temp);
    }
    free(temp);
    sl_unmap_file(&tar);
    return status;
}
