/* What lies in a gallery's folder: the files of a generation by name, gallery.meta, the lock. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "gallery/folder/store.h"

#define META_NAME "gallery.meta"

/* ---- names in the folder ---- */

/* ".N", of 18 digits at most and not 0; *end behind it. */
static uint64_t number_behind(const char *dot, const char **end)
{
    const size_t digits = *dot == '.' ? strspn(dot + 1, "0123456789") : 0;
    *end = dot + 1 + digits;
    return digits > 0 && digits <= 18 && dot[1] != '0' ? strtoull(dot + 1, NULL, 10) : 0;
}

/* The N of NAME.N and NAME.N.K for a gallery's files, 0 for all others. */
static uint64_t generation_of(const char *name)
{
    static const char *const stems[] = {"embeddings", "patches",      "crops", "log", /* as sl_file_kind */
                                        "commit",     SL_CENTRE_NAME, "codes", "index"};
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
        const size_t length = strlen(stems[i]);
        if (strncmp(name, stems[i], length) != 0)
            continue;
        const char *end = name + length;
        const uint64_t generation = number_behind(end, &end);
        if (generation && (*end == '\0' || (i < SL_FILE_LOG && number_behind(end, &end) && *end == '\0')))
            return generation;
    }
    return 0;
}

/* A gallery.meta, an index or notes that were being written, by sl_write_file. */
static bool is_temporary(const char *name)
{
    static const char end[] = ".tmp-";
    const char *tmp = strstr(name, end), *random = tmp ? tmp + sizeof end - 1 : "";
    const bool whole = strncmp(name, META_NAME, sizeof META_NAME - 1) == 0 && tmp == name + sizeof META_NAME - 1;
    const bool notes = strncmp(name, SL_PERSON_NOTES_NAME, sizeof SL_PERSON_NOTES_NAME - 1) == 0 &&
                       tmp == name + sizeof SL_PERSON_NOTES_NAME - 1;
    const bool index = strncmp(name, "index.", 6) == 0 && strspn(name + 6, "0123456789") == (size_t)(tmp - name - 6);
    return tmp && (whole || index || notes) && strlen(random) == 6 &&
           strspn(random, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == 6;
}

/* Is it a gallery's file that counts no more, or not yet, where generation `keep` does? */
static bool is_left_over(const char *name, uint64_t keep)
{
    const uint64_t generation = generation_of(name);
    return is_temporary(name) || (generation && generation != keep);
}

static sl_status open_dir(const char *dir, DIR **out, sl_error *err)
{
    *out = opendir(dir);
    if (!*out)
        return sl_fail(err, errno == ENOENT || errno == ENOTDIR ? SL_ERR_NOT_FOUND : SL_ERR_IO,
                       "%s: cannot open the gallery's folder: %s", dir, strerror(errno));
    return SL_OK;
}

sl_status sl_store_clean(const char *dir, uint64_t keep, sl_error *err)
{
    DIR *d;
    SL_TRY(open_dir(dir, &d, err));
    sl_status status = SL_OK;
    bool deleted = false;
    for (struct dirent *entry; status == SL_OK && (entry = readdir(d));) {
        if (!is_left_over(entry->d_name, keep))
            continue;
        deleted = true;
        if (unlinkat(dirfd(d), entry->d_name, 0) != 0 && errno != ENOENT)
            status = sl_fail(err, SL_ERR_IO, "%s/%s: cannot delete: %s", dir, entry->d_name, strerror(errno));
    }
    closedir(d);
    return status == SL_OK && deleted ? sl_sync_dir(dir, err) : status;
}

/* What a folder without gallery.meta is: NOT_FOUND when it never was a gallery (or its creation was cut short),
 * CORRUPT when a log with records says that it was. *foreign: it has other things in it. */
static sl_status without_meta(const char *dir, bool *foreign, sl_error *err)
{
    DIR *d;
    *foreign = false;
    SL_TRY(open_dir(dir, &d, err));
    bool records = false;
    for (struct dirent *entry; (entry = readdir(d));) {
        const char *name = entry->d_name;
        struct stat st;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lock") == 0 || is_temporary(name))
            continue;
        if (generation_of(name) == 0)
            *foreign = true;
        else if (strncmp(name, "log.", 4) == 0 && fstatat(dirfd(d), name, &st, 0) == 0)
            records = records || st.st_size > SL_HEADER_SIZE;
    }
    closedir(d);
    if (records)
        return sl_fail(err, SL_ERR_CORRUPT, "%s: the gallery's " META_NAME " is missing: restore it from a copy",
                       dir);
    return sl_fail(err, SL_ERR_NOT_FOUND, "%s: no gallery there", dir);
}

sl_status sl_store_read_meta(const char *dir, sl_meta *out, bool *foreign, sl_error *err)
{
    char *path = sl_path_join(dir, META_NAME);
    uint8_t *data = NULL;
    size_t size;
    *foreign = false;
    if (!path)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory", dir);
    sl_status status = sl_read_file(path, 1 << 16, &data, &size, err);
    if (status == SL_ERR_NOT_FOUND) {
        status = without_meta(dir, foreign, err);
    } else if (status == SL_OK) {
        status = sl_meta_decode(data, size, out, err);
        if (status != SL_OK)
            sl_fail_in(err, status, "%s", path);
    }
    free(data);
    free(path);
    return status;
}

sl_status sl_folder_leftovers(const char *dir, void (*leftover)(void *context, const char *file, uint64_t bytes),
                              void *context, sl_error *err)
{
    sl_meta meta;
    bool foreign;
    SL_TRY(sl_store_read_meta(dir, &meta, &foreign, err));
    struct dirent **entries;
    const int count = scandir(dir, &entries, NULL, alphasort);
    if (count < 0)
        return sl_fail(err, SL_ERR_IO, "%s: cannot list the folder: %s", dir, strerror(errno));
    for (int i = 0; i < count; i++) {
        struct stat st;
        char *path =
            is_left_over(entries[i]->d_name, meta.generation) ? sl_path_join(dir, entries[i]->d_name) : NULL;
        if (path && lstat(path, &st) == 0)
            leftover(context, entries[i]->d_name, (uint64_t)st.st_size);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return SL_OK;
}

sl_status sl_store_publish(const sl_folder *g, sl_error *err)
{
    uint8_t bytes[SL_META_SIZE];
    sl_meta_encode(&g->meta, bytes);
    char *path = sl_path_join(g->base.place, META_NAME);
    if (!path)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory", g->base.place);
    sl_status status = sl_write_file(path, bytes, sizeof bytes, err);
    free(path);
    return status;
}

uint64_t sl_store_bytes(const sl_folder *g)
{
    uint64_t bytes = SL_META_SIZE + SL_MARKER_SIZE;
    for (int k = 0; k < SL_FILES; k++)
        bytes += sl_datafile_bytes(&g->files[k]);
    bytes += g->meta.segment_rows ? sl_centre_bytes(&g->meta.shape) : 0;
    bytes += g->codes.file.fd >= 0 ? g->codes.file.end : 0;
    return bytes + sl_index_bytes(g);
}

/* ---- the lock ---- */

sl_status sl_store_lock(const char *dir, int *fd, sl_error *err)
{
    char *path = sl_path_join(dir, "lock");
    if (!path)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory", dir);
    sl_status status = sl_file_open(path, O_RDWR | O_CREAT, fd, NULL, err);
    if (status == SL_OK && flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK ? sl_fail(err, SL_ERR_LOCKED,
                                                "%s: the gallery is being written by another process: wait until "
                                                "it has ended",
                                                dir)
                                      : sl_fail(err, SL_ERR_IO, "%s: cannot lock: %s", path, strerror(errno));
        close(*fd);
        *fd = -1;
    }
    free(path);
    return status;
}
