/* Every kind of layer: cases computed by hand, and the plan against the reference on random odd shapes.
 * Bound of the comparison: f32 sums of at most some 300 products of numbers around 1 differ by some 1e-5
 * between orders of summation. */
#include "nets.h"

enum { ROUNDS = 60 };
#define BOUND 5e-5

/* ---- convolution ---- */

static void test_conv_by_hand(void **state)
{
    (void)state;
    /* 1 2 3 / 4 5 6 / 7 8 9 with the kernel 1 0 / 0 -1: x[y][x] - x[y+1][x+1] = -4 everywhere; bias 0.5 */
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(1, 1, 3, 3)), w = net_const(g, SHAPE(1, 1, 2, 2), FLOATS(1, 0, 0, -1));
    sl_tensor b = net_const(g, SHAPE(1), FLOATS(0.5f));
    net_expect(g, net_node(g, SL_OP_CONV, (sl_attr){0}, INPUTS(x, w, b)), FLOATS(1, 2, 3, 4, 5, 6, 7, 8, 9),
               SHAPE(1, 1, 2, 2), FLOATS(-3.5f, -3.5f, -3.5f, -3.5f));

    /* Padded by one above and left only, stride 2: windows begin at -1 and 1. */
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 1, 3, 3));
    w = net_const(g, SHAPE(1, 1, 2, 2), FLOATS(1, 10, 100, 1000));
    net_expect(g, net_node(g, SL_OP_CONV, (sl_attr){.stride = {2, 2}, .pad = {1, 1, 0, 0}}, INPUTS(x, w)),
               FLOATS(1, 2, 3, 4, 5, 6, 7, 8, 9), SHAPE(1, 1, 2, 2), FLOATS(1000, 3200, 7040, 9865));

    /* Two groups: each output sees one channel. */
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 2, 1, 2));
    w = net_const(g, SHAPE(2, 1, 1, 1), FLOATS(2, -3));
    net_expect(g, net_node(g, SL_OP_CONV, (sl_attr){.groups = 2}, INPUTS(x, w)), FLOATS(1, 2, 3, 4),
               SHAPE(1, 2, 1, 2), FLOATS(2, 4, -9, -12));

    /* Dilation 2: a kernel of two sees x[i] and x[i + 2]. */
    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 1, 1, 4));
    w = net_const(g, SHAPE(1, 1, 1, 2), FLOATS(1, 10));
    net_expect(g, net_node(g, SL_OP_CONV, (sl_attr){.dilation = {1, 2}}, INPUTS(x, w)), FLOATS(1, 2, 3, 4),
               SHAPE(1, 1, 1, 2), FLOATS(31, 42));

    /* SAME with 4 columns, kernel 3, stride 2: 2 outputs, one cell of padding; upper puts it at the end. */
    for (int lower = 0; lower < 2; lower++) {
        g = sl_graph_new();
        x = net_input(g, SHAPE(1, 1, 1, 4));
        w = net_const(g, SHAPE(1, 1, 1, 3), FLOATS(1, 10, 100));
        const sl_attr attr = {.stride = {1, 2}, .auto_pad = lower ? SL_PAD_SAME_LOWER : SL_PAD_SAME_UPPER};
        net_expect(g, net_node(g, SL_OP_CONV, attr, INPUTS(x, w)), FLOATS(1, 2, 3, 4), SHAPE(1, 1, 1, 2),
                   lower ? FLOATS(210, 432) : FLOATS(321, 43));
    }
}

static void test_conv_random(void **state)
{
    (void)state;
    uint64_t r = 1;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        static const int group_choices[] = {1, 1, 1, 2, 3, 0 /* depthwise */};
        int groups = group_choices[pick(&r, 6)], per_in = 1 + pick(&r, 20), per_out = 1 + pick(&r, 20);
        if (groups == 0) {
            groups = 1 + pick(&r, 40);
            per_in = per_out = 1;
        }
        int channels = groups * per_in, outputs = groups * per_out, height = 5 + pick(&r, 14),
            width = 5 + pick(&r, 14);
        sl_attr attr = {.groups = groups};
        for (int i = 0; i < 2; i++) {
            attr.stride[i] = 1 + pick(&r, 3);
            attr.dilation[i] = 1 + (pick(&r, 4) == 0);
        }
        for (int i = 0; i < 4; i++)
            attr.pad[i] = pick(&r, 3);
        attr.auto_pad = pick(&r, 4) == 0 ? SL_PAD_SAME_UPPER + pick(&r, 3) : SL_PAD_EXPLICIT;
        int kh = 1 + pick(&r, 3), kw = pick(&r, 2) ? kh : 1 + pick(&r, 3);
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(1 + pick(&r, 3), channels, height, width));
        float range = 1.5f / sqrtf((float)(per_in * kh * kw));
        sl_tensor w = net_random(g, SHAPE(outputs, per_in, kh, kw), (uint64_t)round, -range, range);
        sl_tensor b = net_random(g, SHAPE(outputs), (uint64_t)round + 1, -1, 1);
        sl_tensor y = pick(&r, 3) ? net_node(g, SL_OP_CONV, attr, INPUTS(x, w, b))
                                  : net_node(g, SL_OP_CONV, attr, INPUTS(x, w));
        net_check(g, y, (uint64_t)round + 2, BOUND);
    }
}

