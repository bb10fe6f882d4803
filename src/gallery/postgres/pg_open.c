/* Opening a gallery in PostgreSQL, or creating it: its rows in all shards say the same, but for which shard each is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gallery/postgres/pg_store.h"

enum { FORMAT_VERSION = 1 };

/* ---- what is there ---- */

/* May a shard be passed over that does not answer? */
static bool may_miss(const sl_pg *p)
{
    return p->place.partial && !p->base.writable;
}

/* Is there a gallery in every shard, in none? Shards that lack it: missing [shards]. */
static sl_status look_for(sl_pg *p, bool *missing, size_t *found, sl_error *err)
{
    char sql[256];
    *found = 0;
    snprintf(sql, sizeof sql,
             "SELECT to_regnamespace('secondlook') IS NOT NULL, "
             "to_regclass('gallery_%s.gallery') IS NOT NULL",
             p->place.gallery);
    sl_pg_ask_shards(&p->links, &(sl_pg_request){.sql = sql}, may_miss(p) ? p->place.deadline : 0);
    if (!may_miss(p))
        SL_TRY(sl_pg_all_answered(&p->links, err));
    bool any = false;
    for (size_t s = 0; s < p->place.shards; s++) {
        const PGresult *r = sl_pg_shard(&p->links, s)->result;
        bool extension, gallery;
        if (!r)
            continue;
        any = true;
        if (!sl_pg_bool(r, 0, 0, &extension) || !extension)
            return sl_fail(err, SL_ERR_UNSUPPORTED,
                           "%s: the database %s has no extension secondlook: CREATE EXTENSION "
                           "secondlook (docs/postgres.md)",
                           p->place.shown, p->place.names[s]);
        missing[s] = !sl_pg_bool(r, 0, 1, &gallery) || !gallery;
        *found += !missing[s];
    }
    return any ? SL_OK : sl_pg_all_answered(&p->links, err);
}

/* ---- the rows ---- */

static const char row_sql[] =
    "SELECT format_version, id, model, fingerprint, dim, patch_rows, patch_cols, patch_channels, patches, shard, "
    "shards, centre, faces_told FROM %s.gallery";

/* The shape and the name of one shard's row; false where a column is not what it should be. */
static bool read_shape(const PGresult *r, sl_template_shape *shape, char model[64], int64_t *id)
{
    int32_t n[5];
    size_t size, model_size;
    const uint8_t *name = sl_pg_bytes(r, 0, 2, &model_size), *print = sl_pg_bytes(r, 0, 3, &size);
    for (int i = 0; i < 5; i++)
        if (!sl_pg_i32(r, 0, 4 + i, &n[i]))
            return false;
    if (!sl_pg_i64(r, 0, 1, id) || !name || model_size < 1 || model_size > 63 || !print || size != 32)
        return false;
    *shape = (sl_template_shape){
        .dim = n[0], .rows = n[1], .cols = n[2], .channels = n[3], .format = (sl_patch_format)n[4]};
    memcpy(shape->fingerprint, print, 32);
    memcpy(model, name, model_size);
    model[model_size] = 0;
    return sl_shape_check(shape, NULL) == SL_OK;
}

/* What compact patches are stored around. */
static sl_status take_centre(sl_pg *p, const PGresult *r, size_t shard, sl_error *err)
{
    size_t size;
    const size_t bytes = sl_contribution_count(&p->shape) * sizeof(float);
    if (p->shape.format != SL_PATCHES_COMPACT)
        return SL_OK;
    const uint8_t *centre = sl_pg_bytes(r, 0, 11, &size);
    if (!centre || size != bytes || (p->centre && memcmp(p->centre, centre, bytes) != 0))
        return sl_fail(err, SL_ERR_CORRUPT, "%s: the centre of its compact patches is damaged",
                       p->place.names[shard]);
    if (!p->centre && !(p->centre = sl_alloc_aligned(bytes)))
        return sl_no_memory(err, "for a gallery");
    memcpy(p->centre, centre, bytes);
    p->shape.centre = p->centre;
    return sl_gallery_check_centre(p->place.shown, &p->shape, err);
}

