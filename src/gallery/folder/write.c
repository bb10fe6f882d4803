/* Faces and tombstones, written behind what is committed, and the commit that makes them count. */
#include "gallery/folder/store.h"

#include <string.h>

#include "base/crc32c.h"

enum { INDEX_LEAST = 4096 }; /* rows more than index.N has, before it is written anew */

/* Where the files and the log's checksum stand, to go back to. */
typedef struct {
    uint64_t end[SL_FILES];
    uint32_t chain;
} tail;

static tail tail_of(const sl_folder *g)
{
    tail t = {.chain = g->chain};
    for (int k = 0; k < SL_FILES; k++)
        t.end[k] = g->files[k].end;
    return t;
}

static void go_back(sl_folder *g, const tail *t)
{
    for (int k = 0; k < SL_FILES; k++)
        sl_datafile_cut(&g->files[k], t->end[k]);
    g->chain = t->chain;
    g->codes.tail_end = 0; /* mappings may have moved */
}

/* ---- commit ---- */

/* Data first, then the log that counts it, then the marker that counts the log: each is on disk before the
 * next is begun, so a crash leaves the old state or the new one. */
sl_status sl_store_commit(sl_folder *g, sl_error *err)
{
    for (int k = 0; k < SL_FILE_LOG; k++)
        SL_TRY(sl_datafile_sync(&g->files[k], err));
    sl_codes_append(g, NULL, NULL); /* where that fails searches do without */
    sl_datafile *log = &g->files[SL_FILE_LOG];
    uint32_t chain = g->chain;
    uint8_t record[SL_COMMIT_SIZE];
    sl_commit_state state = {.uid = g->meta.uid,
                             .sequence = g->committed.sequence + 1,
                             .rows = g->rows,
                             .crops_end = g->files[SL_FILE_CROPS].end};
    sl_commit_encode(state.sequence, state.rows, state.crops_end, &chain, record);
    SL_TRY(sl_datafile_append(log, record, sizeof record, err));
    state.log_end = log->end;
    state.chain = chain;
    SL_TRY(sl_datafile_sync(log, err));
    sl_status status = sl_marker_write(g, &state, err);
    if (status != SL_OK) { /* it may or may not be on disk: only a new handle can tell */
        g->base.broken = "the commit marker could not be written";
        return status;
    }
    g->chain = chain;
    g->committed = state;
    g->dirty = false;
    sl_index_save_if_due(g, g->rows / 16 > INDEX_LEAST ? g->rows / 16 : INDEX_LEAST);
    return SL_OK;
}

/* Back to what is committed: what lies behind it is cut, so that its room comes back. It is not trusted for another
 * try either: after a failed fsync nobody knows which of it the disk has. */
static sl_status drop_uncommitted(sl_folder *g, sl_status status, sl_error *err)
{
    const uint32_t added = g->rows - (uint32_t)g->committed.rows;
    tail committed = {.chain = g->committed.chain,
                      .end = {sl_row_at(g, SL_FILE_EMBEDDINGS, g->committed.rows),
                              sl_row_at(g, SL_FILE_PATCHES, g->committed.rows), g->committed.crops_end,
                              g->committed.log_end}};
    go_back(g, &committed);
    sl_codes_cut(g);
    g->dirty = false;
    if (sl_index_rewind(g, NULL) != SL_OK)
        g->base.broken = "the log can be read no more";
    return sl_fail_in(err, status, "%s: %zu faces are safe, the %u added since the last commit are not and were "
                      "dropped; add them again when the cause is gone", g->base.place, g->base.faces, added);
}

sl_status sl_folder_commit(sl_gallery *gallery, sl_error *err)
{
    sl_folder *g = (sl_folder *)gallery;
    sl_status status = g->dirty ? sl_store_commit(g, err) : SL_OK;
    return status == SL_OK || g->base.broken ? status : drop_uncommitted(g, status, err);
}

/* ---- add ---- */

static sl_status append_removal(sl_folder *g, uint32_t row, sl_error *err)
{
    uint8_t record[SL_REMOVE_SIZE];
    sl_remove_encode(row, &g->chain, record);
    return sl_datafile_append(&g->files[SL_FILE_LOG], record, sizeof record, err);
}

/* The crops of a segment begin with its first row. */
static sl_status begin_segment(sl_folder *g, sl_error *err)
{
    const uint32_t segment = g->meta.segment_rows;
    sl_datafile *crops = &g->files[SL_FILE_CROPS];
    if (!segment || g->rows == 0 || g->rows % segment != 0 || crops->count > g->rows / segment)
        return SL_OK;
    return sl_datafile_next_piece(crops, err);
}

static sl_status append_face(sl_folder *g, sl_face_record *face, const void *embedding, const void *patch_row,
                             const void *crop, sl_error *err)
{
    size_t embedding_size = (size_t)g->meta.shape.dim * sizeof(float);
    size_t row_size = sl_patch_row_layout(&g->meta.shape).stride;
    SL_TRY(begin_segment(g, err));
    face->row = g->rows;
    face->embedding_crc = sl_crc32c(0, embedding, embedding_size);
    face->patches_crc = sl_crc32c(0, patch_row, row_size);
    face->has_crop = crop != NULL;
    face->crop_at = g->files[SL_FILE_CROPS].end;
    face->crop_size = crop ? face->crop_size : 0;
    face->crop_crc = crop ? sl_crc32c(0, crop, face->crop_size) : 0;
    if (g->meta.version < SL_HASH_VERSION)
        face->photo_sha256 = NULL;
    SL_TRY(sl_datafile_append(&g->files[SL_FILE_EMBEDDINGS], embedding, embedding_size, err));
    SL_TRY(sl_datafile_append(&g->files[SL_FILE_PATCHES], patch_row, row_size, err));
    if (crop)
        SL_TRY(sl_datafile_append(&g->files[SL_FILE_CROPS], crop, face->crop_size, err));
    size_t size = sl_add_encode(face, &g->chain, g->record);
    return sl_datafile_append(&g->files[SL_FILE_LOG], g->record, size, err);
}

