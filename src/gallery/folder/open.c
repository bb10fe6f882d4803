/* Opening a gallery's folder: a new one, a committed one, and recovery of what a crash left. */
#define _GNU_SOURCE
#include "gallery/folder/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"

enum { INDEX_AT_CLOSE = 1024 }; /* rows that an opener soon reads without an index */

/* ---- handles ---- */

/* What all of it is of, before its files are there. */
static sl_status begin(sl_folder *g, const char *dir, const sl_meta *meta, bool writable, sl_error *err)
{
    g->lock_fd = g->marker.fd = g->codes.file.fd = -1;
    for (int k = 0; k < SL_FILES; k++)
        g->files[k].fd = -1;
    g->meta = *meta;
    g->base.id = meta->uid;
    g->base.model = g->meta.model;
    g->base.shape = &g->meta.shape;
    SL_TRY(sl_gallery_begin(&g->base, &sl_folder_kind, dir, writable, err));
    uint64_t seed = meta->uid;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
        seed ^= (uint64_t)(uintptr_t)g;
    g->images.seed = g->label_table.seed = g->hashes.seed = seed;
    const float *centre = meta->shape.centre; /* of a gallery that is created; else load reads it */
    const size_t size = sl_centre_bytes(&meta->shape);
    g->centre = size ? sl_calloc_aligned(1, size) : NULL;
    g->record = writable ? malloc(SL_ADD_MAX) : NULL;
    if ((size && !g->centre) || (writable && !g->record))
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory", dir);
    if (g->centre && centre)
        memcpy(g->centre, centre, sl_contribution_count(&meta->shape) * sizeof(float));
    g->meta.shape.centre = g->centre;
    return SL_OK;
}

static sl_status new_handle(const char *dir, const sl_meta *meta, bool writable, sl_folder **out, sl_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? begin(*out, dir, meta, writable, err) : sl_fail(err, SL_ERR_MEMORY, "%s: no memory", dir);
}

static void close_handle(sl_folder *g)
{
    sl_gallery_close((sl_gallery *)g);
}

void sl_folder_close(sl_gallery *gallery)
{
    sl_folder *g = (sl_folder *)gallery;
    if (gallery->writable)
        sl_index_save_if_due(g, INDEX_AT_CLOSE);
    for (int k = 0; k < SL_FILES; k++)
        sl_datafile_close(&g->files[k]);
    sl_datafile_close(&g->marker);
    sl_codes_close(&g->codes);
    if (g->lock_fd >= 0)
        close(g->lock_fd);
    sl_table_free(&g->images);
    sl_table_free(&g->label_table);
    sl_table_free(&g->hashes);
    void *arrays[] = {g->record_at, g->row_label,   g->row_removed, (void *)g->row_held, g->face_row, g->face_label,
                      g->label_at,  g->label_faces, g->gathered,    g->record,       g->centre,   g->group_chain};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
    free(g);
}

/* ---- a new generation ---- */

static sl_status create_centre(const sl_folder *g, sl_error *err)
{
    sl_datafile f;
    SL_TRY(sl_datafile_create(&f, sl_generation_path(g->base.place, SL_CENTRE_NAME, g->meta.generation), g->centre,
                              sl_centre_bytes(&g->meta.shape), err));
    const sl_status status = sl_datafile_sync(&f, err);
    sl_datafile_close(&f);
    return status;
}

static sl_status create_files(sl_folder *g, sl_error *err)
{
    uint8_t header[SL_HEADER_SIZE];
    for (int k = 0; k < SL_FILES; k++) {
        const bool headed = sl_has_header((sl_file_kind)k, &g->meta);
        sl_datafile *f = &g->files[k];
        sl_header_encode((sl_file_kind)k, &g->meta, header);
        SL_TRY(sl_datafile_create(f, sl_generation_path(g->base.place, sl_file_names[k], g->meta.generation), header,
                                  headed ? sizeof header : 0, err));
        if (!headed)
            SL_TRY(sl_datafile_pieces(f, sl_segment_span(&g->meta, (sl_file_kind)k), k == SL_FILE_CROPS, err));
        else if (k == SL_FILE_PATCHES && g->centre)
            SL_TRY(sl_datafile_append(f, g->centre, sl_centre_bytes(&g->meta.shape), err));
        SL_TRY(sl_datafile_sync(f, err));
    }
    if (g->meta.segment_rows && g->centre)
        SL_TRY(create_centre(g, err));
    g->chain = sl_get_u32(header + 60); /* of the log, the last */
    g->committed = (sl_commit_state){.uid = g->meta.uid, .log_end = SL_HEADER_SIZE, .chain = g->chain,
                                     .crops_end = sl_rows_at(SL_FILE_CROPS, &g->meta)};
    SL_TRY(sl_codes_create(g, err));
    SL_TRY(sl_marker_create(g, err));
    return sl_sync_dir(g->base.place, err);
}

sl_status sl_store_create(const char *dir, const sl_meta *meta, sl_folder **out, sl_error *err)
{
    sl_folder *g;
    sl_status status = new_handle(dir, meta, true, &g, err);
    if (status == SL_OK)
        status = create_files(g, err);
    if (status != SL_OK) {
        close_handle(g);
        g = NULL;
    }
    *out = g;
    return status;
}

