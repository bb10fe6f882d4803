/* Files that lie in memory. A path "memory:N/NAME" is the file NAME of set N; whoever maps or reads files (file.h)
 * finds it like any other. Sets are the process's; threads may use them together. */
#ifndef SL_BASE_MEMORY_FILES_H
#define SL_BASE_MEMORY_FILES_H

#include <stdbool.h>

#include "base/file.h"

bool sl_is_memory_path(const char *path);
bool sl_memory_file_there(const char *path);

/* The caller's bytes, until sl_memory_unmap. SL_ERR_NOT_FOUND, SL_ERR_LIMIT as of sl_map_file. */
sl_status sl_memory_map(const char *path, size_t max_bytes, sl_mapping *out, sl_error *err);

/* False: those bytes are not of a set. */
bool sl_memory_unmap(const sl_mapping *mapping);

#endif
