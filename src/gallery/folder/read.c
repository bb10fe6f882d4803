#include "gallery/folder/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "image/image.h"

/* ---- what the gallery is ---- */

size_t sl_gallery_size(const sl_gallery *g)
{
    return g->faces;
}

const sl_template_shape *sl_gallery_shape(const sl_gallery *g)
{
    return &g->meta.shape;
}

const char *sl_gallery_dir(const sl_gallery *g)
{
    return g->dir;
}

uint64_t sl_gallery_id(const sl_gallery *g)
{
    return g->meta.uid;
}

void sl_gallery_get_info(const sl_gallery *g, sl_gallery_info *out)
{
    const sl_template_shape *s = &g->meta.shape;
    *out = (sl_gallery_info){.dim = s->dim,
                             .patch_rows = s->rows,
                             .patch_cols = s->cols,
                             .patch_channels = s->channels,
                             .patches = s->format,
                             .faces = g->faces,
                             .removed = g->rows - g->faces,
                             .labels = g->labels_live,
                             .version = (int)g->meta.version,
                             .bytes = SL_META_SIZE + SL_MARKER_SIZE};
    memcpy(out->model, g->meta.model, sizeof out->model);
    sl_hex32(s->fingerprint, out->fingerprint);
    for (int k = 0; k < SL_FILES; k++)
        out->bytes += g->files[k].end;
}

const uint32_t *sl_gallery_label_ids(const sl_gallery *g)
{
    return g->face_label;
}

uint32_t sl_gallery_label_bound(const sl_gallery *g)
{
    return g->labels;
}

const char *sl_gallery_label(const sl_gallery *g, size_t i)
{
    return sl_row_record(g, g->face_row[i]).label;
}

const char *sl_gallery_image(const sl_gallery *g, size_t i)
{
    return sl_row_record(g, g->face_row[i]).image;
}

