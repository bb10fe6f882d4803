/* Adding shards. Who belongs to which of them is a hash of the label (base/shard.h), by which nobody moves but to the
 * new ones. In four steps, each of which can be repeated:
 *
 *     1  faces that belong to a new shard are copied there, while others read and write
 *     2  with the writer's lock: what was removed meanwhile leaves the copies, what was added is copied
 *     3  every shard's row is told how many there are: from now on the gallery is opened with all of them
 *     4  what the old shards have a copy of elsewhere is taken out of them
 *
 * Readers see everybody all the time: a face in two shards is one. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gallery/postgres/pg_store.h"

enum { PAGE = 500 /* faces that travel together */, LOOKED_AT = 10000 /* ids */ };

typedef struct {
    int64_t *ids;
    size_t count;
} id_list;

typedef struct {
    sl_pg *p;
    sl_progress_fn progress;
    void *context;
    size_t done, all; /* faces to be copied */
} moving;

/* ---- asking one shard ---- */

static sl_status ask(sl_pg *p, size_t shard, sl_pg_request *r, const PGresult **out, sl_error *err)
{
    sl_pg_request *asks = calloc(p->links.count, sizeof *asks);
    if (!asks)
        return sl_no_memory(err, "for a question");
    asks[shard * (size_t)p->place.connections] = *r;
    sl_pg_ask(&p->links, asks, 0);
    free(asks);
    sl_pg_request_free(r);
    *out = sl_pg_shard(&p->links, shard)->result;
    return sl_pg_all_answered(&p->links, err);
}

static void add_ids(sl_pg_request *r, const int64_t *ids, size_t count)
{
    sl_text *array = sl_pg_add_array(r, SL_PG_I64, count);
    for (size_t i = 0; i < count; i++)
        sl_pg_element_i64(array, ids[i]);
}

/* The first column of an answer; the caller frees ids. */
static sl_status take_ids(const PGresult *r, id_list *out, sl_error *err)
{
    *out = (id_list){.ids = sl_realloc_array(NULL, (size_t)PQntuples(r) + 1, sizeof *out->ids)};
    if (!out->ids)
        return sl_no_memory(err, "for a list of faces");
    for (int row = 0; row < PQntuples(r); row++)
        out->count += sl_pg_i64(r, row, 0, &out->ids[out->count]);
    return SL_OK;
}

/* Those of the ids that shard `shard` has not. */
static sl_status drop_present(sl_pg *p, size_t shard, id_list *list, sl_error *err)
{
    const PGresult *r;
    sl_pg_request q = {.sql = sl_pg_sql(&p->place, "SELECT id FROM unnest($1) WITH ORDINALITY AS n (id, i) WHERE "
                                                   "NOT EXISTS (SELECT FROM %s.face f WHERE f.id = n.id) ORDER BY i")};
    id_list left;
    add_ids(&q, list->ids, list->count);
    SL_TRY(ask(p, shard, &q, &r, err));
    SL_TRY(take_ids(r, &left, err));
    free(list->ids);
    *list = left;
    return SL_OK;
}

/* The next faces of shard `shard` behind `after` that belong to `to`; not at home: that belong to any other. */
static sl_status next_page(sl_pg *p, size_t shard, size_t to, bool at_home, int64_t after, id_list *out, sl_error *err)
{
    const PGresult *r;
    sl_pg_request q = {.sql = sl_pg_sql(
        &p->place, "SELECT f.id FROM %s.face f JOIN %s.person p ON p.id = f.person WHERE f.id > $1 AND "
                   "(secondlook.shard_of(p.label, $2) = $3) = ($4 = 1) ORDER BY f.id LIMIT $5")};
    sl_pg_add_i64(&q, after);
    sl_pg_add_i32(&q, (int32_t)p->place.shards);
    sl_pg_add_i32(&q, (int32_t)to);
    sl_pg_add_i32(&q, at_home);
    sl_pg_add_i64(&q, PAGE);
    SL_TRY(ask(p, shard, &q, &r, err));
    return take_ids(r, out, err);
}

/* ---- copying ---- */

