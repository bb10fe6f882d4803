/* Ranking one query after the other: the first ranking, the second look at its best, the mix. */
#include "eval/ranker.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gallery/gallery.h"
#include "match/oae/oae.h"

/* ---- opening ---- */

/* A second look of this thread's own. */
static sl_status open_look(const sl_experiment *x, const sl_match_options *options, sl_second_look **out,
                           sl_error *err)
{
    sl_match_options own = *options;
    own.threads = 1;
    return sl_second_look_open(&own, sl_gallery_shape(x->protocol.gallery), out, err);
}

static sl_status open_looks(sl_ranker *r, sl_error *err)
{
    const sl_sweep *s = &r->x->sweep;
    for (size_t f = 0; f < s->first_count; f++)
        if (sl_looks_again(&s->firsts[f]))
            SL_TRY(open_look(r->x, &s->firsts[f], &r->firsts[f], err));
    for (size_t l = 0; l < s->look_count; l++)
        SL_TRY(open_look(r->x, &s->looks[l].options, &r->looks[l], err));
    return SL_OK;
}

sl_status sl_ranker_open(const sl_experiment *x, sl_ranker *out, sl_error *err)
{
    const sl_sweep *s = &x->sweep;
    size_t faces = x->protocol.face_count + 1;
    *out = (sl_ranker){.x = x,
                       .firsts = sl_calloc_aligned(s->first_count, sizeof(void *)),
                       .looks = sl_calloc_aligned(s->look_count + 1, sizeof(void *)),
                       .order = sl_calloc_aligned(faces, sizeof(uint32_t)),
                       .first = sl_calloc_aligned(faces, sizeof(float)),
                       .second = sl_calloc_aligned(faces, sizeof(float)),
                       .list = sl_calloc_aligned(faces, sizeof(sl_ranked)),
                       .first_seconds = sl_calloc_aligned(s->first_count, sizeof(double)),
                       .look_seconds = sl_calloc_aligned(s->look_count + 1, sizeof(double))};
    bool whole = out->firsts && out->looks && out->order && out->first && out->second && out->list &&
                 out->first_seconds && out->look_seconds;
    if (x->oae) {
        const sl_head *h = &x->oae->head;
        out->contributions = sl_calloc_aligned((size_t)h->cells * (size_t)h->dim, sizeof(float));
        whole = whole && out->contributions;
    }
    sl_status status =
        whole ? open_looks(out, err) : sl_fail(err, SL_ERR_MEMORY, "no memory to rank %zu faces", faces);
    if (status != SL_OK)
        sl_ranker_close(out);
    return status;
}

void sl_ranker_close(sl_ranker *r)
{
    if (!r->x)
        return;
    for (size_t f = 0; r->firsts && f < r->x->sweep.first_count; f++)
        sl_second_look_close(r->firsts[f]);
    for (size_t l = 0; r->looks && l < r->x->sweep.look_count; l++)
        sl_second_look_close(r->looks[l]);
    free(r->firsts);
    free(r->looks);
    free(r->contributions);
    free(r->order);
    free(r->first);
    free(r->second);
    free(r->list);
    free(r->first_seconds);
    free(r->look_seconds);
    *r = (sl_ranker){0};
}

/* ---- one query ---- */

sl_status sl_ranker_ask(sl_ranker *r, size_t query, sl_error *err)
{
    const sl_gallery *queries = r->x->protocol.queries;
    sl_patch_source face;
    r->query = query;
    if (!r->contributions)
        return SL_OK;
    SL_TRY(sl_gallery_patches(queries, query, &face, err));
    sl_status status = sl_contributions(&r->x->oae->head, &face, 1, r->contributions, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "query %s", sl_gallery_image(queries, query));
}

typedef struct {
    const sl_ranker *ranker;
    const sl_second_look *look;
} candidates;

static sl_status source_of(void *context, size_t candidate, sl_patch_source *out, sl_error *err)
{
    const candidates *c = context;
    const sl_experiment *x = c->ranker->x;
    size_t face = c->ranker->order[candidate];
    SL_TRY(sl_second_look_face(c->look, sl_gallery_faces(x->protocol.gallery), face, out, err));
    if (x->bank)
        out->contributions = sl_contribution_bank_at(x->bank, face);
    return SL_OK;
}

/* Scores [n] of the first n faces of the order. */
static sl_status score(sl_ranker *r, sl_second_look *look, size_t n, float *scores, sl_error *err)
{
    sl_patch_source query;
    candidates c = {r, look};
    SL_TRY(sl_second_look_face(look, sl_gallery_faces(r->x->protocol.queries), r->query, &query, err));
    query.contributions = r->contributions;
    SL_TRY(sl_second_look_query(look, &query, err));
    return sl_second_look_scores(look, n, source_of, &c, scores, NULL, err);
}

static int by_key(const void *a, const void *b)
{
    const sl_ranked *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

/* The scan's order. */
static void first_by_embedding(sl_ranker *r, uint32_t own, const uint32_t *index, const float *scores)
{
    for (size_t i = 0; i < r->x->depth + 1 && r->known < r->x->depth && index[i] != UINT32_MAX; i++)
        if (index[i] != own) {
            r->order[r->known] = index[i];
            r->first[r->known++] = scores[i];
        }
}

/* All faces by a second look; ties by index, which is the order that they are scored in. */
static sl_status first_by_look(sl_ranker *r, sl_second_look *look, uint32_t own, sl_error *err)
{
    const sl_protocol *p = &r->x->protocol;
    size_t n = 0;
    for (size_t i = 0; i < p->face_count; i++)
        if (p->faces[i] != own)
            r->order[n++] = p->faces[i];
    SL_TRY(score(r, look, n, r->second, err));
    for (size_t i = 0; i < n; i++)
        r->list[i] = (sl_ranked){r->second[i], r->order[i]};
    qsort(r->list, n, sizeof *r->list, by_key);
    r->known = n < r->x->depth ? n : r->x->depth;
    for (size_t i = 0; i < r->known; i++) {
        r->order[i] = r->list[i].position;
        r->first[i] = r->list[i].key;
    }
    return SL_OK;
}

sl_status sl_ranker_first(sl_ranker *r, size_t f, const uint32_t *index, const float *scores, sl_error *err)
{
    uint32_t own = r->x->protocol.own_photo[r->query];
    double start = sl_now();
    sl_status status = SL_OK;
    r->known = 0;
    if (r->firsts[f])
        status = first_by_look(r, r->firsts[f], own, err);
    else
        first_by_embedding(r, own, index, scores);
    r->first_seconds[f] += sl_now() - start;
    return status;
}

sl_status sl_ranker_look(sl_ranker *r, size_t l, size_t k, sl_error *err)
{
    double start = sl_now();
    sl_status status = score(r, r->looks[l], k, r->second, err);
    r->look_seconds[l] += sl_now() - start;
    return status;
}

void sl_ranker_order(sl_ranker *r, float alpha, size_t k)
{
    for (size_t i = 0; i < k; i++)
        r->list[i] = (sl_ranked){alpha * r->second[i] + (1 - alpha) * r->first[i], (uint32_t)i};
    qsort(r->list, k, sizeof *r->list, by_key);
}
