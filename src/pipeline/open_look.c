/* A learned look opened: its network, and a worker's plans, over which batches of pairs go. */
#include "pipeline/look_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "model/arch/arch.h"
#include "pipeline/look_int8.h"

/* Pairs of one run. The last dense layers have more weights than fit into a cache: they are read once a run, whatever
 * its pairs, so that large runs are quick. */
enum { SIZES = 3, BATCH = 50 };
static const int sizes[SIZES] = {BATCH, 10, 1};

typedef struct {
    const sl_look_network *of;
    int threads;
    sl_look_plan *plans[SIZES]; /* for so many pairs each; compiled when first needed */
    sl_look_plan *pairs;        /* for BATCH queries beside as many candidates, likewise */
    float *query, *candidates;  /* [R, C], [BATCH, R, C] */
    float *queries;             /* of pairs [BATCH, R, C], likewise */
} worker;

/* ---- a worker ---- */

static void close_worker(void *opened)
{
    worker *w = opened;
    for (int i = 0; i < SIZES; i++)
        sl_look_plan_close(w->plans[i]);
    sl_look_plan_close(w->pairs);
    free(w->queries);
    free(w->query);
    free(w->candidates);
    free(w);
}

static sl_status open_worker(const sl_look *look, int threads, void **out, sl_error *err)
{
    const size_t numbers = (size_t)look->cells * (size_t)look->channels;
    worker *w = calloc(1, sizeof *w);
    if (w) {
        w->of = (const sl_look_network *)look;
        w->threads = threads > 0 ? threads : sl_cpu_count();
        w->query = sl_calloc_aligned(numbers, sizeof *w->query);
        w->candidates = sl_calloc_aligned(numbers * BATCH, sizeof *w->candidates);
    }
    if (!w || !w->query || !w->candidates) {
        if (w)
            close_worker(w);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a second look");
    }
    *out = w;
    return SL_OK;
}

static float *query_of(void *opened) { return ((worker *)opened)->query; }

static float *candidate_of(void *opened, int i)
{
    const worker *w = opened;
    return w->candidates + (size_t)i * (size_t)w->of->look.cells * (size_t)w->of->look.channels;
}

sl_status sl_look_network_graph(const sl_look_network *l, int queries, int candidates, sl_graph **out, sl_error *err)
{
    static const char *const score = SL_LOOK_SCORE;
    const sl_shape shapes[2] = {{3, {queries, l->look.cells, l->look.channels}},
                                {3, {candidates, l->look.cells, l->look.channels}}};
    return sl_graph_specialize(l->graph, shapes, &score, 1, out, err);
}

static sl_status compile(const worker *w, int queries, int candidates, sl_look_plan **out, sl_error *err)
{
    const sl_look_network *l = w->of;
    const sl_plan_options options = {.threads = w->threads, .precision = l->precision, .weights = l->weights,
                                     .ranges = &l->int8.ranges};
    return sl_look_plan_open(l, queries, candidates, &options, out, err);
}

/* For one query; in int8 the plan tests itself. */
static sl_status compile_tested(const worker *w, int candidates, sl_look_plan **out, sl_error *err)
{
    const sl_look_network *l = w->of;
    SL_TRY(compile(w, 1, candidates, out, err));
    sl_status status = l->int8.probe ? sl_look_int8_test(l, candidates, *out, err) : SL_OK;
    if (status != SL_OK) {
        sl_look_plan_close(*out);
        *out = NULL;
    }
    return status;
}

/* The largest run that n pairs nearly fill: what is behind them is worked out for nothing. */
static int size_for(int n)
{
    int i = 0;
    while (n < (4 * sizes[i] + 4) / 5)
        i++;
    return i;
}

static sl_status run(void *opened, int n, float *scores, sl_error *err)
{
    worker *w = opened;
    for (int from = 0, some; from < n; from += some) {
        const int size = size_for(n - from);
        some = n - from < sizes[size] ? n - from : sizes[size];
        if (!w->plans[size])
            SL_TRY(compile_tested(w, sizes[size], &w->plans[size], err));
        SL_TRY(sl_look_plan_run(w->plans[size], w->query, candidate_of(w, from), some, scores + from, err));
    }
    return SL_OK;
}

static sl_status pairs_of(void *opened, float **first, float **second, sl_error *err)
{
    worker *w = opened;
    if (!w->queries)
        w->queries = sl_calloc_aligned((size_t)w->of->look.cells * (size_t)w->of->look.channels * BATCH, sizeof(float));
    if (!w->queries)
        return sl_no_memory(err, "for pairs");
    if (!w->pairs)
        SL_TRY(compile(w, BATCH, BATCH, &w->pairs, err));
    *first = w->queries;
    *second = w->candidates;
    return SL_OK;
}

