/* Specialisation: what is folded, what is fused and what is not, and that bad graphs are refused by name. */
#include "nets.h"

static int count_ops(const sl_graph *s, sl_op op)
{
    int n = 0;
    for (int i = 0; i < s->n_nodes; i++)
        n += s->nodes[i].op == op;
    return n;
}

/* The specialised graph must have `nodes` nodes and give what the unspecialised meaning is: `expected` was
 * computed by `plain`, the same network with every inner tensor asked for, which forbids all merging. */
static void check_fused(sl_graph *g, sl_tensor out, int nodes, sl_op kept, double bound)
{
    sl_error err;
    net_output(g, out);
    sl_graph *fused = net_specialize(g), *plain;
    if (fused->n_nodes != nodes || (nodes && count_ops(fused, kept) < 1))
        fail_msg("%d nodes are left, the first is %s", fused->n_nodes, sl_op_name(fused->nodes[0].op));
    /* a second graph in which all node outputs are wanted */
    const char *names[64];
    int n = 0;
    names[n++] = g->tensors[out].name;
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].outputs[0] != out && g->nodes[i].op != SL_OP_SHAPE && g->nodes[i].op != SL_OP_GATHER)
            names[n++] = g->tensors[g->nodes[i].outputs[0]].name;
    sl_shape shapes[8];
    for (int i = 0; i < g->n_inputs; i++)
        shapes[i] = g->tensors[g->inputs[i]].shape;
    assert_ok(sl_graph_specialize(g, shapes, names, n, &plain, &err));
    assert_int_equal(plain->n_nodes, n);
    float *inputs[8];
    net_random_inputs(g, 77, inputs);
    net_result want = net_run_reference(plain, (const float *const *)inputs);
    net_result got = net_run_reference(fused, (const float *const *)inputs);
    net_result planned = net_run_plan(fused, (const float *const *)inputs, 1);
    size_t count = (size_t)sl_shape_elements(&want.shape[0]);
    assert_close(got.data[0], want.data[0], count, bound);
    assert_close(planned.data[0], want.data[0], count, bound + 1e-4);
    net_result all = net_run_plan(plain, (const float *const *)inputs, 1);
    net_result_close(&all, &want, 1e-4);
    net_result_free(&want);
    net_result_free(&got);
    net_result_free(&planned);
    net_result_free(&all);
    for (int i = 0; i < g->n_inputs; i++)
        free(inputs[i]);
    sl_graph_free(fused);
    sl_graph_free(plain);
    sl_graph_free(g);
}

static sl_tensor batchnorm(sl_graph *g, sl_tensor x, int channels)
{
    sl_tensor scale = net_random(g, SHAPE(channels), 1, 0.5f, 2), bias = net_random(g, SHAPE(channels), 2, -1, 1);
    sl_tensor mean = net_random(g, SHAPE(channels), 3, -1, 1),
              variance = net_random(g, SHAPE(channels), 4, 0.2f, 2);
    return net_node(g, SL_OP_BATCHNORM, (sl_attr){.a = 1e-3f}, INPUTS(x, scale, bias, mean, variance));
}

/* ---- into convolutions and dense layers ---- */

static void test_batchnorm_into_conv(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 4, 5, 5));
    check_fused(g, batchnorm(g, net_conv(g, x, 6, 4, 3, (sl_attr){.groups = 2}, 1), 6), 1, SL_OP_CONV, 2e-5);
    g = sl_graph_new(); /* without bias, into a dense layer */
    x = net_input(g, SHAPE(3, 8));
    sl_tensor w = net_random(g, SHAPE(5, 8), 1, -1, 1);
    check_fused(g, batchnorm(g, net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, w)), 5), 1, SL_OP_DENSE, 2e-5);
    g = sl_graph_new(); /* nothing to go into */
    x = net_input(g, SHAPE(1, 4, 3, 3));
    check_fused(g, batchnorm(g, x, 4), 1, SL_OP_BATCHNORM, 1e-6);
}

static void test_batchnorm_stays_when_conv_is_seen(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new(); /* used twice */
    sl_tensor x = net_input(g, SHAPE(1, 4, 5, 5)), conv = net_conv(g, x, 6, 4, 3, (sl_attr){0}, 1);
    check_fused(g, net_binary(g, SL_FN_ADD, batchnorm(g, conv, 6), conv), 3, SL_OP_BATCHNORM, 1e-6);
    g = sl_graph_new(); /* asked for */
    x = net_input(g, SHAPE(1, 4, 5, 5));
    conv = net_conv(g, x, 6, 4, 3, (sl_attr){0}, 1);
    net_output(g, conv);
    net_output(g, batchnorm(g, conv, 6));
    sl_graph *s = net_specialize(g);
    assert_int_equal(s->n_nodes, 2);
    assert_string_equal(s->tensors[s->outputs[0]].name, g->tensors[conv].name);
    sl_graph_free(s);
    sl_graph_free(g);
}

