/* Which tensors of a network are int8. */
#include "model/int8/int8_choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct {
    sl_range range; /* its name is the graph's */
    int order;      /* among the candidates, where costs are equal */
    double cost;
} candidate;

typedef struct {
    sl_int8_subject *s;
    sl_graph *g;
    sl_tensor *tensors; /* [count] */
    candidate *c;       /* [count] */
    sl_range *ranges;   /* [count] */
    int count;
    float *wide, *narrow; /* [samples, dim] answers in f32 and in int8 */
} choice;

/* ---- costs ---- */

static sl_status run_with(const choice *x, const sl_ranges *ranges, size_t samples, sl_error *err)
{
    sl_int8_subject *s = x->s;
    const sl_plan_options options = {.threads = s->threads, .precision = SL_COMPUTE_INT8, .ranges = ranges};
    const size_t batch = (size_t)s->batch;
    sl_plan *plan;
    SL_TRY(s->compile(s, &options, &plan, err));
    sl_status status = SL_OK;
    for (size_t at = 0; status == SL_OK && at < samples; at += batch)
        status = sl_int8_run(s, plan, at, samples - at < batch ? samples - at : batch, x->narrow, err);
    sl_plan_free(plan);
    return status;
}

/* The first samples with these ranges against f32. */
static sl_status compare_to_f32(const choice *x, const sl_ranges *ranges, size_t samples, double *cost, bool *good,
                                sl_error *err)
{
    SL_TRY(run_with(x, ranges, samples, err));
    *good = x->s->judge(x->s, x->wide, x->narrow, samples, cost);
    return SL_OK;
}

static sl_status measure_costs(const choice *x, double *without, sl_error *err)
{
    const sl_ranges none = {0};
    bool good;
    SL_TRY(compare_to_f32(x, &none, x->s->quick, without, &good, err));
    for (int j = 0; j < x->count; j++) {
        const sl_ranges one = {&x->c[j].range, 1};
        double cost;
        SL_TRY(compare_to_f32(x, &one, x->s->quick, &cost, &good, err));
        x->c[j].cost = isnan(cost) ? INFINITY : fmax(0, cost - *without);
    }
    return SL_OK;
}

static int by_cost(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    return x->cost != y->cost ? (x->cost > y->cost) - (x->cost < y->cost) : x->order - y->order;
}

/* ---- choice ---- */

static sl_status keep_ranges(const candidate *c, int count, sl_ranges *to, sl_error *err)
{
    *to = (sl_ranges){sl_calloc_aligned((size_t)count + 1, sizeof *to->items), 0};
    if (!to->items)
        return sl_no_memory(err, "for the ranges of a network");
    for (; to->count < count; to->count++) {
        sl_range *range = &to->items[to->count];
        *range = c[to->count].range;
        range->tensor = sl_strdup(range->tensor);
        if (!range->tensor)
            return sl_no_memory(err, "for the ranges of a network");
    }
    return SL_OK;
}

/* Candidates in the order of their cost: as many of the cheapest as keep what must be kept. */
static sl_status choose_cheapest(const choice *x, double without, int *used, sl_error *err)
{
    double sum = without, cost;
    bool good = false;
    qsort(x->c, (size_t)x->count, sizeof *x->c, by_cost);
    for (*used = 0; *used < x->count && sum + x->c[*used].cost <= x->s->budget; ++*used) {
        sum += x->c[*used].cost;
        x->ranges[*used] = x->c[*used].range;
    }
    for (; *used > 0; --*used) {
        const sl_ranges ranges = {x->ranges, *used};
        SL_TRY(compare_to_f32(x, &ranges, x->s->count, &cost, &good, err));
        if (good)
            return SL_OK;
    }
    return sl_fail(err, SL_ERR_UNSUPPORTED, "%s %s: no layer can be int8 with %s (the cost with none is %.2g): take "
                   "another precision", x->s->what, x->s->name, x->s->kept, without);
}

static sl_status measure(const choice *x, sl_error *err)
{
    for (int j = 0; j < x->count; j++)
        x->ranges[j].tensor = x->g->tensors[x->tensors[j]].name;
    SL_TRY(sl_int8_measure(x->s, x->g, x->tensors, x->count, x->ranges, x->wide, err));
    for (int j = 0; j < x->count; j++)
        x->c[j] = (candidate){.range = x->ranges[j], .order = j};
    return SL_OK;
}

static sl_status open_choice(sl_int8_subject *s, choice *x, sl_error *err)
{
    *x = (choice){.s = s};
    SL_TRY(s->graph(s, &x->g, err));
    const size_t most = (size_t)x->g->n_tensors + 1, numbers = s->count * (size_t)s->dim;
    x->tensors = sl_calloc_aligned(most, sizeof *x->tensors);
    x->c = sl_calloc_aligned(most, sizeof *x->c);
    x->ranges = sl_calloc_aligned(most, sizeof *x->ranges);
    x->wide = sl_calloc_aligned(numbers, sizeof *x->wide);
    x->narrow = sl_calloc_aligned(numbers, sizeof *x->narrow);
    if (!x->tensors || !x->c || !x->ranges || !x->wide || !x->narrow)
        return sl_no_memory(err, "for the ranges of a network");
    sl_range_candidates(x->g, x->tensors, &x->count);
    return SL_OK;
}

static void close_choice(choice *x)
{
    sl_graph_free(x->g);
    free(x->tensors);
    free(x->c);
    free(x->ranges);
    free(x->wide);
    free(x->narrow);
}

sl_status sl_int8_choose(sl_int8_subject *s, sl_ranges *out, int *tensors, sl_error *err)
{
    choice x;
    double without;
    int used = 0;
    *out = (sl_ranges){0};
    sl_status status = open_choice(s, &x, err);
    s->total = 3 * s->count + (size_t)(x.count + 1) * s->quick;
    if (status == SL_OK)
        status = measure(&x, err);
    if (status == SL_OK)
        status = measure_costs(&x, &without, err);
    if (status == SL_OK)
        status = choose_cheapest(&x, without, &used, err);
    if (status == SL_OK)
        status = keep_ranges(x.c, used, out, err);
    *tensors = x.count;
    close_choice(&x);
    return status;
}

sl_status sl_int8_take_all(sl_int8_subject *s, sl_ranges *out, sl_error *err)
{
    choice x;
    *out = (sl_ranges){0};
    sl_status status = open_choice(s, &x, err);
    s->total = 2 * s->count;
    if (status == SL_OK)
        status = measure(&x, err);
    if (status == SL_OK)
        status = keep_ranges(x.c, x.count, out, err);
    close_choice(&x);
    return status;
}
