/* Optimisers against PyTorch's (tests/torch/optimisers.py), and the rate of learning step by step. */
#include "support.h"

#include <stdbool.h>

#include "train/optimiser.h"
#include "train/schedule.h"

enum { COUNT = 8, STEPS = 10 };

static void golden(const char *name, double out[COUNT])
{
    char path[512], word[64];
    bool found = false;
    snprintf(path, sizeof path, "%s/tests/train/golden/optimisers.txt", SL_SOURCE_DIR);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (!found && fscanf(file, "%63s", word) == 1) {
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(fscanf(file, "%lf", &out[i]), 1);
        found = strcmp(word, name) == 0;
    }
    assert_true(found);
    fclose(file);
}

static void check(const char *name, const sl_optimiser *o, double rate, int rank, int moments)
{
    double wanted[COUNT];
    float w[COUNT], first[COUNT] = {0}, second[COUNT] = {0};
    sl_moments m = {moments > 0 ? first : NULL, moments > 1 ? second : NULL};
    golden(name, wanted);
    assert_int_equal(sl_optimiser_moments(o), moments);
    for (int i = 0; i < COUNT; i++)
        w[i] = (float)cos(i);
    for (int t = 0; t < STEPS; t++) {
        float g[COUNT];
        for (int i = 0; i < COUNT; i++) /* twice as long: `scale` halves it */
            g[i] = 2 * (float)(.3 * sin(1.7 * i + .9 * t) + .1 * (double)w[i]);
        sl_optimiser_step(o, (unsigned long long)t + 1, rate, .5, rank, COUNT, g, &m, w);
    }
    for (int i = 0; i < COUNT; i++)
        assert_float_equal(w[i], wanted[i], 2e-6);
}

static void test_against_pytorch(void **state)
{
    (void)state;
    const sl_optimiser sgd = {.kind = SL_OPTIMISER_SGD, .decay = .02};
    const sl_optimiser momentum = {.kind = SL_OPTIMISER_SGD, .decay = .02, .momentum = .9};
    const sl_optimiser adamw = {
        .kind = SL_OPTIMISER_ADAMW, .beta1 = .9, .beta2 = .999, .epsilon = 1e-8, .decay = .05};
    check("sgd", &sgd, .1, 1, 0);
    check("momentum", &momentum, .1, 2, 1);
    check("adamw", &adamw, .01, 2, 2);
    check("adamw_rank_1", &adamw, .01, 1, 2); /* biases do not decay */
}

static void test_schedules(void **state)
{
    (void)state;
    sl_train_options o = {.rate = .1, .warm_up = 10, .warm_up_rate = .01, .steps = 110};
    assert_float_equal(sl_schedule_rate(&o, 0), .01, 1e-12);
    assert_float_equal(sl_schedule_rate(&o, 5), .055, 1e-12);
    assert_float_equal(sl_schedule_rate(&o, 10), .1, 1e-12);
    assert_float_equal(sl_schedule_rate(&o, 109), .1, 1e-12);
    o.schedule = SL_SCHEDULE_STEPS;
    o.decay_every = 30;
    o.decay_by = .1;
    assert_float_equal(sl_schedule_rate(&o, 39), .1, 1e-12);
    assert_float_equal(sl_schedule_rate(&o, 40), .01, 1e-12);
    assert_float_equal(sl_schedule_rate(&o, 100), .0001, 1e-12);
    o.schedule = SL_SCHEDULE_COSINE;
    o.last_rate = .02;
    assert_float_equal(sl_schedule_rate(&o, 10), .1, 1e-12);
    assert_float_equal(sl_schedule_rate(&o, 10 + 33), .02 + .08 * .75, 1e-3);
    assert_float_equal(sl_schedule_rate(&o, 109), .02, 1e-12);
    o.steps = 11; /* one step beyond the warm-up */
    assert_float_equal(sl_schedule_rate(&o, 10), .1, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_pytorch),
        cmocka_unit_test(test_schedules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
