/* What everything drawn on a face needs: the face's axes, the rectangle of the picture that a shape touches, and layers
 * of coverage over it. A cover is drawn in these steps:
 *
 *     points in face axes -> smooth outline -> coverage [h, w], 0 .. 1 -> its edge blurred -> painted
 *                                                      |
 *                                                      +-> moved and blurred more: the shadow on the skin
 */
#include "occlude/occlude.h"

#include <math.h>
#include <string.h>

#include "face/align.h"
#include "image/draw.h"

sl_status sl_face_axes_of(const sl_point landmarks[68], sl_face_axes *out, sl_error *err)
{
    for (int i = 0; i < 68; i++)
        if (!(fabsf(landmarks[i].x) < 1e6f && fabsf(landmarks[i].y) < 1e6f))
            return sl_fail(err, SL_ERR_NUMERIC, "occlusion: landmark %d of 68 is at (%g, %g)", i + 1,
                           (double)landmarks[i].x, (double)landmarks[i].y);
    sl_point left = sl_points_mean(landmarks + 36, 6), right = sl_points_mean(landmarks + 42, 6),
             mouth = sl_points_mean(landmarks + 48, 20);
    double ex = right.x - left.x, ey = right.y - left.y, eyes = hypot(ex, ey);
    double cx = .5 * (left.x + right.x), cy = .5 * (left.y + right.y), height = hypot(mouth.x - cx, mouth.y - cy);
    /* From the front, the mouth is 1.1 eye distances below the eyes; turning shortens only the eye distance. */
    double unit = fmax(eyes, height / 1.15);
    if (!(eyes > .5 && height > .5))
        return sl_fail(err, SL_ERR_NUMERIC,
                       "occlusion: eyes and mouth are on one spot: these are no landmarks of a face");
    double ux = ex / eyes, uy = ey / eyes;
    *out = (sl_face_axes){cx, cy, ux * unit, uy * unit, -uy * unit, ux * unit, unit};
    return SL_OK;
}

sl_point sl_axes_to_face(const sl_face_axes *a, sl_point p)
{
    double x = p.x - a->ox, y = p.y - a->oy, n = a->unit * a->unit;
    return (sl_point){(float)((x * a->ux + y * a->uy) / n), (float)((x * a->vx + y * a->vy) / n)};
}

sl_point sl_axes_to_picture(const sl_face_axes *a, sl_point p)
{
    return (sl_point){(float)(a->ox + a->ux * p.x + a->vx * p.y), (float)(a->oy + a->uy * p.x + a->vy * p.y)};
}

bool sl_area_of(const sl_image *image, const sl_face_axes *a, const sl_point *points, int count, double margin,
                sl_area *out)
{
    double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY, m = margin * a->unit + 1;
    for (int i = 0; i < count; i++) {
        sl_point p = sl_axes_to_picture(a, points[i]);
        x0 = fmin(x0, p.x), x1 = fmax(x1, p.x);
        y0 = fmin(y0, p.y), y1 = fmax(y1, p.y);
    }
    x0 = fmax(floor(x0 - m), 0), y0 = fmax(floor(y0 - m), 0);
    x1 = fmin(ceil(x1 + m), image->width - 1), y1 = fmin(ceil(y1 + m), image->height - 1);
    if (!(x0 <= x1 && y0 <= y1))
        return false;
    *out = (sl_area){(int)x0, (int)y0, (int)x1 - (int)x0 + 1, (int)y1 - (int)y0 + 1};
    return true;
}

void sl_area_polygon(const sl_area *area, const sl_face_axes *a, const sl_point *points, int count, float *out)
{
    enum { MOST = 512 };
    sl_point p[MOST];
    if (count > MOST)
        count = MOST;
    for (int i = 0; i < count; i++) {
        p[i] = sl_axes_to_picture(a, points[i]);
        p[i].x -= (float)area->x;
        p[i].y -= (float)area->y;
    }
    sl_polygon_coverage(p, count, area->width, area->height, out);
}

