/* Detection: the faces of a photo, whichever way up it stands, with their quality and landmarks, and which of them is
 * meant. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "face/face_list.h"
#include "image/image.h"
#include "pipeline/sight.h"

/* ---- the four ways a photo may stand ---- */

/* To be believed, a photo turned must show more than the photo as it is, and not too little: there are three more
 * chances to see a face where there is none. docs/results.md, "Turned photos", has the figures. */
static const float least_gain = .005f, least_evidence = .8f;

/* A sight of the photo turned back takes the place of a weaker one. */
static sl_status look_turned(sl_session *s, const sl_image *photo, int turned, sl_sight *best, int *best_turned,
                             sl_error *err)
{
    sl_image righted;
    sl_sight sight;
    SL_TRY(sl_image_righted(photo, turned, &righted, err));
    sl_status status = sl_sight_look(s, &righted, &sight, err);
    sl_image_free(&righted);
    SL_TRY(status);
    if (sight.evidence >= least_evidence && sight.evidence > best->evidence + (*best_turned ? 0 : least_gain)) {
        sl_sight_clear(best);
        *best = sight;
        *best_turned = turned;
    } else
        sl_sight_clear(&sight);
    return SL_OK;
}

static sl_status look_all_ways(sl_session *s, const sl_image *photo, sl_sight *best, int *turned, sl_error *err)
{
    *turned = 0;
    SL_TRY(sl_sight_look(s, photo, best, err));
    sl_status status = SL_OK;
    for (int way = 90; !best->convinces && !s->engine->as_is && way < 360 && status == SL_OK; way += 90)
        status = look_turned(s, photo, way, best, turned, err);
    if (status != SL_OK)
        sl_sight_clear(best);
    return status;
}

static void keep_main_face(sl_sight *sight)
{
    if (!sight->count)
        return;
    sight->faces[0] = sight->faces[sight->main];
    sight->main = 0;
    sight->count = 1;
}

/* Of more faces than are wanted the surest, before more work is spent on them: how many are left out. */
static size_t keep_surest(const sl_session *s, sl_sight *sight)
{
    const size_t most = (size_t)s->engine->max_faces, count = sight->count;
    if (!most || count <= most)
        return 0;
    sl_faces_sort(sight->faces, count);
    sight->count = most;
    sight->main = 0;
    return count - most;
}

static sl_status warn_left_out(size_t left_out, size_t kept, sl_error *err)
{
    if (left_out && err)
        snprintf(err->text, sizeof err->text, "%zu faces, of which the %zu surest are taken (max_faces)",
                 left_out + kept, kept);
    return SL_OK;
}

/* What all faces but the main one still want, in the photo turned back: small ones to be found where all are wanted or
 * none was found, and the closer look. */
static sl_status complete_sight(sl_session *s, const sl_image *righted, bool main_only, sl_sight *sight, sl_error *err)
{
    if (!main_only || !sight->count)
        SL_TRY(sl_sight_add_small(s, righted, sight, err));
    if (main_only)
        return SL_OK;
    const size_t left_out = keep_surest(s, sight);
    SL_TRY(sl_sight_refine(s, righted, sight, err));
    return warn_left_out(left_out, sight->count, err);
}

static sl_status complete_turned(sl_session *s, const sl_image *photo, int turned, bool main_only, sl_sight *sight,
                                 sl_error *err)
{
    sl_image righted;
    if (!turned || (main_only && sight->count))
        return complete_sight(s, photo, main_only, sight, err);
    sl_status status = sl_image_righted(photo, turned, &righted, err);
    if (status == SL_OK)
        status = complete_sight(s, &righted, main_only, sight, err);
    else
        sl_sight_clear(sight);
    sl_image_free(&righted);
    return status;
}

/* Half the area is the eye distance over 1.4: who is that near to the camera may be the one that is meant. */
static void count_rivals(sl_face *faces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        faces[i].others = (int)count - 1;
        faces[i].rivals = 0;
        for (size_t k = 0; k < count; k++)
            faces[i].rivals += k != i && sl_box_area(&faces[k].box) >= .5 * sl_box_area(&faces[i].box);
    }
}

/* From the pixels of the photo turned back to its own. */
static void turn_face(const sl_image *photo, int turned, sl_face *face)
{
    sl_point corners[2] = {{face->box.x0, face->box.y0}, {face->box.x1, face->box.y1}};
    sl_points_of_righted(photo, turned, corners, 2);
    sl_points_of_righted(photo, turned, face->points, 5);
    face->box = (sl_box){fminf(corners[0].x, corners[1].x), fminf(corners[0].y, corners[1].y),
                         fmaxf(corners[0].x, corners[1].x), fmaxf(corners[0].y, corners[1].y)};
    face->turned = turned;
}

sl_status sl_session_find(sl_session *s, const sl_image *image, bool main_only, sl_face **faces, size_t *count,
                          sl_error *err)
{
    sl_sight sight;
    int turned;
    *faces = NULL;
    *count = 0;
    SL_TRY(sl_session_check(s, err));
    SL_TRY(sl_image_check(image, err));
    SL_TRY(look_all_ways(s, image, &sight, &turned, err));
    SL_TRY(complete_turned(s, image, turned, main_only, &sight, err));
    count_rivals(sight.faces, sight.count);
    if (main_only)
        keep_main_face(&sight);
    sl_faces_sort(sight.faces, sight.count);
    for (size_t i = 0; i < sight.count; i++)
        turn_face(image, turned, &sight.faces[i]);
    *faces = sight.faces;
    *count = sight.count;
    return SL_OK;
}

/* ---- what else is told of a face ---- */

sl_status sl_session_complete(const sl_session *s, const sl_image *image, sl_face *face, sl_error *err)
{
    SL_TRY(sl_face_quality(image, face, err));
    if (!s->engine->landmarks)
        return SL_OK;
    face->has_landmarks = sl_landmarks_of_face(s->engine->landmarks, image, face->points, face->landmarks, NULL)
                          == SL_OK;
    return SL_OK;
}

static sl_status detect(sl_session *s, const sl_image *image, bool main_only, sl_face **faces, size_t *count,
                        sl_error *err)
{
    SL_TRY(sl_session_find(s, image, main_only, faces, count, err));
    sl_status status = SL_OK;
    for (size_t i = 0; i < *count && status == SL_OK; i++)
        status = sl_session_complete(s, image, &(*faces)[i], err);
    if (status != SL_OK) {
        free(*faces);
        *faces = NULL;
        *count = 0;
    }
    return status;
}

sl_status sl_detect(sl_session *s, const sl_image *image, sl_face **faces, size_t *count, sl_error *err)
{
    return detect(s, image, false, faces, count, err);
}

sl_status sl_detect_main(sl_session *s, const sl_image *image, sl_face **faces, size_t *count, sl_error *err)
{
    return detect(s, image, true, faces, count, err);
}
