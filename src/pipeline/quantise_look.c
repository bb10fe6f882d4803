/* A learned look in int8, from pairs of maps (docs/int8-format.md). A sample is a pair; its answer is the score. */
#include "pipeline/quantise_look.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "model/int8/int8_choose.h"
#include "pipeline/look_int8.h"

/* Each tensor's cost is measured on so many queries. Costs are squares of differences; where a mean |difference| may be
 * .01, the square of their root mean square is about 1.6 times .01^2 as differences spread. The first try goes over. */
enum { COST_QUERIES = 5 };
#define COST_BUDGET (3 * SL_LOOK_INT8_MEAN * SL_LOOK_INT8_MEAN)

typedef struct {
    sl_int8_subject subject;
    const sl_look_network *l;
    const sl_look_pairs *pairs;
    double mean, most, same_best; /* |differences| to f32 and the share of queries, as judged last */
} pairs_subject;

/* ---- what is measured ---- */

static sl_status pairs_graph(const sl_int8_subject *s, sl_graph **out, sl_error *err)
{
    return sl_look_network_graph(((const pairs_subject *)s)->l, 1, s->batch, out, err);
}

static sl_status compile_pairs(const sl_int8_subject *s, const sl_plan_options *options, sl_plan **out, sl_error *err)
{
    sl_graph *g;
    SL_TRY(pairs_graph(s, &g, err));
    sl_status status = sl_plan_compile_as(g, options, out, err);
    sl_graph_free(g);
    return status;
}

/* A run is a query beside its candidates, all of them. */
static sl_status fill_pairs(sl_int8_subject *s, sl_plan *plan, size_t first, size_t n, sl_error *err)
{
    const pairs_subject *p = (const pairs_subject *)s;
    const size_t numbers = (size_t)p->l->look.cells * (size_t)p->l->look.channels, query = first / (size_t)s->batch;
    SL_TRY(p->pairs->map(p->pairs->context, query, SL_LOOK_QUERY, sl_plan_input(plan, 0, NULL), err));
    for (size_t i = 0; i < n; i++)
        SL_TRY(p->pairs->map(p->pairs->context, query, (int)i, sl_plan_input(plan, 1, NULL) + i * numbers, err));
    return SL_OK;
}

static size_t best_of(const float *scores, int n)
{
    size_t best = 0;
    for (size_t i = 1; i < (size_t)n; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}

static bool judge_pairs(sl_int8_subject *s, const float *wide, const float *narrow, size_t n, double *cost)
{
    pairs_subject *p = (pairs_subject *)s;
    const size_t batch = (size_t)s->batch;
    p->mean = p->most = p->same_best = *cost = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)narrow[i] - wide[i]);
        *cost += d * d / (double)n;
        p->mean += d / (double)n;
        p->most = d > p->most ? d : p->most;
    }
    for (size_t i = 0; i < n; i += batch)
        p->same_best += (best_of(wide + i, s->batch) == best_of(narrow + i, s->batch)) * (double)batch / (double)n;
    return p->mean <= SL_LOOK_INT8_MEAN; /* false for NaN */
}

static pairs_subject subject_of(const sl_look_network *l, const sl_look_pairs *pairs, int threads)
{
    const size_t batch = (size_t)pairs->candidates,
                 quick = pairs->queries < COST_QUERIES ? pairs->queries : COST_QUERIES;
    const sl_int8_subject s = {.what = "look", .name = l->look.name ? l->look.name : sl_rerank_name(l->look.rerank),
                               .kept = "scores that differ from f32's by .01 in the mean",
                               .count = pairs->queries * batch, .quick = quick * batch, .batch = pairs->candidates,
                               .dim = 1, .threads = threads ? threads : sl_cpu_count(), .budget = COST_BUDGET,
                               .graph = pairs_graph, .compile = compile_pairs, .fill = fill_pairs,
                               .judge = judge_pairs};
    return (pairs_subject){.subject = s, .l = l, .pairs = pairs};
}

sl_status sl_look_int8_take_all(sl_look_network *l, const sl_look_pairs *pairs, int threads, sl_error *err)
{
    pairs_subject p = subject_of(l, pairs, threads);
    return sl_int8_take_all(&p.subject, &l->int8.ranges, err);
}

/* ---- the probe ---- */

/* Of each number of a map its mean, and the square of it, over all pairs. */
static sl_status measure_maps(const sl_look_pairs *pairs, size_t numbers, float *map, float *mean, float *square,
                              sl_error *err)
{
    const float share = 1 / ((float)pairs->queries * (float)(pairs->candidates + 1));
    for (size_t q = 0; q < pairs->queries; q++)
        for (int i = SL_LOOK_QUERY; i < pairs->candidates; i++) {
            SL_TRY(pairs->map(pairs->context, q, i, map, err));
            for (size_t k = 0; k < numbers; k++) {
                mean[k] += share * map[k];
                square[k] += share * map[k] * map[k];
            }
        }
    return SL_OK;
}