/* The shapes that must be fast: first layer, depthwise 3x3, global depthwise 7x7, 1x1 head; weights computed at
 * run time. */
static void test_conv_shapes_of_face_networks(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 3, 56, 56));
    x = net_conv(g, x, 32, 3, 3, (sl_attr){.stride = {2, 2}, .pad = {1, 1, 1, 1}}, 1);
    x = net_conv(g, x, 32, 32, 3, (sl_attr){.groups = 32, .stride = {2, 2}, .pad = {1, 1, 1, 1}}, 2);
    x = net_conv(g, x, 48, 32, 1, (sl_attr){.stride = {2, 2}}, 3);
    x = net_conv(g, x, 48, 48, 7, (sl_attr){.groups = 48}, 4);
    net_check(g, net_conv(g, x, 20, 48, 1, (sl_attr){0}, 5), 6, BOUND);

    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 2, 5, 5));
    sl_tensor w = net_input(g, SHAPE(3, 2, 3, 3));
    net_check(g, net_node(g, SL_OP_CONV, (sl_attr){0}, INPUTS(x, w)), 7, BOUND);
}

/* ---- products ---- */

static void test_dense(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 3));
    sl_tensor w = net_const(g, SHAPE(2, 3), FLOATS(1, 2, 3, 0, -1, 1)), b = net_const(g, SHAPE(2), FLOATS(10, 20));
    net_expect(g, net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, w, b)), FLOATS(1, 1, 1, 0, 2, 5), SHAPE(2, 2),
               FLOATS(16, 20, 29, 23));
    uint64_t r = 3;
    for (int round = 0; round < ROUNDS; round++) {
        int rows = 1 + pick(&r, 4), depth = 1 + pick(&r, 70), outputs = 1 + pick(&r, 40);
        g = sl_graph_new();
        x = net_input(g, SHAPE(rows, depth));
        w = net_random(g, SHAPE(outputs, depth), (uint64_t)round, -0.3f, 0.3f);
        b = net_random(g, SHAPE(outputs), (uint64_t)round + 1, -1, 1);
        sl_tensor y = pick(&r, 2) ? net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, w, b))
                                  : net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, w));
        if (pick(&r, 2))
            y = net_unary(g, SL_FN_RELU, y);
        net_check(g, y, (uint64_t)round, BOUND);
    }
}

static void test_matmul(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 2)), w = net_const(g, SHAPE(2, 3), FLOATS(1, 2, 3, 4, 5, 6));
    net_expect(g, net_node(g, SL_OP_MATMUL, (sl_attr){0}, INPUTS(x, w)), FLOATS(1, 0, 2, -1), SHAPE(2, 3),
               FLOATS(1, 2, 3, -2, -1, 0));
    /* a vector on the left, broadcast over two matrices: [2] x [2, 2, 1] -> [2, 1] */
    g = sl_graph_new();
    x = net_input(g, SHAPE(2));
    w = net_const(g, SHAPE(2, 2, 1), FLOATS(1, 2, 3, 4));
    net_expect(g, net_node(g, SL_OP_MATMUL, (sl_attr){0}, INPUTS(x, w)), FLOATS(10, 1), SHAPE(2, 1),
               FLOATS(12, 34));
    g = sl_graph_new();
    x = net_input(g, SHAPE(3, 1, 4, 5));
    sl_tensor y = net_input(g, SHAPE(2, 5, 6));
    net_check(g, net_node(g, SL_OP_MATMUL, (sl_attr){0}, INPUTS(x, y)), 1, BOUND);
}

/* ---- per channel ---- */

static void test_batchnorm(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(1, 2, 1, 2));
    sl_tensor scale = net_const(g, SHAPE(2), FLOATS(2, 1)), bias = net_const(g, SHAPE(2), FLOATS(0, 5));
    sl_tensor mean = net_const(g, SHAPE(2), FLOATS(1, 0)), variance = net_const(g, SHAPE(2), FLOATS(3, 0.25f));
    /* channel 0: (x - 1) / sqrt(3 + 1) * 2; channel 1: x / sqrt(1.25) + 5 */
    net_expect(g, net_node(g, SL_OP_BATCHNORM, (sl_attr){.a = 1}, INPUTS(x, scale, bias, mean, variance)),
               FLOATS(1, 3, 0, 2), SHAPE(1, 2, 1, 2), FLOATS(0, 2, 5, 5 + 2 / 1.118034f));
    static const sl_shape shapes[] = {{2, {3, 7}}, {3, {2, 5, 9}}, {4, {3, 17, 4, 5}}, {5, {1, 3, 2, 4, 5}}};
    for (int i = 0; i < 4; i++) {
        int64_t c = shapes[i].dim[1];
        g = sl_graph_new();
        x = net_input(g, shapes[i]);
        scale = net_random(g, SHAPE(c), 1, 0.5f, 2);
        bias = net_random(g, SHAPE(c), 2, -1, 1);
        mean = net_random(g, SHAPE(c), 3, -1, 1);
        variance = net_random(g, SHAPE(c), 4, 0.1f, 2);
        net_check(g, net_node(g, SL_OP_BATCHNORM, (sl_attr){.a = 1e-3f}, INPUTS(x, scale, bias, mean, variance)),
                  5, BOUND);
    }
}

