/* Files: read-only mappings, whole reads with a cap, and writes that are complete or absent. */
#ifndef SL_BASE_FILE_H
#define SL_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    const uint8_t *data; /* NULL for an empty file */
    size_t size;
} sl_mapping;

/* Maps a regular file read-only and shared. Files above `max_bytes` are refused (SL_ERR_LIMIT). */
sl_status sl_map_file(const char *path, size_t max_bytes, sl_mapping *out, sl_error *err);
void sl_unmap_file(sl_mapping *mapping);

/* Reads a whole regular file into a malloc'd buffer with one NUL byte behind it. */
sl_status sl_read_file(const char *path, size_t max_bytes, uint8_t **data, size_t *size, sl_error *err);

/* Writes `path` by temp + fsync + rename + fsync of the folder: readers see the old or the new
 * content, never a part. A failure leaves the old file as it was. */
sl_status sl_write_file(const char *path, const void *data, size_t size, sl_error *err);

/* fsync of a folder, so that names created or renamed in it are durable. */
sl_status sl_sync_dir(const char *dir, sl_error *err);

/* Whether two paths lead to one file that is there. */
bool sl_is_same_file(const char *a, const char *b);

/* mkdir -p, mode 0777 less umask. */
sl_status sl_make_dirs(const char *dir, sl_error *err);

/* "dir/name" in a malloc'd string; NULL when there is no memory. */
char *sl_path_join(const char *dir, const char *name);

#endif
