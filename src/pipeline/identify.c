/* Queries against a gallery: stage 1 over all, stage 2 on the top k, one candidate per person. */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "gallery/gallery.h"
#include "match/second_look.h"
#include "pipeline/engine.h"

enum { MAX_TOP = 10000, BLOCK = 16 /* queries that stage 1 takes together */ };

sl_identify_options sl_identify_defaults(void)
{
    return (sl_identify_options){.match = sl_match_defaults(), .top = 5, .threshold = NAN};
}

/* Stage 1's order of some queries: [queries, length]. */
typedef struct {
    size_t length;
    uint32_t *index;
    float *stage1;
} shortlists;

/* One thread's working set: a block of queries, then one query after the other. */
typedef struct {
    const sl_gallery *gallery;
    const sl_match_options *match;
    const float *embeddings; /* [faces, D], the gallery's */
    int top;
    size_t faces, shortlist; /* shortlist: how many of stage 1's order are held */
    shortlists block, own;   /* own: of a query that the block's is too short for */
    const sl_template *query;
    const uint32_t *index; /* [shortlist] stage 1's order */
    const float *stage1;
    size_t room;           /* of the next three */
    float *stage2, *score; /* [shortlist]; stage2 NaN below k, and where the solver was spared */
    uint32_t *order;       /* [shortlist] positions, best first after stage 2 */
    sl_second_look *look;
    size_t pairs, solved; /* candidates looked at again, and those of them whose score was wanted exactly */
} search;

static void free_shortlists(shortlists *l)
{
    free(l->index);
    free(l->stage1);
    *l = (shortlists){0};
}

static void free_search(search *s)
{
    free_shortlists(&s->block);
    free_shortlists(&s->own);
    free(s->stage2);
    free(s->score);
    free(s->order);
    sl_second_look_close(s->look);
}

/* ---- stage 1 ---- */

static sl_status scan(const search *s, const sl_template *const *queries, size_t n, size_t length, shortlists *out,
                      sl_error *err)
{
    const int dim = queries[0]->shape.dim;
    const size_t width = (size_t)dim;
    float *vectors = sl_calloc_aligned(n * width, sizeof *vectors);
    free_shortlists(out);
    *out = (shortlists){.length = length,
                        .index = sl_calloc_aligned(n * length, sizeof *out->index),
                        .stage1 = sl_calloc_aligned(n * length, sizeof *out->stage1)};
    sl_status status = SL_OK;
    if (!vectors || !out->index || !out->stage1)
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a shortlist of %zu", length);
    for (size_t i = 0; status == SL_OK && i < n; i++)
        memcpy(vectors + i * width, queries[i]->embedding, width * sizeof *vectors);
    sl_scan_block all = {.rows = s->embeddings, .stride = width, .count = s->faces};
    if (status == SL_OK)
        status = sl_scan_top(&all, 1, dim, vectors, n, (int)length, s->match->threads, out->index, out->stage1, err);
    free(vectors);
    return status;
}

static sl_status take_shortlist(search *s, const shortlists *from, size_t query, sl_error *err)
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

/* Long enough for k candidates and, as a rule, `top` people. */
static size_t first_length(const search *s)
{
    size_t people = (size_t)s->top, k = s->match->rerank == SL_RERANK_NONE ? people : (size_t)s->match->k;
    size_t length = k > people * 4 ? k : people * 4;
    return length < s->faces ? length : s->faces;
}

