/* Resizing, warping, cropping and the similarity fit against hand-computed values and double-precision references.
 */
#include "support.h"

#include <stdbool.h>

#include "base/rng.h"
#include "image/image.h"

static sl_image random_image(int width, int height, int channels, uint64_t seed)
{
    sl_image image;
    sl_error err;
    sl_rng rng = sl_rng_seed(seed);
    assert_ok(sl_image_new(width, height, channels, &image, &err));
    for (int i = 0; i < width * height * channels; i++)
        image.pixels[i] = (uint8_t)sl_rng_below(&rng, 256);
    return image;
}

/* Bilinear interpolation by the definition; pixels beyond the edge repeat it. */
static double bilinear_at(const sl_image *image, double x, double y, int c)
{
    x = fmin(fmax(x, 0), image->width - 1);
    y = fmin(fmax(y, 0), image->height - 1);
    int x0 = (int)floor(x), y0 = (int)floor(y);
    int x1 = x0 + 1 < image->width ? x0 + 1 : x0, y1 = y0 + 1 < image->height ? y0 + 1 : y0;
    double u = x - x0, v = y - y0;
#define P(px, py)                                                                                                 \
    image->pixels[((size_t)(py) * (size_t)image->width + (size_t)(px)) * (size_t)image->channels + (size_t)c]
    return (1 - v) * ((1 - u) * P(x0, y0) + u * P(x1, y0)) + v * ((1 - u) * P(x0, y1) + u * P(x1, y1));
}

static double overlap(double a0, double a1, double b0, double b1)
{
    double low = fmax(a0, b0), high = fmin(a1, b1);
    return high > low ? high - low : 0;
}

/* The mean of piecewise constant pixels over output pixel (x, y)'s area. */
static double area_at(const sl_image *image, int width, int height, int x, int y, int c)
{
    double sx = (double)image->width / width, sy = (double)image->height / height, sum = 0;
    for (int py = 0; py < image->height; py++)
        for (int px = 0; px < image->width; px++)
            sum +=
                overlap(x * sx, (x + 1) * sx, px, px + 1) * overlap(y * sy, (y + 1) * sy, py, py + 1) * P(px, py);
    return sum / (sx * sy);
}

static void resize_by_hand(void **state)
{
    (void)state;
    sl_image image, out;
    sl_error err;
    assert_ok(sl_image_new(2, 1, 1, &image, &err));
    image.pixels[0] = 0;
    image.pixels[1] = 100;
    assert_ok(sl_image_resize(&image, 4, 1, &out, &err)); /* at -1/4 (the edge), 1/4, 3/4, 5/4 (the edge) */
    assert_memory_equal(out.pixels, ((uint8_t[]){0, 25, 75, 100}), 4);
    sl_image_free(&out);
    assert_ok(sl_image_resize(&image, 1, 3, &out, &err)); /* the middle: 50 */
    assert_memory_equal(out.pixels, ((uint8_t[]){50, 50, 50}), 3);
    sl_image_free(&out);
    sl_image_free(&image);
    assert_ok(sl_image_new(6, 1, 1, &image, &err));
    memcpy(image.pixels, (uint8_t[]){10, 20, 40, 80, 160, 250}, 6);
    assert_ok(sl_image_resize(&image, 2, 1, &out, &err)); /* no antialias: at 1 and 4 */
    assert_memory_equal(out.pixels, ((uint8_t[]){20, 160}), 2);
    sl_image_free(&out);
    assert_ok(sl_image_shrink(&image, 2, 1, &out, &err)); /* means of three: 23.3, 163.3 */
    assert_memory_equal(out.pixels, ((uint8_t[]){23, 163}), 2);
    sl_image_free(&out);
    assert_ok(
        sl_image_shrink(&image, 4, 1, &out, &err)); /* 1.5 pixels each: 20/1.5, 50/1.5, 160/1.5 = 106.7, 330/1.5 */
    assert_memory_equal(out.pixels, ((uint8_t[]){13, 33, 107, 220}), 4);
    sl_image_free(&out);
    sl_image_free(&image);
}

