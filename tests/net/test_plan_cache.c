/* The cache of compiled plans: which are kept, which gives way, and what a failed compilation leaves behind. */
#include "nets.h"

#include "net/plan/plan_cache.h"

typedef struct {
    int compiled;
    bool fails;
} compiler;

/* -x of an input of the key's size. */
static sl_status compile(void *context, const sl_plan_key *key, sl_plan **out, sl_error *err)
{
    compiler *c = context;
    c->compiled++;
    if (c->fails)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "no plan today");
    sl_graph *g = sl_graph_new();
    net_output(g, net_unary(g, SL_FN_NEG, net_input(g, SHAPE(1, 1, key->height, key->width))));
    sl_graph *special = net_specialize(g);
    sl_status status = sl_plan_compile(special, 1, out, err);
    sl_graph_free(special);
    sl_graph_free(g);
    return status;
}

/* Asks for a plan; returns whether it had to be compiled. */
static bool ask(sl_plan_cache *cache, compiler *c, int width, int height, int outputs)
{
    sl_error err;
    const sl_plan_key key = {width, height, outputs};
    const int before = c->compiled;
    sl_plan *plan = NULL;
    sl_shape shape;
    assert_ok(sl_plan_cache_get(cache, &key, compile, c, &plan, &err));
    sl_plan_input(plan, 0, &shape);
    assert_int_equal(shape.dim[2], height);
    assert_int_equal(shape.dim[3], width);
    return c->compiled > before;
}

static void a_plan_is_kept_by_its_whole_key(void **state)
{
    (void)state;
    compiler c = {0};
    sl_plan_cache cache = {.capacity = 8};
    assert_true(ask(&cache, &c, 4, 3, 1));
    assert_false(ask(&cache, &c, 4, 3, 1));
    assert_true(ask(&cache, &c, 3, 4, 1));
    assert_true(ask(&cache, &c, 4, 3, 2));
    assert_false(ask(&cache, &c, 4, 3, 1));
    assert_false(ask(&cache, &c, 3, 4, 1));
    sl_plan_cache_clear(&cache);
    assert_true(ask(&cache, &c, 4, 3, 1)); /* a cleared cache is an empty one */
    sl_plan_cache_clear(&cache);
}

static void the_one_not_used_for_longest_gives_way(void **state)
{
    (void)state;
    compiler c = {0};
    sl_plan_cache cache = {.capacity = 3};
    for (int width = 1; width <= 3; width++)
        assert_true(ask(&cache, &c, width, 1, 0));
    assert_false(ask(&cache, &c, 1, 1, 0)); /* now 2 is the oldest */
    assert_true(ask(&cache, &c, 4, 1, 0));
    assert_false(ask(&cache, &c, 1, 1, 0));
    assert_false(ask(&cache, &c, 3, 1, 0));
    assert_false(ask(&cache, &c, 4, 1, 0));
    assert_true(ask(&cache, &c, 2, 1, 0)); /* in the place of 1 */
    assert_false(ask(&cache, &c, 3, 1, 0));
    assert_true(ask(&cache, &c, 1, 1, 0));
    sl_plan_cache_clear(&cache);
}

static void a_failure_leaves_the_other_plans(void **state)
{
    (void)state;
    sl_error err;
    sl_plan *plan;
    compiler c = {0};
    sl_plan_cache cache = {.capacity = 2};
    const sl_plan_key third = {3, 1, 0};
    ask(&cache, &c, 1, 1, 0);
    ask(&cache, &c, 2, 1, 0);
    c.fails = true;
    for (int i = 0; i < 2; i++) { /* 1 gave way to what could not be compiled; its slot is free for the next try */
        assert_int_equal(sl_plan_cache_get(&cache, &third, compile, &c, &plan, &err), SL_ERR_UNSUPPORTED);
        assert_string_equal(err.text, "no plan today");
    }
    c.fails = false;
    assert_false(ask(&cache, &c, 2, 1, 0));
    assert_true(ask(&cache, &c, 3, 1, 0));
    assert_false(ask(&cache, &c, 2, 1, 0));
    sl_plan_cache_clear(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_is_kept_by_its_whole_key),
        cmocka_unit_test(the_one_not_used_for_longest_gives_way),
        cmocka_unit_test(a_failure_leaves_the_other_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
