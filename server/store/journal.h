/* Facts that are added one by one and read when the server starts: JSON lines, each behind the hash of its text. A line
 * is on disk when sv_journal_add returns; what a crash left of a last line is cut off. */
#ifndef SERVER_JOURNAL_H
#define SERVER_JOURNAL_H

#include <jansson.h>

#include "secondlook.h"

typedef struct sv_journal sv_journal;

/* Tells `line` every object of the file in order; a file that is not there is begun by the first line that is added.
 * SL_ERR_CORRUPT for a line in the middle that is not what was written. */
sl_status sv_journal_open(const char *file, void (*line)(void *context, const json_t *object), void *context,
                          sv_journal **out, sl_error *err);
void sv_journal_close(sv_journal *journal);

/* Adds an object, which is taken. Threads may call it together. */
sl_status sv_journal_add(sv_journal *journal, json_t *object, sl_error *err);

/* Begins anew with these objects [an array, taken]: complete, or as it was. */
sl_status sv_journal_rewrite(sv_journal *journal, json_t *objects, sl_error *err);

#endif
