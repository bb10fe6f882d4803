/* The scorer: figures worked out by hand, scripted participants whose accuracy it must recover, the exact test beside
 * plain enumeration. */
#include "base/file.h"
#include "study/study.h"
#include "study_answers.h"

static void take(sl_study *study, int arms, int number, const double *accuracy, int missing, sl_rng *rng)
{
    sl_error err;
    sl_study_sheet sheet;
    char *text = answers_text(arms, number, accuracy, missing, rng);
    assert_ok(sl_study_take(study, text, strlen(text), &sheet, &err));
    assert_int_equal(sheet.missing, missing);
    free(text);
}

/* ---- by hand ---- */

/* Two participants who know everything in one arm and nothing in the other. */
static void test_by_hand(void **state)
{
    (void)state;
    const double right[2] = {0, 1}, half[2] = {1, 1};
    sl_rng rng = sl_rng_seed(1);
    sl_study *study = open_key(2);
    sl_study_result r;
    sl_error err;
    take(study, 2, 0, right, 0, &rng);
    take(study, 2, 1, right, 0, &rng);
    take(study, 2, 2, half, 4, &rng); /* left out of the first arm, counted in the second */
    assert_ok(sl_study_score(study, 1, &r, &err));
    assert_int_equal(r.participants, 3);
    assert_int_equal(r.missing, 4);
    assert_int_equal(r.arm_count, 2);
    assert_float_equal(r.chance, 800.0 / 15, 1e-9);
    assert_int_equal(r.arms[0].participants, 2);
    assert_int_equal(r.arms[0].incomplete, 1);
    assert_int_equal(r.arms[1].participants, 3);
    assert_float_equal(r.arms[0].mean, 0, 0);
    assert_float_equal(r.arms[1].mean, 100, 1e-6);
    assert_float_equal(r.arms[1].std, 0, 1e-6);
    assert_float_equal(r.arms[0].yes, 700.0 / 15, 1e-6); /* always wrong: yes to the seven that differ */
    assert_float_equal(r.arms[0].seconds, 1, 1e-6);
    assert_float_equal(r.arms[1].seconds, 1.1, 1e-6);
    assert_int_equal(r.difference_count, 1);
    assert_int_equal(r.differences[0].a, SL_STUDY_CC);
    assert_int_equal(r.differences[0].participants, 2);
    assert_float_equal(r.differences[0].difference, 100, 1e-6);
    assert_float_equal(r.differences[0].p, .5, 1e-12); /* two of the four draws of signs are as far out */
    sl_study_close(study);
}

static void test_nobody(void **state)
{
    (void)state;
    sl_study *study = open_key(3);
    sl_study_result r;
    sl_error err;
    char *text;
    assert_ok(sl_study_score(study, 1, &r, &err));
    assert_true(isnan(r.arms[0].mean) && isnan(r.differences[0].p) && isnan(r.arms[2].seconds));
    assert_ok(sl_study_result_json(&r, &text, &err));
    assert_non_null(strstr(text, "\"mean\": null"));
    free(text);
    assert_int_equal(sl_study_result_chart(&r, &text, &err), SL_ERR_ARGUMENT);
    assert_null(text);
    sl_study_close(study);
}

/* ---- scripted participants of known accuracy ---- */

/* Many studies of 21 participants, as the dissertation had: the intervals must hold the accuracy that the script had
 * nearly as often as they say. (Percentile intervals of 21 are somewhat narrow: 92 to 94 of 100.) */
static void test_recovers_accuracy(void **state)
{
    (void)state;
    enum { STUDIES = 50, PEOPLE = 21, ARMS = 5 };
    const double accuracy[ARMS] = {.546, .6984, .7524, .7397, .9};
    sl_rng rng = sl_rng_seed(7);
    int held[ARMS] = {0}, told_apart = 0;
    for (int s = 0; s < STUDIES; s++) {
        sl_study *study = open_key(ARMS);
        sl_study_result r;
        sl_error err;
        for (int i = 0; i < PEOPLE; i++)
            take(study, ARMS, i, accuracy, 0, &rng);
        assert_ok(sl_study_score(study, (uint64_t)s, &r, &err));
        for (int a = 0; a < ARMS; a++)
            held[a] += r.arms[a].low <= 100 * accuracy[a] && 100 * accuracy[a] <= r.arms[a].high;
        assert_int_equal(r.differences[0].a, SL_STUDY_CC);
        assert_int_equal(r.differences[0].b, SL_STUDY_NONE);
        told_apart += r.differences[0].p < .05;
        sl_study_close(study);
    }
    for (int a = 0; a < ARMS; a++)
        assert_in_range(held[a], STUDIES * 87 / 100, STUDIES);
    assert_in_range(told_apart, STUDIES * 9 / 10, STUDIES); /* 15 points, 315 answers each */
}

