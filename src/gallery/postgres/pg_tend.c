/* Looking after a gallery in PostgreSQL: what is sound, what is erased, and its notes. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/shard.h"
#include "gallery/postgres/pg_store.h"

/* Asks one shard. */
static const PGresult *ask_one(sl_pg *p, size_t shard, const char *sql, sl_error *err, sl_status *status)
{
    sl_pg_request *asks = calloc(p->links.count, sizeof *asks);
    if (!asks) {
        *status = sl_no_memory(err, "for a question");
        return NULL;
    }
    sl_pg_request *r = &asks[shard * (size_t)p->place.connections];
    r->sql = sql;
    if (strstr(sql, "$1"))
        sl_pg_add_text(r, p->place.gallery);
    sl_pg_ask(&p->links, asks, 0);
    sl_pg_request_free(r);
    free(asks);
    *status = sl_pg_all_answered(&p->links, err);
    return sl_pg_shard(&p->links, shard)->result;
}

/* ---- verify ---- */

static sl_status verify_shard(sl_pg *p, size_t shard, sl_error *err)
{
    sl_status status;
    const PGresult *r =
        ask_one(p, shard, "SELECT face::text, image, fault, count(*) OVER () FROM secondlook.verify($1) LIMIT 1",
                err, &status);
    int64_t count;
    SL_TRY(status);
    if (PQntuples(r) == 0)
        return SL_OK;
    if (!sl_pg_i64(r, 0, 3, &count))
        count = 1;
    return sl_fail(err, SL_ERR_CORRUPT,
                   "%s: face %s (%s): %s%s; SELECT * FROM secondlook.verify('%s') lists all %lld",
                   p->place.names[shard], PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 2),
                   count > 1 ? ", and others" : "", p->place.gallery, (long long)count);
}

/* Is everybody where their hash says? */
static sl_status verify_places(sl_pg *p, size_t shard, sl_error *err)
{
    sl_status status;
    const PGresult *r = ask_one(p, shard, sl_pg_sql(&p->place, "SELECT label FROM %s.person"), err, &status);
    SL_TRY(status);
    for (int row = 0; row < PQntuples(r); row++) {
        const char *label = PQgetvalue(r, row, 0);
        const size_t belongs = sl_shard_of(label, strlen(label), p->place.shards);
        if (belongs != shard)
            return sl_fail(err, SL_ERR_CORRUPT,
                           "%s: \"%.200s\" belongs to shard %zu: is the order of the shards another than before? Else "
                           "copy the gallery into a new one ('secondlook gallery copy')",
                           p->place.names[shard], PQgetvalue(r, row, 0), belongs + 1);
    }
    return SL_OK;
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, 8);
}

/* An image id in two shards: a face that was replaced across them while they failed. */
static sl_status verify_images(sl_pg *p, sl_error *err)
{
    sl_text all = {0};
    sl_pg_request ask = {
        .sql = sl_pg_sql(&p->place,
                         "SELECT string_agg(int8send(hashtextextended(image, 0)), ''::bytea) FROM %s.face")};
    sl_pg_ask_shards(&p->links, &ask, 0);
    SL_TRY(sl_pg_all_answered(&p->links, err));
    for (size_t s = 0; s < p->place.shards; s++) {
        size_t size;
        const uint8_t *hashes = sl_pg_bytes(sl_pg_shard(&p->links, s)->result, 0, 0, &size);
        sl_text_add_bytes(&all, hashes ? (const char *)hashes : "", size);
    }
    bool twice = false;
    if (all.size)
        qsort(all.data, all.size / 8, 8, by_hash);
    for (size_t i = 8; i < all.size; i += 8)
        twice |= memcmp(all.data + i, all.data + i - 8, 8) == 0;
    const bool failed = all.failed;
    free(all.data);
    if (failed)
        return sl_no_memory(err, "to compare image ids");
    return twice ? sl_fail(err, SL_ERR_CORRUPT,
                           "%s: an image id is in two shards: a replacement was cut short; replace the "
                           "photo again",
                           p->place.shown)
                 : SL_OK;
}

sl_status sl_pg_verify(const char *place, sl_progress_fn progress, void *context, sl_error *err)
{
    sl_gallery *g;
    SL_TRY(sl_pg_open(place, SL_GALLERY_READ, NULL, NULL, &g, err));
    sl_pg *p = (sl_pg *)g;
    sl_status status = SL_OK;
    size_t counted = 0;
    for (size_t s = 0; s < p->place.shards && status == SL_OK; s++) {
        status = verify_shard(p, s, err);
        if (status == SL_OK)
            status = verify_places(p, s, err);
        counted += p->shard_faces[s];
        if (status == SL_OK && progress && progress(context, s + 1, p->place.shards))
            status = sl_fail(err, SL_ERR_INTERRUPTED, "%s: interrupted", p->place.shown);
    }
    if (status == SL_OK && counted != p->listed)
        status = sl_fail(err, SL_ERR_CORRUPT,
                         "%s: %zu faces are in two shards: copy the gallery into a new one ('secondlook gallery "
                         "copy')",
                         p->place.shown, counted - p->listed);
    if (status == SL_OK && p->place.shards > 1)
        status = verify_images(p, err);
    sl_gallery_close(g);
    return status;
}

