/* What is read of a folder's rows, in place: each is checked against the log, patches once, the others each time. */
#include "gallery/folder/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"

/* ---- checksums ---- */

static sl_status row_damaged(const sl_folder *g, sl_file_kind kind, uint32_t row, const char *why, sl_error *err)
{
    return sl_fail(err, SL_ERR_CORRUPT,
                   "%s: row %u, of image \"%.200s\", is damaged (%s): restore the gallery's folder "
                   "from a copy, or remove the image and enrol it again",
                   g->files[kind].path, row, sl_row_record(g, row).image, why);
}

sl_status sl_check_embedding(const sl_folder *g, uint32_t row, sl_error *err)
{
    const uint8_t *bytes = sl_row_bytes(g, SL_FILE_EMBEDDINGS, row);
    size_t size = (size_t)g->meta.shape.dim * sizeof(float);
    if (sl_crc32c(0, bytes, size) != sl_row_record(g, row).embedding_crc)
        return row_damaged(g, SL_FILE_EMBEDDINGS, row, "checksum", err);
    if (!sl_embedding_sound(bytes, g->meta.shape.dim))
        return row_damaged(g, SL_FILE_EMBEDDINGS, row, "not of unit length", err);
    return SL_OK;
}

sl_status sl_hold_embedding(const sl_folder *g, uint32_t row, sl_error *err)
{
    if (atomic_load_explicit(&g->row_held[row], memory_order_acquire) & SL_HELD_EMBEDDING)
        return SL_OK;
    SL_TRY(sl_check_embedding(g, row, err));
    atomic_fetch_or_explicit(&g->row_held[row], SL_HELD_EMBEDDING, memory_order_release);
    return SL_OK;
}

sl_status sl_check_patches(const sl_folder *g, uint32_t row, sl_error *err)
{
    static const sl_point none[68];
    const uint8_t *bytes = sl_row_bytes(g, SL_FILE_PATCHES, row);
    const sl_face_record face = sl_row_record(g, row);
    const sl_row_layout l = sl_patch_row_layout(&g->meta.shape);
    if (sl_crc32c(0, bytes, l.stride) != face.patches_crc)
        return row_damaged(g, SL_FILE_PATCHES, row, "checksum", err);
    if (!sl_patch_row_sound(bytes, &g->meta.shape) ||
        (!face.has_landmarks && memcmp(bytes + l.landmarks_at, none, sizeof none) != 0))
        return row_damaged(g, SL_FILE_PATCHES, row, "impossible values", err);
    return SL_OK;
}

sl_status sl_check_crop(const sl_folder *g, uint32_t row, sl_error *err)
{
    sl_face_record face = sl_row_record(g, row);
    if (sl_crc32c(0, sl_crop_bytes(g, &face), face.crop_size) != face.crop_crc)
        return row_damaged(g, SL_FILE_CROPS, row, "checksum", err);
    return SL_OK;
}

sl_status sl_check_row(const sl_folder *g, uint32_t row, sl_error *err)
{
    SL_TRY(sl_check_embedding(g, row, err));
    SL_TRY(sl_check_patches(g, row, err));
    return sl_check_crop(g, row, err);
}

/* ---- faces ---- */

