/* A line of a list of pairs, cut into fields: at blanks, or at tabs where it has one, so that names may hold spaces. A
 * field in "quotes" may hold anything, quotes doubled. */
#ifndef SL_EVAL_PAIR_FIELDS_H
#define SL_EVAL_PAIR_FIELDS_H

#include "base/status.h"

enum { SL_PAIR_FIELDS = 5, SL_PAIR_FIELD = 1024 };

typedef struct {
    char field[SL_PAIR_FIELDS][SL_PAIR_FIELD];
    int count;
    size_t number; /* of the line, from 1; the caller's */
} sl_pair_fields;

/* The line from `text` to `end`, without its newline. SL_ERR_FORMAT names `file` and the line: more than five fields, a
 * quote that does not end, a field of 1,024 bytes or more, a NUL byte. */
sl_status sl_pair_fields_split(const char *file, const char *text, const char *end, sl_pair_fields *line,
                               sl_error *err);

#endif