static void test_prelu(void **state)
{
    (void)state;
    static const sl_shape slopes[] = {{1, {2}}, {3, {2, 1, 1}}, {4, {1, 2, 1, 1}}};
    for (int i = 0; i < 3; i++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(1, 2, 1, 2)), slope = net_const(g, slopes[i], FLOATS(0.5f, -2));
        net_expect(g, net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(x, slope)), FLOATS(-4, 4, -4, 4),
                   SHAPE(1, 2, 1, 2), FLOATS(-2, 4, 8, 4));
    }
    static const sl_shape odd[] = {{1, {1}}, {0, {0}}, {3, {5, 4, 3}}, {3, {1, 4, 3}}, {1, {3}}};
    for (int i = 0; i < 5; i++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(3, 5, 4, 3)), slope = net_random(g, odd[i], 1, -1, 1);
        net_check(g, net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(x, slope)), 2, 1e-6);
    }
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(3, 6)), slope = net_random(g, SHAPE(6), 1, -1, 1);
    net_check(g, net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(x, slope)), 2, 1e-6);
}

/* ---- element by element ---- */

static void test_unary(void **state)
{
    (void)state;
    static const struct {
        sl_fn fn;
        float a, b, x, y;
    } cases[] = {
        {SL_FN_RELU, 0, 0, -1, 0},
        {SL_FN_RELU, 0, 0, 2, 2},
        {SL_FN_LEAKY_RELU, 0.1f, 0, -2, -0.2f},
        {SL_FN_CLIP, -1, 6, 7, 6},
        {SL_FN_CLIP, -1, 6, -7, -1},
        {SL_FN_SIGMOID, 0, 0, 0, 0.5f},
        {SL_FN_TANH, 0, 0, 0.5f, 0.46211716f},
        {SL_FN_EXP, 0, 0, 1, 2.7182818f},
        {SL_FN_LOG, 0, 0, 2, 0.6931472f},
        {SL_FN_SQRT, 0, 0, 9, 3},
        {SL_FN_ABS, 0, 0, -3, 3},
        {SL_FN_NEG, 0, 0, 3, -3},
        {SL_FN_RECIPROCAL, 0, 0, 4, 0.25f},
        {SL_FN_IDENTITY, 0, 0, 4, 4},
        {SL_FN_ERF, 0, 0, 0.5f, 0.5204999f},
        {SL_FN_ELU, 2, 0, -1, -1.2642411f},
        {SL_FN_HARD_SIGMOID, 0.2f, 0.5f, 1, 0.7f},
        {SL_FN_HARD_SIGMOID, 0.2f, 0.5f, 9, 1},
        {SL_FN_HARD_SWISH, 0, 0, 1, 0.6666667f},
        {SL_FN_SOFTPLUS, 0, 0, 0, 0.6931472f},
        {SL_FN_FLOOR, 0, 0, -1.5f, -2},
        {SL_FN_CEIL, 0, 0, -1.5f, -1},
        {SL_FN_ROUND, 0, 0, -2.5f, -2},
        {SL_FN_ROUND, 0, 0, 1.5f, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(1, 1));
        const sl_attr attr = {.fn = cases[i].fn, .a = cases[i].a, .b = cases[i].b};
        net_expect(g, net_node(g, SL_OP_UNARY, attr, INPUTS(x)), &cases[i].x, SHAPE(1, 1), &cases[i].y);
        /* behind a convolution of odd channels: merged, or on a padded layout; 1.5 keeps log and sqrt defined */
        g = sl_graph_new();
        x = net_input(g, SHAPE(2, 3, 6, 5));
        x = net_conv(g, x, 5, 3, 3, (sl_attr){.pad = {1, 1, 1, 1}}, 1);
        if (cases[i].fn == SL_FN_LOG || cases[i].fn == SL_FN_SQRT || cases[i].fn == SL_FN_RECIPROCAL)
            x = net_binary(g, SL_FN_ADD, net_unary(g, SL_FN_ABS, x), net_const(g, SHAPE(1), FLOATS(1.5f)));
        /* jumps would show rounding */
        if (cases[i].fn != SL_FN_FLOOR && cases[i].fn != SL_FN_CEIL && cases[i].fn != SL_FN_ROUND)
            x = net_node(g, SL_OP_UNARY, attr, INPUTS(x));
        x = net_conv(g, x, 4, 5, 3, (sl_attr){0}, 2);
        net_check(g, x, 3, 2e-4);
    }
}

