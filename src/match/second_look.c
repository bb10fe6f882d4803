#include "match/second_look.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/cells.h"

struct sl_second_look {
    sl_match_options options;
    sl_patch_source query;
    sl_match_layout layout; /* emd only, as is what follows */
    sl_patch_set set;       /* the query's, in `memory` */
    void *memory;
    sl_matcher *matcher;
};

static sl_status open_matcher(sl_second_look *look, const sl_template_shape *shape, sl_error *err)
{
    SL_TRY(sl_match_layout_make(&look->options, shape->rows, shape->cols, shape->channels, shape->dim, &look->layout,
                                err));
    look->memory = sl_alloc_aligned(sl_patch_set_bytes(&look->layout, SL_ROLE_QUERY));
    if (!look->memory)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a query's patches");
    return sl_matcher_open(&look->layout, look->options.threads, &look->matcher, err);
}

sl_status sl_second_look_open(const sl_match_options *options, const sl_template_shape *shape, sl_second_look **out,
                              sl_error *err)
{
    *out = NULL;
    SL_TRY(sl_match_options_check(options, err));
    if (options->rerank == SL_RERANK_NONE)
        return sl_fail(err, SL_ERR_ARGUMENT, "rerank none is no second look");
    if (options->rerank == SL_RERANK_OAE)
        SL_TRY(sl_cells_check(options->cells, shape, err));
    sl_second_look *look = calloc(1, sizeof *look);
    if (!look)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a second look");
    look->options = *options;
    sl_status status = options->rerank == SL_RERANK_EMD ? open_matcher(look, shape, err) : SL_OK;
    if (status != SL_OK)
        sl_second_look_close(look);
    else
        *out = look;
    return status;
}

void sl_second_look_close(sl_second_look *look)
{
    if (!look)
        return;
    sl_matcher_close(look->matcher);
    free(look->memory);
    free(look);
}

sl_status sl_second_look_face(const sl_second_look *look, const sl_gallery *gallery, size_t face,
                              sl_patch_source *out, sl_error *err)
{
    const float *embeddings;
    *out = (sl_patch_source){0};
    SL_TRY(sl_gallery_embeddings(gallery, &embeddings, err));
    out->embedding = embeddings + face * (size_t)sl_gallery_shape(gallery)->dim;
    SL_TRY(sl_gallery_patches(gallery, face, &out->patches_i8, &out->patch_scales, &out->patches_f32, err));
    if (look->options.rerank != SL_RERANK_EMD || look->options.weighting != SL_WEIGHT_LMK)
        return SL_OK;
    SL_TRY(sl_gallery_landmarks(gallery, face, &out->landmarks, err));
    if (out->landmarks)
        return SL_OK;
    return sl_fail(err, SL_ERR_ARGUMENT, "%s was enrolled without landmarks, which the weighting lmk needs: install "
                   "libdlib-data and enrol it again, or use another weighting", sl_gallery_image(gallery, face));
}

sl_status sl_second_look_query(sl_second_look *look, const sl_patch_source *query, sl_error *err)
{
    look->query = *query;
    if (!look->matcher)
        return SL_OK;
    sl_status status = sl_patch_set_init(&look->set, &look->layout, SL_ROLE_QUERY, look->memory, query, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "query");
}

sl_status sl_second_look_scores(sl_second_look *look, size_t n, sl_patch_source_fn source_of, void *context,
                                float *scores, int *iterations, sl_error *err)
{
    if (look->matcher)
        return sl_matcher_scores_of(look->matcher, &look->set, n, source_of, context, scores, iterations, err);
    if (iterations)
        memset(iterations, 0, n * sizeof *iterations);
    return sl_oae_scores_of(look->options.cells, &look->query, n, source_of, context, look->options.threads, scores,
                            err);
}
