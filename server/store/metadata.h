/* What callers want to be kept with a face or a person: a JSON object, which the server does not read. Beside the
 * gallery, in a journal; what is forgotten leaves the file when that is written anew. */
#ifndef SERVER_METADATA_H
#define SERVER_METADATA_H

#include <jansson.h>
#include <stdbool.h>

#include "secondlook.h"

enum { SV_METADATA_MAX = 4096 }; /* bytes of one, as text */

typedef struct sv_metadata sv_metadata;
typedef enum { SV_OF_FACE, SV_OF_PERSON } sv_metadata_kind; /* by image id; by label */

sl_status sv_metadata_open(const char *file, sv_metadata **out, sl_error *err);
void sv_metadata_close(sv_metadata *m);

/* A new reference; NULL where there is none. */
json_t *sv_metadata_get(sv_metadata *m, sv_metadata_kind kind, const char *name);

/* object: taken; NULL forgets. SL_ERR_ARGUMENT for what is no object, or too long. */
sl_status sv_metadata_set(sv_metadata *m, sv_metadata_kind kind, const char *name, json_t *object, sl_error *err);

/* Of two people who are one now: the other's stays, where it has any. */
sl_status sv_metadata_rename(sv_metadata *m, const char *from, const char *to, sl_error *err);

/* Puts away all whose name is not `there`. */
sl_status sv_metadata_sweep(sv_metadata *m, bool (*there)(void *context, sv_metadata_kind kind, const char *name),
                            void *context, sl_error *err);

/* Of a name that is there again: what was put away, where nothing else was set since. */
sl_status sv_metadata_recall(sv_metadata *m, sv_metadata_kind kind, const char *name, sl_error *err);

/* Writes the file anew: what was forgotten or put away is gone from it. */
sl_status sv_metadata_compact(sv_metadata *m, sl_error *err);

#endif
