/* How many pairs a learned look compares in a second, beside the rate at which this machine multiplies matrices. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/arch/arch.h"
#include "net/flop.h"
#include "pipeline/quantise_look.h"
#include "secondlook_eval.h"

enum { MOST_RUNS = 4096, ROUNDS = 5 };

/* ---- a look made up ---- */

/* The map of a candidate, or of the query, by its number. */
static sl_status draw_map(const void *context, size_t query, int candidate, float *out, sl_error *err)
{
    const sl_look *look = context;
    sl_rng rng = sl_rng_seed((uint64_t)(candidate - SL_LOOK_QUERY));
    (void)query, (void)err;
    for (int k = 0; k < look->cells * look->channels; k++)
        out[k] = (float)sl_rng_range(&rng, -1, 1);
    return SL_OK;
}

static sl_status make_up(const sl_look_speed_options *o, sl_look_network **out, sl_error *err)
{
    const char *name = sl_rerank_name(o->rerank);
    const sl_arch *row = name && sl_rerank_reads(o->rerank) & SL_READS_LEARNED ? sl_arch_find(name) : NULL;
    if (!row || o->depth < 1 || o->depth > 64 || o->heads < 1 || o->heads > 64 || o->cells < 1 || o->cells > 256 ||
        o->channels < 1 || o->channels > 4096)
        return sl_fail(err, SL_ERR_ARGUMENT, "a look is made up as h2 or h2l, of 1 to 64 layers and heads, 256 cells "
                       "and 4096 channels at most");
    sl_arch own = *row;
    own.transformer.depth = o->depth;
    own.transformer.heads = o->heads;
    own.transformer.cells = o->cells;
    own.transformer.width = o->channels;
    own.transformer.positions = 2 * o->cells + 2;
    SL_TRY(sl_look_network_new(o->precision, out, err));
    sl_look_network *l = *out;
    l->look.rerank = o->rerank;
    SL_TRY(sl_arch_draw(&own, 1, &l->dict, err));
    SL_TRY(sl_arch_build(&own, &l->dict, &l->own, err));
    sl_look_network_sized(l, l->own);
    const sl_look_pairs pairs = {.queries = 1, .candidates = l->look.batch, .map = draw_map, .context = &l->look};
    return o->precision == SL_COMPUTE_INT8 ? sl_look_int8_take_all(l, &pairs, o->threads, err) : SL_OK;
}

static sl_status flop_per_pair(const sl_look_network *l, double *out, sl_error *err)
{
    sl_graph *g;
    SL_TRY(sl_look_network_graph(l, 1, l->look.batch, &g, err));
    *out = sl_graph_flop(g) / l->look.batch;
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
    for (const double start = sl_now(); n < MOST_RUNS && (n < 3 || sl_now() - start < seconds);) {
        const double at = sl_now();
        SL_TRY(work(context, err));
        took[n++] = sl_now() - at;
    }
    qsort(took, (size_t)n, sizeof *took, by_value);
    *median = took[n / 2];
    return SL_OK;
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

static void close_run(pairs_run *r)
{
    if (r->worker)
        r->look->close(r->worker);
    free(r->scores);
}

static sl_status open_run(const sl_look *look, const sl_look_speed_options *o, pairs_run *r, sl_error *err)
{
    *r = (pairs_run){.look = look, .pairs = o->pairs};
    SL_TRY(look->open(look, o->threads, &r->worker, err));
    if (!(r->scores = sl_calloc_aligned((size_t)o->pairs, sizeof *r->scores)))
        return sl_no_memory(err, "for scores");
    SL_TRY(draw_map(look, 0, SL_LOOK_QUERY, look->query(r->worker), err));
    for (int i = 0; i < look->batch; i++)
        SL_TRY(draw_map(look, 0, i, look->candidate(r->worker, i), err));
    return SL_OK;
}

/* One round: the look, then products. What else runs on the machine slows both, so that their share stays true. */
static sl_status measure_round(pairs_run *r, const sl_look_speed_options *o, double flop, sl_look_speed *out,
                               sl_error *err)
{
    const sl_plan_options how = {.threads = o->threads, .precision = o->precision};
    double seconds, product;
    SL_TRY(time_runs(compare_pairs, r, o->seconds / ROUNDS, &seconds, err));
    SL_TRY(sl_measure_products(&how, &product, err));
    out->product_gflops = product / 1e9;
    out->pairs_per_s = o->pairs / seconds;
    out->query_ms = seconds * 1e3;
    out->gflop_per_pair = flop / 1e9;
    out->share = out->pairs_per_s * out->gflop_per_pair / out->product_gflops;
    return SL_OK;
}

static int by_share(const void *a, const void *b)
{
    return by_value(&((const sl_look_speed *)a)->share, &((const sl_look_speed *)b)->share);
}

/* The round whose share is the median. */
static sl_status measure(const sl_look_network *l, const sl_look_speed_options *o, sl_look_speed *out, sl_error *err)
{
    sl_look_speed rounds[ROUNDS];
    pairs_run r;
    double flop;
    SL_TRY(flop_per_pair(l, &flop, err));
    sl_status status = open_run(&l->look, o, &r, err);
    for (int i = 0; status == SL_OK && i < ROUNDS; i++)
        status = measure_round(&r, o, flop, &rounds[i], err);
    close_run(&r);
    if (status != SL_OK)
        return status;
    qsort(rounds, ROUNDS, sizeof *rounds, by_share);
    *out = rounds[ROUNDS / 2];
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