/* Where nothing differs, a test at 5 % finds a difference in 5 of 100 studies, not in more. */
static void test_no_false_differences(void **state)
{
    (void)state;
    enum { STUDIES = 250 };
    const double accuracy[2] = {.7, .7};
    sl_rng rng = sl_rng_seed(11);
    int found = 0;
    for (int s = 0; s < STUDIES; s++) {
        sl_study *study = open_key(2);
        sl_study_result r;
        sl_error err;
        for (int i = 0; i < 12; i++)
            take(study, 2, i, accuracy, 0, &rng);
        assert_ok(sl_study_score(study, 1, &r, &err));
        found += r.differences[0].p <= .05;
        sl_study_close(study);
    }
    assert_in_range(found, 2, STUDIES * 8 / 100);
}

/* ---- the exact test, Holm ---- */

static double enumerated(const int *d, int n)
{
    int sum = 0, as_far = 0;
    for (int i = 0; i < n; i++)
        sum += d[i];
    for (unsigned draw = 0; draw < 1u << n; draw++) {
        int drawn = 0;
        for (int i = 0; i < n; i++)
            drawn += draw >> i & 1 ? d[i] : -d[i];
        as_far += abs(drawn) >= abs(sum);
    }
    return as_far / (double)(1u << n);
}

static void test_sign_flips(void **state)
{
    (void)state;
    sl_rng rng = sl_rng_seed(3);
    for (int trial = 0; trial < 200; trial++) {
        int d[12], n = 1 + (int)sl_rng_below(&rng, 12);
        for (int i = 0; i < n; i++)
            d[i] = (int)sl_rng_below(&rng, 31) - 13;
        assert_float_equal(sl_sign_flip_p(d, (size_t)n), enumerated(d, n), 1e-12);
    }
    const int none[3] = {0, 0, 0};
    assert_float_equal(sl_sign_flip_p(none, 3), 1, 0);
    assert_true(isnan(sl_sign_flip_p(none, 0)));
}

static void test_holm(void **state)
{
    (void)state;
    const double p[5] = {.01, .04, NAN, .03, .005}, wanted[5] = {.03, .06, NAN, .06, .02};
    double out[5];
    sl_holm(p, 5, out);
    for (int i = 0; i < 5; i++)
        assert_true(isnan(wanted[i]) ? isnan(out[i]) : fabs(out[i] - wanted[i]) < 1e-12);
    const double large[2] = {.7, .7};
    sl_holm(large, 2, out);
    assert_float_equal(out[0], 1, 0);
}

/* ---- what is written ---- */

static void test_written(void **state)
{
    (void)state;
    const double accuracy[2] = {.5, .9};
    sl_rng rng = sl_rng_seed(5);
    sl_study *study = open_key(2);
    sl_study_result r;
    sl_error err;
    char *text;
    for (int i = 0; i < 10; i++)
        take(study, 2, i, accuracy, i == 9, &rng);
    assert_ok(sl_study_score(study, 1, &r, &err));
    assert_ok(sl_study_result_chart(&r, &text, &err));
    assert_non_null(strstr(text, "chance, 53.33 %"));
    assert_non_null(strstr(text, "10 participants, 15 pairs each"));
    if (getenv("SL_KEEP_PICTURES")) {
        char path[4096];
        snprintf(path, sizeof path, "%s/study-score.svg", getenv("SL_KEEP_PICTURES"));
        assert_ok(sl_write_file(path, text, strlen(text), &err));
    }
    free(text);
    assert_ok(sl_study_csv(study, &text, &err));
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 1 + 20);
    assert_non_null(strstr(text, "\r\np9,none,1,15,14,"));
    assert_non_null(strstr(text, "\r\np3,cc,2,15,15,"));
    free(text);
    sl_study_close(study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),   cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_recovers_accuracy), cmocka_unit_test(test_no_false_differences),
        cmocka_unit_test(test_sign_flips), cmocka_unit_test(test_holm),
        cmocka_unit_test(test_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