/* A row's columns behind those of the others: label, image, template, place, landmarks, photo, crop. */
static sl_status add_row(const sl_pg *p, const PGresult *r, int row, sl_text *const columns[7], sl_error *err)
{
    float place[9];
    bool landmarks;
    if (!sl_pg_f32s(r, row, 4, place, 9) || !sl_pg_bool(r, row, 5, &landmarks))
        return sl_fail(err, SL_ERR_CORRUPT, "%s: a face is damaged: 'secondlook gallery verify' tells what is wrong",
                       p->place.shown);
    static const int as_they_are[] = {0, 1, 2, 5, 6}, from[] = {1, 2, 3, 6, 7};
    for (int i = 0; i < 5; i++) {
        size_t size;
        const uint8_t *bytes = sl_pg_bytes(r, row, from[i], &size);
        sl_pg_element(columns[as_they_are[i]], bytes, size);
    }
    for (int i = 0; i < 9; i++)
        sl_pg_element_f32(columns[3], place[i]);
    sl_pg_element_bool(columns[4], landmarks);
    return SL_OK;
}

static sl_status add_rows(const sl_pg *p, const PGresult *r, sl_pg_request *out, sl_error *err)
{
    static const sl_pg_type types[7] = {SL_PG_TEXT, SL_PG_TEXT,  SL_PG_BYTES, SL_PG_F32,
                                        SL_PG_BOOL, SL_PG_BYTES, SL_PG_BYTES};
    const size_t n = (size_t)PQntuples(r);
    sl_text *columns[7];
    id_list ids;
    SL_TRY(take_ids(r, &ids, err));
    out->sql = "SELECT secondlook.change($1, '{}', $2, $3, $4, $5, $6, $7, $8, $9)";
    sl_pg_add_text(out, p->place.gallery);
    for (int i = 0; i < 7; i++)
        columns[i] = sl_pg_add_array(out, types[i], i == 3 ? 9 * n : n);
    add_ids(out, ids.ids, ids.count);
    free(ids.ids);
    for (int row = 0; row < PQntuples(r); row++)
        SL_TRY(add_row(p, r, row, columns, err));
    return SL_OK;
}

/* Faces that may be gone by now: then they are not copied. */
static sl_status copy(sl_pg *p, size_t from, size_t to, const id_list *list, sl_error *err)
{
    const PGresult *r;
    sl_pg_request read = {.sql = sl_pg_sql(
        &p->place, "SELECT f.id, p.label, f.image, t.bytes, f.place, f.landmarks, f.photo, f.crop FROM %s.face f "
                   "JOIN %s.person p ON p.id = f.person JOIN %s.template t ON t.face = f.id "
                   "WHERE f.id = ANY ($1) ORDER BY f.id")};
    add_ids(&read, list->ids, list->count);
    SL_TRY(ask(p, from, &read, &r, err));
    if (PQntuples(r) == 0)
        return SL_OK;
    sl_pg_request write = {0};
    sl_status status = add_rows(p, r, &write, err);
    if (status == SL_OK)
        status = ask(p, to, &write, &r, err);
    else
        sl_pg_request_free(&write);
    return status;
}

static sl_status tell(moving *m, size_t faces, sl_error *err)
{
    m->done += faces;
    if (m->progress && m->progress(m->context, m->done < m->all ? m->done : m->all, m->all))
        return sl_fail(err, SL_ERR_INTERRUPTED, "%s: interrupted; call it again to go on", m->p->place.shown);
    return SL_OK;
}

static sl_status copy_missing(moving *m, size_t from, size_t to, sl_error *err)
{
    int64_t after = INT64_MIN;
    for (size_t found = PAGE; found == PAGE;) {
        id_list page;
        SL_TRY(next_page(m->p, from, to, true, after, &page, err));
        found = page.count;
        after = found ? page.ids[found - 1] : after;
        sl_status status = found ? drop_present(m->p, to, &page, err) : SL_OK;
        if (status == SL_OK && page.count)
            status = copy(m->p, from, to, &page, err);
        free(page.ids);
        SL_TRY(status);
        SL_TRY(tell(m, found, err));
    }
    return SL_OK;
}

static sl_status copy_all(moving *m, sl_error *err)
{
    for (size_t from = 0; from < m->p->fewest; from++)
        for (size_t to = m->p->fewest; to < m->p->place.shards; to++)
            SL_TRY(copy_missing(m, from, to, err));
    return SL_OK;
}

/* ---- what has changed meanwhile ---- */