static void test_nan_passes(void **state)
{
    (void)state;
    static const sl_fn fns[] = {SL_FN_RELU, SL_FN_CLIP, SL_FN_ABS, SL_FN_LEAKY_RELU};
    for (int i = 0; i < 4; i++) {
        sl_graph *g = sl_graph_new();
        net_output(g, net_node(g, SL_OP_UNARY, (sl_attr){.fn = fns[i], .a = 0, .b = 1},
                               INPUTS(net_input(g, SHAPE(1, 2)))));
        sl_graph *s = net_specialize(g);
        const float x[2] = {NAN, 0.5f}, *inputs[1] = {x};
        net_result a = net_run_plan(s, inputs, 1), b = net_run_reference(s, inputs);
        assert_true(isnan(a.data[0][0]) && isnan(b.data[0][0]));
        assert_true(a.data[0][1] == 0.5f && b.data[0][1] == 0.5f);
        net_result_free(&a);
        net_result_free(&b);
        sl_graph_free(s);
        sl_graph_free(g);
    }
}

static void test_binary(void **state)
{
    (void)state;
    static const struct {
        sl_fn fn;
        float y[2];
    } cases[] = {{SL_FN_ADD, {7, 0}},  {SL_FN_SUB, {3, -4}}, {SL_FN_MUL, {10, -4}}, {SL_FN_DIV, {2.5f, -1}},
                 {SL_FN_POW, {25, 4}}, {SL_FN_MAX, {5, 2}},  {SL_FN_MIN, {2, -2}}};
    for (int i = 0; i < 7; i++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(1, 2)), two = net_const(g, SHAPE(1), FLOATS(2));
        net_expect(g, net_binary(g, cases[i].fn, x, two), FLOATS(5, -2), SHAPE(1, 2), cases[i].y);
    }
    /* Broadcasting: either side, middle axes, ranks that differ, the output larger than both. */
    static const sl_shape pairs[][2] = {{{4, {3, 5, 4, 7}}, {4, {3, 5, 4, 7}}},
                                        {{4, {3, 5, 4, 7}}, {1, {1}}},
                                        {{0, {0}}, {4, {3, 5, 4, 7}}},
                                        {{4, {3, 5, 4, 7}}, {3, {5, 1, 1}}},
                                        {{4, {3, 5, 4, 7}}, {1, {7}}},
                                        {{4, {3, 1, 4, 1}}, {3, {5, 1, 7}}},
                                        {{4, {3, 5, 1, 1}}, {4, {3, 5, 4, 7}}},
                                        {{4, {1, 5, 4, 7}}, {4, {3, 1, 1, 1}}},
                                        {{2, {3, 1}}, {2, {1, 4}}},
                                        {{6, {2, 1, 3, 1, 2, 2}}, {6, {2, 2, 3, 2, 2, 1}}}};
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++)
        for (int fn = SL_FN_ADD; fn <= SL_FN_MIN; fn++) {
            if (fn == SL_FN_POW || fn == SL_FN_DIV) /* their domain is tested above */
                continue;
            sl_graph *g = sl_graph_new();
            sl_tensor a = net_input(g, pairs[p][0]), b = net_input(g, pairs[p][1]);
            net_check(g, net_binary(g, (sl_fn)fn, a, b), p, 1e-6);
            g = sl_graph_new();
            a = net_input(g, pairs[p][0]);
            b = net_random(g, pairs[p][1], 9, -1, 1);
            net_check(g, net_binary(g, (sl_fn)fn, b, a), p, 1e-6);
        }
}

/* ---- pooling and reductions ---- */

