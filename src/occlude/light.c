/* The photo's own light on what is drawn into it: a cover is as bright and colourful as the skin under it, and brighter
 * where that is, so that it does not look pasted in. */
#include "occlude/occlude.h"

#include <math.h>

sl_skin_light sl_light_measure(const sl_image *image, const sl_area *area, const sl_face_axes *a,
                               const float *coverage)
{
    double n = 0, sl = 0, sx = 0, sy = 0, sxx = 0, syy = 0, sxl = 0, syl = 0, chroma = 0;
    for (int y = 0; y < area->height; y++)
        for (int x = 0; x < area->width; x++) {
            if (coverage[(size_t)y * (size_t)area->width + (size_t)x] < .5f)
                continue;
            const uint8_t *p =
                image->pixels + 3 * ((size_t)(area->y + y) * (size_t)image->width + (size_t)(area->x + x));
            sl_point f = sl_axes_to_face(a, (sl_point){(float)(area->x + x), (float)(area->y + y)});
            double l = .299 * p[0] + .587 * p[1] + .114 * p[2];
            int high = p[0] > p[1] ? p[0] : p[1], low = p[0] < p[1] ? p[0] : p[1];
            high = p[2] > high ? p[2] : high, low = p[2] < low ? p[2] : low;
            chroma += high - low;
            n++, sl += l, sx += f.x, sy += f.y, sxx += (double)f.x * f.x, syy += (double)f.y * f.y;
            sxl += f.x * l, syl += f.y * l;
        }
    if (n < 1)
        return (sl_skin_light){.mean = 128};
    double vx = sxx - sx * sx / n, vy = syy - sy * sy / n;
    sl_skin_light light = {.mean = sl / n, .colour = fmin(chroma / n / 24, 1)};
    light.x = vx > 1e-9 ? (sxl - sx * sl / n) / vx : 0;
    light.y = vy > 1e-9 ? .3 * (syl - sy * sl / n) / vy : 0; /* most of it is beard and lips */
    return light;
}

double sl_light_at(const sl_skin_light *l, sl_point p)
{
    double mean = fmax(l->mean, 12), slope = (l->x * p.x + l->y * (p.y - 1)) / mean;
    return fmin(fmax(pow(mean / 150, .6) * (1 + .8 * slope), .32), 1.12);
}

sl_paint sl_light_paint(const sl_skin_light *light, sl_paint p, double brightness)
{
    double grey = .3 * p.r + .59 * p.g + .11 * p.b, k = light->colour;
    return (sl_paint){(float)(brightness * (grey + k * (p.r - grey))),
                      (float)(brightness * (grey + k * (p.g - grey))),
                      (float)(brightness * (grey + k * (p.b - grey)))};
}

double sl_grain_at(uint64_t seed, int x, int y)
{
    sl_rng r = sl_rng_seed(seed ^ ((uint64_t)(uint32_t)x << 32 | (uint32_t)y));
    return sl_rng_range(&r, -1, 1);
}
