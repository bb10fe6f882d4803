/* Which faces there are: their numbers in the database, rising, from all shards. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "gallery/postgres/pg_store.h"

static int by_id(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t id_at(const uint8_t *bytes)
{
    return (int64_t)((uint64_t)sl_get_be32(bytes) << 32 | sl_get_be32(bytes + 4));
}

/* The numbers that one shard answered with, behind those that are there. */
static sl_status take_ids(sl_pg *p, const PGresult *r, size_t *taken, sl_error *err)
{
    size_t size;
    const uint8_t *bytes = sl_pg_bytes(r, 0, 0, &size);
    const size_t count = size / 8, wanted = p->listed + count;
    *taken = count;
    if (wanted >= UINT32_MAX)
        return sl_fail(err, SL_ERR_LIMIT, "%s: more than %u faces", p->place.shown, UINT32_MAX - 1);
    int64_t *ids = sl_realloc_array(p->ids, wanted + 1, sizeof *ids);
    if (!ids)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a list of %zu faces", p->place.shown, wanted);
    p->ids = ids;
    p->ids_room = wanted + 1;
    for (size_t i = 0; i < count; i++)
        ids[p->listed++] = id_at(bytes + 8 * i);
    return SL_OK;
}

/* A face that was being moved between shards may be in two: it is one. */
static void sort_ids(sl_pg *p)
{
    size_t left = 0;
    qsort(p->ids, p->listed, sizeof *p->ids, by_id);
    for (size_t i = 0; i < p->listed; i++)
        if (i == 0 || p->ids[i] != p->ids[i - 1])
            p->ids[left++] = p->ids[i];
    p->listed = left;
}

sl_status sl_pg_list(sl_pg *p, sl_error *err)
{
    sl_pg_request ask = {.sql = sl_pg_sql(&p->place, "SELECT string_agg(int8send(id), ''::bytea ORDER BY id), "
                                                     "(SELECT count(*) FROM %s.person) FROM %s.face")};
    sl_pg_ask_shards(&p->links, &ask, 0);
    p->listed = p->people = 0;
    for (size_t s = 0; s < p->place.shards; s++) {
        const sl_pg_link *l = sl_pg_shard(&p->links, s);
        int64_t people;
        if (!l->result && p->place.partial && !p->base.writable)
            continue;
        if (!l->result)
            return sl_pg_failed(&p->links, l, err);
        p->shard_faces[s] = 0;
        SL_TRY(take_ids(p, l->result, &p->shard_faces[s], err));
        p->people += sl_pg_i64(l->result, 0, 1, &people) && people > 0 ? (size_t)people : 0;
    }
    if (p->listed)
        sort_ids(p);
    p->base.faces = p->listed;
    p->base.label_bound = (uint32_t)p->people;
    return SL_OK;
}

/* The first number that is not below id. */
static size_t place_of(const sl_pg *p, int64_t id)
{
    size_t low = 0, high = p->listed;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (p->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool sl_pg_number_of(const sl_pg *p, int64_t id, size_t *i)
{
    *i = place_of(p, id);
    return *i < p->listed && p->ids[*i] == id;
}

void sl_pg_unlist(sl_pg *p, int64_t id)
{
    size_t i;
    if (!sl_pg_number_of(p, id, &i))
        return;
    memmove(p->ids + i, p->ids + i + 1, (p->listed - i - 1) * sizeof *p->ids);
    p->listed--;
    p->base.faces--;
}

sl_status sl_pg_enlist(sl_pg *p, int64_t id, sl_error *err)
{
    int64_t *ids = p->listed < p->ids_room ? p->ids : sl_realloc_array(p->ids, 2 * p->ids_room + 64, sizeof *ids);
    if (!ids)
        return sl_no_memory(err, "for a face more");
    p->ids_room = p->listed < p->ids_room ? p->ids_room : 2 * p->ids_room + 64;
    p->ids = ids;
    const size_t i = place_of(p, id);
    memmove(ids + i + 1, ids + i, (p->listed - i) * sizeof *ids);
    ids[i] = id;
    p->listed++;
    p->base.faces++;
    return SL_OK;
}
