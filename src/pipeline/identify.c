/* One query against a gallery: stage 1 over all, stage 2 on the top k, one candidate per person. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "gallery/gallery.h"
#include "match/second_look.h"
#include "pipeline/engine.h"

enum { MAX_TOP = 10000 };

sl_identify_options sl_identify_defaults(void)
{
    return (sl_identify_options){.match = sl_match_defaults(), .top = 5, .threshold = NAN};
}

/* The working set of one identification. */
typedef struct {
    const sl_gallery *gallery;
    const sl_template *query;
    const sl_match_options *match;
    const float *embeddings; /* [faces, D], the gallery's */
    size_t faces, shortlist; /* shortlist: how many of stage 1's order are held */
    uint32_t *index;         /* [shortlist] stage 1's order */
    float *stage1, *stage2, *score; /* [shortlist]; stage2 NaN below k */
    uint32_t *order;         /* [shortlist] positions, best first after stage 2 */
    sl_second_look *look;
} search;

static void free_search(search *s)
{
    free(s->index);
    free(s->stage1);
    free(s->stage2);
    free(s->score);
    free(s->order);
}

/* ---- stage 1 ---- */

static sl_status scan(search *s, size_t shortlist, sl_error *err)
{
    free_search(s);
    s->shortlist = shortlist;
    s->index = sl_calloc_aligned(shortlist, sizeof *s->index);
    s->stage1 = sl_calloc_aligned(shortlist, sizeof *s->stage1);
    s->stage2 = sl_calloc_aligned(shortlist, sizeof *s->stage2);
    s->score = sl_calloc_aligned(shortlist, sizeof *s->score);
    s->order = sl_calloc_aligned(shortlist, sizeof *s->order);
    if (!s->index || !s->stage1 || !s->stage2 || !s->score || !s->order)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a shortlist of %zu", shortlist);
    int dim = s->query->shape.dim;
    sl_scan_block all = {.rows = s->embeddings, .stride = (size_t)dim, .count = s->faces};
    return sl_scan_top(&all, 1, dim, s->query->embedding, 1, (int)shortlist, s->match->threads, s->index, s->stage1,
                       err);
}

/* Different people among the shortlist. */
static sl_status count_people(const search *s, size_t *people, sl_error *err)
{
    const uint32_t *labels = sl_gallery_label_ids(s->gallery);
    uint8_t *seen = calloc((size_t)sl_gallery_label_bound(s->gallery) + 1, 1);
    if (!seen)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the gallery's labels");
    *people = 0;
    for (size_t i = 0; i < s->shortlist; i++) {
        uint8_t *mark = &seen[labels[s->index[i]]];
        *people += !*mark;
        *mark = 1;
    }
    free(seen);
    return SL_OK;
}

/* Stage 1, with a shortlist long enough for k candidates and `top` people. */
static sl_status first_stage(search *s, int top, sl_error *err)
{
    size_t k = s->match->rerank == SL_RERANK_NONE ? (size_t)top : (size_t)s->match->k;
    size_t shortlist = k > (size_t)top * 4 ? k : (size_t)top * 4;
    for (;;) {
        size_t people = 0;
        if (shortlist > s->faces)
            shortlist = s->faces;
        SL_TRY(scan(s, shortlist, err));
        SL_TRY(count_people(s, &people, err));
        if (people >= (size_t)top || shortlist == s->faces)
            return SL_OK;
        shortlist *= 4;
    }
}

/* ---- stage 2 ---- */

/* One candidate of stage 1's order. Called from several threads. */
static sl_status source_of(void *context, size_t candidate, sl_patch_source *out, sl_error *err)
{
    const search *s = context;
    return sl_second_look_face(s->look, s->gallery, s->index[candidate], out, err);
}

static sl_status look_again(search *s, size_t k, sl_error *err)
{
    const sl_patch_source query = sl_patch_source_of(s->query);
    SL_TRY(sl_second_look_open(s->match, &s->query->shape, &s->look, err));
    SL_TRY(sl_second_look_query(s->look, &query, err));
    return sl_second_look_scores(s->look, k, source_of, s, s->stage2, NULL, err);
}

/* Scores the top k again and mixes: alpha * stage 2 + (1 - alpha) * stage 1. */
static sl_status second_stage(search *s, size_t k, sl_error *err)
{
    SL_TRY(look_again(s, k, err));
    for (size_t i = 0; i < k; i++)
        s->score[i] = s->match->alpha * s->stage2[i] + (1 - s->match->alpha) * s->stage1[i];
    return SL_OK;
}

/* Sorts the first k positions by score, stable; the tail keeps stage 1's order. Insertion into a sorted run
 * would be quadratic in k, so it is a bottom-up merge. */