/* The folder's own name must be durable too. */
static sl_status sync_parent(const char *dir, sl_error *err)
{
    char *parent = sl_path_join(dir, "..");
    if (!parent)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory", dir);
    sl_status status = sl_sync_dir(parent, err);
    free(parent);
    return status;
}

/* dir is locked and has no gallery.meta. */
static sl_status create(const char *dir, const sl_template_shape *shape, const char *model, sl_folder **out,
                        sl_error *err)
{
    sl_meta meta = {
        .generation = 1, .version = SL_GALLERY_VERSION, .segment_rows = SL_SEGMENT_ROWS, .shape = *shape};
    SL_TRY(sl_gallery_check_centre(dir, shape, err));
    if (shape->format == SL_PATCHES_COMPACT)
        meta.centre_crc = sl_centre_crc(shape);
    else
        meta.shape.centre = NULL;
    meta.uid = sl_gallery_new_id();
    strcpy(meta.model, model); /* its length was checked */
    SL_TRY(sl_store_clean(dir, 0, err));
    sl_folder *g;
    SL_TRY(sl_store_create(dir, &meta, &g, err));
    sl_status status = sl_store_publish(g, err);
    if (status == SL_OK)
        status = sync_parent(dir, err);
    if (status != SL_OK) {
        close_handle(g);
        return status;
    }
    *out = g;
    return SL_OK;
}

/* ---- an existing generation ---- */

static sl_status check_header(const sl_folder *g, sl_file_kind kind, sl_error *err)
{
    const sl_datafile *f = &g->files[kind];
    uint8_t expected[SL_HEADER_SIZE], found[SL_HEADER_SIZE];
    size_t got;
    sl_header_encode(kind, &g->meta, expected);
    SL_TRY(sl_read_at(f->fd, found, sizeof found, 0, &got, f->path, err));
    if (got != sizeof found || memcmp(expected, found, sizeof found) != 0)
        return sl_fail(err, SL_ERR_CORRUPT,
                       "%s: its first bytes are damaged, or it belongs to another gallery: "
                       "restore the gallery's folder from a copy, or enrol again",
                       f->path);
    return SL_OK;
}

static sl_status map_data(sl_folder *g, sl_file_kind kind, uint64_t end, sl_error *err)
{
    sl_datafile *f = &g->files[kind];
    return f->size < end ? sl_file_was_cut(f, end, err) : sl_datafile_map(f, end, err);
}

/* What compact patches are stored around, which lies in this file. */
static sl_status take_centre(sl_folder *g, const sl_datafile *f, uint64_t at, sl_error *err)
{
    const size_t size = sl_centre_bytes(&g->meta.shape);
    size_t got;
    SL_TRY(sl_read_at(f->fd, g->centre, size, at, &got, f->path, err));
    if (got == size && sl_centre_holds(g->centre, &g->meta))
        return SL_OK;
    return sl_fail(err, SL_ERR_CORRUPT, "%s: what its patches are stored around is damaged: restore the gallery's "
                   "folder from a copy, or enrol again", f->path);
}

static sl_status read_centre(sl_folder *g, sl_error *err)
{
    if (!g->centre)
        return SL_OK;
    if (!g->meta.segment_rows)
        return take_centre(g, &g->files[SL_FILE_PATCHES], SL_HEADER_SIZE, err);
    sl_datafile f;
    SL_TRY(sl_datafile_open(&f, sl_generation_path(g->base.place, SL_CENTRE_NAME, g->meta.generation), false, err));
    const sl_status status =
        f.size == sl_centre_bytes(&g->meta.shape)
            ? take_centre(g, &f, 0, err)
            : sl_fail(err, SL_ERR_CORRUPT,
                      "%s: has %llu bytes instead of %zu: restore the gallery's folder from a copy", f.path,
                      (unsigned long long)f.size, sl_centre_bytes(&g->meta.shape));
    sl_datafile_close(&f);
    return status;
}

static sl_status map_rows(sl_folder *g, sl_error *err)
{
    SL_TRY(map_data(g, SL_FILE_EMBEDDINGS, sl_row_at(g, SL_FILE_EMBEDDINGS, g->rows), err));
    SL_TRY(map_data(g, SL_FILE_PATCHES, sl_row_at(g, SL_FILE_PATCHES, g->rows), err));
    return map_data(g, SL_FILE_CROPS, g->committed.crops_end, err);
}

/* The committed part of meta's generation. */
static sl_status load(sl_folder *g, sl_error *err)
{
    for (int k = 0; k < SL_FILES; k++) {
        SL_TRY(sl_datafile_open(&g->files[k], sl_generation_path(g->base.place, sl_file_names[k], g->meta.generation),
                                g->base.writable, err));
        if (sl_has_header((sl_file_kind)k, &g->meta))
            SL_TRY(check_header(g, (sl_file_kind)k, err));
        else
            SL_TRY(sl_datafile_pieces(&g->files[k], sl_segment_span(&g->meta, (sl_file_kind)k), k == SL_FILE_CROPS,
                                      err));
    }
    SL_TRY(read_centre(g, err));
    SL_TRY(sl_marker_read(g, err));
    SL_TRY(sl_replay(g, err));
    SL_TRY(map_rows(g, err));
    sl_codes_open(g);
    return SL_OK;
}

