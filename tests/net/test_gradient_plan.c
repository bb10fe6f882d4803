/* Graphs with gradients, compiled: the plan against the scalar reference, whose gradients net/test_gradient checks;
 * the same bits from run to run; parameters read anew in each run. */
#include "nets.h"

#include "base/cpu.h"
#include "net/gradient.h"

enum { ROUNDS = 40, MOST = 16 };
/* relative to each tensor's largest number: sums of some thousand products in f32, which may cancel */
#define BOUND 4e-5

/* ---- the check ---- */

/* The graph for training, and its gradients by the first n inputs. */
typedef struct {
    sl_graph *own, *known, *back;
    float *inputs[MOST];
} subject;

/* The loss is the sum of y times random numbers. Inputs are random unless `given` has them. */
static subject with_gradients(sl_graph *g, sl_tensor y, int n, const float *const *given, uint64_t seed)
{
    sl_error err;
    subject s = {.own = g};
    sl_shape shapes[MOST];
    sl_graph *open;
    for (int i = 0; i < g->n_inputs; i++)
        shapes[i] = g->tensors[g->inputs[i]].shape;
    net_output(g, y);
    assert_ok(sl_graph_infer(g, shapes, NULL, 0, &open, &err));
    const sl_shape shape = open->tensors[open->outputs[0]].shape;
    sl_graph_free(open);
    sl_tensor weighted = net_binary(g, SL_FN_MUL, y, net_random(g, shape, seed, -1, 1));
    net_output(g, net_node(g, SL_OP_REDUCE, (sl_attr){.fn = SL_FN_SUM}, INPUTS(weighted)));
    assert_ok(sl_graph_infer(g, shapes, NULL, 0, &s.known, &err));
    assert_ok(sl_graph_gradient(s.known, s.known->outputs[1], s.known->inputs, n, &s.back, &err));
    for (int i = 0; i < g->n_inputs; i++) {
        size_t count = (size_t)sl_shape_elements(&shapes[i]);
        s.inputs[i] = malloc(count * sizeof(float));
        fill_random(s.inputs[i], count, seed + 1000 * (uint64_t)(i + 1), -1, 1);
        if (i >= n)
            memcpy(s.inputs[i], given[i - n], count * sizeof(float));
    }
    return s;
}

static void free_subject(subject *s)
{
    for (int i = 0; i < s->own->n_inputs; i++)
        free(s->inputs[i]);
    sl_graph_free(s->back);
    sl_graph_free(s->known);
    sl_graph_free(s->own);
}

static void assert_near(const net_result *got, const net_result *want, const sl_graph *g)
{
    for (int i = 0; i < want->n; i++) {
        size_t count = (size_t)sl_shape_elements(&want->shape[i]);
        double largest = 1e-3;
        for (size_t k = 0; k < count; k++)
            largest = fmax(largest, fabs(want->data[i][k]));
        for (size_t k = 0; k < count; k++)
            if (!(fabs((double)got->data[i][k] - want->data[i][k]) <= BOUND * largest))
                fail_msg("%s, element %zu: %g, expected %g", g->tensors[g->outputs[i]].name, k, got->data[i][k],
                         want->data[i][k]);
    }
}

static void check(sl_graph *g, sl_tensor y, int n, const float *const *given, uint64_t seed)
{
    subject s = with_gradients(g, y, n, given, seed);
    net_result want = net_run_reference(s.back, (const float *const *)s.inputs);
    for (int threads = 1; threads < 3; threads++) {
        net_result got = net_run_plan(s.back, (const float *const *)s.inputs, threads);
        assert_near(&got, &want, s.back);
        net_result_free(&got);
    }
    net_result_free(&want);
    free_subject(&s);
}

static void check_all(sl_graph *g, sl_tensor y, uint64_t seed)
{
    check(g, y, g->n_inputs, NULL, seed);
}

/* ---- bf16 ---- */

/* Away from f32 by no more than eight bits of what is multiplied allow, of each tensor's length, and not by nothing. */
static void check_bf16(sl_graph *g, sl_tensor y, uint64_t seed)
{
    subject s = with_gradients(g, y, g->n_inputs, NULL, seed);
    const float *const *inputs = (const float *const *)s.inputs;
    const sl_plan_options narrow = {.threads = 2, .precision = SL_COMPUTE_BF16};
    net_result want = net_run_plan(s.back, inputs, 2), got = net_run_plan_as(s.back, inputs, &narrow);
    double most = 0;
    for (int i = 0; i < want.n; i++) {
        double away = 0, length = 1e-6;
        for (int64_t k = 0, n = sl_shape_elements(&want.shape[i]); k < n; k++) {
            away += pow((double)got.data[i][k] - want.data[i][k], 2);
            length += pow(want.data[i][k], 2);
        }
        most = fmax(most, sqrt(away / length));
        if (!(sqrt(away / length) <= 0.02))
            fail_msg("%s: %g of its length away from f32", s.back->tensors[s.back->outputs[i]].name,
                     sqrt(away / length));
    }
    assert_true(most > 1e-5);
    net_result_free(&want);
    net_result_free(&got);
    free_subject(&s);
}

