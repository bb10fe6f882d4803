/* What covers are made of: a colour, grains, patterns, and windows cut out of pictures. */
#include <math.h>

#include "occlude/soft.h"

const char *const sl_cloth_styles[] = {"plain", "patterned", "picture", "any", NULL};

sl_paint sl_colour_pick(sl_rng *r)
{
    const double u = sl_rng_uniform(r), grey = u < .35 ? sl_rng_range(r, 5, 90) : sl_rng_range(r, 90, 245);
    const double a = sl_rng_uniform(r), b = sl_rng_uniform(r), c = sl_rng_uniform(r);
    if (u < .5)
        return (sl_paint){(float)(grey + 24 * a - 12), (float)(grey + 24 * b - 12), (float)(grey + 24 * c - 12)};
    return (sl_paint){(float)(255 * a), (float)(255 * b), (float)(255 * c)};
}

sl_material sl_material_plain(double unit, sl_rng *r)
{
    const double length = sl_rng_range(r, .35, 1.4) * unit, turn = sl_rng_range(r, 0, M_PI);
    sl_material m = {.colour = sl_colour_pick(r), .unit = unit};
    m.grain = sl_rng_next(r);
    m.shade_x = cos(turn) * 2 * M_PI / length, m.shade_y = sin(turn) * 2 * M_PI / length;
    m.shade = sl_rng_odds(r, .5) ? sl_rng_range(r, .05, .35) : 0;
    return m;
}

void sl_material_grains(sl_material *m, double size, sl_rng *r)
{
    m->of = SL_MATERIAL_GRAINS;
    m->unit = size;
    m->grain = sl_rng_next(r);
}

void sl_material_pattern(sl_material *m, sl_rng *r)
{
    m->of = SL_MATERIAL_PATTERN;
    m->unit *= sl_rng_range(r, .6, 1.6);
    m->pattern = sl_pattern_pick(SL_PATTERN_ANY, r);
    m->pattern.a = sl_colour_pick(r), m->pattern.b = sl_colour_pick(r);
}

void sl_material_cut(sl_material *m, const sl_image *other, int width, bool sides_only, sl_rng *r)
{
    const int least = other->width < other->height ? other->width : other->height;
    m->of = SL_MATERIAL_CUT;
    m->other = other;
    m->side = 1 + (int)(least * sl_rng_range(r, .12, .4));
    m->side = m->side < least ? m->side : least;
    m->left = sides_only ? (int)sl_rng_below(r, 2) * (other->width - m->side)
                         : (int)sl_rng_below(r, (uint64_t)(other->width - m->side) + 1);
    m->top = (int)sl_rng_below(r, (uint64_t)(other->height - m->side) + 1);
    m->enlarged = sl_rng_range(r, 1, 3) * width / other->width;
}

sl_material sl_cloth_pick(int style, const sl_image *image, double unit, const sl_image *other, sl_rng *r)
{
    sl_material m = sl_material_plain(unit, r);
    const double any = sl_rng_uniform(r);
    if (style >= SL_CLOTH_ANY)
        style = any < .35 ? SL_CLOTH_PLAIN : any < .68 && other ? SL_CLOTH_PICTURE : SL_CLOTH_PATTERNED;
    if (style == SL_CLOTH_PATTERNED && sl_rng_odds(r, .8))
        sl_material_pattern(&m, r);
    else if (style == SL_CLOTH_PATTERNED)
        sl_material_grains(&m, sl_rng_range(r, .03, .25) * unit, r);
    else if (style == SL_CLOTH_PICTURE && other)
        sl_material_cut(&m, other, image->width, true, r);
    return m;
}

/* ---- the paint at a place ---- */

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

static sl_paint unshaded_at(const sl_material *m, const sl_image *image, int x, int y)
{
    const double u = x / m->unit, v = y / m->unit;
    switch (m->of) {
    case SL_MATERIAL_GRAINS: {
        const int column = (int)u, row = (int)v;
        return (sl_paint){(float)(128 + 127 * sl_grain_at(m->grain, column, row)),
                          (float)(128 + 127 * sl_grain_at(m->grain + 1, column, row)),
                          (float)(128 + 127 * sl_grain_at(m->grain + 2, column, row))};
    }
    case SL_MATERIAL_PATTERN: return sl_pattern_at(&m->pattern, (sl_point){(float)u, (float)v}, 1 / m->unit);
    case SL_MATERIAL_CUT:
        return pixel_of(m->other, m->left + folded(x / m->enlarged, m->side),
                        m->top + folded(y / m->enlarged, m->side));
    case SL_MATERIAL_FACE:
        return pixel_of(m->other, x * m->other->width / image->width, y * m->other->height / image->height);
    case SL_MATERIAL_PLAIN: break;
    }
    return m->colour;
}

sl_paint sl_material_at(const sl_material *m, const sl_image *image, int x, int y)
{
    const sl_paint p = unshaded_at(m, image, x, y);
    return m->shade > 0 ? sl_paint_scaled(p, 1 + m->shade * sin(m->shade_x * x + m->shade_y * y)) : p;
}
