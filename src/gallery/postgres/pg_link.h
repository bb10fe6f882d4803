/* Connections to shards, asked together: what is sent to all of them is waited for on all of them at once, so an
 * answer takes as long as the slowest shard's. Connections are made when they are first used, and again after they
 * broke. Use a set from one thread at a time. */
#ifndef SL_GALLERY_PG_LINK_H
#define SL_GALLERY_PG_LINK_H

#include "gallery/postgres/pg_place.h"
#include "gallery/postgres/pg_wire.h"

typedef struct {
    PGconn *conn; /* NULL: not begun */
    int state;    /* pg_link.c */
    short wants;  /* poll's events */
    PGresult *result;
    char why[512]; /* it has failed; "" while it has not */
    sl_status status;
    bool once_only; /* it is not made again when it breaks: a transaction or a lock goes with it */
} sl_pg_link;

typedef struct {
    const sl_pg_place *place;
    size_t count; /* shards * connections; connection c of shard s is s * connections + c */
    sl_pg_link *links;
} sl_pg_links;

sl_status sl_pg_links_open(const sl_pg_place *place, sl_pg_links *out, sl_error *err);
void sl_pg_links_close(sl_pg_links *links);

/* Sends request i (sql NULL: none) to link i of all `count`, and waits for their answers, `deadline` milliseconds at
 * most (0: as long as it takes). links[i].result: the answer of each that gave one, until the next call;
 * links[i].why: what went wrong with the others. What is overdue is given up, with its connection. */
void sl_pg_ask(sl_pg_links *links, const sl_pg_request *requests, int deadline);

/* The same question to the first connection of every shard. */
void sl_pg_ask_shards(sl_pg_links *links, const sl_pg_request *request, int deadline);

/* The first connection of a shard. */
static inline sl_pg_link *sl_pg_shard(const sl_pg_links *links, size_t shard)
{
    return &links->links[shard * (size_t)links->place->connections];
}

/* Of a link that was asked and failed: the status, with a text that names the shard. */
sl_status sl_pg_failed(const sl_pg_links *links, const sl_pg_link *link, sl_error *err);

/* The first failure of all that were asked; SL_OK where all of them answered. */
sl_status sl_pg_all_answered(const sl_pg_links *links, sl_error *err);

#endif
