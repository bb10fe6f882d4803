/* Forward and backward of a step: train_step NETWORK BATCH THREADS f32|bf16 ROUNDS. NETWORK is an architecture by
 * its name, or "layer", a transformer's of 130 tokens of 512 numbers, all under ArcFace's margin loss; weights are by
 * formula (tests/model/formula_net.h), so that bench/train_torch.py has the same loss. The quickest of ROUNDS, by the
 * clock and by the processor's time; FLOP of products, and how quick large products are here; one JSON line.
 *
 * Peak memory is that of the whole process, when it has trained and before products are measured. */
#include "formula_net.h"

#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/cpu.h"

typedef struct {
    double wall, processor; /* seconds */
} duration;

static duration now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (duration){sl_now(), (double)t.tv_sec + 1e-9 * (double)t.tv_nsec};
}

/* The least of both, after a run to warm up. */
static duration quickest(sl_plan *plan, int rounds)
{
    sl_error err;
    duration best = {1e9, 1e9};
    assert_ok(sl_plan_run(plan, &err));
    for (int i = 0; i < rounds; i++) {
        const duration start = now();
        assert_ok(sl_plan_run(plan, &err));
        const duration end = now();
        best.wall = fmin(best.wall, end.wall - start.wall);
        best.processor = fmin(best.processor, end.processor - start.processor);
    }
    return best;
}

/* ---- what is counted ---- */

/* Multiplications of a node that is a product: elements of what is summed into, times those summed for each. */
static double products_of(const sl_graph *g, const sl_node *n)
{
    const sl_shape *in[2] = {&g->tensors[n->inputs[0]].shape, n->n_inputs > 1 ? &g->tensors[n->inputs[1]].shape : NULL};
    const sl_shape *out = &g->tensors[n->outputs[0]].shape, *w = in[1];
    double per_element = 0;
    switch (n->op) {
    case SL_OP_CONV_BACK_DATA: return (double)sl_shape_elements(in[0]) * (double)sl_shape_span(w, 1, w->rank);
    case SL_OP_CONV_BACK_WEIGHTS: return (double)sl_shape_elements(in[0]) * (double)sl_shape_span(out, 1, out->rank);
    case SL_OP_CONV:
    case SL_OP_DENSE: per_element = (double)sl_shape_span(w, 1, w->rank); break;
    case SL_OP_MATMUL: per_element = (double)in[0]->dim[in[0]->rank - (n->attr.transposed[0] ? 2 : 1)]; break;
    default: break;
    }
    return per_element * (double)sl_shape_elements(out);
}

static double flop_of(const sl_graph *g)
{
    double products = 0;
    for (int i = 0; i < g->n_nodes; i++)
        products += products_of(g, &g->nodes[i]);
    return 2 * products;
}

/* FLOP a second of a product of square matrices, which takes a second or so. */
static double product_rate(const sl_plan_options *options)
{
    enum { SIDE = 1536 };
    sl_error err;
    sl_plan *plan;
    sl_tensor in[2];
    sl_graph *g = sl_graph_new();
    const sl_shape square = {2, {SIDE, SIDE}};
    for (int i = 0; i < 2; i++) {
        assert_ok(sl_graph_add_tensor(g, i ? "b" : "a", SL_TYPE_F32, &square, &in[i], &err));
        assert_ok(sl_graph_add_input(g, in[i], &err));
    }
    assert_ok(sl_graph_add_output(g, FORMULA_NODE(g, SL_OP_MATMUL, (sl_attr){0}, "product", in[0], in[1]), &err));
    sl_graph *known;
    assert_ok(sl_graph_infer(g, (const sl_shape[]){square, square}, NULL, 0, &known, &err));
    assert_ok(sl_plan_compile_as(known, options, &plan, &err));
    for (int i = 0; i < 2; i++)
        fill_random(sl_plan_input(plan, i, NULL), (size_t)SIDE * SIDE, 1, -1, 1);
    const double rate = flop_of(known) / quickest(plan, 10).wall;
    sl_plan_free(plan);
    sl_graph_free(known);
    sl_graph_free(g);
    return rate;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: train_step NETWORK BATCH THREADS f32|bf16 ROUNDS\n");
        return 2;
    }
    const bool narrow = strcmp(argv[4], "bf16") == 0;
    const int batch = atoi(argv[2]), rounds = atoi(argv[5]);
    const sl_plan_options options = {.threads = atoi(argv[3]), .precision = narrow ? SL_COMPUTE_BF16 : SL_COMPUTE_F32};
    formula_net f = formula_graph(argv[1], batch, SL_STATS_BATCH, false);
    formula_compile(&f, &options);
    const duration step = quickest(f.plan, rounds);
    const double flop = flop_of(f.back), loss = (double)sl_plan_output(f.plan, 0, NULL)[0];
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    formula_close(&f);
    const double rate = product_rate(&options);
    printf("{\"program\": \"secondlook\", \"network\": \"%s\", \"batch\": %d, \"threads\": %d, \"precision\": \"%s\", "
           "\"isa\": \"%s\", \"loss\": %.6f, \"step_ms\": %.3f, \"processor_ms\": %.3f, \"samples_per_s\": %.2f, "
           "\"gflop_per_sample\": %.4f, \"step_gflops\": %.1f, \"product_gflops\": %.1f, \"share\": %.3f, "
           "\"peak_mb\": %.1f}\n",
           argv[1], batch, options.threads, argv[4], sl_isa_name(sl_isa_active()), loss, 1e3 * step.wall,
           1e3 * step.processor, batch / step.wall, 1e-9 * flop / batch, 1e-9 * flop / step.wall, 1e-9 * rate,
           flop / step.wall / rate, (double)usage.ru_maxrss / 1024);
    return 0;
}