void sl_area_band(const sl_area *area, const sl_face_axes *a, const sl_point c[3], double from_width,
                  double to_width, float *scratch, float *out)
{
    enum { STEPS = 16 };
    sl_point outline[2 * (STEPS + 1)];
    for (int i = 0; i <= STEPS; i++) {
        double t = (double)i / STEPS, half = .5 * (from_width + t * (to_width - from_width));
        /* The parabola through c[0], c[1] at t = 1/2, and c[2], and its tangent. */
        double k0 = (1 - t) * (1 - 2 * t), k1 = 4 * t * (1 - t), k2 = t * (2 * t - 1);
        double d0 = 4 * t - 3, d1 = 4 - 8 * t, d2 = 4 * t - 1;
        double x = k0 * c[0].x + k1 * c[1].x + k2 * c[2].x, y = k0 * c[0].y + k1 * c[1].y + k2 * c[2].y;
        double dx = d0 * c[0].x + d1 * c[1].x + d2 * c[2].x, dy = d0 * c[0].y + d1 * c[1].y + d2 * c[2].y;
        double length = hypot(dx, dy);
        double nx = length > 0 ? -dy / length * half : 0, ny = length > 0 ? dx / length * half : half;
        outline[i] = (sl_point){(float)(x + nx), (float)(y + ny)};
        outline[2 * STEPS + 1 - i] = (sl_point){(float)(x - nx), (float)(y - ny)};
    }
    sl_area_polygon(area, a, outline, 2 * (STEPS + 1), scratch);
    size_t n = (size_t)area->width * (size_t)area->height;
    for (size_t i = 0; i < n; i++)
        out[i] = fmaxf(out[i], scratch[i]);
}

/* One box of half width r (fractional ends) along a line of `n` values `step` apart; what lies beyond repeats. */
static void box_line(const float *in, float *out, int n, size_t step, double r)
{
    int whole = (int)floor(r);
    float part = (float)(r - whole), weight = 1 / (float)(2 * r + 1);
#define AT(i) in[(size_t)((i) < 0 ? 0 : (i) >= n ? n - 1 : (i)) * step]
    double sum = 0;
    for (int i = -whole; i <= whole; i++)
        sum += AT(i);
    for (int i = 0; i < n; i++) {
        out[(size_t)i * step] = (float)(sum + part * (AT(i - whole - 1) + AT(i + whole + 1))) * weight;
        sum += (double)AT(i + whole + 1) - AT(i - whole);
    }
#undef AT
}

void sl_area_blur(const sl_area *area, double radius, float *scratch, float *values)
{
    size_t width = (size_t)area->width;
    if (!(radius > .05))
        return;
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < area->height; y++)
            box_line(values + (size_t)y * width, scratch + (size_t)y * width, area->width, 1, radius);
        for (int x = 0; x < area->width; x++)
            box_line(scratch + x, values + x, area->height, width, radius);
    }
}

void sl_area_shadow(const sl_area *area, const float *coverage, double drop, double radius, float *scratch,
                    float *out)
{
    size_t row = (size_t)area->width;
    int down = (int)lround(drop);
    for (int y = 0; y < area->height; y++) {
        int from = y - down; /* a negative drop looks below: both ends of the area can be left */
        if (from < 0 || from >= area->height)
            memset(out + (size_t)y * row, 0, row * sizeof *out);
        else
            memcpy(out + (size_t)y * row, coverage + (size_t)from * row, row * sizeof *out);
    }
    sl_area_blur(area, radius, scratch, out);
}

static float spline(float p0, float p1, float p2, float p3, float t)
{
    return .5f * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t * t +
                  (3 * p1 - p0 - 3 * p2 + p3) * t * t * t);
}

int sl_smooth_curve(const sl_point *points, int count, bool closed, int steps, sl_point *out)
{
    int n = 0, spans = closed ? count : count - 1;
    for (int i = 0; i < spans; i++) {
        const sl_point *p1 = &points[i], *p2 = &points[(i + 1) % count];
        const sl_point *p0 = i > 0 ? p1 - 1 : closed ? &points[count - 1] : p1;
        const sl_point *p3 = i + 2 < count ? &points[i + 2] : closed ? &points[(i + 2) % count] : p2;
        for (int s = 0; s < steps; s++) {
            float t = (float)s / (float)steps;
            out[n++] = (sl_point){spline(p0->x, p1->x, p2->x, p3->x, t), spline(p0->y, p1->y, p2->y, p3->y, t)};
        }
    }
    if (!closed)
        out[n++] = points[count - 1];
    return n;
}

static uint8_t mixed(uint8_t from, float to, float alpha)
{
    float v = (float)from + alpha * (to - (float)from);
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + .5f);
}

void sl_blend(sl_image *image, int x, int y, sl_paint paint, float alpha)
{
    uint8_t *p = image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    p[0] = mixed(p[0], paint.r, alpha);
    p[1] = mixed(p[1], paint.g, alpha);
    p[2] = mixed(p[2], paint.b, alpha);
}