static sl_status run_pairs(void *opened, float *scores, sl_error *err)
{
    const worker *w = opened;
    return sl_look_plan_run(w->pairs, w->queries, w->candidates, BATCH, scores, err);
}

/* ---- the look ---- */

static void free_look(sl_look *look)
{
    sl_look_network *l = (sl_look_network *)look;
    sl_network_close(&l->network);
    sl_graph_free(l->own);
    sl_state_dict_free(&l->dict);
    sl_weights_free(l->weights);
    sl_int8_model_free(&l->int8);
    free(look->name);
    free(look->backbone_name);
    free(l);
}

sl_status sl_look_network_new(sl_compute precision, sl_look_network **out, sl_error *err)
{
    *out = NULL;
    SL_TRY(sl_compute_check(precision, err));
    sl_look_network *l = calloc(1, sizeof *l);
    if (l)
        l->weights = sl_weights_new();
    if (!l || !l->weights) {
        free(l);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a second look");
    }
    l->precision = precision;
    l->look = (sl_look){.batch = BATCH, .open = open_worker, .close = close_worker, .query = query_of,
                        .candidate = candidate_of, .run = run, .pairs = pairs_of, .run_pairs = run_pairs,
                        .free = free_look};
    *out = l;
    return SL_OK;
}

void sl_look_network_sized(sl_look_network *l, const sl_graph *graph)
{
    const sl_shape *s = &graph->tensors[graph->inputs[1]].shape;
    l->graph = graph;
    l->look.cells = (int)s->dim[1];
    l->look.channels = (int)s->dim[2];
}

static void make_fingerprint(sl_look_network *l)
{
    const sl_manifest *m = l->network.manifest;
    char text[256], hex[65];
    sl_hex32(l->network.digest, hex);
    int n = snprintf(text, sizeof text, "secondlook look 1\n%s\n%s\n%d\n", hex, m->arch, m->form);
    sl_sha256_of(text, (size_t)n, l->look.own);
}

static sl_status check_size(const sl_look_network *l, sl_error *err)
{
    const int *grid = l->network.manifest->patch_grid;
    if (grid[0] && (grid[0] * grid[1] != l->look.cells || grid[2] != l->look.channels))
        return sl_fail(err, SL_ERR_MISMATCH,
                       "the look %s: the manifest states maps of %dx%dx%d, the weights are for %d "
                       "cells and %d channels",
                       l->look.name, grid[0], grid[1], grid[2], l->look.cells, l->look.channels);
    return SL_OK;
}

static bool read_hex32(const char *hex, uint8_t out[32])
{
    for (int i = 0; i < 32; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

static sl_status open_parts(const char *models_dir, const char *name, sl_look_network *l, sl_error *err)
{
    SL_TRY(sl_network_open(models_dir, name, SL_MODEL_LOOK, &l->network, err));
    const sl_manifest *m = l->network.manifest;
    const int rerank = m->arch ? sl_rerank_named(m->arch) : -1;
    if (rerank < 0 || !(sl_rerank_reads((sl_rerank)rerank) & SL_READS_LEARNED))
        return sl_fail(err, SL_ERR_UNSUPPORTED, "model %s: no second look has its architecture", m->name);
    l->look.rerank = (sl_rerank)rerank;
    l->look.name = sl_strdup(m->name);
    l->look.backbone_name = sl_strdup(m->backbone);
    if (!l->look.name || !l->look.backbone_name)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a second look");
    if (!read_hex32(m->backbone_fingerprint, l->look.backbone))
        return sl_fail(err, SL_ERR_FORMAT, "model %s: its backbone's fingerprint is none", m->name);
    make_fingerprint(l);
    sl_look_network_sized(l, l->network.graph);
    SL_TRY(check_size(l, err));
    return l->precision == SL_COMPUTE_INT8 ? sl_look_int8_open(models_dir, l, err) : SL_OK;
}

sl_status sl_look_open(const char *models_dir, const char *name, sl_compute precision, sl_look **out, sl_error *err)
{
    sl_look_network *l;
    *out = NULL;
    if (!name)
        return sl_fail(err, SL_ERR_ARGUMENT, "a learned look is opened by its name");
    SL_TRY(sl_look_network_new(precision, &l, err));
    sl_status status = open_parts(models_dir, name, l, err);
    if (status != SL_OK)
        free_look(&l->look);
    else
        *out = &l->look;
    return status;
}

void sl_look_close(sl_look *look)
{
    if (look)
        look->free(look);
}

const char *sl_look_name(const sl_look *look) { return look->name; }
sl_rerank sl_look_rerank(const sl_look *look) { return look->rerank; }

sl_compute sl_look_precision(const sl_look *look) { return ((const sl_look_network *)look)->precision; }
