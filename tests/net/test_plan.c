/* Plans: random small networks with inner outputs and residual sums against the reference; memory that is
 * reused; threads and instruction sets agree. */
#include "nets.h"

#include "base/cpu.h"

/* Sums of up to 300 products in another order, through up to 12 layers that keep numbers around 1. */
#define BOUND 5e-4

/* ---- random networks ---- */

enum { MOST_TENSORS = 64 };

typedef struct {
    sl_graph *g;
    uint64_t r;
    sl_tensor tensors[MOST_TENSORS]; /* rank 4, made so far */
    int channels[MOST_TENSORS], size[MOST_TENSORS], n;
} index_kind;

static void add(index_kind *m, sl_tensor t, int channels, int size)
{
    m->tensors[m->n] = t;
    m->channels[m->n] = channels;
    m->size[m->n++] = size;
}

/* A tensor of the same shape as number `i`, or i itself. */
static int partner(index_kind *m, int i)
{
    for (int tries = 0; tries < 8; tries++) {
        int k = pick(&m->r, m->n);
        if (m->channels[k] == m->channels[i] && m->size[k] == m->size[i])
            return k;
    }
    return i;
}

static void add_layer(index_kind *m)
{
    static const sl_fn fns[] = {SL_FN_RELU, SL_FN_SIGMOID,    SL_FN_TANH,    SL_FN_ABS,
                                SL_FN_NEG,  SL_FN_HARD_SWISH, SL_FN_SOFTPLUS};
    int i = pick(&m->r, m->n), c = m->channels[i], size = m->size[i];
    sl_tensor x = m->tensors[i];
    uint64_t seed = m->r;
    switch (pick(&m->r, 11)) {
    case 0:
    case 1:
    case 2: {
        static const int widths[] = {3, 8, 16, 20, 32, 48};
        int kernel = 1 + 2 * pick(&m->r, 2), outputs = widths[pick(&m->r, 6)];
        add(m,
            net_conv(m->g, x, outputs, c, kernel,
                     (sl_attr){.pad = {kernel / 2, kernel / 2, kernel / 2, kernel / 2}}, seed),
            outputs, size);
        break;
    }
    case 3: add(m, net_conv(m->g, x, c, c, 3, (sl_attr){.groups = c, .pad = {1, 1, 1, 1}}, seed), c, size); break;
    case 4:
        if (size < 6)
            break;
        add(m, net_conv(m->g, x, 16, c, 3, (sl_attr){.stride = {2, 2}, .pad = {1, 1, 1, 1}}, seed), 16,
            (size + 1) / 2);
        break;
    case 5: {
        sl_tensor slope = net_random(m->g, SHAPE(c), seed, -0.2f, 0.4f);
        add(m, net_node(m->g, SL_OP_PRELU, (sl_attr){0}, INPUTS(x, slope)), c, size);
        break;
    }
    case 6: add(m, net_unary(m->g, fns[pick(&m->r, 7)], x), c, size); break;
    case 7:
    case 8: { /* a residual sum, maybe of itself */
        int k = partner(m, i);
        sl_tensor sum = net_binary(m->g, SL_FN_ADD, x, m->tensors[k]);
        add(m, net_binary(m->g, SL_FN_MUL, sum, net_const(m->g, SHAPE(1), FLOATS(0.6f))), c, size);
        break;
    }
    case 9: {
        int k = partner(m, i);
        if (m->channels[k] + c <= 64)
            add(m, net_node(m->g, SL_OP_CONCAT, (sl_attr){.axis = 1}, INPUTS(x, m->tensors[k])),
                c + m->channels[k], size);
        break;
    }
    default:
        if (pick(&m->r, 2)) {
            sl_tensor t = net_node(m->g, SL_OP_TRANSPOSE, (sl_attr){.perm = {0, 1, 3, 2}}, INPUTS(x));
            add(m, net_binary(m->g, pick(&m->r, 2) ? SL_FN_MAX : SL_FN_SUB, t, x), c, size);
        } else {
            const sl_attr attr = {.fn = SL_FN_MAX, .kernel = {3, 3}, .pad = {1, 1, 1, 1}};
            add(m, net_node(m->g, SL_OP_POOL, attr, INPUTS(x)), c, size);
        }
        break;
    }
}

