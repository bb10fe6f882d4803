/* How good a face is for recognition: the geometric mean of size, sharpness, pose and the detector's score, each from 0
 * (useless) to 1 (as good as it gets). One that is near 0 makes the whole near 0. */
#include "face/align.h"
#include "face/detector.h"

#include <math.h>

static float clamp01(double v)
{
    return v > 0 ? v < 1 ? (float)v : 1 : 0;
}

/* Eye distance in pixels, full at 40. */
static float size_part(const sl_point p[5])
{
    return clamp01(hypot(p[1].x - p[0].x, p[1].y - p[0].y) / 40);
}

/* The nose tip's place in the frame of the line from the eyes' middle to the mouth's middle, of length h. Turning
 * the head moves it across that line (frontal 0, full profile some .6 h), nodding along it (frontal .5 h). The
 * line keeps its length where the eye distance vanishes, so profiles stay measurable. */
static float pose_part(const sl_point p[5])
{
    double ex = .5 * (p[0].x + p[1].x), ey = .5 * (p[0].y + p[1].y);
    double ux = .5 * (p[3].x + p[4].x) - ex, uy = .5 * (p[3].y + p[4].y) - ey;
    double h2 = ux * ux + uy * uy, nx = p[2].x - ex, ny = p[2].y - ey;
    if (!(h2 > 0))
        return 0;
    double across = fabs(nx * uy - ny * ux) / h2, along = (nx * ux + ny * uy) / h2;
    return clamp01(1 - across / .6) * clamp01(1 - fmax(0, fabs(along - .5) - .1) / .5);
}

/* 1 for a face that convinces, 0 for one that is as likely to be anything else. */
static float upright_part(float upright)
{
    return clamp01((upright - .5) / (SL_FACE_CONVINCES - .5));
}

/* The Laplacian's energy relative to the grey values' variance (so that light and contrast do not count), over the
 * inner face of a 112 x 112 crop: a face that was enlarged to it or is out of focus has little. */
static const double sharp_energy = .06;

static float sharpness_of(const sl_image *crop)
{
    enum { LEFT = 24, RIGHT = 88, TOP = 32, BOTTOM = 104 };
    double sum = 0, squares = 0, energy = 0;
    for (int y = TOP; y < BOTTOM; y++)
        for (int x = LEFT; x < RIGHT; x++) {
            const uint8_t *p = crop->pixels + (size_t)y * (size_t)crop->width + (size_t)x;
            int laplacian = 4 * p[0] - p[-1] - p[1] - p[-crop->width] - p[crop->width];
            sum += p[0];
            squares += p[0] * p[0];
            energy += laplacian * laplacian;
        }
    double n = (double)(RIGHT - LEFT) * (BOTTOM - TOP), variance = (squares - sum * sum / n) / n;
    return variance > 1 ? clamp01(energy / n / variance / sharp_energy) : 0;
}

static sl_status sharpness_part(const sl_image *image, const sl_point points[5], float *out, sl_error *err)
{
    sl_image crop, grey;
    SL_TRY(sl_face_align(image, points, sl_align_template_find("arcface-112"), 112, 112, &crop, NULL, err));
    sl_status status = sl_image_to_grey(&crop, &grey, err);
    sl_image_free(&crop);
    SL_TRY(status);
    *out = sharpness_of(&grey);
    sl_image_free(&grey);
    return SL_OK;
}

sl_status sl_face_quality(const sl_image *image, sl_face *face, sl_error *err)
{
    sl_quality q = {.size = size_part(face->points),
                    .pose = pose_part(face->points) * upright_part(face->upright),
                    .detector = clamp01(face->score)};
    SL_TRY(sharpness_part(image, face->points, &q.sharpness, err));
    q.overall = (float)pow((double)q.size * q.sharpness * q.pose * q.detector, .25);
    face->quality = q;
    return SL_OK;
}
