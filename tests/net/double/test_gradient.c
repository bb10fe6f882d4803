/* Every kind's gradient against central differences of the scalar reference, in double (as_double.h): a graph is made
 * of one kind or a few, its output is weighted with random numbers and summed up, and each number of each input is
 * moved a little both ways. */
#include "../nets.h"

#include "net/gradient.h"

_Static_assert(sizeof(float) == 8, "this program is to be compiled with float as double");

enum { ROUNDS = 12, MOST_PROBES = 40 };
#define STEP 1e-5
#define BOUND 1e-5 /* relative to the gradient; what is less than 1e-3 of the tensor's largest counts as that */

/* ---- the check ---- */

/* The graph, with shapes known, and its loss: the sum of its output times random numbers. */
typedef struct {
    sl_graph *own, *open, *known; /* each shares constants with the one before */
} subject;

static subject with_loss(sl_graph *g, sl_tensor y, uint64_t seed)
{
    sl_error err;
    subject s = {.own = g};
    sl_shape shapes[8];
    net_output(g, y);
    for (int i = 0; i < g->n_inputs; i++)
        shapes[i] = g->tensors[g->inputs[i]].shape;
    assert_ok(sl_graph_infer(g, shapes, NULL, 0, &s.open, &err));
    sl_tensor out = s.open->outputs[0], w = net_random(s.open, s.open->tensors[out].shape, seed, 0.5, 1.5);
    sl_tensor weighted = net_binary(s.open, SL_FN_MUL, out, w);
    sl_tensor loss = net_node(s.open, SL_OP_REDUCE, (sl_attr){.fn = SL_FN_SUM}, INPUTS(weighted));
    const char *name = s.open->tensors[loss].name;
    assert_ok(sl_graph_infer(s.open, shapes, &name, 1, &s.known, &err));
    return s;
}

static void free_subject(subject *s)
{
    sl_graph_free(s->known);
    sl_graph_free(s->open);
    sl_graph_free(s->own);
}

static double loss_of(const sl_graph *s, float **inputs)
{
    sl_error err;
    float loss, *out[1] = {&loss};
    assert_ok(sl_reference_run(s, (const float *const *)inputs, out, &err));
    return loss;
}

/* Central differences at some elements of input i. */
static void check_input(const sl_graph *s, float **inputs, int i, const float *gradient)
{
    int64_t count = sl_shape_elements(&s->tensors[s->inputs[i]].shape);
    double largest = 0;
    for (int64_t k = 0; k < count; k++)
        largest = fmax(largest, fabs(gradient[k]));
    int64_t stride = count > MOST_PROBES ? count / MOST_PROBES : 1;
    for (int64_t k = 0; k < count; k += stride) {
        double x = inputs[i][k];
        inputs[i][k] = x + STEP;
        double above = loss_of(s, inputs);
        inputs[i][k] = x - STEP;
        double slope = (above - loss_of(s, inputs)) / (2 * STEP);
        inputs[i][k] = x;
        if (!(fabs(slope - gradient[k]) <= BOUND * fmax(fabs(slope), 1e-3 * largest) + 1e-8))
            fail_msg("input %d, element %lld: the gradient is %.9g, differences say %.9g", i, (long long)k, gradient[k],
                     slope);
    }
}

/* Gradients by the first n inputs; the others are `fixed`. Frees the graph. */
static void check(sl_graph *g, sl_tensor y, int n, const float *const *fixed, uint64_t seed, double low, double high)
{
    sl_error err;
    sl_graph *back;
    subject s = with_loss(g, y, seed);
    float *inputs[8], *out[9], loss;
    out[0] = &loss;
    for (int i = 0; i < s.known->n_inputs; i++) {
        size_t count = (size_t)sl_shape_elements(&s.known->tensors[s.known->inputs[i]].shape);
        inputs[i] = malloc(count * sizeof(float));
        out[i + 1] = malloc(count * sizeof(float));
        if (i < n)
            fill_random(inputs[i], count, seed + 1000 * (uint64_t)(i + 1), low, high);
        else
            memcpy(inputs[i], fixed[i - n], count * sizeof(float));
    }
    assert_ok(sl_graph_gradient(s.known, s.known->outputs[0], s.known->inputs, n, &back, &err));
    assert_int_equal(back->n_outputs, 1 + n);
    assert_ok(sl_reference_run(back, (const float *const *)inputs, out, &err));
    for (int i = 0; i < n; i++)
        check_input(s.known, inputs, i, out[i + 1]);
    for (int i = 0; i < s.known->n_inputs; i++) {
        free(inputs[i]);
        free(out[i + 1]);
    }
    sl_graph_free(back);
    free_subject(&s);
}

