/* The warp against its definition, pixel by pixel and bit by bit: the templates of stored galleries hang on it. */
#include "random_image.h"

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
        sl_image image = random_image(columns, rows, channels, sl_rng_next(&rng));
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
                sl_image image = random_image(width, height, channels, sl_rng_next(&rng));
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
        sl_image image = random_image(70, 17, channels, sl_rng_next(&rng));
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
            sl_image image = random_image(30, 30, channels, sl_rng_next(&rng));
            assert_as_defined(&image, &maps[i], 90, 30);
            sl_image_free(&image);
        }
}

/* ---- by hand, and against a reference in double precision ---- */

static void warp_of_whole_steps(void **state)
{
    (void)state;
    sl_error err;
    for (int channels = 1; channels <= 3; channels += 2) {
        sl_image image = random_image(20, 15, channels, 3), out, crop;
        assert_ok(sl_image_warp(&image, &(sl_affine){{1, 0, 0, 0, 1, 0}}, 20, 15, &out, &err));
        assert_memory_equal(out.pixels, image.pixels, (size_t)(20 * 15 * channels));
        sl_image_free(&out);
        /* A shift is a crop, with black beyond all four edges. */
        assert_ok(sl_image_warp(&image, &(sl_affine){{1, 0, -4, 0, 1, -6}}, 30, 28, &out, &err));
        assert_ok(sl_image_crop(&image, -4, -6, 30, 28, &crop, &err));
        assert_memory_equal(out.pixels, crop.pixels, (size_t)(30 * 28 * channels));
        for (int y = 0; y < 28; y++)
            for (int x = 0; x < 30; x++)
                for (int c = 0; c < channels; c++) {
                    int px = x - 4, py = y - 6;
                    bool inside = px >= 0 && px < 20 && py >= 0 && py < 15;
                    assert_int_equal(out.pixels[(y * 30 + x) * channels + c],
                                     inside ? image.pixels[(py * 20 + px) * channels + c] : 0);
                }
        sl_image_free(&out);
        sl_image_free(&crop);
        sl_image_free(&image);
    }
}

static void warp_by_hand(void **state)
{
    (void)state;
    sl_error err;
    sl_image image, out;
    assert_ok(sl_image_new(2, 2, 1, &image, &err));
    memcpy(image.pixels, (uint8_t[]){40, 80, 120, 200}, 4);
    assert_ok(sl_image_warp(&image, &(sl_affine){{1, 0, .5, 0, 1, .25}}, 1, 1, &out, &err));
    assert_int_equal(out.pixels[0], 85); /* .75 * 60 + .25 * 160 */
    sl_image_free(&out);
    assert_ok(
        sl_image_warp(&image, &(sl_affine){{1, 0, -.5, 0, 1, 0}}, 3, 1, &out, &err)); /* half black at the edge */
    assert_memory_equal(out.pixels, ((uint8_t[]){20, 60, 40}), 3);
    sl_image_free(&out);
    assert_ok(sl_image_warp(&image, &(sl_affine){{1e300, 1e300, 0, -1e300, 1e300, 0}}, 5, 5, &out, &err));
    assert_int_equal(out.pixels[0], 40);
    for (int i = 1; i < 25; i++)
        assert_int_equal(out.pixels[i], 0);
    sl_image_free(&out);
    sl_image_free(&image);
}

static void warp_against_reference(void **state)
{
    (void)state;
    sl_error err;
    for (int channels = 1; channels <= 3; channels += 2) {
        sl_image image = random_image(90, 70, channels, 11), framed, out;
        /* A black frame of one pixel makes the edge rule of the reference ours. */
        assert_ok(sl_image_crop(&image, -1, -1, 92, 72, &framed, &err));
        sl_affine map = {{.71, -.33, 12.3, .33, .71, -9.1}};
        assert_ok(sl_image_warp(&image, &map, 112, 112, &out, &err));
        for (int y = 0; y < 112; y++)
            for (int x = 0; x < 112; x++)
                for (int c = 0; c < channels; c++) {
                    double sx = map.m[0] * x + map.m[1] * y + map.m[2],
                           sy = map.m[3] * x + map.m[4] * y + map.m[5];
                    double expected = bilinear_at(&framed, sx + 1, sy + 1, c);
                    assert_true(fabs(out.pixels[(y * 112 + x) * channels + c] - expected) <= .501);
                }
        sl_image_free(&image);
        sl_image_free(&framed);
        sl_image_free(&out);
    }
}

static void crop_far_away_is_black(void **state)
{
    (void)state;
    sl_error err;
    sl_image image = random_image(8, 8, 3, 2), out;
    static const int corners[][2] = {{8, 0},           {0, 8},          {-4, 0}, {0, -4}, {2147483647, 2147483647},
                                     {-2147483647, 0}, {0, -2147483647}};
    for (size_t i = 0; i < sizeof corners / sizeof *corners; i++) {
        assert_ok(sl_image_crop(&image, corners[i][0], corners[i][1], 4, 4, &out, &err));
        for (int k = 0; k < 48; k++)
            assert_int_equal(out.pixels[k], 0);
        sl_image_free(&out);
    }
    sl_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_similarity),
        cmocka_unit_test(tiny_pictures),
        cmocka_unit_test(places_on_and_beside_whole_pixels),
        cmocka_unit_test(maps_without_an_inverse),
        cmocka_unit_test(warp_of_whole_steps),
        cmocka_unit_test(warp_by_hand),
        cmocka_unit_test(warp_against_reference),
        cmocka_unit_test(crop_far_away_is_black),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
