/* Pictures in memory: sizes that are taken, copies, grey and RGB. */
#include "support.h"

#include "image/image.h"

static void pictures_in_memory(void **state)
{
    (void)state;
    sl_image image, out;
    sl_error err;
    static const int bad[][3] = {{0, 1, 3},     {1, 0, 3}, {-5, 5, 1}, {65536, 1, 1},
                                 {1, 65536, 1}, {1, 1, 0}, {1, 1, 2},  {1, 1, 4}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(sl_image_new(bad[i][0], bad[i][1], bad[i][2], &image, &err), SL_ERR_ARGUMENT);
        assert_null(image.pixels);
    }
    assert_int_equal(sl_image_new(65535, 65535, 1, &image, &err), SL_ERR_LIMIT);
    assert_ok(sl_image_new(2, 2, 3, &image, &err));
    for (int i = 0; i < 12; i++)
        assert_int_equal(image.pixels[i], 0);
    memcpy(image.pixels, (uint8_t[]){255, 0, 0, 0, 255, 0, 0, 0, 255, 200, 100, 50}, 12);
    assert_ok(sl_image_check(&image, &err));
    assert_ok(sl_image_to_grey(&image, &out, &err));
    assert_int_equal(out.channels, 1);
    assert_memory_equal(out.pixels, ((uint8_t[]){76, 150, 29, 124}), 4); /* 76.245 149.685 29.07 124.2 */
    sl_image rgb, same;
    assert_ok(sl_image_to_rgb(&out, &rgb, &err));
    assert_memory_equal(rgb.pixels, ((uint8_t[]){76, 76, 76, 150, 150, 150, 29, 29, 29, 124, 124, 124}), 12);
    assert_ok(sl_image_to_grey(&out, &same, &err));
    assert_memory_equal(same.pixels, out.pixels, 4);
    assert_true(same.pixels != out.pixels);
    sl_image_free(&same);
    assert_ok(sl_image_copy(&image, &same, &err));
    assert_memory_equal(same.pixels, image.pixels, 12);
    sl_image_free(&same);
    assert_null(same.pixels);
    sl_image_free(&same);
    sl_image_free(NULL);
    sl_image_free(&rgb);
    sl_image_free(&out);
    sl_image broken = image;
    broken.pixels = NULL;
    assert_int_equal(sl_image_check(&broken, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_check(NULL, &err), SL_ERR_ARGUMENT);
    broken = image;
    broken.height = 0;
    assert_int_equal(sl_image_to_grey(&broken, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_to_rgb(&broken, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_copy(&broken, &out, &err), SL_ERR_ARGUMENT);
    sl_image_free(&image);
}

/* What a file of some format claims, before anything is allocated for it. */
static void claimed_sizes_are_checked(void **state)
{
    (void)state;
    sl_error err;
    assert_ok(sl_image_check_size("TIFF", 1, 1, 100, SL_MAX_PIXELS, &err));
    assert_ok(sl_image_check_size("TIFF", 100, 100, 100, SL_MAX_PIXELS, &err));
    assert_int_equal(sl_image_check_size("TIFF", 0, 5, 100, SL_MAX_PIXELS, &err), SL_ERR_FORMAT);
    assert_int_equal(sl_image_check_size("TIFF", 5, 0, 100, SL_MAX_PIXELS, &err), SL_ERR_FORMAT);
    assert_int_equal(sl_image_check_size("TIFF", 101, 1, 100, SL_MAX_PIXELS, &err), SL_ERR_LIMIT);
    assert_non_null(strstr(err.text, "TIFF of 101 x 1 pixels"));
    assert_int_equal(sl_image_check_size("TIFF", 1, 101, 100, SL_MAX_PIXELS, &err), SL_ERR_LIMIT);
    /* too many in all */
    assert_int_equal(sl_image_check_size("TIFF", 65535, 65535, 65535, SL_MAX_PIXELS, &err), SL_ERR_LIMIT);
    assert_int_equal(sl_image_check_size("TIFF", UINT32_MAX, UINT32_MAX, UINT32_MAX, SL_MAX_PIXELS, &err),
                     SL_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_in_memory),
        cmocka_unit_test(claimed_sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