static void check_all(sl_graph *g, sl_tensor y, uint64_t seed)
{
    check(g, y, g->n_inputs, NULL, seed, -2, 2);
}

/* A shape of `rank` small odd axes. */
static sl_shape some_shape(uint64_t *r, int rank)
{
    sl_shape s = {.rank = rank};
    for (int i = 0; i < rank; i++)
        s.dim[i] = 1 + pick(r, 4);
    return s;
}

/* ---- products ---- */

static void test_conv(void **state)
{
    (void)state;
    uint64_t r = 1;
    for (int round = 0; round < 3 * ROUNDS; round++) {
        int groups = 1 + pick(&r, 3), per_in = 1 + pick(&r, 3), per_out = 1 + pick(&r, 3);
        sl_attr attr = {.groups = groups};
        for (int i = 0; i < 2; i++) {
            attr.stride[i] = 1 + pick(&r, 3);
            attr.dilation[i] = 1 + pick(&r, 2);
        }
        for (int i = 0; i < 4; i++)
            attr.pad[i] = pick(&r, 3);
        attr.auto_pad = pick(&r, 4) == 0 ? SL_PAD_SAME_UPPER + pick(&r, 3) : SL_PAD_EXPLICIT;
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(1 + pick(&r, 2), groups * per_in, 5 + pick(&r, 4), 5 + pick(&r, 4)));
        sl_tensor w = net_input(g, SHAPE(groups * per_out, per_in, 1 + pick(&r, 3), 1 + pick(&r, 3)));
        sl_tensor b = pick(&r, 2) ? net_input(g, SHAPE(groups * per_out)) : -1;
        check_all(g, net_node(g, SL_OP_CONV, attr, INPUTS(x, w, b)), (uint64_t)round);
    }
}

static void test_dense(void **state)
{
    (void)state;
    uint64_t r = 2;
    for (int round = 0; round < ROUNDS; round++) {
        sl_graph *g = sl_graph_new();
        int depth = 1 + pick(&r, 6), outputs = 1 + pick(&r, 5);
        sl_tensor x = net_input(g, SHAPE(1 + pick(&r, 4), depth)), w = net_input(g, SHAPE(outputs, depth));
        sl_tensor b = net_input(g, SHAPE(outputs));
        check_all(g, net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, w, b)), (uint64_t)round);
    }
}

static void test_matmul(void **state)
{
    (void)state;
    static const struct {
        sl_shape a, b;
    } cases[] = {
        {{2, {3, 4}}, {2, {4, 5}}},          {{3, {2, 3, 4}}, {3, {2, 4, 5}}}, {{3, {2, 3, 4}}, {2, {4, 5}}},
        {{2, {3, 4}}, {3, {2, 4, 5}}},       {{4, {2, 1, 3, 4}}, {4, {1, 3, 4, 2}}}, {{1, {4}}, {2, {4, 5}}},
        {{2, {3, 4}}, {1, {4}}},             {{1, {4}}, {1, {4}}},             {{1, {4}}, {3, {2, 4, 5}}},
        {{3, {2, 3, 4}}, {1, {4}}},          {{2, {1, 1}}, {2, {1, 1}}},
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
}

/* ---- element by element ---- */

static void test_unary(void **state)
{
    (void)state;
    for (sl_fn fn = SL_FN_RELU; fn <= SL_FN_ROUND; fn++) {
        bool positive = fn == SL_FN_LOG || fn == SL_FN_SQRT || fn == SL_FN_RECIPROCAL;
        float a = fn == SL_FN_CLIP ? -0.7 : fn == SL_FN_HARD_SIGMOID ? 0.2 : 0.3;
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(3, 5, 7));
        sl_tensor y = net_node(g, SL_OP_UNARY, (sl_attr){.fn = fn, .a = a, .b = 0.6}, INPUTS(x));
        check(g, y, 1, NULL, fn, positive ? 0.3 : -4.1, 4);
    }
}

/* PyTorch: torch.nn.functional.gelu(torch.tensor([-3., -1., 0., .5, 2.], dtype=torch.float64)). */
static void test_gelu(void **state)
{
    (void)state;
    const float x[] = {-3, -1, 0, 0.5, 2};
    const double expected[] = {-0.00404969409489031, -0.158655253931457, 0, 0.345731230637007, 1.95449973610364};
    for (int i = 0; i < 5; i++)
        assert_true(fabs(sl_unary_value(&(sl_attr){.fn = SL_FN_GELU}, x[i]) - expected[i]) < 1e-14);
}

