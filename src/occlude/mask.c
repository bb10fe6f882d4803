/* A face mask: an outline along jaw, chin and nose, cloth with pleats shaded by the face's curvature and the
 * photo's own light, ear loops, and the shadow on the skin. All lengths are in eye distances (see sl_face_axes).
 *
 *      ear loop    bridge: on the nose's line, between landmarks 27 and 30
 *       \       ___/\___
 *        \__.--'        '--.__/       corner: on the jaw
 *        /  |      ridge     |  \     across: -1 at the left edge, 0 on the ridge, 1 at the right edge
 *       /   |       |        |        down: 0 at the upper edge, 1 at the lower
 *           '.  ____|____   .'
 *             '.____|_____.'          chin: landmark 8, and a little below
 */
#include "occlude/occlude.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

enum { SIDE = 8, STEPS = 6, OUTLINE = 2 * SIDE + 6, SMOOTH = OUTLINE * STEPS + 1, BINS = 96 };

typedef enum { PLEATED, SEAMED, CUPPED } mask_cut;

/* What a name stands for. */
typedef struct {
    double share; /* of "any" */
    mask_cut cut;
    bool patterned, below_nose;
    sl_paint colours[5]; /* the seed takes one of `count` */
    int count;
} mask_plan;

/* In the order of the names. */
const char *const sl_mask_styles[] = {"surgical-blue", "surgical-white", "surgical-black", "n95", "cloth",
                                      "patterned",     "below-nose",     "any",            NULL};
static const mask_plan plans[] = {
    {.38, PLEATED, false, false, {{124, 178, 222}, {140, 192, 226}, {104, 166, 214}, {150, 205, 205}}, 4},
    {.14, PLEATED, false, false, {{236, 238, 240}}, 1},
    {.12, PLEATED, false, false, {{38, 39, 42}}, 1},
    {.1, CUPPED, false, false, {{240, 240, 236}, {232, 230, 222}}, 2},
    {.12, SEAMED, false, false, {{44, 46, 52}, {62, 78, 104}, {122, 62, 66}, {88, 98, 82}, {150, 140, 128}}, 5},
    {.1, SEAMED, true, false, {{0, 0, 0}}, 1},
    {.04, PLEATED, false, true, {{124, 178, 222}, {236, 238, 240}, {38, 39, 42}}, 3},
};
enum { PLANS = sizeof plans / sizeof *plans };

/* What the seed decides. */
typedef struct {
    mask_cut cut;
    sl_pattern cloth;
    double bridge; /* where on the nose the upper edge is: 0 at landmark 27, 1 at 30, further on below the nose */
    double corner; /* which jaw landmark the upper corner is at */
    double chin;   /* how far it reaches below the chin */
    double reach;  /* from the face's ridge to its side edge, at most */
    double grain;
} mask_style;

static const mask_plan *pick_plan(int style, double any)
{
    if (style < PLANS)
        return &plans[style];
    int i = 0;
    while (i < PLANS - 1 && any >= plans[i].share)
        any -= plans[i++].share;
    return &plans[i];
}

static mask_style pick_style(int style, sl_rng *rng)
{
    const mask_plan *plan = pick_plan(style, sl_rng_uniform(rng));
    sl_paint colour = plan->colours[sl_rng_below(rng, (uint64_t)plan->count)];
    mask_style s = {.cut = plan->cut};
    s.bridge = plan->below_nose ? sl_rng_range(rng, 1.2, 1.5) : sl_rng_range(rng, .3, .72);
    s.corner = plan->below_nose ? sl_rng_range(rng, 2.6, 3.4) : sl_rng_range(rng, 1.4, 2.4);
    s.chin = sl_rng_range(rng, .03, .1);
    s.reach = sl_rng_range(rng, 1.02, 1.18) * (s.cut == CUPPED ? .92 : 1);
    s.grain = sl_rng_range(rng, .006, .012);
    s.cloth = plan->patterned ? sl_pattern_pick(SL_PATTERN_ANY, rng) : sl_pattern_plain(colour);
    return s;
}

/* ---- the outline ---- */

static sl_point between(sl_point a, sl_point b, double t)
{
    return (sl_point){(float)(a.x + t * (b.x - a.x)), (float)(a.y + t * (b.y - a.y))};
}

/* The jaw line at a fractional landmark number. */
static sl_point jaw_at(const sl_point *f, double index)
{
    int i = (int)index;
    i = i > 15 ? 15 : i;
    return between(f[i], f[i + 1], index - i);
}

