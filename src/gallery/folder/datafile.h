/* A file that is appended to and read through a mapping. What lies beyond `end` does not count. */
#ifndef SL_FOLDER_DATAFILE_H
#define SL_FOLDER_DATAFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    char *path;
    int fd; /* -1: not open */
    bool writable;
    bool grows; /* others write to it, and it is mapped on as they do */
    const uint8_t *base; /* mapping of at least [0, end); moves when the file grows */
    size_t mapped;
    uint64_t size;   /* of the file, as it was found */
    uint64_t end;    /* bytes that count, with those added through this handle */
    uint64_t synced; /* bytes known to be on disk */
} sl_datafile;

/* dir/NAME.GENERATION, malloc'd; NULL when there is no memory. */
char *sl_generation_path(const char *dir, const char *name, uint64_t generation);

/* open(2) of a regular file; *size (may be NULL) is its size. Whoever writes follows no symbolic link: a folder that came
 * from elsewhere must not lead writes to files outside it. SL_ERR_NOT_FOUND when there is none. *fd is -1 on failure. */
sl_status sl_file_open(const char *path, int flags, int *fd, uint64_t *size, sl_error *err);

/* A new file that holds `header`, not synced yet; the name must be free. Takes over `path`. */
sl_status sl_datafile_create(sl_datafile *f, char *path, const void *header, size_t size, sl_error *err);

/* Opens an existing file; SL_ERR_NOT_FOUND when there is none. Takes over `path`. Maps nothing yet. */
sl_status sl_datafile_open(sl_datafile *f, char *path, bool writable, sl_error *err);

/* Maps [0, end), which must be within the file. */
sl_status sl_datafile_map(sl_datafile *f, uint64_t end, sl_error *err);

/* Writes at the end. On failure nothing has changed. */
sl_status sl_datafile_append(sl_datafile *f, const void *data, size_t size, sl_error *err);

/* Forgets what lies beyond `end` and cuts the file there (a failure to cut does no harm: what lies beyond
 * does not count). */
void sl_datafile_cut(sl_datafile *f, uint64_t end);

/* fdatasync, when anything was written since the last. */
sl_status sl_datafile_sync(sl_datafile *f, sl_error *err);

void sl_datafile_close(sl_datafile *f);

/* pread and pwrite of all `size` bytes. A read that ends early sets *got below size and is no error. */
sl_status sl_read_at(int fd, void *data, size_t size, uint64_t at, size_t *got, const char *path, sl_error *err);
sl_status sl_write_at(int fd, const void *data, size_t size, uint64_t at, const char *path, sl_error *err);

/* SL_ERR_CORRUPT: the file has less than was committed. */
sl_status sl_file_was_cut(const sl_datafile *f, uint64_t committed, sl_error *err);

#endif
