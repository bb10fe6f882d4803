/* Who is this? The call is settled once (search_plan.h), searched by blocks and threads (search.h), and of each search
 * the best face of each person and the decision are taken. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "match/oae/oae.h"
#include "pipeline/search.h"

sl_identify_options sl_identify_defaults(void)
{
    return (sl_identify_options){.match = sl_match_defaults(), .top = 5};
}

/* ---- the answer ---- */

/* The best face of each of the first `top` people in this order (NULL: stage 1's). */
static sl_status best_per_person(const sl_search *s, const uint32_t *order, int top, sl_candidate **out, size_t *count,
                                 sl_error *err)
{
    uint8_t *seen = calloc((size_t)sl_gallery_label_bound(s->plan->gallery) + 1, 1);
    sl_candidate *list = calloc((size_t)top, sizeof *list);
    sl_status status = seen && list ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for %d candidates", top);
    size_t n = 0;
    for (size_t i = 0; status == SL_OK && i < s->shortlist && n < (size_t)top; i++) {
        size_t at = order ? order[i] : i, face = s->index[at];
        uint8_t *met = &seen[sl_gallery_label_id(s->plan->gallery, face)];
        if (*met)
            continue;
        *met = 1;
        sl_entry entry;
        status = sl_gallery_entry(s->plan->gallery, face, &entry, err);
        list[n] = (sl_candidate){.rank = (int)n + 1,
                                 .entry = face,
                                 .label = entry.label,
                                 .image = entry.image,
                                 .score = order ? s->score[at] : s->stage1[at],
                                 .stage1 = s->stage1[at],
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
    out->unsearched = sl_gallery_unsearched(s->plan->gallery);
    decide(out);
    return SL_OK;
}

static sl_status begin_answer(const sl_search_plan *p, const sl_template *query, sl_answer *out, sl_error *err)
{
    *out = (sl_answer){.decision = SL_UNKNOWN, .match = p->match, .rule = p->rule};
    SL_TRY(find_hidden(&p->match, query, &out->hidden, err));
    decide(out);
    return SL_OK;
}

/* ---- many queries ---- */

typedef struct {
    const sl_search_plan *plan;
    sl_search *searches; /* [threads] */
    sl_answer *answers;
    atomic_size_t done; /* queries */
    pthread_t caller;
} batch;

static sl_status fail_at(const sl_search_plan *p, size_t query, sl_status status, sl_error *err)
{
    return p->count > 1 ? sl_fail_in(err, status, "query %zu", query) : status;
}

/* Tells of the queries that are done, on the caller's thread; which of the threads asks to stop does not matter. */
static sl_status tell(batch *b, sl_error *err)
{
    const sl_search_plan *p = b->plan;
    const size_t done = atomic_fetch_add(&b->done, 1) + 1;
    if (!p->progress || !pthread_equal(pthread_self(), b->caller) ||
        p->progress(p->progress_context, done, p->count) == 0)
        return SL_OK;
    return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu queries", done, p->count);
}

static sl_status identify_block(void *context, size_t block, int worker, sl_error *err)
{
    batch *b = context;
    const sl_search_plan *p = b->plan;
    sl_search *s = &b->searches[worker];
    const size_t first = block * p->block;
    SL_TRY(sl_search_scan(s, block, err));
    for (size_t i = 0; i < p->block && first + i < p->count; i++) {
        sl_status status = sl_search_rank(s, p->queries[first + i], i, err);
        if (status == SL_OK)
            status = answer_of(s, p->top, &b->answers[first + i], err);
        if (status != SL_OK)
            return fail_at(p, first + i, status, err);
        SL_TRY(tell(b, err));
    }
    return SL_OK;
}

static sl_status search_all(const sl_search_plan *p, sl_answer *answers, sl_error *err)
{
    batch b = {.plan = p, .searches = calloc((size_t)p->threads, sizeof *b.searches), .answers = answers,
               .caller = pthread_self()};
    atomic_init(&b.done, 0);
    if (!b.searches)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to search on %d threads", p->threads);
    for (int t = 0; t < p->threads; t++)
        b.searches[t] = (sl_search){.plan = p, .look = p->looks ? p->looks[t] : NULL};
    sl_status status = sl_parallel_try(p->threads, p->blocks, identify_block, &b, err);
    for (int t = 0; t < p->threads; t++)
        sl_search_close(&b.searches[t]);
    free(b.searches);
    return status;
}

static sl_status answer_all(const sl_search_plan *p, sl_answer *out, sl_error *err)
{
    for (size_t i = 0; i < p->count; i++) {
        sl_status status = begin_answer(p, p->queries[i], &out[i], err);
        if (status != SL_OK)
            return fail_at(p, i, status, err);
    }
    return sl_search_plan_searches(p) ? search_all(p, out, err) : SL_OK;
}

sl_status sl_identify_all(const sl_engine *engine, const sl_gallery *gallery, const sl_template *const *queries,
                          size_t n, const sl_identify_options *options, sl_answer *out, sl_error *err)
{
    const sl_identify_options o = options ? *options : sl_identify_defaults();
    sl_search_plan plan;
    for (size_t i = 0; i < n; i++)
        out[i] = (sl_answer){.hidden = NAN, .threshold = NAN};
    sl_status status = sl_search_plan_open(engine, gallery, queries, n, &o, &plan, err);
    if (status == SL_OK)
        status = answer_all(&plan, out, err);
    sl_search_plan_close(&plan);
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