static void test_pool_by_hand(void **state)
{
    (void)state;
    const float x[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    sl_graph *g = sl_graph_new();
    sl_tensor in = net_input(g, SHAPE(1, 1, 4, 4));
    net_expect(g,
               net_node(g, SL_OP_POOL, (sl_attr){.fn = SL_FN_MAX, .kernel = {2, 2}, .stride = {2, 2}}, INPUTS(in)),
               x, SHAPE(1, 1, 2, 2), FLOATS(6, 8, 14, 16));
    /* kernel 3, stride 2, 4 cells: rounding up gives two windows, the second of two cells */
    g = sl_graph_new();
    in = net_input(g, SHAPE(1, 1, 4, 4));
    sl_attr attr = {.fn = SL_FN_AVERAGE, .kernel = {3, 3}, .stride = {2, 2}, .ceil_mode = true};
    net_expect(g, net_node(g, SL_OP_POOL, attr, INPUTS(in)), x, SHAPE(1, 1, 2, 2), FLOATS(6, 7.5f, 12, 13.5f));
    /* a padded corner: 1 of 4 cells is inside */
    for (int count = 0; count < 2; count++) {
        g = sl_graph_new();
        in = net_input(g, SHAPE(1, 1, 2, 2));
        attr = (sl_attr){.fn = SL_FN_AVERAGE, .kernel = {2, 2}, .stride = {2, 2}, .pad = {1, 1, 1, 1}};
        attr.count_include_pad = count;
        net_expect(g, net_node(g, SL_OP_POOL, attr, INPUTS(in)), FLOATS(4, 8, 12, 16), SHAPE(1, 1, 2, 2),
                   count ? FLOATS(1, 2, 3, 4) : FLOATS(4, 8, 12, 16));
    }
    /* rounding up, but the third window would begin in the padding: two outputs */
    g = sl_graph_new();
    in = net_input(g, SHAPE(1, 1, 1, 3));
    attr = (sl_attr){.fn = SL_FN_MAX, .kernel = {1, 2}, .stride = {1, 2}, .pad = {0, 1, 0, 1}, .ceil_mode = true};
    net_expect(g, net_node(g, SL_OP_POOL, attr, INPUTS(in)), FLOATS(1, 2, 3), SHAPE(1, 1, 1, 2), FLOATS(1, 3));
    g = sl_graph_new();
    in = net_input(g, SHAPE(1, 2, 2, 2));
    net_expect(g, net_node(g, SL_OP_GLOBAL_POOL, (sl_attr){.fn = SL_FN_AVERAGE}, INPUTS(in)), x, SHAPE(1, 2, 1, 1),
               FLOATS(2.5f, 6.5f));
}

static void test_pool_random(void **state)
{
    (void)state;
    uint64_t r = 5;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        int channels = 1 + pick(&r, 20);
        sl_attr attr = {.fn = pick(&r, 2) ? SL_FN_MAX : SL_FN_AVERAGE,
                        .ceil_mode = pick(&r, 2),
                        .count_include_pad = pick(&r, 2)};
        for (int i = 0; i < 2; i++) {
            attr.kernel[i] = 1 + pick(&r, 4);
            attr.stride[i] = 1 + pick(&r, 3);
            attr.dilation[i] = 1 + (pick(&r, 5) == 0);
            attr.pad[i] = pick(&r, attr.kernel[i]);
            attr.pad[i + 2] = pick(&r, attr.kernel[i]);
        }
        if (pick(&r, 5) == 0)
            attr.auto_pad = SL_PAD_SAME_UPPER + pick(&r, 2);
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(1 + pick(&r, 3), channels, 8 + pick(&r, 9), 8 + pick(&r, 9)));
        if (pick(&r, 2)) /* in a convolution's layout */
            x = net_conv(g, x, channels = 1 + pick(&r, 20), (int)g->tensors[x].shape.dim[1], 1, (sl_attr){0}, 1);
        x = pick(&r, 5) ? net_node(g, SL_OP_POOL, attr, INPUTS(x))
                        : net_node(g, SL_OP_GLOBAL_POOL, (sl_attr){.fn = attr.fn}, INPUTS(x));
        net_check(g, x, (uint64_t)round, BOUND);
    }
}

static void test_reduce(void **state)
{
    (void)state;
    const float x[6] = {1, -2, 3, 4, 5, -6};
    static const struct {
        sl_fn fn;
        float over_rows[3], over_all;
    } cases[] = {{SL_FN_SUM, {5, 3, -3}, 5},
                 {SL_FN_AVERAGE, {2.5f, 1.5f, -1.5f}, 5 / 6.0f},
                 {SL_FN_MAX, {4, 5, 3}, 5},
                 {SL_FN_MIN, {1, -2, -6}, -6},
                 {SL_FN_SUM_SQUARE, {17, 29, 45}, 91},
                 {SL_FN_L2, {4.1231056f, 5.3851648f, 6.7082039f}, 9.539392f}};
    for (int i = 0; i < 6; i++) {
        sl_graph *g = sl_graph_new();
        sl_tensor in = net_input(g, SHAPE(2, 3));
        const sl_attr rows = {.fn = cases[i].fn, .axes = {0}, .n_axes = 1, .keepdims = true};
        net_expect(g, net_node(g, SL_OP_REDUCE, rows, INPUTS(in)), x, SHAPE(1, 3), cases[i].over_rows);
        g = sl_graph_new();
        in = net_input(g, SHAPE(2, 3));
        net_expect(g, net_node(g, SL_OP_REDUCE, (sl_attr){.fn = cases[i].fn}, INPUTS(in)), x, SCALAR_SHAPE,
                   &cases[i].over_all);
        g = sl_graph_new(); /* the axes as an input, counted from the end */
        in = net_input(g, SHAPE(2, 3));
        net_expect(g, net_node(g, SL_OP_REDUCE, (sl_attr){.fn = cases[i].fn}, INPUTS(in, INTS(g, -2))), x,
                   SHAPE(3), cases[i].over_rows);
    }
}

static void test_softmax_and_l2norm(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor in = net_input(g, SHAPE(1, 2));
    net_expect(g, net_node(g, SL_OP_SOFTMAX, (sl_attr){.axis = -1}, INPUTS(in)), FLOATS(0, logf(3)), SHAPE(1, 2),
               FLOATS(0.25f, 0.75f));
    g = sl_graph_new(); /* exp(1000) is no float */
    in = net_input(g, SHAPE(1, 2));
    net_expect(g, net_node(g, SL_OP_SOFTMAX, (sl_attr){.axis = 1}, INPUTS(in)), FLOATS(1000, 1000), SHAPE(1, 2),
               FLOATS(0.5f, 0.5f));
    g = sl_graph_new();
    in = net_input(g, SHAPE(1, 2, 1, 2));
    net_expect(g, net_node(g, SL_OP_L2NORM, (sl_attr){.axis = 1, .a = 10}, INPUTS(in)), FLOATS(30, 3, 40, 4),
               SHAPE(1, 2, 1, 2), FLOATS(0.6f, 0.3f, 0.8f, 0.4f));
    for (int axis = -4; axis < 4; axis++) {
        g = sl_graph_new();
        in = net_input(g, SHAPE(3, 5, 4, 3));
        net_check(g, net_node(g, SL_OP_SOFTMAX, (sl_attr){.axis = axis}, INPUTS(in)), 1, 1e-6);
        g = sl_graph_new();
        in = net_input(g, SHAPE(3, 5, 4, 3));
        net_check(g, net_node(g, SL_OP_L2NORM, (sl_attr){.axis = axis, .a = 1e-6f}, INPUTS(in)), 1, 1e-6);
    }
}

