#include "train/data/hidden_views.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "face/align.h"
#include "image/image.h"
#include "occlude/soft.h"

/* ---- what is hidden ---- */

static bool differs(const uint8_t *p, const uint8_t *q)
{
    enum { LEAST = 24 };
    return abs(p[0] - q[0]) + abs(p[1] - q[1]) + abs(p[2] - q[2]) > LEAST;
}

/* The part of a disc around the point that was drawn over. */
static float hidden_at(const sl_image *face, const sl_image *covered, sl_point at)
{
    enum { RADIUS = 2 };
    int seen = 0, changed = 0;
    for (int dy = -RADIUS; dy <= RADIUS; dy++)
        for (int dx = -RADIUS; dx <= RADIUS; dx++) {
            const int x = (int)lroundf(at.x) + dx, y = (int)lroundf(at.y) + dy;
            if (dx * dx + dy * dy > RADIUS * RADIUS || x < 0 || y < 0 || x >= face->width || y >= face->height)
                continue;
            const size_t pixel = 3 * ((size_t)y * (size_t)face->width + (size_t)x);
            seen++;
            changed += differs(face->pixels + pixel, covered->pixels + pixel);
        }
    return seen ? (float)changed / (float)seen : 0;
}

/* ---- where it is looked at ---- */

/* How far a detector's alignment may be off, in a crop's pixels, degrees and parts of the size; a third of the views is
 * nearly right, as those of a second look are. */
static const double shift = 8, turn = 6, scale = .14, near = .35;

/* View to wide face: the mean points' similarity, misplaced. */
static sl_status misplace(const sl_wide_face *face, sl_rng *r, sl_affine *map, sl_error *err)
{
    SL_TRY(sl_points_view_map(face->points, map, err));
    const double by = sl_rng_odds(r, 1 / 3.) ? near : 1;
    const double angle = by * turn * M_PI / 180 * sl_rng_normal(r), size = exp(by * scale * sl_rng_normal(r));
    const double dx = by * shift / 2 * sl_rng_normal(r), dy = by * shift / 2 * sl_rng_normal(r);
    const double c = size * cos(angle), s = size * sin(angle), middle = SL_WIDE_SIDE / 2.;
    const sl_affine m = *map;
    for (int i = 0; i < 3; i++) {
        const double x = m.m[i] - (i == 2 ? middle : 0), y = m.m[3 + i] - (i == 2 ? middle : 0);
        map->m[i] = c * x - s * y + (i == 2 ? middle + dx : 0);
        map->m[3 + i] = s * x + c * y + (i == 2 ? middle + dy : 0);
    }
    return SL_OK;
}

/* ---- what is to be told ---- */

static sl_status tell_places(const sl_affine *map, const sl_wide_face *face, bool mirrored, float *told, sl_error *err)
{
    sl_point mean[5], points[5];
    sl_points_of_view(mean);
    SL_TRY(sl_points_to_crop(map, face->points, 5, points, err));
    for (int i = 0; i < 5; i++) {
        const int from = mirrored ? sl_mirrored_point[i] : i;
        const float x = mirrored ? SL_POINTS_VIEW - 1 - points[from].x : points[from].x;
        told[2 * i] = (x - mean[i].x) / SL_POINTS_UNIT;
        told[2 * i + 1] = (points[from].y - mean[i].y) / SL_POINTS_UNIT;
    }
    return SL_OK;
}

static void tell_hidden(const sl_wide_face *face, const sl_image *covered, bool mirrored, float *told)
{
    for (int i = 0; i < 5; i++)
        told[10 + i] = hidden_at(&face->picture, covered, face->points[mirrored ? sl_mirrored_point[i] : i]);
}

/* ---- the whole ---- */

static sl_augmentation only_covers(const sl_augmentation *a)
{
    sl_augmentation out = *a;
    out.mirror = out.jitter = out.light = out.blur = out.few_pixels = out.noise = out.jpeg = 0;
    return out;
}

static sl_augmentation only_camera(const sl_augmentation *a)
{
    sl_augmentation out = *a;
    for (int i = 0; i < SL_COVERS; i++)
        out.share[i] = i == SL_COVER_NOTHING;
    out.mirror = out.jitter = 0;
    return out;
}

static sl_status look(const sl_wide_face *face, const sl_image *seen, bool mirrored, sl_rng *r, float *view,
                      float *told, sl_error *err)
{
    sl_affine map;
    sl_image taken;
    SL_TRY(misplace(face, r, &map, err));
    SL_TRY(sl_image_take(seen, &map, SL_POINTS_VIEW, SL_POINTS_VIEW, &taken, err));
    sl_points_view_input(&taken, mirrored, view);
    sl_image_free(&taken);
    return tell_places(&map, face, mirrored, told, err);
}

sl_status sl_hidden_view(const sl_augmentation *a, const sl_wide_face *face, const sl_wide_face *other, uint64_t seed,
                         uint64_t number, float *view, float *told, sl_error *err)
{
    const sl_augmentation covers = only_covers(a), camera = only_camera(a);
    sl_image covered, seen;
    sl_rng r = sl_rng_seed(seed);
    r = sl_rng_seed(~(sl_rng_next(&r) + number));
    const bool mirrored = sl_rng_odds(&r, .5);
    SL_TRY(sl_augment(&covers, &face->picture, face->landmarks, &other->picture, seed, number, NULL, &covered, err));
    tell_hidden(face, &covered, mirrored, told);
    sl_status status = sl_augment(&camera, &covered, NULL, NULL, seed, number, NULL, &seen, err);
    sl_image_free(&covered);
    SL_TRY(status);
    status = look(face, &seen, mirrored, &r, view, told, err);
    sl_image_free(&seen);
    return status;
}