/* Two maps drawn, each number with the mean and the spread that it has: what the look reads looks like that, and is of
 * nobody. The mean alone would not do: its numbers are small, and a wrong range hardly hurts them. */
static sl_status make_probe(sl_look_network *l, const sl_look_pairs *pairs, sl_error *err)
{
    const size_t numbers = (size_t)l->look.cells * (size_t)l->look.channels;
    float *all = sl_calloc_aligned(3 * numbers, sizeof *all), *probe = l->int8.probe;
    if (!all)
        return sl_no_memory(err, "to measure a network");
    float *mean = all + numbers, *square = all + 2 * numbers;
    sl_status status = measure_maps(pairs, numbers, all, mean, square, err);
    sl_rng rng = sl_rng_seed(1);
    for (size_t k = 0; k < 2 * numbers; k++) {
        const float m = mean[k % numbers], spread = sqrtf(3 * fmaxf(square[k % numbers] - m * m, 0));
        probe[k] = m + spread * (float)sl_rng_range(&rng, -1, 1);
    }
    free(all);
    return status;
}

/* The probe's score as this precision makes it. */
static sl_status score_probe(const pairs_subject *p, sl_compute precision, float *out, sl_error *err)
{
    const sl_plan_options options = {.threads = p->subject.threads, .precision = precision,
                                     .ranges = &p->l->int8.ranges};
    sl_look_plan *plan;
    SL_TRY(sl_look_plan_open(p->l, 1, 1, &options, &plan, err));
    sl_status status = sl_look_int8_probe(p->l, 1, plan, out, err);
    sl_look_plan_close(plan);
    return status;
}

/* ---- the result ---- */

/* The ranges are there. */
static sl_status finish_model(const pairs_subject *p, sl_look_network *l, sl_error *err)
{
    sl_int8_model *m = &l->int8;
    float narrow;
    m->kind = SL_INT8_LOOK;
    memcpy(m->fingerprint, l->look.own, sizeof m->fingerprint);
    m->width = l->look.channels;
    m->height = l->look.cells;
    m->channels = 2;
    m->dim = 1;
    SL_TRY(sl_int8_model_alloc(m, err));
    SL_TRY(make_probe(l, p->pairs, err));
    SL_TRY(score_probe(p, SL_COMPUTE_F32, m->expected, err));
    SL_TRY(score_probe(p, SL_COMPUTE_INT8, &narrow, err));
    m->agreement = (float)fmax(0, 1 - fabs((double)narrow - m->expected[0]));
    return SL_OK;
}

static sl_status make_ranges(sl_look_network *l, const sl_look_pairs *pairs, const sl_look_quantise_options *o,
                             sl_look_int8_report *report, sl_error *err)
{
    int tensors;
    pairs_subject p = subject_of(l, pairs, o->threads);
    p.subject.progress = o->progress;
    p.subject.context = o->context;
    SL_TRY(sl_int8_choose(&p.subject, &l->int8.ranges, &tensors, err));
    *report = (sl_look_int8_report){p.subject.count, pairs->mates, tensors, l->int8.ranges.count,
                                    p.mean, p.most, p.same_best};
    return finish_model(&p, l, err);
}

static sl_status quantise(sl_look_network *l, const sl_look_quantise_options *o, const sl_gallery *gallery,
                          sl_look_int8_report *report, sl_error *err)
{
    sl_look_pairs pairs;
    char *path = NULL;
    SL_TRY(sl_look_pairs_of_gallery(&l->look, gallery, o->seed, &pairs, err));
    sl_status status = make_ranges(l, &pairs, o, report, err);
    sl_look_pairs_free(&pairs);
    if (status == SL_OK && !o->file)
        status = sl_look_int8_path(o->models_dir, l, &path, err);
    if (status == SL_OK)
        status = sl_int8_write(&l->int8, o->file ? o->file : path, err);
    free(path);
    return status;
}

sl_status sl_look_quantise(const sl_look_quantise_options *o, const sl_gallery *gallery, sl_look_int8_report *report,
                           sl_error *err)
{
    sl_look *look;
    sl_look_int8_report told;
    SL_TRY(sl_compute_check(SL_COMPUTE_INT8, err));
    SL_TRY(sl_look_open(o->models_dir, o->look, SL_COMPUTE_F32, &look, err));
    sl_status status = quantise((sl_look_network *)look, o, gallery, &told, err);
    if (status == SL_OK && report)
        *report = told;
    sl_look_close(look);
    return status;
}
