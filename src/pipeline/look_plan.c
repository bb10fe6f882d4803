#include "pipeline/look_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "model/arch/arch.h"

/* Pairs that the layers see at once: of each photo 64 patches of 2,048 numbers between their dense layers, 2.6 MB of
 * all. Not by the number of threads, so that scores do not depend on it. */
enum { FEW = 5, PHOTOS = 2 };

struct sl_look_plan {
    int few, per_query; /* pairs of a run of `layers`; 1 where each pair has a query of its own, else 0 */
    size_t numbers;     /* of a map, and of the tokens it becomes */
    int threads;        /* that there are `layers` for */
    sl_plan **layers;   /* [threads] for `few` pairs: their scores, or where there is an end both photos' tokens */
    bool *knows;        /* [threads] whether its layers have run with this query */
    sl_plan *end;       /* for all pairs, from their tokens: the scores. May be NULL */
};

static const char *const tokens[PHOTOS] = {SL_LOOK_TOKENS_FIRST, SL_LOOK_TOKENS_SECOND}, *const score = SL_LOOK_SCORE;

/* The tensors that `end` begins with; false for a look that has none. */
static bool has_end(const sl_look_network *l, sl_tensor from[PHOTOS])
{
    for (int i = 0; i < PHOTOS; i++)
        from[i] = sl_graph_find(l->graph, tokens[i]);
    return from[0] >= 0 && from[1] >= 0;
}

static sl_status compile(const sl_graph *g, const sl_shape shapes[PHOTOS], const char *const *outputs, int n_outputs,
                         const sl_plan_options *options, sl_plan **out, sl_error *err)
{
    sl_graph *special;
    SL_TRY(sl_graph_specialize(g, shapes, outputs, n_outputs, &special, err));
    sl_status status = sl_plan_compile_as(special, options, out, err);
    sl_graph_free(special);
    return status;
}

static sl_status compile_end(const sl_look_network *l, const sl_tensor from[PHOTOS], int pairs,
                             const sl_plan_options *options, sl_plan **out, sl_error *err)
{
    const sl_shape rows = {2, {(int64_t)pairs * l->look.cells, l->look.channels}}, shapes[PHOTOS] = {rows, rows};
    const sl_tensor to = sl_graph_find(l->graph, score);
    sl_graph *g;
    SL_TRY(sl_graph_cut(l->graph, from, shapes, PHOTOS, &to, 1, &g, err));
    sl_status status = compile(g, shapes, &score, 1, options, out, err);
    sl_graph_free(g);
    return status;
}

static sl_status compile_layers(const sl_look_network *l, bool ends, const sl_plan_options *options, sl_look_plan *p,
                                sl_error *err)
{
    const sl_shape shapes[PHOTOS] = {{3, {p->per_query ? p->few : 1, l->look.cells, l->look.channels}},
                                     {3, {p->few, l->look.cells, l->look.channels}}};
    sl_plan_options own = *options;
    own.threads = p->threads > 1 ? 1 : options->threads;
    own.steady = !p->per_query;
    p->layers = calloc((size_t)p->threads, sizeof *p->layers);
    p->knows = calloc((size_t)p->threads, sizeof *p->knows);
    if (!p->layers || !p->knows)
        return sl_no_memory(err, "for a second look");
    for (int i = 0; i < p->threads; i++)
        SL_TRY(compile(l->graph, shapes, ends ? tokens : &score, ends ? PHOTOS : 1, &own, &p->layers[i], err));
    return SL_OK;
}

static sl_status open_plans(const sl_look_network *l, int queries, int candidates, const sl_plan_options *options,
                            sl_look_plan *p, sl_error *err)
{
    sl_tensor from[PHOTOS];
    const bool ends = has_end(l, from);
    p->few = ends && candidates > FEW ? FEW : candidates;
    p->per_query = queries > 1;
    p->numbers = (size_t)l->look.cells * (size_t)l->look.channels;
    const int runs = (candidates + p->few - 1) / p->few;
    p->threads = options->threads < runs ? options->threads : runs;
    SL_TRY(compile_layers(l, ends, options, p, err));
    return ends ? compile_end(l, from, candidates, options, &p->end, err) : SL_OK;
}

sl_status sl_look_plan_open(const sl_look_network *look, int queries, int candidates, const sl_plan_options *options,
                            sl_look_plan **out, sl_error *err)
{
    *out = NULL;
    sl_look_plan *p = calloc(1, sizeof *p);
    if (!p)
        return sl_no_memory(err, "for a second look");
    sl_status status = open_plans(look, queries, candidates, options, p, err);
    if (status != SL_OK)
        sl_look_plan_close(p);
    else
        *out = p;
    return status;
}

void sl_look_plan_close(sl_look_plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; plan->layers && i < plan->threads; i++)
        sl_plan_free(plan->layers[i]);
    free(plan->layers);
    free(plan->knows);
    sl_plan_free(plan->end);
    free(plan);
}

typedef struct {
    const sl_look_plan *plan;
    const float *first, *second;
    int n;
    float *scores;
} pairs_run;

/* A few pairs through the layers. */
static sl_status run_few(void *context, size_t item, int worker, sl_error *err)
{
    const pairs_run *r = context;
    const sl_look_plan *p = r->plan;
    sl_plan *layers = p->layers[worker];
    const int at = (int)item * p->few, n = r->n - at < p->few ? r->n - at : p->few;
    const size_t bytes = p->numbers * sizeof(float), from = (size_t)at * p->numbers;
    if (!p->knows[worker])
        memcpy(sl_plan_input(layers, 0, NULL), r->first + p->per_query * from, (p->per_query ? (size_t)n : 1) * bytes);
    memcpy(sl_plan_input(layers, 1, NULL), r->second + from, (size_t)n * bytes);
    SL_TRY(p->knows[worker] ? sl_plan_run_again(layers, err) : sl_plan_run(layers, err));
    p->knows[worker] = !p->per_query;
    for (int i = 0; i < PHOTOS && p->end; i++)
        memcpy(sl_plan_input(p->end, i, NULL) + from, sl_plan_output(layers, i, NULL), (size_t)n * bytes);
    if (!p->end)
        memcpy(r->scores + at, sl_plan_output(layers, 0, NULL), (size_t)n * sizeof *r->scores);
    return SL_OK;
}

sl_status sl_look_plan_run(sl_look_plan *plan, const float *first, const float *second, int n, float *scores,
                           sl_error *err)
{
    pairs_run r = {plan, first, second, n, scores};
    memset(plan->knows, 0, (size_t)plan->threads * sizeof *plan->knows);
    SL_TRY(sl_parallel_try(plan->threads, (size_t)((n + plan->few - 1) / plan->few), run_few, &r, err));
    if (!plan->end)
        return SL_OK;
    SL_TRY(sl_plan_run(plan->end, err));
    memcpy(scores, sl_plan_output(plan->end, 0, NULL), (size_t)n * sizeof *scores);
    return SL_OK;
}