/* The shortlist of the block's query i, longer if that has too few people. */
static sl_status first_stage(search *s, size_t i, sl_error *err)
{
    size_t people = 0;
    SL_TRY(take_shortlist(s, &s->block, i, err));
    SL_TRY(count_people(s, &people, err));
    while (people < (size_t)s->top && s->shortlist < s->faces) {
        size_t length = s->shortlist * 4 < s->faces ? s->shortlist * 4 : s->faces;
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
    const search *s = context;
    return sl_second_look_face(s->look, s->gallery, s->index[candidate], out, err);
}

/* The scores of the first k: all of them, or with emd those that can bring a person among the first `top`. */
static sl_status look_again(search *s, size_t k, sl_error *err)
{
    if (s->match->exact_order || s->match->rerank != SL_RERANK_EMD) {
        s->solved = s->match->rerank == SL_RERANK_EMD ? k : 0;
        return sl_second_look_scores(s->look, k, source_of, s, s->stage2, NULL, err);
    }
    uint32_t *person = sl_calloc_aligned(k, sizeof *person);
    sl_contest contest = {.alpha = s->match->alpha, .stage1 = s->stage1, .person = person, .top = s->top,
                          .entered = sl_calloc_aligned((size_t)s->top, sizeof *contest.entered)};
    sl_status status = SL_OK;
    if (!person || !contest.entered)
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for %zu candidates", k);
    for (size_t i = 0; status == SL_OK && i < k; i++)
        person[i] = sl_gallery_label_ids(s->gallery)[s->index[i]];
    if (status == SL_OK)
        status = sl_second_look_best(s->look, k, source_of, s, &contest, s->stage2, err);
    s->solved = contest.solved;
    free(person);
    free(contest.entered);
    return status;
}

/* Scores the top k again and mixes: alpha * stage 2 + (1 - alpha) * stage 1; who was spared comes behind. */
static sl_status second_stage(search *s, size_t k, sl_error *err)
{
    const sl_patch_source query = sl_patch_source_of(s->query);
    if (!s->look)
        SL_TRY(sl_second_look_open(s->match, &s->query->shape, &s->look, err));
    SL_TRY(sl_second_look_query(s->look, &query, err));
    s->pairs = k;
    SL_TRY(look_again(s, k, err));
    for (size_t i = 0; i < k; i++) {
        float mixed = s->match->alpha * s->stage2[i] + (1 - s->match->alpha) * s->stage1[i];
        s->score[i] = isnan(s->stage2[i]) ? -INFINITY : mixed;
    }
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

static sl_status rank(search *s, size_t query, sl_error *err)
{
    SL_TRY(first_stage(s, query, err));
    size_t k = s->match->rerank == SL_RERANK_NONE ? 0 : (size_t)s->match->k;
    if (k > s->shortlist)
        k = s->shortlist;
    s->pairs = s->solved = 0;
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
    out->pairs = s->pairs;
    out->solver_calls = s->solved;
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
    if (!gallery || !query || (!engine && isnan(o->threshold)))
        return sl_fail(err, SL_ERR_ARGUMENT, "identification needs a gallery, a query, and an engine or a threshold");
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

/* ---- many queries ---- */

typedef struct {
    const sl_engine *engine;
    const sl_identify_options *options;
    const sl_template *const *queries;
    sl_answer *answers;
    size_t count, block; /* queries in all, and in a block */
    search *searches;    /* one a thread */
    atomic_size_t failed; /* lowest block that failed, SIZE_MAX for none */
} crowd;

static sl_status identify_block(crowd *c, size_t block, int worker, sl_error *err)
{
    search *s = &c->searches[worker];
    const size_t first = block * c->block, n = c->count - first < c->block ? c->count - first : c->block;
    SL_TRY(scan(s, c->queries + first, n, first_length(s), &s->block, err));
    for (size_t i = 0; i < n; i++) {
        s->query = c->queries[first + i];
        sl_status status = rank(s, i, err);
        if (status == SL_OK)
            status = answer_of(c->engine, s, c->options, &c->answers[first + i], err);
        if (status != SL_OK)
            return c->count > 1 ? sl_fail_in(err, status, "query %zu", first + i) : status;
    }
    return SL_OK;
}

static void crowd_block(void *context, size_t block, int worker)
{
    crowd *c = context;
    if (identify_block(c, block, worker, NULL) == SL_OK)
        return;
    size_t lowest = atomic_load(&c->failed);
    while (block < lowest && !atomic_compare_exchange_weak(&c->failed, &lowest, block))
        ;
}

/* Threads share the blocks; a single query has them for itself. */
static sl_status identify_crowd(crowd *c, const sl_gallery *gallery, sl_error *err)
{
    sl_match_options match = c->options->match;
    int threads = match.threads > 0 ? match.threads : sl_cpu_count();
    const float *embeddings;
    SL_TRY(sl_gallery_embeddings(gallery, &embeddings, err));
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
        c->searches[t] = (search){.gallery = gallery, .match = &match, .embeddings = embeddings,
                                  .top = c->options->top, .faces = sl_gallery_size(gallery)};
    atomic_init(&c->failed, SIZE_MAX);
    sl_parallel_for(threads, (c->count + c->block - 1) / c->block, crowd_block, c);
    size_t failed = atomic_load(&c->failed);
    sl_status status = SL_OK;
    if (failed != SIZE_MAX) { /* again, for its text */
        for (size_t i = failed * c->block; i < (failed + 1) * c->block && i < c->count; i++)
            sl_answer_free(&c->answers[i]);
        status = identify_block(c, failed, 0, err);
        if (status == SL_OK)
            status = sl_fail(err, SL_ERR_INTERNAL, "the search for query %zu failed once", failed * c->block);
    }
    for (int t = 0; t < threads; t++)
        free_search(&c->searches[t]);
    free(c->searches);
    return status;
}

sl_status sl_identify_all(const sl_engine *engine, const sl_gallery *gallery, const sl_template *const *queries,
                          size_t n, const sl_identify_options *options, sl_answer *out, sl_error *err)
{
    sl_identify_options defaults = sl_identify_defaults();
    const sl_identify_options *o = options ? options : &defaults;
    for (size_t i = 0; i < n; i++)
        out[i] = (sl_answer){.decision = SL_UNKNOWN, .threshold = o->threshold,
                             .threshold_on_stage1 = o->threshold_on_stage1 != 0};
    for (size_t i = 0; i < n; i++) {
        sl_status status = check_options(engine, gallery, queries[i], o, err);
        if (status != SL_OK)
            return n > 1 ? sl_fail_in(err, status, "query %zu", i) : status;
    }
    if (n > 0 && sl_gallery_size(gallery) > 0) {
        crowd c = {.engine = engine, .options = o, .queries = queries, .answers = out, .count = n};
        sl_status status = identify_crowd(&c, gallery, err);
        for (size_t i = 0; status != SL_OK && i < n; i++)
            sl_answer_free(&out[i]);
        return status;
    }
    for (size_t i = 0; i < n && isnan(o->threshold); i++)
        out[i].threshold = sl_engine_threshold(engine, &o->match, &out[i].threshold_on_stage1);
    return SL_OK;
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
    free(answer->candidates);
    free(answer->stage1_candidates);
    *answer = (sl_answer){0};
}
