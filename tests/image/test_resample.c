/* Resizing against values worked out by hand and references in double precision. */
#include "random_image.h"

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
            sum += overlap(x * sx, (x + 1) * sx, px, px + 1) * overlap(y * sy, (y + 1) * sy, py, py + 1) *
                   value_at(image, px, py, c);
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
            float *floats = malloc((size_t)(s[2] * s[3] * channels) * sizeof *floats);
            assert_ok(sl_image_resize(&image, s[2], s[3], &out, &err));
            assert_ok(sl_image_resize_floats(&image, s[2], s[3], floats, &err));
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
                        assert_true(fabs(floats[at] - bilinear_at(&image, sx, sy, c)) < 1e-3);
                        if (shrinks && fabs(small.pixels[at] - area_at(&image, s[2], s[3], x, y, c)) > .501)
                            fail_msg("shrink case %zu at (%d, %d): %d, expected %g", i, x, y, small.pixels[at],
                                     area_at(&image, s[2], s[3], x, y, c));
                    }
            sl_image_free(&image);
            sl_image_free(&out);
            free(floats);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resize_by_hand),
        cmocka_unit_test(resize_against_reference),
        cmocka_unit_test(shrink_enlarges_bilinearly),
        cmocka_unit_test(flat_pictures_stay_flat),
        cmocka_unit_test(bad_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
