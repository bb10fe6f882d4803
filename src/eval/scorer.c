/* Scoring pairs of faces on several threads, each with a second look of its own. */
#include "eval/scorer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "eval/protocol.h"
#include "gallery/gallery.h"
#include "match/oae/oae.h"

/* A thread's own. */
struct sl_scorer_thread {
    sl_second_look *look;
    float *contributions; /* [R, D] of the query, where there is a bank */
};

static sl_status open_threads(sl_scorer *s, sl_error *err)
{
    s->of = sl_calloc_aligned((size_t)s->threads, sizeof *s->of);
    if (!s->of)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %d threads", s->threads);
    for (int i = 0; i < s->threads && sl_looks_again(&s->match); i++)
        SL_TRY(sl_second_look_open(&s->match, sl_gallery_shape(s->gallery), &s->of[i].look, err));
    return SL_OK;
}

/* The bank, and room for each thread's query. */
static sl_status open_bank(sl_scorer *s, sl_error *err)
{
    const sl_head *head = &s->match.oae->head;
    SL_TRY(sl_contribution_bank_open(head, sl_gallery_faces(s->gallery), s->threads, NULL, NULL, &s->bank, err));
    for (int i = 0; i < s->threads; i++) {
        s->of[i].contributions = sl_calloc_aligned((size_t)head->cells * (size_t)head->dim, sizeof(float));
        if (!s->of[i].contributions)
            return sl_fail(err, SL_ERR_MEMORY, "no memory for a query's contributions");
    }
    return SL_OK;
}

static sl_status open_parts(sl_scorer *s, bool faces_often, sl_error *err)
{
    SL_TRY(sl_check_queries(s->gallery, s->queries, err));
    SL_TRY(sl_match_options_check(&s->match, err));
    SL_TRY(sl_gallery_embeddings(s->gallery, &s->embeddings, err));
    SL_TRY(sl_gallery_embeddings(s->queries, &s->query_embeddings, err));
    s->dim = sl_gallery_shape(s->gallery)->dim;
    SL_TRY(open_threads(s, err));
    return faces_often && sl_match_needs(&s->match) != SL_NEEDS_NOTHING ? open_bank(s, err) : SL_OK;
}

sl_status sl_scorer_open(const sl_gallery *gallery, const sl_gallery *queries, const sl_match_options *match,
                         bool faces_often, sl_scorer *out, sl_error *err)
{
    *out = (sl_scorer){.gallery = gallery,
                       .queries = queries,
                       .match = *match,
                       .threads = match->threads > 0 ? match->threads : sl_cpu_count()};
    out->match.threads = 1;
    sl_status status = open_parts(out, faces_often, err);
    if (status != SL_OK)
        sl_scorer_close(out);
    return status;
}

void sl_scorer_close(sl_scorer *s)
{
    for (int i = 0; s->of && i < s->threads; i++) {
        sl_second_look_close(s->of[i].look);
        free(s->of[i].contributions);
    }
    free(s->of);
    sl_contribution_bank_close(s->bank);
    *s = (sl_scorer){0};
}

/* ---- one query ---- */

typedef struct {
    const sl_scorer *scorer;
    const sl_second_look *look;
    const uint32_t *faces;
} candidates;

static sl_status source_of(void *context, size_t candidate, sl_patch_source *out, sl_error *err)
{
    const candidates *c = context;
    SL_TRY(sl_second_look_face(c->look, sl_gallery_faces(c->scorer->gallery), c->faces[candidate], out, err));
    if (c->scorer->bank)
        out->contributions = sl_contribution_bank_at(c->scorer->bank, c->faces[candidate]);
    return SL_OK;
}

sl_status sl_scorer_scores(sl_scorer *s, int worker, size_t query, const uint32_t *faces, size_t n, float *stage1,
                           float *stage2, sl_error *err)
{
    struct sl_scorer_thread *own = &s->of[worker];
    const float *asked = s->query_embeddings + query * (size_t)s->dim;
    for (size_t i = 0; i < n; i++) {
        stage1[i] = sl_scan_dot(asked, s->embeddings + faces[i] * (size_t)s->dim, s->dim);
        stage2[i] = NAN;
        if (!isfinite(stage1[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "%s: its embedding has NaN or infinity",
                           sl_gallery_image(s->queries, query));
    }
    if (!own->look || n == 0)
        return SL_OK;
    sl_patch_source source;
    candidates c = {s, own->look, faces};
    SL_TRY(sl_second_look_face(own->look, sl_gallery_faces(s->queries), query, &source, err));
    if (own->contributions) {
        SL_TRY(sl_contributions(&s->match.oae->head, &source, 1, own->contributions, err));
        source.contributions = own->contributions;
    }
    SL_TRY(sl_second_look_query(own->look, &source, err));
    return sl_second_look_scores(own->look, n, source_of, &c, stage2, NULL, err);
}

sl_status sl_scorer_hidden(const sl_scorer *s, size_t query, sl_hidden *out, sl_error *err)
{
    const sl_oae *oae = s->match.oae;
    sl_patch_source face;
    *out = (sl_hidden){NAN, NAN, NAN};
    if (!oae || !sl_oae_has_statistics(oae) || sl_gallery_shape(s->queries)->format == SL_PATCHES_NONE)
        return SL_OK;
    SL_TRY(sl_gallery_patches(s->queries, query, &face, err));
    face.embedding = s->query_embeddings + query * (size_t)s->dim;
    return sl_hidden_of_face(oae, &face, out, err);
}

float sl_scorer_mix(const sl_scorer *s, float stage1, float stage2)
{
    return sl_looks_again(&s->match) ? s->match.alpha * stage2 + (1 - s->match.alpha) * stage1 : stage1;
}

/* ---- all items ---- */

typedef struct {
    sl_scorer_work work;
    void *context;
    size_t first;
} block_run;

static sl_status run_item(void *context, size_t item, int worker, sl_error *err)
{
    const block_run *r = context;
    return r->work(r->context, r->first + item, worker, err);
}

sl_status sl_scorer_run(const sl_scorer *s, size_t count, size_t block, sl_scorer_work work, void *context,
                        sl_progress_fn progress, void *progress_context, sl_error *err)
{
    block_run r = {.work = work, .context = context};
    for (; r.first < count; r.first += block) {
        size_t n = count - r.first < block ? count - r.first : block;
        SL_TRY(sl_parallel_try(s->threads, n, run_item, &r, err));
        if (progress && progress(progress_context, r.first + n, count))
            return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu", r.first + n, count);
    }
    return SL_OK;
}
