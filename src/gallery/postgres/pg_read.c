/* Faces, read as they are asked for: a face that is not here is fetched together with those that will be asked for
 * next. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "gallery/postgres/pg_store.h"

enum { AHEAD = 256 /* faces that are fetched together */, MANY = 8192 /* where all are */ };

#define ENTRY_COLUMNS "p.label, f.image, f.place, f.landmarks, f.photo, f.crop IS NOT NULL"

static sl_pg *store_of(const sl_gallery *g)
{
    return (sl_pg *)g; /* what was read is no part of what a caller can see */
}

static bool is_pending(const sl_pg *p, size_t i)
{
    return i >= p->listed;
}

/* ---- entries ---- */

static sl_status damaged(const sl_pg *p, int64_t id, sl_error *err)
{
    return sl_fail(err, SL_ERR_CORRUPT,
                   "%s: face %lld is damaged: 'secondlook gallery verify' tells what is wrong", p->place.shown,
                   (long long)id);
}

/* Copies the image's id and the photo's hash, which are the face's own. */
static bool hold_strings(sl_pg_face *f, const uint8_t *image, size_t image_size, const uint8_t *photo)
{
    f->held = malloc(image_size + 1 + 32);
    if (!f->held)
        return false;
    memcpy(f->held, image, image_size);
    f->held[image_size] = 0;
    f->entry.image = f->held;
    f->entry.photo_sha256 = photo ? memcpy(f->held + image_size + 1, photo, 32) : NULL;
    return true;
}

sl_status sl_pg_take_entry(sl_pg *p, const PGresult *r, int row, int first, int64_t id, sl_error *err)
{
    sl_pg_face *f = sl_pg_cache_place(&p->cache, id);
    float place[9];
    bool landmarks, has_crop;
    size_t label_size, image_size, photo_size;
    if (!f)
        return sl_no_memory(err, "for a face's entry");
    if (f->known)
        return SL_OK;
    const uint8_t *label = sl_pg_bytes(r, row, first, &label_size),
                  *image = sl_pg_bytes(r, row, first + 1, &image_size),
                  *photo = sl_pg_bytes(r, row, first + 4, &photo_size);
    if (!label || !image || !sl_pg_f32s(r, row, first + 2, place, 9) ||
        !sl_pg_bool(r, row, first + 3, &landmarks) || !sl_pg_bool(r, row, first + 5, &has_crop) ||
        (photo && photo_size != 32))
        return damaged(p, id, err);
    if (!sl_pg_cache_label(&p->cache, (const char *)label, &f->label) ||
        !hold_strings(f, image, image_size, photo))
        return sl_no_memory(err, "for a face's entry");
    f->entry.label = p->cache.labels[f->label];
    f->entry.box = (sl_box){place[0], place[1], place[2], place[3]};
    f->entry.quality = (sl_quality){place[4], place[5], place[6], place[7], place[8]};
    f->entry.has_landmarks = landmarks;
    f->entry.has_crop = has_crop;
    f->known = true;
    if (p->base.label_bound < p->cache.labels_count)
        p->base.label_bound = (uint32_t)p->cache.labels_count;
    return SL_OK;
}

/* Asks all shards about `count` faces from number `first` of the list on. */
static void ask_about(sl_pg *p, const char *format, const int64_t *ids, size_t count)
{
    sl_pg_request ask = {.sql = sl_pg_sql(&p->place, format)};
    sl_text *array = sl_pg_add_array(&ask, SL_PG_I64, count);
    for (size_t i = 0; i < count; i++)
        sl_pg_element_i64(array, ids[i]);
    sl_pg_ask_shards(&p->links, &ask, p->base.writable ? 0 : p->place.deadline);
    sl_pg_request_free(&ask);
}

static sl_status fetch_entries(sl_pg *p, const int64_t *ids, size_t count, sl_error *err)
{
    ask_about(p,
              "SELECT f.id, " ENTRY_COLUMNS
              " FROM %s.face f JOIN %s.person p ON p.id = f.person WHERE f.id = ANY ($1)",
              ids, count);
    for (size_t s = 0; s < p->place.shards; s++) {
        const PGresult *r = sl_pg_shard(&p->links, s)->result;
        for (int row = 0; row < PQntuples(r); row++) {
            int64_t id;
            if (sl_pg_i64(r, row, 0, &id))
                SL_TRY(sl_pg_take_entry(p, r, row, 1, id, err));
        }
    }
    return SL_OK;
}

