/* The stop of the published program (--solver published) against that program's arithmetic in double: all candidates of
 * a query in lock-step, ended by the mean over all of them. And that nothing else depends on neighbours. */
#include "reference.h"

#include "base/mem.h"
#include "match/second_look.h"

static sl_error err;

enum { MOST = 12, N = 16, C = 40, STEPS = 100 };

/* A batch as the published program has it: pairs that advance together. */
typedef struct {
    ref_pair pair;
    double K[N * N], r[N], c[N];
} lane;

/* One step; the sum of |r - r_old|. */
static double step(lane *l)
{
    double change = 0;
    for (int s = 0; s < N; s++) {
        double old = l->r[s], sum = 0;
        for (int m = 0; m < N; m++)
            sum += l->K[s * N + m] * l->c[m];
        l->r[s] = l->pair.u[s] / sum;
        change += fabs(l->r[s] - old);
    }
    for (int m = 0; m < N; m++) {
        double sum = 0;
        for (int s = 0; s < N; s++)
            sum += l->K[s * N + m] * l->r[s];
        l->c[m] = l->pair.v[m] / sum;
    }
    return change;
}

static double score_of(const lane *l)
{
    double score = 0;
    for (int s = 0; s < N; s++)
        for (int m = 0; m < N; m++)
            score += l->r[s] * l->K[s * N + m] * l->c[m] * l->pair.S[s * N + m];
    return isfinite(score) ? score : 0; /* nan_to_num, of a plan that is no number */
}

/* scores [n]; how many steps. */
static int published(const float *query, float maps[][N * C], int n, sl_weighting weighting, double *scores)
{
    lane *lanes = calloc((size_t)n, sizeof *lanes);
    int steps = 0;
    for (int i = 0; i < n; i++) {
        ref_weights(&lanes[i].pair, query, maps[i], N, C, weighting, NULL, NULL);
        for (int k = 0; k < N * N; k++)
            lanes[i].K[k] = exp((lanes[i].pair.S[k] - 1) / .05);
        for (int k = 0; k < N; k++)
            lanes[i].r[k] = lanes[i].c[k] = 1;
    }
    for (double mean = INFINITY; steps < STEPS && !(mean < .1); steps++) {
        mean = 0;
        for (int i = 0; i < n; i++)
            mean += step(&lanes[i]) / (n * N);
    }
    for (int i = 0; i < n; i++)
        scores[i] = score_of(&lanes[i]);
    free(lanes);
    return steps;
}

static int ours(const float *query, float maps[][N * C], int n, sl_weighting weighting, sl_solver solver, int threads,
                float *scores)
{
    sl_match_options o = emd_options_of(weighting, SL_COMPARE_F32);
    sl_patch_map q = {.rows = 4, .cols = 4, .channels = C, .patches = query}, candidates[MOST];
    int iterations[MOST];
    o.solver = solver;
    o.threads = threads;
    for (int i = 0; i < n; i++)
        candidates[i] = (sl_patch_map){.rows = 4, .cols = 4, .channels = C, .patches = maps[i]};
    assert_ok(sl_emd_compare(&q, candidates, (size_t)n, &o, scores, iterations, &err));
    for (int i = 1; i < n && solver == SL_SOLVER_PUBLISHED; i++)
        assert_int_equal(iterations[i], iterations[0]);
    return iterations[0];
}

/* Maps of people who are alike and of people who are not: alone they would run from few to many iterations. */
static void make_batch(float *query, float maps[][N * C], uint64_t seed)
{
    make_map(query, N, C, seed, 1);
    for (int i = 0; i < MOST; i++) {
        make_map(maps[i], N, C, seed + (uint64_t)i % 3, 50 + (uint64_t)i);
        for (int k = 0; k < N * C && i % 4 == 3; k++)
            maps[i][k] = .8f * query[k] + .2f * maps[i][k];
    }
}

