/* The 68 landmarks of a face as lines over it: what the weighting lmk counts (the dissertation's Figure 3.4). */
#include "explain/explain.h"

#include <math.h>

#include "image/image.h"
#include "template/template.h"

/* Landmarks that are joined in a row, and back to the first where they go round. */
static const struct {
    int first, count, closed;
} lines[] = {{0, 17, 0}, {17, 5, 0}, {22, 5, 0},  {27, 4, 0}, {31, 5, 0},
             {36, 6, 1}, {42, 6, 1}, {48, 12, 1}, {60, 8, 1}};

static void draw_lines(const sl_point landmarks[68], sl_image *picture)
{
    const float w = (float)picture->width, h = (float)picture->height, thickness = fmaxf(1, fmaxf(w, h) / 100);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (int k = 0; k + !lines[i].closed < lines[i].count; k++) {
            const sl_point a = landmarks[lines[i].first + k];
            const sl_point b = landmarks[lines[i].first + (k + 1) % lines[i].count];
            sl_draw_line(picture, (sl_point){a.x * w, a.y * h}, (sl_point){b.x * w, b.y * h}, thickness, sl_wrong, 1);
        }
}

static sl_status check_finite(const sl_point landmarks[68], sl_error *err)
{
    for (int i = 0; i < 68; i++)
        if (!(fabsf(landmarks[i].x) < 100 && fabsf(landmarks[i].y) < 100))
            return sl_fail(err, SL_ERR_NUMERIC, "landmark %d lies nowhere near its face", i);
    return SL_OK;
}

sl_status sl_landmarks_picture(const sl_template *face, const sl_image *crop, int width, int height, sl_image *out,
                               sl_error *err)
{
    *out = (sl_image){0};
    if (!face->has_landmarks)
        return sl_fail(err, SL_ERR_ARGUMENT, "a face without landmarks: make its template with a landmark model");
    SL_TRY(check_finite(face->landmarks, err));
    SL_TRY(sl_tile(crop, width, height, out, err));
    draw_lines(face->landmarks, out);
    return SL_OK;
}

sl_status sl_draw_landmarks(const sl_template *face, const sl_image *crop, int side, sl_image *out, sl_error *err)
{
    int width, height;
    *out = (sl_image){0};
    if (!face)
        return sl_fail(err, SL_ERR_ARGUMENT, "landmarks are read from a template");
    if (side < 8 || side > 4096)
        return sl_fail(err, SL_ERR_ARGUMENT, "a picture's side of %d pixels is not in 8 .. 4096", side);
    if (crop)
        SL_TRY(sl_image_check(crop, err));
    sl_tile_size(crop, side, &width, &height);
    return sl_landmarks_picture(face, crop, width, height, out, err);
}