/* The same network for the same seed: some twelve layers, the last two and up to three inner outputs. */
static sl_graph *random_net(uint64_t seed)
{
    index_kind m = {.g = sl_graph_new(), .r = seed * 7919 + 1};
    int channels = 1 + pick(&m.r, 20), size = 5 + pick(&m.r, 9);
    add(&m, net_input(m.g, SHAPE(1 + pick(&m.r, 3), channels, size, size)), channels, size);
    for (int i = 0; i < 14; i++)
        add_layer(&m);
    net_output(m.g, m.tensors[m.n - 1]);
    for (int i = pick(&m.r, 4); i > 0; i--)
        net_output(m.g, m.tensors[pick(&m.r, m.n)]);
    return m.g;
}

static void test_random_nets(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 250; seed++)
        net_check(random_net(seed), -1, seed, BOUND);
}

static void test_threads_agree(void **state)
{
    (void)state;
    for (uint64_t seed = 1000; seed < 1040; seed++) {
        sl_graph *g = random_net(seed), *s = net_specialize(g);
        float *inputs[8];
        net_random_inputs(s, seed, inputs);
        net_result one = net_run_plan(s, (const float *const *)inputs, 1);
        net_result two = net_run_plan(s, (const float *const *)inputs, 2);
        net_result again = net_run_plan(s, (const float *const *)inputs, 2);
        net_result_close(&one, &two, 1e-5);
        net_result_close(&two, &again, 0); /* the same threads: the same bits */
        net_result_free(&one);
        net_result_free(&two);
        net_result_free(&again);
        free(inputs[0]);
        sl_graph_free(s);
        sl_graph_free(g);
    }
}

/* ---- residual sums ---- */

/* x -> conv -> + x, with what is summed read before, after, and as an output: it must stay whole. */
static void test_residual_sums(void **state)
{
    (void)state;
    for (int variant = 0; variant < 6; variant++) {
        sl_graph *g = sl_graph_new();
        sl_tensor x = net_input(g, SHAPE(2, 32, 7, 7));
        const sl_attr same = {.pad = {1, 1, 1, 1}};
        sl_tensor stem = variant == 0 ? x : net_conv(g, x, 32, 32, 3, same, 1);
        sl_tensor inner = net_conv(g, stem, 32, 32, 3, same, 3), slope = net_random(g, SHAPE(32), 9, 0.1f, 0.4f);
        if (variant == 2)
            inner = net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(inner, slope));
        sl_tensor branch = net_conv(g, inner, 32, 32, 1, (sl_attr){0}, 5);
        sl_tensor sum =
            variant % 2 ? net_binary(g, SL_FN_ADD, stem, branch) : net_binary(g, SL_FN_ADD, branch, stem);
        sl_tensor y = net_unary(g, SL_FN_RELU, sum);
        if (variant == 3)
            net_output(g, stem);
        if (variant == 4)
            net_output(g, sum);
        if (variant == 5) /* read again later */
            y = net_binary(g, SL_FN_MUL, net_conv(g, y, 32, 32, 1, (sl_attr){0}, 7), stem);
        net_check(g, y, 11, BOUND);
    }
    sl_graph *g = sl_graph_new(); /* both sides are convolutions of the same */
    sl_tensor x = net_input(g, SHAPE(1, 16, 9, 9));
    sl_tensor a = net_conv(g, x, 24, 16, 1, (sl_attr){0}, 1),
              b = net_conv(g, x, 24, 16, 3, (sl_attr){.pad = {1, 1, 1, 1}}, 2);
    net_check(g, net_unary(g, SL_FN_RELU, net_binary(g, SL_FN_ADD, a, b)), 3, BOUND);
    g = sl_graph_new(); /* a sum with a constant map */
    x = net_input(g, SHAPE(1, 16, 5, 5));
    a = net_conv(g, x, 16, 16, 1, (sl_attr){0}, 1);
    net_check(g, net_binary(g, SL_FN_ADD, net_random(g, SHAPE(1, 16, 5, 5), 4, -1, 1), a), 3, BOUND);
}

/* ---- memory ---- */