static void test_binary(void **state)
{
    (void)state;
    uint64_t r = 3;
    for (sl_fn fn = SL_FN_ADD; fn <= SL_FN_MIN; fn++)
        for (int round = 0; round < ROUNDS; round++) {
            sl_shape a = some_shape(&r, 1 + pick(&r, 4)), b = some_shape(&r, 1 + pick(&r, 4));
            for (int i = 1; i <= a.rank && i <= b.rank; i++) { /* made to fit: equal, or one of them 1 */
                int64_t *p = &a.dim[a.rank - i], *q = &b.dim[b.rank - i];
                int choice = pick(&r, 3);
                *(choice == 1 ? p : q) = choice ? 1 : *p;
            }
            sl_graph *g = sl_graph_new();
            sl_tensor x = net_input(g, a), y = net_input(g, b);
            check(g, net_binary(g, fn, x, y), 2, NULL, (uint64_t)round, 0.5, 2);
        }
}

static void test_prelu(void **state)
{
    (void)state;
    const sl_shape slopes[] = {{1, {5}}, {1, {1}}, {3, {5, 1, 1}}, {4, {1, 5, 1, 4}}, {4, {2, 5, 3, 4}}, {0, {0}}};
    for (size_t i = 0; i < sizeof slopes / sizeof *slopes; i++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(2, 5, 3, 4)), slope = net_input(g, slopes[i]);
        check_all(g, net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(x, slope)), i);
    }
}

/* ---- pooling, reducing, resizing ---- */

static void test_pool(void **state)
{
    (void)state;
    uint64_t r = 4;
    for (int round = 0; round < 3 * ROUNDS; round++) {
        sl_attr attr = {.fn = round % 2 ? SL_FN_MAX : SL_FN_AVERAGE,
                        .count_include_pad = pick(&r, 2),
                        .ceil_mode = pick(&r, 2)};
        for (int i = 0; i < 2; i++) {
            attr.kernel[i] = 1 + pick(&r, 3);
            attr.stride[i] = 1 + pick(&r, 3);
            attr.dilation[i] = 1 + pick(&r, 2);
            attr.pad[i] = pick(&r, attr.kernel[i]);
            attr.pad[i + 2] = pick(&r, attr.kernel[i]);
        }
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(2, 3, 5 + pick(&r, 4), 5 + pick(&r, 4)));
        check_all(g, net_node(g, SL_OP_POOL, attr, INPUTS(x)), (uint64_t)round);
    }
    for (int max = 0; max < 2; max++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(2, 3, 4, 5));
        check_all(g, net_node(g, SL_OP_GLOBAL_POOL, (sl_attr){.fn = max ? SL_FN_MAX : SL_FN_AVERAGE}, INPUTS(x)), 5);
    }
}

static void test_reduce(void **state)
{
    (void)state;
    static const sl_fn fns[] = {SL_FN_SUM, SL_FN_AVERAGE, SL_FN_MAX, SL_FN_MIN, SL_FN_L2, SL_FN_SUM_SQUARE};
    uint64_t r = 5;
    for (size_t f = 0; f < sizeof fns / sizeof *fns; f++)
        for (unsigned mask = 0; mask < 8; mask++) {
            sl_attr attr = {.fn = fns[f], .keepdims = pick(&r, 2)};
            int64_t axes[3];
            for (int i = 0; i < 3; i++)
                if (mask >> i & 1) {
                    attr.axes[attr.n_axes] = pick(&r, 2) ? i : i - 3;
                    axes[attr.n_axes] = attr.axes[attr.n_axes];
                    attr.n_axes++;
                }
            sl_graph *g = sl_graph_new();
            sl_tensor x = net_input(g, SHAPE(2, 3, 4)), listed = -1;
            if (mask % 2) { /* the axes from an input instead */
                listed = net_ints(g, axes, attr.n_axes);
                attr.n_axes = 0;
            }
            check_all(g, net_node(g, SL_OP_REDUCE, attr, INPUTS(x, listed)), mask);
        }
}

