/* Identification of a whole set of queries in every configuration of a sweep. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/threads.h"
#include "eval/outcomes.h"
#include "eval/ranker.h"
#include "secondlook_eval.h"

enum { BLOCK = 256 }; /* queries of one stage 1 product */

/* One thread's memory. */
typedef struct {
    sl_ranker ranker;
    uint8_t *hits, *again, *scratch; /* [depth + 1] of the first ranking, of another order */
} worker;

typedef struct {
    const sl_experiment *x;
    const sl_eval_options *options;
    sl_outcomes *out;
    worker *workers; /* [x->threads] */
    uint32_t *index; /* [BLOCK, depth + 1] of the block's scan, and its scores */
    float *score;
    size_t from; /* the block's first query among those asked */
    atomic_size_t done;
    atomic_bool stop; /* the caller asked for it */
} evaluation;

/* ---- one query ---- */

static sl_outcome outcome_of(sl_rates rates, const uint8_t *hits, size_t n, uint32_t face)
{
    sl_outcome o = {.rank = (uint32_t)sl_first_hit(hits, n), .face = n ? face : UINT32_MAX};
    for (int m = 0; m < SL_METRICS; m++)
        o.metric[m] = (float)rates.metric[m];
    return o;
}

/* One configuration after its second look has scored. */
static void judge_order(const evaluation *e, worker *w, size_t config, size_t r, sl_outcome *out)
{
    sl_ranker *ranker = &w->ranker;
    const sl_match_options *match = &e->x->sweep.configs[config].match;
    size_t n = ranker->known, k = (size_t)match->k < n ? (size_t)match->k : n;
    sl_ranker_order(ranker, match->alpha, k);
    for (size_t i = 0; i < k; i++)
        w->again[i] = w->hits[ranker->list[i].position];
    memcpy(w->again + k, w->hits + k, n - k);
    *out = outcome_of(sl_rates_of(w->again, n, r), w->again, n, k ? ranker->order[ranker->list[0].position] : 0);
}

/* All configurations on top of first ranking f. */
static sl_status judge_ranking(const evaluation *e, worker *w, size_t f, size_t i, sl_error *err)
{
    const sl_sweep *s = &e->x->sweep;
    const sl_protocol *p = &e->x->protocol;
    sl_ranker *ranker = &w->ranker;
    size_t query = p->asked[i], r = p->relevant[query], n = ranker->known, asked = p->asked_count;
    for (size_t j = 0; j < n; j++)
        w->hits[j] = p->labels[ranker->order[j]] == p->person[query];
    const sl_outcome first = outcome_of(sl_rates_of(w->hits, n, r), w->hits, n, ranker->order[0]);
    e->out->first[f * asked + i] = first;
    for (size_t c = 0; c < s->count; c++)
        if (s->first_of[c] == f) {
            sl_rates best = sl_rates_best(w->hits, n, (size_t)s->configs[c].match.k, r, w->scratch);
            e->out->best[c * asked + i] = outcome_of(best, w->scratch, n, 0);
            e->out->second[c * asked + i] = first; /* without a second look it stays so */
        }
    for (size_t l = 0; l < s->look_count; l++) {
        if (s->looks[l].first != f)
            continue;
        SL_TRY(sl_ranker_look(ranker, l, s->looks[l].k < n ? s->looks[l].k : n, err));
        for (size_t c = 0; c < s->count; c++)
            if (s->look_of[c] == l)
                judge_order(e, w, c, r, &e->out->second[c * asked + i]);
    }
    return SL_OK;
}

static sl_status judge_query(const evaluation *e, worker *w, size_t row, sl_error *err)
{
    const sl_experiment *x = e->x;
    size_t width = x->depth + 1;
    SL_TRY(sl_ranker_ask(&w->ranker, x->protocol.asked[e->from + row], err));
    for (size_t f = 0; f < x->sweep.first_count; f++) {
        SL_TRY(sl_ranker_first(&w->ranker, f, e->index + row * width, e->score + row * width, err));
        SL_TRY(judge_ranking(e, w, f, e->from + row, err));
    }
    return SL_OK;
}

/* Thread 0 is the caller's: it tells how far all are. */
static sl_status query_item(void *context, size_t row, int number, sl_error *err)
{
    evaluation *e = context;
    const sl_eval_options *o = e->options;
    if (atomic_load(&e->stop))
        return SL_OK;
    SL_TRY(judge_query(e, &e->workers[number], row, err));
    size_t done = atomic_fetch_add(&e->done, 1) + 1;
    if (number == 0 && o->progress && o->progress(o->context, done, e->x->protocol.asked_count))
        atomic_store(&e->stop, true);
    return SL_OK;
}

/* ---- all queries ---- */