static void test_bf16(void **state)
{
    (void)state;
    if (sl_compute_check(SL_COMPUTE_BF16, NULL) != SL_OK)
        skip();
    for (int kernel = 1; kernel < 4; kernel += 2) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(4, 32, 14, 14)), w = net_input(g, SHAPE(64, 32, kernel, kernel));
        const sl_attr conv = {.pad = {kernel / 2, kernel / 2, kernel / 2, kernel / 2}};
        x = net_node(g, SL_OP_CONV, conv, INPUTS(net_unary(g, SL_FN_TANH, x), w, net_input(g, SHAPE(64))));
        check_bf16(g, x, 11);
    }
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(4, 40, 64)), w = net_input(g, SHAPE(64, 96));
    x = net_node(g, SL_OP_MATMUL, (sl_attr){0}, INPUTS(net_unary(g, SL_FN_GELU, x), w));
    check_bf16(g, net_unary(g, SL_FN_GELU, x), 12);
    g = sl_graph_new();
    x = net_unary(g, SL_FN_TANH, net_input(g, SHAPE(96, 128)));
    check_bf16(
        g, net_unary(g, SL_FN_TANH, net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, net_input(g, SHAPE(64, 128))))),
        13);
}

/* ---- kinds ---- */

static void test_conv(void **state)
{
    (void)state;
    uint64_t r = 1;
    for (int round = 0; round < ROUNDS; round++) {
        static const int group_choices[] = {1, 1, 1, 2, 0 /* depthwise */, 0};
        int groups = group_choices[pick(&r, 6)], per_in = 1 + pick(&r, 20), per_out = 1 + pick(&r, 20);
        if (groups == 0) {
            groups = 1 + pick(&r, 40);
            per_in = per_out = 1;
        } else if (pick(&r, 3) == 0) {
            per_in = per_out = 16;
        }
        sl_attr attr = {.groups = groups};
        for (int i = 0; i < 2; i++) {
            attr.stride[i] = 1 + pick(&r, 2);
            attr.dilation[i] = 1 + (pick(&r, 4) == 0);
        }
        for (int i = 0; i < 4; i++)
            attr.pad[i] = pick(&r, 3);
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(1 + pick(&r, 3), groups * per_in, 6 + pick(&r, 7), 6 + pick(&r, 7)));
        sl_tensor w = net_input(g, SHAPE(groups * per_out, per_in, 1 + pick(&r, 3), 1 + pick(&r, 3)));
        sl_tensor b = pick(&r, 2) ? net_input(g, SHAPE(groups * per_out)) : -1;
        check_all(g, net_node(g, SL_OP_CONV, attr, INPUTS(x, w, b)), (uint64_t)round);
    }
}

static void test_products(void **state)
{
    (void)state;
    static const struct {
        sl_shape a, b;
    } cases[] = {
        {{2, {3, 4}}, {2, {4, 5}}},       {{3, {2, 7, 33}}, {3, {2, 33, 5}}},        {{3, {2, 3, 4}}, {2, {4, 5}}},
        {{2, {3, 4}}, {3, {2, 4, 5}}},    {{4, {2, 1, 3, 4}}, {4, {1, 3, 4, 2}}},    {{1, {4}}, {2, {4, 5}}},
        {{2, {3, 4}}, {1, {4}}},          {{1, {4}}, {1, {4}}},                      {{1, {4}}, {3, {2, 4, 5}}},
        {{3, {2, 3, 4}}, {1, {4}}},       {{4, {2, 3, 17, 8}}, {4, {2, 3, 8, 17}}},  {{4, {2, 3, 5, 8}}, {2, {8, 64}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int swapped = 0; swapped < 4; swapped++) {
            sl_shape shape[2] = {cases[i].a, cases[i].b};
            sl_attr attr = {0};
            for (int k = 0; k < 2; k++) {
                attr.transposed[k] = swapped >> k & 1 && shape[k].rank > 1;
                int64_t *last = &shape[k].dim[shape[k].rank - 1], kept = *last;
                if (attr.transposed[k])
                    *last = last[-1], last[-1] = kept;
            }
            sl_graph *g = sl_graph_new();
            sl_tensor a = net_input(g, shape[0]), b = net_input(g, shape[1]);
            check_all(g, net_node(g, SL_OP_MATMUL, attr, INPUTS(a, b)), i);
        }
    for (int batch = 1; batch < 40; batch += 17) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(batch, 70)), w = net_input(g, SHAPE(33, 70)), b = net_input(g, SHAPE(33));
        check_all(g, net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, w, b)), 3);
    }
}

