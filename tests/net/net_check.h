/* Runs a graph both ways - the scalar reference and the compiled plan - and compares with what is expected. */
#ifndef SL_TESTS_NET_CHECK_H
#define SL_TESTS_NET_CHECK_H

#include "support.h"

#include "net/graph.h"
#include "net/layers/layers.h"
#include "net/plan/plan.h"

#define SHAPE(...) ((sl_shape){.rank = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .dim = {__VA_ARGS__}})

/* The graph's outputs' names. */
static inline const char **output_names(const sl_graph *g)
{
    const char **names = calloc((size_t)g->n_outputs, sizeof *names);
    for (int i = 0; i < g->n_outputs; i++)
        names[i] = g->tensors[g->outputs[i]].name;
    return names;
}

/* All outputs of `g` (one input) must be `expected`, one after the other, `count` values in all. */
static inline void check_graph(const sl_graph *g, sl_shape shape, const float *x, const float *expected,
                               size_t count, double bound)
{
    sl_error err;
    sl_graph *special;
    sl_plan *plan;
    float *y[16], *all = calloc(count + 1, sizeof *all);
    size_t at = 0;
    const char **names = output_names(g);
    assert_ok(sl_graph_specialize(g, &shape, names, g->n_outputs, &special, &err));
    for (int i = 0; i < special->n_outputs; i++) {
        int64_t n = sl_shape_elements(&special->tensors[special->outputs[i]].shape);
        assert_true(n >= 0 && i < 16);
        y[i] = all + at;
        at += (size_t)n;
        assert_true(at <= count);
    }
    assert_int_equal(at, count);
    assert_ok(sl_reference_run(special, &x, y, &err));
    assert_close(all, expected, count, bound);

    assert_ok(sl_plan_compile(special, 1, &plan, &err));
    float *in = sl_plan_input(plan, 0, NULL);
    memcpy(in, x, (size_t)sl_shape_elements(&shape) * sizeof *x);
    assert_ok(sl_plan_run(plan, &err));
    for (int i = 0; i < special->n_outputs; i++) {
        sl_shape got;
        const float *out = sl_plan_output(plan, i, &got);
        assert_close(out, expected + (y[i] - all), (size_t)sl_shape_elements(&got), bound);
    }
    sl_plan_free(plan);
    sl_graph_free(special);
    free(names);
    free(all);
}

#endif
