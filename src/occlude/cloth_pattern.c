/* Patterns of cloth: a ground and a figure that repeats every period, the whole turned by some angle.
 *
 *     stripes  | | | |    dots  . . .    checks  # # #    plaid  ++++   checks with thin lines
 *              | | | |           . .             #  #            ++++
 */
#include "occlude/occlude.h"

#include <math.h>

const char *const sl_pattern_styles[] = {"stripes", "dots", "checks", "plaid", "plain", "any", NULL};

sl_pattern sl_pattern_plain(sl_paint paint)
{
    return (sl_pattern){.kind = SL_PATTERN_PLAIN, .a = paint, .b = paint, .period = 1, .cosine = 1};
}

sl_pattern sl_pattern_pick(sl_pattern_kind kind, sl_rng *rng)
{
    static const sl_paint dyes[] = {{232, 228, 218}, {34, 36, 44},   {152, 38, 44},  {38, 66, 122},
                                    {52, 104, 78},   {214, 168, 62}, {120, 78, 132}, {196, 120, 128},
                                    {124, 164, 196}, {112, 84, 62}};
    enum { DYES = sizeof dyes / sizeof *dyes };
    uint64_t any = sl_rng_below(rng, SL_PATTERN_PLAIN), a = sl_rng_below(rng, DYES);
    uint64_t b = (a + 1 + sl_rng_below(rng, DYES - 1)) % DYES;
    double turn = sl_rng_range(rng, -.9, .9);
    return (sl_pattern){.kind = kind == SL_PATTERN_ANY ? (sl_pattern_kind)any : kind,
                        .a = dyes[a],
                        .b = dyes[b],
                        .period = sl_rng_range(rng, .16, .34),
                        .cosine = cos(turn),
                        .sine = sin(turn)};
}

/* 1 where d < 0, 0 where d > 0, over a pixel's width between. */
static double inside(double d, double pixel)
{
    return fmin(fmax(.5 - d / pixel, 0), 1);
}

/* How far x is from the nearest multiple of 1, in [0, .5]. */
static double to_whole(double x)
{
    return fabs(x - round(x));
}

/* How much of the figure's paint there is, in [0, 1]. */
static double figure_at(const sl_pattern *p, double u, double v, double pixel)
{
    double column = inside(to_whole(u) - .25, pixel), row = inside(to_whole(v) - .25, pixel);
    switch (p->kind) {
    case SL_PATTERN_STRIPES: return column;
    case SL_PATTERN_DOTS: /* every second row half a period on */
        return inside(hypot(to_whole(u + .5 * fmod(fabs(round(v)), 2)), to_whole(v)) - .28, pixel);
    case SL_PATTERN_CHECKS: return .5 * (column + row);
    case SL_PATTERN_PLAID:
        return fmin(.4 * column + .4 * row + .5 * inside(to_whole(u) - .05, pixel) +
                        .5 * inside(to_whole(v) - .05, pixel),
                    1);
    default: return 0;
    }
}

sl_paint sl_pattern_at(const sl_pattern *p, sl_point at, double pixel)
{
    double u = (at.x * p->cosine + at.y * p->sine) / p->period;
    double v = (at.y * p->cosine - at.x * p->sine) / p->period;
    float t = (float)figure_at(p, u, v, pixel / p->period);
    return (sl_paint){p->a.r + t * (p->b.r - p->a.r), p->a.g + t * (p->b.g - p->a.g),
                      p->a.b + t * (p->b.b - p->a.b)};
}
