/* Small files that are there as a whole, or as they were. */
#ifndef SERVER_DURABLE_H
#define SERVER_DURABLE_H

#include <jansson.h>
#include <stddef.h>

#include "secondlook.h"

/* Beside itself, synced, renamed; only its owner may read it. */
sl_status sv_write_durably(const char *path, const void *data, size_t size, sl_error *err);

/* The same of a document, which is taken. */
sl_status sv_write_json(const char *path, json_t *document, sl_error *err);

/* SL_ERR_NOT_FOUND where there is none. */
sl_status sv_read_json(const char *path, json_t **out, sl_error *err);

/* An error's text. */
sl_status sv_fail(sl_error *err, sl_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* malloc'd "dir/name"; NULL without memory. */
char *sv_join(const char *dir, const char *name);

#endif