/* ---- moving numbers ---- */

static void test_concat_and_split(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor in = net_input(g, SHAPE(2, 3)), parts[3], sizes = INTS(g, 1, 2);
    net_nodes(g, SL_OP_SPLIT, (sl_attr){.axis = 1}, INPUTS(in, sizes), parts, 2);
    net_expect(g, net_node(g, SL_OP_CONCAT, (sl_attr){.axis = -1}, INPUTS(parts[1], parts[0])),
               FLOATS(1, 2, 3, 4, 5, 6), SHAPE(2, 3), FLOATS(2, 3, 1, 5, 6, 4));
    g = sl_graph_new(); /* 5 into three: 2, 2, 1 */
    in = net_input(g, SHAPE(5));
    net_nodes(g, SL_OP_SPLIT, (sl_attr){.axis = 0}, INPUTS(in), parts, 3);
    net_expect(g, parts[2], FLOATS(1, 2, 3, 4, 5), SHAPE(1), FLOATS(5));
    for (int batch = 1; batch < 4; batch += 2)
        for (int axis = 0; axis < 4; axis++) {
            g = sl_graph_new();
            sl_tensor x = net_input(g, SHAPE(batch, 8, 4, 5)), a, b, c;
            a = net_conv(g, x, 16, 8, 1, (sl_attr){0}, 1);
            b = net_conv(g, x, 16, 8, 3, (sl_attr){.pad = {1, 1, 1, 1}}, 2);
            c = axis == 1 ? net_conv(g, x, 7, 8, 1, (sl_attr){0}, 3) : net_unary(g, SL_FN_ABS, a);
            net_check(g, net_node(g, SL_OP_CONCAT, (sl_attr){.axis = axis}, INPUTS(a, b, c, a)), 4, BOUND);
        }
    g = sl_graph_new(); /* Relu behind the Concat goes into the convolutions before it */
    in = net_input(g, SHAPE(2, 3, 6, 6));
    sl_tensor a = net_conv(g, in, 5, 3, 3, (sl_attr){0}, 1), b = net_conv(g, in, 16, 3, 3, (sl_attr){0}, 2);
    net_check(g, net_unary(g, SL_FN_RELU, net_node(g, SL_OP_CONCAT, (sl_attr){.axis = 1}, INPUTS(a, b))), 4,
              BOUND);
}

static void test_resize_by_hand(void **state)
{
    (void)state;
    static const struct {
        sl_fn fn;
        sl_coord coord;
        sl_round round;
        int out;
        float y[5];
    } cases[] = {
        /* 3 numbers, 10 20 40 */
        {SL_FN_NEAREST, SL_COORD_ASYMMETRIC, SL_ROUND_FLOOR, 5, {10, 10, 20, 20, 40}},
        {SL_FN_NEAREST, SL_COORD_ASYMMETRIC, SL_ROUND_CEIL, 5, {10, 20, 40, 40, 40}},
        {SL_FN_NEAREST, SL_COORD_HALF_PIXEL, SL_ROUND_PREFER_FLOOR, 5, {10, 10, 20, 40, 40}},
        {SL_FN_LINEAR, SL_COORD_ALIGN_CORNERS, SL_ROUND_FLOOR, 5, {10, 15, 20, 30, 40}},
        {SL_FN_LINEAR, SL_COORD_ASYMMETRIC, SL_ROUND_FLOOR, 5, {10, 16, 24, 36, 40}},
        {SL_FN_LINEAR, SL_COORD_HALF_PIXEL, SL_ROUND_FLOOR, 2, {12.5f, 35}},
        {SL_FN_LINEAR, SL_COORD_HALF_PIXEL, SL_ROUND_FLOOR, 1, {20}},
        {SL_FN_LINEAR, SL_COORD_PYTORCH_HALF_PIXEL, SL_ROUND_FLOOR, 1, {10}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_graph *g = sl_graph_new();
        sl_tensor in = net_input(g, SHAPE(1, 1, 1, 3)), sizes = INTS(g, 1, 1, 1, cases[i].out);
        const sl_attr attr = {.fn = cases[i].fn, .coord = cases[i].coord, .round = cases[i].round};
        net_expect(g, net_node(g, SL_OP_RESIZE, attr, INPUTS(in, sizes)), FLOATS(10, 20, 40),
                   SHAPE(1, 1, 1, cases[i].out), cases[i].y);
    }
    sl_graph *g = sl_graph_new();
    sl_tensor in = net_input(g, SHAPE(1, 1, 2, 2)), scales = net_const(g, SHAPE(4), FLOATS(1, 1, 2, 2));
    const sl_attr attr = {.fn = SL_FN_NEAREST, .coord = SL_COORD_ASYMMETRIC, .round = SL_ROUND_FLOOR};
    net_expect(g, net_node(g, SL_OP_RESIZE, attr, INPUTS(in, scales)), FLOATS(1, 2, 3, 4), SHAPE(1, 1, 4, 4),
               FLOATS(1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4));
}

static void test_resize_random(void **state)
{
    (void)state;
    uint64_t r = 11;
    for (int round = 0; round < ROUNDS; round++) {
        sl_attr attr = {.fn = pick(&r, 2) ? SL_FN_NEAREST : SL_FN_LINEAR,
                        .coord = (sl_coord)pick(&r, 4),
                        .round = (sl_round)pick(&r, 4)};
        int batch = 1 + pick(&r, 3), channels = 1 + pick(&r, 20);
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(batch, 3, 4 + pick(&r, 5), 4 + pick(&r, 5)));
        if (pick(&r, 2))
            x = net_conv(g, x, channels, 3, 1, (sl_attr){0}, 1);
        else
            channels = 3;
        if (pick(&r, 4) == 0) /* channels too */
            channels++;
        sl_tensor sizes = INTS(g, batch, channels, 1 + pick(&r, 12), 1 + pick(&r, 12));
        net_check(g, net_node(g, SL_OP_RESIZE, attr, INPUTS(x, sizes)), (uint64_t)round, BOUND);
    }
}

