/* The aligned crop: the similarity that brings a face's five points nearest to a template's, and the pixels that it
 * takes from the photo.
 *
 *     photo                         crop of the template
 *     +---------------------+       +-----------+
 *     |      o              |       |  o     o  |     eyes
 *     |         o   leaning |  ->   |     ^     |     nose
 *     |     ^               |       |   \___/   |     corners of the mouth
 *     |    \__/             |       +-----------+
 *     +---------------------+
 */
#include "face/align.h"

#include <math.h>
#include <string.h>

/* ArcFace's public template, and the dissertation's for 96 x 112 (CosFace) and 160 (FaceNet); its 128 x 128 crops
 * (ArcFace) are the 160 x 160 ones resized. */
/* clang-format off */
#define AS_128(v) (((v) + .5f) * .8f - .5f)
static const sl_align_template templates[] = {
    {"arcface-112", 112, 112,
     {{38.2946f, 51.6963f}, {73.5318f, 51.5014f}, {56.0252f, 71.7366f}, {41.5493f, 92.3655f}, {70.7299f, 92.2041f}}},
    {"cosface-96x112", 96, 112,
     {{30.2946f, 51.6963f}, {65.5318f, 51.5014f}, {48.0252f, 71.7366f}, {33.5493f, 92.3655f}, {62.7299f, 92.2041f}}},
    {"facenet-160", 160, 160,
     {{61.4356f, 54.6963f}, {118.5318f, 54.6963f}, {93.5252f, 90.7366f}, {68.5493f, 122.3655f},
      {110.7299f, 122.3641f}}},
    {"arcface-128", 128, 128,
     {{AS_128(61.4356f), AS_128(54.6963f)}, {AS_128(118.5318f), AS_128(54.6963f)},
      {AS_128(93.5252f), AS_128(90.7366f)}, {AS_128(68.5493f), AS_128(122.3655f)},
      {AS_128(110.7299f), AS_128(122.3641f)}}},
};
/* clang-format on */

const sl_align_template *sl_align_template_find(const char *name)
{
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        if (strcmp(templates[i].name, name) == 0)
            return &templates[i];
    return NULL;
}

void sl_align_points(const sl_align_template *t, int width, int height, sl_point out[5])
{
    float sx = (float)width / (float)t->width, sy = (float)height / (float)t->height;
    for (int i = 0; i < 5; i++)
        out[i] = (sl_point){(t->points[i].x + .5f) * sx - .5f, (t->points[i].y + .5f) * sy - .5f};
}

sl_status sl_face_align_map(const sl_point points[5], const sl_align_template *t, int width, int height,
                            sl_affine *map, sl_error *err)
{
    sl_point target[5];
    for (int i = 0; i < 5; i++)
        if (!isfinite(points[i].x) || !isfinite(points[i].y))
            return sl_fail(err, SL_ERR_NUMERIC, "alignment: point %d of the face's five is not a number", i + 1);
    sl_align_points(t, width, height, target);
    return sl_similarity_fit(target, points, 5, map, err);
}

sl_status sl_face_align(const sl_image *image, const sl_point points[5], const sl_align_template *t, int width,
                        int height, sl_image *out, sl_affine *map, sl_error *err)
{
    sl_affine fit;
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    SL_TRY(sl_face_align_map(points, t, width, height, &fit, err));
    if (map)
        *map = fit;
    return sl_image_take(image, &fit, width, height, out, err);
}

/* ---- points ---- */

const int sl_mirrored_point[5] = {1, 0, 2, 4, 3}; /* eyes, nose, corners of the mouth */

float sl_points_lean(const sl_point p[5])
{
    float down = p[3].y + p[4].y - p[0].y - p[1].y, right = p[3].x + p[4].x - p[0].x - p[1].x;
    return atan2f(-right, down) * 57.29578f;
}

sl_point sl_points_mean(const sl_point *points, int count)
{
    double x = 0, y = 0;
    for (int i = 0; i < count; i++)
        x += points[i].x, y += points[i].y;
    return (sl_point){(float)(x / count), (float)(y / count)};
}

void sl_points_of_landmarks(const sl_point landmarks[68], sl_point out[5])
{
    out[0] = sl_points_mean(landmarks + 36, 6);
    out[1] = sl_points_mean(landmarks + 42, 6);
    out[2] = landmarks[30];
    out[3] = landmarks[60];
    out[4] = landmarks[64];
}

sl_status sl_points_to_crop(const sl_affine *map, const sl_point *in, int count, sl_point *out, sl_error *err)
{
    sl_affine to_crop;
    SL_TRY(sl_affine_invert(map, &to_crop, err));
    for (int i = 0; i < count; i++)
        out[i] = sl_affine_apply(&to_crop, in[i]);
    return SL_OK;
}