size_t sl_face_of_row(const sl_folder *g, uint32_t row)
{
    size_t low = 0, high = g->base.faces; /* face_row ascends */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (g->face_row[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

sl_status sl_folder_find(const sl_gallery *gallery, const char *image, size_t *i, sl_error *err)
{
    const sl_folder *g = (const sl_folder *)gallery;
    const uint32_t row = sl_index_image(g, image, strlen(image));
    (void)err;
    if (row == SL_TABLE_NONE)
        return SL_ERR_NOT_FOUND;
    *i = sl_face_of_row(g, row);
    return SL_OK;
}

sl_status sl_folder_entry(const sl_gallery *gallery, size_t i, sl_entry *out, sl_error *err)
{
    const sl_folder *g = (const sl_folder *)gallery;
    const sl_face_record face = sl_row_record(g, g->face_row[i]);
    (void)err;
    *out = (sl_entry){.label = face.label,
                      .image = face.image,
                      .box = face.box,
                      .quality = face.quality,
                      .has_landmarks = face.has_landmarks,
                      .has_crop = face.has_crop,
                      .photo_sha256 = face.photo_sha256};
    return SL_OK;
}

sl_status sl_folder_crop(const sl_gallery *gallery, size_t i, const uint8_t **jpeg, size_t *size, sl_error *err)
{
    const sl_folder *g = (const sl_folder *)gallery;
    const uint32_t row = g->face_row[i];
    const sl_face_record face = sl_row_record(g, row);
    SL_TRY(sl_check_crop(g, row, err));
    *jpeg = sl_crop_bytes(g, &face);
    *size = face.crop_size;
    return SL_OK;
}

/* ---- patches ---- */

/* The patch row of live face i, its checksum verified once. */
static sl_status patch_row(const sl_folder *g, size_t i, const uint8_t **row, sl_error *err)
{
    const uint32_t r = g->face_row[i];
    if (!(atomic_load_explicit(&g->row_held[r], memory_order_acquire) & SL_HELD_PATCHES)) {
        SL_TRY(sl_check_patches(g, r, err));
        atomic_fetch_or_explicit(&g->row_held[r], SL_HELD_PATCHES, memory_order_release);
    }
    *row = sl_row_bytes(g, SL_FILE_PATCHES, r);
    return SL_OK;
}

sl_status sl_folder_patches(const sl_gallery *gallery, size_t i, sl_patch_source *out, sl_error *err)
{
    const sl_folder *g = (const sl_folder *)gallery;
    const uint8_t *row;
    SL_TRY(patch_row(g, i, &row, err));
    *out = sl_patch_row_source(row, &g->meta.shape);
    return SL_OK;
}

sl_status sl_folder_landmarks(const sl_gallery *gallery, size_t i, const sl_point **out, sl_error *err)
{
    const sl_folder *g = (const sl_folder *)gallery;
    const uint8_t *row;
    SL_TRY(patch_row(g, i, &row, err));
    *out = sl_row_record(g, g->face_row[i]).has_landmarks ? sl_patch_row_landmarks(row, &g->meta.shape) : NULL;
    return SL_OK;
}

/* ---- embeddings ---- */

sl_status sl_folder_embedding(const sl_gallery *gallery, size_t i, const float **out, sl_error *err)
{
    const sl_folder *g = (const sl_folder *)gallery;
    SL_TRY(sl_hold_embedding(g, g->face_row[i], err));
    *out = (const float *)sl_row_bytes(g, SL_FILE_EMBEDDINGS, g->face_row[i]);
    return SL_OK;
}

static sl_status make_room(sl_folder *g, size_t size, sl_error *err)
{
    const size_t room = g->base.faces + g->base.faces / 2;
    if (g->base.faces <= g->gathered_room)
        return SL_OK;
    float *larger = sl_alloc_aligned(room * size); /* as the file has, which fits */
    if (!larger)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for %zu embeddings: compact the gallery", g->base.place,
                       g->base.faces);
    if (g->gathered_faces)
        memcpy(larger, g->gathered, g->gathered_faces * size);
    free(g->gathered);
    g->gathered = larger;
    g->gathered_room = room;
    return SL_OK;
}

/* A contiguous copy of the live rows, for a gallery with removed ones. */
static sl_status gather(sl_folder *g, const float **out, sl_error *err)
{
    const size_t size = (size_t)g->meta.shape.dim * sizeof(float);
    SL_TRY(make_room(g, size, err));
    for (size_t i = g->gathered_faces; i < g->base.faces; i++)
        memcpy((uint8_t *)g->gathered + i * size, sl_row_bytes(g, SL_FILE_EMBEDDINGS, g->face_row[i]), size);
    g->gathered_faces = g->base.faces;
    *out = g->gathered;
    return SL_OK;
}

/* Checks the rows that are new. A removed one that is damaged, or vacant, does no harm, but is not scanned either. */
static sl_status hold_embeddings(sl_folder *g, sl_error *err)
{
    for (uint32_t row = g->embeddings_held; row < g->rows; row++)
        if (!g->row_removed[row])
            SL_TRY(sl_check_embedding(g, row, err));
        else if (sl_row_vacant(g, row) || sl_check_embedding(g, row, NULL) != SL_OK)
            g->removed_damaged = true;
    g->embeddings_held = g->rows;
    return SL_OK;
}

sl_status sl_folder_rows(sl_gallery *gallery, sl_vectors *out, sl_error *err)
{
    sl_folder *g = (sl_folder *)gallery;
    SL_TRY(hold_embeddings(g, err));
    if (!g->removed_damaged)
        *out = (sl_vectors){(const float *)sl_row_bytes(g, SL_FILE_EMBEDDINGS, 0), g->rows, g->meta.shape.dim};
    return SL_OK;
}

size_t sl_folder_face_of_row(const sl_gallery *gallery, uint32_t row)
{
    const sl_folder *g = (const sl_folder *)gallery;
    return g->row_removed[row] ? SIZE_MAX : sl_face_of_row(g, row);
}

/* The mapping itself, as long as no row in it is removed. */
sl_status sl_folder_embeddings(sl_gallery *gallery, const float **out, sl_error *err)
{
    sl_folder *g = (sl_folder *)gallery;
    SL_TRY(hold_embeddings(g, err));
    if (g->base.faces < g->rows)
        return gather(g, out, err);
    *out = (const float *)sl_row_bytes(g, SL_FILE_EMBEDDINGS, 0);
    return SL_OK;
}