/* 200 layers deep, one tensor kept from the start: the arena must hold a few maps, not 200, and keep that one. */
static void test_long_chain_reuses_memory(void **state)
{
    (void)state;
    sl_error err;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(1, 16, 64, 64)), first = net_conv(g, x, 16, 16, 1, (sl_attr){0}, 1),
              y = first;
    for (int i = 0; i < 200; i++) {
        y = net_conv(g, y, 16, 16, 3, (sl_attr){.groups = 16, .pad = {1, 1, 1, 1}}, (uint64_t)i);
        y = net_binary(g, SL_FN_MAX, y, net_unary(g, SL_FN_NEG, y));
        y = net_unary(g, SL_FN_TANH, y);
    }
    net_output(g, net_binary(g, SL_FN_ADD, y, first));
    sl_graph *s = net_specialize(g);
    sl_plan *plan;
    assert_ok(sl_plan_compile(s, 1, &plan, &err));
    const float *in = sl_plan_input(plan, 0, NULL), *out = sl_plan_output(plan, 0, NULL);
    size_t map = 16 * 64 * 64;
    assert_true((size_t)llabs(out - in) <= 8 * map); /* both lie in the one arena */
    sl_plan_free(plan);
    float *inputs[8];
    net_random_inputs(s, 1, inputs);
    net_result want = net_run_reference(s, (const float *const *)inputs),
               got = net_run_plan(s, (const float *const *)inputs, 1);
    net_result_close(&got, &want, BOUND);
    net_result_free(&want);
    net_result_free(&got);
    free(inputs[0]);
    sl_graph_free(s);
    sl_graph_free(g);
}

/* Inputs stay as written: running twice without writing again gives the same. */
static void test_inputs_and_outputs_stay(void **state)
{
    (void)state;
    sl_error err;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(1, 4)), a = net_unary(g, SL_FN_NEG, x);
    net_output(g, a);
    net_output(g, net_unary(g, SL_FN_ABS, a));
    net_output(g, a);
    sl_graph *s = net_specialize(g);
    sl_plan *plan;
    assert_ok(sl_plan_compile(s, 1, &plan, &err));
    sl_graph_free(s); /* a plan needs its graph no more */
    sl_graph_free(g);
    sl_shape shape;
    float *in = sl_plan_input(plan, 0, &shape);
    assert_int_equal(shape.dim[1], 4);
    const float values[4] = {1, -2, 3, -4}, negated[4] = {-1, 2, -3, 4}, absolute[4] = {1, 2, 3, 4};
    memcpy(in, values, sizeof values);
    for (int run = 0; run < 3; run++) {
        assert_ok(sl_plan_run(plan, &err));
        assert_close(in, values, 4, 0);
        assert_close(sl_plan_output(plan, 0, NULL), negated, 4, 0);
        assert_close(sl_plan_output(plan, 1, NULL), absolute, 4, 0);
        assert_close(sl_plan_output(plan, 2, NULL), negated, 4, 0);
    }
    sl_plan_free(plan);
    sl_plan_free(NULL);
}

/* ---- precisions ---- */

/* |a - b| / |b| over all outputs. */
static double relative_error(const net_result *a, const net_result *b)
{
    double wrong = 0, all = 1e-12;
    for (int i = 0; i < b->n; i++)
        for (int64_t k = 0; k < sl_shape_elements(&b->shape[i]); k++) {
            double d = (double)a->data[i][k] - (double)b->data[i][k];
            wrong += d * d;
            all += (double)b->data[i][k] * (double)b->data[i][k];
        }
    return sqrt(wrong / all);
}

/* bf16 keeps 8 bits: 0.2 % a number in the mean, which a dozen layers in a row do not make 3 % of. */
static void test_bf16(void **state)
{
    (void)state;
    sl_error err;
    if (sl_compute_check(SL_COMPUTE_BF16, &err) != SL_OK) {
        print_message("not tested: %s\n", err.text);
        skip();
    }
    const sl_plan_options options = {.threads = 1, .precision = SL_COMPUTE_BF16};
    int narrowed = 0;
    for (uint64_t seed = 0; seed < 250; seed++) {
        sl_graph *g = random_net(seed), *s = net_specialize(g);
        float *inputs[8];
        net_random_inputs(s, seed, inputs);
        net_result want = net_run_reference(s, (const float *const *)inputs),
                   got = net_run_plan_as(s, (const float *const *)inputs, &options);
        double error = relative_error(&got, &want);
        if (!(error < .03))
            fail_msg("seed %d: off by %g", (int)seed, error);
        narrowed += error > 1e-4;
        net_result_free(&want);
        net_result_free(&got);
        free(inputs[0]);
        sl_graph_free(s);
        sl_graph_free(g);
    }
    assert_true(narrowed > 100); /* it is bf16 that ran */
}

