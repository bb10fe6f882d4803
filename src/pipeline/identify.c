/* Who is this? Queries by blocks and threads, one candidate per person, the decision. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "gallery/gallery.h"
#include "match/oae/oae.h"
#include "pipeline/engine.h"
#include "pipeline/search.h"

enum { MAX_TOP = 10000, BLOCK = 16 /* queries that stage 1 takes together */ };

sl_identify_options sl_identify_defaults(void)
{
    return (sl_identify_options){.match = sl_match_defaults(), .top = 5};
}

/* ---- the answer ---- */

/* The best face of each of the first `top` people in this order (NULL: stage 1's). */
static sl_status best_per_person(const sl_search *s, const uint32_t *order, int top, sl_candidate **out, size_t *count,
                                 sl_error *err)
{
    uint8_t *seen = calloc((size_t)sl_gallery_label_bound(s->gallery) + 1, 1);
    sl_candidate *list = calloc((size_t)top, sizeof *list);
    sl_status status = seen && list ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for %d candidates", top);
    size_t n = 0;
    for (size_t i = 0; status == SL_OK && i < s->shortlist && n < (size_t)top; i++) {
        size_t at = order ? order[i] : i, face = s->index[at];
        uint8_t *met = &seen[sl_gallery_label_id(s->gallery, face)];
        if (*met)
            continue;
        *met = 1;
        sl_entry entry;
        status = sl_gallery_entry(s->gallery, face, &entry, err);
        list[n] = (sl_candidate){.rank = (int)n + 1, .entry = face, .label = entry.label, .image = entry.image,
                                 .score = order ? s->score[at] : s->stage1[at], .stage1 = s->stage1[at],
                                 .stage2 = s->stage2[at]};
        n++;
    }
    free(seen);
    if (status != SL_OK) {
        free(list);
        return status;
    }
    *out = list;
    *count = n;
    return SL_OK;
}

static void drop_candidates(sl_answer *a)
{
    free(a->candidates);
    free(a->stage1_candidates);
    a->candidates = a->stage1_candidates = NULL;
    a->count = a->stage1_count = 0;
}

/* Judges the best candidate by the rule, by how much of the query is hidden. */
static void decide(sl_answer *a)
{
    a->bin = sl_rule_bin(&a->rule, a->hidden);
    a->threshold = a->rule.threshold[a->bin];
    a->threshold_on_stage1 = a->rule.on_stage1;
    if (a->count)
        a->decision = sl_rule_decide(&a->rule, a->candidates[0].score, a->candidates[0].stage1, a->hidden);
}

static sl_status find_hidden(const sl_match_options *match, const sl_template *query, float *out, sl_error *err)
{
    *out = NAN;
    if (!match->oae || !sl_oae_has_statistics(match->oae) || query->shape.format == SL_PATCHES_NONE)
        return SL_OK;
    return sl_oae_hidden(match->oae, query, out, err);
}

static sl_status answer_of(const sl_search *s, int top, sl_answer *out, sl_error *err)
{
    SL_TRY(best_per_person(s, s->order, top, &out->candidates, &out->count, err));
    SL_TRY(best_per_person(s, NULL, top, &out->stage1_candidates, &out->stage1_count, err));
    out->pairs = s->pairs;
    out->solver_calls = s->solved;
    decide(out);
    return SL_OK;
}

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

static sl_status check_query(const sl_gallery *gallery, const sl_template *query, sl_error *err)
{
    sl_gallery_info info;
    char fingerprint[65];
    if (!query)
        return sl_fail(err, SL_ERR_ARGUMENT, "identification needs a gallery, a query, and an engine or a rule");
    if (sl_same_model(sl_gallery_shape(gallery)->fingerprint, query->shape.fingerprint))
        return SL_OK;
    sl_gallery_get_info(gallery, &info);
    sl_hex32(query->shape.fingerprint, fingerprint);
    return sl_fail(err, SL_ERR_MISMATCH, "the gallery was made by another model (%s, %.12s) than the query (%.12s): enrol "
                   "it again, or use its model", info.model, info.fingerprint, fingerprint);
}

/* ---- many queries ---- */

typedef struct {
    const sl_identify_options *options; /* settled */
    const sl_template *const *queries;
    sl_answer *answers;
    size_t count, block; /* queries in all, and in a block */
    sl_search *searches;    /* one a thread */
} crowd;

static sl_status identify_block(void *context, size_t block, int worker, sl_error *err)
{
    crowd *c = context;
    sl_search *s = &c->searches[worker];
    const size_t first = block * c->block, n = c->count - first < c->block ? c->count - first : c->block;
    SL_TRY(sl_search_scan(s, c->queries + first, n, err));
    for (size_t i = 0; i < n; i++) {
        sl_status status = sl_search_rank(s, c->queries[first + i], i, err);
        if (status == SL_OK)
            status = answer_of(s, c->options->top, &c->answers[first + i], err);
        if (status != SL_OK)
            return c->count > 1 ? sl_fail_in(err, status, "query %zu", first + i) : status;
    }
    return SL_OK;
}

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
static const sl_derived_index sketch_index = {SL_DERIVED_SKETCHES, 200, make_sketches, destroy_sketches};

