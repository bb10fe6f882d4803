/* The warp against its definition, pixel by pixel and bit by bit: the templates of stored galleries hang on it. */
#include "support.h"

#include <stdbool.h>

#include "base/rng.h"
#include "image/image.h"

static sl_image random_image(int width, int height, int channels, sl_rng *rng)
{
    sl_image image;
    sl_error err;
    assert_ok(sl_image_new(width, height, channels, &image, &err));
    for (int i = 0; i < width * height * channels; i++)
        image.pixels[i] = (uint8_t)sl_rng_below(rng, 256);
    return image;
}

static float pixel_at(const sl_image *image, int x, int y, int c)
{
    bool inside = x >= 0 && x < image->width && y >= 0 && y < image->height;
    return inside ? image->pixels[((size_t)y * (size_t)image->width + (size_t)x) * (size_t)image->channels + (size_t)c]
                  : 0;
}

/* Places in double, weights and sums in float, left to right; rounded by adding a half and cutting. */
static uint8_t defined_value(const sl_image *image, const double *m, int x, int y, int c)
{
    double sx = m[0] * x + m[1] * y + m[2], sy = m[3] * x + m[4] * y + m[5];
    if (!(sx > -1 && sx < image->width && sy > -1 && sy < image->height))
        return 0;
    int ix = (int)(sx + 1) - 1, iy = (int)(sy + 1) - 1;
    float fx = (float)(sx - ix), fy = (float)(sy - iy), sum = (1 - fx) * (1 - fy) * pixel_at(image, ix, iy, c);
    sum += fx * (1 - fy) * pixel_at(image, ix + 1, iy, c);
    sum += (1 - fx) * fy * pixel_at(image, ix, iy + 1, c);
    sum += fx * fy * pixel_at(image, ix + 1, iy + 1, c);
    return (uint8_t)(int)(sum + .5f);
}

/* Returns how many pixels are not black. */
static int assert_as_defined(const sl_image *image, const sl_affine *map, int width, int height)
{
    sl_image out;
    sl_error err;
    int lit = 0;
    assert_ok(sl_image_warp(image, map, width, height, &out, &err));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < image->channels; c++) {
                uint8_t value = out.pixels[(y * width + x) * image->channels + c];
                uint8_t expected = defined_value(image, map->m, x, y, c);
                if (value != expected)
                    fail_msg("%d x %d, %d channels, map %.17g %.17g %.17g %.17g %.17g %.17g: (%d, %d) is %d, not %d",
                             image->width, image->height, image->channels, map->m[0], map->m[1], map->m[2], map->m[3],
                             map->m[4], map->m[5], x, y, value, expected);
                lit += value != 0;
            }
    sl_image_free(&out);
    return lit;
}

/* Turned by any angle, mirrored every other time, a pixel `scale` wide, the middle of what is taken at (x, y). */
static sl_affine map_around(double angle, double scale, bool mirrored, double x, double y, int width, int height)
{
    double a = scale * cos(angle), b = scale * sin(angle), s = mirrored ? -1 : 1;
    sl_affine map = {{s * a, -b, 0, s * b, a, 0}};
    map.m[2] = x - map.m[0] * (width - 1) / 2 - map.m[1] * (height - 1) / 2;
    map.m[5] = y - map.m[3] * (width - 1) / 2 - map.m[4] * (height - 1) / 2;
    return map;
}

static void any_similarity(void **state)
{
    (void)state;
    sl_rng rng = sl_rng_seed(1);
    for (int round = 0; round < 400; round++) {
        int channels = round & 1 ? 3 : 1;
        int columns = 1 + (int)sl_rng_below(&rng, 150), rows = 1 + (int)sl_rng_below(&rng, 150);
        sl_image image = random_image(columns, rows, channels, &rng);
        int width = 1 + (int)sl_rng_below(&rng, 200), height = 1 + (int)sl_rng_below(&rng, 60);
        double scale = exp(sl_rng_range(&rng, log(.02), log(20))), angle = sl_rng_range(&rng, -4, 4);
        sl_affine map = map_around(angle, scale, round & 2, sl_rng_range(&rng, -.2, 1.2) * image.width,
                                   sl_rng_range(&rng, -.2, 1.2) * image.height, width, height);
        assert_as_defined(&image, &map, width, height);
        sl_image_free(&image);
    }
}

/* No four pixels are there to be read at once; what is taken lies inside, across every border and beyond them. */
static void tiny_pictures(void **state)
{
    (void)state;
    sl_rng rng = sl_rng_seed(2);
    int lit = 0;
    for (int width = 1; width <= 4; width++)
        for (int height = 1; height <= 4; height++)
            for (int channels = 1; channels <= 3; channels += 2) {
                sl_image image = random_image(width, height, channels, &rng);
                for (int round = 0; round < 20; round++) {
                    sl_affine map = map_around(sl_rng_range(&rng, -4, 4), sl_rng_range(&rng, .02, .7), round & 1,
                                               sl_rng_range(&rng, -1, width), sl_rng_range(&rng, -1, height), 20, 9);
                    lit += assert_as_defined(&image, &map, 20, 9);
                }
                sl_image_free(&image);
            }
    assert_true(lit > 10000);
}

/* Places on whole pixels, and one rounding away from them: at all four borders, and below powers of two, where adding
 * 1 to a coordinate rounds up to the next whole one. */
static void places_on_and_beside_whole_pixels(void **state)
{
    (void)state;
    sl_rng rng = sl_rng_seed(3);
    static const double away[] = {-INFINITY, 0, INFINITY};
    for (int channels = 1; channels <= 3; channels += 2) {
        sl_image image = random_image(70, 17, channels, &rng);
        for (int x = -1; x <= image.width; x++)
            for (int y = -1; y <= image.height; y += y < 2 || y > 13 ? 1 : 4)
                for (int k = 0; k < 9; k++) {
                    double sx = nextafter(x, x + away[k % 3]), sy = nextafter(y, y + away[k / 3]);
                    assert_as_defined(&image, &(sl_affine){{0, .3, sx, 0, .3, sy}}, 1, 2);
                    assert_as_defined(&image, &(sl_affine){{1, 0, sx, 0, 1, sy}}, 2, 2);
                }
        sl_image_free(&image);
    }
}

/* Maps that flatten, that stand still, and whose products overflow or cancel each other to no number. */
static void maps_without_an_inverse(void **state)
{
    (void)state;
    sl_rng rng = sl_rng_seed(4);
    static const double big = 1e308;
    const sl_affine maps[] = {
        {{0, 0, 5.3, 0, 0, 7.2}},       {{.5, 0, 2, .5, 0, 2}},         {{0, .5, 2, 0, -.5, 8}},
        {{big, 0, 0, 0, 1, 0}},         {{-big, big, 3, 0, 1, 0}},      {{big, -big, 0, -big, big, 0}},
        {{1e-320, 1, 0, 1, 1e-320, 0}}, {{1, 0, -1e300, 0, 1, 1e300}},  {{-1, 0, 25, 0, -1, 25}},
    };
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            sl_image image = random_image(30, 30, channels, &rng);
            assert_as_defined(&image, &maps[i], 90, 30);
            sl_image_free(&image);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_similarity),
        cmocka_unit_test(tiny_pictures),
        cmocka_unit_test(places_on_and_beside_whole_pixels),
        cmocka_unit_test(maps_without_an_inverse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
