/* One graph behind another: what both compute together, names, and twice the same one. */
#include "nets.h"

/* x [2,3] -> -x + c; its output's index. */
static sl_tensor small_graph(sl_graph *g)
{
    sl_tensor x = net_input(g, SHAPE(2, 3)), c = net_const(g, SHAPE(3), (float[]){1, 2, 3});
    return net_binary(g, SL_FN_ADD, net_node(g, SL_OP_UNARY, (sl_attr){.fn = SL_FN_NEG}, INPUTS(x)), c);
}

static sl_tensor named(const sl_graph *g, const char *prefix, const sl_graph *of, sl_tensor t)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", prefix, of->tensors[t].name);
    return sl_graph_find(g, name);
}

static void test_goes_on(void **state)
{
    (void)state;
    sl_error err;
    sl_graph *below = sl_graph_new(), *above = sl_graph_new();
    sl_tensor end = small_graph(below), made = small_graph(above);
    assert_ok(sl_graph_append(below, above, "a.", &end, &err));
    sl_tensor once = named(below, "a.", above, made);
    assert_true(once >= 0 && below->n_outputs == 0);
    assert_ok(sl_graph_append(below, above, "b.", &once, &err)); /* the same once more, under other names */
    net_output(below, once);
    net_output(below, named(below, "b.", above, made));
    sl_graph *s = net_specialize(below);
    const float x[6] = {1, 0, -1, 10, 20, 30}, *inputs[1] = {x};
    net_result r = net_run_plan(s, inputs, 1);
    for (int i = 0; i < 6; i++) { /* -(-x + c) + c, then -x + c of it */
        const float c = (float)(i % 3 + 1);
        assert_true(r.data[0][i] == x[i]);
        assert_true(r.data[1][i] == -x[i] + c);
    }
    net_result_free(&r);
    sl_graph_free(s);
    sl_graph_free(below);
    sl_graph_free(above);
}

static void test_names_that_are_there(void **state)
{
    (void)state;
    sl_error err;
    sl_graph *below = sl_graph_new(), *above = sl_graph_new();
    sl_tensor end = small_graph(below);
    small_graph(above);
    assert_ok(sl_graph_append(below, above, "a.", &end, &err));
    assert_int_equal(sl_graph_append(below, above, "a.", &end, &err), SL_ERR_FORMAT);
    sl_graph_free(below);
    sl_graph_free(above);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_goes_on), cmocka_unit_test(test_names_that_are_there)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