/* A GELU stays in bf16 where only layers in bf16 read it; not where others read it, or the sums before it. */
static void test_gelu_between(void **state)
{
    (void)state;
    enum { IN = 96, INNER = 160, GELU_READ_TWICE = 0, GELU_READ_AS_F32, SUMS_READ, CASES };
    sl_error err;
    if (sl_compute_check(SL_COMPUTE_BF16, &err) != SL_OK)
        skip(); /* test_bf16 says why */
    const sl_plan_options options = {.threads = 2, .precision = SL_COMPUTE_BF16};
    for (int rows = 1; rows < 300; rows += 149)
        for (int i = 0; i < CASES; i++) {
            sl_graph *g = sl_graph_new();
            sl_tensor w[4];
            for (int k = 0; k < 4; k++)
                w[k] = net_random(g, k % 2 ? SHAPE(IN, INNER) : SHAPE(INNER, IN), (uint64_t)k, -.3, .3);
            sl_tensor x = net_input(g, SHAPE(rows, IN)), before = net_unary(g, SL_FN_TANH, x),
                      sums = net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(before, w[0])),
                      gelu = net_unary(g, SL_FN_GELU, sums),
                      y = net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(gelu, w[1]));
            if (i == GELU_READ_TWICE)
                y = net_binary(g, SL_FN_ADD, y, net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(gelu, w[3])));
            if (i != GELU_READ_TWICE)
                net_output(g, net_unary(g, SL_FN_ABS, i == GELU_READ_AS_F32 ? gelu : sums));
            net_output(g, y);
            sl_graph *s = net_specialize(g);
            float *inputs[1];
            net_random_inputs(s, 7, inputs);
            net_result want = net_run_reference(s, (const float *const *)inputs),
                       got = net_run_plan_as(s, (const float *const *)inputs, &options);
            assert_true(relative_error(&got, &want) < .01);
            net_result_free(&want);
            net_result_free(&got);
            free(inputs[0]);
            sl_graph_free(s);
            sl_graph_free(g);
        }
}

/* A range for each tensor that layers of `g` may read in int8: its largest number in a run on these inputs. */
static sl_ranges ranges_of(const sl_graph *g, const float *const *inputs)
{
    sl_error err;
    sl_graph *s = net_specialize(g); /* a copy, to have more outputs */
    sl_tensor tensors[MOST_TENSORS];
    sl_ranges ranges = {0};
    sl_range_candidates(s, tensors, &ranges.count);
    ranges.items = calloc((size_t)ranges.count + 1, sizeof *ranges.items);
    for (int i = 0; i < ranges.count; i++)
        assert_ok(sl_graph_add_output(s, tensors[i], &err));
    float *data[MOST_TENSORS];
    for (int i = 0; i < s->n_outputs; i++)
        data[i] = malloc((size_t)sl_shape_elements(&s->tensors[s->outputs[i]].shape) * sizeof(float));
    assert_ok(sl_reference_run(s, inputs, data, &err));
    for (int i = 0; i < ranges.count; i++) {
        const sl_tensor_info *t = &s->tensors[tensors[i]];
        const float *x = data[s->n_outputs - ranges.count + i];
        float most = 1e-6f, least = 0;
        for (int64_t k = 0; k < sl_shape_elements(&t->shape); k++) {
            most = fmaxf(most, fabsf(x[k]));
            least = fminf(least, x[k]);
        }
        ranges.items[i] = (sl_range){strdup(t->name), most / (least < 0 ? 127 : 255), least < 0};
    }
    for (int i = 0; i < s->n_outputs; i++)
        free(data[i]);
    sl_graph_free(s);
    return ranges;
}