static void test_arithmetic_into_conv(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_conv(g, net_input(g, SHAPE(1, 4, 5, 5)), 6, 4, 3, (sl_attr){.pad = {1, 1, 1, 1}}, 1);
    x = net_binary(g, SL_FN_MUL, net_random(g, SHAPE(6, 1, 1), 2, 0.5f, 2), x);
    x = net_binary(g, SL_FN_ADD, x, net_random(g, SHAPE(1, 6, 1, 1), 3, 0.5f, 2));
    x = net_binary(g, SL_FN_SUB, net_const(g, SHAPE(1), FLOATS(3)), x);
    x = net_binary(g, SL_FN_DIV, x, net_const(g, SCALAR_SHAPE, FLOATS(2)));
    x = net_binary(g, SL_FN_SUB, x, net_random(g, SHAPE(6, 1, 1), 4, 0.5f, 2));
    check_fused(g, x, 1, SL_OP_CONV, 2e-5);
    g = sl_graph_new(); /* along W, not channels: must stay */
    x = net_conv(g, net_input(g, SHAPE(1, 4, 5, 6)), 6, 4, 1, (sl_attr){0}, 1);
    check_fused(g, net_binary(g, SL_FN_MUL, x, net_random(g, SHAPE(6), 2, 0.5f, 2)), 2, SL_OP_BINARY, 1e-6);
    g = sl_graph_new(); /* c / x is not linear */
    x = net_unary(g, SL_FN_EXP, net_conv(g, net_input(g, SHAPE(1, 2, 3, 3)), 2, 2, 1, (sl_attr){0}, 1));
    x = net_conv(g, x, 2, 2, 1, (sl_attr){0}, 7);
    check_fused(g, net_unary(g, SL_FN_TANH, net_binary(g, SL_FN_DIV, net_const(g, SHAPE(1), FLOATS(3)), x)), 5,
                SL_OP_BINARY, 1e-3);
    g = sl_graph_new(); /* scaled input, grouped: into the weights; a shift must not, the border is padded */
    x = net_binary(g, SL_FN_SUB, net_input(g, SHAPE(2, 4, 5, 5)), net_const(g, SHAPE(1), FLOATS(0.5f)));
    x = net_binary(g, SL_FN_MUL, x, net_random(g, SHAPE(4, 1, 1), 5, 0.5f, 2));
    x = net_conv(g, x, 6, 4, 3, (sl_attr){.groups = 2, .pad = {1, 1, 1, 1}}, 1);
    check_fused(g, x, 2, SL_OP_BINARY, 2e-5);
}

static void test_matmul_becomes_dense(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(3, 7)), w = net_random(g, SHAPE(7, 5), 1, -1, 1);
    x = net_node(g, SL_OP_MATMUL, (sl_attr){0}, INPUTS(x, w));
    check_fused(g, net_binary(g, SL_FN_ADD, net_random(g, SHAPE(5), 2, -1, 1), x), 1, SL_OP_DENSE, 1e-5);
}

static void test_pad_into_conv(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(1, 3, 5, 5));
    x = net_node(g, SL_OP_PAD, (sl_attr){.fn = SL_FN_CONSTANT}, INPUTS(x, INTS(g, 0, 0, 0, 1, 0, 0, 2, 1)));
    check_fused(g, net_conv(g, x, 4, 3, 3, (sl_attr){.pad = {1, 0, 0, 0}, .stride = {2, 2}}, 1), 1, SL_OP_CONV,
                1e-6);
    g = sl_graph_new(); /* not zero */
    x = net_input(g, SHAPE(1, 3, 5, 5));
    x = net_node(g, SL_OP_PAD, (sl_attr){.fn = SL_FN_CONSTANT, .a = 1},
                 INPUTS(x, INTS(g, 0, 0, 1, 1, 0, 0, 1, 1)));
    check_fused(g, net_conv(g, x, 4, 3, 3, (sl_attr){0}, 1), 2, SL_OP_PAD, 1e-6);
}

/* ---- spelled-out functions ---- */

