/* A photo's numbers taken as its pixels are, and the transpose of that, at scales that shrink and that do not, over the
 * border and in windows. */
#include "support.h"

#include "image/image.h"

enum { WIDTH = 97, HEIGHT = 83, SIDE = 24 };

static sl_error err;

static sl_image random_photo(void)
{
    sl_image photo;
    assert_ok(sl_image_new(WIDTH, HEIGHT, 3, &photo, &err));
    float value[WIDTH * HEIGHT * 3];
    fill_random(value, WIDTH * HEIGHT * 3, 5, 0, 256);
    for (int i = 0; i < WIDTH * HEIGHT * 3; i++)
        photo.pixels[i] = (uint8_t)value[i];
    return photo;
}

static sl_affine turned(double scale, double angle, double x, double y)
{
    const double c = scale * cos(angle), s = scale * sin(angle);
    return (sl_affine){{c, -s, x, s, c, y}};
}

static const struct {
    double scale, angle, x, y;
} cases[] = {{.7, .2, 20, 10},   {1, 0, 3, 4},       {1.9, -.4, 5, 30}, {2.3, .3, 15, 5},
             {3.1, 1.2, 60, -9}, {5, -.1, -40, -50}, {.5, .1, -4, -3}};
enum { CASES = sizeof cases / sizeof *cases };

static sl_affine map_of(int i)
{
    return turned(cases[i].scale, cases[i].angle, cases[i].x, cases[i].y);
}

static void numbers_are_taken_as_pixels_are(void **state)
{
    (void)state;
    sl_image photo = random_photo(), crop;
    float value[WIDTH * HEIGHT * 3], out[SIDE * SIDE * 3];
    for (int i = 0; i < WIDTH * HEIGHT * 3; i++)
        value[i] = photo.pixels[i];
    const sl_numbers whole = {0, 0, WIDTH, HEIGHT, value};
    for (int i = 0; i < CASES; i++) {
        const sl_affine map = map_of(i);
        sl_taking t;
        assert_true(sl_taking_of(&photo, &map, SIDE, SIDE, &t));
        assert_int_equal(t.step, cases[i].scale < 2 ? 1 : (int)cases[i].scale);
        assert_ok(sl_image_take(&photo, &map, SIDE, SIDE, &crop, &err));
        assert_ok(sl_numbers_take(&whole, &t, SIDE, SIDE, out, &err));
        for (int k = 0; k < SIDE * SIDE * 3; k++)
            assert_true(fabs((double)out[k] - crop.pixels[k]) <=
                        (t.step > 1 ? 1.01 : .51)); /* rounded twice, or once */
        sl_image_free(&crop);
    }
    sl_image_free(&photo);
}

/* <A x, y> = <x, A^T y>. */
static void giving_back_is_the_transpose(void **state)
{
    (void)state;
    sl_image photo = random_photo();
    float x[WIDTH * HEIGHT * 3], y[SIDE * SIDE * 3], ax[SIDE * SIDE * 3], aty[WIDTH * HEIGHT * 3];
    fill_random(x, WIDTH * HEIGHT * 3, 1, -1, 1);
    fill_random(y, SIDE * SIDE * 3, 2, -1, 1);
    for (int i = 0; i < CASES; i++) {
        /* a window whose border cuts what is taken */
        const int wide = 61, high = 55;
        const sl_numbers from = {7, 9, wide, high, x};
        sl_numbers to = {7, 9, wide, high, aty};
        const sl_affine map = map_of(i);
        sl_taking t;
        double left = 0, right = 0;
        assert_true(sl_taking_of(&photo, &map, SIDE, SIDE, &t));
        memset(aty, 0, sizeof aty);
        assert_ok(sl_numbers_take(&from, &t, SIDE, SIDE, ax, &err));
        assert_ok(sl_numbers_give_back(y, &t, SIDE, SIDE, &to, &err));
        for (int k = 0; k < SIDE * SIDE * 3; k++)
            left += (double)ax[k] * (double)y[k];
        for (int k = 0; k < wide * high * 3; k++)
            right += (double)x[k] * (double)aty[k];
        assert_true(fabs(left) > 1e-3);
        assert_true(fabs(left - right) < 1e-4 * fmax(1, fabs(left)));
    }
    sl_image_free(&photo);
}

static void what_lies_outside_takes_nothing(void **state)
{
    (void)state;
    sl_image photo = random_photo();
    sl_taking t;
    const sl_affine away = turned(1, 0, 5000, 0), nan = turned(NAN, 0, 0, 0);
    assert_false(sl_taking_of(&photo, &away, SIDE, SIDE, &t));
    assert_false(sl_taking_of(&photo, &nan, SIDE, SIDE, &t));
    sl_image_free(&photo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_taken_as_pixels_are),
        cmocka_unit_test(giving_back_is_the_transpose),
        cmocka_unit_test(what_lies_outside_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
