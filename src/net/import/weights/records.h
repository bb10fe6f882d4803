/* Records: the named pieces of a file that is in memory, e.g. a zip archive's entries. Nothing is copied. */
#ifndef SL_NET_RECORDS_H
#define SL_NET_RECORDS_H

#include "base/status.h"

typedef struct {
    const char *name; /* in the file, not NUL-terminated */
    size_t name_size;
    const uint8_t *data;
    size_t size;
} sl_record;

typedef struct {
    sl_record *items; /* by name, once sorted */
    size_t count;
} sl_records;

/* The order of two names by their bytes: negative, 0 or positive. */
int sl_compare_names(const char *a, size_t a_size, const char *b, size_t b_size);

/* Sorts by name. SL_ERR_FORMAT when two have the same one. */
sl_status sl_records_sort(sl_records *records, sl_error *err);

/* Of sorted records; NULL when it is not there. */
const sl_record *sl_records_find(const sl_records *records, const char *name, size_t name_size);

void sl_records_free(sl_records *records);

#endif
