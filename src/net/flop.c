#include "net/flop.h"

#include <stdlib.h>

#include "base/clock.h"

/* Elements of what is summed into, times the products summed for each. */
static double products_of(const sl_graph *g, const sl_node *n)
{
    const sl_shape *out = &g->tensors[n->outputs[0]].shape, *first, *second;
    if (n->n_inputs < 2 || n->inputs[0] < 0 || n->inputs[1] < 0)
        return 0;
    first = &g->tensors[n->inputs[0]].shape;
    second = &g->tensors[n->inputs[1]].shape;
    switch (n->op) {
    case SL_OP_CONV:
    case SL_OP_DENSE: return (double)sl_shape_elements(out) * (double)sl_shape_span(second, 1, second->rank);
    case SL_OP_MATMUL:
        return (double)sl_shape_elements(out) * (double)first->dim[first->rank - (n->attr.transposed[0] ? 2 : 1)];
    case SL_OP_CONV_BACK_DATA:
        return (double)sl_shape_elements(first) * (double)sl_shape_span(second, 1, second->rank);
    case SL_OP_CONV_BACK_WEIGHTS:
        return (double)sl_shape_elements(first) * (double)sl_shape_span(out, 1, out->rank);
    default: return 0;
    }
}

double sl_graph_flop(const sl_graph *g)
{
    double products = 0;
    for (int i = 0; i < g->n_nodes; i++)
        products += products_of(g, &g->nodes[i]);
    return 2 * products;
}

/* ---- how quick products are ---- */

enum { SIDE = 1536, ROUNDS = 8 };
static char read_tensor[] = "size of x"; /* what the dense layer reads */

/* A dense layer of |x|: what reads a graph's input is computed in f32 always. */
static sl_status product_graph(sl_graph *g, sl_error *err)
{
    const sl_shape square = {2, {SIDE, SIDE}};
    sl_tensor in[2], x, out;
    float *weights = malloc((size_t)SIDE * SIDE * sizeof *weights);
    if (!weights)
        return sl_no_memory(err, "to measure products");
    for (int k = 0; k < SIDE * SIDE; k++)
        weights[k] = (float)(k % 7) - 3;
    SL_TRY(sl_graph_add_const(g, "weights", SL_TYPE_F32, &square, weights, true, &in[1], err));
    SL_TRY(sl_graph_add_tensor(g, "x", SL_TYPE_F32, &square, &x, err));
    SL_TRY(sl_graph_add_input(g, x, err));
    SL_TRY(sl_graph_add_tensor(g, read_tensor, SL_TYPE_F32, &square, &in[0], err));
    SL_TRY(sl_graph_add_node(g, SL_OP_UNARY, read_tensor, &(sl_attr){.fn = SL_FN_ABS}, &x, 1, &in[0], 1, err));
    SL_TRY(sl_graph_add_tensor(g, "product", SL_TYPE_F32, &square, &out, err));
    SL_TRY(sl_graph_add_node(g, SL_OP_DENSE, "product", NULL, in, 2, &out, 1, err));
    return sl_graph_add_output(g, out, err);
}

/* Seconds of the quickest round, after one to warm up. */
static sl_status quickest(sl_plan *plan, double *seconds, sl_error *err)
{
    float *x = sl_plan_input(plan, 0, NULL);
    for (int k = 0; k < SIDE * SIDE; k++)
        x[k] = (float)(k % 5) - 2;
    for (int i = 0; i <= ROUNDS; i++) {
        const double from = sl_now();
        SL_TRY(sl_plan_run(plan, err));
        const double took = sl_now() - from;
        if (i <= 1 || took < *seconds)
            *seconds = took;
    }
    return SL_OK;
}

sl_status sl_measure_products(const sl_plan_options *options, double *flop_per_second, sl_error *err)
{
    sl_graph *g = sl_graph_new();
    sl_plan *plan = NULL;
    double seconds = 0;
    *flop_per_second = 0;
    sl_range range = {read_tensor, .scale = 2 / 255.f}; /* of what quickest() writes */
    const sl_ranges ranges = {&range, 1};
    sl_plan_options how = *options;
    how.ranges = &ranges;
    sl_status status = g ? product_graph(g, err) : sl_no_memory(err, "to measure products");
    if (status == SL_OK)
        status = sl_plan_compile_as(g, &how, &plan, err);
    if (status == SL_OK)
        status = quickest(plan, &seconds, err);
    if (status == SL_OK)
        *flop_per_second = sl_graph_flop(g) / seconds;
    sl_plan_free(plan);
    sl_graph_free(g);
    return status;
}
