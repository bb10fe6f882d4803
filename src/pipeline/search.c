/* One thread's searches: a block's shortlists by stage 1, then each query's second stage and order (search.h). */
#include "pipeline/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/template.h"

static void free_shortlists(sl_shortlists *l)
{
    free(l->index);
    free(l->stage1);
    *l = (sl_shortlists){0};
}

void sl_search_close(sl_search *s)
{
    free_shortlists(&s->block);
    free_shortlists(&s->own);
    free(s->stage2);
    free(s->score);
    free(s->order);
}

/* ---- stage 1 ---- */

static sl_status scan(const sl_search *s, const sl_template *const *queries, size_t n, size_t length,
                      sl_shortlists *out, sl_error *err)
{
    const int dim = queries[0]->shape.dim;
    const size_t width = (size_t)dim;
    float *vectors = sl_calloc_aligned(n * width, sizeof *vectors);
    free_shortlists(out);
    *out = (sl_shortlists){.length = length,
                           .index = sl_calloc_aligned(n * length, sizeof *out->index),
                           .stage1 = sl_calloc_aligned(n * length, sizeof *out->stage1)};
    sl_status status = SL_OK;
    if (!vectors || !out->index || !out->stage1)
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a shortlist of %zu", length);
    for (size_t i = 0; status == SL_OK && i < n; i++)
        memcpy(vectors + i * width, queries[i]->embedding, width * sizeof *vectors);
    const sl_search_plan *p = s->plan;
    const int k = (int)length, threads = p->each;
    const sl_vectors asked = {vectors, n, dim};
    if (status == SL_OK)
        status = sl_gallery_top(p->gallery, &asked, k, threads, out->index, out->stage1, err);
    free(vectors);
    return status;
}

static sl_status take_shortlist(sl_search *s, const sl_shortlists *from, size_t query, sl_error *err)
{
    s->shortlist = from->length;
    s->index = from->index + query * from->length;
    s->stage1 = from->stage1 + query * from->length;
    if (s->room >= s->shortlist)
        return SL_OK;
    free(s->stage2);
    free(s->score);
    free(s->order);
    s->room = s->shortlist;
    s->stage2 = sl_calloc_aligned(s->room, sizeof *s->stage2);
    s->score = sl_calloc_aligned(s->room, sizeof *s->score);
    s->order = sl_calloc_aligned(s->room, sizeof *s->order);
    if (s->stage2 && s->score && s->order)
        return SL_OK;
    s->room = 0;
    return sl_fail(err, SL_ERR_MEMORY, "no memory for a shortlist of %zu", s->shortlist);
}

/* Different people among the shortlist. */
static sl_status count_people(const sl_search *s, size_t *people, sl_error *err)
{
    uint8_t *seen = calloc((size_t)sl_gallery_label_bound(s->plan->gallery) + 1, 1);
    if (!seen)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the gallery's labels");
    *people = 0;
    for (size_t i = 0; i < s->shortlist; i++) {
        uint8_t *mark = &seen[sl_gallery_label_id(s->plan->gallery, s->index[i])];
        *people += !*mark;
        *mark = 1;
    }
    free(seen);
    return SL_OK;
}

/* Long enough for k candidates and, as a rule, `top` people. */
static size_t first_length(const sl_search_plan *p)
{
    const size_t people = (size_t)p->top * 4, length = p->k > people ? p->k : people;
    return length < p->faces ? length : p->faces;
}

/* The shortlist of the block's query i, longer if that has too few people. */
static sl_status first_stage(sl_search *s, size_t i, sl_error *err)
{
    const size_t wanted = (size_t)s->plan->top, faces = s->plan->faces;
    size_t people = 0;
    SL_TRY(take_shortlist(s, &s->block, i, err));
    SL_TRY(count_people(s, &people, err));
    while (people < wanted && s->shortlist < faces) {
        size_t length = s->shortlist * 4 < faces ? s->shortlist * 4 : faces;
        SL_TRY(scan(s, &s->query, 1, length, &s->own, err));
        SL_TRY(take_shortlist(s, &s->own, 0, err));
        SL_TRY(count_people(s, &people, err));
    }
    return SL_OK;
}