/* x of the face's middle line (nose, lips, chin) at height y, and beyond its ends. */
static double ridge_at(const sl_point *f, double y)
{
    static const int line[] = {27, 30, 33, 51, 57, 8};
    for (int i = 0; i < 5; i++) {
        const sl_point *a = &f[line[i]], *b = &f[line[i + 1]];
        if (y <= b->y || i == 4) {
            double t = b->y > a->y ? (y - a->y) / ((double)b->y - a->y) : 0;
            return a->x + fmin(fmax(t, 0), 1) * (b->x - a->x);
        }
    }
    return f[8].x;
}

/* A point of the side edge: on the jaw, but no further from the ridge than the mask reaches, and no nearer to it
 * than the nose and lips hold the cloth off (on the far side of a turned face they stand out beyond the jaw). */
static sl_point side_point(const sl_point *f, const mask_style *s, double index, int side)
{
    sl_point p = jaw_at(f, side < 0 ? index : 16 - index);
    double ridge = ridge_at(f, p.y), out = side * (p.x - ridge);
    double low = index / 8, least = .2 + .1 * (1 - low), most = s->reach * (1 - .1 * low);
    out = fmin(fmax(out + .02, least), most);
    p.x = (float)(ridge + side * out);
    return p;
}

/* The outline in order: left corner, nose bridge, right corner, right side, chin, left side. */
static int mask_outline(const sl_point *f, const mask_style *s, sl_point *smooth)
{
    sl_point p[OUTLINE];
    int n = 0;
    sl_point left = side_point(f, s, s->corner, -1), right = side_point(f, s, s->corner, 1);
    sl_point top = between(f[27], f[30], s->bridge);
    top.x = s->bridge > 1 ? (float)ridge_at(f, top.y) : top.x;
    static const double flatness[] = {[PLEATED] = .5, [SEAMED] = .34, [CUPPED] = .42};
    double flat = flatness[s->cut]; /* how far the edge has come down half way to the corner */
    p[n++] = left;
    p[n++] = (sl_point){(float)(.45 * left.x + .55 * top.x), (float)(top.y + flat * (left.y - top.y) - .02)};
    p[n++] = (sl_point){top.x - .1f, top.y + .012f};
    p[n++] = (sl_point){top.x + .1f, top.y + .012f};
    p[n++] = (sl_point){(float)(.45 * right.x + .55 * top.x), (float)(top.y + flat * (right.y - top.y) - .02)};
    p[n++] = right;
    for (int i = 1; i < SIDE; i++)
        p[n++] = side_point(f, s, s->corner + (7.4 - s->corner) * i / (SIDE - 1), 1);
    p[n] = f[8];
    p[n++].y += (float)(.8 * s->chin);
    for (int i = SIDE - 1; i >= 1; i--)
        p[n++] = side_point(f, s, s->corner + (7.4 - s->corner) * i / (SIDE - 1), -1);
    for (int i = 6 + SIDE - 4; i < 6 + SIDE + 3; i++)
        p[i].y += (float)(.65 * s->chin);
    return sl_smooth_curve(p, n, true, STEPS, smooth);
}

/* ---- a map of the cloth: where a pixel lies between the edges ---- */

typedef struct {
    double x0, y0, step_x, step_y;
    float top[BINS], bottom[BINS]; /* y of the edges at each x */
    float left[BINS], right[BINS]; /* x of the edges at each y */
} cloth_map;

static void raise_bin(float *low, float *high, double bin, float value)
{
    int i = (int)fmin(fmax(bin, 0), BINS - 1);
    low[i] = fminf(low[i], value);
    high[i] = fmaxf(high[i], value);
}

static cloth_map map_cloth(const sl_point *outline, int n)
{
    cloth_map m;
    float x1 = -INFINITY, y1 = -INFINITY, x0 = INFINITY, y0 = INFINITY;
    for (int i = 0; i < n; i++) {
        x0 = fminf(x0, outline[i].x), x1 = fmaxf(x1, outline[i].x);
        y0 = fminf(y0, outline[i].y), y1 = fmaxf(y1, outline[i].y);
    }
    m.x0 = x0, m.y0 = y0;
    m.step_x = fmax((double)x1 - x0, 1e-6) / BINS;
    m.step_y = fmax((double)y1 - y0, 1e-6) / BINS;
    for (int i = 0; i < BINS; i++) {
        m.top[i] = m.left[i] = INFINITY;
        m.bottom[i] = m.right[i] = -INFINITY;
    }
    for (int i = 0; i < n; i++)
        for (int s = 0; s < 2 * BINS; s++) {
            sl_point p = between(outline[i], outline[(i + 1) % n], (double)s / (2 * BINS));
            raise_bin(m.top, m.bottom, (p.x - m.x0) / m.step_x, p.y);
            raise_bin(m.left, m.right, (p.y - m.y0) / m.step_y, p.x);
        }
    return m;
}

