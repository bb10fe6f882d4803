/* Batches: what was added since the last commit goes to the shards of its people in one transaction each. All of them
 * are ready before the first is committed. A transaction that only adds is committed before one that also takes out,
 * so that a face that moves from one shard to another may be there twice for a moment, and never not at all. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/shard.h"
#include "gallery/postgres/pg_store.h"

enum { CHUNK_BYTES = 32 << 20 /* of templates and crops in one statement */ };

/* ---- in memory ---- */

static sl_status note_removed(sl_pg *p, int64_t id, sl_error *err)
{
    int64_t *removed = sl_realloc_array(p->removed, p->removed_count + 1, sizeof *removed);
    if (!removed)
        return sl_no_memory(err, "for a face that is replaced");
    p->removed = removed;
    removed[p->removed_count++] = id;
    return SL_OK;
}

static int by_number(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

sl_status sl_pg_replace(sl_gallery *g, const size_t *old, size_t count, const sl_new_face *face, sl_error *err)
{
    sl_pg *p = (sl_pg *)g;
    size_t *sorted = sl_realloc_array(NULL, count + 1, sizeof *sorted), listed = 0;
    if (!sorted)
        return sl_no_memory(err, "for a face more");
    memcpy(sorted, old, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_number);
    while (listed < count && sorted[listed] < p->listed)
        listed++;
    for (size_t i = listed; i < count; i++)
        sorted[i] -= p->listed;
    const size_t before = p->removed_count;
    sl_status status = SL_OK;
    for (size_t i = 0; i < listed && status == SL_OK; i++)
        status = note_removed(p, p->ids[sorted[i]], err);
    if (status == SL_OK)
        status = p->pending->kind->replace(p->pending, sorted + listed, count - listed, face, err);
    if (status == SL_OK)
        for (size_t i = before; i < p->removed_count; i++)
            sl_pg_unlist(p, p->removed[i]);
    else
        p->removed_count = before;
    g->faces = p->listed + p->pending->faces;
    g->label_bound = (uint32_t)(p->people + p->cache.labels_count + p->pending->faces);
    free(sorted);
    return status;
}

/* ---- one statement ---- */

/* A pending face's template as the database keeps it: bytes [embedding, patch row]. */
static sl_status lay_template(const sl_pg *p, size_t i, uint8_t *bytes, sl_error *err)
{
    const sl_row_layout l = sl_patch_row_layout(&p->shape);
    const size_t embedding = (size_t)p->shape.dim * sizeof(float);
    uint8_t *row = bytes + embedding;
    const float *of_face;
    sl_patch_source source;
    const sl_point *landmarks;
    SL_TRY(p->pending->kind->embedding(p->pending, i, &of_face, err));
    SL_TRY(p->pending->kind->patches(p->pending, i, &source, err));
    SL_TRY(p->pending->kind->landmarks(p->pending, i, &landmarks, err));
    memcpy(bytes, of_face, embedding);
    memset(row, 0, l.stride);
    const void *patches = source.patches_i8    ? (const void *)source.patches_i8
                          : source.patches_f32 ? (const void *)source.patches_f32
                                               : source.codes;
    if (patches)
        memcpy(row, patches, l.patches_bytes);
    if (source.patch_scales)
        memcpy(row + l.scales_at, source.patch_scales,
               (size_t)p->shape.rows * (size_t)p->shape.cols * sizeof(float));
    if (landmarks)
        memcpy(row + l.landmarks_at, landmarks, 68 * sizeof *landmarks);
    return SL_OK;
}

typedef struct {
    sl_text *labels, *images, *templates, *places, *landmarks, *photos, *crops, *ids;
} columns;

static sl_status add_face(const sl_pg *p, const columns *c, size_t i, int64_t id, uint8_t *bytes, sl_error *err)
{
    const size_t size = (size_t)p->shape.dim * sizeof(float) + sl_patch_row_layout(&p->shape).stride;
    sl_entry e;
    const uint8_t *crop = NULL;
    size_t crop_size = 0;
    SL_TRY(p->pending->kind->entry(p->pending, i, &e, err));
    SL_TRY(lay_template(p, i, bytes, err));
    if (e.has_crop)
        SL_TRY(p->pending->kind->crop(p->pending, i, &crop, &crop_size, err));
    const float place[9] = {e.box.x0,       e.box.y0,           e.box.x1,
                            e.box.y1,       e.quality.size,     e.quality.sharpness,
                            e.quality.pose, e.quality.detector, e.quality.overall};
    sl_pg_element(c->labels, e.label, strlen(e.label));
    sl_pg_element(c->images, e.image, strlen(e.image));
    sl_pg_element(c->templates, bytes, size);
    for (int n = 0; n < 9; n++)
        sl_pg_element_f32(c->places, place[n]);
    sl_pg_element_bool(c->landmarks, e.has_landmarks);
    sl_pg_element(c->photos, e.photo_sha256, 32);
    sl_pg_element(c->crops, crop, crop_size);
    sl_pg_element_i64(c->ids, id);
    return SL_OK;
}

/* One shard's part of a commit, on its way. */
typedef struct {
    size_t *faces;            /* [count] numbers among the pending ones */
    size_t count, sent, most; /* most: in one statement */
} shard_part;

/* The next statement of a shard: faces sent .. of its part, and with the first of them what is removed. */
static sl_status make_statement(const sl_pg *p, shard_part *part, const int64_t *ids, bool first,
                                sl_pg_request *out, sl_error *err)
{
    const size_t n = part->count - part->sent < part->most ? part->count - part->sent : part->most;
    const size_t removed = first ? p->removed_count : 0;
    if (!n && !removed)
        return SL_OK;
    uint8_t *bytes = malloc((size_t)p->shape.dim * sizeof(float) + sl_patch_row_layout(&p->shape).stride);
    if (!bytes)
        return sl_no_memory(err, "for a batch of faces");
    out->sql = "SELECT secondlook.change($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    sl_pg_add_text(out, p->place.gallery);
    sl_text *gone = sl_pg_add_array(out, SL_PG_I64, removed);
    for (size_t i = 0; i < removed; i++)
        sl_pg_element_i64(gone, p->removed[i]);
    columns c;
    c.labels = sl_pg_add_array(out, SL_PG_TEXT, n);
    c.images = sl_pg_add_array(out, SL_PG_TEXT, n);
    c.templates = sl_pg_add_array(out, SL_PG_BYTES, n);
    c.places = sl_pg_add_array(out, SL_PG_F32, 9 * n);
    c.landmarks = sl_pg_add_array(out, SL_PG_BOOL, n);
    c.photos = sl_pg_add_array(out, SL_PG_BYTES, n);
    c.crops = sl_pg_add_array(out, SL_PG_BYTES, n);
    c.ids = sl_pg_add_array(out, SL_PG_I64, n);
    sl_status status = SL_OK;
    for (size_t i = part->sent; i < part->sent + n && status == SL_OK; i++)
        status = add_face(p, &c, part->faces[i], ids[part->faces[i]], bytes, err);
    part->sent += n;
    free(bytes);
    return status;
}

/* ---- a commit ---- */

typedef struct {
    shard_part *parts; /* [shards] */
    int64_t *ids;      /* [pending] */
    sl_pg_request *asks;
} commit_work;

static void free_work(sl_pg *p, commit_work *w)
{
    for (size_t s = 0; w->parts && s < p->place.shards; s++)
        free(w->parts[s].faces);
    for (size_t i = 0; w->asks && i < p->links.count; i++)
        sl_pg_request_free(&w->asks[i]);
    free(w->parts);
    free(w->ids);
    free(w->asks);
}

static sl_pg_request *ask_of(const sl_pg *p, const commit_work *w, size_t shard)
{
    return &w->asks[shard * (size_t)p->place.connections];
}

static sl_status send(sl_pg *p, commit_work *w, sl_error *err)
{
    sl_pg_ask(&p->links, w->asks, 0);
    for (size_t i = 0; i < p->links.count; i++)
        sl_pg_request_free(&w->asks[i]);
    return sl_pg_all_answered(&p->links, err);
}

/* Does the shard take part in this commit? What is removed may be anywhere. */
static bool takes_part(const sl_pg *p, const commit_work *w, size_t shard)
{
    return w->parts[shard].count > 0 || p->removed_count > 0;
}

/* The same words to all shards that take part; adding: those that only add (0), that also remove (1), all (-1). */
static sl_status say(sl_pg *p, commit_work *w, const char *sql, sl_error *err)
{
    for (size_t s = 0; s < p->place.shards; s++)
        if (takes_part(p, w, s))
            ask_of(p, w, s)->sql = sql;
    return send(p, w, err);
}

/* Numbers for the faces: the first shard's sequence, so that their order is the gallery's. */
static sl_status number_faces(sl_pg *p, commit_work *w, sl_error *err)
{
    const size_t n = p->pending->faces;
    size_t size;
    if (!n)
        return SL_OK;
    sl_pg_request *r = &w->asks[0];
    r->sql =
        sl_pg_sql(&p->place, "SELECT string_agg(int8send(id), ''::bytea ORDER BY id) "
                             "FROM (SELECT nextval('%s.face_id') AS id FROM generate_series(1, $1::int)) AS n");
    sl_pg_add_i32(r, (int32_t)n);
    SL_TRY(send(p, w, err));
    const uint8_t *bytes = sl_pg_bytes(p->links.links[0].result, 0, 0, &size);
    if (!bytes || size != 8 * n)
        return sl_fail(err, SL_ERR_CORRUPT, "%s: the first shard gives no numbers for faces", p->place.shown);
    for (size_t i = 0; i < n; i++)
        for (int b = 0; b < 8; b++)
            w->ids[i] = (int64_t)((uint64_t)w->ids[i] << 8 | bytes[8 * i + (size_t)b]);
    return SL_OK;
}

static sl_status share_faces(sl_pg *p, commit_work *w, sl_error *err)
{
    const size_t shards = p->place.shards, n = p->pending->faces;
    const size_t each = (size_t)p->shape.dim * sizeof(float) + sl_patch_row_layout(&p->shape).stride + 8192;
    w->parts = calloc(shards, sizeof *w->parts);
    w->ids = calloc(n + 1, sizeof *w->ids);
    w->asks = calloc(p->links.count, sizeof *w->asks);
    if (!w->parts || !w->ids || !w->asks)
        return sl_no_memory(err, "for a batch of faces");
    for (size_t s = 0; s < shards; s++) {
        w->parts[s].most = CHUNK_BYTES / each ? CHUNK_BYTES / each : 1;
        w->parts[s].faces = calloc(n + 1, sizeof *w->parts[s].faces);
        if (!w->parts[s].faces)
            return sl_no_memory(err, "for a batch of faces");
    }
    for (size_t i = 0; i < n; i++) {
        sl_entry e;
        SL_TRY(p->pending->kind->entry(p->pending, i, &e, err));
        shard_part *part = &w->parts[sl_shard_of(e.label, strlen(e.label), shards)];
        part->faces[part->count++] = i;
    }
    return SL_OK;
}

static sl_status send_faces(sl_pg *p, commit_work *w, sl_error *err)
{
    bool more = true;
    for (bool first = true; more; first = false) {
        more = false;
        for (size_t s = 0; s < p->place.shards; s++) {
            SL_TRY(make_statement(p, &w->parts[s], w->ids, first, ask_of(p, w, s), err));
            more |= w->parts[s].sent < w->parts[s].count;
        }
        SL_TRY(send(p, w, err));
    }
    return SL_OK;
}

/* Connections of a transaction are not made again: what was begun on them is lost with them. */
static void bind_links(sl_pg *p, bool bound)
{
    for (size_t s = 0; s < p->place.shards; s++)
        sl_pg_shard(&p->links, s)->once_only = bound || s == 0;
}

/* Those with additions first, then those that only take out. */
static sl_status commit_shards(sl_pg *p, commit_work *w, sl_error *err)
{
    for (int adds = 1; adds >= 0; adds--) {
        for (size_t s = 0; s < p->place.shards; s++)
            if (takes_part(p, w, s) && (w->parts[s].count > 0) == (adds == 1))
                ask_of(p, w, s)->sql = "COMMIT";
        SL_TRY(send(p, w, err));
    }
    return SL_OK;
}

static void tell_counts(sl_pg *p, commit_work *w)
{
    for (size_t s = 0; s < p->place.shards; s++)
        p->shard_faces[s] += w->parts[s].count;
    for (size_t s = 0; s < p->place.shards; s++) {
        sl_pg_request *r = ask_of(p, w, s);
        r->sql = sl_pg_sql(&p->place, "UPDATE %s.gallery SET faces_told = $1");
        sl_text *counts = sl_pg_add_array(r, SL_PG_I64, p->place.shards);
        for (size_t i = 0; i < p->place.shards; i++)
            sl_pg_element_i64(counts, (int64_t)p->shard_faces[i]);
    }
    send(p, w, NULL); /* of use where a shard is silent; nothing depends on it */
}

static sl_status write_batch(sl_pg *p, commit_work *w, bool *unsure, sl_error *err)
{
    SL_TRY(share_faces(p, w, err));
    SL_TRY(number_faces(p, w, err));
    bind_links(p, true);
    sl_status status = say(p, w, "BEGIN", err);
    if (status == SL_OK)
        status = send_faces(p, w, err);
    if (status != SL_OK) {
        for (size_t i = 0; i < p->links.count; i++)
            sl_pg_request_free(&w->asks[i]);
        say(p, w, "ROLLBACK", NULL);
        bind_links(p, false);
        return status;
    }
    status = commit_shards(p, w, err);
    *unsure = status != SL_OK;
    bind_links(p, false);
    return status;
}

/* The faces that were to be taken out are there still, and those that were added are not. */
static sl_status take_back(sl_pg *p)
{
    for (size_t i = 0; i < p->removed_count; i++)
        SL_TRY(sl_pg_enlist(p, p->removed[i], NULL));
    p->removed_count = 0;
    SL_TRY(sl_pg_new_pending(p, NULL));
    p->base.faces = p->listed;
    return SL_OK;
}

static sl_status take_over(sl_pg *p, const int64_t *ids, sl_error *err)
{
    const size_t n = p->pending->faces;
    for (size_t i = 0; i < n; i++) {
        sl_entry e;
        SL_TRY(p->pending->kind->entry(p->pending, i, &e, err));
        sl_pg_names_add(&p->names, sl_pg_name_of(e.image));
        if (e.photo_sha256)
            sl_pg_names_add(&p->names, sl_get_u64(e.photo_sha256));
    }
    p->removed_count = 0;
    p->base.faces = p->listed;
    for (size_t i = 0; i < n; i++)
        SL_TRY(sl_pg_enlist(p, ids[i], err));
    p->people += n; /* at most */
    return sl_pg_new_pending(p, err);
}

sl_status sl_pg_commit(sl_gallery *g, sl_error *err)
{
    sl_pg *p = (sl_pg *)g;
    commit_work w = {0};
    bool unsure = false;
    if (p->pending->faces == 0 && p->removed_count == 0)
        return SL_OK;
    pthread_mutex_lock(&p->lock);
    sl_status status = write_batch(p, &w, &unsure, err);
    if (status == SL_OK)
        tell_counts(p, &w);
    if (unsure)
        g->broken = "a shard did not answer whether it committed";
    if (status == SL_OK)
        status = take_over(p, w.ids, err);
    else if (take_back(p) != SL_OK)
        g->broken = "there was no memory to undo a batch";
    pthread_mutex_unlock(&p->lock);
    free_work(p, &w);
    return status;
}

/* ---- removing ---- */

sl_status sl_pg_remove(sl_gallery *g, const char *image, const char *label, size_t *removed, sl_error *err)
{
    sl_pg *p = (sl_pg *)g;
    const char *names[] = {image, label};
    sl_pg_request ask = {.sql = "SELECT secondlook.remove_named($1, $2, $3)"};
    *removed = 0;
    sl_pg_add_text(&ask, p->place.gallery);
    for (int i = 0; i < 2; i++)
        if (names[i])
            sl_pg_add_text(&ask, names[i]);
        else
            sl_pg_add_null(&ask);
    pthread_mutex_lock(&p->lock);
    sl_pg_ask_shards(&p->links, &ask, 0);
    for (size_t s = 0; s < p->place.shards; s++) {
        const PGresult *r = sl_pg_shard(&p->links, s)->result;
        for (int row = 0; row < PQntuples(r); row++) {
            int64_t id;
            if (!sl_pg_i64(r, row, 0, &id))
                continue;
            sl_pg_unlist(p, id);
            p->shard_faces[s] -= p->shard_faces[s] > 0;
            ++*removed;
        }
    }
    sl_status status = sl_pg_all_answered(&p->links, err);
    pthread_mutex_unlock(&p->lock);
    sl_pg_request_free(&ask);
    return status;
}
