/* Stage 1: every connection searches its part of its shard, and the best of all parts are the best. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gallery/postgres/pg_store.h"

enum {
    SPARE = 16, /* more are asked for than are wanted: faces that others added are passed over */
    MOST_EXPECTED = 1 << 16
};

typedef struct {
    float cosine;
    int64_t face;
    int query;
} hit;

typedef struct {
    hit *hits;
    size_t count, room, passed; /* passed: faces that this handle does not show */
} hit_list;

/* Query by query, best first, ties by the order of enrolment. */
static int by_rank(const void *a, const void *b)
{
    const hit *x = a, *y = b;
    if (x->query != y->query)
        return x->query < y->query ? -1 : 1;
    if (x->cosine != y->cosine)
        return x->cosine > y->cosine ? -1 : 1;
    return (x->face > y->face) - (x->face < y->face);
}

/* ---- asking ---- */

static sl_status ask(sl_pg *p, const sl_vectors *queries, int k, sl_error *err)
{
    const char *sql = sl_pg_sql(
        &p->place,
        "SELECT t.query, t.face, t.cosine, p.label, f.image, f.place, f.landmarks, f.photo, f.crop IS NOT NULL "
        "FROM secondlook.top($1, $2, $3, $4, $5) t JOIN %s.face f ON f.id = t.face JOIN %s.person p ON p.id = "
        "f.person");
    const size_t parts = (size_t)p->place.connections;
    sl_pg_request *requests = calloc(p->links.count, sizeof *requests);
    if (!requests)
        return sl_no_memory(err, "for a search");
    for (size_t i = 0; i < p->links.count; i++) {
        requests[i].sql = sql;
        sl_pg_add_text(&requests[i], p->place.gallery);
        sl_pg_add_bytes(&requests[i], queries->data, queries->count * (size_t)queries->dim * sizeof(float));
        sl_pg_add_i32(&requests[i], k);
        sl_pg_add_i32(&requests[i], (int32_t)(i % parts));
        sl_pg_add_i32(&requests[i], (int32_t)parts);
    }
    sl_pg_ask(&p->links, requests, p->place.deadline);
    for (size_t i = 0; i < p->links.count; i++)
        sl_pg_request_free(&requests[i]);
    free(requests);
    return SL_OK;
}

/* Counts the faces of shards that did not answer whole; SL_OK where that is let pass. */
static sl_status count_unsearched(sl_pg *p, sl_error *err)
{
    p->unsearched = 0;
    if (!p->place.partial)
        return sl_pg_all_answered(&p->links, err);
    size_t silent = 0;
    const size_t parts = (size_t)p->place.connections;
    for (size_t s = 0; s < p->place.shards; s++) {
        bool answered = true;
        for (size_t c = 0; c < parts; c++)
            answered &= sl_pg_shard(&p->links, s)[c].result != NULL;
        silent += !answered;
        p->unsearched += answered ? 0 : p->shard_faces[s];
    }
    return silent < p->place.shards ? SL_OK : sl_pg_all_answered(&p->links, err);
}

static sl_status take_hits(sl_pg *p, const PGresult *r, int queries, hit_list *list, sl_error *err)
{
    for (int row = 0; row < PQntuples(r); row++) {
        hit h;
        size_t number;
        if (!sl_pg_i32(r, row, 0, &h.query) || !sl_pg_i64(r, row, 1, &h.face) ||
            !sl_pg_f32(r, row, 2, &h.cosine) || h.query < 1 || h.query > queries)
            return sl_fail(err, SL_ERR_CORRUPT,
                           "%s: a shard's answer is no list of faces: is its extension of another "
                           "version?",
                           p->place.shown);
        if (!sl_pg_number_of(p, h.face, &number)) {
            list->passed++;
            continue;
        }
        SL_TRY(sl_pg_take_entry(p, r, row, 3, h.face, err));
        hit *hits = sl_with_room(list->hits, list->count, &list->room, sizeof *hits);
        if (!hits)
            return sl_no_memory(err, "for a search");
        list->hits = hits;
        hits[list->count++] = h;
    }
    return SL_OK;
}

/* ---- merging ---- */

/* The first k of every query, as numbers of the list; false where there are fewer. A face in two shards is one. */
static bool merge(const sl_pg *p, const hit_list *list, size_t queries, size_t k, uint32_t *index, float *cosine)
{
    size_t at = 0;
    for (size_t q = 0; q < queries; q++) {
        size_t n = 0;
        for (; at < list->count && list->hits[at].query == (int)q + 1; at++) {
            size_t number;
            if (n == k || (n && at && list->hits[at].face == list->hits[at - 1].face))
                continue;
            sl_pg_number_of(p, list->hits[at].face, &number);
            index[q * k + n] = (uint32_t)number;
            cosine[q * k + n++] = list->hits[at].cosine;
        }
        if (n < k)
            return false;
    }
    return true;
}

/* Notes the templates that a second look will ask for, behind those that others noted. */
static sl_status expect(sl_pg *p, const uint32_t *index, size_t count, sl_error *err)
{
    if (p->expected_count > MOST_EXPECTED)
        p->expected_count = 0; /* who still waits for them fetches them one by one */
    for (size_t i = 0; i < count; i++) {
        int64_t *expected = sl_with_room(p->expected, p->expected_count, &p->expected_room, sizeof *expected);
        if (!expected)
            return sl_no_memory(err, "for a search");
        p->expected = expected;
        expected[p->expected_count++] = p->ids[index[i]];
    }
    return SL_OK;
}

static sl_status search(sl_pg *p, const sl_vectors *queries, int k, uint32_t *index, float *cosine, sl_error *err)
{
    hit_list list = {0};
    sl_status status = SL_OK;
    for (int asked = k + SPARE;; asked *= 4) {
        list.count = list.passed = 0;
        SL_TRY_GOTO(ask(p, queries, asked, err), end);
        SL_TRY_GOTO(count_unsearched(p, err), end);
        for (size_t i = 0; i < p->links.count; i++)
            SL_TRY_GOTO(take_hits(p, p->links.links[i].result, (int)queries->count, &list, err), end);
        if (list.count)
            qsort(list.hits, list.count, sizeof *list.hits, by_rank);
        if (merge(p, &list, queries->count, (size_t)k, index, cosine))
            break;
        if (!list.passed || asked > INT32_MAX / 8)
            SL_TRY_GOTO(sl_fail(err, SL_ERR_NOT_FOUND,
                                "%s: there are not %d faces any more: open the gallery again", p->place.shown, k),
                        end);
    }
    status = expect(p, index, queries->count * (size_t)k, err);
end:
    free(list.hits);
    return status;
}

/* What was added and not committed is searched here. */
static sl_status search_pending(sl_pg *p, const sl_vectors *queries, int k, int threads, uint32_t *index,
                                float *cosine, sl_error *err)
{
    sl_vectors all = {.count = p->base.faces, .dim = p->shape.dim};
    SL_TRY(sl_gallery_embeddings(&p->base, &all.data, err));
    return sl_cosine_top(&all, queries, k, threads, index, cosine, err);
}

sl_status sl_pg_top(const sl_gallery *g, const sl_vectors *queries, int k, int threads, uint32_t *index,
                    float *cosine, sl_error *err)
{
    sl_pg *p = (sl_pg *)g;
    if (p->base.faces > p->listed)
        return search_pending(p, queries, k, threads, index, cosine, err);
    pthread_mutex_lock(&p->lock);
    sl_status status = search(p, queries, k, index, cosine, err);
    pthread_mutex_unlock(&p->lock);
    return status;
}
