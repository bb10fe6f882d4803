/* Covers that do not look at the face: bands, rectangles and ellipses, of a colour, of cloth, or of another face. They
 * teach most about covers that nobody has drawn. */
#include <math.h>

#include "occlude/occlude.h"
#include "train/data/augment_steps.h"

/* ---- shapes ---- */

typedef struct {
    double x, y, half_width, half_height; /* pixels */
    double cosine, sine;                  /* of its turn */
    double soft;                          /* width of its edge */
    bool round;                           /* an ellipse */
} shape;

/* How far (x, y) is covered, in [0, 1]. */
static float cover_at(const shape *s, int x, int y)
{
    const double dx = x - s->x, dy = y - s->y;
    const double u = fabs(dx * s->cosine + dy * s->sine), v = fabs(dy * s->cosine - dx * s->sine);
    double inside = fmin(s->half_width - u, s->half_height - v);
    if (s->round)
        inside = (1 - hypot(u / s->half_width, v / s->half_height)) * fmin(s->half_width, s->half_height);
    return (float)fmin(fmax(inside / s->soft + .5, 0), 1);
}

/* From side to side, slightly turned: over the mouth, over the eyes, or one side of the face. */
static shape pick_band(const sl_image *image, sl_rng *r)
{
    const double unit = sl_crop_unit(image), w = image->width, h = image->height;
    const double turn = sl_rng_range(r, -.15, .15), deep = sl_rng_range(r, 25, 60) * unit;
    shape s = {.x = w / 2, .y = h / 2, .half_width = w, .half_height = h, .cosine = cos(turn), .sine = sin(turn)};
    switch (sl_rng_below(r, 4)) {
    case 0: s.y = 2 * h - deep; break; /* its upper edge `deep` above the lower edge of the picture */
    case 1:
        s.half_height = sl_rng_range(r, 9, 22) * unit;
        s.y = sl_rng_range(r, 0, 30) * unit + s.half_height;
        break;
    case 2: s.x = deep - w; break;
    default: s.x = 2 * w - deep;
    }
    return s;
}

static shape pick_patch(const sl_image *image, sl_rng *r)
{
    const double unit = sl_crop_unit(image), turn = sl_rng_range(r, 0, M_PI);
    shape s = {.cosine = cos(turn), .sine = sin(turn)};
    s.x = sl_rng_range(r, .1, .9) * image->width, s.y = sl_rng_range(r, .1, .9) * image->height;
    s.half_width = sl_rng_range(r, 8, 32) * unit, s.half_height = sl_rng_range(r, 8, 32) * unit;
    s.round = sl_rng_odds(r, .4);
    return s;
}

/* ---- what they are made of ---- */

static sl_material pick_material(const sl_image *image, sl_cover cover, const sl_image *other, sl_rng *r)
{
    sl_material m = sl_material_plain(.32 * image->width, r);
    if (cover == SL_COVER_FACE) {
        m.of = SL_MATERIAL_FACE;
        m.other = other;
        m.shade = 0;
    } else if (cover == SL_COVER_TEXTURES) {
        switch (sl_rng_below(r, other ? 3 : 2)) {
        case 0: sl_material_grains(&m, sl_rng_range(r, 1, 9) * sl_crop_unit(image), r); break;
        case 1: sl_material_pattern(&m, r); break;
        default: sl_material_cut(&m, other, image->width, false, r);
        }
    }
    return m;
}

/* ---- drawing ---- */

static void draw_shape(sl_image *image, const shape *s, const sl_material *m)
{
    const double reach = hypot(s->half_width, s->half_height) + s->soft;
    const int x0 = (int)fmax(s->x - reach, 0), x1 = (int)fmin(s->x + reach + 1, image->width);
    const int y0 = (int)fmax(s->y - reach, 0), y1 = (int)fmin(s->y + reach + 1, image->height);
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            const float covered = cover_at(s, x, y);
            if (covered <= 0)
                continue;
            sl_blend(image, x, y, sl_material_at(m, image, x, y), covered);
        }
}

void sl_cover_shapes(sl_image *image, sl_cover cover, const sl_image *other, sl_rng *r)
{
    const bool band = sl_rng_odds(r, .5);
    const int count = band ? 1 : 1 + (int)sl_rng_below(r, 3);
    for (int i = 0; i < count; i++) {
        shape s = band ? pick_band(image, r) : pick_patch(image, r);
        s.soft = sl_rng_range(r, .5, 3) * sl_crop_unit(image);
        const sl_material m = pick_material(image, cover, other, r);
        draw_shape(image, &s, &m);
    }
}