/* The index is changed only when all is written, and by what cannot fail. */
sl_status sl_store_replace(sl_folder *g, const uint32_t *old, uint32_t count, sl_face_record *face,
                           const void *embedding, const void *patch_row, const void *crop, sl_error *err)
{
    SL_TRY(sl_index_reserve(g, err));
    tail before = tail_of(g);
    sl_status status = SL_OK;
    for (uint32_t i = 0; i < count && status == SL_OK; i++)
        status = append_removal(g, old[i], err);
    uint64_t at = g->files[SL_FILE_LOG].end;
    if (status == SL_OK)
        status = append_face(g, face, embedding, patch_row, crop, err);
    if (status != SL_OK) {
        go_back(g, &before);
        return status;
    }
    g->dirty = true;
    for (uint32_t i = 0; i < count; i++)
        sl_index_remove(g, old[i]);
    if (count)
        sl_index_relist(g);
    sl_index_add(g, at);
    return SL_OK;
}

sl_status sl_store_append_adopted(sl_folder *g, sl_face_record *face, sl_error *err)
{
    SL_TRY(sl_index_reserve(g, err));
    face->row = g->rows;
    const uint64_t at = g->files[SL_FILE_LOG].end;
    const size_t size = sl_add_encode(face, &g->chain, g->record);
    SL_TRY(sl_datafile_append(&g->files[SL_FILE_LOG], g->record, size, err));
    g->dirty = true;
    sl_index_add(g, at);
    return SL_OK;
}

sl_status sl_store_append_vacant(sl_folder *g, uint32_t rows, uint64_t crops, sl_error *err)
{
    uint8_t record[SL_VACANT_SIZE];
    const uint64_t at = g->files[SL_FILE_LOG].end;
    if (!sl_index_make_room(g, g->rows + rows, 0))
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for the index of %u faces", g->base.place, g->rows + rows);
    const size_t size = sl_vacant_encode(rows, crops, &g->chain, record);
    SL_TRY(sl_datafile_append(&g->files[SL_FILE_LOG], record, size, err));
    g->dirty = true;
    sl_index_vacant(g, at, rows);
    return SL_OK;
}

sl_status sl_store_append(sl_folder *g, sl_face_record *face, const void *embedding, const void *patch_row,
                          const void *crop, sl_error *err)
{
    return sl_store_replace(g, NULL, 0, face, embedding, patch_row, crop, err);
}

sl_status sl_folder_replace(sl_gallery *gallery, const size_t *old, size_t count, const sl_new_face *face,
                            sl_error *err)
{
    sl_folder *g = (sl_folder *)gallery;
    const sl_entry *entry = face->entry;
    uint32_t rows[SL_PHOTO_FACES_MAX];
    for (size_t i = 0; i < count; i++)
        rows[i] = g->face_row[old[i]];
    sl_face_record record = {.image = entry->image,
                             .label = entry->label,
                             .box = entry->box,
                             .quality = entry->quality,
                             .image_size = strlen(entry->image),
                             .label_size = strlen(entry->label),
                             .photo_sha256 = entry->photo_sha256,
                             .has_landmarks = entry->has_landmarks != 0,
                             .crop_size = (uint32_t)face->crop_size};
    return sl_store_replace(g, rows, (uint32_t)count, &record, face->embedding, face->patch_row, face->crop, err);
}

/* ---- remove ---- */

static bool wanted(const sl_folder *g, uint32_t i, uint32_t row, uint32_t label)
{
    return (row == SL_TABLE_NONE || g->face_row[i] == row) &&
           (label == SL_TABLE_NONE || g->face_label[i] == label);
}

/* Logs the removal of all wanted faces and makes it durable; the index is changed only after that. */
static sl_status remove_wanted(sl_folder *g, uint32_t row, uint32_t label, size_t *count, sl_error *err)
{
    tail before = tail_of(g);
    sl_status status = SL_OK;
    size_t found = 0;
    for (uint32_t i = 0; i < g->base.faces && status == SL_OK; i++) {
        if (!wanted(g, i, row, label))
            continue;
        status = append_removal(g, g->face_row[i], err);
        found++;
    }
    if (status == SL_OK && found)
        status = sl_store_commit(g, err);
    if (status != SL_OK) {
        if (!g->base.broken) /* else the log is left as it is: a new handle sorts it out */
            go_back(g, &before);
        return status;
    }
    for (uint32_t i = 0; i < g->base.faces; i++)
        if (wanted(g, i, row, label))
            sl_index_remove(g, g->face_row[i]);
    sl_index_relist(g);
    *count = found;
    return SL_OK;
}

sl_status sl_folder_remove(sl_gallery *gallery, const char *image, const char *label, size_t *removed,
                           sl_error *err)
{
    sl_folder *g = (sl_folder *)gallery;
    const uint32_t row = image ? sl_index_image(g, image, strlen(image)) : SL_TABLE_NONE;
    const uint32_t id = label ? sl_index_label(g, label, strlen(label)) : SL_TABLE_NONE;
    *removed = 0;
    if ((image && row == SL_TABLE_NONE) || (label && id == SL_TABLE_NONE))
        return SL_OK; /* nobody of that name */
    return remove_wanted(g, row, id, removed, err);
}
