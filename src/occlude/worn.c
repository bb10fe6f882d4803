/* What people wear, grow and hide behind, as fields over the face's axes: cloth over the lower face, hood, helmet or
 * hat, hair, beard, and whatever stands before one side. The numbers are those of the prototype that held on real
 * faces. */
#include <math.h>

#include "occlude/soft.h"

const char *const sl_helmet_styles[] = {"shell", "cloth", "any", NULL};
const char *const sl_hair_styles[] = {"dark", "light", "any", NULL};
const char *const sl_beard_styles[] = {"dark", "light", "any", NULL};

/* `x` over `width`, squared. */
static double square(double x, double width)
{
    return x / width * (x / width);
}

/* ---- cloth over the lower face ---- */

typedef struct {
    double height, bend, lean, middle, waves;
    double half_width, narrowing; /* a mask ends at the cheeks; cloth goes round */
    sl_ripple ripple;
} wrap;

static double wrap_depth(const void *own, sl_point p)
{
    const wrap *w = own;
    const double edge =
        w->height + w->bend * square(p.x - w->middle, 1.14) + w->lean * p.x + w->waves * sl_ripple_at(&w->ripple, p);
    const double sides = w->half_width - fabs(p.x - .5 * w->middle) - w->narrowing * fmax(0, p.y - 1.15);
    return fmin(fmin(p.y - edge, sides), 2.7 - p.y);
}

void sl_draw_wrap_of(sl_image *image, const sl_face_axes *axes, const sl_material *cloth, sl_rng *r)
{
    const bool to_cheeks = sl_rng_odds(r, .4);
    wrap w = {.height = sl_rng_range(r, .12, .92),
              .bend = sl_rng_range(r, -.23, .28),
              .lean = sl_rng_range(r, -.12, .12),
              .middle = .11 * sl_rng_normal(r),
              .waves = sl_rng_range(r, 0, .11)};
    w.half_width = to_cheeks ? sl_rng_range(r, .85, 1.3) : 1.9;
    w.narrowing = to_cheeks ? sl_rng_range(r, .3, 1) : .2;
    sl_ripple_pick(&w.ripple, 3, 3, r);
    sl_soft_draw(image, axes, &(sl_soft_cover){.own = &w, .depth = wrap_depth, .material = cloth, .opacity = 1,
                                               .soft = sl_rng_range(r, .03, .085)});
}

void sl_draw_wrap(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *r)
{
    const sl_material cloth = sl_cloth_pick(style, image, axes->unit, other, r);
    sl_draw_wrap_of(image, axes, &cloth, r);
}

/* ---- a hood ---- */

typedef struct {
    double x, y, half_width, half_height; /* the opening */
    sl_ripple ripple;
} hood;

static double hood_depth(const void *own, sl_point p)
{
    const hood *h = own;
    const double opening = hypot((p.x - h->x) / h->half_width, (p.y - h->y) / h->half_height);
    const double outside = 1.6 * (1 - hypot(p.x / 2.4, (p.y - .5) / 2.8));
    return fmin(opening - 1 + .05 * sl_ripple_at(&h->ripple, p), outside);
}

void sl_draw_hood_of(sl_image *image, const sl_face_axes *axes, const sl_material *cloth, sl_rng *r)
{
    hood h = {.x = .085 * sl_rng_normal(r), .y = .29 + .11 * sl_rng_normal(r)};
    h.half_width = sl_rng_range(r, .8, 1.36), h.half_height = sl_rng_range(r, 1.14, 1.76);
    sl_ripple_pick(&h.ripple, 4, 4, r);
    const double shadow = sl_rng_odds(r, .5) ? sl_rng_range(r, .1, .5) : 0;
    sl_soft_draw(image, axes, &(sl_soft_cover){.own = &h, .depth = hood_depth, .material = cloth, .opacity = 1,
                                               .soft = sl_rng_range(r, .03, .11), .shadow = shadow,
                                               .cast = sl_rng_range(r, .1, .5)});
}

void sl_draw_hood(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *r)
{
    const sl_material cloth = sl_cloth_pick(style, image, axes->unit, other, r);
    sl_draw_hood_of(image, axes, &cloth, r);
}