static void test_prelu_spellings(void **state)
{
    (void)state;
    for (int spelling = 0; spelling < 7; spelling++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(2, 6, 3, 4)), y = -1;
        if (spelling % 2) /* x itself computed by a sum: where x ends must be found */
            x = net_binary(g, SL_FN_ADD, x, net_unary(g, SL_FN_TANH, x));
        sl_tensor slope = net_random(g, SHAPE(6, 1, 1), 1, -0.3f, 0.5f), relu = net_unary(g, SL_FN_RELU, x);
        sl_tensor abs = net_unary(g, SL_FN_ABS, x), neg = net_unary(g, SL_FN_NEG, x),
                  half = net_const(g, SHAPE(1), FLOATS(0.5f));
        sl_tensor below = net_binary(g, SL_FN_SUB, x, abs);
        switch (spelling) {
        case 0: y = net_binary(g, SL_FN_ADD, relu, net_binary(g, SL_FN_MUL, slope, below)); break;
        case 1:
            y = net_binary(g, SL_FN_ADD, relu,
                           net_binary(g, SL_FN_MUL, net_binary(g, SL_FN_MUL, slope, below), half));
            break;
        case 2:
            y = net_binary(g, SL_FN_SUB, relu, net_binary(g, SL_FN_MUL, slope, net_unary(g, SL_FN_RELU, neg)));
            break;
        case 3: {
            sl_tensor minus = net_unary(g, SL_FN_NEG, net_unary(g, SL_FN_RELU, neg));
            y = net_binary(g, SL_FN_ADD, relu, net_binary(g, SL_FN_MUL, slope, minus));
            break;
        }
        case 4: {
            sl_tensor zero = net_const(g, SHAPE(1), FLOATS(0));
            sl_tensor least = net_binary(g, SL_FN_MIN, x, zero), most = net_binary(g, SL_FN_MAX, zero, x);
            y = net_binary(g, SL_FN_ADD, most, net_binary(g, SL_FN_MUL, least, slope));
            break;
        }
        case 5:
            y = net_binary(g, SL_FN_ADD, net_binary(g, SL_FN_MUL, slope, net_binary(g, SL_FN_DIV, below, half)),
                           relu);
            break;
        default: { /* Max(x, 0.1 x): one slope for all, a leaky ReLU */
            y = net_binary(g, SL_FN_MAX, x, net_binary(g, SL_FN_MUL, net_const(g, SHAPE(1), FLOATS(0.1f)), x));
            break;
        }
        }
        net_output(g, y);
        sl_graph *s = net_specialize(g);
        assert_int_equal(count_ops(s, SL_OP_PRELU), spelling < 6);
        assert_int_equal(s->n_nodes, spelling % 2 ? 3 : 1);
        if (spelling == 6) {
            assert_int_equal(s->nodes[0].attr.fn, SL_FN_LEAKY_RELU);
            assert_true(s->nodes[0].attr.a == 0.1f);
        }
        /* The plain meaning, computed here. */
        float *input = malloc(144 * sizeof *input);
        fill_random(input, 144, 5, -1, 1);
        net_result got = net_run_reference(s, (const float *const *)&input);
        const float *slopes = g->tensors[slope].data;
        for (int i = 0; i < 144; i++) {
            double v = spelling % 2 ? input[i] + tanh(input[i]) : input[i];
            double k = slopes[i / 12 % 6] * (spelling == 0 || spelling == 5 ? spelling == 5 ? 4 : 2 : 1);
            double want = v > 0 ? v : v * (spelling == 6 ? 0.1 : k);
            if (!(fabs(got.data[0][i] - want) < 1e-6))
                fail_msg("spelling %d, element %d: %g, expected %g", spelling, i, (double)got.data[0][i], want);
        }
        net_result_free(&got);
        free(input);
        sl_graph_free(s);
        sl_graph_free(g);
    }
}

/* One slope for all channels: a leaky ReLU, whether it follows a convolution or not; per channel it stays. */
static void test_prelu_of_one_slope(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 3, 4, 4));
    sl_tensor conv = net_conv(g, x, 4, 3, 3, (sl_attr){0}, 1);
    check_fused(g, net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(conv, net_const(g, SHAPE(1), FLOATS(.25f)))), 2,
                SL_OP_UNARY, 1e-6);
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 4, 4, 4));
    check_fused(g, net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(x, net_random(g, SHAPE(4), 1, 0, 1))), 1, SL_OP_PRELU,
                1e-6);
}

static void test_almost_prelu_stays(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new(); /* Relu(x) + slope * (x - |z|): z is not x */
    sl_tensor x = net_input(g, SHAPE(1, 3, 2, 2)), z = net_input(g, SHAPE(1, 3, 2, 2));
    sl_tensor slope = net_random(g, SHAPE(3, 1, 1), 1, 0.1f, 0.5f);
    sl_tensor below = net_binary(g, SL_FN_SUB, x, net_unary(g, SL_FN_ABS, z));
    sl_tensor y = net_binary(g, SL_FN_ADD, net_unary(g, SL_FN_RELU, x), net_binary(g, SL_FN_MUL, slope, below));
    check_fused(g, y, 5, SL_OP_BINARY, 1e-6);
    g = sl_graph_new(); /* 2 Relu(x) - Relu(-x): the right slope is 2 */
    x = net_input(g, SHAPE(1, 3, 2, 2));
    sl_tensor twice = net_binary(g, SL_FN_MUL, net_unary(g, SL_FN_RELU, x), net_const(g, SHAPE(1), FLOATS(2)));
    y = net_binary(g, SL_FN_SUB, twice, net_unary(g, SL_FN_RELU, net_unary(g, SL_FN_NEG, x)));
    check_fused(g, y, 5, SL_OP_BINARY, 1e-6);
    g = sl_graph_new(); /* slopes along W */
    x = net_input(g, SHAPE(1, 3, 2, 4));
    below = net_binary(g, SL_FN_SUB, x, net_unary(g, SL_FN_ABS, x));
    slope = net_random(g, SHAPE(4), 1, 0.1f, 0.5f);
    y = net_binary(g, SL_FN_ADD, net_unary(g, SL_FN_RELU, x), net_binary(g, SL_FN_MUL, slope, below));
    check_fused(g, y, 5, SL_OP_BINARY, 1e-6);
}

