/* Sunglasses: two lenses, frame, bridge and temples, by the eye line's place, roll and length, each side as wide
 * as a turned head shows it. All lengths are in eye distances (see sl_face_axes).
 *
 *        temple  tip        bridge            hinge
 *      -------.-._______            _______.-.-------
 *             | /       \__________/       \ |            the brow: the frame's upper edge, which is thicker
 *             |(  lens   )        (   lens  )|
 *                \_____/            \_____/               rim: the frame's width around the lens
 */
#include "occlude/occlude.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

enum { CONTROL = 10, STEPS = 8, CURVE = CONTROL * STEPS + 1 };

/* The right lens from the front: (distance from the nose's middle, height below the eye line), from its inner
 * upper corner along the brow. A side is 1 wide from the middle to the eye's .5: the distances are scaled by it.
 */
typedef struct {
    sl_point lens[CONTROL];
    double small, large; /* the seed makes the lens so many times as large */
    double drop;         /* how far the whole hangs below the plan */
    double rim, brow;    /* thickness of the frame, and what it has more along the brow */
    double tip;          /* how far the end pieces beside the lenses stand out; 0: none */
    double bridge[2];    /* height of the bridge's upper and lower edge at the middle */
    double hinge;        /* height of the temples' hinges */
    sl_paint frame[2];   /* the seed takes one */
    sl_paint lens_top, lens_bottom;
    float opacity_top, opacity_bottom;
    double gloss; /* at most; 0: a lens that reflects nothing */
} glasses_style;

/* In the order of the names. The first is what the dissertation's samples show: flat black, opaque, over the brows,
 * as wide as the face. */
const char *const sl_sunglasses_styles[] = {"wayfarer", "classic", "aviator", "round", "any", NULL};
static const glasses_style styles[] = {
    {.lens = {{.17f, -.25f}, {.48f, -.31f}, {.86f, -.31f}, {1.12f, -.26f}, {1.17f, -.08f}, {1.09f, .12f}, {.86f, .235f},
              {.5f, .245f}, {.27f, .13f}, {.16f, -.06f}},
     .small = .95, .large = 1.1, .rim = .03, .brow = .02, .tip = .12, .bridge = {-.29, -.1}, .hinge = -.25,
     .frame = {{10, 10, 11}, {15, 15, 15}}, .lens_top = {3, 5, 3}, .lens_bottom = {3, 5, 3},
     .opacity_top = 1, .opacity_bottom = 1},
    {.lens = {{.15f, -.19f}, {.42f, -.245f}, {.74f, -.25f}, {.98f, -.2f}, {1.0f, -.03f}, {.92f, .2f}, {.7f, .325f},
              {.42f, .325f}, {.2f, .22f}, {.12f, .0f}},
     .small = .98, .large = 1.12, .drop = .03, .rim = .045, .brow = .045, .tip = .06, .bridge = {-.17, -.05},
     .hinge = -.16, .frame = {{17, 16, 17}, {52, 33, 22}}, .lens_top = {6, 7, 7}, .lens_bottom = {14, 14, 15},
     .opacity_top = .985f, .opacity_bottom = .965f, .gloss = .12},
    {.lens = {{.16f, -.2f}, {.42f, -.225f}, {.72f, -.23f}, {.95f, -.17f}, {1.0f, .03f}, {.93f, .26f}, {.74f, .41f},
              {.48f, .38f}, {.24f, .22f}, {.13f, .0f}},
     .small = .98, .large = 1.12, .drop = .03, .rim = .018, .brow = .01, .bridge = {-.17, -.125}, .hinge = -.16,
     .frame = {{150, 128, 78}, {62, 62, 66}}, .lens_top = {6, 7, 7}, .lens_bottom = {34, 27, 22},
     .opacity_top = .985f, .opacity_bottom = .9f, .gloss = .12},
    {.lens = {{.3f, -.24f}, {.46f, -.32f}, {.66f, -.32f}, {.82f, -.24f}, {.9f, -.06f}, {.86f, .14f}, {.7f, .28f},
              {.5f, .3f}, {.32f, .2f}, {.22f, .0f}},
     .small = .96, .large = 1.14, .drop = .02, .rim = .022, .brow = 0, .bridge = {-.14, -.09}, .hinge = -.1,
     .frame = {{24, 22, 22}, {158, 132, 84}}, .lens_top = {5, 6, 8}, .lens_bottom = {12, 14, 20},
     .opacity_top = .99f, .opacity_bottom = .95f, .gloss = .1},
};
enum { STYLES = sizeof styles / sizeof *styles };