static sl_status take_out(sl_pg *p, size_t shard, const id_list *list, sl_error *err)
{
    const PGresult *r;
    sl_pg_request gone = {.sql = "SELECT secondlook.remove($1, $2)"};
    sl_pg_add_text(&gone, p->place.gallery);
    add_ids(&gone, list->ids, list->count);
    return ask(p, shard, &gone, &r, err);
}

/* Takes faces out of a new shard that no old one has any more. */
static sl_status drop_stale(sl_pg *p, size_t shard, sl_error *err)
{
    int64_t after = INT64_MIN;
    for (size_t found = LOOKED_AT; found == LOOKED_AT;) {
        const PGresult *r;
        id_list page;
        sl_pg_request q = {.sql = sl_pg_sql(&p->place, "SELECT id FROM %s.face WHERE id > $1 ORDER BY id LIMIT $2")};
        sl_pg_add_i64(&q, after);
        sl_pg_add_i64(&q, LOOKED_AT);
        SL_TRY(ask(p, shard, &q, &r, err));
        SL_TRY(take_ids(r, &page, err));
        found = page.count;
        after = found ? page.ids[found - 1] : after;
        sl_status status = SL_OK;
        for (size_t old = 0; old < p->fewest && page.count && status == SL_OK; old++)
            status = drop_present(p, old, &page, err);
        if (status == SL_OK && page.count)
            status = take_out(p, shard, &page, err);
        free(page.ids);
        SL_TRY(status);
    }
    return SL_OK;
}

static sl_status tell_shards(sl_pg *p, sl_error *err)
{
    sl_pg_request r = {.sql = sl_pg_sql(&p->place, "UPDATE %s.gallery SET shards = $1, faces_told = '{}'")};
    sl_pg_add_i32(&r, (int32_t)p->place.shards);
    sl_pg_ask_shards(&p->links, &r, 0);
    sl_pg_request_free(&r);
    return sl_pg_all_answered(&p->links, err);
}

/* ---- what is left behind ---- */

static sl_status drop_moved(sl_pg *p, size_t shard, sl_error *err)
{
    int64_t after = INT64_MIN;
    for (size_t found = PAGE; found == PAGE;) {
        id_list page;
        SL_TRY(next_page(p, shard, shard, false, after, &page, err));
        found = page.count;
        after = found ? page.ids[found - 1] : after;
        sl_status status = found ? take_out(p, shard, &page, err) : SL_OK;
        free(page.ids);
        SL_TRY(status);
    }
    return SL_OK;
}

/* ---- all of it ---- */

static sl_status count_faces(moving *m, sl_error *err)
{
    for (size_t s = 0; s < m->p->fewest; s++) {
        const PGresult *r;
        int64_t n;
        sl_pg_request q = {.sql = sl_pg_sql(&m->p->place,
                                            "SELECT count(*) FROM %s.face f JOIN %s.person p ON p.id = f.person "
                                            "WHERE secondlook.shard_of(p.label, $1) >= $2")};
        sl_pg_add_i32(&q, (int32_t)m->p->place.shards);
        sl_pg_add_i32(&q, (int32_t)m->p->fewest);
        SL_TRY(ask(m->p, s, &q, &r, err));
        m->all += sl_pg_i64(r, 0, 0, &n) ? (size_t)n : 0;
    }
    return SL_OK;
}

static sl_status move(moving *m, sl_error *err)
{
    SL_TRY(count_faces(m, err));
    SL_TRY(copy_all(m, err));
    SL_TRY(sl_pg_lock(m->p, err));
    for (size_t s = m->p->fewest; s < m->p->place.shards; s++)
        SL_TRY(drop_stale(m->p, s, err));
    m->done = 0;
    SL_TRY(copy_all(m, err));
    return tell_shards(m->p, err);
}

sl_status sl_pg_rebalance(const char *place, sl_progress_fn progress, void *context, sl_error *err)
{
    moving m = {.progress = progress, .context = context};
    SL_TRY(sl_pg_open_growing(place, &m.p, err));
    sl_status status = SL_OK;
    if (m.p->fewest < m.p->place.shards) {
        status = move(&m, err);
        sl_gallery_close(&m.p->base); /* with it the lock */
        SL_TRY(status);
        SL_TRY(sl_pg_open_growing(place, &m.p, err));
    }
    for (size_t s = 0; s < m.p->place.shards && status == SL_OK; s++)
        status = drop_moved(m.p, s, err);
    sl_gallery_close(&m.p->base);
    return status;
}