static void test_l2norm_spellings(void **state)
{
    (void)state;
    for (int spelling = 0; spelling < 5; spelling++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(3, 8)), y, sum, floor = net_const(g, SHAPE(1), FLOATS(1e-4f));
        const sl_attr l2 = {.fn = SL_FN_L2, .axes = {1}, .n_axes = 1, .keepdims = true};
        sl_attr total = l2, squares = l2;
        total.fn = SL_FN_SUM;
        squares.fn = SL_FN_SUM_SQUARE;
        sl_tensor squared = net_binary(g, SL_FN_MUL, x, x);
        switch (spelling) {
        case 0: /* F.normalize of PyTorch */
            y = net_node(g, SL_OP_UNARY, (sl_attr){.fn = SL_FN_CLIP, .a = 1e-4f, .b = INFINITY},
                         INPUTS(net_node(g, SL_OP_REDUCE, l2, INPUTS(x))));
            y = net_node(g, SL_OP_EXPAND, (sl_attr){0},
                         INPUTS(y, net_node(g, SL_OP_SHAPE, (sl_attr){0}, INPUTS(x))));
            y = net_binary(g, SL_FN_DIV, x, y);
            break;
        case 1: y = net_binary(g, SL_FN_DIV, x, net_node(g, SL_OP_REDUCE, l2, INPUTS(x))); break;
        case 2: /* tf.nn.l2_normalize */
            sum = net_binary(g, SL_FN_MAX, net_node(g, SL_OP_REDUCE, total, INPUTS(squared)), floor);
            y = net_binary(g, SL_FN_MUL, x, net_unary(g, SL_FN_RECIPROCAL, net_unary(g, SL_FN_SQRT, sum)));
            break;
        case 3:
            sum = net_unary(g, SL_FN_SQRT, net_node(g, SL_OP_REDUCE, squares, INPUTS(x)));
            y = net_binary(g, SL_FN_DIV, x, net_binary(g, SL_FN_MAX, floor, sum));
            break;
        default:
            squared = net_binary(g, SL_FN_POW, x, net_const(g, SCALAR_SHAPE, FLOATS(2)));
            y = net_binary(g, SL_FN_DIV, x,
                           net_unary(g, SL_FN_SQRT, net_node(g, SL_OP_REDUCE, total, INPUTS(squared))));
            break;
        }
        net_output(g, y);
        sl_graph *s = net_specialize(g);
        assert_int_equal(s->n_nodes, 1);
        assert_int_equal(s->nodes[0].op, SL_OP_L2NORM);
        float want_floor[] = {1e-4f, 0, 1e-2f, 1e-4f, 0};
        assert_true(fabsf(s->nodes[0].attr.a - want_floor[spelling]) <= 1e-8f);
        float input[24];
        fill_random(input, 24, 3, -1, 1);
        const float *inputs[1] = {input};
        net_result got = net_run_plan(s, inputs, 1);
        for (int row = 0; row < 3; row++) {
            double norm = 0;
            for (int i = 0; i < 8; i++)
                norm += (double)input[row * 8 + i] * input[row * 8 + i];
            for (int i = 0; i < 8; i++)
                assert_true(fabs(got.data[0][row * 8 + i] - input[row * 8 + i] / sqrt(norm)) < 1e-6);
        }
        net_result_free(&got);
        sl_graph_free(s);
        sl_graph_free(g);
    }
    sl_graph *g = sl_graph_new(); /* sqrt(sum + floor) is another function */
    sl_tensor x = net_input(g, SHAPE(3, 8)), squared = net_binary(g, SL_FN_MUL, x, x);
    sl_tensor sum = net_node(
        g, SL_OP_REDUCE, (sl_attr){.fn = SL_FN_SUM, .axes = {1}, .n_axes = 1, .keepdims = true}, INPUTS(squared));
    sum = net_binary(g, SL_FN_ADD, sum, net_const(g, SHAPE(1), FLOATS(0.5f)));
    check_fused(g, net_binary(g, SL_FN_DIV, x, net_unary(g, SL_FN_SQRT, sum)), 5, SL_OP_BINARY, 1e-6);
}

