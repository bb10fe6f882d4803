/* Small networks for the tests of the engine: built in a line or two, run by the plan and by the reference. */
#ifndef SL_TESTS_NETS_H
#define SL_TESTS_NETS_H

#include "support.h"

#include "net/layers/layers.h"
#include "net/plan/plan.h"

#define SHAPE(...) ((sl_shape){sizeof((int64_t[]){__VA_ARGS__}) / 8, {__VA_ARGS__}})
#define SCALAR_SHAPE ((sl_shape){0})
#define INPUTS(...) (const sl_tensor[]){__VA_ARGS__}, (int)(sizeof((sl_tensor[]){__VA_ARGS__}) / sizeof(sl_tensor))

static int names_given;

static const char *fresh_name(void)
{
    static char name[32];
    snprintf(name, sizeof name, "t%d", names_given++);
    return name;
}

static sl_tensor net_input(sl_graph *g, sl_shape shape)
{
    sl_error err;
    sl_tensor t;
    assert_ok(sl_graph_add_tensor(g, fresh_name(), SL_TYPE_F32, &shape, &t, &err));
    assert_ok(sl_graph_add_input(g, t, &err));
    return t;
}

static sl_tensor net_const(sl_graph *g, sl_shape shape, const float *values)
{
    sl_error err;
    sl_tensor t;
    size_t n = (size_t)sl_shape_elements(&shape);
    float *copy = malloc(n * sizeof *copy + 1);
    memcpy(copy, values, n * sizeof *copy);
    assert_ok(sl_graph_add_const(g, fresh_name(), SL_TYPE_F32, &shape, copy, true, &t, &err));
    return t;
}

static inline sl_tensor net_random(sl_graph *g, sl_shape shape, uint64_t seed, float low, float high)
{
    size_t n = (size_t)sl_shape_elements(&shape);
    float *values = malloc(n * sizeof *values + 1);
    fill_random(values, n, seed, low, high);
    sl_tensor t = net_const(g, shape, values);
    free(values);
    return t;
}

static inline sl_tensor net_ints(sl_graph *g, const int64_t *values, int count)
{
    sl_error err;
    sl_tensor t;
    const sl_shape shape = {1, {count}};
    int64_t *copy = malloc((size_t)count * sizeof *copy + 1);
    memcpy(copy, values, (size_t)count * sizeof *copy);
    assert_ok(sl_graph_add_const(g, fresh_name(), SL_TYPE_I64, &shape, copy, true, &t, &err));
    return t;
}
#define INTS(g, ...) net_ints(g, (int64_t[]){__VA_ARGS__}, (int)(sizeof((int64_t[]){__VA_ARGS__}) / 8))

static inline void net_nodes(sl_graph *g, sl_op op, sl_attr attr, const sl_tensor *inputs, int n_inputs,
                             sl_tensor *outputs, int n_outputs)
{
    sl_error err;
    const sl_shape unknown = {.rank = -1};
    for (int i = 0; i < n_outputs; i++)
        assert_ok(sl_graph_add_tensor(g, fresh_name(), SL_TYPE_F32, &unknown, &outputs[i], &err));
    char name[64];
    snprintf(name, sizeof name, "node-%s-%d", sl_op_name(op), g->n_nodes);
    assert_ok(sl_graph_add_node(g, op, name, &attr, inputs, n_inputs, outputs, n_outputs, &err));
}

/* A node with one output. */
static inline sl_tensor net_node(sl_graph *g, sl_op op, sl_attr attr, const sl_tensor *inputs, int n_inputs)
{
    sl_tensor out;
    net_nodes(g, op, attr, inputs, n_inputs, &out, 1);
    return out;
}

static inline sl_tensor net_unary(sl_graph *g, sl_fn fn, sl_tensor x)
{
    return net_node(g, SL_OP_UNARY, (sl_attr){.fn = fn}, INPUTS(x));
}

static inline sl_tensor net_binary(sl_graph *g, sl_fn fn, sl_tensor a, sl_tensor b)
{
    return net_node(g, SL_OP_BINARY, (sl_attr){.fn = fn}, INPUTS(a, b));
}

/* A convolution with random weights [outputs, channels / groups, kernel, kernel] and bias. */
static inline sl_tensor net_conv(sl_graph *g, sl_tensor x, int outputs, int channels, int kernel, sl_attr attr,
                                 uint64_t seed)
{
    int groups = attr.groups ? attr.groups : 1;
    float range = 1.5f / sqrtf((float)(channels / groups * kernel * kernel));
    sl_tensor w = net_random(g, SHAPE(outputs, channels / groups, kernel, kernel), seed, -range, range);
    sl_tensor b = net_random(g, SHAPE(outputs), seed + 1, -0.5f, 0.5f);
    return net_node(g, SL_OP_CONV, attr, INPUTS(x, w, b));
}

static inline void net_output(sl_graph *g, sl_tensor t)
{
    sl_error err;
    assert_ok(sl_graph_add_output(g, t, &err));
}

/* The specialised graph for the inputs' declared shapes and the graph's own outputs. */
static inline sl_graph *net_specialize(const sl_graph *g)
{
    sl_error err;
    sl_shape shapes[8];
    sl_graph *s;
    for (int i = 0; i < g->n_inputs; i++)
        shapes[i] = g->tensors[g->inputs[i]].shape;
    assert_ok(sl_graph_specialize(g, shapes, NULL, 0, &s, &err));
    return s;
}

static inline sl_status net_specialize_status(const sl_graph *g, sl_error *err)
{
    sl_shape shapes[8];
    sl_graph *s;
    for (int i = 0; i < g->n_inputs; i++)
        shapes[i] = g->tensors[g->inputs[i]].shape;
    sl_status status = sl_graph_specialize(g, shapes, NULL, 0, &s, err);
    assert_true((status == SL_OK) == (s != NULL));
    sl_graph_free(s);
    return status;
}