/* Number `style` of the names above, the last of which is any of the others, at the size that the seed gives it. */
static glasses_style pick_style(int style, sl_rng *rng)
{
    double any = sl_rng_uniform(rng);
    glasses_style s = styles[style < STYLES ? style : (int)(any * STYLES)];
    double size = sl_rng_range(rng, s.small, s.large), drop = s.drop + sl_rng_range(rng, -.02, .02);
    for (int i = 0; i < CONTROL; i++)
        s.lens[i] =
            (sl_point){(float)(.12 + (s.lens[i].x - .12) * size), (float)(s.lens[i].y * size + drop)};
    s.frame[0] = s.frame[sl_rng_below(rng, 2)];
    s.gloss *= sl_rng_range(rng, .35, 1);
    s.hinge = s.hinge * size + drop;
    s.bridge[0] += drop, s.bridge[1] += drop;
    return s;
}

/* ---- geometry ---- */

/* Where the middle of the glasses is and how wide each side (left, right) looks. */
typedef struct {
    double middle, side[2];
} glasses_fit;

static glasses_fit fit_glasses(const sl_point *f)
{
    double left = 0, right = 0;
    for (int i = 0; i < 6; i++)
        left += f[36 + i].x / 6, right += f[42 + i].x / 6;
    /* The bridge of the nose stands out: on a turned head it moves towards the far eye, and the glasses with it.
     */
    glasses_fit g = {.middle = .5 * (f[27].x + .5 * (left + right))};
    g.side[0] = fmin(fmax((g.middle - left) / .5, .3), 1.15);
    g.side[1] = fmin(fmax((right - g.middle) / .5, .3), 1.15);
    return g;
}

/* A point of the right side's plan, mirrored for the left side. */
static sl_point placed(const glasses_fit *g, int side, double x, double y)
{
    return (sl_point){(float)(g->middle + (side ? 1 : -1) * x * g->side[side]), (float)y};
}

/* The lens, or (rim > 0) the frame around it: its points pushed away from the lens's middle. */
static int rim_outline(const glasses_style *s, const glasses_fit *g, int side, double rim, double brow,
                       sl_point *out)
{
    sl_point p[CONTROL];
    double cx = 0, cy = 0;
    for (int i = 0; i < CONTROL; i++)
        cx += s->lens[i].x / CONTROL, cy += s->lens[i].y / CONTROL;
    for (int i = 0; i < CONTROL; i++) {
        double x = s->lens[i].x - cx, y = s->lens[i].y - cy, r = hypot(x, y);
        double push = rim + (y < -.1 ? brow : 0);
        p[i] = placed(g, side, cx + x * (1 + push / r), cy + y * (1 + push / r));
    }
    return sl_smooth_curve(p, CONTROL, true, STEPS, out);
}

typedef struct {
    float *frame, *lens, *shadow, *scratch;
} glasses_layers;

static void raise_to(size_t n, const float *from, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = fmaxf(to[i], from[i]);
}

/* The temples run from the hinges to the ears; from the front one sees little of them. */
static sl_point temple_end(const sl_point *f, int side)
{
    sl_point ear = f[side ? 16 : 0];
    ear.y -= .1f;
    return ear;
}

static void draw_temples(const sl_area *area, const sl_face_axes *a, const glasses_style *s, const glasses_fit *g,
                         const sl_point *f, const glasses_layers *l)
{
    for (int side = 0; side < 2; side++) {
        sl_point hinge = placed(g, side, s->lens[3].x + s->rim, s->hinge), ear = temple_end(f, side);
        double length = (side ? 1 : -1) * ((double)ear.x - hinge.x);
        if (length < .05)
            continue;
        sl_point half = {.5f * (hinge.x + ear.x), .5f * (hinge.y + ear.y) - .01f};
        double from = 1.4 * (s->rim + s->brow) + .015;
        sl_area_band(area, a, (sl_point[3]){hinge, half, ear}, from, .7 * from, l->scratch, l->frame);
    }
}

