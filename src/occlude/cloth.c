/* Pieces of patterned cloth before a face: a scarf drawn up over the nose, and a rectangle somewhere on it. All
 * lengths are in eye distances (see sl_face_axes). A piece is an outline, a pattern, and the waves of its folds; it
 * looks like the pattern in the photo's light, darker and lighter by its folds. */
#include "occlude/occlude.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* A piece of cloth: its outline, its pattern, and how its folds run. */
typedef struct {
    const sl_point *outline;
    int count;
    sl_pattern pattern;
    double fold_depth, fold_period, fold_turn, fold_bend; /* folds are waves along a turned, bent axis */
    uint64_t grain;
} cloth_piece;

static double fold_shade(const cloth_piece *c, sl_point p)
{
    double along = p.y - c->fold_turn * p.x - c->fold_bend * p.x * p.x;
    double wave = sin(2 * M_PI * along / c->fold_period);
    return 1 + c->fold_depth * (.7 * wave + .3 * wave * fabs(wave)) - .16 * fmin(p.x * p.x, 1.5);
}

static void paint_cloth(sl_image *image, const sl_area *area, const sl_face_axes *a, const cloth_piece *c,
                        const float *cover, const float *shadow)
{
    sl_skin_light light = sl_light_measure(image, area, a, cover);
    for (int y = 0; y < area->height; y++)
        for (int x = 0; x < area->width; x++) {
            size_t i = (size_t)y * (size_t)area->width + (size_t)x;
            int px = area->x + x, py = area->y + y;
            if (shadow[i] > .004f)
                sl_blend(image, px, py, (sl_paint){12, 8, 8}, .4f * shadow[i] * (1 - cover[i]));
            if (cover[i] <= 0)
                continue;
            sl_point p = sl_axes_to_face(a, (sl_point){(float)px, (float)py});
            double b = sl_light_at(&light, p) * fold_shade(c, p) * (1 + .02 * sl_grain_at(c->grain, px, py));
            sl_blend(image, px, py, sl_light_paint(&light, sl_pattern_at(&c->pattern, p, 1 / a->unit), b), cover[i]);
        }
}

static sl_status draw_cloth(sl_image *image, const sl_face_axes *axes, const cloth_piece *c, sl_error *err)
{
    sl_area area;
    if (!sl_area_of(image, axes, c->outline, c->count, .1, &area))
        return SL_OK;
    size_t pixels = (size_t)area.width * (size_t)area.height;
    float *layers = sl_calloc_aligned(pixels, 3 * sizeof *layers);
    if (!layers)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to draw a cloth of %d x %d pixels", area.width, area.height);
    float *cover = layers, *shadow = layers + pixels, *scratch = layers + 2 * pixels;
    sl_area_polygon(&area, axes, c->outline, c->count, cover);
    sl_area_blur(&area, .006 * axes->unit, scratch, cover);
    sl_area_shadow(&area, cover, -.02 * axes->unit, .03 * axes->unit, scratch, shadow);
    paint_cloth(image, &area, axes, c, cover, shadow);
    free(layers);
    return SL_OK;
}

/* The upper edge from cheek to cheek over the nose, sagging towards one side; wider than the jaw, down to the neck. */
sl_status sl_draw_scarf(sl_image *image, const sl_point landmarks[68], int style, sl_rng *rng, sl_error *err)
{
    enum { EDGE = 9, STEPS = 6 };
    sl_face_axes axes;
    SL_TRY(sl_face_axes_of(landmarks, &axes, err));
    sl_point f[68], smooth[(EDGE + 4) * STEPS + 1], edge[EDGE + 4];
    for (int i = 0; i < 68; i++)
        f[i] = sl_axes_to_face(&axes, landmarks[i]);
    double left = f[2].x - sl_rng_range(rng, .12, .25), right = f[14].x + sl_rng_range(rng, .12, .25);
    double height = sl_rng_range(rng, .35, .75), sag = sl_rng_range(rng, -.12, .12), low = f[8].y + .75;
    for (int i = 0; i < EDGE; i++) {
        double t = (double)i / (EDGE - 1), s = 2 * t - 1;
        edge[i] = (sl_point){(float)(left + t * (right - left)),
                             (float)(height + sag * s - .12 * (1 - s * s) + .025 * sin(9 * t + 40 * sag))};
    }
    edge[EDGE] = (sl_point){(float)(right + .12), (float)(.5 * (height + low))};
    edge[EDGE + 1] = (sl_point){(float)(right - .1), (float)low};
    edge[EDGE + 2] = (sl_point){(float)(left + .1), (float)low};
    edge[EDGE + 3] = (sl_point){(float)(left - .12), (float)(.5 * (height + low))};
    cloth_piece c = {.outline = smooth,
                     .count = sl_smooth_curve(edge, EDGE + 4, true, STEPS, smooth),
                     .pattern = sl_pattern_pick((sl_pattern_kind)style, rng),
                     .fold_depth = sl_rng_range(rng, .1, .18),
                     .fold_period = sl_rng_range(rng, .3, .5),
                     .fold_turn = sl_rng_range(rng, -.35, .35),
                     .fold_bend = sl_rng_range(rng, -.3, -.1)};
    c.grain = sl_rng_next(rng);
    return draw_cloth(image, &axes, &c, err);
}

/* Anywhere on the face, of 1/4 to 2 squares of eye distance, slightly turned. */
sl_status sl_draw_block(sl_image *image, const sl_point landmarks[68], int style, sl_rng *rng, sl_error *err)
{
    sl_face_axes axes;
    SL_TRY(sl_face_axes_of(landmarks, &axes, err));
    double width = sl_rng_range(rng, .6, 1.7), height = sl_rng_range(rng, .5, 1.2);
    double x = sl_rng_range(rng, -.75, .75), y = sl_rng_range(rng, -.35, 1.45), turn = sl_rng_range(rng, -.25, .25);
    sl_point corners[4];
    for (int i = 0; i < 4; i++) {
        double dx = (i == 1 || i == 2 ? .5 : -.5) * width, dy = (i < 2 ? -.5 : .5) * height;
        corners[i] = (sl_point){(float)(x + dx * cos(turn) - dy * sin(turn)),
                                (float)(y + dx * sin(turn) + dy * cos(turn))};
    }
    cloth_piece c = {.outline = corners,
                     .count = 4,
                     .pattern = sl_pattern_pick((sl_pattern_kind)style, rng),
                     .fold_period = 1};
    c.grain = sl_rng_next(rng);
    return draw_cloth(image, &axes, &c, err);
}