/* One shard's row, held against what the others said. */
static sl_status take_row(sl_pg *p, const PGresult *r, size_t shard, bool first, sl_error *err)
{
    const char *name = p->place.names[shard];
    sl_template_shape shape;
    char model[64];
    int32_t version, number, shards;
    int64_t id;
    if (!sl_pg_i32(r, 0, 0, &version) || version != FORMAT_VERSION)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: gallery %s is of a format that this version does not know",
                       name, p->place.gallery);
    if (!read_shape(r, &shape, model, &id) || !sl_pg_i32(r, 0, 9, &number) || !sl_pg_i32(r, 0, 10, &shards))
        return sl_fail(err, SL_ERR_CORRUPT, "%s: what gallery %s says of itself is damaged", name,
                       p->place.gallery);
    const bool fewer = p->growing && shards >= 1 && (size_t)shards < p->place.shards;
    p->fewest = fewer && (size_t)shards < p->fewest ? (size_t)shards : p->fewest;
    if ((size_t)number != shard || ((size_t)shards != p->place.shards && !fewer))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "%s is shard %d of %d of gallery %s, and was named as shard %zu of %zu: name all "
                       "shards, in their order",
                       name, number + 1, shards, p->place.gallery, shard + 1, p->place.shards);
    if (!first && ((uint64_t)id != p->base.id || !sl_same_model(shape.fingerprint, p->shape.fingerprint) ||
                   !sl_same_sizes(&shape, &p->shape) || shape.format != p->shape.format))
        return sl_fail(err, SL_ERR_MISMATCH, "%s: its gallery %s is another one than that of the shards before it",
                       name, p->place.gallery);
    if (first) {
        p->base.id = (uint64_t)id;
        shape.centre = p->shape.centre;
        p->shape = shape;
        memcpy(p->model, model, sizeof model);
    }
    return take_centre(p, r, shard, err);
}

/* What the first shard says, before the others have the gallery. */
static sl_status read_first_row(sl_pg *p, sl_error *err)
{
    sl_pg_request *asks = calloc(p->links.count, sizeof *asks);
    if (!asks)
        return sl_no_memory(err, "for a gallery");
    asks[0].sql = sl_pg_sql(&p->place, row_sql);
    sl_pg_ask(&p->links, asks, 0);
    free(asks);
    SL_TRY(sl_pg_all_answered(&p->links, err));
    return take_row(p, p->links.links[0].result, 0, true, err);
}

/* How many faces other shards have, as the last writer told: of use where they are silent. */
static void take_told(sl_pg *p, const PGresult *r)
{
    size_t size;
    const uint8_t *array = sl_pg_bytes(r, 0, 12, &size);
    if (!array || size != 20 + 12 * p->place.shards)
        return;
    for (size_t s = 0; s < p->place.shards; s++) {
        uint64_t n = 0;
        for (int b = 0; b < 8; b++)
            n = n << 8 | array[20 + 12 * s + 4 + (size_t)b];
        p->shard_faces[s] = (size_t)n;
    }
}

static sl_status read_rows(sl_pg *p, sl_error *err)
{
    sl_pg_ask_shards(&p->links, &(sl_pg_request){.sql = sl_pg_sql(&p->place, row_sql)},
                     may_miss(p) ? p->place.deadline : 0);
    if (!may_miss(p))
        SL_TRY(sl_pg_all_answered(&p->links, err));
    bool first = true;
    for (size_t s = 0; s < p->place.shards; s++) {
        const PGresult *r = sl_pg_shard(&p->links, s)->result;
        if (!r)
            continue;
        SL_TRY(take_row(p, r, s, first, err));
        take_told(p, r);
        first = false;
    }
    p->row_at = ((size_t)p->shape.dim * sizeof(float) + 63) / 64 * 64;
    p->row_bytes = p->row_at + sl_patch_row_layout(&p->shape).stride;
    return first ? sl_pg_all_answered(&p->links, err) : SL_OK;
}

/* ---- creating ---- */

static void add_shape(sl_pg_request *r, const sl_template_shape *shape, const char *model)
{
    sl_pg_add_text(r, model);
    sl_pg_add_bytes(r, shape->fingerprint, 32);
    sl_pg_add_i32(r, shape->dim);
    sl_pg_add_i32(r, shape->rows);
    sl_pg_add_i32(r, shape->cols);
    sl_pg_add_i32(r, shape->channels);
    sl_pg_add_i32(r, (int32_t)shape->format);
    if (shape->format == SL_PATCHES_COMPACT)
        sl_pg_add_bytes(r, shape->centre, sl_contribution_count(shape) * sizeof(float));
    else
        sl_pg_add_null(r);
}