/* Layouts that convolutions choose, dense ones, and channels that fill no block. */
static void test_behind_convolutions(void **state)
{
    (void)state;
    static const int channels[] = {16, 32, 5, 20};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (int kind = 0; kind < 8; kind++) {
            int c = channels[i];
            sl_graph *g = sl_graph_new();
            sl_tensor x = net_input(g, SHAPE(3, 16, 9, 7)), w = net_input(g, SHAPE(c, 16, 3, 3)), y[3];
            sl_tensor v = net_input(g, SHAPE(8, c, 1, 1)), a = net_input(g, SHAPE(c)), b = net_input(g, SHAPE(c));
            sl_tensor one = net_input(g, SHAPE(1)), mean = net_random(g, SHAPE(c), 1, -1, 1);
            sl_tensor variance = net_random(g, SHAPE(c), 2, 0.5f, 2);
            x = net_node(g, SL_OP_CONV, (sl_attr){.pad = {1, 1, 1, 1}}, INPUTS(x, w));
            const sl_attr norm = {.a = 1e-3f, .stats = kind < 3 ? (sl_stats)kind : 0};
            switch (kind) {
            case 0:
            case 1:
            case 2: net_nodes(g, SL_OP_BATCHNORM, norm, INPUTS(x, a, b, mean, variance), y, kind ? 3 : 1); break;
            case 3: y[0] = net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(x, a)); break;
            case 4: y[0] = net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(x, one)); break;
            case 5: y[0] = net_unary(g, SL_FN_RELU, x); break;
            case 6: y[0] = net_unary(g, SL_FN_TANH, x); break;
            default: y[0] = net_node(g, SL_OP_UNARY, (sl_attr){.fn = SL_FN_CLIP, .a = -0.5f, .b = 2}, INPUTS(x)); break;
            }
            y[0] = net_binary(g, SL_FN_ADD, y[0], x);
            check_all(g, net_node(g, SL_OP_CONV, (sl_attr){0}, INPUTS(y[0], v)), (uint64_t)kind);
        }
}

static void test_pool(void **state)
{
    (void)state;
    for (int max = 0; max < 2; max++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(2, 16, 9, 8)), w = net_input(g, SHAPE(16, 16, 1, 1));
        const sl_attr pool = {
            .fn = max ? SL_FN_MAX : SL_FN_AVERAGE, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1, 1, 1}};
        x = net_node(g, SL_OP_POOL, pool, INPUTS(net_node(g, SL_OP_CONV, (sl_attr){0}, INPUTS(x, w))));
        x = net_node(g, SL_OP_CONV, (sl_attr){0}, INPUTS(x, w));
        check_all(g, net_node(g, SL_OP_GLOBAL_POOL, (sl_attr){.fn = pool.fn}, INPUTS(x)), 4);
    }
}

static void test_rows(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(3, 7, 40)), scale = net_input(g, SHAPE(40)), bias = net_input(g, SHAPE(40));
    x = net_node(g, SL_OP_LAYERNORM, (sl_attr){.axis = -1, .a = 1e-5f}, INPUTS(x, scale, bias));
    x = net_unary(g, SL_FN_GELU, net_node(g, SL_OP_SOFTMAX, (sl_attr){.axis = 2}, INPUTS(x)));
    x = net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {1, 0, 2}}, INPUTS(x));
    check_all(g, net_node(g, SL_OP_L2NORM, (sl_attr){.axis = 1, .a = 1e-12f}, INPUTS(x)), 5);
}

