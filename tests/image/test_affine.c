/* Affine maps: the similarity fit against known maps and the normal equations, inverses. */
#include "support.h"

#include <stdbool.h>

#include "base/rng.h"
#include "image/image.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(similarity_of_exact_points),
        cmocka_unit_test(similarity_is_least_squares),
        cmocka_unit_test(similarity_of_bad_points),
        cmocka_unit_test(inverse_of_affine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
