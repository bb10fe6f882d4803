/* Pruning: the bound holds for every solver, converged or not, and the k-th best lets nobody through who could
 * not be among the best. */
#include "reference.h"

#include "base/mem.h"
#include "match/patch/weighting.h"
#include "match/patch/topk.h"
#include "match/patch/pairing.h"

static sl_error err;

/* Faces like real ones, unlike each other, negative all over, sparse, and one patch repeated. */
static void make_any(float *map, int n, int c, uint64_t seed)
{
    make_map(map, n, c, seed % 3, seed);
    for (int i = 0; i < n * c; i++)
        switch (seed % 5) {
        case 1: map[i] = -fabsf(map[i]) * (i % c == 0 ? -5.0f : 1.0f); break;
        case 2: map[i] = map[i] > 1.5f ? map[i] : 0; break;
        case 3: map[i] = map[i % c]; break;
        case 4: map[i] *= i / c % 2 ? 1e-3f : 1; break;
        default: break;
        }
}

static void check_bound(const sl_match_layout *l, const sl_patch_set *query, const sl_patch_set *candidate,
                        sl_pairing *pair)
{
    float score;
    int iterations;
    if (!sl_pairing_weigh(pair, query, candidate, NULL))
        return;
    const float bound = sl_pairing_bound(l, pair);
    assert_ok(sl_pairing_score(l, pair, &score, &iterations, &err));
    if (!(score <= bound))
        fail_msg("%d patches, weighting %s, solver %d, %d iterations: %.9g above the bound %.9g", l->patches,
                 l->weighting->name, l->solver, l->sinkhorn.max_iterations, score, bound);
    assert_true(bound <= (l->compute == SL_COMPARE_BF16 ? 1.008f : 1.001f)); /* and says something */
}

static void bound_holds_for_every_plan(void **state)
{
    (void)state;
    static const int sizes[][3] = {{7, 7, 64}, {1, 1, 5}, {1, 2, 3}, {3, 4, 17}, {8, 8, 32}};
    static const int iterations[] = {1, 2, 3, 7, 100};
    float map[64 * 64];
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int weighting = SL_WEIGHT_UNIFORM; weighting <= SL_WEIGHT_SC_TEXT; weighting++)
            for (int solver = 0; solver < 3; solver++) {
                const int n = sizes[k][0] * sizes[k][1], c = sizes[k][2];
                sl_match_options o = sl_match_defaults_of(SL_RERANK_EMD);
                sl_match_layout l;
                o.weighting = weighting;
                o.solver = solver;
                o.patch_compute = (sl_patch_compute)((k + (size_t)weighting) % 3);
                assert_ok(sl_match_layout_make(&o, sizes[k][0], sizes[k][1], c, c, &l, &err));
                void *memory[3];
                sl_patch_set sets[2];
                sl_pairing pair;
                for (int role = 0; role < 2; role++)
                    memory[role] = sl_alloc_aligned(sl_patch_set_bytes(&l, role));
                memory[2] = sl_alloc_aligned(sl_pairing_bytes(&l));
                sl_pairing_place(&l, memory[2], &pair);
                for (uint64_t seed = 0; seed < 25; seed++) {
                    for (int role = 0; role < 2; role++) {
                        make_any(map, n, c, role ? seed / 5 + 100 * seed : seed);
                        sl_patch_source source = {.patches_f32 = map, .embedding = map};
                        assert_ok(sl_patch_set_init(&sets[role], &l, role, memory[role], &source, &err));
                    }
                    for (size_t i = 0; i < sizeof iterations / sizeof *iterations; i++) {
                        l.sinkhorn.max_iterations = solver == SL_SOLVER_SINKHORN ? iterations[i] : 300;
                        check_bound(&l, &sets[0], &sets[1], &pair);
                        if (solver != SL_SOLVER_SINKHORN)
                            break;
                    }
                }
                for (int i = 0; i < 3; i++)
                    free(memory[i]);
            }
}

/* Two are wanted; a person's better face takes the place of the worse one, not another's. */
static void bar_is_that_of_different_people(void **state)
{
    (void)state;
    const float stage1[] = {.5f, .5f, .5f, .5f, .5f, .5f};
    const uint32_t person[] = {7, 7, 8, 7, 9, 8};
    sl_topk_entry entered[2];
    sl_topk c = {.alpha = .5f, .stage1 = stage1, .person = person, .top = 2, .entered = entered};
    assert_true(isinf(sl_topk_kth_best(&c)));
    sl_topk_enter(&c, 0, .2f);
    sl_topk_enter(&c, 1, .6f); /* still one person */
    assert_true(isinf(sl_topk_kth_best(&c)));
    sl_topk_enter(&c, 2, .4f);
    assert_near(sl_topk_kth_best(&c), .45, 1e-6);
    sl_topk_enter(&c, 3, .5f); /* worse than the same person's */
    assert_near(sl_topk_kth_best(&c), .45, 1e-6);
    sl_topk_enter(&c, 4, .9f); /* the best: 8 has to go */
    assert_near(sl_topk_kth_best(&c), .55, 1e-6);
    assert_int_equal(entered[0].person, 9);
    sl_topk_enter(&c, 5, .8f); /* and comes back */
    assert_near(sl_topk_kth_best(&c), .65, 1e-6);
    assert_int_equal(entered[1].person, 8);
    assert_int_equal(c.solved, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bound_holds_for_every_plan),
        cmocka_unit_test(bar_is_that_of_different_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
