/* Open-set rates by hand, intervals against published values, curves of thresholds. */
#include "support.h"

#include "base/rate_curve.h"
#include "eval/openset.h"
#include "secondlook_eval.h"

static sl_error err;

static void intervals_of_clopper_and_pearson(void **state)
{
    (void)state;
    sl_interval i = sl_clopper_pearson(0, 10); /* 1 - .025^(1/10) */
    assert_true(i.mean == 0 && i.low == 0 && fabs(i.high - 30.8497) < 1e-3);
    i = sl_clopper_pearson(10, 10);
    assert_true(i.mean == 100 && i.high == 100 && fabs(i.low - 69.1503) < 1e-3);
    i = sl_clopper_pearson(5, 10); /* Clopper and Pearson's chart: .187, .813 */
    assert_true(fabs(i.low - 18.7086) < 1e-3 && fabs(i.high - 81.2914) < 1e-3);
    i = sl_clopper_pearson(1, 1000000);
    assert_true(i.low > 0 && i.high < 1e-3 && fabs(i.high - 5.5716e-4) < 1e-7);
    i = sl_clopper_pearson(0, 0);
    assert_true(isnan(i.mean) && isnan(i.low));
}

/* 100 searches by strangers, best scores .00 .. .99; ten by people who are there. */
static sl_searches made_up(void)
{
    sl_searches s = {.mated = 10, .nonmated = 100};
    for (int k = 0; k < 2; k++) {
        s.found[k] = calloc(10, sizeof *s.found[k]);
        s.impostors[k] = calloc(100, sizeof *s.impostors[k]);
        for (int i = 0; i < 100; i++)
            s.impostors[k][i] = (sl_search_end){.score = (float)((i * 37) % 100) / 100, .hidden = (float)i / 100};
        for (int i = 0; i < 10; i++) /* the best one is somebody else */
            s.found[k][i] = (sl_search_end){.score = .5f + .05f * (float)i, .hidden = .1f, .right = i != 9};
    }
    return s;
}

static void rates_by_hand(void **state)
{
    (void)state;
    sl_searches s = made_up();
    sl_openset_rates r;
    assert_ok(sl_openset_rates_of(&s, 1, &r, &err));
    /* ten of a hundred reach .90; of those who are there .90 is right, .95 is somebody else, eight are below */
    assert_true(fabs(r.at[0].threshold - .9) < 1e-6);
    assert_true(fabs(r.at[0].fpir.mean - 10) < 1e-9 && fabs(r.at[0].fnir.mean - 90) < 1e-9);
    assert_true(isnan(r.at[1].threshold) &&
                isnan(r.at[1].fpir.mean)); /* one in a hundred of a hundred: not told */
    assert_true(fabs(r.rank1.mean - 90) < 1e-9);
    /* the curve ends where everybody is taken for somebody: only the wrong one is missed */
    assert_true(r.fpir[r.points - 1] == 1 && fabs(r.fnir[r.points - 1] - .1) < 1e-9);
    for (size_t i = 1; i < r.points; i++)
        assert_true(r.fpir[i] > r.fpir[i - 1] && r.fnir[i] <= r.fnir[i - 1] &&
                    r.thresholds[i] < r.thresholds[i - 1]);
    sl_rule rule = sl_rule_given(2, 0);
    sl_openset_point p = sl_openset_by_rule(&s, &rule);
    assert_true(p.fpir.mean == 0 && p.fnir.mean == 100);
    rule = sl_rule_given(NAN, 0);
    p = sl_openset_by_rule(&s, &rule);
    assert_true(isnan(p.fpir.mean) && isnan(p.threshold));
    /* searches .00 .. .49 hidden are let through from 0 on, the others never: half of the strangers; all of those who
     * are there are .1 hidden, and only the wrong one is missed */
    rule = (sl_rule){.bins = 2, .hidden_to = {.5f, 1}, .threshold = {0, 2}};
    p = sl_openset_by_rule(&s, &rule);
    assert_true(fabs(p.fpir.mean - 50) < 1e-9 && fabs(p.fnir.mean - 10) < 1e-9 && isnan(p.threshold));
    free(r.thresholds);
    sl_searches_free(&s);
}

static void nobody_there_is_not_a_rate(void **state)
{
    (void)state;
    sl_searches s = made_up();
    s.mated = 0;
    sl_openset_rates r;
    assert_ok(sl_openset_rates_of(&s, 0, &r, &err));
    assert_true(isnan(r.rank1.mean) && isnan(r.at[0].fnir.mean) && isnan(r.fnir[0]) && r.at[0].fpir.mean == 10);
    free(r.thresholds);
    sl_searches_free(&s);
}

static void ties_do_not_break_a_promise(void **state)
{
    (void)state;
    sl_searches s = made_up();
    for (int i = 0; i < 100; i++)
        s.impostors[1][i].score = fminf(s.impostors[1][i].score, .8f); /* twenty at .8: none of them may pass */
    sl_openset_rates r;
    assert_ok(sl_openset_rates_of(&s, 1, &r, &err));
    assert_true(r.at[0].threshold > .8f && r.at[0].fpir.mean == 0);
    free(r.thresholds);
    sl_searches_free(&s);
}

static void curves_hold_their_rates(void **state)
{
    (void)state;
    static float scores[10000];
    for (int i = 0; i < 10000; i++)
        scores[i] = 1 - (float)i / 10000;
    sl_rate_curve c;
    sl_rate_curve_of(scores, 10000, &c);
    assert_true(c.rate[0] == 1 && fabs(c.rate[c.count - 1] - .001) < 1e-9); /* ten of ten thousand */
    assert_true(fabs(sl_rate_curve_at(&c, .01) - .9901) < 1e-5);
    assert_true(isnan(sl_rate_curve_at(&c, .0009)));
    assert_true(sl_rate_curve_at(&c, 1) == c.threshold[0]);
    for (double rate = .9; rate > .0011;
         rate *= .93) { /* between two measured rates it keeps between their thresholds */
        double t = sl_rate_curve_at(&c, rate);
        size_t n = 0;
        while (n < 10000 && (double)scores[n] >= t)
            n++;
        assert_true(fabs((double)n - 10000 * rate) < 2 + .02 * 10000 * rate);
    }
    c.count = 0;
    assert_true(isnan(sl_rate_curve_at(&c, .5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_of_clopper_and_pearson), cmocka_unit_test(rates_by_hand),
        cmocka_unit_test(nobody_there_is_not_a_rate),       cmocka_unit_test(ties_do_not_break_a_promise),
        cmocka_unit_test(curves_hold_their_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