/* Axes that go in every order around those that stay, of one element and of more than are summed at once. */
static void test_sums(void **state)
{
    (void)state;
    static const sl_shape shapes[] = {
        {4, {3, 5, 7, 4}}, {4, {2, 1, 300, 70}}, {3, {4, 130, 64}}, {2, {700, 9}}, {1, {5000}}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (unsigned mask = 1; mask < 1u << shapes[i].rank; mask++) {
            sl_attr attr = {.fn = mask % 2 ? SL_FN_SUM : SL_FN_AVERAGE, .keepdims = mask % 3 == 0};
            for (int axis = 0; axis < shapes[i].rank; axis++)
                if (mask >> axis & 1)
                    attr.axes[attr.n_axes++] = axis;
            sl_graph *g = sl_graph_new();
            check_all(g, net_node(g, SL_OP_REDUCE, attr, INPUTS(net_input(g, shapes[i]))), mask);
        }
}

/* Transposed in every order of four axes; split in uneven parts; repeated. */
static void test_views(void **state)
{
    (void)state;
    for (int order = 0; order < 256; order++) {
        const int perm[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};
        unsigned seen = 0;
        for (int i = 0; i < 4; i++)
            seen |= 1u << perm[i];
        if (seen != 15)
            continue;
        sl_graph *g = sl_graph_new();
        sl_attr attr = {0};
        memcpy(attr.perm, perm, sizeof perm);
        check_all(g, net_node(g, SL_OP_TRANSPOSE, attr, INPUTS(net_input(g, SHAPE(5, 3, 18, 70)))), 2);
    }
    for (int axis = 0; axis < 3; axis++) {
        sl_graph *g = sl_graph_new();
        sl_tensor part[2];
        int64_t size = (int64_t[]){6, 130, 48}[axis];
        net_nodes(g, SL_OP_SPLIT, (sl_attr){.axis = axis},
                  INPUTS(net_input(g, SHAPE(6, 130, 48)), INTS(g, 2, size - 2)), part, 2);
        check_all(g, net_unary(g, SL_FN_GELU, part[axis % 2]), 3);
        g = sl_graph_new();
        sl_shape one = SHAPE(6, 130, 48);
        one.dim[axis] = 1;
        sl_tensor wide = net_node(g, SL_OP_EXPAND, (sl_attr){0}, INPUTS(net_input(g, one), INTS(g, 6, 130, 48)));
        check_all(g, net_unary(g, SL_FN_TANH, wide), 4);
    }
}

/* Windows that overlap, are dilated, reach over the end or into padding; channels that fill no block. */
static void test_pools(void **state)
{
    (void)state;
    static const sl_attr pools[] = {
        {.kernel = {2, 2}, .stride = {2, 2}},
        {.kernel = {3, 3}, .stride = {2, 2}, .ceil_mode = true},
        {.kernel = {3, 2}, .stride = {1, 2}, .pad = {1, 0, 1, 1}, .count_include_pad = true},
        {.kernel = {2, 3}, .stride = {1, 1}, .dilation = {2, 1}},
        {.kernel = {9, 9}, .stride = {1, 1}},
    };
    static const int channels[] = {16, 20, 3, 40};
    for (size_t i = 0; i < 2 * sizeof pools / sizeof *pools; i++)
        for (int k = 0; k < 4; k++)
            for (int conv = 0; conv < 2; conv++) {
                sl_graph *g = sl_graph_new();
                sl_attr pool = pools[i / 2];
                pool.fn = i % 2 ? SL_FN_MAX : SL_FN_AVERAGE;
                sl_tensor x = net_input(g, SHAPE(2, channels[k], 11, 10));
                if (conv)
                    x = net_node(g, SL_OP_CONV, (sl_attr){0},
                                 INPUTS(x, net_input(g, SHAPE(channels[k], channels[k], 1, 1))));
                check_all(g, net_node(g, SL_OP_POOL, pool, INPUTS(x)), 5);
            }
}

/* A head as in training: unit embeddings, unit weights of classes, margin, cross-entropy; labels are no parameters. */
static void test_margin_head(void **state)
{
    (void)state;
    const float labels[] = {2, 0, 9, 5}, *given[] = {labels};
    for (int focal = 0; focal < 3; focal += 2) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(4, 24)), w = net_input(g, SHAPE(10, 24)), of = net_input(g, SHAPE(4));
        x = net_node(g, SL_OP_L2NORM, (sl_attr){.axis = 1, .a = 1e-12f}, INPUTS(x));
        w = net_node(g, SL_OP_L2NORM, (sl_attr){.axis = 1, .a = 1e-12f}, INPUTS(w));
        sl_tensor cosines = net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, w));
        sl_tensor logits =
            net_node(g, SL_OP_MARGIN, (sl_attr){.fn = SL_FN_ANGLE, .a = 8, .b = 0.5f}, INPUTS(cosines, of));
        check(g, net_node(g, SL_OP_CROSS_ENTROPY, (sl_attr){.a = (float)focal}, INPUTS(logits, of)), 2, given, 6);
    }
}