static double bin_value(const float *bins, double at)
{
    at = fmin(fmax(at - .5, 0), BINS - 1.001);
    int i = (int)at;
    return bins[i] + (at - i) * (bins[i + 1] - bins[i]);
}

/* across: -1 at the left edge, 0 on the ridge, 1 at the right edge. down: 0 at the upper edge, 1 at the lower. */
typedef struct {
    double across, down, height, from_edge;
} cloth_point;

static cloth_point cloth_at(const cloth_map *m, const sl_point *f, sl_point p)
{
    double bx = (p.x - m->x0) / m->step_x, by = (p.y - m->y0) / m->step_y;
    double top = bin_value(m->top, bx), bottom = bin_value(m->bottom, bx);
    double left = bin_value(m->left, by), right = bin_value(m->right, by);
    double ridge = fmin(fmax(ridge_at(f, p.y), left + .05), right - .05);
    cloth_point c = {.height = fmax(bottom - top, .05)};
    c.across = p.x < ridge ? (p.x - ridge) / fmax(ridge - left, .05) : (p.x - ridge) / fmax(right - ridge, .05);
    c.across = fmin(fmax(c.across, -1), 1);
    c.down = fmin(fmax((p.y - top) / c.height, 0), 1);
    c.from_edge = fmin(fmin(p.y - top, bottom - p.y), fmin(p.x - left, right - p.x));
    return c;
}

/* ---- shading ---- */

static double bump(double x, double width)
{
    return exp(-x * x / (width * width));
}

/* A line of this width, never thinner than the pixels can show: then wider and fainter. */
static double line(double x, double width, double pixel)
{
    double seen = fmax(width, .7 * pixel);
    return width / seen * bump(x, seen);
}

/* One pleat: the cloth comes out (light), folds under (dark), and shadows what is below. */
static double pleat(double distance, double pixel)
{
    double below = distance > 0 ? exp(-distance / .08) : bump(distance, fmax(.015, .7 * pixel));
    return .06 * bump(distance + .035, .03) - .16 * line(distance, .022, pixel) - .09 * below;
}

/* Relative brightness of the cloth by its own shape. pixel: its size in eye distances. */
static double cloth_shade(const mask_style *s, const cloth_point *c, double pixel)
{
    double round = sqrt(fmax(1 - .82 * c->across * c->across, 0));
    double shade = .66 + .36 * round;                                         /* the cheeks turn away */
    shade += .05 * bump(c->across, .22) * bump(c->down - .28, .2);            /* over the nose */
    shade -= .07 * bump(fabs(c->across) - .3, .16) * bump(c->down - .4, .22); /* beside it */
    shade -= .22 * fmax(c->down - .72, 0) / .28 * (.6 + .4 * round);          /* under the chin */
    double fold = 0;
    if (s->cut == PLEATED) {
        static const double pleats[] = {.36, .55, .73};
        for (int i = 0; i < 3; i++)
            fold += pleat((c->down - pleats[i] - .03 * (1 - round)) * c->height, pixel);
        fold -= .11 * line(c->down * c->height - .09, .012, pixel) +
                .05 * line(c->down * c->height - .03, .012, pixel);
    } else if (s->cut == CUPPED) { /* a crease from side to side, embossed lines beside it, a strip on the nose */
        double crease = (c->down - .52 + .05 * round) * c->height;
        fold += .05 * bump(crease + .06, .06) - .17 * line(crease, .02, pixel) -
                .05 * line(fabs(crease) - .13, .012, pixel);
        fold -= .14 * bump(c->across, .3) * line(c->down * c->height - .07, .018, pixel);
    } else {
        fold -= .16 * line(c->across, .018, pixel) - .05 * bump(fabs(c->across) - .04, .03); /* the middle seam */
    }
    if (c->from_edge < .05) /* the hem, pressed flat */
        fold += s->cut == PLEATED ? .04 - .1 * line(c->from_edge - .05, .01, pixel)
                                    : -.1 * line(c->from_edge - .045, .01, pixel);
    return shade + fold;
}

/* ---- ear loops ---- */

