/* The Winograd kernel: every instruction set against sums in doubles, however the work is cut; then in plans. */
#include "nets.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "net/kernels/winograd.h"
#include "net/plan/plan_build.h"

/* Of numbers up to about 5, sums of up to 9 * 96 products: the transforms multiply f32's rounding by about 10. */
#define BOUND 3e-5

static float *numbers(uint64_t *r, int64_t count, float scale)
{
    float *x = sl_alloc_aligned((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++)
        x[i] = scale * (float)(pick(r, 2001) - 1000) / 1000;
    return x;
}

static double leaky(double v, const float *slope, int64_t o)
{
    return slope && v < 0 ? v * (double)slope[o] : v;
}

/* One output by the definition. w [outputs, inputs, 3, 3]. */
static double expected(const sl_wino_layer *l, const float *w, int64_t picture, int64_t y, int64_t x, int64_t o)
{
    double sum = (double)l->bias[o];
    for (int64_t k = 0; k < 9; k++) {
        int64_t row = y + k / 3 - l->pad[0], col = x + k % 3 - l->pad[1];
        if (row < 0 || row >= l->in[0] || col < 0 || col >= l->in[1])
            continue;
        const float *pixel = l->x + ((picture * l->in[0] + row) * l->in[1] + col) * l->inputs;
        for (int64_t c = 0; c < l->inputs; c++)
            sum += (double)w[(o * l->inputs + c) * 9 + k] * (double)pixel[c];
    }
    sum = leaky(sum, l->slope, o);
    if (l->add)
        sum += (double)l->add[((picture * l->out[0] + y) * l->out[1] + x) * l->outputs + o];
    return leaky(sum, l->slope_of_sum, o);
}

static void expect_outputs(const sl_wino_layer *l, const float *w)
{
    for (int64_t p = 0; p < l->batch * l->out[0] * l->out[1]; p++)
        for (int64_t o = 0; o < l->outputs; o++) {
            double want = expected(l, w, p / (l->out[0] * l->out[1]), p / l->out[1] % l->out[0], p % l->out[1], o);
            double got = (double)l->y[p * l->outputs + o];
            if (!(fabs(got - want) <= BOUND * fmax(1, fabs(want))))
                fail_msg("pixel %d, output %d: %g, expected %g", (int)p, (int)o, got, want);
        }
}

/* Blocks of `block` tiles, the outputs in `parts`. */
static void run(const sl_winograd *k, const sl_wino_layer *l, int64_t block, int64_t parts)
{
    int64_t tiles = sl_wino_tiles(l), share = l->outputs / parts;
    float *scratch = sl_alloc_aligned((size_t)sl_wino_scratch(l, block, share) * sizeof *scratch);
    for (int64_t first = 0; first < tiles; first += block)
        for (int64_t o = 0; o < l->outputs; o += share)
            k->tiles(l, first, tiles - first < block ? tiles - first : block, o, o + share, scratch);
    free(scratch);
}

static void check_layer(const sl_winograd *k, uint64_t *r)
{
    int64_t pad = pick(r, 3);
    sl_wino_layer l = {.batch = 1 + pick(r, 2), .in = {3 + pick(r, 11), 3 + pick(r, 11)}, .pad = {pad, pick(r, 2)},
                       .inputs = 32 * (1 + pick(r, 3)), .outputs = 32 * (1 + pick(r, 2))};
    l.out[0] = l.in[0] + 2 * l.pad[0] - 2;
    l.out[1] = l.in[1] + 2 * l.pad[1] - 2;
    int64_t n_out = l.batch * l.out[0] * l.out[1] * l.outputs;
    float *w = numbers(r, l.outputs * l.inputs * 9, 4 / sqrtf((float)(9 * l.inputs)));
    float *x = numbers(r, l.batch * l.in[0] * l.in[1] * l.inputs, 1), *added = numbers(r, n_out, 1);
    float *bias = numbers(r, l.outputs, 1), *slope = numbers(r, l.outputs, .5f), *after = numbers(r, l.outputs, .5f);
    float *packed = sl_alloc_aligned((size_t)(SL_WINO_POINTS * l.inputs * l.outputs) * sizeof *packed);
    float *y = sl_alloc_aligned((size_t)n_out * sizeof *y), *other = sl_alloc_aligned((size_t)n_out * sizeof *y);
    sl_wino_pack(w, l.outputs, l.inputs, k->panel, packed);
    l.x = x;
    l.weights = packed;
    l.bias = bias;
    l.slope = pick(r, 2) ? slope : NULL;
    l.add = pick(r, 2) ? added : NULL;
    l.slope_of_sum = pick(r, 2) ? after : NULL;
    l.y = y;
    run(k, &l, 1 + pick(r, 30), 1);
    expect_outputs(&l, w);
    l.y = other;
    run(k, &l, 1 + pick(r, 30), l.outputs / 32);
    assert_memory_equal(y, other, (size_t)n_out * sizeof *y);
    if (l.add) { /* in place of what is added */
        l.y = added;
        run(k, &l, 7, 1);
        assert_memory_equal(y, added, (size_t)n_out * sizeof *y);
    }
    float *all[] = {w, x, added, bias, slope, after, packed, y, other};
    for (int i = 0; i < 9; i++)
        free(all[i]);
}

static void test_kernels(void **state)
{
    (void)state;
    static const sl_winograd *const kernels[] = SL_PER_ISA(sl_winograd);
    for (int i = 0; i < sl_isa_count(); i++) {
        uint64_t r = 5;
        for (int k = 0; k < 24; k++)
            check_layer(kernels[sl_isas[i]], &r);
    }
}

/* ---- in plans ---- */

static sl_tensor conv(sl_graph *g, sl_tensor x, int outputs, int inputs, uint64_t seed)
{
    return net_conv(g, x, outputs, inputs, 3, (sl_attr){.pad = {1, 1, 1, 1}}, seed);
}

static sl_tensor prelu(sl_graph *g, sl_tensor x, int channels, uint64_t seed)
{
    return net_node(g, SL_OP_PRELU, (sl_attr){0}, INPUTS(x, net_random(g, SHAPE(channels), seed, -0.2f, 0.4f)));
}

/* Residual blocks with an activation here and there: bit 0 before the sum, 1 no sum, 2 after it, 3 another one behind
 * that, 4 the block's input is read once more afterwards. */
static sl_graph *block_of(int form, int batch, int size)
{
    sl_graph *g = sl_graph_new();
    sl_tensor x = net_input(g, SHAPE(batch, 32, size, size));
    sl_tensor a = prelu(g, conv(g, x, 64, 32, 1), 64, 2), b = conv(g, a, 64, 64, 3);
    if (form & 1)
        b = net_unary(g, SL_FN_RELU, b);
    if (!(form & 2))
        b = net_binary(g, SL_FN_ADD, b, a);
    if (form & 4)
        b = prelu(g, b, 64, 4);
    if (form & 8)
        b = net_unary(g, SL_FN_SIGMOID, b);
    sl_tensor c = conv(g, b, 32, 64, 5);
    if (form & 16)
        c = net_binary(g, SL_FN_ADD, c, net_unary(g, SL_FN_TANH, x));
    net_output(g, c);
    return g;
}

static void test_plans(void **state)
{
    (void)state;
    for (int form = 0; form < 32; form++) {
        sl_graph *g = block_of(form, 1, 9), *s = net_specialize(g);
        for (int i = 0; i < s->n_nodes; i++)
            assert_true(s->nodes[i].op != SL_OP_CONV || sl_suits_winograd(s, &s->nodes[i]));
        sl_graph_free(s);
        net_check(g, -1, (uint64_t)form, 1e-4);
    }
}

/* Threads share the tiles of large pictures and the outputs of small ones: the same numbers. */
static void test_threads(void **state)
{
    (void)state;
    for (int size = 4; size < 40; size += 7) {
        sl_graph *g = block_of(5, 2, size), *s = net_specialize(g);
        float *inputs[8];
        net_random_inputs(s, 3, inputs);
        const sl_plan_options one = {.threads = 1}, three = {.threads = 3};
        net_result a = net_run_plan_as(s, (const float *const *)inputs, &one),
                   b = net_run_plan_as(s, (const float *const *)inputs, &three);
        net_result_close(&a, &b, 0);
        net_result_free(&a);
        net_result_free(&b);
        free(inputs[0]);
        sl_graph_free(s);
        sl_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
