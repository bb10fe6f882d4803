/* A search is settled once, at open: who shares threads, which look is opened, what prunes it, and what is refused. */
#include "near_faces.h"

#include "pipeline/search_plan.h"

enum { MANY = 240 };

static sl_template *queries[MANY];

static int open_world(void **state)
{
    for (int i = 0; i < MANY; i++)
        queries[i] = make_template(i % PEOPLE, 9000 + (uint64_t)i, .5f);
    return setup(state);
}

static int close_world(void **state)
{
    for (int i = 0; i < MANY; i++)
        sl_template_free(queries[i]);
    return teardown(state);
}

static sl_status open_plan(const sl_gallery *g, size_t count, const sl_identify_options *o, sl_search_plan *plan)
{
    return sl_search_plan_open(&engine, g, (const sl_template *const *)queries, count, o, plan, &err);
}

static void threads_share_the_queries(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        int threads;
        int shared, each;
        size_t block, blocks;
    } cases[] = {{1, 3, 1, 3, 1, 1},
                 {2, 8, 2, 1, 1, 2},
                 {10, 3, 3, 1, 4, 3},
                 {MANY, 2, 2, 1, 16, 15},
                 {17, 1, 1, 1, 16, 2}};
    sl_gallery *g = make_gallery("shared", FACES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_identify_options o = {.match = sl_match_defaults_of(SL_RERANK_MAXSIM), .top = 5};
        sl_search_plan p;
        o.match.threads = cases[i].threads;
        assert_ok(open_plan(g, cases[i].count, &o, &p));
        assert_true(p.threads == cases[i].shared && p.each == cases[i].each);
        assert_true(p.block == cases[i].block && p.blocks == cases[i].blocks);
        for (int t = 0; t < p.threads; t++)
            assert_non_null(p.looks[t]);
        assert_int_equal(p.match.threads, cases[i].threads); /* as the answers tell it */
        sl_search_plan_close(&p);
    }
    sl_gallery_close(g);
}

static void the_look_decides_on_pruning(void **state)
{
    (void)state;
    static const struct {
        sl_rerank look;
        sl_solver solver;
        int top, no_pruning;
        bool looks, prunes, solves;
    } cases[] = {{SL_RERANK_NONE, SL_SOLVER_SINKHORN, 1, 0, false, false, false},
                 {SL_RERANK_EMD, SL_SOLVER_SINKHORN, 1, 0, true, true, true},
                 {SL_RERANK_EMD, SL_SOLVER_SINKHORN, 2, 0, true, false, true},
                 {SL_RERANK_EMD, SL_SOLVER_EXACT, 2, 0, true, true, true},
                 {SL_RERANK_EMD, SL_SOLVER_EXACT, 1, 1, true, false, true},
                 {SL_RERANK_MAXSIM, SL_SOLVER_EXACT, 1, 0, true, false, false}};
    sl_gallery *g = make_gallery("pruned", FACES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_identify_options o = {.match = sl_match_defaults_of(cases[i].look), .top = cases[i].top};
        sl_search_plan p;
        o.match.solver = cases[i].solver;
        o.match.no_pruning = cases[i].no_pruning;
        assert_ok(open_plan(g, 1, &o, &p));
        assert_int_equal(p.looks != NULL, cases[i].looks);
        assert_int_equal(p.k, cases[i].looks ? 100 : 0);
        assert_int_equal(p.prunes, cases[i].prunes);
        assert_int_equal(p.solves, cases[i].solves);
        sl_search_plan_close(&p);
    }
    sl_gallery_close(g);
}

/* Made for so many queries, and for a look that can use them. */
static void sketches_are_made_where_they_pay(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("sketched", FACES);
    sl_identify_options o = {.match = sl_match_defaults_of(SL_RERANK_EMD), .top = 1};
    sl_search_plan p;
    assert_ok(open_plan(g, 1, &o, &p));
    assert_null(p.sketches);
    sl_search_plan_close(&p);
    o.top = 5; /* which prunes nothing */
    assert_ok(open_plan(g, MANY, &o, &p));
    assert_null(p.sketches);
    sl_search_plan_close(&p);
    o.top = 1;
    o.match.weighting = SL_WEIGHT_SC; /* which sketches do not bound */
    assert_ok(open_plan(g, MANY, &o, &p));
    assert_null(p.sketches);
    sl_search_plan_close(&p);
    o.match.weighting = SL_WEIGHT_APC;
    assert_ok(open_plan(g, MANY, &o, &p));
    assert_non_null(p.sketches);
    sl_search_plan_close(&p);
    sl_gallery_close(g);
}

static void refuses(const sl_gallery *g, size_t count, const sl_match_options *match, sl_status status,
                    const char *words)
{
    const sl_identify_options o = {.match = *match, .top = 1};
    sl_search_plan p;
    assert_int_equal(open_plan(g, count, &o, &p), status);
    sl_search_plan_close(&p);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
}

static void what_does_not_go_together_is_refused_at_open(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("refused", FACES);
    sl_match_options o = sl_match_defaults_of(SL_RERANK_EMD);
    o.grid_rows = ROWS + 1;
    refuses(g, 3, &o, SL_ERR_ARGUMENT, "larger than the model's map");
    o = sl_match_defaults_of(SL_RERANK_EMD);
    o.weighting = SL_WEIGHT_CC;
    refuses(g, 3, &o, SL_ERR_ARGUMENT, "equal lengths");
    o = sl_match_defaults_of(SL_RERANK_NONE);
    o.alpha = 2;
    refuses(g, 3, &o, SL_ERR_ARGUMENT, "alpha");
    o = sl_match_defaults_of(SL_RERANK_OAE); /* the made-up engine knows nothing of its model */
    refuses(g, 3, &o, SL_ERR_NOT_FOUND, "statistics");
    queries[1]->shape.format = SL_PATCHES_NONE;
    o = sl_match_defaults_of(SL_RERANK_EMD);
    refuses(g, 3, &o, SL_ERR_UNSUPPORTED, "query 1: embeddings alone");
    queries[1]->shape.format = SL_PATCHES_INT8;
    queries[2]->shape.fingerprint[0] ^= 1;
    refuses(g, 3, &o, SL_ERR_MISMATCH, "query 2: the gallery was made by another model");
    queries[2]->shape.fingerprint[0] ^= 1;
    sl_gallery_close(g);
}

/* Nothing is opened for it, but the options' values are checked. */
static void an_empty_gallery_is_searched_by_nobody(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("nobody", 0);
    sl_identify_options o = {.match = sl_match_defaults_of(SL_RERANK_EMD), .top = 1};
    sl_search_plan p;
    assert_ok(open_plan(g, 3, &o, &p));
    assert_false(sl_search_plan_searches(&p));
    assert_null(p.looks);
    assert_true(p.rule.bins == 1);
    sl_search_plan_close(&p);
    o.match.k = 0;
    refuses(g, 3, &o.match, SL_ERR_ARGUMENT, "k is 0");
    sl_gallery_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_the_queries),
        cmocka_unit_test(the_look_decides_on_pruning),
        cmocka_unit_test(sketches_are_made_where_they_pay),
        cmocka_unit_test(what_does_not_go_together_is_refused_at_open),
        cmocka_unit_test(an_empty_gallery_is_searched_by_nobody),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
