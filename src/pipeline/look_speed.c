/* How many pairs a learned look compares in a second, beside the rate at which this machine multiplies matrices. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/arch/arch.h"
#include "pipeline/look_network.h"
#include "secondlook_eval.h"

/* The product that the machine's rate is measured by: that of the look's own dense layers, both ways. */
enum { ROWS = 1280, WIDTH = 512, HIDDEN = 2048, MOST_RUNS = 4096 };

/* ---- a look made up ---- */

static void fill(sl_rng *rng, float *out, int64_t n, double reach)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)sl_rng_range(rng, -reach, reach);
}

/* Weights that keep numbers about the size they are. */
static sl_status make_weights(const sl_arch *arch, sl_state_dict *dict, sl_error *err)
{
    sl_arch_tensor *tensors;
    size_t count;
    sl_rng rng = sl_rng_seed(1);
    SL_TRY(sl_arch_tensors(arch, &tensors, &count, err));
    sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < count; i++) {
        const sl_shape *s = &tensors[i].shape;
        const int64_t n = sl_shape_elements(s);
        if (!tensors[i].used)
            continue;
        float *data = malloc((size_t)n * sizeof *data);
        if (!data)
            status = sl_no_memory(err, "for a look's weights");
        else if (s->rank == 1)
            for (int64_t k = 0; k < n; k++)
                data[k] = 1;
        else
            fill(&rng, data, n, sqrt(3.0 / (double)sl_shape_span(s, 1, s->rank)));
        if (data)
            status = sl_state_dict_add(dict, tensors[i].name, s, data, true, err);
    }
    sl_arch_tensors_free(tensors, count);
    return status;
}

static sl_status make_up(const sl_look_speed_options *o, sl_look_network **out, sl_error *err)
{
    const char *name = sl_rerank_name(o->rerank);
    const sl_arch *row = name && sl_rerank_reads(o->rerank) & SL_READS_LEARNED ? sl_arch_find(name) : NULL;
    if (!row || o->depth < 1 || o->depth > 64 || o->heads < 1 || o->heads > 64 || o->cells < 1 || o->cells > 256 ||
        o->channels < 1 || o->channels > 4096)
        return sl_fail(err, SL_ERR_ARGUMENT, "a look is made up as h2 or h2l, of 1 to 64 layers and heads, 256 cells and "
                       "4096 channels at most");
    sl_arch own = *row;
    own.transformer.depth = o->depth;
    own.transformer.heads = o->heads;
    own.transformer.cells = o->cells;
    own.transformer.width = o->channels;
    own.transformer.positions = 2 * o->cells + 2;
    SL_TRY(sl_look_network_new(o->precision, out, err));
    sl_look_network *l = *out;
    l->look.rerank = o->rerank;
    SL_TRY(make_weights(&own, &l->dict, err));
    SL_TRY(sl_arch_build(&own, &l->dict, &l->own, err));
    sl_look_network_sized(l, l->own);
    return SL_OK;
}

/* ---- arithmetic ---- */

static int64_t node_flop(const sl_graph *g, const sl_node *n)
{
    const sl_shape *a = &g->tensors[n->inputs[0]].shape, *y = &g->tensors[n->outputs[0]].shape;
    if (n->op == SL_OP_DENSE)
        return 2 * sl_shape_elements(y) * a->dim[1];
    if (n->op == SL_OP_MATMUL)
        return 2 * sl_shape_elements(y) * a->dim[a->rank - (n->attr.transposed[0] ? 2 : 1)];
    return 0;
}

/* Of products alone, which are all but a hundredth. */
static int64_t graph_flop(const sl_graph *g)
{
    int64_t sum = 0;
    for (int i = 0; i < g->n_nodes; i++)
        sum += node_flop(g, &g->nodes[i]);
    return sum;
}

static sl_status flop_per_pair(const sl_look_network *l, double *out, sl_error *err)
{
    sl_graph *g;
    SL_TRY(sl_look_network_graph(l, l->look.batch, &g, err));
    *out = (double)graph_flop(g) / l->look.batch;
    sl_graph_free(g);
    return SL_OK;
}

/* ---- the clock ---- */

typedef sl_status (*work_fn)(void *context, sl_error *err);

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds of the median run, after one that does not count. */
static sl_status time_runs(work_fn work, void *context, double seconds, double *median, sl_error *err)
{
    double took[MOST_RUNS];
    int n = 0;
    SL_TRY(work(context, err));
    for (const double start = sl_now(); n < MOST_RUNS && (n < 5 || sl_now() - start < seconds);) {
        const double at = sl_now();
        SL_TRY(work(context, err));
        took[n++] = sl_now() - at;
    }
    qsort(took, (size_t)n, sizeof *took, by_value);
    *median = took[n / 2];
    return SL_OK;
}

/* ---- the machine's rate ---- */