/* 8 bits a number, a scale a tensor: some 0.5 % a layer. */
static void test_int8(void **state)
{
    (void)state;
    sl_error err;
    if (sl_compute_check(SL_COMPUTE_INT8, &err) != SL_OK) {
        print_message("not tested: %s\n", err.text);
        skip();
    }
    int narrowed = 0;
    for (uint64_t seed = 0; seed < 250; seed++) {
        sl_graph *g = random_net(seed), *s = net_specialize(g);
        float *inputs[8];
        net_random_inputs(s, seed, inputs);
        sl_ranges ranges = ranges_of(s, (const float *const *)inputs);
        const sl_plan_options options = {.threads = 1, .precision = SL_COMPUTE_INT8, .ranges = &ranges};
        const sl_ranges none = {0};
        const sl_plan_options without = {.threads = 1, .precision = SL_COMPUTE_INT8, .ranges = &none};
        net_result want = net_run_reference(s, (const float *const *)inputs),
                   got = net_run_plan_as(s, (const float *const *)inputs, &options),
                   wide = net_run_plan_as(s, (const float *const *)inputs, &without);
        double error = relative_error(&got, &want);
        if (!(error < .06))
            fail_msg("seed %d: off by %g", (int)seed, error);
        narrowed += relative_error(&got, &wide) > 1e-4;
        for (int i = 0; i < ranges.count; i++)
            free(ranges.items[i].tensor);
        free(ranges.items);
        net_result_free(&want);
        net_result_free(&got);
        net_result_free(&wide);
        free(inputs[0]);
        sl_graph_free(s);
        sl_graph_free(g);
    }
    assert_true(narrowed > 50); /* it is int8 that ran */
}

/* A channel that training has left with weights next to nothing is nothing, not infinity. */
static void test_int8_dead_channel(void **state)
{
    (void)state;
    sl_error err;
    if (sl_compute_check(SL_COMPUTE_INT8, &err) != SL_OK)
        skip();
    enum { CHANNELS = 32, SIZE = 8 };
    float *weights = malloc(CHANNELS * CHANNELS * sizeof *weights);
    fill_random(weights, CHANNELS * CHANNELS, 5, -1, 1);
    for (int i = 0; i < CHANNELS; i++)
        weights[3 * CHANNELS + i] = i % 2 ? 1e-41f : -3e-42f;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_unary(g, SL_FN_TANH, net_input(g, SHAPE(1, CHANNELS, SIZE, SIZE)));
    const sl_shape shape = SHAPE(CHANNELS, CHANNELS, 1, 1), of_bias = SHAPE(CHANNELS);
    sl_tensor w = net_const(g, shape, weights), bias = net_random(g, of_bias, 9, -1, 1);
    net_output(g,
               net_node(g, SL_OP_CONV, (sl_attr){.kernel = {1, 1}, .stride = {1, 1}, .groups = 1}, INPUTS(x, w, bias)));
    sl_graph *s = net_specialize(g);
    float *inputs[8];
    net_random_inputs(s, 1, inputs);
    sl_ranges ranges = ranges_of(s, (const float *const *)inputs);
    assert_int_equal(ranges.count, 1);
    const sl_plan_options options = {.threads = 1, .precision = SL_COMPUTE_INT8, .ranges = &ranges};
    net_result want = net_run_reference(s, (const float *const *)inputs),
               got = net_run_plan_as(s, (const float *const *)inputs, &options);
    assert_true(relative_error(&got, &want) < .02);
    free(ranges.items[0].tensor);
    free(ranges.items);
    free(inputs[0]);
    net_result_free(&want);
    net_result_free(&got);
    sl_graph_free(s);
    sl_graph_free(g);
    free(weights);
}

/* Dense layers that are computed in parts: of one row and of several, in plans that share the parts' weights; of a
 * number of inputs that cannot be cut. `inside`: behind another layer, as what reads the input is never narrow. */
static void check_long_dense(sl_compute precision, int inputs, bool biased, double bound)
{
    enum { OUTPUTS = 40 };
    sl_weights *weights = sl_weights_new();
    for (int rows = 1; rows < 8; rows += 5) {
        sl_graph *g = sl_graph_new();
        names_given = 0; /* one network: the same names */
        sl_tensor inside = net_unary(g, SL_FN_TANH, net_input(g, SHAPE(rows, inputs))),
                  w = net_random(g, SHAPE(OUTPUTS, inputs), 4, -1, 1), b = net_random(g, SHAPE(OUTPUTS), 9, -50, 50);
        sl_tensor y = biased ? net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(inside, w, b))
                             : net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(inside, w));
        net_output(g, net_unary(g, SL_FN_RELU, y));
        sl_graph *s = net_specialize(g);
        float *in[8];
        net_random_inputs(s, 1, in);
        sl_ranges ranges = ranges_of(s, (const float *const *)in);
        const sl_plan_options options = {.threads = 1, .precision = precision, .ranges = &ranges, .weights = weights};
        net_result want = net_run_reference(s, (const float *const *)in),
                   got = net_run_plan_as(s, (const float *const *)in, &options);
        const double error = relative_error(&got, &want);
        if (!(error < bound) || (precision != SL_COMPUTE_F32 && !(error > 1e-5)))
            fail_msg("%d rows of %d: off by %g", rows, inputs, error);
        for (int i = 0; i < ranges.count; i++)
            free(ranges.items[i].tensor);
        free(ranges.items);
        free(in[0]);
        net_result_free(&want);
        net_result_free(&got);
        sl_graph_free(s);
        sl_graph_free(g);
    }
    sl_weights_free(weights);
}

