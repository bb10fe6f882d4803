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

typedef enum { PLAIN, GRAINS, PATTERN, CUT, FACE } material;

typedef struct {
    material of;
    sl_paint colour;
    sl_pattern pattern;
    double unit;           /* pixels an eye distance of the pattern; of grains: a grain */
    uint64_t grain;
    const sl_image *other; /* cut from: the window below, repeated and mirrored; face: pixel for pixel */
    int left, top, side;
    double enlarged;
    double shade_x, shade_y, shade; /* waves of light and dark: of what length, and how deep */
} cloth;

/* Dark ones are more frequent, as clothes are. */
static sl_paint pick_colour(sl_rng *r)
{
    const double u = sl_rng_uniform(r), grey = u < .35 ? sl_rng_range(r, 5, 90) : sl_rng_range(r, 90, 245);
    const double a = sl_rng_uniform(r), b = sl_rng_uniform(r), c = sl_rng_uniform(r);
    if (u < .5)
        return (sl_paint){(float)(grey + 24 * a - 12), (float)(grey + 24 * b - 12), (float)(grey + 24 * c - 12)};
    return (sl_paint){(float)(255 * a), (float)(255 * b), (float)(255 * c)};
}

static void pick_window(cloth *c, const sl_image *image, sl_rng *r)
{
    const int least = c->other->width < c->other->height ? c->other->width : c->other->height;
    c->of = CUT;
    c->side = 1 + (int)(least * sl_rng_range(r, .12, .4));
    c->side = c->side < least ? c->side : least;
    c->left = (int)sl_rng_below(r, (uint64_t)(c->other->width - c->side) + 1);
    c->top = (int)sl_rng_below(r, (uint64_t)(c->other->height - c->side) + 1);
    c->enlarged = sl_rng_range(r, 1, 3) * image->width / c->other->width;
}

static cloth pick_cloth(const sl_image *image, sl_cover cover, const sl_image *other, sl_rng *r)
{
    const double length = sl_rng_range(r, 12, 50) * sl_crop_unit(image), turn = sl_rng_range(r, 0, M_PI);
    cloth c = {.colour = pick_colour(r), .other = other, .unit = .32 * image->width};
    c.grain = sl_rng_next(r);
    c.shade_x = cos(turn) * 2 * M_PI / length, c.shade_y = sin(turn) * 2 * M_PI / length;
    c.shade = sl_rng_odds(r, .5) ? sl_rng_range(r, .05, .35) : 0;
    if (cover == SL_COVER_FACE) {
        c.of = FACE;
        c.shade = 0;
    } else if (cover == SL_COVER_TEXTURES) {
        const uint64_t kind = sl_rng_below(r, other ? 3 : 2);
        c.of = kind ? PATTERN : GRAINS;
        c.unit = kind ? c.unit * sl_rng_range(r, .6, 1.6) : sl_rng_range(r, 1, 9) * sl_crop_unit(image);
        c.pattern = sl_pattern_pick(SL_PATTERN_ANY, r);
        c.pattern.a = pick_colour(r), c.pattern.b = pick_colour(r);
        if (kind == 2)
            pick_window(&c, image, r);
    }
    return c;
}

static sl_paint pixel_of(const sl_image *image, int x, int y)
{
    const uint8_t *p = image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    return (sl_paint){p[0], p[1], p[2]};
}

/* A place on a strip of `side` that is repeated, every second time mirrored. */
static int folded(double at, int side)
{
    const double in_two = fmod(fabs(at), 2. * side);
    const int i = (int)(in_two < side ? in_two : 2 * side - in_two);
    return i < side ? i : side - 1;
}

static sl_paint scaled(sl_paint p, double by)
{
    return (sl_paint){(float)(p.r * by), (float)(p.g * by), (float)(p.b * by)};
}

static sl_paint cloth_at(const cloth *c, const sl_image *image, int x, int y)
{
    const double u = x / c->unit, v = y / c->unit;
    switch (c->of) {
    case GRAINS: {
        const int column = (int)u, row = (int)v;
        return (sl_paint){(float)(128 + 127 * sl_grain_at(c->grain, column, row)),
                          (float)(128 + 127 * sl_grain_at(c->grain + 1, column, row)),
                          (float)(128 + 127 * sl_grain_at(c->grain + 2, column, row))};
    }
    case PATTERN: return sl_pattern_at(&c->pattern, (sl_point){(float)u, (float)v}, 1 / c->unit);
    case CUT:
        return pixel_of(c->other, c->left + folded(x / c->enlarged, c->side),
                        c->top + folded(y / c->enlarged, c->side));
    case FACE: return pixel_of(c->other, x * c->other->width / image->width, y * c->other->height / image->height);
    case PLAIN: break;
    }
    return c->colour;
}

/* ---- drawing ---- */

static void draw_shape(sl_image *image, const shape *s, const cloth *c)
{
    const double reach = hypot(s->half_width, s->half_height) + s->soft;
    const int x0 = (int)fmax(s->x - reach, 0), x1 = (int)fmin(s->x + reach + 1, image->width);
    const int y0 = (int)fmax(s->y - reach, 0), y1 = (int)fmin(s->y + reach + 1, image->height);
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            const float covered = cover_at(s, x, y);
            if (covered <= 0)
                continue;
            const double shade = c->shade > 0 ? 1 + c->shade * sin(c->shade_x * x + c->shade_y * y) : 1;
            sl_blend(image, x, y, scaled(cloth_at(c, image, x, y), shade), covered);
        }
}

void sl_cover_shapes(sl_image *image, sl_cover cover, const sl_image *other, sl_rng *r)
{
    const bool band = sl_rng_odds(r, .5);
    const int count = band ? 1 : 1 + (int)sl_rng_below(r, 3);
    for (int i = 0; i < count; i++) {
        shape s = band ? pick_band(image, r) : pick_patch(image, r);
        s.soft = sl_rng_range(r, .5, 3) * sl_crop_unit(image);
        const cloth c = pick_cloth(image, cover, other, r);
        draw_shape(image, &s, &c);
    }
}
