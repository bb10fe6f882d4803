/* Pictures of noise, and what bilinear interpolation makes of a picture by its definition. */
#ifndef SL_TESTS_RANDOM_IMAGE_H
#define SL_TESTS_RANDOM_IMAGE_H

#include "support.h"

#include <stdbool.h>

#include "base/rng.h"
#include "image/image.h"

static inline sl_image random_image(int width, int height, int channels, uint64_t seed)
{
    sl_image image;
    sl_error err;
    sl_rng rng = sl_rng_seed(seed);
    assert_ok(sl_image_new(width, height, channels, &image, &err));
    for (int i = 0; i < width * height * channels; i++)
        image.pixels[i] = (uint8_t)sl_rng_below(&rng, 256);
    return image;
}

static inline double value_at(const sl_image *image, int x, int y, int c)
{
    return image->pixels[((size_t)y * (size_t)image->width + (size_t)x) * (size_t)image->channels + (size_t)c];
}

/* Bilinear interpolation by the definition; pixels beyond the edge repeat it. */
static inline double bilinear_at(const sl_image *image, double x, double y, int c)
{
    x = fmin(fmax(x, 0), image->width - 1);
    y = fmin(fmax(y, 0), image->height - 1);
    int x0 = (int)floor(x), y0 = (int)floor(y);
    int x1 = x0 + 1 < image->width ? x0 + 1 : x0, y1 = y0 + 1 < image->height ? y0 + 1 : y0;
    double u = x - x0, v = y - y0;
    double upper = (1 - u) * value_at(image, x0, y0, c) + u * value_at(image, x1, y0, c);
    double lower = (1 - u) * value_at(image, x0, y1, c) + u * value_at(image, x1, y1, c);
    return (1 - v) * upper + v * lower;
}

#endif
