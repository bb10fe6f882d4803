/* Retrieval metrics, worked out by hand. */
#include "support.h"

#include "eval/retrieval.h"
#include "secondlook_eval.h"

static sl_error err;

static void metrics_by_hand(void **state)
{
    (void)state;
    const uint8_t hits[] = {1, 0, 1, 0, 0, 1};
    sl_rates r = sl_rates_of(hits, 6, 3);
    assert_true(r.metric[SL_P1] == 1 && fabs(r.metric[SL_RP] - 2. / 3) < 1e-12 &&
                fabs(r.metric[SL_MAPR] - (1 + 2. / 3) / 3) < 1e-12);
    r = sl_rates_of(hits + 1, 5, 2); /* 0 1 | 0 0 1 */
    assert_true(r.metric[SL_P1] == 0 && r.metric[SL_RP] == .5 && r.metric[SL_MAPR] == .25);
    r = sl_rates_of(hits, 2, 5); /* fewer ranks than R: the rest are no hits */
    assert_true(r.metric[SL_RP] == .2 && r.metric[SL_MAPR] == .2);
    uint8_t scratch[6];
    r = sl_rates_best(hits, 6, 4, 3, scratch); /* 1 1 0 0 | 0 1 */
    assert_true(r.metric[SL_P1] == 1 && fabs(r.metric[SL_RP] - 2. / 3) < 1e-12 &&
                fabs(r.metric[SL_MAPR] - 2. / 3) < 1e-12);
    r = sl_rates_best(hits, 6, 100, 3, scratch);
    assert_true(r.metric[SL_RP] == 1 && r.metric[SL_MAPR] == 1);
}

static void first_hit_and_cmc_by_hand(void **state)
{
    (void)state;
    const uint8_t hits[] = {0, 0, 1, 1}, misses[] = {0, 0};
    assert_int_equal(sl_first_hit(hits, 4), 3);
    assert_int_equal(sl_first_hit(misses, 2), 0);
    const uint32_t ranks[] = {1, 3, 0, 100, 101, 3, 1, 1}; /* 0, 101: not within 100 */
    double cmc[SL_CMC_RANKS];
    sl_cmc_of(ranks, 8, cmc);
    assert_true(cmc[0] == 37.5 && cmc[1] == 37.5 && cmc[2] == 62.5 && cmc[98] == 62.5 && cmc[99] == 75);
}

static void bootstrap_covers_the_mean(void **state)
{
    (void)state;
    float values[400][2];
    sl_interval i[2], again[2];
    for (int k = 0; k < 400; k++) {
        values[k][0] = k % 4 == 0;
        values[k][1] = 1 - values[k][0]; /* by the same draws: the other column's complement */
    }
    assert_ok(sl_bootstrap(values[0], 400, 2, 7, 1, i, &err));
    assert_true(fabs(i[0].mean - 25) < 1e-9);
    /* binomial: sd of the mean 2.165 points */
    assert_true(fabs(i[0].low - (25 - 1.96 * 2.165)) < .8 && fabs(i[0].high - (25 + 1.96 * 2.165)) < .8);
    assert_true(fabs(i[1].low - (100 - i[0].high)) < 1e-9 && fabs(i[1].high - (100 - i[0].low)) < 1e-9);
    assert_ok(sl_bootstrap(values[0], 400, 2, 7, 3, again, &err));
    assert_memory_equal(i, again, sizeof i);
    assert_ok(sl_bootstrap(values[0], 0, 2, 7, 1, i, &err));
    assert_true(i[0].mean == 0 && i[1].low == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_by_hand),
        cmocka_unit_test(first_hit_and_cmc_by_hand),
        cmocka_unit_test(bootstrap_covers_the_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