static void test_dropout(void **state)
{
    (void)state;
    float counter[SL_DROPOUT_COUNTER];
    sl_dropout_counter(3, 4, counter);
    const float *given[] = {counter};
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(300, 200)), of = net_input(g, SHAPE(SL_DROPOUT_COUNTER));
    check(g, net_node(g, SL_OP_DROPOUT, (sl_attr){.a = 0.4f}, INPUTS(net_unary(g, SL_FN_TANH, x), of)), 1, given, 7);
}

/* ---- a whole small network ---- */

/* conv - batch norm - PReLU, depthwise likewise, a linear 1x1 added to what came in, a dense layer. */
static sl_graph *small_net(sl_tensor *y)
{
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(4, 3, 20, 20)), norm[3], skipped = -1;
    static const struct {
        int out, in, kernel, groups, stride;
    } layers[] = {{16, 3, 3, 1, 2}, {32, 16, 1, 1, 1}, {32, 1, 3, 32, 1}, {16, 32, 1, 1, 1}};
    for (int i = 0; i < 4; i++) {
        sl_tensor w = net_input(g, SHAPE(layers[i].out, layers[i].in, layers[i].kernel, layers[i].kernel));
        int pad = layers[i].kernel / 2;
        const sl_attr conv = {.groups = layers[i].groups, .pad = {pad, pad, pad, pad},
                              .stride = {layers[i].stride, layers[i].stride}};
        x = net_node(g, SL_OP_CONV, conv, INPUTS(x, w));
        sl_tensor scale = net_random(g, SHAPE(layers[i].out), 1, 0.5f, 1),
                  bias = net_random(g, SHAPE(layers[i].out), 2, -1, 1);
        net_nodes(g, SL_OP_BATCHNORM, (sl_attr){.a = 1e-5f, .stats = SL_STATS_BATCH},
                  INPUTS(x, scale, bias, bias, scale), norm, 3);
        x = i < 3
                ? net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(norm[0], net_random(g, SHAPE(layers[i].out), 3, 0, 1)))
                : net_binary(g, SL_FN_ADD, norm[0], skipped);
        if (i == 0)
            skipped = x;
    }
    x = net_node(g, SL_OP_FLATTEN, (sl_attr){.axis = 1}, INPUTS(x));
    *y = net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, net_input(g, SHAPE(8, 1600))));
    return g;
}

static void test_small_net(void **state)
{
    (void)state;
    sl_tensor y;
    sl_graph *g = small_net(&y);
    check_all(g, y, 8);
}

/* The same bits from plan to plan and from run to run; another parameter, written where the plan has it, counts in the
 * next run, and put back gives the first result again. */
static void test_runs(void **state)
{
    (void)state;
    sl_error err;
    sl_tensor y;
    sl_graph *g = small_net(&y);
    subject s = with_gradients(g, y, g->n_inputs, NULL, 9);
    net_result first = net_run_plan(s.back, (const float *const *)s.inputs, 2);
    sl_plan *plan;
    assert_ok(sl_plan_compile(s.back, 2, &plan, &err));
    for (int i = 0; i < s.back->n_inputs; i++) {
        sl_shape shape;
        float *to = sl_plan_input(plan, i, &shape);
        memcpy(to, s.inputs[i], (size_t)sl_shape_elements(&shape) * sizeof *to);
    }
    for (int run = 0; run < 3; run++) {
        sl_plan_input(plan, 2, NULL)[5] = s.inputs[2][5] + (run == 1);
        assert_ok(sl_plan_run(plan, &err));
        for (int i = 0; i < first.n; i++) {
            size_t bytes = (size_t)sl_shape_elements(&first.shape[i]) * sizeof(float);
            assert_int_equal(memcmp(sl_plan_output(plan, i, NULL), first.data[i], bytes) != 0, run == 1);
        }
    }
    sl_plan_free(plan);
    net_result_free(&first);
    free_subject(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),        cmocka_unit_test(test_products), cmocka_unit_test(test_behind_convolutions),
        cmocka_unit_test(test_pool),        cmocka_unit_test(test_rows),     cmocka_unit_test(test_margin_head),
        cmocka_unit_test(test_dropout),     cmocka_unit_test(test_small_net), cmocka_unit_test(test_runs),
        cmocka_unit_test(test_bf16),        cmocka_unit_test(test_sums),      cmocka_unit_test(test_views),
        cmocka_unit_test(test_pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
