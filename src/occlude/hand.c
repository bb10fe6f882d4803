/* A hand before the face: four fingers side by side and the palm they come from, in the skin's own colour. */
#include <math.h>

#include "occlude/soft.h"

const char *const sl_hand_styles[] = {"mouth", "cheek", "any", NULL};

enum { FINGERS = 4 };

typedef struct {
    double x, y, cosine, sine; /* the middle finger's tip, and where the fingers point */
    double thick;              /* half of a finger */
    double tip[FINGERS];       /* how far each ends behind the longest */
    double palm;               /* where it begins behind the tips */
    double round[2];           /* light across a finger: at its middle, and what it loses towards its sides */
} hand;

/* Along the fingers (0 at the tips, rising towards the palm) and across them. */
static sl_point in_hand(const hand *h, sl_point p)
{
    const double x = p.x - h->x, y = p.y - h->y;
    return (sl_point){(float)-(x * h->cosine + y * h->sine), (float)(y * h->cosine - x * h->sine)};
}

static double finger_middle(const hand *h, int i)
{
    return (i - .5 * (FINGERS - 1)) * 1.9 * h->thick;
}

static double finger_depth(const hand *h, sl_point at, int i)
{
    const double along = fmin(at.x - h->tip[i] - h->thick, 0), across = at.y - finger_middle(h, i);
    return h->thick - hypot(along, across);
}

static double hand_depth(const void *own, sl_point p)
{
    const hand *h = own;
    const sl_point at = in_hand(h, p);
    const double half = .95 * FINGERS * h->thick;
    double depth = fmin(fmin(at.x - h->palm, half - fabs((double)at.y)), 4 - (double)at.x);
    for (int i = 0; i < FINGERS; i++)
        depth = fmax(depth, fmin(finger_depth(h, at, i), h->palm + h->thick - (double)at.x));
    return depth;
}

/* Each finger is round: darker at its sides. The palm is flat. */
static sl_paint hand_paint(const void *own, sl_point p, double depth, sl_paint material)
{
    const hand *h = own;
    const sl_point at = in_hand(h, p);
    double nearest = 9;
    (void)depth;
    for (int i = 0; i < FINGERS; i++)
        nearest = fmin(nearest, fabs(at.y - finger_middle(h, i)));
    const double across = at.x > h->palm ? .5 : fmin(nearest / h->thick, 1);
    return sl_paint_scaled(material, h->round[0] - h->round[1] * across * across);
}

/* The mean of what the picture shows between eyes and mouth. */
static sl_paint skin_of(const sl_image *image, const sl_face_axes *axes)
{
    static const sl_point around[] = {{-.3f, .3f}, {.3f, .9f}};
    double sum[3] = {150, 115, 95};
    sl_area area;
    if (sl_area_of(image, axes, around, 2, 0, &area)) {
        sum[0] = sum[1] = sum[2] = 0;
        for (int y = area.y; y < area.y + area.height; y++)
            for (int x = area.x; x < area.x + area.width; x++)
                for (int c = 0; c < 3; c++)
                    sum[c] += image->pixels[3 * ((size_t)y * (size_t)image->width + (size_t)x) + (size_t)c];
        for (int c = 0; c < 3; c++)
            sum[c] /= (double)area.width * area.height;
    }
    return (sl_paint){(float)sum[0], (float)sum[1], (float)sum[2]};
}

static void place_hand(hand *h, bool mouth, sl_rng *r)
{
    const double from = sl_rng_odds(r, .5) ? 1 : -1;
    double turn; /* where the fingers point */
    if (mouth) { /* from a side and below, over the mouth */
        turn = sl_rng_range(r, -1.3, .1);
        h->x = sl_rng_range(r, .3, .9), h->y = sl_rng_range(r, .75, 1.3);
    } else { /* up a cheek, to the eye */
        turn = -M_PI / 2 + sl_rng_range(r, -.4, .4);
        h->x = sl_rng_range(r, .3, 1), h->y = sl_rng_range(r, -.9, .3);
    }
    h->x *= from;
    h->cosine = from * cos(turn), h->sine = sin(turn);
}

void sl_draw_hand(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *r)
{
    const bool mouth = sl_rng_odds(r, .5);
    hand h = {.thick = sl_rng_range(r, .15, .22), .palm = sl_rng_range(r, 1.1, 1.6)};
    (void)other;
    place_hand(&h, style == 0 || (style >= 2 && mouth), r);
    for (int i = 0; i < FINGERS; i++)
        h.tip[i] = (i == 0 || i == FINGERS - 1 ? .22 : 0) + sl_rng_range(r, 0, .15);
    h.round[0] = sl_rng_range(r, .95, 1.1), h.round[1] = sl_rng_range(r, .25, .5);
    sl_material skin = sl_material_plain(axes->unit, r);
    skin.colour = sl_paint_scaled(skin_of(image, axes), sl_rng_range(r, .75, 1.25));
    skin.shade = 0;
    sl_soft_draw(image, axes, &(sl_soft_cover){.own = &h, .depth = hand_depth, .paint = hand_paint, .material = &skin,
                                               .opacity = 1, .soft = sl_rng_range(r, .03, .06), .shadow = .3,
                                               .cast = .12});
}