static void test_views(void **state)
{
    (void)state;
    const float x[6] = {1, 2, 3, 4, 5, 6};
    sl_graph *g = sl_graph_new();
    sl_tensor in = net_input(g, SHAPE(2, 3));
    net_expect(g, net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(in, INTS(g, -1, 2))), x, SHAPE(3, 2), x);
    g = sl_graph_new(); /* 0 copies axis 0 */
    in = net_input(g, SHAPE(2, 3));
    net_expect(g, net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(in, INTS(g, 0, 1, 3))), x, SHAPE(2, 1, 3), x);
    g = sl_graph_new();
    in = net_input(g, SHAPE(1, 2, 3, 1));
    net_expect(g, net_node(g, SL_OP_FLATTEN, (sl_attr){.axis = 2}, INPUTS(in)), x, SHAPE(2, 3), x);
    g = sl_graph_new();
    in = net_input(g, SHAPE(1, 2, 3, 1));
    net_expect(g, net_node(g, SL_OP_SQUEEZE, (sl_attr){0}, INPUTS(in)), x, SHAPE(2, 3), x);
    g = sl_graph_new();
    in = net_input(g, SHAPE(1, 2, 3, 1));
    net_expect(g, net_node(g, SL_OP_SQUEEZE, (sl_attr){0}, INPUTS(in, INTS(g, -1))), x, SHAPE(1, 2, 3), x);
    g = sl_graph_new();
    in = net_input(g, SHAPE(2, 3));
    net_expect(g, net_node(g, SL_OP_UNSQUEEZE, (sl_attr){0}, INPUTS(in, INTS(g, -1, 0))), x, SHAPE(1, 2, 3, 1), x);
    /* A view that is changed afterwards must not change its source, nor the other way round. */
    g = sl_graph_new();
    in = net_conv(g, net_input(g, SHAPE(1, 3, 4, 4)), 6, 3, 1, (sl_attr){0}, 1);
    sl_tensor flat = net_node(g, SL_OP_FLATTEN, (sl_attr){.axis = 1}, INPUTS(in));
    net_output(g, net_unary(g, SL_FN_ABS, flat));
    net_output(g, net_unary(g, SL_FN_NEG, in));
    net_output(g, flat);
    net_check(g, net_unary(g, SL_FN_ABS, in), 2, BOUND);
}

static void test_transpose(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor in = net_input(g, SHAPE(2, 3));
    net_expect(g, net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {1, 0}}, INPUTS(in)), FLOATS(1, 2, 3, 4, 5, 6),
               SHAPE(3, 2), FLOATS(1, 4, 2, 5, 3, 6));
    static const sl_attr orders[] = {
        {.perm = {0, 2, 3, 1}}, {.perm = {0, 3, 1, 2}}, {.perm = {3, 2, 1, 0}}, {.perm = {1, 0, 2, 3}}};
    for (int i = 0; i < 4; i++) {
        g = sl_graph_new();
        in = net_input(g, SHAPE(1, 5, 4, 3));
        in = net_conv(g, in, 6, 5, 1, (sl_attr){0}, 1);
        net_check(g, net_node(g, SL_OP_TRANSPOSE, orders[i], INPUTS(in)), 1, BOUND);
    }
}