/* The gallery in those shards that lack it: all of them, or those that a creation that was cut short left out. */
static sl_status create(sl_pg *p, const bool *missing, const sl_template_shape *shape, const char *model,
                        uint64_t id, sl_error *err)
{
    sl_pg_request *asks = calloc(p->links.count, sizeof *asks);
    if (!asks)
        return sl_no_memory(err, "for a gallery");
    for (size_t s = 0; s < p->place.shards; s++) {
        sl_pg_request *r = &asks[s * (size_t)p->place.connections];
        if (!missing[s])
            continue;
        r->sql = "SELECT secondlook.create_gallery($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        sl_pg_add_text(r, p->place.gallery);
        add_shape(r, shape, model);
        sl_pg_add_i32(r, (int32_t)s);
        sl_pg_add_i32(r, (int32_t)p->place.shards);
        sl_pg_add_i64(r, (int64_t)id);
    }
    sl_pg_ask(&p->links, asks, 0);
    for (size_t i = 0; i < p->links.count; i++)
        sl_pg_request_free(&asks[i]);
    free(asks);
    return sl_pg_all_answered(&p->links, err);
}

static sl_status id_of_present(sl_pg *p, const bool *missing, uint64_t *id, sl_error *err)
{
    sl_pg_request ask = {.sql = sl_pg_sql(&p->place, "SELECT id FROM %s.gallery")};
    for (size_t s = 0; s < p->place.shards; s++) {
        sl_pg_request *asks = missing[s] ? NULL : calloc(p->links.count, sizeof *asks);
        int64_t found;
        if (!asks)
            continue;
        asks[s * (size_t)p->place.connections] = ask;
        sl_pg_ask(&p->links, asks, 0);
        free(asks);
        SL_TRY(sl_pg_all_answered(&p->links, err));
        if (sl_pg_i64(sl_pg_shard(&p->links, s)->result, 0, 0, &found))
            *id = (uint64_t)found;
        return SL_OK;
    }
    return SL_OK;
}

static sl_status find_or_create(sl_pg *p, sl_gallery_mode mode, const sl_template_shape *shape, const char *model,
                                sl_error *err)
{
    bool *missing = calloc(p->place.shards, sizeof *missing);
    size_t found;
    uint64_t id = sl_gallery_new_id();
    if (!missing)
        return sl_no_memory(err, "for a gallery");
    sl_status status = look_for(p, missing, &found, err);
    bool lacks = false;
    for (size_t s = 0; s < p->place.shards; s++) {
        lacks |= missing[s];
        if (status == SL_OK && p->growing && missing[s] && s < p->fewest)
            status = sl_fail(err, SL_ERR_ARGUMENT,
                             "%s: no gallery %s there, which has %zu shards: name these first, in their order",
                             p->place.names[s], p->place.gallery, p->fewest);
    }
    if (status == SL_OK && lacks && mode != SL_GALLERY_CREATE)
        status =
            sl_fail(err, SL_ERR_NOT_FOUND, "%s: no gallery there%s", p->place.shown,
                    found ? " in every shard: its creation was cut short, or a shard is another database" : "");
    if (status == SL_OK && lacks)
        status = sl_gallery_check_centre(p->place.shown, shape, err);
    if (status == SL_OK && lacks && found)
        status = id_of_present(p, missing, &id, err);
    if (status == SL_OK && lacks)
        status = create(p, missing, shape, model, id, err);
    free(missing);
    return status;
}

/* ---- writing ---- */