static sl_status sort_head(search *s, size_t k, sl_error *err)
{
    uint32_t *from = s->order, *to = sl_calloc_aligned(k + 1, sizeof *to), *spare = to;
    if (!to)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to sort %zu candidates", k);
    for (size_t width = 1; width < k; width *= 2) {
        for (size_t left = 0; left < k; left += 2 * width) {
            size_t middle = left + width < k ? left + width : k, right = left + 2 * width < k ? left + 2 * width : k;
            size_t a = left, b = middle;
            for (size_t out = left; out < right; out++) {
                int take_left = a < middle && (b >= right || s->score[from[a]] >= s->score[from[b]]);
                to[out] = take_left ? from[a++] : from[b++];
            }
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != s->order)
        memcpy(s->order, from, k * sizeof *s->order);
    free(spare);
    return SL_OK;
}

static sl_status rank(search *s, int top, sl_error *err)
{
    SL_TRY(first_stage(s, top, err));
    size_t k = s->match->rerank == SL_RERANK_NONE ? 0 : (size_t)s->match->k;
    if (k > s->shortlist)
        k = s->shortlist;
    for (size_t i = 0; i < s->shortlist; i++) {
        s->order[i] = (uint32_t)i;
        s->stage2[i] = NAN;
        s->score[i] = s->stage1[i];
    }
    if (k) {
        SL_TRY(second_stage(s, k, err));
        SL_TRY(sort_head(s, k, err));
    }
    return SL_OK;
}

/* ---- the answer ---- */

/* The best face of each of the first `top` people in this order (NULL: stage 1's). */
static sl_status best_per_person(const search *s, const uint32_t *order, int top, sl_candidate **out, size_t *count,
                                 sl_error *err)
{
    const uint32_t *labels = sl_gallery_label_ids(s->gallery);
    uint8_t *seen = calloc((size_t)sl_gallery_label_bound(s->gallery) + 1, 1);
    sl_candidate *list = calloc((size_t)top, sizeof *list);
    sl_status status = seen && list ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for %d candidates", top);
    size_t n = 0;
    for (size_t i = 0; status == SL_OK && i < s->shortlist && n < (size_t)top; i++) {
        size_t at = order ? order[i] : i, face = s->index[at];
        if (seen[labels[face]])
            continue;
        seen[labels[face]] = 1;
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

static sl_status answer_of(const sl_engine *engine, const search *s, const sl_identify_options *o, sl_answer *out,
                           sl_error *err)
{
    SL_TRY(best_per_person(s, s->order, o->top, &out->candidates, &out->count, err));
    SL_TRY(best_per_person(s, NULL, o->top, &out->stage1_candidates, &out->stage1_count, err));
    out->threshold = o->threshold;
    out->threshold_on_stage1 = o->threshold_on_stage1 != 0;
    if (isnan(o->threshold))
        out->threshold = sl_engine_threshold(engine, s->match, &out->threshold_on_stage1);
    if (out->count) {
        const sl_candidate *best = &out->candidates[0];
        float value = out->threshold_on_stage1 ? best->stage1 : best->score;
        out->decision = value >= out->threshold ? SL_MATCH : SL_UNKNOWN; /* a NaN threshold answers unknown */
    }
    return SL_OK;
}

static sl_status check_options(const sl_engine *engine, const sl_gallery *gallery, const sl_template *query,
                               const sl_identify_options *o, sl_error *err)
{
    sl_gallery_info info;
    char fingerprint[65];
    if (!engine || !gallery || !query)
        return sl_fail(err, SL_ERR_ARGUMENT, "identification needs an engine, a gallery and a query");
    if (o->top < 1 || o->top > MAX_TOP || (o->match.rerank != SL_RERANK_NONE && o->match.k < 1))
        return sl_fail(err, SL_ERR_ARGUMENT, "top must be 1 to %d and k at least 1", MAX_TOP);
    if (!(o->match.alpha >= 0 && o->match.alpha <= 1))
        return sl_fail(err, SL_ERR_ARGUMENT, "alpha must be from 0 to 1");
    if (isinf(o->threshold))
        return sl_fail(err, SL_ERR_ARGUMENT, "the threshold must be a number");
    sl_gallery_get_info(gallery, &info);
    sl_hex32(query->shape.fingerprint, fingerprint);
    if (strcmp(info.fingerprint, fingerprint) != 0)
        return sl_fail(err, SL_ERR_MISMATCH, "the gallery was made by another model (%s, %.12s) than the query "
                       "(%.12s): enrol it again, or use its model", info.model, info.fingerprint, fingerprint);
    return SL_OK;
}

sl_status sl_identify(const sl_engine *engine, const sl_gallery *gallery, const sl_template *query,
                      const sl_identify_options *options, sl_answer *out, sl_error *err)
{
    sl_identify_options defaults = sl_identify_defaults();
    const sl_identify_options *o = options ? options : &defaults;
    *out = (sl_answer){.decision = SL_UNKNOWN, .threshold = o->threshold,
                       .threshold_on_stage1 = o->threshold_on_stage1 != 0};
    SL_TRY(check_options(engine, gallery, query, o, err));
    search s = {.gallery = gallery, .query = query, .match = &o->match, .faces = sl_gallery_size(gallery)};
    if (s.faces == 0) {
        if (isnan(o->threshold))
            out->threshold = sl_engine_threshold(engine, &o->match, &out->threshold_on_stage1);
        return SL_OK;
    }
    sl_status status = sl_gallery_embeddings(gallery, &s.embeddings, err);
    if (status == SL_OK)
        status = rank(&s, o->top, err);
    if (status == SL_OK)
        status = answer_of(engine, &s, o, out, err);
    free_search(&s);
    sl_second_look_close(s.look);
    if (status != SL_OK)
        sl_answer_free(out);
    return status;
}

void sl_answer_free(sl_answer *answer)
{
    if (!answer)
        return;
    free(answer->candidates);
    free(answer->stage1_candidates);
    *answer = (sl_answer){0};
}
