/* Every query searched twice with the pipeline of identify: for its person (its own photo passed over), and with
 * its person left out, as somebody who was never enrolled. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/openset.h"
#include "eval/protocol.h"
#include "eval/scorer.h"
#include "gallery/gallery.h"
#include "secondlook_eval.h"

enum { BLOCK = 256 }; /* queries of one stage 1 product */

static const uint32_t none = UINT32_MAX;

/* A thread's room for one query. */
typedef struct {
    uint32_t *faces; /* [depth] that either search looks at, in stage 1's order */
    float *stage1, *stage2;
} room;

typedef struct {
    sl_protocol protocol;
    sl_scorer scorer;
    size_t k, depth;
    uint32_t *queries;  /* [count] */
    size_t count, from; /* from: first of the block */
    uint32_t *index;    /* [BLOCK, depth] */
    float *score;
    room *rooms;         /* [threads] */
    sl_search_end *found[2];     /* [count] right -1: no such search */
    sl_search_end *impostors[2]; /* likewise */
} run;

/* ---- one query ---- */

/* The faces that are among the first k of either search. A face may be found unless it is the query's own photo;
 * `other`: also unless it is of the query's person. */
static size_t choose(const run *r, size_t query, const uint32_t *order, uint32_t *faces)
{
    const sl_protocol *p = &r->protocol;
    size_t n = 0, mated = 0, other = 0;
    for (size_t i = 0; i < r->depth && order[i] != none && (mated < r->k || other < r->k); i++) {
        bool own_person = p->labels[order[i]] == p->person[query];
        if (order[i] == p->own_photo[query] || (own_person && mated >= r->k))
            continue;
        faces[n++] = order[i];
        mated++;
        other += !own_person;
    }
    return n;
}

/* The best of the first k by a key; with `others`, of those that are not of the query's person. */
static size_t best_of(const run *r, const room *m, size_t n, size_t query, bool others, bool by_score)
{
    const sl_protocol *p = &r->protocol;
    size_t best = SIZE_MAX, seen = 0;
    float top = -INFINITY;
    for (size_t i = 0; i < n && seen < r->k; i++) {
        if (others && p->labels[m->faces[i]] == p->person[query])
            continue;
        float key = by_score ? sl_scorer_mix(&r->scorer, m->stage1[i], m->stage2[i]) : m->stage1[i];
        seen++;
        if (best == SIZE_MAX || key > top) {
            best = i;
            top = key;
        }
    }
    return best;
}

static sl_status search(void *context, size_t item, int worker, sl_error *err)
{
    run *r = context;
    const sl_protocol *p = &r->protocol;
    room *m = &r->rooms[worker];
    size_t at = r->from + item, query = r->queries[at];
    size_t n = choose(r, query, r->index + item * r->depth, m->faces);
    sl_hidden hidden;
    SL_TRY(sl_scorer_scores(&r->scorer, worker, query, m->faces, n, m->stage1, m->stage2, err));
    SL_TRY(sl_scorer_hidden(&r->scorer, query, &hidden, err));
    for (int by_score = 0; by_score < 2; by_score++) {
        size_t mated = best_of(r, m, n, query, false, by_score), other = best_of(r, m, n, query, true, by_score);
        r->found[by_score][at] = r->impostors[by_score][at] = (sl_search_end){.right = -1};
        for (int which = 0; which < 2; which++) {
            size_t best = which ? other : mated;
            if (best == SIZE_MAX)
                continue;
            float key = by_score ? sl_scorer_mix(&r->scorer, m->stage1[best], m->stage2[best]) : m->stage1[best];
            if (which)
                r->impostors[by_score][at] = (sl_search_end){key, hidden.all, sl_most_hidden(&hidden), 0};
            else if (p->relevant[query])
                r->found[by_score][at] = (sl_search_end){key, hidden.all, sl_most_hidden(&hidden),
                                                         p->labels[m->faces[best]] == p->person[query]};
        }
    }
    return SL_OK;
}

/* ---- all of them ---- */

/* The queries that count, evenly thinned to the limit. */
static sl_status choose_queries(run *r, size_t limit, sl_error *err)
{
    const sl_protocol *p = &r->protocol;
    size_t all = p->asked_count + p->unmatched_count, a = 0, b = 0;
    r->queries = sl_calloc_aligned(all + 1, sizeof *r->queries);
    if (!r->queries)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu queries", all);
    for (size_t i = 0; i < all; i++) /* both lists ascend */
        r->queries[i] = b == p->unmatched_count || (a < p->asked_count && p->asked[a] < p->unmatched[b])
                            ? p->asked[a++]
                            : p->unmatched[b++];
    r->count = limit && limit < all ? limit : all;
    for (size_t i = 0; i < r->count; i++) /* in place: the source is never behind */
        r->queries[i] = r->queries[(size_t)((unsigned __int128)i * all / r->count)];
    return r->count ? SL_OK : sl_fail(err, SL_ERR_ARGUMENT, "no query is of this half of the people");
}