static void resize_against_reference(void **state)
{
    (void)state;
    static const int sizes[][4] = {{17, 11, 40, 31}, {64, 48, 13, 7}, {33, 33, 33, 20}, {5, 90, 112, 3},
                                   {1, 1, 9, 4},     {2, 3, 1, 1},    {100, 1, 37, 5},  {250, 250, 112, 112}};
    sl_error err;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            const int *s = sizes[i];
            sl_image image = random_image(s[0], s[1], channels, i), out, small;
            assert_ok(sl_image_resize(&image, s[2], s[3], &out, &err));
            bool shrinks = s[2] <= s[0] && s[3] <= s[1] && s[0] * s[1] < 10000;
            if (shrinks)
                assert_ok(sl_image_shrink(&image, s[2], s[3], &small, &err));
            for (int y = 0; y < s[3]; y++)
                for (int x = 0; x < s[2]; x++)
                    for (int c = 0; c < channels; c++) {
                        size_t at = (size_t)((y * s[2] + x) * channels + c);
                        double sx = (x + .5) * s[0] / s[2] - .5, sy = (y + .5) * s[1] / s[3] - .5;
                        if (fabs(out.pixels[at] - bilinear_at(&image, sx, sy, c)) > .501)
                            fail_msg("resize case %zu at (%d, %d): %d, expected %g", i, x, y, out.pixels[at],
                                     bilinear_at(&image, sx, sy, c));
                        if (shrinks && fabs(small.pixels[at] - area_at(&image, s[2], s[3], x, y, c)) > .501)
                            fail_msg("shrink case %zu at (%d, %d): %d, expected %g", i, x, y, small.pixels[at],
                                     area_at(&image, s[2], s[3], x, y, c));
                    }
            sl_image_free(&image);
            sl_image_free(&out);
            if (shrinks)
                sl_image_free(&small);
        }
}

static void shrink_enlarges_bilinearly(void **state)
{
    (void)state;
    sl_error err;
    sl_image image = random_image(9, 7, 3, 5), a, b;
    assert_ok(sl_image_shrink(&image, 30, 22, &a, &err));
    assert_ok(sl_image_resize(&image, 30, 22, &b, &err));
    assert_memory_equal(a.pixels, b.pixels, 30 * 22 * 3);
    sl_image_free(&a);
    sl_image_free(&b);
    assert_ok(sl_image_resize(&image, 9, 7, &a, &err));
    assert_memory_equal(a.pixels, image.pixels, 9 * 7 * 3);
    sl_image_free(&a);
    sl_image_free(&image);
}

static void flat_pictures_stay_flat(void **state)
{
    (void)state;
    sl_error err;
    static const int values[] = {0, 1, 127, 254, 255};
    for (int k = 0; k < 5; k++) {
        sl_image image, out;
        assert_ok(sl_image_new(997, 3, 1, &image, &err));
        memset(image.pixels, values[k], 997 * 3);
        static const int widths[] = {1, 2, 3, 7, 100, 640, 996, 1500};
        for (int i = 0; i < 8; i++) {
            assert_ok(sl_image_shrink(&image, widths[i], 2, &out, &err));
            for (int x = 0; x < 2 * widths[i]; x++)
                assert_int_equal(out.pixels[x], values[k]);
            sl_image_free(&out);
        }
        sl_image_free(&image);
    }
}