/* What a face that a shard should have, and has not, means: the shard is silent, or the face is gone. */
static sl_status missing(const sl_pg *p, int64_t id, sl_error *err)
{
    SL_TRY(sl_pg_all_answered(&p->links, err));
    return sl_fail(err, SL_ERR_NOT_FOUND, "%s: face %lld was removed since the gallery was opened: open it again",
                   p->place.shown, (long long)id);
}

/* With the lock. */
static sl_status entry_of(sl_pg *p, size_t i, sl_pg_face **out, sl_error *err)
{
    *out = sl_pg_cached(&p->cache, p->ids[i]);
    if (*out && (*out)->known)
        return SL_OK;
    SL_TRY(fetch_entries(p, p->ids + i, p->listed - i < AHEAD ? p->listed - i : AHEAD, err));
    *out = sl_pg_cached(&p->cache, p->ids[i]);
    return *out && (*out)->known ? SL_OK : missing(p, p->ids[i], err);
}

sl_status sl_pg_entry(const sl_gallery *g, size_t i, sl_entry *out, sl_error *err)
{
    sl_pg *p = store_of(g);
    sl_pg_face *f;
    if (is_pending(p, i))
        return p->pending->kind->entry(p->pending, i - p->listed, out, err);
    pthread_mutex_lock(&p->lock);
    sl_status status = entry_of(p, i, &f, err);
    if (status == SL_OK)
        *out = f->entry;
    pthread_mutex_unlock(&p->lock);
    return status;
}

uint32_t sl_pg_label_id(const sl_gallery *g, size_t i)
{
    sl_pg *p = store_of(g);
    sl_entry entry;
    uint32_t number = 0;
    if (sl_pg_entry(g, i, &entry, NULL) != SL_OK)
        return 0; /* nobody meets it who has asked for the entry before */
    pthread_mutex_lock(&p->lock);
    if (!sl_pg_cache_label(&p->cache, entry.label, &number))
        number = 0;
    pthread_mutex_unlock(&p->lock);
    return number;
}

/* ---- templates ---- */

static sl_status take_template(sl_pg *p, const PGresult *r, int row, sl_error *err)
{
    int64_t id;
    size_t size;
    const size_t embedding = (size_t)p->shape.dim * sizeof(float);
    const uint8_t *bytes = sl_pg_bytes(r, row, 1, &size);
    sl_pg_face *f = sl_pg_i64(r, row, 0, &id) ? sl_pg_cache_place(&p->cache, id) : NULL;
    if (!f)
        return sl_no_memory(err, "for a face's template");
    if (f->template)
        return SL_OK;
    if (size != embedding + p->row_bytes - p->row_at || !sl_embedding_sound(bytes, p->shape.dim) ||
        !sl_patch_row_sound(bytes + embedding, &p->shape))
        return SL_OK; /* it is not here: whoever asks for it is told */
    uint8_t *copy = sl_calloc_aligned(p->row_bytes, 1);
    if (!copy)
        return sl_no_memory(err, "for a face's template");
    memcpy(copy, bytes, embedding);
    memcpy(copy + p->row_at, bytes + embedding, size - embedding);
    return sl_pg_cache_template(&p->cache, f, copy, p->row_bytes) ? SL_OK
                                                                  : sl_no_memory(err, "for a face's template");
}

static sl_status fetch_templates(sl_pg *p, const int64_t *ids, size_t count, sl_error *err)
{
    ask_about(p, "SELECT face, bytes FROM %s.template WHERE face = ANY ($1) AND secondlook.crc(bytes) = crc", ids,
              count);
    for (size_t s = 0; s < p->place.shards; s++) {
        const PGresult *r = sl_pg_shard(&p->links, s)->result;
        for (int row = 0; row < PQntuples(r); row++)
            SL_TRY(take_template(p, r, row, err));
    }
    return SL_OK;
}

/* Fetches the face's template with those that are expected behind it; where it is not expected, with those that come
 * after it in the list. */
