/* The occlusion-aware second look: query and candidates embedded again from the cells that the query shows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "match/oae/oae.h"
#include "match/kernels/head_kernel.h"
#include "match/kernels/match_kernels.h"

enum { CHUNK = 64 }; /* faces that share one pass over the weights */

sl_status sl_oae_check(const sl_oae *oae, const sl_template_shape *shape, bool statistics, const char *asker,
                         sl_error *err)
{
    if (!oae || (statistics && !sl_oae_has_statistics(oae)))
        return sl_fail(err, SL_ERR_ARGUMENT, "%s needs the model's %s: open them with sl_oae_open%s and put them "
                       "into the options", asker, statistics ? "statistics per cell" : "cells",
                       statistics ? "" : " or sl_oae_open_head");
    if (!sl_same_model(oae->shape.fingerprint, shape->fingerprint))
        return sl_fail(err, SL_ERR_MISMATCH, "the cells are another model's than the templates");
    return SL_OK;
}

/* ---- trust ---- */

/* x [R, D] of a face: contributions less their mean; and how surprising each is, v [R]. */
static sl_status look_at(const sl_oae *oae, const sl_patch_source *face, int threads, float *x, float *v,
                         sl_error *err)
{
    const sl_oae_stats *s = &oae->stats;
    size_t dim = (size_t)s->dim;
    SL_TRY(sl_contributions(&oae->head, face, threads, x, err));
    for (int p = 0; p < oae->head.cells; p++) {
        for (size_t d = 0; d < dim; d++)
            x[(size_t)p * dim + d] -= s->mu[(size_t)p * dim + d];
        v[p] = sl_oae_surprise(s, p, x + (size_t)p * dim, face->codes ? SL_CODES_LOSE : 0);
    }
    return SL_OK;
}

static sl_status surprise_of_face(const sl_oae *oae, const sl_patch_source *face, float *v, sl_error *err)
{
    float *x = sl_calloc_aligned((size_t)oae->head.cells * (size_t)oae->head.dim, sizeof *x);
    if (!x)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a face's contributions");
    sl_status status = look_at(oae, face, 1, x, v, err);
    free(x);
    return status;
}

sl_status sl_trust_of_face(const sl_oae *oae, const sl_patch_source *face, float *trust, sl_error *err)
{
    float v[SL_MATCH_MAX_PATCHES];
    SL_TRY(surprise_of_face(oae, face, v, err));
    sl_trust_of_surprise(&oae->stats, v, trust);
    return SL_OK;
}

sl_status sl_hidden_of_face(const sl_oae *oae, const sl_patch_source *face, sl_hidden *out, sl_error *err)
{
    float v[SL_MATCH_MAX_PATCHES];
    SL_TRY(surprise_of_face(oae, face, v, err));
    *out = sl_hidden_of_surprise(&oae->stats, v);
    return SL_OK;
}

/* ---- candidates ---- */

typedef struct {
    const sl_oae *oae;
    const sl_patch_source *faces;
    size_t count;
    const float *trust; /* [R] */
    float *share;       /* [padded D] sum_p w_p b / R */
    float *sums;        /* [count, padded D] sum_p w_p y_p of each candidate */
    float *patches;     /* [workers, CHUNK, C] */
    sl_head_kernel multiply;
} sums_work;

static float *sums_of(const sums_work *w, size_t face, size_t block)
{
    return w->sums + (face * (size_t)w->oae->head.blocks + block) * SL_HEAD_COLUMNS;
}

/* A candidate that carries its contributions: all dimensions at once. */
static void sum_ready(const sums_work *w, size_t face)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    size_t dim = (size_t)w->oae->head.dim;
    for (int p = 0; p < w->oae->head.cells; p++)
        k->add_scaled(w->faces[face].contributions + (size_t)p * dim, dim, w->trust[p], sums_of(w, face, 0));
}

/* The same of compact patches, whose rotation is one for all cells. */
static void sum_codes(const sums_work *w, size_t face)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    const sl_patch_source *f = &w->faces[face];
    const size_t dim = (size_t)w->oae->head.dim, half = sl_code_bytes(w->oae->head.dim);
    float *sum = sums_of(w, face, 0);
    const size_t cells = (size_t)w->oae->head.cells;
    for (size_t p = 0; p < cells; p++)
        k->add_codes(f->codes + p * half, dim, w->trust[p] * f->patch_scales[p], sum);
    sl_contributions_rotate(sum, w->oae->head.dim);
    for (size_t p = 0; p < cells; p++)
        k->add_scaled(f->centre + p * dim, dim, w->trust[p], sum);
}

/* One block of dimensions for a chunk of candidates: those without contributions go through the head together. The
 * others are done with the first block. */