size_t sl_face_of_row(const sl_gallery *g, uint32_t row)
{
    size_t low = 0, high = g->faces; /* face_row ascends */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (g->face_row[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

sl_status sl_gallery_find(const sl_gallery *g, const char *image, size_t *i, sl_error *err)
{
    uint32_t row = sl_find_image(g, image);
    *i = 0;
    if (row == SL_TABLE_NONE)
        return sl_fail(err, SL_ERR_NOT_FOUND, "%s: no image \"%.200s\" in the gallery", g->dir, image);
    *i = sl_face_of_row(g, row);
    return SL_OK;
}

/* ---- checksums ---- */

static sl_status row_damaged(const sl_gallery *g, sl_file_kind kind, uint32_t row, const char *why, sl_error *err)
{
    return sl_fail(err, SL_ERR_CORRUPT,
                   "%s: row %u, of image \"%.200s\", is damaged (%s): restore the gallery's folder "
                   "from a copy, or remove the image and enrol it again",
                   g->files[kind].path, row, sl_row_record(g, row).image, why);
}

sl_status sl_check_embedding(const sl_gallery *g, uint32_t row, sl_error *err)
{
    const uint8_t *bytes = sl_row_bytes(g, SL_FILE_EMBEDDINGS, row);
    size_t size = (size_t)g->meta.shape.dim * sizeof(float);
    if (sl_crc32c(0, bytes, size) != sl_row_record(g, row).embedding_crc)
        return row_damaged(g, SL_FILE_EMBEDDINGS, row, "checksum", err);
    if (!sl_embedding_sound(bytes, g->meta.shape.dim))
        return row_damaged(g, SL_FILE_EMBEDDINGS, row, "not of unit length", err);
    return SL_OK;
}

sl_status sl_check_patches(const sl_gallery *g, uint32_t row, sl_error *err)
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

sl_status sl_check_crop(const sl_gallery *g, uint32_t row, sl_error *err)
{
    sl_face_record face = sl_row_record(g, row);
    if (sl_crc32c(0, g->files[SL_FILE_CROPS].base + face.crop_at, face.crop_size) != face.crop_crc)
        return row_damaged(g, SL_FILE_CROPS, row, "checksum", err);
    return SL_OK;
}

static sl_status check_index(const sl_gallery *g, size_t i, sl_error *err)
{
    if (i < g->faces)
        return SL_OK;
    return sl_fail(err, SL_ERR_ARGUMENT, "%s: there is no face %zu, the gallery has %u", g->dir, i, g->faces);
}

/* ---- entries and crops ---- */

sl_status sl_gallery_entry(const sl_gallery *g, size_t i, sl_entry *out, sl_error *err)
{
    *out = (sl_entry){0};
    SL_TRY(check_index(g, i, err));
    sl_face_record face = sl_row_record(g, g->face_row[i]);
    *out = (sl_entry){.label = face.label,
                      .image = face.image,
                      .box = face.box,
                      .quality = face.quality,
                      .has_landmarks = face.has_landmarks,
                      .has_crop = face.has_crop,
                      .photo_sha256 = face.photo_sha256};
    return SL_OK;
}

sl_status sl_gallery_crop(const sl_gallery *g, size_t i, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(check_index(g, i, err));
    uint32_t row = g->face_row[i];
    sl_face_record face = sl_row_record(g, row);
    if (!face.has_crop)
        return sl_fail(err, SL_ERR_NOT_FOUND, "%s: no crop was kept of %s (enrol with crops to have pictures)",
                       g->dir, face.image);
    SL_TRY(sl_check_crop(g, row, err));
    sl_status status = sl_image_decode(g->files[SL_FILE_CROPS].base + face.crop_at, face.crop_size, out, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "%s: crop of %s", g->dir, face.image);
}

/* ---- patches ---- */

/* The patch row of live face i, its checksum verified once. */
static sl_status patch_row(const sl_gallery *g, size_t i, const uint8_t **row, sl_error *err)
{
    *row = NULL;
    SL_TRY(check_index(g, i, err));
    uint32_t r = g->face_row[i];
    if (!atomic_load_explicit(&g->patches_held[r], memory_order_acquire)) {
        SL_TRY(sl_check_patches(g, r, err));
        atomic_store_explicit(&g->patches_held[r], 1, memory_order_release);
    }
    *row = sl_row_bytes(g, SL_FILE_PATCHES, r);
    return SL_OK;
}

sl_status sl_gallery_patches(const sl_gallery *g, size_t i, sl_patch_source *out, sl_error *err)
{
    const uint8_t *row;
    *out = (sl_patch_source){0};
    SL_TRY(patch_row(g, i, &row, err));
    const float *scales = (const float *)(row + sl_patch_row_layout(&g->meta.shape).scales_at);
    switch (g->meta.shape.format) {
    case SL_PATCHES_INT8: *out = (sl_patch_source){.patches_i8 = (const int8_t *)row, .patch_scales = scales}; break;
    case SL_PATCHES_F32: out->patches_f32 = (const float *)row; break;
    case SL_PATCHES_COMPACT:
        *out = (sl_patch_source){.codes = row, .patch_scales = scales, .centre = g->centre};
        break;
    case SL_PATCHES_NONE:
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: holds embeddings alone, no patches: enrol into a new gallery with "
                       "--patches compact or int8", g->dir);
    }
    return SL_OK;
}

sl_status sl_gallery_landmarks(const sl_gallery *g, size_t i, const sl_point **landmarks, sl_error *err)
{
    const uint8_t *row;
    *landmarks = NULL;
    SL_TRY(patch_row(g, i, &row, err));
    if (sl_row_record(g, g->face_row[i]).has_landmarks)
        *landmarks = (const sl_point *)(row + sl_patch_row_layout(&g->meta.shape).landmarks_at);
    return SL_OK;
}

/* ---- templates ---- */

sl_status sl_gallery_template(const sl_gallery *g, size_t i, sl_template **out, sl_error *err)
{
    sl_patch_source stored = {0};
    const sl_point *landmarks;
    *out = NULL;
    SL_TRY(sl_gallery_landmarks(g, i, &landmarks, err));
    if (g->meta.shape.format != SL_PATCHES_NONE)
        SL_TRY(sl_gallery_patches(g, i, &stored, err));
    uint32_t row = g->face_row[i];
    SL_TRY(sl_check_embedding(g, row, err));
    sl_template *t;
    const sl_template_shape *s = &g->meta.shape;
    SL_TRY(sl_template_alloc(s, &t, err));
    memcpy(t->embedding, sl_row_bytes(g, SL_FILE_EMBEDDINGS, row), (size_t)s->dim * sizeof(float));
    size_t bytes = sl_patch_row_layout(s).patches_bytes;
    if (stored.patches_i8)
        memcpy(t->patches_i8, stored.patches_i8, bytes);
    if (stored.patches_f32)
        memcpy(t->patches_f32, stored.patches_f32, bytes);
    if (stored.codes)
        memcpy(t->codes, stored.codes, bytes);
    if (stored.patch_scales)
        memcpy(t->patch_scales, stored.patch_scales, (size_t)s->rows * (size_t)s->cols * sizeof(float));
    t->has_landmarks = landmarks != NULL;
    if (landmarks)
        memcpy(t->landmarks, landmarks, sizeof t->landmarks);
    sl_face_record face = sl_row_record(g, row);
    t->box = face.box;
    t->quality = face.quality;
    *out = t;
    return SL_OK;
}

/* ---- embeddings ---- */

/* A contiguous copy of the live rows, for a gallery with removed ones. */
static sl_status gather(sl_gallery *g, sl_error *err)
{
    size_t size = (size_t)g->meta.shape.dim * sizeof(float);
    free(g->gathered);
    g->gathered = sl_calloc_aligned(g->faces, size);
    if (!g->gathered)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for %u embeddings: compact the gallery", g->dir,
                       g->faces);
    for (uint32_t i = 0; i < g->faces; i++)
        memcpy((uint8_t *)g->gathered + i * size, sl_row_bytes(g, SL_FILE_EMBEDDINGS, g->face_row[i]), size);
    g->embeddings = g->gathered;
    return SL_OK;
}

void sl_gallery_drop_derived(sl_gallery *g)
{
    for (int kind = 0; kind < SL_DERIVED_KINDS; kind++) {
        if (g->made[kind].what)
            g->made[kind].index_kind->destroy(g->made[kind].what);
        g->made[kind].what = NULL;
        g->made[kind].uses = 0;
    }
}

static sl_status prepare_embeddings(sl_gallery *g, sl_error *err)
{
    sl_gallery_drop_derived(g);
    for (uint32_t i = 0; i < g->faces; i++)
        if (g->face_row[i] >= g->embeddings_held)
            SL_TRY(sl_check_embedding(g, g->face_row[i], err));
    g->embeddings_held = g->rows;
    if (g->faces < g->rows)
        return g->faces ? gather(g, err) : SL_OK;
    g->embeddings = (const float *)sl_row_bytes(g, SL_FILE_EMBEDDINGS, 0);
    return SL_OK;
}

sl_status sl_gallery_embeddings(const sl_gallery *gallery, const float **out, sl_error *err)
{
    sl_gallery *g = (sl_gallery *)gallery; /* the prepared view is no part of what a caller can see */
    *out = NULL;
    if (g->faces == 0)
        return SL_OK;
    pthread_mutex_lock(&g->mutex);
    sl_status status = g->embeddings_ready ? SL_OK : prepare_embeddings(g, err);
    if (status == SL_OK) {
        g->embeddings_ready = true;
        *out = g->embeddings;
    }
    pthread_mutex_unlock(&g->mutex);
    return status;
}

sl_status sl_gallery_derived(const sl_gallery *gallery, const sl_derived_index *index_kind, size_t uses, int threads,
                          void **out, sl_error *err)
{
    sl_gallery *g = (sl_gallery *)gallery;
    const float *embeddings;
    *out = NULL;
    SL_TRY(sl_gallery_embeddings(gallery, &embeddings, err));
    pthread_mutex_lock(&g->mutex);
    sl_status status = SL_OK;
    const bool had = g->made[index_kind->kind].uses >= index_kind->after;
    g->made[index_kind->kind].index_kind = index_kind;
    g->made[index_kind->kind].uses += had ? 0 : uses;
    if (!had && g->made[index_kind->kind].uses >= index_kind->after && embeddings)
        status = index_kind->make(gallery, embeddings, threads, &g->made[index_kind->kind].what, err);
    if (status == SL_ERR_MEMORY) /* it was never needed */
        status = SL_OK;
    *out = g->made[index_kind->kind].what;
    pthread_mutex_unlock(&g->mutex);
    return status;
}

/* ---- faces for matching ---- */

static sl_status store_patches(const void *gallery, size_t i, sl_patch_source *out, sl_error *err)
{
    return sl_gallery_patches(gallery, i, out, err);
}

static sl_status store_embedding(const void *gallery, size_t i, const float **out, sl_error *err)
{
    const sl_gallery *g = gallery;
    SL_TRY(sl_gallery_embeddings(g, out, err));
    *out += i * (size_t)g->meta.shape.dim;
    return SL_OK;
}

static sl_status store_landmarks(const void *gallery, size_t i, const sl_point **out, sl_error *err)
{
    return sl_gallery_landmarks(gallery, i, out, err);
}

static const char *store_name(const void *gallery, size_t i)
{
    return sl_gallery_image(gallery, i);
}

sl_face_store sl_gallery_faces(const sl_gallery *g)
{
    return (sl_face_store){.shape = &g->meta.shape, .count = g->faces, .context = g, .patches = store_patches,
                           .embedding = store_embedding, .landmarks = store_landmarks, .name = store_name};
}