static void test_long_dense(void **state)
{
    (void)state;
    static const int inputs[] = {4097, 8192, 9000, 8191 /* a prime */, 32768};
    static const double bounds[] = {[SL_COMPUTE_F32] = 1e-5, [SL_COMPUTE_BF16] = .01, [SL_COMPUTE_INT8] = .02};
    sl_error err;
    for (int p = SL_COMPUTE_F32; p <= SL_COMPUTE_INT8; p++)
        for (size_t i = 0; i < sizeof inputs / sizeof *inputs && sl_compute_check((sl_compute)p, &err) == SL_OK; i++)
            check_long_dense((sl_compute)p, inputs[i], i % 2, bounds[p]);
}

/* ---- steady inputs ---- */

/* What depends on the steady input alone is as the run before left it, whatever ran since; the rest is new. */
static void test_run_again(void **state)
{
    (void)state;
    enum { N = 24 };
    sl_error err;
    sl_graph *g = sl_graph_new();
    sl_tensor a = net_input(g, SHAPE(2, N)), x = net_input(g, SHAPE(2, N)), w = net_random(g, SHAPE(N, N), 4, -1, 1);
    sl_tensor kept = net_unary(g, SL_FN_ABS, net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(a, w))),
              fresh = net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, w));
    for (int i = 0; i < 4; i++) /* sums that would be made in place */
        fresh = net_unary(g, SL_FN_NEG, net_binary(g, SL_FN_ADD, net_unary(g, SL_FN_TANH, fresh), kept));
    net_output(g, net_binary(g, SL_FN_ADD, kept, fresh));
    sl_graph *s = net_specialize(g);
    const sl_plan_options options = {.threads = 1, .steady = 1};
    sl_plan *plan;
    assert_ok(sl_plan_compile_as(s, &options, &plan, &err));
    float in[2][2 * N];
    for (int run = 0; run < 5; run++) {
        const bool again = run % 3;
        if (!again)
            fill_random(in[0], 2 * N, (uint64_t)run, -1, 1);
        fill_random(in[1], 2 * N, (uint64_t)run + 100, -1, 1);
        net_result want = net_run_plan(s, (const float *[]){in[0], in[1]}, 1);
        if (!again)
            memcpy(sl_plan_input(plan, 0, NULL), in[0], sizeof in[0]);
        memcpy(sl_plan_input(plan, 1, NULL), in[1], sizeof in[1]);
        assert_ok(again ? sl_plan_run_again(plan, &err) : sl_plan_run(plan, &err));
        assert_memory_equal(sl_plan_output(plan, 0, NULL), want.data[0], sizeof in[0]);
        net_result_free(&want);
    }
    fill_random(sl_plan_input(plan, 0, NULL), 2 * N, 77, -1, 1); /* told to be unchanged, it is not looked at */
    float before[2 * N];
    memcpy(before, sl_plan_output(plan, 0, NULL), sizeof before);
    assert_ok(sl_plan_run_again(plan, &err));
    assert_memory_equal(sl_plan_output(plan, 0, NULL), before, sizeof before);
    sl_plan_free(plan);
    sl_graph_free(s);
    sl_graph_free(g);
}

/* ---- shared weights ---- */

static void expect_same(const net_result *a, const net_result *b)
{
    for (int i = 0; i < a->n; i++)
        assert_memory_equal(a->data[i], b->data[i], (size_t)sl_shape_elements(&a->shape[i]) * sizeof(float));
}