/* One writer: the lock is the first shard's, and goes with the connection. */
sl_status sl_pg_lock(sl_pg *p, sl_error *err)
{
    bool locked;
    sl_pg_request *asks = calloc(p->links.count, sizeof *asks);
    if (!asks)
        return sl_no_memory(err, "for a gallery");
    asks[0].sql = "SELECT pg_try_advisory_lock($1)";
    sl_pg_add_i64(&asks[0], (int64_t)p->base.id);
    sl_pg_ask(&p->links, asks, 0);
    sl_pg_request_free(&asks[0]);
    free(asks);
    SL_TRY(sl_pg_all_answered(&p->links, err));
    if (!sl_pg_bool(p->links.links[0].result, 0, 0, &locked) || !locked)
        return sl_fail(err, SL_ERR_LOCKED, "%s: another process writes to this gallery", p->place.shown);
    p->links.links[0].once_only = true;
    return SL_OK;
}

sl_status sl_pg_new_pending(sl_pg *p, sl_error *err)
{
    sl_gallery_close(p->pending);
    p->pending = NULL;
    return sl_memory_kind.open(":memory:", SL_GALLERY_CREATE, &p->shape, p->model, &p->pending, err);
}

/* ---- opening and closing ---- */

static sl_status open_all(sl_pg *p, sl_gallery_mode mode, const sl_template_shape *shape, const char *model,
                          sl_error *err)
{
    p->shard_faces = calloc(p->place.shards, sizeof *p->shard_faces);
    if (!p->shard_faces)
        return sl_no_memory(err, "for a gallery");
    SL_TRY(sl_pg_links_open(&p->place, &p->links, err));
    SL_TRY(find_or_create(p, mode, shape, model, err));
    SL_TRY(read_rows(p, err));
    if (p->base.writable) {
        SL_TRY(sl_pg_lock(p, err));
        SL_TRY(sl_pg_new_pending(p, err));
    }
    return sl_pg_list(p, err);
}

/* A handle that knows its place, and nothing more. */
static sl_status begin(const char *place, bool writable, sl_pg **out, sl_error *err)
{
    sl_pg *p = calloc(1, sizeof *p);
    if (!p)
        return sl_no_memory(err, "for a gallery");
    pthread_mutex_init(&p->lock, NULL);
    p->cache.label_table.seed = sl_gallery_new_id();
    p->base.model = p->model;
    p->base.shape = &p->shape;
    sl_status parsed = sl_pg_place_parse(place, &p->place, err);
    sl_status status = sl_gallery_begin(&p->base, &sl_postgres_kind, parsed == SL_OK ? p->place.shown : "", writable,
                                        parsed == SL_OK ? err : NULL);
    status = parsed == SL_OK ? status : parsed;
    if (status == SL_OK)
        *out = p;
    else
        sl_gallery_close(&p->base);
    return status;
}

sl_status sl_pg_open(const char *place, sl_gallery_mode mode, const sl_template_shape *shape, const char *model,
                     sl_gallery **out, sl_error *err)
{
    sl_pg *p;
    SL_TRY(begin(place, mode != SL_GALLERY_READ, &p, err));
    sl_status status = open_all(p, mode, shape, model, err);
    if (status == SL_OK)
        *out = &p->base;
    else
        sl_gallery_close(&p->base);
    return status;
}

sl_status sl_pg_open_growing(const char *place, sl_pg **out, sl_error *err)
{
    sl_pg *p;
    SL_TRY(begin(place, true, &p, err));
    p->growing = true;
    p->fewest = p->place.shards;
    p->shard_faces = calloc(p->place.shards, sizeof *p->shard_faces);
    sl_status status =
        p->shard_faces ? sl_pg_links_open(&p->place, &p->links, err) : sl_no_memory(err, "for a gallery");
    if (status == SL_OK)
        status = read_first_row(p, err);
    if (status == SL_OK)
        status = find_or_create(p, SL_GALLERY_CREATE, &p->shape, p->model, err);
    if (status == SL_OK)
        status = read_rows(p, err);
    if (status == SL_OK)
        *out = p;
    else
        sl_gallery_close(&p->base);
    return status;
}

void sl_pg_close(sl_gallery *g)
{
    sl_pg *p = (sl_pg *)g;
    sl_gallery_close(p->pending);
    sl_pg_links_close(&p->links);
    sl_pg_cache_free(&p->cache);
    pthread_mutex_destroy(&p->lock);
    free(p->ids);
    free(p->shard_faces);
    free(p->expected);
    free(p->embeddings);
    free(p->names.slots);
    free(p->removed);
    free(p->centre);
    sl_pg_place_free(&p->place);
    free(p);
}
