/* Where a gallery in PostgreSQL is:
 *
 *     postgres://user@host:port/database?gallery=NAME,postgres://..,...
 *
 * One URL a shard, in the shards' order. Beside libpq's own parameters (sslmode, connect_timeout, ..):
 *
 *     gallery      its name: 1 .. 48 of a-z, 0-9 and _; the first URL must have one, the others have the same or none
 *     connections  to each shard, which share every search of it (1 .. 64; 1)
 *     deadline     milliseconds for an answer to a search (0: none; 0)
 *     partial      yes: shards that do not answer are left out of searches, and it is told (no)
 *
 * The last three are read from the first URL. */
#ifndef SL_GALLERY_PG_PLACE_H
#define SL_GALLERY_PG_PLACE_H

#include <stdbool.h>

#include "base/status.h"

#define SL_PG_PREFIX "postgres://"

enum { SL_PG_MOST_SHARDS = 1024 };

typedef struct {
    char gallery[49];
    size_t shards;
    char **urls;  /* [shards] as libpq takes them */
    char **names; /* [shards] for messages: without user and password */
    char *shown;  /* the whole place, without users and passwords */
    int connections, deadline;
    bool partial;
} sl_pg_place;

/* SL_ERR_ARGUMENT says what is wrong. Free *out in either case. */
sl_status sl_pg_place_parse(const char *place, sl_pg_place *out, sl_error *err);
void sl_pg_place_free(sl_pg_place *place);

/* A statement about the gallery's tables: every %s of `format`, of at most five, stands for its schema. Overwritten
 * by the next call in the same thread. */
const char *sl_pg_sql(const sl_pg_place *place, const char *format);

#endif
