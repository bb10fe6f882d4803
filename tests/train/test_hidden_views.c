/* Views that points are learned from: what is told of one is what its pixels show. */
#include "support.h"

#include "base/rng.h"
#include "image/image.h"
#include "train/data/hidden_views.h"

static sl_error err;

enum { VIEW = SL_POINTS_VIEW, NUMBERS = 3 * VIEW * VIEW };

/* Landmarks and points of a face that fills the middle of the picture. */
static void place(sl_wide_face *f)
{
    static const sl_point five[5] = {{46.5f, 53}, {64.5f, 53.5f}, {55, 63}, {48, 74}, {62, 74.5f}};
    memcpy(f->points, five, sizeof five);
    for (int i = 0; i < 68; i++) { /* half as large as a crop's, in the middle */
        const double a = i * M_PI / 16;
        f->landmarks[i] = (sl_point){(float)(56 - 21 * cos(a)), (float)(53 + 27 * fabs(sin(a)))};
    }
    for (int i = 27; i < 36; i++)
        f->landmarks[i] = (sl_point){55 + (i > 30 ? (float)(i - 33) : 0), (float)(i > 30 ? 65 : 54 + 3 * (i - 27))};
    for (int i = 36; i < 48; i++)
        f->landmarks[i] = (sl_point){five[i >= 42].x + (float)(2.5 * cos((i % 6) * M_PI / 3)),
                                     five[i >= 42].y + (float)(1.5 * sin((i % 6) * M_PI / 3))};
    for (int i = 48; i < 68; i++)
        f->landmarks[i] = (sl_point){(float)(55 - 7 * cos((i - 48) * M_PI / 10)),
                                     (float)(74 - 2 * sin((i - 48) * M_PI / 10))};
}

/* Grey, with a bright spot around each point. */
static sl_wide_face make_face(void)
{
    sl_wide_face f = {0};
    place(&f);
    assert_ok(sl_image_new(SL_WIDE_SIDE, SL_WIDE_SIDE, 3, &f.picture, &err));
    memset(f.picture.pixels, 100, 3 * SL_WIDE_SIDE * SL_WIDE_SIDE);
    for (int i = 0; i < 5; i++)
        for (int y = 0; y < SL_WIDE_SIDE; y++)
            for (int x = 0; x < SL_WIDE_SIDE; x++) {
                const double d = hypot(x - (double)f.points[i].x, y - (double)f.points[i].y);
                const double bright = 150 * exp(-d * d / 4);
                uint8_t *p = f.picture.pixels + 3 * (y * SL_WIDE_SIDE + x);
                p[0] = p[1] = p[2] = (uint8_t)fmax(p[0], 100 + bright);
            }
    return f;
}

/* Where the view is brightest around (x, y): the mean place, by how much brighter than the ground. */
static void brightest(const float *view, double x, double y, double out[2])
{
    double sum = 0, sx = 0, sy = 0;
    for (int v = 0; v < VIEW; v++)
        for (int u = 0; u < VIEW; u++) {
            const double over = 64 * (double)view[v * VIEW + u] + 127.5 - 100;
            if (hypot(u - x, v - y) > 3 || over <= 0)
                continue;
            sum += over, sx += over * u, sy += over * v;
        }
    out[0] = sum > 0 ? sx / sum : NAN, out[1] = sum > 0 ? sy / sum : NAN;
}

static void points_are_told_where_the_view_shows_them(void **state)
{
    (void)state;
    sl_wide_face f = make_face();
    float view[NUMBERS], told[SL_POINTS_TOLD];
    sl_point mean[5];
    double far = 0;
    sl_points_of_view(mean);
    for (uint64_t number = 0; number < 40; number++) {
        assert_ok(sl_hidden_view(sl_augmentation_find("none"), &f, &f, 5, number, view, told, &err));
        for (int i = 0; i < 5; i++) {
            const double x = (double)(mean[i].x + SL_POINTS_UNIT * told[2 * i]);
            const double y = (double)(mean[i].y + SL_POINTS_UNIT * told[2 * i + 1]);
            double seen[2];
            brightest(view, x, y, seen);
            assert_true(hypot(seen[0] - x, seen[1] - y) < .35);
            assert_true(told[10 + i] == 0);
            far = fmax(far, hypot(x - (double)mean[i].x, y - (double)mean[i].y));
        }
    }
    assert_true(far > 3); /* they are misplaced indeed */
    sl_image_free(&f.picture);
}

/* A mask hides the mouth and no eye. */
static void what_is_drawn_over_is_hidden(void **state)
{
    (void)state;
    sl_wide_face f = make_face();
    float view[NUMBERS], told[SL_POINTS_TOLD];
    int mouths = 0, eyes = 0, of = 0;
    const sl_augmentation masks = {.name = "masks", .share = {[SL_COVER_MASK] = 1}};
    for (uint64_t number = 0; number < 20; number++) {
        assert_ok(sl_hidden_view(&masks, &f, &f, 6, number, view, told, &err));
        for (int i = 0; i < 2; i++) {
            of++;
            eyes += told[10 + i] > .5f;
            mouths += told[13 + i] > .5f;
        }
    }
    assert_int_equal(eyes, 0);
    assert_true(mouths > of * 8 / 10);
    sl_image_free(&f.picture);
}

static void a_view_is_its_numbers(void **state)
{
    (void)state;
    sl_wide_face f = make_face();
    float view[2][NUMBERS], told[2][SL_POINTS_TOLD];
    const sl_augmentation *worn = sl_augmentation_find("worn");
    for (int i = 0; i < 2; i++)
        assert_ok(sl_hidden_view(worn, &f, &f, 7, 3, view[i], told[i], &err));
    assert_memory_equal(view[0], view[1], sizeof view[0]);
    assert_memory_equal(told[0], told[1], sizeof told[0]);
    assert_ok(sl_hidden_view(worn, &f, &f, 7, 4, view[1], told[1], &err));
    assert_memory_not_equal(told[0], told[1], sizeof told[0]);
    assert_ok(sl_hidden_view(worn, &f, &f, 8, 3, view[1], told[1], &err));
    assert_memory_not_equal(told[0], told[1], sizeof told[0]);
    sl_image_free(&f.picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_told_where_the_view_shows_them),
        cmocka_unit_test(what_is_drawn_over_is_hidden),
        cmocka_unit_test(a_view_is_its_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