static void test_softmax_spellings(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 3, 4));
    sl_attr most = {.fn = SL_FN_MAX, .axes = {-2}, .n_axes = 1, .keepdims = true}, total = most;
    total.fn = SL_FN_SUM;
    sl_tensor e = net_unary(g, SL_FN_EXP, net_binary(g, SL_FN_SUB, x, net_node(g, SL_OP_REDUCE, most, INPUTS(x))));
    check_fused(g, net_binary(g, SL_FN_DIV, e, net_node(g, SL_OP_REDUCE, total, INPUTS(e))), 1, SL_OP_SOFTMAX,
                1e-6);
    g = sl_graph_new(); /* between two transpositions that undo each other */
    x = net_input(g, SHAPE(2, 3, 4, 5));
    x = net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {0, 2, 3, 1}}, INPUTS(x));
    x = net_node(g, SL_OP_SOFTMAX, (sl_attr){.axis = -1}, INPUTS(x));
    check_fused(g, net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {0, 3, 1, 2}}, INPUTS(x)), 1, SL_OP_SOFTMAX,
                1e-6);
    g = sl_graph_new(); /* that do not */
    x = net_input(g, SHAPE(2, 3, 4, 5));
    x = net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {0, 2, 3, 1}}, INPUTS(x));
    x = net_node(g, SL_OP_SOFTMAX, (sl_attr){.axis = -1}, INPUTS(x));
    check_fused(g, net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {0, 2, 3, 1}}, INPUTS(x)), 3, SL_OP_SOFTMAX,
                1e-6);
}

/* ---- what vanishes ---- */

static void test_nothing_is_done_for_nothing(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 3, 4, 4)), y;
    y = net_unary(g, SL_FN_IDENTITY, x);
    y = net_binary(g, SL_FN_ADD, y, net_const(g, SHAPE(1), FLOATS(0)));
    y = net_binary(g, SL_FN_MUL, y, net_const(g, SHAPE(1), FLOATS(1)));
    y = net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(y, INTS(g, 0, 0, 0, 0)));
    y = net_node(g, SL_OP_SLICE, (sl_attr){0}, INPUTS(y, INTS(g, 0), INTS(g, 99), INTS(g, 2)));
    y = net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {0, 1, 2, 3}}, INPUTS(y));
    y = net_node(g, SL_OP_PAD, (sl_attr){.fn = SL_FN_CONSTANT}, INPUTS(y, INTS(g, 0, 0, 0, 0, 0, 0, 0, 0)));
    y = net_node(g, SL_OP_CONCAT, (sl_attr){.axis = 1}, INPUTS(y));
    check_fused(g, net_unary(g, SL_FN_TANH, y), 1, SL_OP_UNARY, 0);
    g = sl_graph_new(); /* reversed rows keep their shape, but are not the same */
    x = net_input(g, SHAPE(2, 3));
    y = net_node(g, SL_OP_SLICE, (sl_attr){0},
                 INPUTS(x, INTS(g, -1), INTS(g, INT64_MIN), INTS(g, 1), INTS(g, -1)));
    check_fused(g, net_unary(g, SL_FN_TANH, y), 2, SL_OP_SLICE, 0);
    g = sl_graph_new(); /* an identity that was asked for keeps its name */
    x = net_input(g, SHAPE(2, 3));
    y = net_unary(g, SL_FN_IDENTITY, x);
    check_fused(g, y, 1, SL_OP_UNARY, 0);
}

