/* emd of patch maps of the caller's own: no templates, no gallery, no embeddings to mix with. */
#include "match/patch/emd_maps.h"

#include <stdlib.h>

#include "base/mem.h"
#include "match/patch/weighting.h"

sl_match_options sl_emd_defaults(void)
{
    return sl_match_defaults_of(SL_RERANK_EMD);
}

sl_status sl_emd_maps_layout(const sl_match_options *options, const sl_patch_map *map, sl_match_layout *out,
                             sl_error *err)
{
    const sl_match_options defaults = sl_emd_defaults();
    sl_match_options o = options ? *options : defaults;
    o.alpha = defaults.alpha; /* not used here, so not checked */
    o.k = defaults.k;
    o.rerank = defaults.rerank;
    if (o.feature != SL_FEATURE_MAP)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "patch maps of your own are compared as they are: put the contributions "
                       "there and leave the feature at map");
    SL_TRY(sl_match_options_check(&o, err));
    if (sl_weighting_of(o.weighting)->trust)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "patch maps of your own have no trust: use another weighting, or "
                       "templates");
    return sl_match_layout_make(&o, map->rows, map->cols, map->channels, map->embedding ? map->dim : 0, out, err);
}

typedef struct {
    const sl_patch_map *query, *candidates;
} maps;

static sl_status source_of_candidate(void *context, size_t i, sl_patch_source *out, sl_error *err)
{
    const maps *m = context;
    const sl_patch_map *q = m->query, *c = &m->candidates[i];
    if (c->rows != q->rows || c->cols != q->cols || c->channels != q->channels)
        return sl_fail(err, SL_ERR_MISMATCH, "candidate %zu is a map of %dx%dx%d, the query of %dx%dx%d", i, c->rows,
                       c->cols, c->channels, q->rows, q->cols, q->channels);
    if (c->embedding && c->dim != q->dim)
        return sl_fail(err, SL_ERR_MISMATCH, "candidate %zu has an embedding of %d, the query of %d", i, c->dim,
                       q->dim);
    if (!c->patches)
        return sl_fail(err, SL_ERR_ARGUMENT, "candidate %zu has no patches", i);
    *out = sl_patch_source_of_map(c);
    return SL_OK;
}

/* A query set with its memory and a matcher. */
typedef struct {
    sl_match_layout layout;
    sl_patch_set query;
    sl_matcher *matcher;
    void *memory;
} search;

static void search_close(search *s)
{
    sl_matcher_close(s->matcher);
    free(s->memory);
}

static sl_status search_open(search *s, const sl_match_layout *layout, const sl_patch_source *query, int threads,
                             sl_error *err)
{
    *s = (search){.layout = *layout};
    s->memory = sl_alloc_aligned(sl_patch_set_bytes(&s->layout, SL_ROLE_QUERY));
    if (!s->memory)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a query's patches");
    sl_status status = sl_patch_set_init(&s->query, &s->layout, SL_ROLE_QUERY, s->memory, query, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "query");
    return sl_matcher_open(&s->layout, threads, &s->matcher, err);
}

static sl_status open_maps(search *s, const sl_patch_map *query, const sl_match_options *options, int threads,
                           sl_error *err)
{
    *s = (search){0};
    if (!query || !query->patches)
        return sl_fail(err, SL_ERR_ARGUMENT, "the query has no patches");
    sl_match_layout layout;
    SL_TRY(sl_emd_maps_layout(options, query, &layout, err));
    const sl_patch_source source = sl_patch_source_of_map(query);
    return search_open(s, &layout, &source, threads, err);
}

sl_status sl_emd_compare(const sl_patch_map *query, const sl_patch_map *candidates, size_t n,
                         const sl_match_options *options, float *scores, int *iterations, sl_error *err)
{
    search s;
    sl_status status = open_maps(&s, query, options, options ? options->threads : 0, err);
    maps m = {.query = query, .candidates = candidates};
    if (status == SL_OK)
        status = sl_matcher_scores_of(s.matcher, &s.query, n, source_of_candidate, &m, scores, iterations, err);
    search_close(&s);
    for (size_t i = 0; status != SL_OK && i < n; i++) {
        scores[i] = 0;
        if (iterations)
            iterations[i] = 0;
    }
    return status;
}

sl_status sl_emd_plan(const sl_patch_map *query, const sl_patch_map *candidate, const sl_match_options *options,
                      float *plan, float *query_weights, float *candidate_weights, sl_error *err)
{
    search s;
    void *memory = NULL;
    sl_status status = open_maps(&s, query, options, 1, err);
    if (status != SL_OK)
        goto done;
    maps m = {.query = query, .candidates = candidate};
    sl_patch_source source;
    sl_patch_set set;
    SL_TRY_GOTO(source_of_candidate(&m, 0, &source, err), done);
    memory = sl_alloc_aligned(sl_patch_set_bytes(&s.layout, SL_ROLE_CANDIDATE));
    if (!memory) {
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a candidate's patches");
        goto done;
    }
    status = sl_patch_set_init(&set, &s.layout, SL_ROLE_CANDIDATE, memory, &source, err);
    if (status != SL_OK) {
        sl_fail_in(err, status, "candidate");
        goto done;
    }
    status = sl_matcher_plan(s.matcher, &s.query, &set, plan, NULL, query_weights, candidate_weights, NULL, err);
done:
    free(memory);
    search_close(&s);
    return status;
}
