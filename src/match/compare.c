/* The public comparisons: two templates, and maps of the caller's own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/template.h"
#include "match/second_look.h"

static sl_status one_source(void *context, size_t candidate, sl_patch_source *out, sl_error *err)
{
    (void)candidate, (void)err;
    *out = *(const sl_patch_source *)context;
    return SL_OK;
}

static sl_status look_again(const sl_template *query, const sl_template *other, const sl_match_options *options,
                            float *stage2, int *iterations, sl_error *err)
{
    const sl_patch_source query_source = sl_patch_source_of(query);
    sl_patch_source other_source = sl_patch_source_of(other);
    sl_match_options one_thread = *options;
    sl_second_look *look;
    one_thread.threads = 1;
    SL_TRY(sl_second_look_open(&one_thread, &query->shape, &look, err));
    sl_status status = sl_second_look_query(look, &query_source, err);
    if (status == SL_OK)
        status = sl_second_look_scores(look, 1, one_source, &other_source, stage2, iterations, err);
    sl_second_look_close(look);
    return status;
}

sl_status sl_compare(const sl_template *query, const sl_template *other, const sl_match_options *options,
                     sl_score *out, sl_error *err)
{
    *out = (sl_score){.stage2 = NAN};
    sl_match_options settled = options ? *options : sl_match_defaults();
    if (!query || !other)
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_compare: a template is NULL");
    SL_TRY(sl_shape_check_same(&query->shape, &other->shape, err));
    sl_match_suit(&settled, &query->shape);
    options = &settled;
    SL_TRY(sl_match_options_check(options, err));
    const sl_template_shape *shape = &query->shape;
    const float stage1 = sl_scan_dot(query->embedding, other->embedding, shape->dim);
    if (!isfinite(stage1))
        return sl_fail(err, SL_ERR_NUMERIC, "sl_compare: an embedding has NaN or infinity");
    if (options->rerank == SL_RERANK_NONE) {
        *out = (sl_score){.stage1 = stage1, .stage2 = NAN, .score = stage1};
        return SL_OK;
    }
    SL_TRY(sl_second_look_check(options, &other->shape, err));
    float stage2;
    int iterations = 0;
    sl_status status = look_again(query, other, options, &stage2, &iterations, err);
    if (status == SL_OK)
        *out = (sl_score){.stage1 = stage1,
                          .stage2 = stage2,
                          .score = options->alpha * stage2 + (1 - options->alpha) * stage1,
                          .iterations = iterations};
    return status;
}

sl_status sl_own_maps_check(const sl_match_options *options, sl_error *err)
{
    if (options->feature != SL_FEATURE_MAP)
        return sl_fail(err, SL_ERR_ARGUMENT, "patch maps of your own are compared as they are: put the contributions "
                       "there and leave the feature at map");
    if (options->weighting == SL_WEIGHT_TRUST)
        return sl_fail(err, SL_ERR_ARGUMENT, "patch maps of your own have no trust: use another weighting, or "
                       "templates");
    return SL_OK;
}

typedef struct {
    const sl_patch_map *query, *candidates;
} maps;

static sl_status source_of_candidate(void *context, size_t i, sl_patch_source *out, sl_error *err)
{
    const maps *m = context;
    const sl_patch_map *q = m->query, *c = &m->candidates[i];
    if (c->rows != q->rows || c->cols != q->cols || c->channels != q->channels)
        return sl_fail(err, SL_ERR_MISMATCH, "candidate %zu is a map of %dx%dx%d, the query of %dx%dx%d", i,
                       c->rows, c->cols, c->channels, q->rows, q->cols, q->channels);
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
    const sl_match_options defaults = sl_match_defaults_of(SL_RERANK_EMD);
    sl_match_options o = options ? *options : defaults;
    o.alpha = defaults.alpha; /* not used here, so not checked */
    o.k = defaults.k;
    o.rerank = defaults.rerank;
    SL_TRY(sl_own_maps_check(&o, err));
    if (!query || !query->patches)
        return sl_fail(err, SL_ERR_ARGUMENT, "the query has no patches");
    sl_match_layout layout;
    SL_TRY(sl_match_options_check(&o, err));
    SL_TRY(sl_match_layout_make(&o, query->rows, query->cols, query->channels, query->embedding ? query->dim : 0,
                                &layout, err));
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