static void test_only_what_leads_to_outputs(void **state)
{
    (void)state;
    sl_error err;
    sl_graph *g = sl_graph_new(), *s;
    sl_tensor x = net_input(g, SHAPE(1, 4)), other = net_input(g, SHAPE(1, 9));
    sl_tensor a = net_unary(g, SL_FN_RELU, x), b = net_unary(g, SL_FN_TANH, a);
    net_binary(g, SL_FN_ADD, x, other); /* does not even fit, but nobody asks */
    const char *inner[] = {g->tensors[a].name}, *both[] = {g->tensors[b].name, g->tensors[a].name};
    const char *unknown[] = {"no such tensor"}, *input[] = {g->tensors[x].name};
    const sl_shape shapes[2] = {SHAPE(1, 4), SHAPE(1, 9)};
    assert_ok(sl_graph_specialize(g, shapes, inner, 1, &s, &err));
    assert_int_equal(s->n_nodes, 1);
    assert_int_equal(s->n_inputs, 2); /* inputs keep their numbers */
    sl_graph_free(s);
    assert_ok(sl_graph_specialize(g, shapes, both, 2, &s, &err));
    assert_int_equal(s->n_nodes, 2);
    assert_string_equal(s->tensors[s->outputs[0]].name, both[0]);
    sl_graph_free(s);
    assert_ok(sl_graph_specialize(g, shapes, input, 1, &s, &err));
    assert_int_equal(s->n_nodes, 0);
    const float data[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, *inputs[2] = {data, data};
    net_result r = net_run_plan(s, inputs, 1);
    assert_close(r.data[0], data, 4, 0);
    net_result_free(&r);
    sl_graph_free(s);
    assert_int_equal(sl_graph_specialize(g, shapes, unknown, 1, &s, &err), SL_ERR_NOT_FOUND);
    assert_null(s);
    assert_non_null(strstr(err.text, "no such tensor"));
    sl_graph_free(g);
}

static void test_constant_outputs(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 3)), c = net_const(g, SHAPE(2), FLOATS(1, 2));
    net_output(g, net_binary(g, SL_FN_ADD, c, c));
    net_output(g, net_unary(g, SL_FN_NEG, x));
    sl_graph *s = net_specialize(g);
    assert_int_equal(s->n_nodes, 1);
    const float data[6] = {1, 2, 3, 4, 5, 6}, *inputs[1] = {data};
    net_result a = net_run_reference(s, inputs), b = net_run_plan(s, inputs, 1);
    net_result_close(&a, &b, 0);
    assert_close(a.data[0], FLOATS(2, 4), 2, 0);
    net_result_free(&a);
    net_result_free(&b);
    sl_graph_free(s);
    sl_graph_free(g);
}

/* ---- bad graphs ---- */

/* The graph must be refused with `status`, its text naming the last node. Frees the graph. */
static void refused(sl_graph *g, sl_tensor out, sl_status status, const char *text)
{
    sl_error err;
    net_output(g, out);
    sl_status got = net_specialize_status(g, &err);
    if (got != status || !strstr(err.text, text) || !strstr(err.text, g->nodes[g->n_nodes - 1].name))
        fail_msg("%s: %s", sl_status_name(got), got ? err.text : "accepted");
    assert_int_equal(net_specialize_status(g, NULL), status);
    sl_graph_free(g);
}

static void test_shapes_that_do_not_fit(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(1, 3, 4, 4));
    sl_tensor w = net_random(g, SHAPE(2, 4, 3, 3), 1, -1, 1);
    refused(g, net_node(g, SL_OP_CONV, (sl_attr){0}, INPUTS(x, w)), SL_ERR_FORMAT, "do not fit");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 3, 4, 4));
    w = net_random(g, SHAPE(2, 3, 5, 5), 1, -1, 1);
    refused(g, net_node(g, SL_OP_CONV, (sl_attr){0}, INPUTS(x, w)), SL_ERR_FORMAT, "larger than");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 3, 4, 4));
    w = net_random(g, SHAPE(2, 3, 3, 3), 1, -1, 1);
    refused(g, net_node(g, SL_OP_CONV, (sl_attr){.stride = {-1, 1}}, INPUTS(x, w)), SL_ERR_FORMAT, "stride -1");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 3, 4, 4));
    w = net_random(g, SHAPE(2, 3, 3, 3), 1, -1, 1);
    refused(g, net_node(g, SL_OP_CONV, (sl_attr){.groups = -3}, INPUTS(x, w)), SL_ERR_FORMAT, "groups");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    refused(g, net_binary(g, SL_FN_ADD, x, net_input(g, SHAPE(2, 4))), SL_ERR_FORMAT, "broadcast");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    refused(g, net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(x, INTS(g, 4, -1))), SL_ERR_FORMAT, "6 elements");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    refused(g, net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(x, INTS(g, -2, -3))), SL_ERR_FORMAT, "-2");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    refused(g, net_node(g, SL_OP_CONCAT, (sl_attr){.axis = 0}, INPUTS(x, net_input(g, SHAPE(2, 4)))),
            SL_ERR_FORMAT, "fit");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    refused(g, net_node(g, SL_OP_SOFTMAX, (sl_attr){.axis = 2}, INPUTS(x)), SL_ERR_FORMAT, "axis 2");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    refused(g, net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {1, 1}}, INPUTS(x)), SL_ERR_FORMAT, "permutation");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    refused(g, net_node(g, SL_OP_GATHER, (sl_attr){.axis = 1}, INPUTS(x, INTS(g, 3))), SL_ERR_FORMAT, "index 3");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    refused(g, net_node(g, SL_OP_SLICE, (sl_attr){0}, INPUTS(x, INTS(g, 1), INTS(g, 1))), SL_ERR_FORMAT,
            "no elements");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    refused(g, net_node(g, SL_OP_SLICE, (sl_attr){0}, INPUTS(x, INTS(g, 0), INTS(g, 1), INTS(g, 0), INTS(g, 0))),
            SL_ERR_FORMAT, "step of 0");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    refused(g, net_node(g, SL_OP_PAD, (sl_attr){.fn = SL_FN_REFLECT}, INPUTS(x, INTS(g, 2, 0, 0, 0))),
            SL_ERR_FORMAT, "pads 2");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 1, 3, 3));
    refused(g,
            net_node(g, SL_OP_POOL, (sl_attr){.fn = SL_FN_MAX, .kernel = {2, 2}, .pad = {2, 0, 0, 0}}, INPUTS(x)),
            SL_ERR_FORMAT, "pad of 2");
    g = sl_graph_new();
    x = net_input(g, SHAPE(2, 3));
    sl_tensor parts[2];
    net_nodes(g, SL_OP_SPLIT, (sl_attr){.axis = 1}, INPUTS(x, INTS(g, 1, 1)), parts, 2);
    refused(g, parts[0], SL_ERR_FORMAT, "sizes");
}

