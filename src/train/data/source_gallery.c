/* A gallery to learn from: its stored crops, landmarks, maps and embeddings. */
#include <math.h>
#include <string.h>

#include "gallery/gallery.h"
#include "image/image.h"
#include "train/data/source_kind.h"

static const char *image_of(const void *gallery, size_t row)
{
    return sl_gallery_image(gallery, row);
}

static const char *label_of(const void *gallery, size_t row)
{
    return sl_gallery_label(gallery, row);
}

static const uint8_t *photo_of(const void *gallery, size_t row)
{
    sl_entry entry;
    return sl_gallery_entry(gallery, row, &entry, NULL) == SL_OK ? entry.photo_sha256 : NULL;
}

static bool keeps_maps(const sl_gallery *gallery)
{
    const sl_patch_format format = sl_gallery_shape(gallery)->format;
    return format == SL_PATCHES_INT8 || format == SL_PATCHES_F32;
}

static unsigned lacks(const void *gallery, size_t row, unsigned needs)
{
    sl_entry entry;
    if (sl_gallery_entry(gallery, row, &entry, NULL) != SL_OK)
        return needs;
    unsigned has = (entry.has_crop ? SL_NEED_CROPS : 0u) | (entry.has_landmarks ? SL_NEED_LANDMARKS : 0u) |
                   (keeps_maps(gallery) ? SL_NEED_MAPS : 0u);
    return needs & ~has;
}

static sl_status no_maps(const sl_gallery *gallery, sl_error *err)
{
    return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: keeps no patch maps to learn from, but %s: enrol the photos into a "
                   "new gallery with --patches f32 (or int8, a quarter of the size)", sl_gallery_place(gallery),
                   sl_gallery_shape(gallery)->format == SL_PATCHES_COMPACT ? "compact patches" : "embeddings alone");
}

/* Says what is missing everywhere; where it is now this, now that, the first that was asked for. */
static sl_status refuse(const void *gallery, unsigned needs, sl_error *err)
{
    if (needs & SL_NEED_MAPS && !keeps_maps(gallery))
        return no_maps(gallery, err);
    if (needs & SL_NEED_CROPS && lacks(gallery, 0, SL_NEED_CROPS))
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: keeps no crops to learn from: enrol the photos into a new gallery "
                       "with --keep-crops", sl_gallery_place(gallery));
    return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: its faces have no landmarks to draw by: install libdlib-data, and "
                   "enrol the photos into a new gallery with --keep-crops", sl_gallery_place(gallery));
}

static sl_status crop_of(const void *gallery, size_t row, sl_image *out, sl_point landmarks[68], bool *has_landmarks,
                         sl_error *err)
{
    const sl_point *kept;
    sl_image crop;
    SL_TRY(sl_gallery_landmarks(gallery, row, &kept, err));
    SL_TRY(sl_gallery_crop(gallery, row, &crop, err));
    *has_landmarks = kept != NULL;
    for (int k = 0; kept && k < 68; k++)
        landmarks[k] = (sl_point){kept[k].x * (float)crop.width, kept[k].y * (float)crop.height};
    if (crop.channels == 3) {
        *out = crop;
        return SL_OK;
    }
    sl_status status = sl_image_to_rgb(&crop, out, err); /* of a grey model */
    sl_image_free(&crop);
    return status;
}

static sl_status check_finite(const sl_gallery *gallery, size_t row, const float *values, size_t count,
                              const char *what, sl_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "%s: value %zu of the %s of %s is not finite: remove that face, and "
                           "enrol its photo again", sl_gallery_place(gallery), i, what, sl_gallery_image(gallery, row));
    return SL_OK;
}

static sl_status map_of(const void *gallery, size_t row, float *out, sl_error *err)
{
    const sl_template_shape *s = sl_gallery_shape(gallery);
    const size_t count = (size_t)s->rows * (size_t)s->cols * (size_t)s->channels;
    sl_patch_source stored;
    if (!keeps_maps(gallery))
        return no_maps(gallery, err);
    SL_TRY(sl_gallery_patches(gallery, row, &stored, err));
    if (stored.patches_i8)
        sl_patches_dequantise(stored.patches_i8, stored.patch_scales, s->rows * s->cols, s->channels, out);
    else
        memcpy(out, stored.patches_f32, count * sizeof *out);
    return check_finite(gallery, row, out, count, "patch map", err);
}

static sl_status embedding_of(const void *gallery, size_t row, float *out, sl_error *err)
{
    const size_t dim = (size_t)sl_gallery_shape(gallery)->dim;
    const sl_face_store faces = sl_gallery_faces(gallery);
    const float *stored;
    SL_TRY(faces.embedding(faces.context, row, &stored, err));
    memcpy(out, stored, dim * sizeof *out);
    return check_finite(gallery, row, out, dim, "embedding", err);
}

static void close_nothing(void *gallery)
{
    (void)gallery; /* the caller's */
}

static const sl_source_kind gallery_kind = {.image = image_of,
                                            .label = label_of,
                                            .photo = photo_of,
                                            .lacks = lacks,
                                            .refuse = refuse,
                                            .crop = crop_of,
                                            .map = map_of,
                                            .embedding = embedding_of,
                                            .close = close_nothing};

sl_status sl_source_of_gallery(const sl_gallery *gallery, const sl_source_filter *filter, sl_source **out,
                               sl_error *err)
{
    const float *embeddings;
    *out = NULL;
    if (sl_gallery_size(gallery) == 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: is empty: enrol people first", sl_gallery_place(gallery));
    SL_TRY(sl_gallery_embeddings(gallery, &embeddings, err)); /* from then on its names are read without failing */
    const sl_source_rows rows = {.kind = &gallery_kind,
                                 .self = (void *)gallery,
                                 .count = sl_gallery_size(gallery),
                                 .name = sl_gallery_place(gallery),
                                 .shape = sl_gallery_shape(gallery)};
    return sl_source_make(&rows, filter, out, err);
}
