/* A face that is to be added: checked, and converted to what the gallery keeps. */
#include "gallery/new_face.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gallery/naming.h"
#include "image/image.h"

enum { CROP_QUALITY = 92 };

sl_status sl_new_face_check(const sl_gallery *g, const sl_entry *entry, const sl_template *t, sl_error *err)
{
    if (!entry || !t)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: sl_gallery_add needs an entry and a template", g->place);
    SL_TRY(sl_name_check("image id", entry->image, err));
    SL_TRY(sl_name_check("label", entry->label, err));
    const sl_template_shape *a = g->shape, *b = &t->shape;
    if (!sl_same_model(a->fingerprint, b->fingerprint) || !sl_same_sizes(a, b))
        return sl_fail(err, SL_ERR_MISMATCH, "%s: the template of %s is not of the gallery's model %s", g->place,
                       entry->image, g->model);
    const sl_box *box = &entry->box;
    const sl_quality *q = &entry->quality;
    const float numbers[9] = {box->x0,      box->y0, box->x1,     box->y1,   q->size,
                              q->sharpness, q->pose, q->detector, q->overall};
    for (int i = 0; i < 9; i++)
        if (!isfinite(numbers[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "%s: box or quality of %s is not finite", g->place, entry->image);
    return SL_OK;
}

sl_status sl_gallery_set_encoder(sl_gallery *g, const sl_contribution_encoder *encoder, sl_error *err)
{
    if (g->encoder.destroy)
        g->encoder.destroy(g->encoder.context);
    g->encoder = *encoder;
    if (!g->contributions)
        g->contributions = sl_alloc_aligned(sl_contribution_count(g->shape) * sizeof(float));
    return g->contributions ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "%s: no memory", g->place);
}

/* ---- patches ---- */

/* Compact patches: the template's own, or its map through the encoder. */
static sl_status fill_compact(sl_gallery *g, const sl_template *t, const char *image, float *scales, sl_error *err)
{
    const sl_template_shape *s = g->shape;
    const size_t patches = (size_t)s->rows * (size_t)s->cols;
    if (t->codes && memcmp(t->centre, s->centre, sl_contribution_count(s) * sizeof(float)) == 0) {
        memcpy(g->patch_row, t->codes, patches * sl_code_bytes(s->dim));
        memcpy(scales, t->patch_scales, patches * sizeof(float));
        return SL_OK;
    }
    if (t->codes || !g->encoder.contributions)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: the gallery holds compact patches, and %s", g->place,
                       t->codes ? "the template's are around another centre: make it again from the photo"
                                : "was opened without an engine that could make them: open it with one");
    sl_status status = g->encoder.contributions(g->encoder.context, t, g->contributions, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "%s", image);
    sl_contributions_quantise(g->contributions, s->centre, (int)patches, s->dim, g->patch_row, scales);
    return SL_OK;
}

/* A map of the other format is converted. */
static sl_status fill_map(sl_gallery *g, const sl_template *t, float *scales, sl_error *err)
{
    const sl_template_shape *s = g->shape;
    const int patches = s->rows * s->cols;
    if (s->format == SL_PATCHES_F32)
        return sl_template_patches(t, (float *)g->patch_row, err);
    if (t->patches_i8) {
        memcpy(g->patch_row, t->patches_i8, sl_patch_row_layout(s).patches_bytes);
        memcpy(scales, t->patch_scales, (size_t)patches * sizeof(float));
    } else {
        sl_patches_quantise(t->patches_f32, patches, s->channels, (int8_t *)g->patch_row, scales);
    }
    return SL_OK;
}

/* The template's patches and landmarks as the gallery keeps them. */
static sl_status fill_patch_row(sl_gallery *g, const sl_template *t, const char *image, sl_error *err)
{
    const sl_template_shape *s = g->shape;
    const sl_row_layout l = sl_patch_row_layout(s);
    const bool has_map = t->patches_i8 || t->patches_f32;
    if (!g->patch_row)
        g->patch_row = sl_alloc_aligned(l.stride);
    if (!g->patch_row)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory", g->place);
    float *scales = (float *)(g->patch_row + l.scales_at);
    memset(g->patch_row, 0, l.stride);
    if (s->format != SL_PATCHES_NONE && !has_map && !(s->format == SL_PATCHES_COMPACT && t->codes))
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: the template of %s has no patch map to keep: make it again from "
                       "the photo", g->place, image);
    if (s->format == SL_PATCHES_COMPACT)
        SL_TRY(fill_compact(g, t, image, scales, err));
    else if (s->format != SL_PATCHES_NONE)
        SL_TRY(fill_map(g, t, scales, err));
    if (t->has_landmarks)
        memcpy(g->patch_row + l.landmarks_at, t->landmarks, sizeof t->landmarks);
    return SL_OK;
}

/* ---- the face ---- */

static sl_status encode_crop(const sl_gallery *g, const char *image, const sl_image *crop, sl_new_face *out,
                             sl_error *err)
{
    uint8_t *jpeg = NULL;
    SL_TRY(sl_image_encode_jpeg(crop, CROP_QUALITY, &jpeg, &out->crop_size, err));
    out->crop = jpeg;
    if (out->crop_size <= INT32_MAX)
        return SL_OK;
    sl_new_face_free(out);
    return sl_fail(err, SL_ERR_LIMIT, "%s: the crop of %s is too large", g->place, image);
}

sl_status sl_new_face_make(sl_gallery *g, const sl_entry *entry, const sl_template *t, const sl_image *crop,
                           sl_entry *kept, sl_new_face *out, sl_error *err)
{
    *kept = *entry;
    kept->has_landmarks = t->has_landmarks != 0;
    kept->has_crop = crop != NULL;
    SL_TRY(fill_patch_row(g, t, entry->image, err));
    *out = (sl_new_face){.entry = kept, .embedding = t->embedding, .patch_row = g->patch_row};
    if (!sl_embedding_sound((const uint8_t *)t->embedding, t->shape.dim) || !sl_patch_row_sound(g->patch_row, g->shape))
        return sl_fail(err, SL_ERR_NUMERIC,
                       "%s: the template of %s has values that are not finite, or an embedding "
                       "that is not of unit length",
                       g->place, entry->image);
    return crop ? encode_crop(g, entry->image, crop, out, err) : SL_OK;
}

void sl_new_face_free(sl_new_face *face)
{
    free((void *)face->crop);
    face->crop = NULL;
}