static void test_giant_shapes(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(1, 4));
    refused(g, net_node(g, SL_OP_EXPAND, (sl_attr){0}, INPUTS(x, INTS(g, 1 << 28, 4))), SL_ERR_LIMIT, "elements");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 4));
    refused(g, net_node(g, SL_OP_EXPAND, (sl_attr){0}, INPUTS(x, INTS(g, INT64_MAX, 4))), SL_ERR_LIMIT,
            "elements");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 1, 4, 4));
    refused(g,
            net_node(g, SL_OP_RESIZE, (sl_attr){.fn = SL_FN_NEAREST},
                     INPUTS(x, net_const(g, SHAPE(4), FLOATS(1, 1, 1e30f, 1)))),
            SL_ERR_FORMAT, "resized");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 1, 4, 4));
    refused(g,
            net_node(g, SL_OP_RESIZE, (sl_attr){.fn = SL_FN_NEAREST},
                     INPUTS(x, net_const(g, SHAPE(4), FLOATS(1, 1, NAN, 1)))),
            SL_ERR_FORMAT, "resized");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 4));
    refused(g, net_node(g, SL_OP_PAD, (sl_attr){.fn = SL_FN_CONSTANT}, INPUTS(x, INTS(g, 0, INT64_MAX, 0, 0))),
            SL_ERR_FORMAT, "pads");
    /* constants that would fill the memory: one, and many small ones */
    g = sl_graph_new();
    net_input(g, SHAPE(1, 4));
    refused(g, net_node(g, SL_OP_FILL, (sl_attr){.a = 1}, INPUTS(INTS(g, 1 << 25))), SL_ERR_LIMIT, "too large");
    g = sl_graph_new();
    net_input(g, SHAPE(1, 4));
    sl_tensor size = INTS(g, 1 << 24);
    for (int i = 0; i < 5; i++) { /* five of these are too many, all are needed */
        sl_tensor filled = net_node(g, SL_OP_FILL, (sl_attr){.a = 1}, INPUTS(size));
        x = i ? net_binary(g, SL_FN_ADD, x, filled) : filled;
    }
    sl_error err;
    net_output(g, x);
    assert_int_equal(net_specialize_status(g, &err), SL_ERR_LIMIT);
    assert_non_null(strstr(err.text, "too large"));
    sl_graph_free(g);
}

static void test_integer_arithmetic(void **state)
{
    (void)state;
    static const struct {
        sl_fn fn;
        int64_t a, b;
    } bad[] = {{SL_FN_DIV, 4, 0},         {SL_FN_DIV, INT64_MIN, -1}, {SL_FN_ADD, INT64_MAX, 1},
               {SL_FN_SUB, INT64_MIN, 1}, {SL_FN_MUL, INT64_MAX, 2},  {SL_FN_POW, 2, -1},
               {SL_FN_POW, 10, 30},       {SL_FN_POW, 2, INT64_MAX}};
    for (int i = 0; i < 8; i++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(1, 4)), bad_node;
        bad_node = net_binary(g, bad[i].fn, INTS(g, bad[i].a), INTS(g, bad[i].b));
        net_output(g, net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(x, bad_node)));
        sl_error err;
        assert_int_equal(net_specialize_status(g, &err), SL_ERR_FORMAT);
        assert_non_null(strstr(err.text, g->nodes[0].name));
        assert_non_null(strstr(err.text, "integer arithmetic"));
        sl_graph_free(g);
    }
    /* (7 / -2) ** 2 - max(3, 1) * min(2, 1) = 9 - 3 = 6; -1 ** big = -1 */
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 3));
    sl_tensor v = net_binary(g, SL_FN_POW, net_binary(g, SL_FN_DIV, INTS(g, 7), INTS(g, -2)), INTS(g, 2));
    sl_tensor p = net_binary(g, SL_FN_MUL, net_binary(g, SL_FN_MAX, INTS(g, 3), INTS(g, 1)),
                             net_binary(g, SL_FN_MIN, INTS(g, 2), INTS(g, 1)));
    v = net_node(
        g, SL_OP_CONCAT, (sl_attr){0},
        INPUTS(net_binary(g, SL_FN_SUB, v, p), net_binary(g, SL_FN_POW, INTS(g, -1), INTS(g, INT64_MAX))));
    net_expect(g, net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(x, v)), FLOATS(1, 2, 3, 4, 5, 6), SHAPE(6, 1),
               FLOATS(1, 2, 3, 4, 5, 6));
}