static void test_resize(void **state)
{
    (void)state;
    uint64_t r = 6;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        const sl_fn fn = round % 2 ? SL_FN_LINEAR : SL_FN_NEAREST;
        const sl_attr attr = {.fn = fn, .coord = pick(&r, 4), .round = pick(&r, 4)};
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(1, 2, 2 + pick(&r, 4), 2 + pick(&r, 4)));
        sl_tensor sizes = INTS(g, 1, 2, 1 + pick(&r, 9), 1 + pick(&r, 9));
        check_all(g, net_node(g, SL_OP_RESIZE, attr, INPUTS(x, sizes)), (uint64_t)round);
    }
}

/* ---- normalising ---- */

static void test_along_an_axis(void **state)
{
    (void)state;
    for (int axis = -3; axis < 3; axis++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(3, 4, 5));
        check_all(g, net_node(g, SL_OP_SOFTMAX, (sl_attr){.axis = axis}, INPUTS(x)), 7);
        for (int clamped = 0; clamped < 2; clamped++) { /* with `a` above every norm, it divides by that */
            g = sl_graph_new();
            x = net_input(g, SHAPE(3, 4, 5));
            check_all(g, net_node(g, SL_OP_L2NORM, (sl_attr){.axis = axis, .a = clamped ? 20 : 1e-12}, INPUTS(x)), 8);
        }
    }
}

static void test_batchnorm(void **state)
{
    (void)state;
    static const sl_shape shapes[] = {{4, {3, 4, 2, 5}}, {2, {7, 3}}, {3, {2, 5, 3}}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (sl_stats stats = SL_STATS_FIXED; stats <= SL_STATS_WATCHED; stats++) {
            sl_shape own = SHAPE(shapes[i].dim[1]);
            sl_graph *g = sl_graph_new();
            sl_tensor x = net_input(g, shapes[i]), scale = net_input(g, own), bias = net_input(g, own), y[3];
            sl_tensor mean = net_random(g, own, 1, -1, 1), variance = net_random(g, own, 2, 0.5, 2);
            net_nodes(g, SL_OP_BATCHNORM, (sl_attr){.a = 1e-3, .stats = stats},
                      INPUTS(x, scale, bias, mean, variance), y, stats == SL_STATS_FIXED ? 1 : 3);
            check_all(g, y[0], 9 + i);
        }
}

static void test_layernorm(void **state)
{
    (void)state;
    for (int axis = 1; axis < 3; axis++) {
        sl_shape own = axis == 1 ? SHAPE(4, 5) : SHAPE(5);
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(3, 4, 5)), scale = net_input(g, own), bias = net_input(g, own);
        check_all(g, net_node(g, SL_OP_LAYERNORM, (sl_attr){.axis = axis - (axis == 2 ? 3 : 0), .a = 1e-3},
                              INPUTS(x, scale, bias)), 10);
    }
}

/* ---- moving numbers ---- */

static void test_movement(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 1, 3, 4));
    x = net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {3, 1, 0, 2}}, INPUTS(x));
    x = net_node(g, SL_OP_SQUEEZE, (sl_attr){0}, INPUTS(x, INTS(g, 1)));
    x = net_node(g, SL_OP_UNSQUEEZE, (sl_attr){0}, INPUTS(x, INTS(g, 0)));
    x = net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(x, INTS(g, 6, -1)));
    x = net_node(g, SL_OP_FLATTEN, (sl_attr){.axis = 0}, INPUTS(x));
    check_all(g, net_node(g, SL_OP_EXPAND, (sl_attr){0}, INPUTS(x, INTS(g, 3, 1, 24))), 11);

    g = sl_graph_new();
    x = net_input(g, SHAPE(1, 3, 1));
    check_all(g, net_node(g, SL_OP_EXPAND, (sl_attr){0}, INPUTS(x, INTS(g, 2, 5, 3, 4))), 12);
}

static void test_slice_and_pad(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(5, 6, 7));
    sl_tensor cut[] = {x, INTS(g, 1, -1, 5), INTS(g, 4, -7, 1000), INTS(g, 0, 1, 2), INTS(g, 1, -2, 1)};
    check_all(g, net_node(g, SL_OP_SLICE, (sl_attr){0}, cut, 5), 13);
    static const sl_fn fns[] = {SL_FN_CONSTANT, SL_FN_EDGE, SL_FN_REFLECT};
    for (int i = 0; i < 3; i++) {
        g = sl_graph_new();
        x = net_input(g, SHAPE(3, 4, 5));
        sl_tensor pads = INTS(g, 0, 2, 1, 2, 3, -1);
        check_all(g, net_node(g, SL_OP_PAD, (sl_attr){.fn = fns[i], .a = 3}, INPUTS(x, pads)), 14);
    }
}