/* What a writer does before it writes: drop what was never acknowledged. */
static sl_status recover(sl_folder *g, sl_error *err)
{
    SL_TRY(sl_store_clean(g->base.place, g->meta.generation, err));
    for (int k = 0; k < SL_FILES; k++)
        if (g->files[k].size > g->files[k].end)
            sl_datafile_cut(&g->files[k], g->files[k].end);
    sl_codes_cut(g);
    return sl_marker_damaged(g) ? sl_marker_repair(g, err) : SL_OK;
}

sl_status sl_store_open(const char *dir, const sl_meta *meta, bool writable, sl_folder **out, sl_error *err)
{
    sl_folder *g;
    sl_status status = new_handle(dir, meta, writable, &g, err);
    if (status == SL_OK)
        status = load(g, err);
    if (status == SL_OK && writable)
        status = recover(g, err);
    if (status != SL_OK) {
        close_handle(g);
        g = NULL;
    }
    *out = g;
    return status;
}

/* Opens what gallery.meta names. A reader that is overtaken by a compaction starts again. */
static sl_status open_existing(const char *dir, bool writable, sl_folder **out, bool *foreign, sl_error *err)
{
    sl_meta meta;
    SL_TRY(sl_store_read_meta(dir, &meta, foreign, err));
    for (;;) {
        sl_status status = sl_store_open(dir, &meta, writable, out, err);
        if (status != SL_ERR_NOT_FOUND && status != SL_ERR_CORRUPT) /* some of its pieces may be gone */
            return status;
        uint64_t tried = meta.generation;
        if (status == SL_ERR_CORRUPT && (sl_store_read_meta(dir, &meta, foreign, NULL) || meta.generation == tried))
            return status;
        SL_TRY(sl_store_read_meta(dir, &meta, foreign, err));
        if (meta.generation == tried)
            return sl_fail(err, SL_ERR_CORRUPT,
                           "%s: a file of the gallery's generation %" PRIu64 " is missing "
                           "(embeddings, patches, crops, log, commit or centre): restore the folder from a copy",
                           dir, tried);
    }
}

static sl_status open_for_writing(const char *dir, bool may_create, const sl_template_shape *shape,
                                  const char *model, sl_folder **out, sl_error *err)
{
    int lock = -1;
    bool foreign;
    sl_meta meta;
    sl_status status;
    if (may_create) {
        SL_TRY(sl_make_dirs(dir, err));
    } else {
        SL_TRY(sl_store_read_meta(dir, &meta, &foreign, err)); /* no lock file is left in a folder that is no gallery */
    }
    if (may_create && sl_store_read_meta(dir, &meta, &foreign, err) == SL_ERR_NOT_FOUND && foreign)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "%s: the folder holds other files: name a new or an empty folder for the "
                       "gallery",
                       dir);
    SL_TRY(sl_store_lock(dir, &lock, err));
    status = open_existing(dir, true, out, &foreign, err);
    if (status == SL_ERR_NOT_FOUND && may_create)
        status = create(dir, shape, model, out, err);
    if (status != SL_OK) {
        close(lock);
        return status;
    }
    (*out)->lock_fd = lock;
    return SL_OK;
}

sl_status sl_folder_open(const char *dir, sl_gallery_mode mode, const sl_template_shape *shape, const char *model,
                         sl_gallery **out, sl_error *err)
{
    sl_folder *g = NULL;
    bool foreign;
    if (mode == SL_GALLERY_READ)
        SL_TRY(open_existing(dir, false, &g, &foreign, err));
    else
        SL_TRY(open_for_writing(dir, mode == SL_GALLERY_CREATE, shape, model, &g, err));
    *out = &g->base;
    return SL_OK;
}

/* ---- what others committed since ---- */

sl_status sl_folder_refresh(sl_gallery *gallery, bool *added, sl_error *err)
{
    sl_folder *g = (sl_folder *)gallery;
    const sl_commit_state before = g->committed;
    bool foreign, removed = false;
    sl_meta meta;
    SL_TRY(sl_store_read_meta(g->base.place, &meta, &foreign, err));
    if (meta.generation != g->meta.generation || meta.uid != g->meta.uid)
        return sl_fail(err, SL_ERR_MISMATCH, "%s: was compacted since: open it again", g->base.place);
    SL_TRY(sl_marker_read_again(g, err));
    for (int k = 0; k < SL_FILES; k++)
        g->files[k].grows = true;
    SL_TRY(map_data(g, SL_FILE_LOG, g->committed.log_end, err));
    SL_TRY(sl_replay_on(g, &before, &removed, err));
    *added = !removed;
    SL_TRY(map_rows(g, err));
    sl_codes_follow(g);
    return SL_OK;
}
