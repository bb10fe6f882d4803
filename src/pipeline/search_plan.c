/* A search settled: checks, the look for each thread, and the derived indexes that pay for so many queries. */
#include "pipeline/search_plan.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "pipeline/engine.h"

enum { MAX_TOP = 10000, BLOCK = 16 /* queries that stage 1 takes together */ };

/* ---- checks ---- */

static sl_status check_options(const sl_engine *engine, const sl_gallery *gallery, const sl_identify_options *o,
                               sl_error *err)
{
    if (!gallery || (!engine && !o->rule))
        return sl_fail(err, SL_ERR_ARGUMENT, "identification needs a gallery, a query, and an engine or a rule");
    if (o->top < 1 || o->top > MAX_TOP)
        return sl_fail(err, SL_ERR_ARGUMENT, "top must be 1 to %d", MAX_TOP);
    if (o->rule && (o->rule->bins < 1 || o->rule->bins > SL_OCCLUSION_BINS))
        return sl_fail(err, SL_ERR_ARGUMENT, "a rule must have 1 to %d bins", SL_OCCLUSION_BINS);
    for (int b = 0; o->rule && b < o->rule->bins; b++)
        if (isinf(o->rule->threshold[b]))
            return sl_fail(err, SL_ERR_ARGUMENT, "a threshold must be a number");
    return SL_OK;
}

/* Is the query of the gallery's model, and can the look use what is stored of it? */
static sl_status check_query(const sl_search_plan *p, const sl_template *query, sl_error *err)
{
    sl_gallery_info info;
    char fingerprint[65];
    if (!query)
        return sl_fail(err, SL_ERR_ARGUMENT, "identification needs a gallery, a query, and an engine or a rule");
    if (sl_same_model(sl_gallery_shape(p->gallery)->fingerprint, query->shape.fingerprint))
        return sl_search_plan_searches(p) ? sl_second_look_check(&p->match, &query->shape, err) : SL_OK;
    sl_gallery_get_info(p->gallery, &info);
    sl_hex32(query->shape.fingerprint, fingerprint);
    return sl_fail(err, SL_ERR_MISMATCH,
                   "the gallery was made by another model (%s, %.12s) than the query (%.12s): enrol "
                   "it again, or use its model",
                   info.model, info.fingerprint, fingerprint);
}

static sl_status check_queries(const sl_search_plan *p, sl_error *err)
{
    for (size_t i = 0; i < p->count; i++) {
        sl_status status = check_query(p, p->queries[i], err);
        if (status != SL_OK)
            return p->count > 1 ? sl_fail_in(err, status, "query %zu", i) : status;
    }
    return SL_OK;
}

/* ---- the look ---- */

/* Threads share the queries by blocks; a single query has them for itself. */
static void share_threads(sl_search_plan *p)
{
    const size_t all = (size_t)(p->match.threads > 0 ? p->match.threads : sl_cpu_count());
    p->block = (p->count + all - 1) / all;
    p->block = p->block < BLOCK ? p->block : BLOCK;
    p->blocks = (p->count + p->block - 1) / p->block;
    p->threads = (int)(all < p->blocks ? all : p->blocks);
    p->each = p->count > 1 ? 1 : p->match.threads;
}

static sl_status open_looks(sl_search_plan *p, sl_error *err)
{
    const sl_template_shape *shape = sl_gallery_shape(p->gallery);
    sl_match_options own = p->match;
    own.threads = p->each;
    if (!sl_looks_again(&own) || !sl_search_plan_searches(p)) {
        SL_TRY(sl_match_options_check(&p->match, err));
        return sl_second_look_check(&p->match, shape, err);
    }
    p->looks = sl_calloc_aligned((size_t)p->threads, sizeof *p->looks);
    if (!p->looks)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to search on %d threads", p->threads);
    for (int t = 0; t < p->threads; t++)
        SL_TRY(sl_second_look_open(&own, shape, &p->looks[t], err));
    p->k = sl_looks_at(&own);
    p->prunes = sl_second_look_prunes(&p->match, p->top);
    p->solves = (sl_rerank_reads(p->match.rerank) & SL_READS_SOLVER) != 0;
    return SL_OK;
}

/* ---- derived indexes ---- */

static sl_status make_sketches(const sl_gallery *gallery, const float *embeddings, int threads, void **out,
                               sl_error *err)
{
    sl_sketches *sketches;
    (void)embeddings, (void)threads;
    SL_TRY(sl_sketches_open(sl_gallery_faces(gallery), &sketches, err));
    *out = sketches;
    return SL_OK;
}

static void destroy_sketches(void *sketches)
{
    sl_sketches_close(sketches);
}

/* Finding the directions of sketches takes as long as some hundred second looks. */
static const sl_derived_index sketch_index = {SL_DERIVED_SKETCHES, 200, make_sketches, destroy_sketches, NULL};

static sl_status find_indexes(sl_search_plan *p, sl_error *err)
{
    const int threads = p->match.threads > 0 ? p->match.threads : sl_cpu_count();
    void *sketches;
    SL_TRY(sl_gallery_expect(p->gallery, p->count, threads, err));
    if (!p->prunes || !sl_second_look_takes_sketches(p->looks[0]))
        return SL_OK;
    SL_TRY(sl_gallery_derived(p->gallery, &sketch_index, p->count, threads, &sketches, err));
    p->sketches = sketches;
    for (int t = 0; sketches && t < p->threads; t++)
        SL_TRY(sl_second_look_take_sketches(p->looks[t], sketches, err));
    return SL_OK;
}

/* ---- opening ---- */

static sl_status make_plan(const sl_engine *engine, const sl_identify_options *o, sl_search_plan *p, sl_error *err)
{
    p->faces = sl_gallery_size(p->gallery);
    p->progress = o->progress;
    p->progress_context = o->context;
    SL_TRY(sl_match_find(engine, sl_gallery_shape(p->gallery), &p->match, err));
    SL_TRY(check_queries(p, err));
    if (sl_search_plan_searches(p))
        share_threads(p);
    SL_TRY(open_looks(p, err));
    if (o->rule)
        p->rule = *o->rule;
    else
        SL_TRY(sl_rule_default(engine, p->gallery, &p->match, &p->rule, err));
    return sl_search_plan_searches(p) ? find_indexes(p, err) : SL_OK;
}

sl_status sl_search_plan_open(const sl_engine *engine, const sl_gallery *gallery, const sl_template *const *queries,
                              size_t count, const sl_identify_options *options, sl_search_plan *out, sl_error *err)
{
    *out = (sl_search_plan){0};
    SL_TRY(check_options(engine, gallery, options, err));
    *out = (sl_search_plan){
        .gallery = gallery, .queries = queries, .count = count, .match = options->match, .top = options->top};
    return make_plan(engine, options, out, err);
}

void sl_search_plan_close(sl_search_plan *plan)
{
    for (int t = 0; plan->looks && t < plan->threads; t++)
        sl_second_look_close(plan->looks[t]);
    free(plan->looks);
    *plan = (sl_search_plan){0};
}