static sl_status judge_all(evaluation *e, sl_error *err)
{
    const sl_protocol *p = &e->x->protocol;
    for (e->from = 0; e->from < p->asked_count; e->from += BLOCK) {
        size_t count = p->asked_count - e->from < BLOCK ? p->asked_count - e->from : BLOCK;
        double start = sl_now();
        SL_TRY(sl_experiment_scan(e->x, p->asked + e->from, count, e->index, e->score, err));
        for (size_t f = 0; f < e->x->sweep.first_count; f++)
            if (!sl_looks_again(&e->x->sweep.firsts[f]))
                e->out->first_seconds[f] += (sl_now() - start) * e->x->threads;
        SL_TRY(sl_parallel_try(e->x->threads, count, query_item, e, err));
        if (atomic_load(&e->stop))
            return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu queries", atomic_load(&e->done),
                           p->asked_count);
    }
    const sl_eval_options *o = e->options;
    if (o->progress && o->progress(o->context, p->asked_count, p->asked_count))
        return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after all queries");
    return SL_OK;
}

static sl_status open_workers(evaluation *e, sl_error *err)
{
    size_t width = e->x->depth + 1;
    e->index = sl_calloc_aligned(BLOCK * width, sizeof *e->index);
    e->score = sl_calloc_aligned(BLOCK * width, sizeof *e->score);
    e->workers = sl_calloc_aligned((size_t)e->x->threads, sizeof *e->workers);
    if (!e->index || !e->score || !e->workers)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to rank %zu faces", e->x->protocol.face_count);
    for (int t = 0; t < e->x->threads; t++) {
        worker *w = &e->workers[t];
        w->hits = sl_calloc_aligned(3, width);
        if (!w->hits)
            return sl_fail(err, SL_ERR_MEMORY, "no memory to rank %zu faces", e->x->protocol.face_count);
        w->again = w->hits + width;
        w->scratch = w->again + width;
        SL_TRY(sl_ranker_open(e->x, &w->ranker, err));
    }
    return SL_OK;
}

static void close_workers(evaluation *e)
{
    for (int t = 0; e->workers && t < e->x->threads; t++) {
        sl_ranker_close(&e->workers[t].ranker);
        free(e->workers[t].hits);
    }
    free(e->workers);
    free(e->index);
    free(e->score);
}

/* Seconds of all threads. */
static void add_seconds(const evaluation *e)
{
    const sl_sweep *s = &e->x->sweep;
    for (int t = 0; t < e->x->threads; t++) {
        const sl_ranker *r = &e->workers[t].ranker;
        for (size_t f = 0; f < s->first_count; f++)
            e->out->first_seconds[f] += r->first_seconds[f];
        for (size_t l = 0; l < s->look_count; l++)
            e->out->look_seconds[l] += r->look_seconds[l];
    }
}

static sl_status judge(const sl_experiment *x, const sl_eval_options *options, sl_outcomes *out, sl_error *err)
{
    const sl_sweep *s = &x->sweep;
    size_t asked = x->protocol.asked_count;
    *out = (sl_outcomes){.x = x,
                         .first = sl_calloc_aligned(asked + 1, s->first_count * sizeof(sl_outcome)),
                         .second = sl_calloc_aligned(asked + 1, s->count * sizeof(sl_outcome)),
                         .best = sl_calloc_aligned(asked + 1, s->count * sizeof(sl_outcome)),
                         .first_seconds = sl_calloc_aligned(s->first_count, sizeof(double)),
                         .look_seconds = sl_calloc_aligned(s->look_count + 1, sizeof(double))};
    if (!out->first || !out->second || !out->best || !out->first_seconds || !out->look_seconds)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu queries in %zu configurations", asked, s->count);
    evaluation e = {.x = x, .options = options, .out = out};
    sl_status status = open_workers(&e, err);
    if (status == SL_OK)
        status = judge_all(&e, err);
    if (status == SL_OK)
        add_seconds(&e);
    close_workers(&e);
    return status;
}

static void free_outcomes(sl_outcomes *o)
{
    free(o->first);
    free(o->second);
    free(o->best);
    free(o->first_seconds);
    free(o->look_seconds);
}

sl_status sl_eval_identify(const sl_gallery *gallery, const sl_gallery *queries, const sl_eval_config *configs,
                           size_t count, const sl_eval_options *options, sl_evaluation *out, sl_error *err)
{
    sl_experiment x;
    sl_outcomes outcomes = {0};
    memset(out, 0, count * sizeof *out);
    SL_TRY(sl_experiment_open(gallery, queries, configs, count, options, &x, err));
    sl_status status = sl_experiment_open_bank(&x, options, err);
    if (status == SL_OK)
        status = judge(&x, options, &outcomes, err);
    if (status == SL_OK)
        status = sl_outcomes_summarise(&outcomes, options->seed, out, err);
    if (status == SL_OK)
        status = sl_outcomes_tell(&outcomes, options, err);
    free_outcomes(&outcomes);
    sl_experiment_close(&x);
    if (status != SL_OK)
        memset(out, 0, count * sizeof *out);
    return status;
}