static void draw_shapes(const sl_area *area, const sl_face_axes *a, const glasses_style *s, const glasses_fit *g,
                        const sl_point *f, const glasses_layers *l)
{
    size_t n = (size_t)area->width * (size_t)area->height;
    sl_point curve[CURVE];
    draw_temples(area, a, s, g, f, l);
    for (int side = 0; side < 2; side++) {
        int count = rim_outline(s, g, side, s->rim, s->brow, curve);
        sl_area_polygon(area, a, curve, count, l->scratch);
        raise_to(n, l->scratch, l->frame);
        count = rim_outline(s, g, side, 0, 0, curve);
        sl_area_polygon(area, a, curve, count, l->scratch);
        raise_to(n, l->scratch, l->lens);
        /* the end piece beside the lens, where the hinge is */
        double x = s->lens[3].x, y = s->lens[3].y;
        sl_point tip[4] = {placed(g, side, x - .12, y - s->rim - s->brow),
                           placed(g, side, x + s->rim + s->tip, y - s->rim),
                           placed(g, side, x + s->rim + s->tip, y + .05), placed(g, side, x, y + .1)};
        if (s->tip > 0) {
            sl_area_polygon(area, a, tip, 4, l->scratch);
            raise_to(n, l->scratch, l->frame);
        }
    }
    double in = s->lens[0].x + .03;
    sl_point bridge[8] = {placed(g, 0, in, s->bridge[0] - .01), placed(g, 0, .04, s->bridge[0]),
                          placed(g, 1, .04, s->bridge[0]),      placed(g, 1, in, s->bridge[0] - .01),
                          placed(g, 1, in, s->bridge[1] + .06), placed(g, 1, .04, s->bridge[1]),
                          placed(g, 0, .04, s->bridge[1]),      placed(g, 0, in, s->bridge[1] + .06)};
    sl_area_polygon(area, a, bridge, 8, l->scratch);
    raise_to(n, l->scratch, l->frame);
}

/* ---- paint ---- */

static float ramp(double v, double from, double to)
{
    double t = (v - from) / (to - from);
    return t <= 0 ? 0 : t >= 1 ? 1 : (float)(t * t * (3 - 2 * t));
}

/* How light the picture is around the eyes: what gloss and metal reflect. */
static double ambient_of(const sl_image *image, const sl_area *area)
{
    double sum = 0;
    for (int y = 0; y < area->height; y++)
        for (int x = 0; x < area->width; x++) {
            const uint8_t *p =
                image->pixels + 3 * ((size_t)(area->y + y) * (size_t)image->width + (size_t)(area->x + x));
            sum += .299 * p[0] + .587 * p[1] + .114 * p[2];
        }
    return sum / ((double)area->width * area->height) / 255;
}

/* The sky in the upper part of the lens and a slanted streak. (x, y): the pixel in face axes. */
static double gloss_at(const glasses_style *s, const glasses_fit *g, sl_point p)
{
    int side = p.x > g->middle;
    double u = (side ? 1 : -1) * (p.x - g->middle) / g->side[side], slant = (p.x - g->middle) + .55 * p.y;
    double centre = side ? .5 : -.62;
    double streak = exp(-pow((slant - centre) / .09, 2)) * (1 - ramp(p.y, -.05, .3));
    double sky = (1 - ramp(p.y, -.24, .02)) * ramp(u, .1, .4);
    return s->gloss * (.55 * sky + streak);
}

static void paint_glasses(sl_image *image, const sl_area *area, const sl_face_axes *a, const glasses_style *s,
                          const glasses_fit *g, const glasses_layers *l)
{
    double ambient = ambient_of(image, area), metal = s->rim < .03 ? .35 + ambient : .7 + .6 * ambient;
    for (int y = 0; y < area->height; y++)
        for (int x = 0; x < area->width; x++) {
            size_t i = (size_t)y * (size_t)area->width + (size_t)x;
            int px = area->x + x, py = area->y + y;
            float covered = fmaxf(l->frame[i], l->lens[i]);
            if (l->shadow[i] > .004f)
                sl_blend(image, px, py, (sl_paint){10, 7, 6}, .42f * l->shadow[i] * (1 - covered));
            if (covered <= 0)
                continue;
            sl_point p = sl_axes_to_face(a, (sl_point){(float)px, (float)py});
            if (l->lens[i] > 0) {
                float t = ramp(p.y, -.2, .36), k = 1 - t;
                float gloss = (float)(255 * (.35 + .65 * ambient) * gloss_at(s, g, p));
                sl_paint c = {k * s->lens_top.r + t * s->lens_bottom.r + gloss,
                              k * s->lens_top.g + t * s->lens_bottom.g + gloss,
                              k * s->lens_top.b + t * s->lens_bottom.b + 1.06f * gloss};
                sl_blend(image, px, py, c, l->lens[i] * (k * s->opacity_top + t * s->opacity_bottom));
            }
            float rim = fmaxf(l->frame[i] - l->lens[i], 0);
            if (rim > 0) {
                double shine = metal * (1 + .9 * (1 - ramp(p.y, -.36, -.2)));
                sl_paint c = {(float)(s->frame[0].r * shine), (float)(s->frame[0].g * shine),
                              (float)(s->frame[0].b * shine)};
                sl_blend(image, px, py, c, rim);
            }
        }
}

