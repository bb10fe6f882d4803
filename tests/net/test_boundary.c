/* Where the part of a graph begins that depends on a constant. */
#include "nets.h"

/* y = (x a) b + x: of a changed a all comes after x, of a changed b after x and the first product. */
typedef struct {
    sl_graph *g;
    sl_tensor x, a, b, first, y;
} two_steps;

static two_steps make(void)
{
    const float w[4] = {1, 2, 3, 4};
    two_steps s = {.g = sl_graph_new()};
    s.x = net_input(s.g, SHAPE(1, 2));
    s.a = net_const(s.g, SHAPE(2, 2), w);
    s.b = net_const(s.g, SHAPE(2, 2), w);
    s.first = net_node(s.g, SL_OP_DENSE, (sl_attr){0}, INPUTS(s.x, s.a));
    s.y = net_binary(s.g, SL_FN_ADD, net_node(s.g, SL_OP_DENSE, (sl_attr){0}, INPUTS(s.first, s.b)), s.x);
    net_output(s.g, s.y);
    return s;
}

/* How many there are; the first `most` in out. */
static int boundary(const two_steps *s, sl_tensor changed, int most, sl_tensor *out)
{
    bool depends[16] = {false};
    sl_error err;
    int count;
    depends[changed] = true;
    assert_ok(sl_graph_boundary(s->g, depends, out, most, &count, &err));
    assert_true(depends[s->y] && !depends[s->x]);
    assert_true(depends[s->first] == (changed == s->a));
    return count;
}

static void test_what_the_changed_part_reads(void **state)
{
    (void)state;
    two_steps s = make();
    sl_tensor out[3] = {-1, -1, -1};
    assert_int_equal(boundary(&s, s.a, 3, out), 1);
    assert_int_equal(out[0], s.x);
    assert_int_equal(boundary(&s, s.b, 3, out), 2);
    assert_int_equal(out[0], s.x);
    assert_int_equal(out[1], s.first);
    sl_graph_free(s.g);
}

static void test_more_than_there_is_room_for(void **state)
{
    (void)state;
    two_steps s = make();
    sl_tensor out[2] = {-1, -1};
    assert_int_equal(boundary(&s, s.b, 1, out), 2);
    assert_int_equal(out[1], -1);
    sl_graph_free(s.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_the_changed_part_reads),
                                       cmocka_unit_test(test_more_than_there_is_room_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