static sl_status fetch_with_others(sl_pg *p, size_t i, sl_error *err)
{
    int64_t wanted[AHEAD];
    size_t at = p->expected_count, count = 0;
    while (at > 0 && p->expected[at - 1] != p->ids[i])
        at--;
    if (at == 0)
        return fetch_templates(p, p->ids + i, p->listed - i < AHEAD ? p->listed - i : AHEAD, err);
    for (at--; at < p->expected_count && count < AHEAD; at++) {
        const sl_pg_face *f = sl_pg_cached(&p->cache, p->expected[at]);
        if (!f || !f->template)
            wanted[count++] = p->expected[at];
    }
    return fetch_templates(p, wanted, count, err);
}

/* With the lock. */
static sl_status template_of(sl_pg *p, size_t i, const uint8_t **out, sl_error *err)
{
    const sl_pg_face *f = sl_pg_cached(&p->cache, p->ids[i]);
    *out = NULL;
    if (!f || !f->template) {
        SL_TRY(fetch_with_others(p, i, err));
        f = sl_pg_cached(&p->cache, p->ids[i]);
    }
    if (!f || !f->template) {
        sl_pg_face *there;
        SL_TRY(entry_of(p, i, &there, err));
        SL_TRY(sl_pg_all_answered(&p->links, err));
        return damaged(p, p->ids[i], err);
    }
    *out = f->template;
    return SL_OK;
}

static sl_status read_template(const sl_gallery *g, size_t i, const uint8_t **out, sl_error *err)
{
    sl_pg *p = store_of(g);
    pthread_mutex_lock(&p->lock);
    sl_status status = template_of(p, i, out, err);
    pthread_mutex_unlock(&p->lock);
    return status;
}

sl_status sl_pg_embedding(const sl_gallery *g, size_t i, const float **out, sl_error *err)
{
    const sl_pg *p = store_of(g);
    const uint8_t *bytes;
    if (is_pending(p, i))
        return p->pending->kind->embedding(p->pending, i - p->listed, out, err);
    SL_TRY(read_template(g, i, &bytes, err));
    *out = (const float *)bytes;
    return SL_OK;
}

sl_status sl_pg_patches(const sl_gallery *g, size_t i, sl_patch_source *out, sl_error *err)
{
    const sl_pg *p = store_of(g);
    const uint8_t *bytes;
    if (is_pending(p, i))
        return p->pending->kind->patches(p->pending, i - p->listed, out, err);
    SL_TRY(read_template(g, i, &bytes, err));
    *out = sl_patch_row_source(bytes + p->row_at, &p->shape);
    return SL_OK;
}

sl_status sl_pg_landmarks(const sl_gallery *g, size_t i, const sl_point **out, sl_error *err)
{
    const sl_pg *p = store_of(g);
    const uint8_t *bytes;
    sl_entry entry;
    *out = NULL;
    if (is_pending(p, i))
        return p->pending->kind->landmarks(p->pending, i - p->listed, out, err);
    SL_TRY(sl_pg_entry(g, i, &entry, err));
    if (!entry.has_landmarks)
        return SL_OK;
    SL_TRY(read_template(g, i, &bytes, err));
    *out = sl_patch_row_landmarks(bytes + p->row_at, &p->shape);
    return SL_OK;
}

/* ---- all embeddings ---- */

static sl_status take_embeddings(sl_pg *p, const PGresult *r, size_t *taken, sl_error *err)
{
    const size_t each = (size_t)p->shape.dim * sizeof(float);
    for (int row = 0; row < PQntuples(r); row++) {
        int64_t id;
        size_t size, i;
        const uint8_t *bytes = sl_pg_bytes(r, row, 1, &size);
        if (!sl_pg_i64(r, row, 0, &id) || !sl_pg_number_of(p, id, &i))
            continue;
        if (!bytes || size != each || !sl_embedding_sound(bytes, p->shape.dim))
            return damaged(p, id, err);
        memcpy(p->embeddings + i * (size_t)p->shape.dim, bytes, each);
        ++*taken;
    }
    return SL_OK;
}

static sl_status fetch_embeddings(sl_pg *p, sl_error *err)
{
    size_t taken = 0;
    for (size_t i = 0, n; i < p->listed; i += n) {
        n = p->listed - i < MANY ? p->listed - i : MANY;
        ask_about(p,
                  "SELECT t.face, substr(t.bytes, 1, 4 * g.dim) FROM %s.template t, %s.gallery g "
                  "WHERE t.face = ANY ($1) AND secondlook.crc(t.bytes) = t.crc",
                  p->ids + i, n);
        for (size_t s = 0; s < p->place.shards; s++)
            SL_TRY(take_embeddings(p, sl_pg_shard(&p->links, s)->result, &taken, err));
        SL_TRY(sl_pg_all_answered(&p->links, err));
        SL_TRY(fetch_entries(p, p->ids + i, n, err));
        SL_TRY(sl_pg_all_answered(&p->links, err));
    }
    if (taken != p->listed)
        return sl_fail(err, SL_ERR_CORRUPT,
                       "%s: %zu of %zu faces are damaged, or were removed since the gallery was opened: "
                       "'secondlook gallery verify' tells what is wrong",
                       p->place.shown, p->listed - taken, p->listed);
    return SL_OK;
}

