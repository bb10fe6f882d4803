/* Detection: the faces of a picture with their quality and landmarks, and which of them is meant. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "pipeline/engine.h"

static void drop_faces(sl_face **faces, size_t *count)
{
    free(*faces);
    *faces = NULL;
    *count = 0;
}

/* By the detector that the engine has. RetinaFace's points are rough. */
static sl_status find_faces(sl_session *s, const sl_image *image, sl_face **faces, size_t *count, sl_error *err)
{
    const sl_engine *e = s->engine;
    if (!e->before[0].graph) {
        if (!s->detector)
            SL_TRY(sl_detector_open(e->detector.graph, NULL, s->threads, &s->detector, err));
        return sl_detector_run(s->detector, image, e->detector_threshold, faces, count, err);
    }
    const sl_mtcnn_stage stages[SL_MTCNN_STAGES] = {
        {e->before[0].graph, e->before[0].manifest->transposed},
        {e->before[1].graph, e->before[1].manifest->transposed},
        {e->detector.graph, e->detector.manifest->transposed}};
    if (!s->mtcnn)
        SL_TRY(sl_mtcnn_open(stages, NULL, s->threads, &s->mtcnn, err));
    return sl_mtcnn_run(s->mtcnn, image, e->detector_threshold, faces, count, err);
}

/* The closer look that RetinaFace's points want, in the picture that the faces were found in. On failure there are
 * none. */
static sl_status refine_faces(sl_session *s, const sl_image *image, sl_face **faces, size_t *count, sl_error *err)
{
    sl_status status = SL_OK;
    for (size_t i = 0; s->detector && i < *count && status == SL_OK; i++)
        status = sl_close_look(s->detector, image, &(*faces)[i], err);
    if (status != SL_OK)
        drop_faces(faces, count);
    return status;
}

static sl_status find_refined(sl_session *s, const sl_image *image, sl_face **faces, size_t *count, sl_error *err)
{
    SL_TRY(find_faces(s, image, faces, count, err));
    return refine_faces(s, image, faces, count, err);
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

static sl_status find_enlarged(sl_session *s, const sl_image *image, sl_face **faces, size_t *count, sl_error *err)
{
    sl_image large;
    SL_TRY(sl_image_resize(image, 2 * image->width, 2 * image->height, &large, err));
    sl_status status = find_refined(s, &large, faces, count, err);
    sl_image_free(&large);
    move_faces(*faces, *count, .5f, -.25f, -.25f);
    return status;
}

static sl_status find_framed(sl_session *s, const sl_image *image, sl_face **faces, size_t *count, sl_error *err)
{
    int left = image->width / 2, top = image->height / 2;
    size_t row = (size_t)image->width * (size_t)image->channels;
    sl_image framed; /* black around it, half a side wide */
    SL_TRY(sl_image_new(image->width + 2 * left, image->height + 2 * top, image->channels, &framed, err));
    memset(framed.pixels, 0, (size_t)framed.width * (size_t)framed.height * (size_t)framed.channels);
    for (int y = 0; y < image->height; y++)
        memcpy(framed.pixels + ((size_t)(top + y) * (size_t)framed.width + (size_t)left) * (size_t)image->channels,
               image->pixels + (size_t)y * row, row);
    sl_status status = find_refined(s, &framed, faces, count, err);
    sl_image_free(&framed);
    move_faces(*faces, *count, 1, (float)-left, (float)-top);
    return status;
}

/* A face that fills a small picture and is cut by its border may be missed: where nothing was found, such a picture is
 * looked at again, enlarged and with black around it. */
enum { AGAIN_SIDE = 320 };

static sl_status find_again(sl_session *s, const sl_image *image, sl_face **faces, size_t *count, sl_error *err)
{
    SL_TRY(find_enlarged(s, image, faces, count, err));
    return *count ? SL_OK : find_framed(s, image, faces, count, err);
}

static double box_area(const sl_box *b) { return ((double)b->x1 - b->x0) * ((double)b->y1 - b->y0); }

/* Half the area is the eye distance over 1.4: who is that near to the camera may be the one that is meant. */
static void count_rivals(sl_face *faces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        faces[i].others = (int)count - 1;
        faces[i].rivals = 0;
        for (size_t k = 0; k < count; k++)
            faces[i].rivals += k != i && box_area(&faces[k].box) >= .5 * box_area(&faces[i].box);
    }
}

static void keep_main_face(const sl_image *image, sl_face *faces, size_t *count)
{
    if (*count > 1) {
        faces[0] = faces[sl_main_face(image, faces, *count)];
        *count = 1;
    }
}

sl_status sl_session_find(sl_session *s, const sl_image *image, bool main_only, sl_face **faces, size_t *count,
                          sl_error *err)
{
    *faces = NULL;
    *count = 0;
    SL_TRY(sl_image_check(image, err));
    SL_TRY(find_faces(s, image, faces, count, err));
    bool again = !*count && image->width <= AGAIN_SIDE && image->height <= AGAIN_SIDE;
    if (again)
        SL_TRY(find_again(s, image, faces, count, err));
    count_rivals(*faces, *count);
    if (main_only)
        keep_main_face(image, *faces, count);
    return again ? SL_OK : refine_faces(s, image, faces, count, err);
}

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
    if (status != SL_OK)
        drop_faces(faces, count);
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

/* Area less twice the squared distance of the box's centre from the picture's: a small face in the middle loses
 * to a large one beside it, a stranger at the edge to the sitter. */
size_t sl_main_face(const sl_image *image, const sl_face *faces, size_t count)
{
    size_t best = 0;
    double best_value = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        const sl_box *b = &faces[i].box;
        double dx = (b->x0 + b->x1) / 2.0 - image->width / 2.0, dy = (b->y0 + b->y1) / 2.0 - image->height / 2.0;
        double value = box_area(b) - 2 * (dx * dx + dy * dy);
        if (value > best_value) {
            best_value = value;
            best = i;
        }
    }
    return best;
}