static void test_joining(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor a = net_input(g, SHAPE(2, 3, 4)), b = net_input(g, SHAPE(2, 1, 4)), c = net_input(g, SHAPE(2, 2, 4));
    check_all(g, net_node(g, SL_OP_CONCAT, (sl_attr){.axis = -2}, INPUTS(a, b, c, a)), 15);

    g = sl_graph_new();
    a = net_input(g, SHAPE(2, 7, 3));
    sl_tensor parts[3]; /* nobody reads the second */
    net_nodes(g, SL_OP_SPLIT, (sl_attr){.axis = 1}, INPUTS(a, INTS(g, 2, 3, 2)), parts, 3);
    check_all(g, net_binary(g, SL_FN_MUL, parts[0], parts[2]), 16);

    g = sl_graph_new();
    a = net_input(g, SHAPE(2, 5, 3));
    check_all(g, net_node(g, SL_OP_GATHER, (sl_attr){.axis = 1}, INPUTS(a, INTS(g, 4, 0, -1, 4, 2))), 17);
}

/* ---- training's own ---- */

static void test_dropout(void **state)
{
    (void)state;
    float counter[SL_DROPOUT_COUNTER];
    sl_dropout_counter(0x123456789abcdef0u, 0x123456789abcu, counter);
    const float *fixed[] = {counter};
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(30, 20)), of = net_input(g, SHAPE(SL_DROPOUT_COUNTER));
    check(g, net_node(g, SL_OP_DROPOUT, (sl_attr){.a = 0.3, .axis = 2}, INPUTS(x, of)), 1, fixed, 18, -2, 2);
}

/* About the share asked for is dropped, and seed, step and number each choose others. */
static void test_dropout_draws(void **state)
{
    (void)state;
    enum { N = 10000 };
    float counter[3][SL_DROPOUT_COUNTER];
    sl_dropout_counter(7, 5, counter[0]);
    sl_dropout_counter(7, 6, counter[1]);
    sl_dropout_counter(8, 5, counter[2]);
    const uint64_t keys[] = {sl_dropout_key(counter[0], 0), sl_dropout_key(counter[1], 0),
                             sl_dropout_key(counter[2], 0), sl_dropout_key(counter[0], 1)};
    for (int k = 0; k < 4; k++) {
        int kept = 0, alike = 0;
        for (int64_t i = 0; i < N; i++) {
            kept += sl_dropout_keeps(keys[k], i, 0.5);
            alike += sl_dropout_keeps(keys[k], i, 0.5) == sl_dropout_keeps(keys[(k + 1) % 4], i, 0.5);
        }
        assert_in_range(kept, N / 2 - 250, N / 2 + 250); /* five standard deviations */
        assert_in_range(alike, N / 2 - 250, N / 2 + 250);
    }
}

static void test_margin(void **state)
{
    (void)state;
    const float labels[] = {2, 0, 3, 1, 0};
    const float *fixed[] = {labels};
    for (int angle = 0; angle < 2; angle++)
        for (int low = 0; low < 2; low++) { /* low: angles beyond pi - b as well */
            sl_graph *g = sl_graph_new();
            sl_tensor x = net_input(g, SHAPE(5, 4)), of = net_input(g, SHAPE(5));
            const sl_attr attr = {.fn = angle ? SL_FN_ANGLE : SL_FN_COSINE, .a = 30, .b = 0.5};
            sl_tensor y = net_node(g, SL_OP_MARGIN, attr, INPUTS(x, of));
            check(g, y, 1, fixed, 19, low ? -0.99 : -0.5, low ? -0.7 : 0.95);
        }
}

/* method.md 7.7: cos(acos(0.6) + 0.5) = 0.6 cos 0.5 - 0.8 sin 0.5; below cos(pi - 0.5), the cosine less 0.23971. */
static void test_margin_by_hand(void **state)
{
    (void)state;
    sl_error err;
    const float x[] = {0.6, 0.1, 0.2, -0.9}, labels[] = {0, 1}, *inputs[] = {x, labels};
    float y[4], *out[] = {y};
    sl_graph *g = sl_graph_new();
    sl_tensor a = net_input(g, SHAPE(2, 2)), b = net_input(g, SHAPE(2));
    sl_tensor of = net_node(g, SL_OP_MARGIN, (sl_attr){.fn = SL_FN_ANGLE, .a = 64, .b = 0.5}, INPUTS(a, b));
    net_output(g, of);
    sl_graph *s;
    assert_ok(sl_graph_infer(g, (sl_shape[]){SHAPE(2, 2), SHAPE(2)}, NULL, 0, &s, &err));
    assert_ok(sl_reference_run(s, inputs, out, &err));
    const double expected[] = {0.6 * cos(0.5) - 0.8 * sin(0.5), 0.1, 0.2, -0.9 - 0.2397127693021015};
    for (int i = 0; i < 4; i++)
        assert_true(fabs(y[i] - 64 * expected[i]) < 1e-9);
    sl_graph_free(s);
    sl_graph_free(g);
}