sl_status sl_pg_embeddings(sl_gallery *g, const float **out, sl_error *err)
{
    sl_pg *p = store_of(g);
    const float *added;
    const size_t dim = (size_t)p->shape.dim;
    free(p->embeddings);
    p->embeddings = sl_calloc_aligned(g->faces, dim * sizeof *p->embeddings);
    if (!p->embeddings)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for %zu embeddings", p->place.shown, g->faces);
    pthread_mutex_lock(&p->lock);
    sl_status status = fetch_embeddings(p, err);
    pthread_mutex_unlock(&p->lock);
    if (status == SL_OK && g->faces > p->listed) {
        status = p->pending->kind->embeddings(p->pending, &added, err);
        if (status == SL_OK)
            memcpy(p->embeddings + p->listed * dim, added, (g->faces - p->listed) * dim * sizeof *added);
    }
    *out = status == SL_OK ? p->embeddings : NULL;
    return status;
}

/* ---- crops ---- */

static sl_status fetch_crop(sl_pg *p, sl_pg_face *f, sl_error *err)
{
    size_t size;
    ask_about(p, "SELECT crop FROM %s.face WHERE id = ANY ($1)", &f->id, 1);
    for (size_t s = 0; s < p->place.shards && !f->crop; s++) {
        const uint8_t *jpeg = sl_pg_bytes(sl_pg_shard(&p->links, s)->result, 0, 0, &size);
        if (!jpeg)
            continue;
        f->crop = malloc(size + 1);
        if (!f->crop)
            return sl_no_memory(err, "for a crop");
        memcpy(f->crop, jpeg, size);
        f->crop_size = size;
    }
    return f->crop ? SL_OK : missing(p, f->id, err);
}

sl_status sl_pg_crop(const sl_gallery *g, size_t i, const uint8_t **jpeg, size_t *size, sl_error *err)
{
    sl_pg *p = store_of(g);
    sl_pg_face *f;
    if (is_pending(p, i))
        return p->pending->kind->crop(p->pending, i - p->listed, jpeg, size, err);
    pthread_mutex_lock(&p->lock);
    sl_status status = entry_of(p, i, &f, err);
    if (status == SL_OK && !f->crop)
        status = fetch_crop(p, f, err);
    if (status == SL_OK) {
        *jpeg = f->crop;
        *size = f->crop_size;
    }
    pthread_mutex_unlock(&p->lock);
    return status;
}

/* ---- finding ---- */

/* The last listed face that the shards answered with whose label is `label` (NULL: any); of one that was replaced
 * across shards while they failed, the newer. */
static sl_status pick(sl_pg *p, const char *label, bool first, size_t *i, sl_error *err)
{
    bool found = false;
    SL_TRY(sl_pg_all_answered(&p->links, err));
    for (size_t s = 0; s < p->place.shards; s++) {
        const PGresult *r = sl_pg_shard(&p->links, s)->result;
        for (int row = 0; row < PQntuples(r); row++) {
            int64_t id;
            size_t number;
            if (!sl_pg_i64(r, row, 0, &id) || !sl_pg_number_of(p, id, &number) ||
                (label && !sl_same_name(PQgetvalue(r, row, 1), label)))
                continue;
            *i = !found || (first ? number < *i : number > *i) ? number : *i;
            found = true;
        }
    }
    return found ? SL_OK : SL_ERR_NOT_FOUND;
}

/* Names that are known not to be there are not asked for (pg_names.c). With the lock. */
static sl_status find_image(sl_pg *p, const char *image, size_t *i, sl_error *err)
{
    if (!sl_pg_may_be_there(p, sl_pg_name_of(image)))
        return SL_ERR_NOT_FOUND;
    sl_pg_request ask = {.sql = sl_pg_sql(&p->place, "SELECT id FROM %s.face WHERE image = $1")};
    sl_pg_add_text(&ask, image);
    sl_pg_ask_shards(&p->links, &ask, 0);
    sl_pg_request_free(&ask);
    return pick(p, NULL, false, i, err);
}

