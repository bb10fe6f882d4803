#include "gallery/folder/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "image/image.h"

/* Where the files and the log's checksum stand, to go back to. */
typedef struct {
    uint64_t end[SL_FILES];
    uint32_t chain;
} tail;

static tail tail_of(const sl_gallery *g)
{
    tail t = {.chain = g->chain};
    for (int k = 0; k < SL_FILES; k++)
        t.end[k] = g->files[k].end;
    return t;
}

static void go_back(sl_gallery *g, const tail *t)
{
    for (int k = 0; k < SL_FILES; k++)
        sl_datafile_cut(&g->files[k], t->end[k]);
    g->chain = t->chain;
}

static sl_status check_writable(const sl_gallery *g, sl_error *err)
{
    if (!g->writable)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: the gallery was opened for reading: open it for writing",
                       g->dir);
    if (g->broken)
        return sl_fail(err, SL_ERR_IO,
                       "%s: %s; what was committed before is safe. Close the gallery and open it again", g->dir,
                       g->broken);
    return SL_OK;
}

/* ---- commit ---- */

/* Data first, then the log that counts it, then the marker that counts the log: each is on disk before the
 * next is begun, so a crash leaves the old state or the new one. */
sl_status sl_store_commit(sl_gallery *g, sl_error *err)
{
    for (int k = 0; k < SL_FILE_LOG; k++)
        SL_TRY(sl_datafile_sync(&g->files[k], err));
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
        g->broken = "the commit marker could not be written";
        return status;
    }
    g->chain = chain;
    g->committed = state;
    g->dirty = false;
    return SL_OK;
}

/* Back to what is committed: what lies behind it is cut, so that its room comes back. It is not trusted for another
 * try either: after a failed fsync nobody knows which of it the disk has. */
static sl_status drop_uncommitted(sl_gallery *g, sl_status status, sl_error *err)
{
    const uint32_t added = g->rows - (uint32_t)g->committed.rows;
    tail committed = {.chain = g->committed.chain,
                      .end = {sl_row_at(g, SL_FILE_EMBEDDINGS, g->committed.rows),
                              sl_row_at(g, SL_FILE_PATCHES, g->committed.rows), g->committed.crops_end,
                              g->committed.log_end}};
    go_back(g, &committed);
    g->dirty = false;
    if (sl_index_rewind(g, NULL) != SL_OK)
        g->broken = "the log can be read no more";
    return sl_fail_in(err, status, "%s: %u faces are safe, the %u added since the last commit are not and were dropped; "
                      "add them again when the cause is gone", g->dir, g->faces, added);
}

sl_status sl_gallery_commit(sl_gallery *g, sl_error *err)
{
    SL_TRY(check_writable(g, err));
    sl_status status = g->dirty ? sl_store_commit(g, err) : SL_OK;
    return status == SL_OK || g->broken ? status : drop_uncommitted(g, status, err);
}

/* ---- add ---- */

static sl_status append_removal(sl_gallery *g, uint32_t row, sl_error *err)
{
    uint8_t record[SL_REMOVE_SIZE];
    sl_remove_encode(row, &g->chain, record);
    return sl_datafile_append(&g->files[SL_FILE_LOG], record, sizeof record, err);
}

static sl_status append_face(sl_gallery *g, sl_face_record *face, const void *embedding, const void *patch_row,
                             const void *crop, sl_error *err)
{
    size_t embedding_size = (size_t)g->meta.shape.dim * sizeof(float);
    size_t row_size = sl_patch_row_layout(&g->meta.shape).stride;
    face->row = g->rows;
    face->embedding_crc = sl_crc32c(0, embedding, embedding_size);
    face->patches_crc = sl_crc32c(0, patch_row, row_size);
    face->has_crop = crop != NULL;
    face->crop_at = g->files[SL_FILE_CROPS].end;
    face->crop_size = crop ? face->crop_size : 0;
    face->crop_crc = crop ? sl_crc32c(0, crop, face->crop_size) : 0;
    if (g->meta.version < SL_GALLERY_VERSION)
        face->photo_sha256 = NULL;
    SL_TRY(sl_datafile_append(&g->files[SL_FILE_EMBEDDINGS], embedding, embedding_size, err));
    SL_TRY(sl_datafile_append(&g->files[SL_FILE_PATCHES], patch_row, row_size, err));
    if (crop)
        SL_TRY(sl_datafile_append(&g->files[SL_FILE_CROPS], crop, face->crop_size, err));
    size_t size = sl_add_encode(face, &g->chain, g->scratch); /* patch_row may have been scratch: it is written */
    return sl_datafile_append(&g->files[SL_FILE_LOG], g->scratch, size, err);
}

