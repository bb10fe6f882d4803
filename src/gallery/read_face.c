/* What is kept of one face: its entry, its template and the parts of that, its crop. */
#include "gallery/kind.h"
#include "image/image.h"

static sl_status check_index(const sl_gallery *g, size_t i, sl_error *err)
{
    if (i < g->faces)
        return SL_OK;
    return sl_fail(err, SL_ERR_ARGUMENT, "%s: there is no face %zu, the gallery has %zu", g->place, i, g->faces);
}

/* ---- entries and crops ---- */

sl_status sl_gallery_entry(const sl_gallery *g, size_t i, sl_entry *out, sl_error *err)
{
    *out = (sl_entry){0};
    SL_TRY(check_index(g, i, err));
    return g->kind->entry(g, i, out, err);
}

uint32_t sl_gallery_label_id(const sl_gallery *g, size_t i)
{
    return g->kind->label_id(g, i);
}

uint32_t sl_gallery_label_bound(const sl_gallery *g)
{
    return g->label_bound;
}

const char *sl_gallery_label(const sl_gallery *g, size_t i)
{
    sl_entry entry;
    return g->kind->entry(g, i, &entry, NULL) == SL_OK ? entry.label : "";
}

const char *sl_gallery_image(const sl_gallery *g, size_t i)
{
    sl_entry entry;
    return g->kind->entry(g, i, &entry, NULL) == SL_OK ? entry.image : "";
}

sl_status sl_gallery_crop(const sl_gallery *g, size_t i, sl_image *out, sl_error *err)
{
    const uint8_t *jpeg;
    size_t size;
    sl_entry entry;
    *out = (sl_image){0};
    SL_TRY(sl_gallery_entry(g, i, &entry, err));
    if (!entry.has_crop)
        return sl_fail(err, SL_ERR_NOT_FOUND, "%s: no crop was kept of %s (enrol with crops to have pictures)",
                       g->place, entry.image);
    SL_TRY(g->kind->crop(g, i, &jpeg, &size, err));
    sl_status status = sl_image_decode(jpeg, size, out, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "%s: crop of %s", g->place, entry.image);
}

/* ---- templates ---- */

sl_status sl_gallery_patches(const sl_gallery *g, size_t i, sl_patch_source *out, sl_error *err)
{
    *out = (sl_patch_source){0};
    SL_TRY(check_index(g, i, err));
    SL_TRY(g->kind->patches(g, i, out, err));
    if (g->shape->format == SL_PATCHES_NONE)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: holds embeddings alone, no patches: enrol into a new gallery with "
                       "--patches compact or int8", g->place);
    return SL_OK;
}

sl_status sl_gallery_landmarks(const sl_gallery *g, size_t i, const sl_point **landmarks, sl_error *err)
{
    *landmarks = NULL;
    SL_TRY(check_index(g, i, err));
    return g->kind->landmarks(g, i, landmarks, err);
}

static sl_status copy_template(const sl_gallery *g, size_t i, sl_template **out, sl_error *err)
{
    sl_patch_source stored;
    const sl_point *landmarks;
    const float *embedding;
    sl_entry entry;
    SL_TRY(sl_gallery_entry(g, i, &entry, err));
    SL_TRY(g->kind->landmarks(g, i, &landmarks, err));
    SL_TRY(g->kind->patches(g, i, &stored, err));
    SL_TRY(g->kind->embedding(g, i, &embedding, err));
    SL_TRY(sl_template_alloc(g->shape, out, err));
    sl_template_fill(*out, embedding, &stored, landmarks);
    (*out)->box = entry.box;
    (*out)->quality = entry.quality;
    return SL_OK;
}

sl_status sl_gallery_template(const sl_gallery *g, size_t i, sl_template **out, sl_error *err)
{
    *out = NULL;
    void *held = sl_gallery_hold(g);
    sl_status status = copy_template(g, i, out, err);
    sl_gallery_let_go(g, held);
    return status;
}

/* ---- faces for matching ---- */

static sl_status stored_patches(const void *gallery, size_t i, sl_patch_source *out, sl_error *err)
{
    return sl_gallery_patches(gallery, i, out, err);
}

static sl_status stored_embedding(const void *gallery, size_t i, const float **out, sl_error *err)
{
    const sl_gallery *g = gallery; /* one by one: a second look reads few of a large gallery's */
    return g->kind->embedding(g, i, out, err);
}

static sl_status stored_landmarks(const void *gallery, size_t i, const sl_point **out, sl_error *err)
{
    return sl_gallery_landmarks(gallery, i, out, err);
}

static const char *stored_name(const void *gallery, size_t i)
{
    return sl_gallery_image(gallery, i);
}

sl_face_store sl_gallery_faces(const sl_gallery *g)
{
    return (sl_face_store){.shape = g->shape, .count = g->faces, .context = g, .patches = stored_patches,
                           .embedding = stored_embedding, .landmarks = stored_landmarks, .name = stored_name};
}