static sl_status allocate(run *r, sl_error *err)
{
    bool failed = false;
    failed |= !(r->index = sl_calloc_aligned(BLOCK * r->depth, sizeof *r->index));
    failed |= !(r->score = sl_calloc_aligned(BLOCK * r->depth, sizeof *r->score));
    failed |= !(r->rooms = sl_calloc_aligned((size_t)r->scorer.threads, sizeof *r->rooms));
    for (int k = 0; k < 2; k++) {
        failed |= !(r->found[k] = sl_calloc_aligned(r->count, sizeof *r->found[k]));
        failed |= !(r->impostors[k] = sl_calloc_aligned(r->count, sizeof *r->impostors[k]));
    }
    for (int i = 0; r->rooms && i < r->scorer.threads; i++) {
        room *m = &r->rooms[i];
        failed |= !(m->faces = sl_calloc_aligned(r->depth, sizeof *m->faces));
        failed |= !(m->stage1 = sl_calloc_aligned(r->depth, sizeof *m->stage1));
        failed |= !(m->stage2 = sl_calloc_aligned(r->depth, sizeof *m->stage2));
    }
    return failed ? sl_fail(err, SL_ERR_MEMORY, "no memory for %zu searches", r->count) : SL_OK;
}

static sl_status search_all(run *r, const sl_openset_options *o, sl_error *err)
{
    const sl_scorer *s = &r->scorer;
    sl_scan_block all = {
        .rows = s->embeddings, .stride = (size_t)s->dim, .count = sl_gallery_size(r->protocol.gallery)};
    float *asked = sl_calloc_aligned((size_t)BLOCK * (size_t)s->dim, sizeof *asked);
    sl_status status = asked ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for a block of queries");
    for (r->from = 0; status == SL_OK && r->from < r->count; r->from += BLOCK) {
        size_t n = r->count - r->from < BLOCK ? r->count - r->from : BLOCK, dim = (size_t)s->dim;
        for (size_t i = 0; i < n; i++)
            memcpy(asked + i * dim, s->query_embeddings + r->queries[r->from + i] * dim, dim * sizeof *asked);
        status =
            sl_scan_top(&all, 1, &(sl_vectors){asked, n, s->dim}, (int)r->depth, s->threads, r->index, r->score, err);
        if (status == SL_OK)
            status = sl_scorer_run(s, n, n, search, r, NULL, NULL, err);
        if (status == SL_OK && o->progress && o->progress(o->context, r->from + n, r->count))
            status =
                sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu queries", r->from + n, r->count);
    }
    free(asked);
    return status;
}

/* Packs the searches that took place; their arrays go over to `out`. */
static void hand_over(run *r, sl_searches *out)
{
    const sl_protocol *p = &r->protocol;
    *out = (sl_searches){0};
    for (int k = 0; k < 2; k++) {
        size_t mated = 0, nonmated = 0;
        for (size_t i = 0; i < r->count; i++) {
            if (r->found[k][i].right >= 0)
                r->found[k][mated++] = r->found[k][i];
            if (r->impostors[k][i].right >= 0) {
                r->impostors[k][nonmated++] = r->impostors[k][i];
                out->strangers += k == 0 && p->person[r->queries[i]] == none;
            }
        }
        out->own_photos = p->own_photos;
        out->own_photos_of = p->query_count;
        out->mated = mated;
        out->nonmated = nonmated;
        out->found[k] = r->found[k];
        out->impostors[k] = r->impostors[k];
        r->found[k] = NULL;
        r->impostors[k] = NULL;
    }
}

static sl_status open_run(run *r, const sl_gallery *gallery, const sl_gallery *queries,
                          const sl_openset_options *o, sl_error *err)
{
    sl_eval_options rules = {.exclude_same_photo = 1, .same_photo = o->same_photo, .people = o->people};
    SL_TRY(sl_protocol_make(gallery, queries, &rules, &r->protocol, err));
    SL_TRY(choose_queries(r, o->limit, err));
    size_t faces = sl_gallery_size(gallery), most = 0;
    r->k = sl_looks_again(&o->match) ? sl_looks_at(&o->match) : 1;
    uint32_t *photos = sl_calloc_aligned((size_t)sl_gallery_label_bound(gallery) + 1, sizeof *photos);
    if (!photos)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the gallery's people");
    for (size_t i = 0; i < faces; i++) {
        uint32_t n = ++photos[r->protocol.labels[i]];
        most = n > most ? n : most;
    }
    free(photos);
    r->depth = r->k + most + 1 < faces ? r->k + most + 1 : faces; /* all of a person's and the own photo may go */
    SL_TRY(sl_scorer_open(gallery, queries, &o->match, true, &r->scorer, err));
    return allocate(r, err);
}

static void close_run(run *r)
{
    for (int i = 0; r->rooms && i < r->scorer.threads; i++) {
        free(r->rooms[i].faces);
        free(r->rooms[i].stage1);
        free(r->rooms[i].stage2);
    }
    void *const blocks[] = {r->rooms,    r->queries,  r->index,        r->score,
                            r->found[0], r->found[1], r->impostors[0], r->impostors[1]};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    sl_scorer_close(&r->scorer);
    sl_protocol_free(&r->protocol);
}

sl_status sl_searches_make(const sl_gallery *gallery, const sl_gallery *queries, const sl_openset_options *options,
                           sl_searches *out, sl_error *err)
{
    run r = {0};
    *out = (sl_searches){0};
    if (sl_looks_again(&options->match) && options->match.k < 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "k must be at least 1");
    sl_status status = open_run(&r, gallery, queries, options, err);
    if (status == SL_OK)
        status = search_all(&r, options, err);
    if (status == SL_OK)
        hand_over(&r, out);
    close_run(&r);
    return status;
}

void sl_searches_free(sl_searches *s)
{
    for (int k = 0; k < 2; k++) {
        free(s->found[k]);
        free(s->impostors[k]);
    }
    *s = (sl_searches){0};
}

static int best_first(const void *a, const void *b)
{
    const sl_search_end *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return y->right - x->right;
}

void sl_search_ends_sort(sl_search_end *ends, size_t count)
{
    qsort(ends, count, sizeof *ends, best_first);
}
