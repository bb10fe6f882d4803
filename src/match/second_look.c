/* The second look's front: checks that all kinds share, then the kind's own functions. */
#include "match/second_look.h"

#include <stdlib.h>

#include "match/look.h"

struct sl_second_look {
    const sl_look_kind *kind;
    void *opened;
};

sl_status sl_second_look_check(const sl_match_options *o, const sl_template_shape *shape, sl_error *err)
{
    const sl_look_kind *kind = sl_look_kind_of(o->rerank);
    if (!kind || !kind->open)
        return SL_OK;
    if (shape->format == SL_PATCHES_NONE)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "embeddings alone are stored, which no second look can use: enrol into "
                       "a new gallery with --patches compact or int8, or search with --rerank none");
    return kind->check ? kind->check(o, shape, err) : SL_OK;
}

sl_status sl_second_look_open(const sl_match_options *options, const sl_template_shape *shape, sl_second_look **out,
                              sl_error *err)
{
    *out = NULL;
    SL_TRY(sl_match_options_check(options, err));
    const sl_look_kind *kind = sl_look_kind_of(options->rerank);
    if (!kind->open)
        return sl_fail(err, SL_ERR_ARGUMENT, "rerank %s is no second look", kind->name);
    SL_TRY(sl_second_look_check(options, shape, err));
    sl_second_look *look = calloc(1, sizeof *look);
    if (!look)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a second look");
    look->kind = kind;
    sl_status status = kind->open(kind, options, shape, &look->opened, err);
    if (status != SL_OK)
        free(look);
    else
        *out = look;
    return status;
}

void sl_second_look_close(sl_second_look *look)
{
    if (!look)
        return;
    look->kind->close(look->opened);
    free(look);
}

sl_status sl_second_look_face(const sl_second_look *look, sl_face_store store, size_t face, sl_patch_source *out,
                              sl_error *err)
{
    SL_TRY(store.patches(store.context, face, out, err));
    SL_TRY(store.embedding(store.context, face, &out->embedding, err));
    return look->kind->face ? look->kind->face(look->opened, store, face, out, err) : SL_OK;
}

sl_status sl_second_look_query(sl_second_look *look, const sl_patch_source *query, sl_error *err)
{
    return look->kind->query(look->opened, query, err);
}

sl_status sl_second_look_scores(sl_second_look *look, size_t n, sl_patch_source_fn source_of, void *context,
                                float *scores, int *iterations, sl_error *err)
{
    return look->kind->scores(look->opened, n, source_of, context, scores, iterations, err);
}

/* ---- pruning ---- */

bool sl_second_look_prunes(const sl_match_options *o, int top)
{
    const sl_look_kind *kind = sl_look_kind_of(o->rerank);
    return kind && kind->prunes && kind->prunes(o, top);
}

sl_status sl_second_look_best(sl_second_look *look, size_t n, sl_patch_source_fn source_of, void *context,
                              sl_topk *topk, float *scores, sl_error *err)
{
    return look->kind->best ? look->kind->best(look->opened, n, source_of, context, topk, scores, err)
                            : look->kind->scores(look->opened, n, source_of, context, scores, NULL, err);
}

bool sl_second_look_takes_sketches(const sl_second_look *look)
{
    return look->kind->takes_sketches && look->kind->takes_sketches(look->opened);
}

sl_status sl_second_look_take_sketches(sl_second_look *look, sl_sketches *sketches, sl_error *err)
{
    return look->kind->take_sketches(look->opened, sketches, err);
}

/* ---- what moves where ---- */

static sl_status check_moves(const sl_second_look *look, sl_error *err)
{
    return look->kind->plan ? SL_OK
                            : sl_fail(err, SL_ERR_ARGUMENT, "rerank %s has no transport plan", look->kind->name);
}

void sl_second_look_grid(const sl_second_look *look, int *rows, int *cols)
{
    *rows = *cols = 0;
    if (look->kind->grid)
        look->kind->grid(look->opened, rows, cols);
}

sl_status sl_second_look_plan(sl_second_look *look, const sl_patch_source *candidate, float *plan, float *similarities,
                              float *query_weights, float *candidate_weights, sl_error *err)
{
    SL_TRY(check_moves(look, err));
    return look->kind->plan(look->opened, candidate, plan, similarities, query_weights, candidate_weights, err);
}

sl_status sl_second_look_hide(sl_second_look *look, const sl_patch_source *candidate, const uint8_t *keep, size_t n,
                              float *scores, sl_error *err)
{
    if (!look->kind->hide)
        return sl_fail(err, SL_ERR_ARGUMENT, "rerank %s hides no cells by itself", look->kind->name);
    return look->kind->hide(look->opened, candidate, keep, n, scores, err);
}