static void bad_sizes(void **state)
{
    (void)state;
    sl_error err;
    sl_image image = random_image(4, 4, 1, 1), out;
    sl_affine identity = {{1, 0, 0, 0, 1, 0}};
    assert_int_equal(sl_image_resize(&image, 0, 4, &out, &err), SL_ERR_ARGUMENT);
    assert_null(out.pixels);
    assert_int_equal(sl_image_shrink(&image, 4, -1, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_resize(&image, 65535, 65535, &out, &err), SL_ERR_LIMIT);
    assert_int_equal(sl_image_warp(&image, &identity, 70000, 1, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_crop(&image, 0, 0, 0, 1, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_resize(NULL, 1, 1, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_warp(NULL, &identity, 1, 1, &out, &err), SL_ERR_ARGUMENT);
    identity.m[4] = NAN;
    assert_int_equal(sl_image_warp(&image, &identity, 1, 1, &out, &err), SL_ERR_NUMERIC);
    sl_image_free(&image);
}

static void assert_affine(const sl_affine *map, const double expected[6], double bound)
{
    for (int i = 0; i < 6; i++)
        if (!(fabs(map->m[i] - expected[i]) <= bound))
            fail_msg("m[%d] is %.12g, expected %.12g", i, map->m[i], expected[i]);
}

static void similarity_of_exact_points(void **state)
{
    (void)state;
    sl_error err;
    sl_affine map;
    const sl_point square[4] = {{0, 0}, {2, 0}, {2, 2}, {0, 2}};
    sl_point to[4];
    for (int i = 0; i < 4; i++)
        to[i] = (sl_point){square[i].x + 3, square[i].y - 5};
    assert_ok(sl_similarity_fit(square, to, 4, &map, &err));
    assert_affine(&map, (double[]){1, 0, 3, 0, 1, -5}, 1e-12);
    for (int i = 0; i < 4; i++) /* 90 degrees and thrice the size: (x, y) -> (-3 y + 1, 3 x) */
        to[i] = (sl_point){-3 * square[i].y + 1, 3 * square[i].x};
    assert_ok(sl_similarity_fit(square, to, 4, &map, &err));
    assert_affine(&map, (double[]){0, -3, 1, 3, 0, 0}, 1e-12);
    sl_point p = sl_affine_apply(&map, (sl_point){2, 1});
    assert_true(p.x == -2 && p.y == 6);
    assert_ok(sl_similarity_fit(square, to, 2, &map, &err)); /* two points determine it */
    assert_affine(&map, (double[]){0, -3, 1, 3, 0, 0}, 1e-12);
    for (int i = 0; i < 4; i++) /* a mirror image is not reached by a mirror: the best is scale 0, no map */
        to[i] = (sl_point){-square[i].x, square[i].y};
    assert_int_equal(sl_similarity_fit(square, to, 4, &map, &err), SL_ERR_NUMERIC);
}

static double squared_error(const double m[6], const sl_point *from, const sl_point *to, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        double x = m[0] * from[i].x + m[1] * from[i].y + m[2] - to[i].x;
        double y = m[3] * from[i].x + m[4] * from[i].y + m[5] - to[i].y;
        sum += x * x + y * y;
    }
    return sum;
}

/* No small change of its four parameters fits noisy points better. */
static void similarity_is_least_squares(void **state)
{
    (void)state;
    sl_error err;
    sl_rng rng = sl_rng_seed(7);
    for (int round = 0; round < 20; round++) {
        sl_point from[5], to[5];
        for (int i = 0; i < 5; i++) {
            from[i] = (sl_point){(float)sl_rng_range(&rng, 0, 200), (float)sl_rng_range(&rng, 0, 200)};
            to[i] = (sl_point){(float)(.3 * from[i].x - .4 * from[i].y + sl_rng_range(&rng, -5, 5)),
                               (float)(.4 * from[i].x + .3 * from[i].y + sl_rng_range(&rng, -5, 5))};
        }
        sl_affine map;
        assert_ok(sl_similarity_fit(from, to, 5, &map, &err));
        const double *m = map.m;
        assert_true(m[0] == m[4] && m[1] == -m[3]);
        double best = squared_error(m, from, to, 5);
        for (int k = 0; k < 8; k++) {
            double d = (k & 1 ? 1 : -1) * 1e-4;
            double da = k / 2 == 0 ? d : 0, db = k / 2 == 1 ? d : 0, dx = k / 2 == 2 ? d : 0,
                   dy = k / 2 == 3 ? d : 0;
            double other[6] = {m[0] + da, m[1] - db, m[2] + dx, m[3] + db, m[4] + da, m[5] + dy};
            assert_true(squared_error(other, from, to, 5) > best);
        }
    }
}

static void similarity_of_bad_points(void **state)
{
    (void)state;
    sl_error err;
    sl_affine map;
    const sl_point same[3] = {{5.1f, 5.3f}, {5.1f, 5.3f}, {5.1f, 5.3f}}, apart[3] = {{0, 0}, {1, 0}, {0, 1}};
    const sl_point nan[3] = {{NAN, 0}, {1, 0}, {0, 1}}, infinite[3] = {{0, 0}, {1, INFINITY}, {0, 1}};
    assert_int_equal(sl_similarity_fit(same, apart, 3, &map, &err), SL_ERR_NUMERIC);
    assert_int_equal(sl_similarity_fit(apart, same, 3, &map, &err), SL_ERR_NUMERIC);
    assert_int_equal(sl_similarity_fit(nan, apart, 3, &map, &err), SL_ERR_NUMERIC);
    assert_int_equal(sl_similarity_fit(apart, nan, 3, &map, &err), SL_ERR_NUMERIC);
    assert_int_equal(sl_similarity_fit(apart, infinite, 3, &map, &err), SL_ERR_NUMERIC);
    assert_int_equal(sl_similarity_fit(apart, apart, 1, &map, &err), SL_ERR_ARGUMENT);
}

static void inverse_of_affine(void **state)
{
    (void)state;
    sl_error err;
    sl_affine map = {{2, 1, 5, -1, 3, -7}}, inverse;
    assert_ok(sl_affine_invert(&map, &inverse, &err));
    assert_affine(&inverse, (double[]){3 / 7., -1 / 7., -22 / 7., 1 / 7., 2 / 7., 9 / 7.}, 1e-12);
    sl_point p = sl_affine_apply(&inverse, sl_affine_apply(&map, (sl_point){13, -4}));
    assert_true(fabsf(p.x - 13) < 1e-5f && fabsf(p.y + 4) < 1e-5f);
    assert_ok(sl_affine_invert(&map, &map, &err)); /* in place */
    assert_affine(&map, inverse.m, 0);
    assert_int_equal(sl_affine_invert(&(sl_affine){{1, 2, 0, 2, 4, 0}}, &inverse, &err), SL_ERR_NUMERIC);
    assert_int_equal(sl_affine_invert(&(sl_affine){{NAN, 0, 0, 0, 1, 0}}, &inverse, &err), SL_ERR_NUMERIC);
}

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

/* By hand: 1 2 3 over 4 5 6, lying on its right side, is 4 1, 5 2, 6 3. Every pixel and every point finds back. */
static void turned_back(void **state)
{
    (void)state;
    sl_error err;
    sl_image photo, righted;
    uint8_t numbers[6] = {4, 1, 5, 2, 6, 3};
    photo = (sl_image){.width = 2, .height = 3, .channels = 1, .pixels = numbers};
    assert_ok(sl_image_righted(&photo, 90, &righted, &err));
    assert_int_equal(righted.width, 3);
    assert_int_equal(righted.height, 2);
    for (uint8_t i = 0; i < 6; i++)
        assert_int_equal(righted.pixels[i], i + 1);
    sl_image_free(&righted);
    photo = random_image(7, 4, 3, 5);
    for (int turned = 0; turned < 360; turned += 90) {
        assert_ok(sl_image_righted(&photo, turned, &righted, &err));
        for (int y = 0; y < righted.height; y++)
            for (int x = 0; x < righted.width; x++) {
                sl_point p = {(float)x, (float)y};
                sl_points_of_righted(&photo, turned, &p, 1);
                assert_memory_equal(righted.pixels + 3 * (y * righted.width + x),
                                    photo.pixels + 3 * ((int)p.y * photo.width + (int)p.x), 3);
            }
        sl_image_free(&righted);
    }
    sl_image_free(&photo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resize_by_hand),
        cmocka_unit_test(resize_against_reference),
        cmocka_unit_test(shrink_enlarges_bilinearly),
        cmocka_unit_test(flat_pictures_stay_flat),
        cmocka_unit_test(bad_sizes),
        cmocka_unit_test(similarity_of_exact_points),
        cmocka_unit_test(similarity_is_least_squares),
        cmocka_unit_test(similarity_of_bad_points),
        cmocka_unit_test(inverse_of_affine),
        cmocka_unit_test(warp_of_whole_steps),
        cmocka_unit_test(warp_by_hand),
        cmocka_unit_test(warp_against_reference),
        cmocka_unit_test(crop_far_away_is_black),
        cmocka_unit_test(turned_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