/* ---- compact ---- */

static sl_status compact_shard(sl_pg *p, size_t shard, sl_error *err)
{
    static const char *const steps[] = {
        "SELECT secondlook.repack($1)",
        "VACUUM (ANALYZE) %s.face, %s.template, %s.person, %s.block",
        "VACUUM (ANALYZE) %s.tail, %s.note, %s.gallery",
    };
    sl_status status;
    int64_t kept;
    for (int i = 0; i < 3; i++) {
        ask_one(p, shard, strchr(steps[i], '%') ? sl_pg_sql(&p->place, steps[i]) : steps[i], err, &status);
        SL_TRY(status);
    }
    const PGresult *r = ask_one(p, shard, "SELECT kept FROM secondlook.erase($1)", err, &status);
    SL_TRY(status);
    if (sl_pg_i64(r, 0, 0, &kept) && kept == 0)
        return SL_OK;
    return sl_fail(err, SL_ERR_IO,
                   "%s: an older transaction still sees what was removed, which could not be erased: end it and "
                   "compact again",
                   p->place.names[shard]);
}

sl_status sl_pg_compact(const char *place, sl_progress_fn progress, void *context, sl_error *err)
{
    sl_gallery *g;
    SL_TRY(sl_pg_open(place, SL_GALLERY_WRITE, NULL, NULL, &g, err));
    sl_pg *p = (sl_pg *)g;
    sl_status status = SL_OK;
    for (size_t s = 0; s < p->place.shards && status == SL_OK; s++) {
        status = compact_shard(p, s, err);
        if (status == SL_OK && progress && progress(context, s + 1, p->place.shards))
            status = sl_fail(err, SL_ERR_INTERRUPTED, "%s: interrupted", p->place.shown);
    }
    sl_gallery_close(g);
    return status;
}

/* VACUUM looks after what is left over. */
sl_status sl_pg_leftovers(const char *place, void (*leftover)(void *context, const char *file, uint64_t bytes),
                          void *context, sl_error *err)
{
    (void)place, (void)leftover, (void)context, (void)err;
    return SL_OK;
}

/* ---- notes: of the whole gallery, in the first shard ---- */

static sl_status ask_about_note(sl_pg *p, const char *sql, const char *name, const void *text, size_t size,
                                sl_error *err)
{
    sl_pg_request *asks = calloc(p->links.count, sizeof *asks);
    if (!asks)
        return sl_no_memory(err, "for a note");
    asks[0].sql = sql;
    sl_pg_add_text(&asks[0], name);
    if (text)
        sl_pg_add_bytes(&asks[0], text, size);
    sl_pg_ask(&p->links, asks, 0);
    sl_pg_request_free(&asks[0]);
    free(asks);
    return sl_pg_all_answered(&p->links, err);
}

static sl_status take_note(sl_pg *p, const char *name, size_t most, uint8_t **text, size_t *size, sl_error *err)
{
    const uint8_t *bytes = sl_pg_bytes(p->links.links[0].result, 0, 0, size);
    if (!bytes)
        return sl_fail(err, SL_ERR_NOT_FOUND, "%s/%s: there is none", p->place.shown, name);
    if (*size > most)
        return sl_fail(err, SL_ERR_LIMIT, "%s/%s: larger than %zu bytes", p->place.shown, name, most);
    *text = malloc(*size + 1);
    if (!*text)
        return sl_no_memory(err, "for a note");
    memcpy(*text, bytes, *size);
    (*text)[*size] = 0;
    return SL_OK;
}

sl_status sl_pg_read_note(const sl_gallery *g, const char *name, size_t most, uint8_t **text, size_t *size,
                          sl_error *err)
{
    sl_pg *p = (sl_pg *)g;
    *text = NULL;
    pthread_mutex_lock(&p->lock);
    sl_status status =
        ask_about_note(p, sl_pg_sql(&p->place, "SELECT bytes FROM %s.note WHERE name = $1"), name, NULL, 0, err);
    if (status == SL_OK)
        status = take_note(p, name, most, text, size, err);
    pthread_mutex_unlock(&p->lock);
    return status;
}

sl_status sl_pg_write_note(const sl_gallery *g, const char *name, const void *text, size_t size, sl_error *err)
{
    sl_pg *p = (sl_pg *)g;
    const char *sql = text ? "INSERT INTO %s.note VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET bytes = $2"
                           : "DELETE FROM %s.note WHERE name = $1 RETURNING true";
    pthread_mutex_lock(&p->lock);
    sl_status status = ask_about_note(p, sl_pg_sql(&p->place, sql), name, text, size, err);
    if (status == SL_OK && !text && PQntuples(p->links.links[0].result) == 0)
        status = sl_fail(err, SL_ERR_NOT_FOUND, "%s/%s: there is none", p->place.shown, name);
    pthread_mutex_unlock(&p->lock);
    return status;
}