static void as_the_published_program(void **state)
{
    (void)state;
    static float query[N * C], maps[MOST][N * C];
    static const sl_weighting weightings[] = {SL_WEIGHT_UNIFORM, SL_WEIGHT_APC, SL_WEIGHT_SC, SL_WEIGHT_UEW};
    int fewest = STEPS, most = 0;
    for (uint64_t seed = 0; seed < 8; seed++)
        for (size_t w = 0; w < sizeof weightings / sizeof *weightings; w++) {
            double expected[MOST];
            float scores[MOST], same[MOST];
            make_batch(query, maps, 300 + seed);
            const int steps = published(query, maps, MOST, weightings[w], expected);
            assert_int_equal(ours(query, maps, MOST, weightings[w], SL_SOLVER_PUBLISHED, 1, scores), steps);
            for (int i = 0; i < MOST; i++)
                assert_near(scores[i], expected[i], 3e-6);
            ours(query, maps, MOST, weightings[w], SL_SOLVER_PUBLISHED, 3, same);
            assert_memory_equal(scores, same, sizeof scores);
            fewest = steps < fewest ? steps : fewest;
            most = steps > most ? steps : most;
        }
    assert_true(fewest < most); /* or no stop was tested */
}

/* By pair a candidate's score is its own; together it moves with the others, but a pair alone stops as by pair. */
static void neighbours_count_together_alone(void **state)
{
    (void)state;
    static float query[N * C], maps[MOST][N * C];
    float alone, alone_by_pair, together[MOST], by_pair[MOST];
    int moved = 0;
    make_batch(query, maps, 900);
    ours(query, maps, MOST, SL_WEIGHT_APC, SL_SOLVER_PUBLISHED, 1, together);
    ours(query, maps, MOST, SL_WEIGHT_APC, SL_SOLVER_SINKHORN, 1, by_pair);
    for (int i = 0; i < MOST; i++) {
        ours(query, maps + i, 1, SL_WEIGHT_APC, SL_SOLVER_PUBLISHED, 1, &alone);
        ours(query, maps + i, 1, SL_WEIGHT_APC, SL_SOLVER_SINKHORN, 1, &alone_by_pair);
        assert_true(alone == alone_by_pair && alone == by_pair[i]);
        moved += together[i] != by_pair[i];
        assert_near(together[i], by_pair[i], 5e-3);
    }
    assert_true(moved > 0);
}

/* With APC a face that is the other's opposite weighs nothing. The pair scores 0. Where the query weighs nothing beside
 * it, the published mean is no number and the whole batch runs to its end. */
static void who_weighs_nothing(void **state)
{
    (void)state;
    static float query[N * C], maps[MOST][N * C];
    float scores[MOST];
    double expected[MOST];
    make_batch(query, maps, 700);
    for (int k = 0; k < N * C; k++)
        maps[2][k] = -query[k];
    assert_int_equal(published(query, maps, MOST, SL_WEIGHT_APC, expected), STEPS);
    assert_int_equal(ours(query, maps, MOST, SL_WEIGHT_APC, SL_SOLVER_PUBLISHED, 2, scores), STEPS);
    assert_true(scores[2] == 0 && expected[2] == 0);
    for (int i = 0; i < MOST; i++)
        assert_near(scores[i], expected[i], 3e-6);
}

static void what_it_does_not_do(void **state)
{
    (void)state;
    sl_match_options o = emd_options_of(SL_WEIGHT_APC, SL_COMPARE_F32);
    assert_true(sl_second_look_prunes(&o, 1));
    o.solver = SL_SOLVER_PUBLISHED;
    assert_false(sl_second_look_prunes(&o, 1)); /* all of a batch count */
    assert_ok(sl_match_options_check(&o, &err));
    o.feature = SL_FEATURE_CONTRIBUTIONS;
    assert_int_equal(sl_match_options_check(&o, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "--patches int8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_published_program),
        cmocka_unit_test(neighbours_count_together_alone),
        cmocka_unit_test(who_weighs_nothing),
        cmocka_unit_test(what_it_does_not_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