/* ---- the whole ---- */

/* A pair on one face. */
typedef struct {
    sl_face_axes axes;
    glasses_style style;
    glasses_fit fit;
    sl_area area; /* of the picture that it reaches; without width where it reaches none */
    glasses_layers layers;
} glasses;

static sl_status put_on(const sl_image *image, const sl_point landmarks[68], int style, sl_rng *rng, glasses *g,
                        sl_error *err)
{
    sl_point f[68], reach[2 * CURVE + 2];
    *g = (glasses){0};
    SL_TRY(sl_face_axes_of(landmarks, &g->axes, err));
    for (int i = 0; i < 68; i++)
        f[i] = sl_axes_to_face(&g->axes, landmarks[i]);
    g->style = pick_style(style, rng);
    g->fit = fit_glasses(f);

    int n = rim_outline(&g->style, &g->fit, 0, g->style.rim, g->style.brow, reach);
    n += rim_outline(&g->style, &g->fit, 1, g->style.rim, g->style.brow, reach + n);
    reach[n++] = temple_end(f, 0);
    reach[n++] = temple_end(f, 1);
    if (!sl_area_of(image, &g->axes, reach, n, .15, &g->area)) {
        g->area = (sl_area){0};
        return SL_OK;
    }
    const size_t pixels = (size_t)g->area.width * (size_t)g->area.height;
    float *layers = sl_calloc_aligned(pixels, 4 * sizeof *layers);
    if (!layers)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to draw glasses of %d x %d pixels", g->area.width,
                       g->area.height);
    g->layers = (glasses_layers){layers, layers + pixels, layers + 2 * pixels, layers + 3 * pixels};
    draw_shapes(&g->area, &g->axes, &g->style, &g->fit, f, &g->layers);
    return SL_OK;
}

sl_status sl_draw_sunglasses(sl_image *image, const sl_point landmarks[68], int style, sl_rng *rng, sl_error *err)
{
    glasses g;
    SL_TRY(put_on(image, landmarks, style, rng, &g, err));
    if (!g.area.width)
        return SL_OK;
    const glasses_layers *l = &g.layers;
    sl_area_blur(&g.area, .004 * g.axes.unit, l->scratch, l->frame);
    sl_area_blur(&g.area, .004 * g.axes.unit, l->scratch, l->lens);
    sl_area_shadow(&g.area, l->frame, .035 * g.axes.unit, .03 * g.axes.unit, l->scratch, l->shadow);
    paint_glasses(image, &g.area, &g.axes, &g.style, &g.fit, l);
    free(g.layers.frame);
    return SL_OK;
}

sl_status sl_mark_frames(const sl_image *image, const sl_point landmarks[68], uint8_t *mark, sl_error *err)
{
    enum { CLASSIC = 1 }; /* whose frame is the widest */
    sl_rng rng = sl_rng_seed(1);
    glasses g;
    SL_TRY(put_on(image, landmarks, CLASSIC, &rng, &g, err));
    for (int y = 0; y < g.area.height; y++)
        for (int x = 0; x < g.area.width; x++) {
            const size_t i = (size_t)y * (size_t)g.area.width + (size_t)x;
            mark[(size_t)(g.area.y + y) * (size_t)image->width + (size_t)(g.area.x + x)] =
                g.layers.frame[i] - g.layers.lens[i] >= .5f;
        }
    free(g.layers.frame);
    return SL_OK;
}