sl_status sl_pg_find(const sl_gallery *g, const char *image, size_t *i, sl_error *err)
{
    sl_pg *p = store_of(g);
    if (p->pending && p->pending->kind->find(p->pending, image, i, err) == SL_OK) {
        *i += p->listed;
        return SL_OK;
    }
    if (p->listed == 0)
        return SL_ERR_NOT_FOUND;
    pthread_mutex_lock(&p->lock);
    sl_status status = find_image(p, image, i, err);
    pthread_mutex_unlock(&p->lock);
    return status;
}

/* What the shards answered: face and place in the question. Of two shards that have one, the newer. */
static sl_status take_found(sl_pg *p, size_t count, size_t *faces, sl_error *err)
{
    SL_TRY(sl_pg_all_answered(&p->links, err));
    for (size_t s = 0; s < p->place.shards; s++) {
        const PGresult *r = sl_pg_shard(&p->links, s)->result;
        for (int row = 0; row < PQntuples(r); row++) {
            int64_t id, at;
            size_t number;
            if (sl_pg_i64(r, row, 0, &id) && sl_pg_i64(r, row, 1, &at) && at >= 1 && at <= (int64_t)count &&
                sl_pg_number_of(p, id, &number) && (faces[at - 1] == SIZE_MAX || number > faces[at - 1]))
                faces[at - 1] = number;
        }
    }
    return SL_OK;
}

/* With the lock. */
static sl_status find_images(sl_pg *p, const char *const *images, size_t count, size_t *faces, sl_error *err)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any = sl_pg_may_be_there(p, sl_pg_name_of(images[i])) || any;
    if (!any)
        return SL_OK;
    sl_pg_request ask = {.sql = sl_pg_sql(&p->place,
                                          "SELECT f.id, n.i FROM unnest($1) WITH ORDINALITY AS n (image, i) "
                                          "JOIN %s.face f ON f.image = n.image")};
    sl_text *names = sl_pg_add_array(&ask, SL_PG_TEXT, count);
    for (size_t i = 0; i < count; i++)
        sl_pg_element(names, images[i], strlen(images[i]));
    sl_pg_ask_shards(&p->links, &ask, 0);
    sl_pg_request_free(&ask);
    return take_found(p, count, faces, err);
}

sl_status sl_pg_find_all(const sl_gallery *g, const char *const *images, size_t count, size_t *faces,
                         sl_error *err)
{
    sl_pg *p = store_of(g);
    size_t pending;
    for (size_t i = 0; i < count; i++)
        faces[i] = SIZE_MAX;
    pthread_mutex_lock(&p->lock);
    sl_status status = find_images(p, images, count, faces, err);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; status == SL_OK && p->pending && i < count; i++)
        if (p->pending->kind->find(p->pending, images[i], &pending, NULL) == SL_OK)
            faces[i] = pending + p->listed;
    return status;
}

/* With the lock. */
static sl_status find_hash(sl_pg *p, const uint8_t sha256[32], const char *label, size_t *i, sl_error *err)
{
    if (!sl_pg_may_be_there(p, sl_get_u64(sha256)))
        return SL_ERR_NOT_FOUND;
    sl_pg_request ask = {
        .sql = sl_pg_sql(&p->place, "SELECT f.id, p.label FROM %s.face f JOIN %s.person p ON p.id = f.person "
                                    "WHERE f.photo = $1")};
    sl_pg_add_bytes(&ask, sha256, 32);
    sl_pg_ask_shards(&p->links, &ask, 0);
    sl_pg_request_free(&ask);
    return pick(p, label, true, i, err);
}

sl_status sl_pg_find_photo(sl_gallery *g, const uint8_t sha256[32], const char *label, size_t *i, sl_error *err)
{
    sl_pg *p = store_of(g);
    pthread_mutex_lock(&p->lock);
    sl_status status = find_hash(p, sha256, label, i, err);
    pthread_mutex_unlock(&p->lock);
    if (status != SL_ERR_NOT_FOUND || !p->pending)
        return status;
    status = p->pending->kind->find_photo(p->pending, sha256, label, i, err);
    *i += p->listed;
    return status;
}