static void sum_block(void *context, size_t item, int worker)
{
    const sums_work *w = context;
    const sl_head *h = &w->oae->head;
    size_t blocks = (size_t)h->blocks, block = item % blocks, from = item / blocks * CHUNK;
    size_t count = w->count - from < CHUNK ? w->count - from : CHUNK, channels = (size_t)h->channels;
    float *patches = w->patches + (size_t)worker * CHUNK * channels, sums[CHUNK * SL_HEAD_COLUMNS];
    size_t faces[CHUNK], n = 0;
    for (size_t i = from; i < from + count; i++)
        if (!w->faces[i].contributions && !w->faces[i].codes)
            faces[n++] = i;
        else if (block == 0)
            w->faces[i].contributions ? sum_ready(w, i) : sum_codes(w, i);
    for (size_t i = 0; i < n; i++)
        memcpy(sums + i * SL_HEAD_COLUMNS, w->share + block * SL_HEAD_COLUMNS, SL_HEAD_COLUMNS * sizeof(float));
    for (int p = 0; n && p < h->cells; p++) {
        for (size_t i = 0; i < n; i++)
            sl_source_patch(&w->faces[faces[i]], p, h->channels, w->trust[p], patches + i * channels);
        w->multiply(patches, channels, (int)n, h->channels, sl_head_weights(h, (int)block, p, 0), sums);
    }
    for (size_t i = 0; i < n; i++)
        memcpy(sums_of(w, faces[i], block), sums + i * SL_HEAD_COLUMNS, SL_HEAD_COLUMNS * sizeof(float));
}

static float cosine(const double *a, const float *sums, const double *constant, int dim)
{
    double ab = 0, aa = 0, bb = 0;
    for (int d = 0; d < dim; d++) {
        double b = (double)sums[d] + constant[d];
        ab += a[d] * b;
        aa += a[d] * a[d];
        bb += b * b;
    }
    return aa > 0 && bb > 0 ? (float)(ab / sqrt(aa * bb)) : 0;
}

/* query [D] = sum_p w_p x_p; constant [D] = -sum_p w_p mu_p, what every candidate has beside its sums. */
static void weigh(const sl_oae *oae, const float *x, const float *trust, double *query, double *constant)
{
    size_t dim = (size_t)oae->head.dim;
    for (int p = 0; p < oae->head.cells; p++)
        for (size_t d = 0; d < dim; d++) {
            double w = (double)trust[p];
            query[d] += w * (double)x[(size_t)p * dim + d];
            constant[d] -= w * (double)oae->stats.mu[(size_t)p * dim + d];
        }
}

static void share_of(const sl_head *h, const float *trust, float *share)
{
    double all = 0;
    for (int p = 0; p < h->cells; p++)
        all += (double)trust[p];
    for (int d = 0; d < h->dim; d++)
        share[d] = (float)(all * (double)h->bias[d] / h->cells);
}

sl_status sl_oae_scores_of(const sl_oae *oae, const sl_patch_source *query, size_t n,
                           sl_patch_source_fn source_of, void *context, int threads, float *scores, sl_error *err)
{
    const sl_head *h = &oae->head;
    size_t wide = (size_t)h->blocks * SL_HEAD_COLUMNS, dim = (size_t)h->dim;
    int workers = threads > 0 ? threads : sl_cpu_count();
    float trust[SL_MATCH_MAX_PATCHES], v[SL_MATCH_MAX_PATCHES];
    float *x = sl_calloc_aligned((size_t)h->cells * dim, sizeof *x);
    double *vectors = sl_calloc_aligned(2 * dim, sizeof *vectors);
    sl_patch_source *faces = sl_calloc_aligned(n + 1, sizeof *faces);
    sums_work w = {.oae = oae, .faces = faces, .count = n, .trust = trust,
                   .share = sl_calloc_aligned(wide, sizeof(float)),
                   .sums = sl_calloc_aligned(n + 1, wide * sizeof(float)),
                   .patches = sl_calloc_aligned((size_t)workers * CHUNK, (size_t)h->channels * sizeof(float)),
                   .multiply = sl_head_kernel_for(sl_isa_active())};
    sl_status status = SL_OK;
    if (!x || !vectors || !faces || !w.share || !w.sums || !w.patches) {
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a second look at %zu candidates", n);
        goto end;
    }
    SL_TRY_GOTO(look_at(oae, query, workers, x, v, err), end);
    sl_trust_of_surprise(&oae->stats, v, trust);
    for (size_t i = 0; i < n; i++)
        SL_TRY_GOTO(source_of(context, i, &faces[i], err), end);
    weigh(oae, x, trust, vectors, vectors + dim);
    share_of(h, trust, w.share);
    sl_parallel_for(workers, (n + CHUNK - 1) / CHUNK * (size_t)h->blocks, sum_block, &w);
    for (size_t i = 0; i < n; i++) {
        scores[i] = cosine(vectors, w.sums + i * wide, vectors + dim, h->dim);
        if (!isfinite(scores[i]))
            SL_TRY_GOTO(sl_fail(err, SL_ERR_NUMERIC, "the patches of candidate %zu give NaN or infinity", i), end);
    }
end:
    free(x);
    free(vectors);
    free(faces);
    free(w.share);
    free(w.sums);
    free(w.patches);
    return status;
}