/* The index is changed only when all is written, and by what cannot fail. */
sl_status sl_store_replace(sl_gallery *g, const uint32_t *old, uint32_t count, sl_face_record *face,
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

sl_status sl_store_append(sl_gallery *g, sl_face_record *face, const void *embedding, const void *patch_row,
                          const void *crop, sl_error *err)
{
    return sl_store_replace(g, NULL, 0, face, embedding, patch_row, crop, err);
}

static sl_status check_entry(const sl_gallery *g, const sl_entry *entry, const sl_template *t, sl_error *err)
{
    if (!entry || !t)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: sl_gallery_add needs an entry and a template", g->dir);
    SL_TRY(sl_name_check("image id", entry->image, err));
    SL_TRY(sl_name_check("label", entry->label, err));
    const sl_template_shape *a = &g->meta.shape, *b = &t->shape;
    if (memcmp(a->fingerprint, b->fingerprint, 32) != 0 || a->dim != b->dim || a->rows != b->rows ||
        a->cols != b->cols || a->channels != b->channels)
        return sl_fail(err, SL_ERR_MISMATCH, "%s: the template of %s is not of the gallery's model %s", g->dir,
                       entry->image, g->meta.model);
    const sl_box *box = &entry->box;
    const sl_quality *q = &entry->quality;
    const float numbers[9] = {box->x0,      box->y0, box->x1,     box->y1,   q->size,
                              q->sharpness, q->pose, q->detector, q->overall};
    for (int i = 0; i < 9; i++)
        if (!isfinite(numbers[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "%s: box or quality of %s is not finite", g->dir, entry->image);
    return SL_OK;
}

/* The id must be free, but for the rows old [count]. */
static sl_status check_free(const sl_gallery *g, const char *image, const uint32_t *old, uint32_t count, sl_error *err)
{
    uint32_t row = sl_index_image(g, image, strlen(image));
    for (uint32_t i = 0; i < count && row != SL_TABLE_NONE; i++)
        if (old[i] == row)
            row = SL_TABLE_NONE;
    if (row == SL_TABLE_NONE)
        return SL_OK;
    return sl_fail(err, SL_ERR_EXISTS, "%s: %s is enrolled already, as %s", g->dir, image, sl_row_record(g, row).label);
}

sl_status sl_gallery_set_encoder(sl_gallery *g, const sl_contribution_encoder *encoder, sl_error *err)
{
    if (g->encoder.destroy)
        g->encoder.destroy(g->encoder.context);
    g->encoder = *encoder;
    if (!g->packed)
        g->packed = sl_alloc_aligned(sl_contribution_count(&g->meta.shape) * sizeof(float));
    return g->packed ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "%s: no memory", g->dir);
}

/* Compact patches: the template's own, or its map through the encoder. */
static sl_status fill_compact(sl_gallery *g, const sl_template *t, const char *image, float *scales, sl_error *err)
{
    const sl_template_shape *s = &g->meta.shape;
    const size_t patches = (size_t)s->rows * (size_t)s->cols;
    if (t->codes && memcmp(t->centre, g->centre, sl_contribution_count(s) * sizeof(float)) == 0) {
        memcpy(g->scratch, t->codes, patches * sl_code_bytes(s->dim));
        memcpy(scales, t->patch_scales, patches * sizeof(float));
        return SL_OK;
    }
    if (t->codes || !g->encoder.contributions)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: the gallery holds compact patches, and %s", g->dir,
                       t->codes ? "the template's are around another centre: make it again from the photo"
                                : "was opened without an engine that could make them: open it with one");
    sl_status status = g->encoder.contributions(g->encoder.context, t, g->packed, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "%s", image);
    sl_contributions_quantise(g->packed, g->centre, (int)patches, s->dim, g->scratch, scales);
    return SL_OK;
}

/* Patches of the other precision are converted. */
static sl_status fill_map(sl_gallery *g, const sl_template *t, float *scales, sl_error *err)
{
    const sl_template_shape *s = &g->meta.shape;
    const int patches = s->rows * s->cols;
    const size_t bytes = sl_patch_row_layout(s).patches_bytes;
    if (s->format == SL_PATCHES_F32)
        return sl_template_patches(t, (float *)g->scratch, err);
    if (t->patches_i8) {
        memcpy(g->scratch, t->patches_i8, bytes);
        memcpy(scales, t->patch_scales, (size_t)patches * sizeof(float));
    } else {
        sl_patches_quantise(t->patches_f32, patches, s->channels, (int8_t *)g->scratch, scales);
    }
    return SL_OK;
}

/* The template's patches and landmarks as the gallery keeps them, in g->scratch. */
static sl_status fill_patch_row(sl_gallery *g, const sl_template *t, const char *image, sl_error *err)
{
    const sl_template_shape *s = &g->meta.shape;
    sl_row_layout l = sl_patch_row_layout(s);
    float *scales = (float *)(g->scratch + l.scales_at);
    const bool has_map = t->patches_i8 || t->patches_f32;
    memset(g->scratch, 0, l.stride);
    if (s->format != SL_PATCHES_NONE && !has_map && !(s->format == SL_PATCHES_COMPACT && t->codes))
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: the template of %s has no patch map to keep: make it again from "
                       "the photo", g->dir, image);
    if (s->format == SL_PATCHES_COMPACT)
        SL_TRY(fill_compact(g, t, image, scales, err));
    else if (s->format != SL_PATCHES_NONE)
        SL_TRY(fill_map(g, t, scales, err));
    if (t->has_landmarks)
        memcpy(g->scratch + l.landmarks_at, t->landmarks, sizeof t->landmarks);
    return SL_OK;
}

