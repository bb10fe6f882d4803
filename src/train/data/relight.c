/* The same face in another light: through a curve of brightness for each colour, under a slope of light, in fog, with
 * more or less colour. Deviations are those of the prototype that held on real photos. */
#include <math.h>

#include "train/data/augment_steps.h"

typedef struct {
    float curve[3][256];      /* of a byte, before the slope */
    float slope_x, slope_y;   /* of the light, a pixel */
    float clear, fog, colour; /* v -> clear v + fog; colour: 1 as it was, 0 grey */
} lighting;

static void make_curves(lighting *l, sl_rng *r)
{
    const double gamma = exp(.3 * sl_rng_normal(r) + .05);
    const double gain = exp(fmin(fmax(.4 * sl_rng_normal(r) - .15, -1.5), .6));
    double tint[3] = {1, 1, 1};
    if (sl_rng_odds(r, .5))
        for (int c = 0; c < 3; c++)
            tint[c] = exp(.12 * sl_rng_normal(r));
    for (int v = 0; v < 256; v++) {
        const double bright = 255 * gain * pow(v / 255., gamma);
        for (int c = 0; c < 3; c++)
            l->curve[c][v] = (float)(bright * tint[c]);
    }
}

static lighting pick_lighting(const sl_image *image, sl_rng *r)
{
    lighting l = {.clear = 1, .colour = 1};
    make_curves(&l, r);
    if (sl_rng_odds(r, .5)) { /* up to .5 at the edge */
        const double turn = sl_rng_range(r, 0, 2 * M_PI), slope = sl_rng_range(r, 0, .6) / 70 / sl_crop_unit(image);
        l.slope_x = (float)(slope * cos(turn)), l.slope_y = (float)(slope * sin(turn));
    }
    if (sl_rng_odds(r, .3)) {
        l.clear = (float)sl_rng_range(r, .4, 1);
        l.fog = (1 - l.clear) * (float)sl_rng_range(r, 60, 220);
    }
    if (sl_rng_odds(r, .25))
        l.colour = (float)sl_rng_range(r, 0, 1.3);
    return l;
}

void sl_relight(sl_image *image, sl_rng *r)
{
    const lighting l = pick_lighting(image, r);
    const float cx = (float)(image->width - 1) / 2, cy = (float)(image->height - 1) / 2;
    uint8_t *p = image->pixels;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++, p += 3) {
            const float light = l.clear * (1 + l.slope_x * ((float)x - cx) + l.slope_y * ((float)y - cy));
            const float red = l.curve[0][p[0]] * light + l.fog, green = l.curve[1][p[1]] * light + l.fog;
            const float blue = l.curve[2][p[2]] * light + l.fog, grey = .299f * red + .587f * green + .114f * blue;
            p[0] = sl_byte_of(grey + l.colour * (red - grey));
            p[1] = sl_byte_of(grey + l.colour * (green - grey));
            p[2] = sl_byte_of(grey + l.colour * (blue - grey));
        }
}