/* NULL where the second look has no use for them. */
static sl_status find_sketches(const crowd *c, const sl_gallery *gallery, int threads, void **out, sl_error *err)
{
    const sl_template_shape *shape = sl_gallery_shape(gallery);
    const sl_match_options *o = &c->options->match;
    sl_match_layout layout;
    *out = NULL;
    if (!sl_second_look_prunes(o, c->options->top) || shape->format != SL_PATCHES_INT8)
        return SL_OK;
    SL_TRY(sl_match_layout_make(o, shape->rows, shape->cols, shape->channels, shape->dim, &layout, err));
    if (!sl_sketches_serve(&layout))
        return SL_OK;
    return sl_gallery_derived(gallery, &sketch_index, c->count, threads, out, err);
}

/* Threads share the blocks; a single query has them for itself. */
static sl_status identify_crowd(crowd *c, const sl_gallery *gallery, sl_error *err)
{
    sl_match_options match = c->options->match;
    int threads = match.threads > 0 ? match.threads : sl_cpu_count();
    void *sketches;
    SL_TRY(sl_gallery_expect(gallery, c->count, threads, err));
    SL_TRY(find_sketches(c, gallery, threads, &sketches, err));
    c->block = (c->count + (size_t)threads - 1) / (size_t)threads;
    c->block = c->block < BLOCK ? c->block : BLOCK;
    if (c->count > 1)
        match.threads = 1;
    else
        threads = 1;
    c->searches = calloc((size_t)threads, sizeof *c->searches);
    if (!c->searches)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to search on %d threads", threads);
    for (int t = 0; t < threads; t++)
        c->searches[t] = (sl_search){.gallery = gallery, .match = &match, .sketches = sketches,
                                     .top = c->options->top, .faces = sl_gallery_size(gallery)};
    sl_status status = sl_parallel_try(threads, (c->count + c->block - 1) / c->block, identify_block, c, err);
    for (int t = 0; t < threads; t++)
        sl_search_close(&c->searches[t]);
    free(c->searches);
    return status;
}

/* Options with the look and the rule that they stand for. */
static sl_status settle(const sl_engine *engine, const sl_gallery *gallery, sl_identify_options *o, sl_rule *rule,
                        sl_error *err)
{
    SL_TRY(check_options(engine, gallery, o, err));
    SL_TRY(sl_match_settle(engine, gallery, &o->match, err));
    if (o->rule)
        *rule = *o->rule;
    else
        SL_TRY(sl_rule_default(engine, gallery, &o->match, rule, err));
    o->rule = rule;
    return SL_OK;
}

static sl_status begin_answer(const sl_gallery *gallery, const sl_identify_options *o, const sl_template *query,
                              sl_answer *out, sl_error *err)
{
    SL_TRY(check_query(gallery, query, err));
    *out = (sl_answer){.decision = SL_UNKNOWN, .match = o->match, .rule = *o->rule};
    SL_TRY(find_hidden(&o->match, query, &out->hidden, err));
    decide(out);
    return SL_OK;
}

sl_status sl_identify_all(const sl_engine *engine, const sl_gallery *gallery, const sl_template *const *queries,
                          size_t n, const sl_identify_options *options, sl_answer *out, sl_error *err)
{
    sl_identify_options o = options ? *options : sl_identify_defaults();
    sl_rule rule;
    for (size_t i = 0; i < n; i++)
        out[i] = (sl_answer){.hidden = NAN, .threshold = NAN};
    SL_TRY(settle(engine, gallery, &o, &rule, err));
    for (size_t i = 0; i < n; i++) {
        sl_status status = begin_answer(gallery, &o, queries[i], &out[i], err);
        if (status != SL_OK)
            return n > 1 ? sl_fail_in(err, status, "query %zu", i) : status;
    }
    if (n == 0 || sl_gallery_size(gallery) == 0)
        return SL_OK;
    crowd c = {.options = &o, .queries = queries, .answers = out, .count = n};
    sl_status status = identify_crowd(&c, gallery, err);
    for (size_t i = 0; status != SL_OK && i < n; i++)
        sl_answer_free(&out[i]);
    return status;
}

sl_status sl_identify(const sl_engine *engine, const sl_gallery *gallery, const sl_template *query,
                      const sl_identify_options *options, sl_answer *out, sl_error *err)
{
    return sl_identify_all(engine, gallery, &query, 1, options, out, err);
}

void sl_answer_free(sl_answer *answer)
{
    if (!answer)
        return;
    drop_candidates(answer);
    *answer = (sl_answer){0};
}