/* ---- stage 2 ---- */

/* One candidate of stage 1's order. Called from several threads. */
static sl_status source_of(void *context, size_t candidate, sl_patch_source *out, sl_error *err)
{
    const sl_search *s = context;
    return sl_second_look_face(s->look, sl_gallery_faces(s->plan->gallery), s->index[candidate], out, err);
}

/* The scores of those of the first k that can bring a person among the first `top`. */
static sl_status look_at_best(sl_search *s, size_t k, sl_error *err)
{
    const sl_search_plan *p = s->plan;
    uint32_t *person = sl_calloc_aligned(k, sizeof *person);
    sl_bounded *bounded = p->sketches ? sl_calloc_aligned(k, sizeof *bounded) : NULL;
    sl_topk_entry *entered = sl_calloc_aligned((size_t)p->top, sizeof *entered);
    sl_topk topk = {.alpha = p->match.alpha,
                    .stage1 = s->stage1,
                    .person = person,
                    .top = p->top,
                    .entered = entered,
                    .face = s->index,
                    .bounded = bounded};
    sl_status status = SL_OK;
    if (!person || !entered || (p->sketches && !bounded))
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for %zu candidates", k);
    for (size_t i = 0; status == SL_OK && i < k; i++)
        person[i] = sl_gallery_label_id(p->gallery, s->index[i]);
    if (status == SL_OK)
        status = sl_second_look_best(s->look, k, source_of, s, &topk, s->stage2, err);
    s->solved = topk.solved;
    free(person);
    free(entered);
    free(bounded);
    return status;
}

/* Scores the first k again and mixes: alpha * stage 2 + (1 - alpha) * stage 1. */
static sl_status second_stage(sl_search *s, size_t k, sl_error *err)
{
    const float alpha = s->plan->match.alpha;
    const sl_patch_source query = sl_patch_source_of(s->query);
    SL_TRY(sl_second_look_query(s->look, &query, err));
    s->pairs = k;
    s->solved = s->plan->solves ? k : 0;
    if (s->plan->prunes)
        SL_TRY(look_at_best(s, k, err));
    else
        SL_TRY(sl_second_look_scores(s->look, k, source_of, s, s->stage2, NULL, err));
    for (size_t i = 0; i < k; i++)
        s->score[i] = isnan(s->stage2[i]) ? -INFINITY : alpha * s->stage2[i] + (1 - alpha) * s->stage1[i];
    return SL_OK;
}

/* Sorts the first k positions by score, stable; the tail keeps stage 1's order. Insertion into a sorted run
 * would be quadratic in k, so it is a bottom-up merge. */
static sl_status sort_head(sl_search *s, size_t k, sl_error *err)
{
    uint32_t *from = s->order, *to = sl_calloc_aligned(k + 1, sizeof *to), *memory = to;
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
    free(memory);
    return SL_OK;
}

sl_status sl_search_scan(sl_search *s, size_t block, sl_error *err)
{
    const sl_search_plan *p = s->plan;
    const size_t first = block * p->block, n = p->count - first < p->block ? p->count - first : p->block;
    return scan(s, p->queries + first, n, first_length(p), &s->block, err);
}

static sl_status rank(sl_search *s, size_t i, sl_error *err)
{
    SL_TRY(first_stage(s, i, err));
    const size_t k = s->plan->k < s->shortlist ? s->plan->k : s->shortlist;
    s->pairs = s->solved = 0;
    for (size_t at = 0; at < s->shortlist; at++) {
        s->order[at] = (uint32_t)at;
        s->stage2[at] = NAN;
        s->score[at] = s->stage1[at];
    }
    if (k) {
        SL_TRY(second_stage(s, k, err));
        SL_TRY(sort_head(s, k, err));
    }
    return SL_OK;
}

sl_status sl_search_rank(sl_search *s, const sl_template *query, size_t i, sl_error *err)
{
    s->query = query;
    void *held = sl_gallery_hold(s->plan->gallery);
    sl_status status = rank(s, i, err);
    sl_gallery_let_go(s->plan->gallery, held);
    return status;
}
