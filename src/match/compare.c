/* Two templates compared: the cosine of their embeddings, and the second look at their patches. */
#include <math.h>
#include <string.h>

#include "template/template.h"
#include "match/second_look.h"

static sl_status one_source(void *context, size_t candidate, sl_patch_source *out, sl_error *err)
{
    (void)candidate, (void)err;
    *out = *(const sl_patch_source *)context;
    return SL_OK;
}

static sl_status look_again(const sl_template *query, const sl_template *other, const sl_match_options *options,
                            float *stage2, int *iterations, sl_error *err)
{
    const sl_patch_source query_source = sl_patch_source_of(query);
    sl_patch_source other_source = sl_patch_source_of(other);
    sl_match_options one_thread = *options;
    sl_second_look *look;
    one_thread.threads = 1;
    SL_TRY(sl_second_look_open(&one_thread, &query->shape, &look, err));
    sl_status status = sl_second_look_query(look, &query_source, err);
    if (status == SL_OK)
        status = sl_second_look_scores(look, 1, one_source, &other_source, stage2, iterations, err);
    sl_second_look_close(look);
    return status;
}

sl_status sl_compare(const sl_template *query, const sl_template *other, const sl_match_options *options,
                     sl_score *out, sl_error *err)
{
    *out = (sl_score){.stage2 = NAN};
    sl_match_options settled = options ? *options : sl_match_defaults();
    if (!query || !other)
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_compare: a template is NULL");
    SL_TRY(sl_shape_check_same(&query->shape, &other->shape, err));
    sl_match_suit(&settled, &query->shape);
    options = &settled;
    SL_TRY(sl_match_options_check(options, err));
    const sl_template_shape *shape = &query->shape;
    const float stage1 = sl_scan_dot(query->embedding, other->embedding, shape->dim);
    if (!isfinite(stage1))
        return sl_fail(err, SL_ERR_NUMERIC, "sl_compare: an embedding has NaN or infinity");
    if (!sl_looks_again(options)) {
        *out = (sl_score){.stage1 = stage1, .stage2 = NAN, .score = stage1};
        return SL_OK;
    }
    SL_TRY(sl_second_look_check(options, &other->shape, err));
    float stage2;
    int iterations = 0;
    sl_status status = look_again(query, other, options, &stage2, &iterations, err);
    if (status == SL_OK)
        *out = (sl_score){.stage1 = stage1,
                          .stage2 = stage2,
                          .score = options->alpha * stage2 + (1 - options->alpha) * stage1,
                          .iterations = iterations};
    return status;
}
