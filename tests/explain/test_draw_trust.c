/* The picture of trust, pixel by pixel. */
#include "support.h"

#include "explain/explain.h"
#include "image/image.h"

static sl_error err;

static sl_image plain(int width, int height, uint8_t value)
{
    sl_image image;
    assert_ok(sl_image_new(width, height, 3, &image, &err));
    memset(image.pixels, value, (size_t)(width * height * 3));
    return image;
}

static void an_open_face_stays_as_it_is(void **state)
{
    (void)state;
    sl_image crop = plain(12, 8, 200), out;
    assert_ok(sl_trust_picture((float[]){1, 1, 1, 1}, 2, 2, &crop, 12, 8, &out, &err));
    assert_int_equal(out.width, 12);
    assert_memory_equal(out.pixels, crop.pixels, 12 * 8 * 3);
    sl_image_free(&out);
    sl_image_free(&crop);
}

static void ignored_cells_are_dark(void **state)
{
    (void)state;
    sl_image crop = plain(8, 4, 200), out;
    assert_ok(sl_trust_picture((float[]){2, 0}, 1, 2, &crop, 8, 4, &out, &err));
    assert_int_equal(out.pixels[0], 200);         /* outside the first cell's middle */
    assert_int_equal(out.pixels[7 * 3], 16);      /* .08 of 200 */
    for (int x = 1; x < 8; x++)
        assert_true(out.pixels[x * 3] <= out.pixels[(x - 1) * 3]);
    /* pixel 3 lies at (3.5 * 2 / 8 - .5) = .375 between the middles: .08 + .92 * .625 = .655 */
    assert_int_equal(out.pixels[3 * 3], 131);
    sl_image_free(&out);
    sl_image_free(&crop);
}

static void nothing_believed_draws_something(void **state)
{
    (void)state;
    sl_image out;
    assert_ok(sl_trust_picture((float[]){0}, 1, 1, NULL, 9, 9, &out, &err));
    assert_true(out.pixels[0] > 100);
    sl_image_free(&out);
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    sl_image out;
    sl_template *t;
    assert_int_equal(sl_draw_trust(NULL, NULL, NULL, 64, &out, &err), SL_ERR_ARGUMENT);
    assert_ok(sl_template_of_arrays((float[]){1, 0}, 2, (float[]){1, 2}, 1, 1, 2, &t, &err));
    assert_int_equal(sl_draw_trust(NULL, t, NULL, 64, &out, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "sl_oae_open"));
    assert_int_equal(sl_draw_trust(NULL, t, NULL, 3, &out, &err), SL_ERR_ARGUMENT);
    sl_template_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_face_stays_as_it_is),
        cmocka_unit_test(ignored_cells_are_dark),
        cmocka_unit_test(nothing_believed_draws_something),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
