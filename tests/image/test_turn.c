/* Quarter turns of pictures and of points in them. */
#include "random_image.h"

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
        cmocka_unit_test(turned_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
