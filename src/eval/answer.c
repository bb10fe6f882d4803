/* The answer to one query of an evaluation, as pictures show it. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "eval/ranker.h"
#include "gallery/gallery.h"
#include "secondlook_eval.h"

enum { MAX_TOP = 10000 };

/* `position` in the first ranking as the candidate of rank `rank`. */
static sl_candidate candidate_of(const sl_ranker *r, size_t position, size_t rank, float stage2, float score)
{
    const sl_gallery *g = r->x->protocol.gallery;
    size_t face = r->order[position];
    return (sl_candidate){.rank = (int)rank,
                          .entry = face,
                          .label = sl_gallery_label(g, face),
                          .image = sl_gallery_image(g, face),
                          .score = score,
                          .stage1 = r->first[position],
                          .stage2 = stage2};
}

/* The first `top` of either order. k: how many were looked at again, list [k] in their new order. */
static sl_status fill(const sl_ranker *r, size_t k, size_t top, sl_answer *out, sl_error *err)
{
    size_t n = top < r->known ? top : r->known;
    out->candidates = calloc(n + 1, sizeof *out->candidates);
    out->stage1_candidates = calloc(n + 1, sizeof *out->stage1_candidates);
    if (!out->candidates || !out->stage1_candidates)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu candidates", n);
    for (size_t i = 0; i < n; i++) {
        size_t again = i < k ? r->list[i].position : i;
        out->candidates[i] = candidate_of(r, again, i + 1, again < k ? r->second[again] : NAN,
                                          i < k ? r->list[i].key : r->first[i]);
        out->stage1_candidates[i] = candidate_of(r, i, i + 1, i < k ? r->second[i] : NAN, r->first[i]);
    }
    out->count = out->stage1_count = n;
    return SL_OK;
}

static sl_status rank(const sl_experiment *x, sl_ranker *r, size_t query, int top, sl_answer *out, sl_error *err)
{
    const sl_protocol *p = &x->protocol;
    const sl_match_options *match = &x->sweep.configs[0].match;
    const uint32_t asked = (uint32_t)query;
    size_t i = 0;
    while (i < p->asked_count && p->asked[i] != query)
        i++;
    if (i == p->asked_count)
        return sl_fail(err, SL_ERR_NOT_FOUND, "query %zu is not one that counts", query);
    uint32_t *index = sl_calloc_aligned(x->depth + 1, sizeof *index);
    float *score = sl_calloc_aligned(x->depth + 1, sizeof *score);
    sl_status status = index && score ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory to rank one query");
    if (status == SL_OK)
        status = sl_experiment_scan(x, &asked, 1, index, score, err);
    if (status == SL_OK)
        status = sl_ranker_ask(r, query, err);
    if (status == SL_OK)
        status = sl_ranker_first(r, 0, index, score, err);
    free(index);
    free(score);
    SL_TRY(status);
    const size_t k = sl_looks_at(match) < r->known ? sl_looks_at(match) : r->known;
    if (k) {
        SL_TRY(sl_ranker_look(r, 0, k, err));
        sl_ranker_order(r, match->alpha, k);
    }
    return fill(r, k, (size_t)top, out, err);
}

sl_status sl_eval_answer(const sl_gallery *gallery, const sl_gallery *queries, const sl_eval_config *config,
                         const sl_eval_options *options, size_t query, int top, sl_answer *out, sl_error *err)
{
    sl_experiment x;
    sl_ranker ranker = {0};
    *out = (sl_answer){.decision = SL_UNKNOWN, .threshold = NAN};
    if (top < 1 || top > MAX_TOP)
        return sl_fail(err, SL_ERR_ARGUMENT, "top must be 1 to %d", MAX_TOP);
    sl_eval_options own = *options;
    own.limit = 0;
    SL_TRY(sl_experiment_open(gallery, queries, config, 1, &own, &x, err));
    sl_status status = sl_ranker_open(&x, &ranker, err);
    if (status == SL_OK)
        status = rank(&x, &ranker, query, top, out, err);
    sl_ranker_close(&ranker);
    sl_experiment_close(&x);
    if (status != SL_OK)
        sl_answer_free(out);
    return status;
}