typedef struct {
    int n;
    sl_shape shape[16];
    float *data[16];
} net_result;

static inline void net_result_free(net_result *r)
{
    for (int i = 0; i < r->n; i++)
        free(r->data[i]);
}

static inline net_result net_run_reference(const sl_graph *s, const float *const *inputs)
{
    sl_error err;
    net_result r = {.n = s->n_outputs};
    for (int i = 0; i < r.n; i++) {
        r.shape[i] = s->tensors[s->outputs[i]].shape;
        r.data[i] = malloc((size_t)sl_shape_elements(&r.shape[i]) * sizeof(float));
    }
    assert_ok(sl_reference_run(s, inputs, r.data, &err));
    return r;
}

/* Runs twice: buffers are reused, so the second run starts from what the first left. */
static inline net_result net_run_plan_as(const sl_graph *s, const float *const *inputs,
                                         const sl_plan_options *options)
{
    sl_error err;
    sl_plan *plan;
    net_result r = {.n = s->n_outputs};
    assert_ok(sl_plan_compile_as(s, options, &plan, &err));
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < s->n_inputs; i++) {
            sl_shape shape;
            float *to = sl_plan_input(plan, i, &shape);
            memcpy(to, inputs[i], (size_t)sl_shape_elements(&shape) * sizeof *to);
        }
        assert_ok(sl_plan_run(plan, &err));
    }
    for (int i = 0; i < r.n; i++) {
        const float *from = sl_plan_output(plan, i, &r.shape[i]);
        assert_int_equal((uintptr_t)from % 64, 0);
        size_t bytes = (size_t)sl_shape_elements(&r.shape[i]) * sizeof *from;
        r.data[i] = malloc(bytes);
        memcpy(r.data[i], from, bytes);
    }
    assert_null(sl_plan_input(plan, s->n_inputs, NULL));
    assert_null(sl_plan_output(plan, s->n_outputs, NULL));
    sl_plan_free(plan);
    return r;
}

static inline net_result net_run_plan(const sl_graph *s, const float *const *inputs, int threads)
{
    const sl_plan_options options = {.threads = threads};
    return net_run_plan_as(s, inputs, &options);
}

static inline void net_result_close(const net_result *a, const net_result *b, double bound)
{
    assert_int_equal(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        assert_int_equal(a->shape[i].rank, b->shape[i].rank);
        for (int k = 0; k < a->shape[i].rank; k++)
            assert_int_equal(a->shape[i].dim[k], b->shape[i].dim[k]);
        assert_close(a->data[i], b->data[i], (size_t)sl_shape_elements(&a->shape[i]), bound);
    }
}

/* Random numbers for all inputs; [i] freed by the caller. */
static inline void net_random_inputs(const sl_graph *g, uint64_t seed, float **inputs)
{
    for (int i = 0; i < g->n_inputs; i++) {
        size_t n = (size_t)sl_shape_elements(&g->tensors[g->inputs[i]].shape);
        inputs[i] = malloc(n * sizeof(float));
        fill_random(inputs[i], n, seed + (uint64_t)i, -2, 2);
    }
}

/* Adds `out` as the graph's output; plan and reference must agree within `bound`. Frees the graph. */
static inline void net_check(sl_graph *g, sl_tensor out, uint64_t seed, double bound)
{
    if (out >= 0)
        net_output(g, out);
    sl_graph *s = net_specialize(g);
    float *inputs[8];
    net_random_inputs(s, seed, inputs);
    net_result want = net_run_reference(s, (const float *const *)inputs);
    net_result got = net_run_plan(s, (const float *const *)inputs, 1);
    net_result_close(&got, &want, bound);
    for (int i = 0; i < s->n_inputs; i++)
        free(inputs[i]);
    net_result_free(&want);
    net_result_free(&got);
    sl_graph_free(s);
    sl_graph_free(g);
}

/* The graph written as ONNX and read again, by the reference. */
static inline net_result net_run_exported(const sl_graph *g, const float *const *inputs)
{
    sl_error err;
    uint8_t *data;
    size_t size;
    sl_graph *again;
    assert_ok(sl_export_onnx(g, NULL, 0, &data, &size, &err));
    assert_ok(sl_import_onnx(data, size, &again, &err));
    free(data);
    sl_graph *s = net_specialize(again);
    net_result r = net_run_reference(s, inputs);
    sl_graph_free(s);
    sl_graph_free(again);
    return r;
}

/* The graph's one input is `x`; reference, plan and the way through ONNX must all give `expected`. Frees the graph. */
static inline void net_expect(sl_graph *g, sl_tensor out, const float *x, sl_shape shape, const float *expected)
{
    net_output(g, out);
    sl_graph *s = net_specialize(g);
    const float *inputs[1] = {x};
    net_result all[3] = {net_run_reference(s, inputs), net_run_plan(s, inputs, 1), net_run_exported(g, inputs)};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(all[i].shape[0].rank, shape.rank);
        for (int k = 0; k < shape.rank; k++)
            assert_int_equal(all[i].shape[0].dim[k], shape.dim[k]);
        assert_close(all[i].data[0], expected, (size_t)sl_shape_elements(&shape), 1e-6);
        net_result_free(&all[i]);
    }
    sl_graph_free(s);
    sl_graph_free(g);
}
#define FLOATS(...) ((const float[]){__VA_ARGS__})

/* A small deterministic choice: the next number below `limit`. */
static inline int pick(uint64_t *state, int limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (int)((*state >> 33) % (uint64_t)limit);
}

#endif