/* From the upper and the lower corner to the ear, where the jaw lies beyond the mask or near its edge. */
static void draw_loops(const sl_area *area, const sl_face_axes *a, const sl_point *f, const mask_style *s,
                       float *scratch, float *out)
{
    for (int side = -1; side <= 1; side += 2) {
        sl_point ear = f[side < 0 ? 0 : 16], upper = side_point(f, s, s->corner + .15, side);
        sl_point lower = side_point(f, s, s->corner + 2.4, side), lobe = f[side < 0 ? 1 : 15];
        if (side * (ear.x - ridge_at(f, ear.y)) < .55) /* turned away */
            continue;
        if (s->cut == CUPPED) /* two straps around the head */
            ear.y -= .35f, lobe.y += .1f;
        else
            ear = between(ear, lobe, .3);
        ear.x += (float)(side * .01);
        lobe.x += (float)(side * .03), lobe.y += .08f;
        sl_point high = between(upper, ear, .5), low = between(lower, lobe, .5);
        high.y += .02f;
        low.x += (float)(side * .03);
        const sl_point strand[2][3] = {{upper, high, ear}, {lower, low, lobe}};
        for (int i = 0; i < 2; i++)
            sl_area_band(area, a, strand[i], .035, .03, scratch, out);
    }
}

/* ---- all of it ---- */

typedef struct {
    float *cloth, *loops, *shadow, *scratch;
} mask_layers;

static void paint_mask(sl_image *image, const sl_area *area, const sl_face_axes *a, const sl_point *f,
                       const mask_style *s, const cloth_map *map, const mask_layers *l, uint64_t grain)
{
    sl_skin_light light = sl_light_measure(image, area, a, l->cloth);
    sl_paint strand = s->cloth.a.g < 80 ? (sl_paint){52, 52, 54} : (sl_paint){226, 228, 230};
    for (int y = 0; y < area->height; y++)
        for (int x = 0; x < area->width; x++) {
            size_t i = (size_t)y * (size_t)area->width + (size_t)x;
            int px = area->x + x, py = area->y + y;
            if (l->shadow[i] > .004f)
                sl_blend(image, px, py, (sl_paint){12, 8, 8}, .38f * l->shadow[i] * (1 - l->cloth[i]));
            sl_point p = sl_axes_to_face(a, (sl_point){(float)px, (float)py});
            double lit = sl_light_at(&light, p);
            if (l->loops[i] > 0)
                sl_blend(image, px, py, sl_light_paint(&light, strand, lit * .93), .92f * l->loops[i]);
            if (l->cloth[i] > 0) {
                cloth_point c = cloth_at(map, f, p);
                double b = lit * cloth_shade(s, &c, 1 / a->unit) * (1 + s->grain * sl_grain_at(grain, px, py));
                sl_paint paint = sl_pattern_at(&s->cloth, p, 1 / a->unit);
                sl_blend(image, px, py, sl_light_paint(&light, paint, b), l->cloth[i]);
            }
        }
}

sl_status sl_draw_mask(sl_image *image, const sl_point landmarks[68], int style_number, sl_rng *rng, sl_error *err)
{
    sl_face_axes axes;
    SL_TRY(sl_face_axes_of(landmarks, &axes, err));
    sl_point f[68], outline[SMOOTH];
    for (int i = 0; i < 68; i++)
        f[i] = sl_axes_to_face(&axes, landmarks[i]);
    mask_style style = pick_style(style_number, rng);
    int n = mask_outline(f, &style, outline);
    cloth_map map = map_cloth(outline, n);

    sl_point reach[SMOOTH + 2];
    for (int i = 0; i < n; i++)
        reach[i] = outline[i];
    reach[n] = f[0], reach[n + 1] = f[16]; /* the loops end there */
    sl_area area;
    if (!sl_area_of(image, &axes, reach, n + 2, .2, &area))
        return SL_OK;
    size_t pixels = (size_t)area.width * (size_t)area.height;
    float *layers = sl_calloc_aligned(pixels, 4 * sizeof *layers);
    if (!layers)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to draw a mask of %d x %d pixels", area.width, area.height);
    mask_layers l = {layers, layers + pixels, layers + 2 * pixels, layers + 3 * pixels};
    draw_loops(&area, &axes, f, &style, l.scratch, l.loops);
    sl_area_polygon(&area, &axes, outline, n, l.cloth);
    sl_area_blur(&area, .006 * axes.unit, l.scratch, l.cloth);
    sl_area_shadow(&area, l.cloth, .02 * axes.unit, .035 * axes.unit, l.scratch, l.shadow);
    paint_mask(image, &area, &axes, f, &style, &map, &l, sl_rng_next(rng));
    free(layers);
    return SL_OK;
}