static void test_cross_entropy(void **state)
{
    (void)state;
    const float labels[] = {2, 0, 3, 1, 0}, weights[] = {1, 0, 2, 0.5, 1}, *fixed[] = {labels, weights};
    for (int weighted = 0; weighted < 2; weighted++)
        for (int focal = 0; focal < 3; focal++) {
            sl_graph *g = sl_graph_new();
            sl_tensor x = net_input(g, SHAPE(5, 4)), of = net_input(g, SHAPE(5));
            sl_tensor w = weighted ? net_input(g, SHAPE(5)) : -1;
            check(g, net_node(g, SL_OP_CROSS_ENTROPY, (sl_attr){.a = focal}, INPUTS(x, of, w)), 1, fixed, 20, -3, 3);
        }
}

/* ---- several together ---- */

/* x is read three times, once by a node that reads it twice; its square goes two ways. */
static void test_used_twice(void **state)
{
    (void)state;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(3, 4)), square = net_binary(g, SL_FN_MUL, x, x);
    sl_tensor a = net_unary(g, SL_FN_TANH, square), b = net_binary(g, SL_FN_ADD, a, x);
    check_all(g, net_binary(g, SL_FN_MUL, b, square), 21);
}

/* A transformer's layer of two heads: layer norm, attention, residual, GELU, dropout. */
static void test_attention(void **state)
{
    (void)state;
    enum { T = 5, D = 6, H = 2 };
    float counter[SL_DROPOUT_COUNTER];
    sl_dropout_counter(1, 2, counter);
    const float *fixed[] = {counter};
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, T, D)), scale = net_input(g, SHAPE(D)), bias = net_input(g, SHAPE(D));
    sl_tensor w = net_input(g, SHAPE(D, 3 * D)), w2 = net_input(g, SHAPE(D, D));
    sl_tensor of = net_input(g, SHAPE(SL_DROPOUT_COUNTER));
    sl_tensor n = net_node(g, SL_OP_LAYERNORM, (sl_attr){.axis = -1, .a = 1e-5}, INPUTS(x, scale, bias)), part[3];
    sl_tensor qkv = net_node(g, SL_OP_MATMUL, (sl_attr){0}, INPUTS(n, w));
    net_nodes(g, SL_OP_SPLIT, (sl_attr){.axis = 2}, INPUTS(qkv), part, 3);
    for (int i = 0; i < 3; i++) {
        part[i] = net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(part[i], INTS(g, 2, T, H, D / H)));
        part[i] = net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {0, 2, 1, 3}}, INPUTS(part[i]));
    }
    sl_tensor scores = net_node(g, SL_OP_MATMUL, (sl_attr){.transposed = {false, true}}, INPUTS(part[0], part[1]));
    sl_tensor shares = net_node(g, SL_OP_SOFTMAX, (sl_attr){.axis = -1}, INPUTS(scores));
    sl_tensor mixed = net_node(g, SL_OP_MATMUL, (sl_attr){0}, INPUTS(shares, part[2]));
    mixed = net_node(g, SL_OP_TRANSPOSE, (sl_attr){.perm = {0, 2, 1, 3}}, INPUTS(mixed));
    mixed = net_node(g, SL_OP_RESHAPE, (sl_attr){0}, INPUTS(mixed, INTS(g, 2, T, D)));
    sl_tensor y = net_binary(g, SL_FN_ADD, x, net_node(g, SL_OP_DROPOUT, (sl_attr){.a = 0.2}, INPUTS(mixed, of)));
    y = net_unary(g, SL_FN_GELU, net_node(g, SL_OP_MATMUL, (sl_attr){0}, INPUTS(y, w2)));
    check(g, y, 5, fixed, 22, -1, 1);
}

/* ---- what is not differentiated ---- */

static int count_nodes(const sl_graph *g, sl_op op)
{
    int count = 0;
    for (int i = 0; i < g->n_nodes; i++)
        count += g->nodes[i].op == op;
    return count;
}