static sl_status add_dense(sl_graph *g, sl_tensor *x, int in, int out, const char *name, sl_error *err)
{
    char weights[32];
    const sl_shape shape = {2, {out, in}}, to = {2, {ROWS, out}};
    sl_tensor inputs[2] = {*x, -1};
    sl_rng rng = sl_rng_seed(2);
    float *data = malloc((size_t)in * (size_t)out * sizeof *data);
    if (!data)
        return sl_no_memory(err, "for a product");
    fill(&rng, data, (int64_t)in * out, sqrt(3.0 / in));
    snprintf(weights, sizeof weights, "%s.weight", name);
    SL_TRY(sl_graph_add_const(g, weights, SL_TYPE_F32, &shape, data, true, &inputs[1], err));
    SL_TRY(sl_graph_add_tensor(g, name, SL_TYPE_F32, &to, x, err));
    return sl_graph_add_node(g, SL_OP_DENSE, name, NULL, inputs, 2, x, 1, err);
}

/* x -> |x| -> two dense layers: what reads a graph's input is never narrow. */
static sl_status product_graph(sl_graph *g, sl_error *err)
{
    const sl_shape shape = {2, {ROWS, WIDTH}};
    sl_tensor input, x;
    SL_TRY(sl_graph_add_tensor(g, "input", SL_TYPE_F32, &shape, &input, err));
    SL_TRY(sl_graph_add_input(g, input, err));
    SL_TRY(sl_graph_add_tensor(g, "size", SL_TYPE_F32, &shape, &x, err));
    SL_TRY(sl_graph_add_node(g, SL_OP_UNARY, "size", &(sl_attr){.fn = SL_FN_ABS}, &input, 1, &x, 1, err));
    SL_TRY(add_dense(g, &x, WIDTH, HIDDEN, "wide", err));
    SL_TRY(add_dense(g, &x, HIDDEN, WIDTH, "narrow", err));
    return sl_graph_add_output(g, x, err);
}

static sl_status run_plan(void *plan, sl_error *err) { return sl_plan_run(plan, err); }

static sl_status measure_product(const sl_look_speed_options *o, double *gflops, sl_error *err)
{
    sl_plan *plan = NULL;
    double seconds;
    sl_graph *g = sl_graph_new();
    sl_status status = g ? product_graph(g, err) : sl_no_memory(err, "for a product");
    const sl_plan_options how = {.threads = o->threads, .precision = o->precision};
    if (status == SL_OK)
        status = sl_plan_compile_as(g, &how, &plan, err);
    if (status == SL_OK)
        memset(sl_plan_input(plan, 0, NULL), 0, ROWS * WIDTH * sizeof(float));
    if (status == SL_OK)
        status = time_runs(run_plan, plan, o->seconds / 2, &seconds, err);
    if (status == SL_OK)
        *gflops = (double)graph_flop(g) / seconds / 1e9;
    sl_plan_free(plan);
    sl_graph_free(g);
    return status;
}

/* ---- the look's ---- */

typedef struct {
    const sl_look *look;
    void *worker;
    int pairs;
    float *scores; /* [pairs] */
} pairs_run;

static sl_status compare_pairs(void *context, sl_error *err)
{
    pairs_run *r = context;
    for (int from = 0; from < r->pairs; from += r->look->batch) {
        const int n = r->pairs - from < r->look->batch ? r->pairs - from : r->look->batch;
        SL_TRY(r->look->run(r->worker, n, r->scores + from, err));
    }
    return SL_OK;
}

static sl_status measure_pairs(const sl_look_network *l, const sl_look_speed_options *o, double *seconds, sl_error *err)
{
    const int64_t numbers = (int64_t)l->look.cells * l->look.channels;
    pairs_run r = {.look = &l->look, .pairs = o->pairs};
    sl_rng rng = sl_rng_seed(3);
    SL_TRY(l->look.open(&l->look, o->threads, &r.worker, err));
    r.scores = sl_calloc_aligned((size_t)o->pairs, sizeof *r.scores);
    fill(&rng, l->look.query(r.worker), numbers, 1);
    for (int i = 0; i < l->look.batch; i++)
        fill(&rng, l->look.candidate(r.worker, i), numbers, 1);
    sl_status status = r.scores ? time_runs(compare_pairs, &r, o->seconds, seconds, err)
                                : sl_no_memory(err, "for scores");
    free(r.scores);
    l->look.close(r.worker);
    return status;
}

static sl_status measure(const sl_look_network *l, const sl_look_speed_options *o, sl_look_speed *out, sl_error *err)
{
    double seconds, flop;
    SL_TRY(flop_per_pair(l, &flop, err));
    SL_TRY(measure_pairs(l, o, &seconds, err));
    SL_TRY(measure_product(o, &out->product_gflops, err));
    out->pairs_per_s = o->pairs / seconds;
    out->query_ms = seconds * 1e3;
    out->gflop_per_pair = flop / 1e9;
    out->share = out->pairs_per_s * out->gflop_per_pair / out->product_gflops;
    return SL_OK;
}

sl_status sl_look_speed_measure(const sl_look_speed_options *o, sl_look_speed *out, sl_error *err)
{
    sl_look_network *l = NULL;
    *out = (sl_look_speed){0};
    if (o->pairs < 1 || o->threads < 1 || !(o->seconds > 0))
        return sl_fail(err, SL_ERR_ARGUMENT, "a look is timed over 1 pair or more, on 1 thread or more, for some time");
    sl_status status = make_up(o, &l, err);
    if (status == SL_OK)
        status = measure(l, o, out, err);
    if (l)
        sl_look_close(&l->look);
    return status;
}