static void test_what_cannot_be_done(void **state)
{
    (void)state;
    sl_error err;
    sl_graph *g = sl_graph_new(), *s; /* a node before what it reads */
    sl_tensor later, x = net_input(g, SHAPE(1, 4));
    const sl_shape unknown = {.rank = -1};
    assert_ok(sl_graph_add_tensor(g, "later", SL_TYPE_F32, &unknown, &later, &err));
    refused(g, net_unary(g, SL_FN_RELU, later), SL_ERR_FORMAT, "not defined");
    g = sl_graph_new(); /* an output nobody computes */
    net_input(g, SHAPE(1, 4));
    assert_ok(sl_graph_add_tensor(g, "later", SL_TYPE_F32, &unknown, &later, &err));
    net_output(g, later);
    assert_int_equal(net_specialize_status(g, &err), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "later"));
    sl_graph_free(g);
    g = sl_graph_new(); /* a shape that depends on the picture */
    x = net_input(g, SHAPE(1, 4));
    refused(g, net_node(g, SL_OP_CAST, (sl_attr){.type = SL_TYPE_I64}, INPUTS(x)), SL_ERR_UNSUPPORTED, "integers");
    g = sl_graph_new(); /* an output of integers */
    x = net_input(g, SHAPE(1, 4));
    net_output(g, net_node(g, SL_OP_SHAPE, (sl_attr){0}, INPUTS(x)));
    assert_int_equal(net_specialize_status(g, &err), SL_ERR_UNSUPPORTED);
    sl_graph_free(g);
    g = sl_graph_new(); /* inputs of a kind, number or shape that cannot be */
    x = net_input(g, SHAPE(1, 4));
    refused(g, net_node(g, SL_OP_SOFTMAX, (sl_attr){0}, INPUTS(INTS(g, 1, 2))), SL_ERR_UNSUPPORTED, "integers");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 4));
    refused(g, net_node(g, SL_OP_BINARY, (sl_attr){.fn = SL_FN_ADD}, INPUTS(x)), SL_ERR_FORMAT, "1 inputs");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 4));
    refused(g, net_node(g, SL_OP_BINARY, (sl_attr){.fn = SL_FN_ADD}, INPUTS(x, -1)), SL_ERR_FORMAT, "absent");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 4));
    refused(g, net_node(g, SL_OP_UNARY, (sl_attr){.fn = SL_FN_ADD}, INPUTS(x)), SL_ERR_ARGUMENT, "function");
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, -1));
    net_output(g, net_unary(g, SL_FN_RELU, x));
    assert_int_equal(net_specialize_status(g, &err), SL_ERR_ARGUMENT);
    const sl_shape other_rank[1] = {SHAPE(4)}, empty[1] = {SHAPE(0, 4)}, good[1] = {SHAPE(3, 4)};
    assert_int_equal(sl_graph_specialize(g, other_rank, NULL, 0, &s, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_graph_specialize(g, empty, NULL, 0, &s, &err), SL_ERR_ARGUMENT);
    sl_plan *plan;
    assert_int_equal(sl_plan_compile(g, 1, &plan, &err), SL_ERR_ARGUMENT); /* not specialised */
    assert_null(plan);
    assert_ok(sl_graph_specialize(g, good, NULL, 0, &s, &err));
    assert_int_equal(sl_plan_compile(s, 0, &plan, &err), SL_ERR_ARGUMENT);
    sl_graph_free(s);
    sl_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batchnorm_into_conv),
        cmocka_unit_test(test_batchnorm_stays_when_conv_is_seen),
        cmocka_unit_test(test_arithmetic_into_conv),
        cmocka_unit_test(test_matmul_becomes_dense),
        cmocka_unit_test(test_pad_into_conv),
        cmocka_unit_test(test_prelu_spellings),
        cmocka_unit_test(test_prelu_of_one_slope),
        cmocka_unit_test(test_almost_prelu_stays),
        cmocka_unit_test(test_l2norm_spellings),
        cmocka_unit_test(test_softmax_spellings),
        cmocka_unit_test(test_nothing_is_done_for_nothing),
        cmocka_unit_test(test_only_what_leads_to_outputs),
        cmocka_unit_test(test_constant_outputs),
        cmocka_unit_test(test_shapes_that_do_not_fit),
        cmocka_unit_test(test_giant_shapes),
        cmocka_unit_test(test_integer_arithmetic),
        cmocka_unit_test(test_what_cannot_be_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