/* conv - batch norm - ReLU, twice, and a dense layer; the sum of all. */
static sl_graph *two_blocks(void)
{
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(2, 3, 6, 6));
    for (int i = 0; i < 2; i++) {
        sl_tensor w = net_random(g, SHAPE(4, i ? 4 : 3, 3, 3), 1, -1, 1);
        x = net_node(g, SL_OP_CONV, (sl_attr){0}, INPUTS(x, w));
        sl_tensor one = net_random(g, SHAPE(4), 2, 0.5, 1), zero = net_random(g, SHAPE(4), 3, -1, 1);
        x = net_node(g, SL_OP_BATCHNORM, (sl_attr){.a = 1e-5}, INPUTS(x, one, zero, zero, one));
        x = net_unary(g, SL_FN_RELU, x);
    }
    x = net_node(g, SL_OP_FLATTEN, (sl_attr){.axis = 1}, INPUTS(x));
    x = net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, net_random(g, SHAPE(2, 16), 4, -1, 1)));
    net_output(g, net_node(g, SL_OP_REDUCE, (sl_attr){.fn = SL_FN_SUM}, INPUTS(x)));
    return g;
}

static sl_graph *gradient_of(const sl_graph *g, int from, int n, sl_stats stats, sl_graph **training)
{
    sl_error err;
    sl_graph *back;
    const char *names[4];
    int count = 0;
    for (int i = g->n_nodes - 1; i >= 0 && count < 4; i--)
        if (g->nodes[i].op == SL_OP_CONV || g->nodes[i].op == SL_OP_DENSE)
            names[count++] = g->tensors[g->nodes[i].inputs[1]].name; /* the last layer's weights first */
    const sl_training as = {.params = names + from, .n_params = n, .stats = stats};
    assert_ok(sl_graph_for_training(g, &(sl_shape){4, {2, 3, 6, 6}}, NULL, 0, &as, training, &err));
    assert_int_equal((*training)->n_inputs, 1 + n);
    assert_ok(sl_graph_gradient(*training, (*training)->outputs[0], (*training)->inputs + 1, n, &back, &err));
    return back;
}

static void test_frozen_parts_cost_nothing(void **state)
{
    (void)state;
    sl_graph *g = two_blocks(), *training;
    sl_graph *back = gradient_of(g, 0, 1, SL_STATS_FIXED, &training); /* the dense layer alone */
    assert_int_equal(count_nodes(back, SL_OP_CONV_BACK_DATA) + count_nodes(back, SL_OP_CONV_BACK_WEIGHTS), 0);
    assert_int_equal(count_nodes(back, SL_OP_BATCHNORM_BACK) + count_nodes(back, SL_OP_UNARY_BACK), 0);
    assert_int_equal(count_nodes(back, SL_OP_MATMUL), 1); /* by the weights, not by the input */
    sl_graph_free(back);
    sl_graph_free(training);
    back = gradient_of(g, 0, 2, SL_STATS_FIXED, &training); /* and the second convolution */
    assert_int_equal(count_nodes(back, SL_OP_CONV_BACK_DATA), 0);
    assert_int_equal(count_nodes(back, SL_OP_CONV_BACK_WEIGHTS), 1);
    assert_int_equal(count_nodes(back, SL_OP_BATCHNORM_BACK), 1);
    sl_graph_free(back);
    sl_graph_free(training);
    back = gradient_of(g, 2, 1, SL_STATS_FIXED, &training); /* the first convolution alone */
    assert_int_equal(count_nodes(back, SL_OP_CONV_BACK_DATA), 1);
    assert_int_equal(count_nodes(back, SL_OP_CONV_BACK_WEIGHTS), 1);
    sl_graph_free(back);
    sl_graph_free(training);
    sl_graph_free(g);
}

static void test_names(void **state)
{
    (void)state;
    sl_graph *g = two_blocks(), *training;
    sl_graph *back = gradient_of(g, 0, 1, SL_STATS_WATCHED, &training);
    assert_int_equal(back->n_outputs, 1 + 4 + 1); /* the loss; means and variances; one gradient */
    char name[64];
    const sl_node *norm = NULL;
    for (int i = 0; i < g->n_nodes && !norm; i++)
        norm = g->nodes[i].op == SL_OP_BATCHNORM ? &g->nodes[i] : NULL;
    snprintf(name, sizeof name, "batch:%s", g->tensors[norm->inputs[3]].name);
    assert_string_equal(back->tensors[back->outputs[1]].name, name);
    snprintf(name, sizeof name, "batch:%s", g->tensors[norm->inputs[4]].name);
    assert_string_equal(back->tensors[back->outputs[2]].name, name);
    snprintf(name, sizeof name, "grad:%s", training->tensors[training->inputs[1]].name);
    assert_string_equal(back->tensors[back->outputs[5]].name, name);
    sl_graph_free(back);
    sl_graph_free(training);
    sl_graph_free(g);
}

