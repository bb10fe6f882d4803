/* From a photo to the templates of its faces. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "face/landmark_groups.h"
#include "gallery/gallery.h"
#include "image/image.h"
#include "pipeline/enroll.h"

/* Processor time since the last call, or since the worker began, goes to this stage. */
static void lap(sl_enroll_worker *w, double *stage)
{
    double now = sl_thread_seconds();
    *stage += now - w->since;
    w->since = now;
}

/* ---- faces ---- */

static sl_status add_face(sl_outcome *o, const sl_enroll_face *face, sl_error *err)
{
    sl_enroll_face *grown = sl_realloc_array(o->faces, o->count + 1, sizeof *grown);
    if (!grown)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a face", o->photo->path);
    o->faces = grown;
    o->faces[o->count++] = *face;
    return SL_OK;
}

/* Refuses a face below the gate: the photo's outcome when it was the only one. */
static bool passes_gate(const sl_enroll_worker *w, sl_outcome *o, const sl_face *face)
{
    if (w->options->min_quality < 0 || face->quality.overall >= w->options->min_quality)
        return true;
    o->low_quality = true;
    sl_fail(&o->why, SL_ERR_NO_FACE, "%s: the face is of too low quality (%.3f, at least %.3f is asked: size %.2f, "
            "sharpness %.2f, pose %.2f, detector %.2f)", o->photo->path, (double)face->quality.overall,
            (double)w->options->min_quality, (double)face->quality.size, (double)face->quality.sharpness,
            (double)face->quality.pose, (double)face->quality.detector);
    return false;
}

static sl_status crop_face(sl_enroll_worker *w, sl_outcome *o, const sl_image *image, sl_face *face, int number,
                           sl_error *err)
{
    SL_TRY(sl_session_complete(w->session, image, face, err));
    lap(w, &w->spent.landmarks);
    if (!passes_gate(w, o, face))
        return SL_OK;
    sl_enroll_face f = {.box = face->box, .quality = face->quality, .number = number};
    SL_TRY(sl_session_crop(w->session, image, face, &f.crop, f.landmarks, &f.has_landmarks, err));
    lap(w, &w->spent.align);
    sl_status status = add_face(o, &f, err);
    if (status != SL_OK)
        sl_image_free(&f.crop);
    return status;
}

/* Who is meant is not for us to guess where one_face was asked for. */
static sl_status check_rivals(const sl_enroll_worker *w, sl_outcome *o, const sl_face *face, sl_error *err)
{
    if (w->options->all_faces)
        return SL_OK;
    o->rivals = face->rivals;
    if (!face->rivals || !w->options->one_face)
        return SL_OK;
    return sl_fail(err, SL_ERR_SEVERAL_FACES, "%s: shows %d faces that are about as large: cut the photo to the one "
                   "that is meant", o->photo->path, face->rivals + 1);
}

static sl_status find_faces(sl_enroll_worker *w, sl_outcome *o, const sl_image *image, sl_error *err)
{
    sl_face *faces;
    size_t count;
    SL_TRY(sl_session_find(w->session, image, !w->options->all_faces, &faces, &count, err));
    lap(w, &w->spent.detect);
    sl_status status = SL_OK;
    if (count == 0)
        status = sl_fail(err, SL_ERR_NO_FACE, "%s: no face found", o->photo->path);
    else
        status = check_rivals(w, o, &faces[0], err);
    for (size_t i = 0; i < count && i < SL_PHOTO_FACES_MAX && status == SL_OK; i++)
        status = crop_face(w, o, image, &faces[i], (int)i + 1, err);
    free(faces);
    return status;
}

/* The landmarks of a crop: found, or those that are kept beside it, in units of its sides as the published code counts
 * them. */
static sl_status crop_landmarks(sl_enroll_worker *w, sl_outcome *o, const sl_image *crop, sl_enroll_face *f,
                                sl_error *err)
{
    if (!w->options->lmk)
        return sl_session_crop_landmarks(w->session, crop, f->landmarks, &f->has_landmarks, err);
    sl_status status = sl_landmark_groups_of(w->options->lmk, o->photo->image, f->landmarks, err);
    o->unread = status != SL_OK;
    SL_TRY(status);
    for (int i = 0; i < 68; i++) {
        f->landmarks[i].x /= (float)crop->width;
        f->landmarks[i].y /= (float)crop->height;
    }
    f->has_landmarks = 1;
    return SL_OK;
}

