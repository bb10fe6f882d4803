/* How many people there are, and how many bytes: counted when it is asked, with those who are not committed yet. */
#include <stdlib.h>
#include <string.h>

#include "base/shard.h"
#include "gallery/postgres/pg_store.h"

/* The labels of a shard's people among those who were added since the last commit. */
static void add_pending_labels(const sl_pg *p, size_t shard, sl_pg_request *r)
{
    const size_t all = p->pending ? p->pending->faces : 0;
    size_t count = 0;
    sl_entry e;
    for (int pass = 0; pass < 2; pass++) { /* the array begins with its length */
        sl_text *labels = pass ? sl_pg_add_array(r, SL_PG_TEXT, count) : NULL;
        for (size_t i = 0; i < all; i++) {
            if (p->pending->kind->entry(p->pending, i, &e, NULL) != SL_OK ||
                sl_shard_of(e.label, strlen(e.label), p->place.shards) != shard)
                continue;
            if (pass)
                sl_pg_element(labels, e.label, strlen(e.label));
            else
                count++;
        }
    }
}

static void ask_uncommitted(const sl_pg *p, size_t shard, sl_pg_request *r)
{
    r->sql = sl_pg_sql(&p->place, "SELECT count(*) FROM (SELECT label FROM %s.person p WHERE EXISTS "
                                  "(SELECT FROM %s.face f WHERE f.person = p.id AND f.id <> ALL ($1)) "
                                  "UNION SELECT unnest($2)) AS people");
    sl_text *removed = sl_pg_add_array(r, SL_PG_I64, p->removed_count);
    for (size_t i = 0; i < p->removed_count; i++)
        sl_pg_element_i64(removed, p->removed[i]);
    add_pending_labels(p, shard, r);
}

/* With the lock. As many as were counted last where a shard is silent. */
static size_t count_people(sl_pg *p)
{
    const bool uncommitted = (p->pending && p->pending->faces) || p->removed_count;
    sl_pg_request *asks = calloc(p->links.count, sizeof *asks);
    size_t people = 0;
    if (!asks)
        return p->people;
    for (size_t s = 0; s < p->place.shards; s++) {
        sl_pg_request *r = &asks[s * (size_t)p->place.connections];
        if (uncommitted)
            ask_uncommitted(p, s, r);
        else
            r->sql = sl_pg_sql(&p->place, "SELECT count(*) FROM %s.person");
    }
    sl_pg_ask(&p->links, asks, p->base.writable ? 0 : p->place.deadline);
    for (size_t s = 0; s < p->place.shards; s++) {
        int64_t n;
        people += sl_pg_i64(sl_pg_shard(&p->links, s)->result, 0, 0, &n) && n > 0 ? (size_t)n : 0;
    }
    for (size_t i = 0; i < p->links.count; i++)
        sl_pg_request_free(&asks[i]);
    free(asks);
    return sl_pg_all_answered(&p->links, NULL) == SL_OK ? people : p->people;
}

/* With the lock. Of all tables with their indexes, in the shards that answer. */
static uint64_t count_bytes(sl_pg *p)
{
    const sl_pg_request ask = {
        .sql = sl_pg_sql(&p->place, "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class "
                                    "WHERE relnamespace = '%s'::regnamespace AND relkind = 'r'")};
    uint64_t bytes = 0;
    sl_pg_ask_shards(&p->links, &ask, p->base.writable ? 0 : p->place.deadline);
    for (size_t s = 0; s < p->place.shards; s++) {
        int64_t n;
        bytes += sl_pg_i64(sl_pg_shard(&p->links, s)->result, 0, 0, &n) && n > 0 ? (uint64_t)n : 0;
    }
    return bytes;
}

void sl_pg_info(const sl_gallery *g, sl_gallery_info *out)
{
    sl_pg *p = (sl_pg *)g;
    pthread_mutex_lock(&p->lock);
    out->labels = count_people(p);
    out->bytes = count_bytes(p);
    pthread_mutex_unlock(&p->lock);
}
