/* Opening what an evaluation shares: embeddings, statistics, a bank of contributions. */
#include "eval/experiment.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "gallery/gallery.h"
#include "match/look.h"
#include "match/oae/oae.h"
#include "secondlook_eval.h"

static sl_status make_blocks(sl_experiment *x, sl_error *err)
{
    const sl_protocol *p = &x->protocol;
    const float *embeddings;
    SL_TRY(sl_gallery_embeddings(p->gallery, &embeddings, err));
    x->blocks = sl_calloc_aligned(p->face_count, sizeof *x->blocks);
    if (!x->blocks)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a gallery of %zu faces", p->face_count);
    for (size_t i = 0; i < p->face_count; i++) {
        if (i == 0 || p->faces[i] != p->faces[i - 1] + 1)
            x->blocks[x->block_count++] =
                (sl_scan_block){.rows = embeddings + p->faces[i] * x->dim, .stride = x->dim, .first = p->faces[i]};
        x->blocks[x->block_count - 1].count++;
    }
    return SL_OK;
}

/* What is known about the model, where a configuration needs it. */
static void find_cells(sl_experiment *x)
{
    for (size_t f = 0; f < x->sweep.first_count; f++)
        if (sl_match_needs(&x->sweep.firsts[f]) != SL_NEEDS_NOTHING)
            x->oae = x->sweep.firsts[f].oae;
    for (size_t l = 0; l < x->sweep.look_count; l++)
        if (sl_match_needs(&x->sweep.looks[l].options) != SL_NEEDS_NOTHING)
            x->oae = x->sweep.looks[l].options.oae;
}

sl_status sl_experiment_open(const sl_gallery *gallery, const sl_gallery *queries, const sl_eval_config *configs,
                             size_t count, const sl_eval_options *options, sl_experiment *out, sl_error *err)
{
    *out = (sl_experiment){.threads = options->threads > 0 ? options->threads : sl_cpu_count()};
    SL_TRY(sl_sweep_make(configs, count, &out->sweep, err));
    sl_status status = sl_protocol_make(gallery, queries, options, &out->protocol, err);
    const sl_protocol *p = &out->protocol;
    if (status == SL_OK) {
        out->dim = (size_t)sl_gallery_shape(gallery)->dim;
        size_t depth = out->sweep.most_k > p->most_relevant ? out->sweep.most_k : p->most_relevant;
        depth = depth > SL_CMC_RANKS ? depth : SL_CMC_RANKS;
        out->depth = depth < p->face_count ? depth : p->face_count;
        status = sl_gallery_embeddings(queries, &out->query_embeddings, err);
    }
    if (status == SL_OK)
        status = make_blocks(out, err);
    find_cells(out);
    if (status == SL_OK && out->oae)
        status = sl_oae_check(out->oae, sl_gallery_shape(gallery), false, "an evaluation", err);
    if (status != SL_OK)
        sl_experiment_close(out);
    return status;
}

void sl_experiment_close(sl_experiment *x)
{
    sl_contribution_bank_close(x->bank);
    free(x->blocks);
    sl_protocol_free(&x->protocol);
    sl_sweep_free(&x->sweep);
    *x = (sl_experiment){0};
}

/* An interruption is heard while there is no query to count yet. */
typedef struct {
    const sl_eval_options *options;
    size_t queries;
} listener;

static int listen(void *context, size_t done, size_t total)
{
    const listener *l = context;
    (void)done, (void)total;
    return l->options->progress ? l->options->progress(l->options->context, 0, l->queries) : 0;
}

sl_status sl_experiment_open_bank(sl_experiment *x, const sl_eval_options *options, sl_error *err)
{
    const sl_protocol *p = &x->protocol;
    size_t candidates = 0, all;
    for (size_t f = 0; f < x->sweep.first_count; f++)
        candidates += sl_look_splits(&x->sweep.firsts[f]) ? p->face_count : 0;
    for (size_t l = 0; l < x->sweep.look_count; l++)
        if (sl_look_splits(&x->sweep.looks[l].options))
            candidates += x->sweep.looks[l].k < p->face_count ? x->sweep.looks[l].k : p->face_count;
    if (!x->oae || !sl_mul_size(candidates, p->asked_count, &all) || all <= p->face_count)
        return SL_OK;
    listener l = {options, p->asked_count};
    return sl_contribution_bank_open(&x->oae->head, sl_gallery_faces(p->gallery), x->threads, listen, &l, &x->bank,
                                     err);
}

sl_status sl_experiment_scan(const sl_experiment *x, const uint32_t *queries, size_t count, uint32_t *index,
                             float *score, sl_error *err)
{
    float *rows = sl_calloc_aligned(count, x->dim * sizeof *rows);
    if (!rows)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu queries", count);
    for (size_t i = 0; i < count; i++)
        memcpy(rows + i * x->dim, x->query_embeddings + queries[i] * x->dim, x->dim * sizeof *rows);
    const sl_vectors asked = {rows, count, (int)x->dim};
    sl_status status =
        sl_scan_top(x->blocks, x->block_count, &asked, (int)x->depth + 1, x->threads, index, score, err);
    free(rows);
    return status;
}
