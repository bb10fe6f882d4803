/* Glasses of any shape: clear, tinted, or with what they mirror. A lens is a superellipse, from round to square. */
#include <math.h>

#include "occlude/soft.h"

const char *const sl_glasses_styles[] = {"clear", "tinted", "mirrored", "any", NULL};

typedef struct {
    double middle, eye_y, apart, lean;      /* of the pair */
    double half_width, half_height, square; /* of a lens */
    double taper[2];                        /* how much higher it is outside */
    double frame, arm, arm_y;               /* half of their widths */
    double tint, fading;                    /* opacity at its top, and what of it is lost to the bottom */
    double gloss, gloss_from;               /* how strongly it mirrors, where the ripple is above */
    sl_paint mirrored;
    sl_ripple ripple;
} spectacles;

/* Height below the eye line of a pair that leans. */
static double below(const spectacles *s, sl_point p)
{
    return p.y - s->lean * (p.x - s->middle) - s->eye_y;
}

/* Inside a lens, in eye distances. */
static double lens_depth(const void *own, sl_point p)
{
    const spectacles *s = own;
    const int side = p.x > s->middle;
    const double x = (p.x - s->middle - (side ? 1 : -1) * s->apart) / s->half_width;
    const double y = below(s, p) * (1 + s->taper[side] * x) / s->half_height;
    const double from = pow(pow(fabs(x), s->square) + pow(fabs(y), s->square), 1 / s->square);
    return (1 - from) * fmin(s->half_width, s->half_height);
}

/* The rim around the lenses, the bridge and the arms. */
static double frame_depth(const void *own, sl_point p)
{
    const spectacles *s = own;
    const double rim = s->frame - fabs(lens_depth(own, p)), from = fabs(p.x - s->middle);
    const bool beside = from > s->apart + s->half_width - .06, between = from < s->apart - s->half_width + .06;
    const double arm = beside || between ? s->arm - fabs(below(s, p) + s->arm_y) : -1;
    return fmin(fmax(rim, arm), 1.25 - from);
}

/* Darker above than below, by how see-through it is. */
static double tint_at(const spectacles *s, sl_point p)
{
    const double down = sl_clamped((below(s, p) + s->half_height) / (2 * s->half_height), 0, 1);
    return s->tint * (1 - s->fading * down);
}

static void draw_lenses(sl_image *image, const sl_face_axes *a, const spectacles *s, sl_paint glass,
                        const sl_image *other)
{
    const sl_point reach[] = {{(float)(s->middle - 1.3), (float)(s->eye_y - s->half_height - .2)},
                              {(float)(s->middle + 1.3), (float)(s->eye_y + s->half_height + .2)}};
    const sl_material mirror = {.of = SL_MATERIAL_FACE, .other = other};
    sl_area area;
    if (!sl_area_of(image, a, reach, 2, .1, &area))
        return;
    for (int y = area.y; y < area.y + area.height; y++)
        for (int x = area.x; x < area.x + area.width; x++) {
            const sl_point p = sl_axes_to_face(a, (sl_point){(float)x, (float)y});
            const float inside = (float)sl_clamped(lens_depth(s, p) * a->unit + .5, 0, 1);
            if (inside <= 0)
                continue;
            sl_blend(image, x, y, glass, inside * (float)tint_at(s, p));
            const double gloss = s->gloss * sl_clamped(sl_ripple_at(&s->ripple, p) + s->gloss_from, 0, 1);
            if (gloss > 0)
                sl_blend(image, x, y, other ? sl_material_at(&mirror, image, x, y) : s->mirrored,
                         inside * (float)gloss);
        }
}

static void pick_shape(spectacles *s, sl_rng *r)
{
    s->half_width = sl_rng_range(r, .34, .57), s->half_height = sl_rng_range(r, .23, .43);
    s->square = sl_rng_range(r, 2, 5);
    s->eye_y = sl_rng_range(r, -.085, .17), s->apart = .5 + sl_rng_range(r, -.03, .07);
    s->middle = .043 * sl_rng_normal(r), s->lean = .03 * sl_rng_normal(r);
    s->taper[0] = sl_rng_range(r, -.1, .1), s->taper[1] = -s->taper[0];
    s->frame = sl_rng_range(r, .023, .1);
    s->arm = sl_rng_range(r, .023, .085), s->arm_y = sl_rng_range(r, .03, .17);
}

/* As dark as the style is; what it mirrors is the sky's colour, or another picture. */
static void pick_glass(spectacles *s, int style, sl_rng *r)
{
    const double any = sl_rng_uniform(r);
    if (style >= SL_GLASSES_ANY)
        style = any < .12 ? SL_GLASSES_CLEAR : any < .5 ? SL_GLASSES_TINTED : SL_GLASSES_MIRRORED;
    s->tint = style == SL_GLASSES_CLEAR ? sl_rng_range(r, 0, .25) : sl_rng_range(r, .55, 1);
    s->fading = sl_rng_range(r, 0, .6);
    s->gloss = style == SL_GLASSES_MIRRORED ? sl_rng_range(r, .2, .75) : sl_rng_range(r, 0, .2);
    s->gloss_from = sl_rng_range(r, -.3, .5) + (style == SL_GLASSES_MIRRORED ? .3 : 0);
    const double bright = sl_rng_range(r, 60, 255);
    s->mirrored = (sl_paint){(float)(bright * exp(.1 * sl_rng_normal(r))), (float)bright,
                             (float)(bright * exp(.1 * sl_rng_normal(r)))};
    const int cells = 2 + (int)sl_rng_below(r, 7);
    sl_ripple_pick(&s->ripple, cells, cells, r);
}

static sl_paint dark_colour(double odds_of_tint, double most, double tinted, sl_rng *r)
{
    const bool tint = sl_rng_odds(r, odds_of_tint);
    const float grey = (float)sl_rng_range(r, 0, most);
    const sl_paint colour = sl_paint_scaled(sl_colour_pick(r), tinted);
    return tint ? colour : (sl_paint){grey, grey, grey};
}

void sl_draw_glasses(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *r)
{
    spectacles s = {0};
    pick_shape(&s, r);
    pick_glass(&s, style, r);
    const sl_paint glass = dark_colour(.4, 60, .4, r);
    draw_lenses(image, axes, &s, glass, sl_rng_odds(r, .4) ? other : NULL);
    sl_material frame = sl_material_plain(axes->unit, r);
    frame.colour = dark_colour(.4, 50, .6, r);
    const double opacity = sl_rng_range(r, .7, 1);
    if (sl_rng_odds(r, .85)) /* others have no frame */
        sl_soft_draw(image, axes, &(sl_soft_cover){.own = &s, .depth = frame_depth, .material = &frame,
                                                   .opacity = opacity, .soft = .03});
}