/* ---- before one side ---- */

typedef struct {
    double cosine, sine, from;
    sl_ripple ripple;
} side;

static double side_depth(const void *own, sl_point p)
{
    const side *s = own;
    return p.x * s->cosine + (p.y - .12) * s->sine - s->from + .085 * sl_ripple_at(&s->ripple, p);
}

void sl_draw_side(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *r)
{
    const double turn = (double)sl_rng_below(r, 2) * M_PI + .4 * sl_rng_normal(r);
    side s = {.cosine = cos(turn), .sine = sin(turn), .from = sl_rng_range(r, 0, .85)};
    sl_ripple_pick(&s.ripple, 4, 4, r);
    const sl_material cloth = sl_cloth_pick(style, image, axes->unit, other, r);
    sl_soft_draw(image, axes, &(sl_soft_cover){.own = &s, .depth = side_depth, .material = &cloth, .opacity = 1,
                                               .soft = .06});
}

/* ---- a helmet, or a hat of cloth ---- */

typedef struct {
    double height, bend, lean, middle, half_width;
    double shine_x, shine_y;
    double brim; /* its width; 0: none */
    sl_paint brim_colour;
    bool hard;
} helmet;

static double helmet_depth(const void *own, sl_point p)
{
    const helmet *h = own;
    const double edge = h->height + h->bend * square(p.x - h->middle, 1.42) + h->lean * p.x;
    return fmin(edge - p.y, 1.4 * (1 - hypot(p.x / h->half_width, (p.y + .3) / 2)));
}

static sl_paint helmet_paint(const void *own, sl_point p, double depth, sl_paint material)
{
    const helmet *h = own;
    if (fabs(depth) < h->brim)
        return h->brim_colour;
    if (!h->hard)
        return material;
    const double across = sl_clamped(1 - fabs(p.x - h->shine_x) / 1.7, 0, 1);
    return sl_paint_scaled(material, .6 + .8 * across * sl_clamped(1 - fabs(p.y - h->shine_y) / .85, 0, 1));
}

void sl_draw_helmet(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *r)
{
    const bool cloth = sl_rng_odds(r, .4);
    helmet h = {.hard = style == 0 || (style >= 2 && !cloth),
                .height = sl_rng_range(r, -1.18, -.39),
                .bend = sl_rng_range(r, -.17, .45),
                .lean = sl_rng_range(r, -.15, .15),
                .middle = .17 * sl_rng_normal(r),
                .half_width = sl_rng_range(r, 1.4, 2.4),
                .shine_x = sl_rng_range(r, -1.6, 1.6),
                .shine_y = sl_rng_range(r, -1.75, -.9)};
    h.brim = sl_rng_odds(r, .5) ? sl_rng_range(r, .03, .11) : 0;
    h.brim_colour = sl_colour_pick(r);
    const sl_material made_of = h.hard ? sl_material_plain(axes->unit, r)
                                       : sl_cloth_pick(SL_CLOTH_ANY, image, axes->unit, other, r);
    const double shadow = sl_rng_odds(r, .6) ? sl_rng_range(r, .2, .75) : 0;
    sl_soft_draw(image, axes, &(sl_soft_cover){.own = &h, .depth = helmet_depth, .paint = helmet_paint,
                                               .material = &made_of, .opacity = 1, .soft = sl_rng_range(r, .03, .085),
                                               .shadow = shadow, .cast = sl_rng_range(r, .11, .85)});
}

/* ---- hair and beards ---- */

/* Of one tint, and as light as its strands are. */
typedef struct {
    double x, y, half_width, half_height; /* a face that hair leaves free, or what a beard grows on */
    double top;                           /* beard: not above; hair: not below */
    double mouth_width, mouth_height, mouth_y; /* free; 0: not */
    double chin;                          /* half the width of a beard of the chin alone; 0: a full one */
    sl_ripple coarse, strands;
} growth;