/* A picture that is a crop already: scored 1, its landmarks found where the template puts a face. */
static sl_status take_crop(sl_enroll_worker *w, sl_outcome *o, sl_image *image, sl_error *err)
{
    sl_enroll_face f = {.box = {0, 0, (float)image->width, (float)image->height},
                        .quality = {.size = 1, .sharpness = 1, .pose = 1, .detector = 1, .overall = 1}, .number = 1};
    SL_TRY(crop_landmarks(w, o, image, &f, err));
    lap(w, &w->spent.landmarks);
    f.crop = *image;
    SL_TRY(add_face(o, &f, err));
    *image = (sl_image){0}; /* the outcome's now */
    return SL_OK;
}

static void hash_file(sl_outcome *o, const uint8_t *data, size_t size)
{
    sl_sha256_of(data, size, o->sha256);
    o->has_hash = true;
}

/* The picture's hash and, unless that settles it, its pixels: no pixels else. The file is read once for both. */
static sl_status read_pixels(const sl_enroll_worker *w, sl_outcome *o, sl_image *image, sl_error *err)
{
    sl_photo photo = *o->photo;
    uint8_t *loaded = NULL;
    sl_status status = SL_OK;
    if (sl_enroll_settled(w->options, o))
        return SL_OK;
    if (!photo.data) {
        SL_TRY(sl_image_load(photo.path, &loaded, &photo.size, err));
        photo.data = loaded;
    }
    hash_file(o, photo.data, photo.size);
    if (!sl_enroll_settled(w->options, o))
        status = sl_photo_read(w->session, &photo, w->options->aligned, image, err);
    free(loaded);
    return status;
}

static void read_photo(sl_enroll_worker *w, sl_outcome *o)
{
    sl_image image = {0};
    sl_error *err = &o->why;
    sl_status status = read_pixels(w, o, &image, err);
    lap(w, &w->spent.decode);
    o->unread = status != SL_OK;
    if (status == SL_OK)
        o->warning = *err;
    if (image.pixels)
        status = w->options->aligned ? take_crop(w, o, &image, err) : find_faces(w, o, &image, err);
    sl_image_free(&image);
    if (status == SL_OK && o->count)
        o->why.status = SL_OK;
}

/* ---- templates ---- */

static void complete_template(sl_enroll_face *f, sl_template *t)
{
    t->box = f->box;
    t->quality = f->quality;
    t->has_landmarks = f->has_landmarks;
    memcpy(t->landmarks, f->landmarks, sizeof f->landmarks);
    f->template = t;
}

/* Of all faces together, so that they go through the network in batches. */
static sl_status embed(const sl_enroll_worker *w, sl_outcome *outcomes, size_t count, sl_error *err)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        total += outcomes[i].count;
    sl_image *crops = sl_calloc_aligned(total + 1, sizeof *crops);
    sl_template **templates = sl_calloc_aligned(total + 1, sizeof *templates);
    sl_status status = crops && templates ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for %zu crops", total);
    for (size_t i = 0; i < count && status == SL_OK; i++)
        for (size_t k = 0; k < outcomes[i].count; k++)
            crops[at++] = outcomes[i].faces[k].crop;
    if (status == SL_OK)
        status = sl_session_embed(w->session, crops, total, w->precision, false, templates, err);
    at = 0;
    for (size_t i = 0; i < count && status == SL_OK; i++)
        for (size_t k = 0; k < outcomes[i].count; k++)
            complete_template(&outcomes[i].faces[k], templates[at++]);
    free(crops);
    free(templates);
    return status;
}

void sl_enroll_work(sl_enroll_worker *w, sl_outcome *outcomes, size_t count)
{
    w->since = sl_thread_seconds();
    for (size_t i = 0; i < count; i++)
        read_photo(w, &outcomes[i]);
    if (embed(w, outcomes, count, NULL) != SL_OK) /* one by one: only the bad photo is lost */
        for (size_t i = 0; i < count; i++)
            if (outcomes[i].count)
                embed(w, &outcomes[i], 1, &outcomes[i].why);
    lap(w, &w->spent.embed);
}

void sl_outcome_clear(sl_outcome *o)
{
    for (size_t i = 0; i < o->count; i++) {
        sl_image_free(&o->faces[i].crop);
        sl_template_free(o->faces[i].template);
    }
    free(o->faces);
    *o = (sl_outcome){0};
}