/* ---- refused ---- */

static void test_refused(void **state)
{
    (void)state;
    sl_error err;
    sl_graph *g = sl_graph_new(), *out;
    sl_tensor x = net_input(g, SHAPE(2, 3)), unread = net_input(g, SHAPE(4)), y = net_unary(g, SL_FN_TANH, x);
    sl_tensor loss = net_node(g, SL_OP_REDUCE, (sl_attr){.fn = SL_FN_SUM}, INPUTS(y));
    assert_int_equal(sl_graph_gradient(g, loss, &x, 1, &out, &err), SL_ERR_ARGUMENT); /* shapes not known */
    net_output(g, loss);
    sl_graph *s;
    assert_ok(sl_graph_infer(g, (sl_shape[]){SHAPE(2, 3), SHAPE(4)}, NULL, 0, &s, &err));
    loss = s->outputs[0];
    x = s->inputs[0];
    unread = s->inputs[1];
    assert_int_equal(sl_graph_gradient(s, x, &x, 1, &out, &err), SL_ERR_ARGUMENT); /* six elements */
    assert_int_equal(sl_graph_gradient(s, loss, &unread, 1, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_graph_gradient(s, loss, (sl_tensor[]){99}, 1, &out, &err), SL_ERR_ARGUMENT);
    assert_null(out);
    sl_graph *twice; /* a backward node has no gradient of its own */
    assert_ok(sl_graph_gradient(s, loss, &x, 1, &twice, &err));
    sl_tensor norm = net_node(twice, SL_OP_REDUCE, (sl_attr){.fn = SL_FN_SUM}, INPUTS(twice->outputs[1]));
    twice->tensors[norm].shape = (sl_shape){0};
    assert_int_equal(sl_graph_gradient(twice, norm, &x, 1, &out, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "UnaryBack"));
    sl_graph_free(twice);
    const char *missing = "nowhere";
    const sl_training as = {.params = &missing, .n_params = 1};
    assert_int_equal(sl_graph_for_training(g, (sl_shape[]){SHAPE(2, 3), SHAPE(4)}, NULL, 0, &as, &out, &err),
                     SL_ERR_NOT_FOUND);
    sl_graph_free(s);
    sl_graph_free(g);
}

/* What is asked for but does not lead to the loss gets zeros, beside something that does. */
static void test_unread_gets_zeros(void **state)
{
    (void)state;
    sl_error err;
    sl_graph *g = sl_graph_new(), *s, *back;
    sl_tensor x = net_input(g, SHAPE(2, 3));
    net_input(g, SHAPE(4));
    net_output(g, net_node(g, SL_OP_REDUCE, (sl_attr){.fn = SL_FN_SUM}, INPUTS(x)));
    assert_ok(sl_graph_infer(g, (sl_shape[]){SHAPE(2, 3), SHAPE(4)}, NULL, 0, &s, &err));
    assert_ok(sl_graph_gradient(s, s->outputs[0], s->inputs, 2, &back, &err));
    const float in[6] = {0}, *inputs[] = {in, in};
    float loss, by_x[6], by_other[4] = {1, 1, 1, 1}, *out[] = {&loss, by_x, by_other};
    assert_ok(sl_reference_run(back, inputs, out, &err));
    for (int i = 0; i < 6; i++)
        assert_true(by_x[i] == 1);
    for (int i = 0; i < 4; i++)
        assert_true(by_other[i] == 0);
    sl_graph_free(back);
    sl_graph_free(s);
    sl_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_unary),
        cmocka_unit_test(test_gelu),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_prelu),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_along_an_axis),
        cmocka_unit_test(test_batchnorm),
        cmocka_unit_test(test_layernorm),
        cmocka_unit_test(test_movement),
        cmocka_unit_test(test_slice_and_pad),
        cmocka_unit_test(test_joining),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_dropout_draws),
        cmocka_unit_test(test_margin),
        cmocka_unit_test(test_margin_by_hand),
        cmocka_unit_test(test_cross_entropy),
        cmocka_unit_test(test_used_twice),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_frozen_parts_cost_nothing),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unread_gets_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