static sl_paint strand_paint(const void *own, sl_point p, double depth, sl_paint material)
{
    (void)depth;
    return sl_paint_scaled(material, fmax(1 + .6 * sl_ripple_at(&((const growth *)own)->strands, p), 0));
}

/* dark, light, or any: what is as bright as `low` to `high`. */
static sl_material pick_growth(double unit, int style, double dark, sl_rng *r)
{
    const bool light = style == 1 || (style >= 2 && sl_rng_odds(r, .2));
    const double bright = light ? sl_rng_range(r, dark, 220) : sl_rng_range(r, 2, dark);
    sl_material m = sl_material_plain(unit, r);
    const double red = exp(.1 * sl_rng_normal(r) + .08), green = exp(.1 * sl_rng_normal(r));
    m.colour = (sl_paint){(float)(bright * red), (float)(bright * green),
                          (float)(bright * exp(.1 * sl_rng_normal(r) - .08))};
    m.shade = 0;
    return m;
}

static double hair_depth(const void *own, sl_point p)
{
    const growth *g = own;
    if (p.y > g->top)
        return -1;
    const double free = hypot((p.x - g->x) / g->half_width, (p.y - g->y) / g->half_height) - 1;
    const double inside = free + .25 * sl_ripple_at(&g->coarse, p) + .15 * sl_ripple_at(&g->strands, p);
    return fmin(.85 * inside, 1.5 * (1 - hypot(p.x / 2, p.y / 2.1)));
}

void sl_draw_hair(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *r)
{
    growth g = {.x = .14 * sl_rng_normal(r), .y = .41, .top = sl_rng_range(r, .5, 2.2)};
    (void)other;
    g.half_width = sl_rng_range(r, 1.02, 1.42), g.half_height = sl_rng_range(r, .97, 1.48);
    sl_ripple_pick(&g.coarse, 11, 11, r);
    sl_ripple_pick(&g.strands, 48, 6, r);
    const sl_material m = pick_growth(axes->unit, style, 75, r);
    sl_soft_draw(image, axes, &(sl_soft_cover){.own = &g, .depth = hair_depth, .paint = strand_paint, .material = &m,
                                               .opacity = 1, .soft = .17});
}

static double beard_depth(const void *own, sl_point p)
{
    const growth *g = own;
    const double x = p.x - g->x;
    double depth = .85 * (1 - hypot(x / g->half_width, (p.y - g->y) / g->half_height));
    depth = fmin(depth, p.y - g->top - .085 * sl_ripple_at(&g->coarse, p));
    if (g->mouth_width > 0 && square(x, g->mouth_width) + square(p.y - g->mouth_y, g->mouth_height) < 1)
        return -1;
    if (g->chin > 0 && p.y < .97 && fabs(x) > g->chin)
        return -1;
    return depth + .11 * sl_ripple_at(&g->strands, p) + .085 * sl_ripple_at(&g->coarse, p);
}

void sl_draw_beard(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *r)
{
    growth g = {.x = .057 * sl_rng_normal(r), .y = sl_rng_range(r, 1.09, 1.49), .top = sl_rng_range(r, .58, .92)};
    (void)other;
    g.half_width = sl_rng_range(r, .74, 1.25), g.half_height = sl_rng_range(r, .57, .97);
    g.mouth_y = 1.09 + .057 * sl_rng_normal(r), g.mouth_height = sl_rng_range(r, .06, .14);
    g.mouth_width = sl_rng_odds(r, .6) ? sl_rng_range(r, .26, .45) : 0;
    g.chin = sl_rng_odds(r, .3) ? sl_rng_range(r, .57, .97) : 0;
    sl_ripple_pick(&g.coarse, 9, 9, r);
    sl_ripple_pick(&g.strands, 20 + (int)sl_rng_below(r, 29), 16 + (int)sl_rng_below(r, 33), r);
    const sl_material m = pick_growth(axes->unit, style, 60, r);
    sl_soft_draw(image, axes, &(sl_soft_cover){.own = &g, .depth = beard_depth, .paint = strand_paint, .material = &m,
                                               .opacity = sl_rng_range(r, .75, 1), .soft = sl_rng_range(r, .06, .23)});
}