static void test_slice(void **state)
{
    (void)state;
    const float x[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    sl_graph *g = sl_graph_new();
    sl_tensor in = net_input(g, SHAPE(3, 4));
    net_expect(g, net_node(g, SL_OP_SLICE, (sl_attr){0}, INPUTS(in, INTS(g, 1, 0), INTS(g, INT64_MAX, -1))), x,
               SHAPE(2, 3), FLOATS(4, 5, 6, 8, 9, 10));
    g = sl_graph_new(); /* backwards in steps of two, along the last axis */
    in = net_input(g, SHAPE(3, 4));
    net_expect(g,
               net_node(g, SL_OP_SLICE, (sl_attr){0},
                        INPUTS(in, INTS(g, -1), INTS(g, INT64_MIN), INTS(g, 1), INTS(g, -2))),
               x, SHAPE(3, 2), FLOATS(3, 1, 7, 5, 11, 9));
    g = sl_graph_new(); /* a step far beyond the end takes one element */
    in = net_input(g, SHAPE(3, 4));
    net_expect(g,
               net_node(g, SL_OP_SLICE, (sl_attr){0},
                        INPUTS(in, INTS(g, 2), INTS(g, 4), INTS(g, -1), INTS(g, INT64_MAX))),
               x, SHAPE(3, 1), FLOATS(2, 6, 10));
}

static void test_pad(void **state)
{
    (void)state;
    static const struct {
        sl_fn fn;
        float y[7];
    } cases[] = {{SL_FN_CONSTANT, {9, 9, 1, 2, 3, 9, 9}},
                 {SL_FN_EDGE, {1, 1, 1, 2, 3, 3, 3}},
                 {SL_FN_REFLECT, {3, 2, 1, 2, 3, 2, 1}}};
    for (int i = 0; i < 3; i++) {
        sl_graph *g = sl_graph_new();
        sl_tensor in = net_input(g, SHAPE(1, 3));
        net_expect(g,
                   net_node(g, SL_OP_PAD, (sl_attr){.fn = cases[i].fn, .a = 9}, INPUTS(in, INTS(g, 0, 2, 0, 2))),
                   FLOATS(1, 2, 3), SHAPE(1, 7), cases[i].y);
    }
    sl_graph *g = sl_graph_new();
    sl_tensor in = net_input(g, SHAPE(1, 3));
    net_expect(g, net_node(g, SL_OP_PAD, (sl_attr){.fn = SL_FN_CONSTANT}, INPUTS(in, INTS(g, 1, -1, 0, 0))),
               FLOATS(1, 2, 3), SHAPE(2, 2), FLOATS(0, 0, 2, 3));
}

static void test_gather(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor in = net_input(g, SHAPE(2, 3));
    net_expect(g, net_node(g, SL_OP_GATHER, (sl_attr){.axis = 1}, INPUTS(in, INTS(g, -1, 0))),
               FLOATS(1, 2, 3, 4, 5, 6), SHAPE(2, 2), FLOATS(3, 1, 6, 4));
}

static void test_values_by_shape(void **state)
{
    (void)state;
    /* Reshape(x, Shape(x) * [1, 3] / [1, 3]) through Shape, Cast, Gather and Fill: all folded. */
    sl_graph *g = sl_graph_new();
    sl_tensor in = net_input(g, SHAPE(2, 3));
    sl_tensor shape = net_node(g, SL_OP_SHAPE, (sl_attr){0}, INPUTS(in));
    sl_tensor as_float = net_node(g, SL_OP_CAST, (sl_attr){.type = SL_TYPE_F32}, INPUTS(shape));
    sl_tensor back = net_node(g, SL_OP_CAST, (sl_attr){.type = SL_TYPE_I64}, INPUTS(as_float));
    sl_tensor turned = net_node(g, SL_OP_GATHER, (sl_attr){0}, INPUTS(back, INTS(g, 1, 0)));
    sl_tensor filled = net_node(g, SL_OP_FILL, (sl_attr){.a = 0.5f}, INPUTS(turned));
    sl_tensor reshaped = net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(in, turned));
    net_expect(g, net_binary(g, SL_FN_ADD, reshaped, filled), FLOATS(1, 2, 3, 4, 5, 6), SHAPE(3, 2),
               FLOATS(1.5f, 2.5f, 3.5f, 4.5f, 5.5f, 6.5f));
    g = sl_graph_new();
    in = net_input(g, SHAPE(2, 1));
    net_expect(g, net_node(g, SL_OP_EXPAND, (sl_attr){0}, INPUTS(in, INTS(g, 2, 1, 3))), FLOATS(1, 2),
               SHAPE(2, 2, 3), FLOATS(1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_by_hand),
        cmocka_unit_test(test_conv_random),
        cmocka_unit_test(test_conv_shapes_of_face_networks),
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_batchnorm),
        cmocka_unit_test(test_prelu),
        cmocka_unit_test(test_unary),
        cmocka_unit_test(test_nan_passes),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_pool_by_hand),
        cmocka_unit_test(test_pool_random),
        cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_softmax_and_l2norm),
        cmocka_unit_test(test_concat_and_split),
        cmocka_unit_test(test_resize_by_hand),
        cmocka_unit_test(test_resize_random),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_slice),
        cmocka_unit_test(test_pad),
        cmocka_unit_test(test_gather),
        cmocka_unit_test(test_values_by_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
