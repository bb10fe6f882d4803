/* One look at a picture: the detector, a second try where it finds nothing, the closer look at the main face. */
#include "pipeline/sight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

void sl_sight_clear(sl_sight *sight)
{
    free(sight->faces);
    *sight = (sl_sight){0};
}

static sl_status find_faces(sl_session *s, const sl_image *image, sl_face **faces, size_t *count, sl_error *err)
{
    if (!s->detector)
        SL_TRY(sl_detector_model_start(&s->engine->detector, s->threads, &s->detector, err));
    return sl_detector_find(s->detector, image, s->engine->detector_threshold, faces, count, err);
}

/* The closer look. Of a detector without points, the landmarks' are the better ones: found from those it guessed, and
 * once more from these. */
static sl_status refine(sl_session *s, const sl_image *image, sl_face *face, sl_error *err)
{
    sl_point landmarks[68];
    SL_TRY(sl_detector_refine(s->detector, image, face, err));
    for (int i = 0; i < 2 && s->detector->guesses_points && s->engine->landmarks; i++)
        if (sl_landmarks_of_face(s->engine->landmarks, image, face->points, landmarks, NULL) == SL_OK)
            sl_points_of_landmarks(landmarks, face->points);
    return SL_OK;
}

/* ---- where nothing was found ---- */

static sl_status find_refined(sl_session *s, const sl_image *image, sl_sight *out, sl_error *err)
{
    SL_TRY(find_faces(s, image, &out->faces, &out->count, err));
    out->refined = true;
    for (size_t i = 0; i < out->count; i++)
        SL_TRY(refine(s, image, &out->faces[i], err));
    return SL_OK;
}

static void move_points(sl_point *points, int count, float scale, float dx, float dy)
{
    for (int i = 0; i < count; i++)
        points[i] = (sl_point){scale * points[i].x + dx, scale * points[i].y + dy};
}

/* From the other picture's pixels to the photo's: p = scale * q + (dx, dy). */
static void move_faces(sl_face *faces, size_t count, float scale, float dx, float dy)
{
    for (size_t i = 0; i < count; i++) {
        sl_box *b = &faces[i].box;
        *b = (sl_box){scale * b->x0 + dx, scale * b->y0 + dy, scale * b->x1 + dx, scale * b->y1 + dy};
        move_points(faces[i].points, 5, scale, dx, dy);
    }
}

static sl_status find_enlarged(sl_session *s, const sl_image *image, sl_sight *out, sl_error *err)
{
    sl_image large;
    SL_TRY(sl_image_resize(image, 2 * image->width, 2 * image->height, &large, err));
    sl_status status = find_refined(s, &large, out, err);
    sl_image_free(&large);
    move_faces(out->faces, out->count, .5f, -.25f, -.25f);
    return status;
}

static sl_status find_framed(sl_session *s, const sl_image *image, sl_sight *out, sl_error *err)
{
    int left = image->width / 2, top = image->height / 2;
    size_t row = (size_t)image->width * (size_t)image->channels;
    sl_image framed; /* black around it, half a side wide */
    SL_TRY(sl_image_new(image->width + 2 * left, image->height + 2 * top, image->channels, &framed, err));
    memset(framed.pixels, 0, (size_t)framed.width * (size_t)framed.height * (size_t)framed.channels);
    for (int y = 0; y < image->height; y++)
        memcpy(framed.pixels + ((size_t)(top + y) * (size_t)framed.width + (size_t)left) * (size_t)image->channels,
               image->pixels + (size_t)y * row, row);
    sl_status status = find_refined(s, &framed, out, err);
    sl_image_free(&framed);
    move_faces(out->faces, out->count, 1, (float)-left, (float)-top);
    return status;
}

/* A face that fills a small picture and is cut by its border may be missed: where nothing was found, such a picture is
 * looked at again, enlarged and with black around it. */
enum { AGAIN_SIDE = 320 };

static sl_status find(sl_session *s, const sl_image *image, sl_sight *out, sl_error *err)
{
    SL_TRY(find_faces(s, image, &out->faces, &out->count, err));
    if (out->count || image->width > AGAIN_SIDE || image->height > AGAIN_SIDE)
        return SL_OK;
    SL_TRY(find_enlarged(s, image, out, err));
    return out->count ? SL_OK : find_framed(s, image, out, err);
}

/* ---- which way up ---- */

/* A face that leans much leans less in the picture turned: it convinces nobody here, and gives the less evidence the
 * more it leans. */
static const float most_lean = 35;

static void weigh(sl_sight *sight, const sl_face *face)
{
    float lean = fabsf(sl_points_lean(face->points));
    float evidence = face->upright * (1 - fmaxf(0, lean - most_lean) / 200);
    sight->convinces |= face->upright >= SL_FACE_CONVINCES && lean <= most_lean;
    sight->evidence = fmaxf(sight->evidence, evidence);
}

static sl_status look(sl_session *s, const sl_image *picture, sl_sight *out, sl_error *err)
{
    SL_TRY(find(s, picture, out, err));
    if (!out->count)
        return SL_OK;
    out->main = sl_main_face(picture, out->faces, out->count);
    sl_face best = out->faces[0]; /* as it was found */
    if (!out->refined)
        SL_TRY(refine(s, picture, &out->faces[out->main], err));
    weigh(out, &out->faces[out->main]);
    if (out->convinces || !out->main)
        return SL_OK;
    if (!out->refined) /* of a copy: its turn comes with that of the others */
        SL_TRY(refine(s, picture, &best, err));
    weigh(out, &best);
    return SL_OK;
}

sl_status sl_sight_look(sl_session *s, const sl_image *picture, sl_sight *out, sl_error *err)
{
    *out = (sl_sight){0};
    sl_status status = look(s, picture, out, err);
    if (status != SL_OK)
        sl_sight_clear(out);
    return status;
}

sl_status sl_sight_refine(sl_session *s, const sl_image *picture, sl_sight *sight, sl_error *err)
{
    sl_status status = SL_OK;
    for (size_t i = 0; !sight->refined && i < sight->count && status == SL_OK; i++)
        if (i != sight->main)
            status = refine(s, picture, &sight->faces[i], err);
    if (status == SL_OK)
        sight->refined = true;
    else
        sl_sight_clear(sight);
    return status;
}

static sl_status add_small(sl_session *s, const sl_image *picture, sl_sight *sight, sl_error *err)
{
    const size_t before = sight->count;
    SL_TRY(sl_detector_find_small(s->detector, picture, s->engine->detector_threshold, s->engine->min_face,
                                  &sight->faces, &sight->count, err));
    for (size_t i = before; i < sight->count; i++)
        SL_TRY(refine(s, picture, &sight->faces[i], err));
    if (!before && sight->count)
        sight->main = sl_main_face(picture, sight->faces, sight->count);
    return SL_OK;
}

sl_status sl_sight_add_small(sl_session *s, const sl_image *picture, sl_sight *sight, sl_error *err)
{
    if (!sight->count)
        sight->refined = true; /* all there will be are */
    sl_status status = add_small(s, picture, sight, err);
    if (status != SL_OK)
        sl_sight_clear(sight);
    return status;
}
