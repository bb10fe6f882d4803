/* The look oae: both faces embedded again from the cells that are believed of the query (oae.h). */
#include <stdlib.h>
#include <string.h>

#include "match/look.h"
#include "match/oae/oae.h"

typedef struct {
    const sl_oae *oae;
    int threads;
    sl_patch_source query;
} oae_look;

static sl_match_need needs(const sl_match_options *o)
{
    (void)o;
    return SL_NEEDS_STATISTICS;
}

static bool splits(const sl_match_options *o)
{
    (void)o;
    return true;
}

static sl_status open_look(const sl_look_kind *kind, const sl_match_options *o, const sl_template_shape *shape,
                           void **out, sl_error *err)
{
    (void)kind;
    *out = NULL;
    SL_TRY(sl_oae_check(o->oae, shape, true, "rerank oae", err));
    oae_look *look = calloc(1, sizeof *look);
    if (!look)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a second look");
    *look = (oae_look){.oae = o->oae, .threads = o->threads};
    *out = look;
    return SL_OK;
}

static void close_look(void *opened)
{
    free(opened);
}

static sl_status take_query(void *opened, const sl_patch_source *query, sl_error *err)
{
    oae_look *look = opened;
    (void)err;
    look->query = *query;
    return SL_OK;
}

static sl_status scores_of(void *opened, size_t n, sl_patch_source_fn source_of, void *context, float *scores,
                           int *iterations, sl_error *err)
{
    const oae_look *look = opened;
    if (iterations)
        memset(iterations, 0, n * sizeof *iterations);
    return sl_oae_scores_of(look->oae, &look->query, n, source_of, context, look->threads, scores, err);
}

const sl_look_kind sl_look_oae = {
    .name = "oae",
    .words = "what is believed",
    .told = "both faces described again without what the query hides (oae)",
    .reads = SL_READS_LOOK,
    .alpha = .6f,
    .alpha_encoded = .3f, /* stage 1 then sees through covers, too (docs/lab/encoder.md) */
    .weighting = SL_WEIGHT_APC,
    .by_trust = true,
    .needs = needs,
    .splits = splits,
    .open = open_look,
    .close = close_look,
    .query = take_query,
    .scores = scores_of,
};
