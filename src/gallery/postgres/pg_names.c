/* What a writer knows without asking: 64 bits of the SHA-256 of every image id and of every photo that a shard has. Who
 * is not among them is not there, which is what most questions of an enrolment are about; all others are asked for.
 * Nobody else adds while this handle has the lock. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/sha256.h"
#include "gallery/postgres/pg_store.h"

enum { MANY = 64 /* questions, from which on it is worth reading all names */ };

uint64_t sl_pg_name_of(const char *image)
{
    uint8_t digest[32];
    sl_sha256_of(image, strlen(image), digest);
    return sl_get_u64(digest);
}

/* ---- a set of numbers, open addressing ---- */

static size_t slot_of(const sl_pg_names *n, uint64_t name)
{
    size_t at = (size_t)name & (n->capacity - 1);
    while (n->slots[at] && n->slots[at] != name)
        at = (at + 1) & (n->capacity - 1);
    return at;
}

/* Room for `count` numbers in all. */
static bool grow(sl_pg_names *n, size_t count)
{
    sl_pg_names larger = {.capacity = n->capacity ? n->capacity : 1024};
    while (larger.capacity < 2 * count)
        larger.capacity *= 2;
    if (larger.capacity == n->capacity)
        return true;
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < n->capacity; i++)
        if (n->slots[i])
            larger.slots[slot_of(&larger, n->slots[i])] = n->slots[i];
    free(n->slots);
    n->slots = larger.slots;
    n->capacity = larger.capacity;
    return true;
}

static bool insert(sl_pg_names *n, uint64_t name)
{
    if (!grow(n, n->count + 1))
        return false;
    const size_t at = slot_of(n, name); /* a name of 0 is always asked for */
    n->count += !n->slots[at];
    n->slots[at] = name;
    return true;
}

/* ---- the gallery's ---- */

static bool take(sl_pg_names *n, const PGresult *r, int column)
{
    size_t size = 0;
    const uint8_t *bytes = sl_pg_bytes(r, 0, column, &size);
    bool done = !bytes || grow(n, n->count + size / 8);
    for (size_t at = 0; done && bytes && at < size / 8 * 8; at += 8)
        done = insert(n, sl_get_u64(bytes + at));
    return done;
}

/* Where this fails, for want of memory or of a shard, every name is asked for, as before. */
static void read_names(sl_pg *p)
{
    sl_pg_request ask = {
        .sql = sl_pg_sql(&p->place, "SELECT string_agg(substr(sha256(convert_to(image, 'UTF8')), 1, 8), ''::bytea), "
                                    "string_agg(substr(photo, 1, 8), ''::bytea) FROM %s.face")};
    sl_pg_ask_shards(&p->links, &ask, 0);
    bool done = sl_pg_all_answered(&p->links, NULL) == SL_OK;
    for (size_t s = 0; done && s < p->place.shards; s++)
        for (int column = 0; done && column < 2; column++)
            done = take(&p->names, sl_pg_shard(&p->links, s)->result, column);
    p->names.ready = done;
    p->names.asked = 0;
}

bool sl_pg_may_be_there(sl_pg *p, uint64_t name)
{
    sl_pg_names *n = &p->names;
    if (p->base.writable && !n->ready && ++n->asked > MANY)
        read_names(p);
    return !n->ready || !name || (n->capacity && n->slots[slot_of(n, name)]);
}

void sl_pg_names_add(sl_pg_names *n, uint64_t name)
{
    if (n->ready)
        n->ready = insert(n, name);
}