/* Plans that share their weights give what plans with their own give, to the bit, and the second adds nothing. */
static void test_shared_weights(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        sl_graph *g = random_net(seed), *s = net_specialize(g);
        float *inputs[8];
        net_random_inputs(s, seed, inputs);
        const float *const *in = (const float *const *)inputs;
        sl_weights *weights = sl_weights_new();
        sl_plan_options options = {.threads = 1};
        net_result own = net_run_plan_as(s, in, &options);
        options.weights = weights;
        net_result first = net_run_plan_as(s, in, &options);
        size_t bytes = sl_weights_bytes(weights);
        net_result second = net_run_plan_as(s, in, &options);
        assert_int_equal(sl_weights_bytes(weights), bytes);
        expect_same(&first, &own);
        expect_same(&second, &own);
        net_result_free(&own);
        net_result_free(&first);
        net_result_free(&second);
        sl_weights_free(weights);
        free(inputs[0]);
        sl_graph_free(s);
        sl_graph_free(g);
    }
    sl_weights_free(NULL);
}

static void test_too_much_memory(void **state)
{
    (void)state;
    sl_error err;
    sl_plan *plan;
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(1, 4)), parts[10];
    for (int i = 0; i < 10; i++) { /* ten maps of 2 GiB that are all alive at the end */
        parts[i] = net_node(g, SL_OP_EXPAND, (sl_attr){0}, INPUTS(x, INTS(g, (1 << 27) - i, 4)));
        net_output(g, parts[i]);
    }
    sl_graph *s = net_specialize(g);
    assert_int_equal(sl_plan_compile(s, 1, &plan, &err), SL_ERR_LIMIT);
    assert_null(plan);
    assert_non_null(strstr(err.text, "MiB"));
    sl_graph_free(s);
    sl_graph_free(g);
}

/* ---- instruction sets ---- */

enum { ISA_NETS = 30 };

/* Writes the outputs of the first networks to `path`, in a process of its own. */
static int write_outputs(const char *path)
{
    FILE *f = fopen(path, "wb");
    for (uint64_t seed = 0; f && seed < ISA_NETS; seed++) {
        sl_graph *g = random_net(seed), *s = net_specialize(g);
        float *inputs[8];
        net_random_inputs(s, seed, inputs);
        net_result r = net_run_plan(s, (const float *const *)inputs, 1);
        for (int i = 0; i < r.n; i++)
            fwrite(r.data[i], sizeof(float), (size_t)sl_shape_elements(&r.shape[i]), f);
        net_result_free(&r);
        free(inputs[0]);
        sl_graph_free(s);
        sl_graph_free(g);
    }
    return f && fclose(f) == 0 ? 0 : 1;
}

static float *read_floats(const char *path, size_t *count)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *count = (size_t)ftell(f) / sizeof(float);
    rewind(f);
    float *data = malloc(*count * sizeof *data);
    assert_int_equal(fread(data, sizeof *data, *count, f), *count);
    fclose(f);
    return data;
}

static float *outputs_under(const char *isa, const char *dir, size_t *count)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, isa);
    assert_int_equal(run_again_with(isa, "--write", path), 0);
    return read_floats(path, count);
}

static void test_instruction_sets_agree(void **state)
{
    (void)state;
    char *dir = make_temp_dir();
    size_t n, m;
    float *scalar = outputs_under("scalar", dir, &n);
    assert_true(n > 1000);
    for (int i = 1; i < sl_isa_count(); i++) {
        float *other = outputs_under(sl_isa_name(sl_isas[i]), dir, &m);
        assert_int_equal(m, n);
        assert_close(other, scalar, n, BOUND);
        free(other);
    }
    free(scalar);
    remove_tree(dir);
    free(dir);
}

static void test_backend_name(void **state)
{
    (void)state;
    int major, minor, patch;
    assert_int_equal(sscanf(sl_net_backend(), "oneDNN %d.%d.%d", &major, &minor, &patch), 3);
    assert_true(major >= 2);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_outputs(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_nets),
        cmocka_unit_test(test_threads_agree),
        cmocka_unit_test(test_residual_sums),
        cmocka_unit_test(test_long_chain_reuses_memory),
        cmocka_unit_test(test_inputs_and_outputs_stay),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_gelu_between),
        cmocka_unit_test(test_int8),
        cmocka_unit_test(test_int8_dead_channel),
        cmocka_unit_test(test_long_dense),
        cmocka_unit_test(test_run_again),
        cmocka_unit_test(test_shared_weights),
        cmocka_unit_test(test_too_much_memory),
        cmocka_unit_test(test_instruction_sets_agree),
        cmocka_unit_test(test_backend_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