static sl_status add_in_place(sl_gallery *g, const uint32_t *old, uint32_t count, const sl_entry *entry,
                              const sl_template *t, const sl_image *crop, sl_error *err)
{
    SL_TRY(check_free(g, entry->image, old, count, err));
    SL_TRY(fill_patch_row(g, t, entry->image, err));
    if (!sl_embedding_sound((const uint8_t *)t->embedding, t->shape.dim) ||
        !sl_patch_row_sound(g->scratch, &g->meta.shape))
        return sl_fail(err, SL_ERR_NUMERIC,
                       "%s: the template of %s has values that are not finite, or an embedding "
                       "that is not of unit length",
                       g->dir, entry->image);
    uint8_t *jpeg = NULL;
    size_t jpeg_size = 0;
    if (crop)
        SL_TRY(sl_image_encode_jpeg(crop, 92, &jpeg, &jpeg_size, err));
    sl_face_record face = {.image = entry->image,
                           .label = entry->label,
                           .box = entry->box,
                           .quality = entry->quality,
                           .image_size = strlen(entry->image),
                           .label_size = strlen(entry->label),
                           .photo_sha256 = entry->photo_sha256,
                           .has_landmarks = t->has_landmarks != 0,
                           .crop_size = (uint32_t)jpeg_size};
    sl_status status = jpeg_size > INT32_MAX
                           ? sl_fail(err, SL_ERR_LIMIT, "%s: the crop of %s is too large", g->dir, entry->image)
                           : sl_store_replace(g, old, count, &face, t->embedding, g->scratch, jpeg, err);
    free(jpeg);
    return status;
}

/* photo: whose faces it replaces, or NULL. */
static sl_status add_spelled(sl_gallery *g, const char *photo, const sl_entry *entry, const sl_template *t,
                             const sl_image *crop, sl_error *err)
{
    uint32_t old[SL_PHOTO_FACES_MAX];
    sl_spelling spelling;
    SL_TRY(check_writable(g, err));
    SL_TRY(sl_spelling_of(entry, &spelling, err));
    const sl_entry *spelled = entry ? &spelling.entry : NULL;
    sl_status status = check_entry(g, spelled, t, err);
    if (status == SL_OK)
        status = add_in_place(g, old, photo ? sl_photo_rows(g, photo, old) : 0, spelled, t, crop, err);
    sl_spelling_free(&spelling);
    return status;
}

sl_status sl_gallery_add(sl_gallery *g, const sl_entry *entry, const sl_template *t, const sl_image *crop,
                         sl_error *err)
{
    return add_spelled(g, NULL, entry, t, crop, err);
}

sl_status sl_gallery_replace(sl_gallery *g, const char *photo, const sl_entry *entry, const sl_template *t,
                             const sl_image *crop, sl_error *err)
{
    SL_TRY(sl_name_check("photo's id", photo, err));
    return add_spelled(g, photo, entry, t, crop, err);
}

/* ---- remove ---- */

static bool wanted(const sl_gallery *g, uint32_t i, uint32_t row, uint32_t label)
{
    return (row == SL_TABLE_NONE || g->face_row[i] == row) &&
           (label == SL_TABLE_NONE || g->face_label[i] == label);
}

/* Logs the removal of all wanted faces and makes it durable; the index is changed only after that. */
static sl_status remove_wanted(sl_gallery *g, uint32_t row, uint32_t label, size_t *count, sl_error *err)
{
    tail before = tail_of(g);
    sl_status status = SL_OK;
    size_t found = 0;
    for (uint32_t i = 0; i < g->faces && status == SL_OK; i++) {
        if (!wanted(g, i, row, label))
            continue;
        status = append_removal(g, g->face_row[i], err);
        found++;
    }
    if (status == SL_OK && found)
        status = sl_store_commit(g, err);
    if (status != SL_OK) {
        if (!g->broken) /* else the log is left as it is: a new handle sorts it out */
            go_back(g, &before);
        return status;
    }
    for (uint32_t i = 0; i < g->faces; i++)
        if (wanted(g, i, row, label))
            sl_index_remove(g, g->face_row[i]);
    sl_index_relist(g);
    *count = found;
    return SL_OK;
}

sl_status sl_gallery_remove(sl_gallery *g, const char *image, const char *label, size_t *removed, sl_error *err)
{
    size_t count = 0;
    if (removed)
        *removed = 0;
    SL_TRY(check_writable(g, err));
    if (!image && !label)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: sl_gallery_remove needs an image id or a label", g->dir);
    SL_TRY(sl_gallery_commit(g, err)); /* so that a failure below undoes the removal only */
    uint32_t row = image ? sl_find_image(g, image) : SL_TABLE_NONE;
    uint32_t id = label ? sl_find_label(g, label) : SL_TABLE_NONE;
    if ((image && row == SL_TABLE_NONE) || (label && id == SL_TABLE_NONE))
        return SL_OK; /* nobody of that name */
    SL_TRY(remove_wanted(g, row, id, &count, err));
    if (removed)
        *removed = count;
    return SL_OK;
}
