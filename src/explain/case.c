/* What sheet and report ask of one query's answer. */
#include "explain/explain.h"

#include <string.h>

#include "base/sha256.h"
#include "image/image.h"

sl_status sl_case_check(const sl_case *one, sl_error *err)
{
    if (!one || !one->query || !one->answer)
        return sl_fail(err, SL_ERR_ARGUMENT, "a case needs the query's template and its answer");
    const sl_answer *answer = one->answer;
    if ((answer->count && !answer->candidates) || (answer->stage1_count && !answer->stage1_candidates))
        return sl_fail(err, SL_ERR_ARGUMENT, "the answer counts candidates that it does not have");
    if ((answer->count || answer->stage1_count) && !one->gallery)
        return sl_fail(err, SL_ERR_ARGUMENT, "a case with candidates needs the gallery they come from");
    if (one->query_crop)
        SL_TRY(sl_image_check(one->query_crop, err));
    return SL_OK;
}

sl_status sl_case_crop(const sl_case *one, const sl_candidate *candidate, sl_image *out, sl_error *err)
{
    sl_status status = sl_gallery_crop(one->gallery, candidate->entry, out, err);
    if (status != SL_ERR_NOT_FOUND)
        return status;
    *out = (sl_image){0};
    return SL_OK;
}

sl_status sl_case_transport(const sl_case *one, const sl_candidate *candidate, sl_transport *out, bool *have,
                            sl_error *err)
{
    *have = false;
    if (!sl_look_moves_patches(one->answer->match.rerank))
        return SL_OK;
    sl_template *other;
    SL_TRY(sl_gallery_template(one->gallery, candidate->entry, &other, err));
    sl_status status = sl_transport_make(one->query, other, &one->answer->match, out, err);
    sl_template_free(other);
    if (status == SL_ERR_ARGUMENT || status == SL_ERR_UNSUPPORTED || status == SL_ERR_NUMERIC)
        return SL_OK;
    *have = status == SL_OK;
    return status;
}

sl_status sl_case_attribute(const sl_case *one, const sl_candidate *candidate, sl_attribution *out, sl_error *err)
{
    sl_template *other;
    *out = (sl_attribution){0};
    SL_TRY(sl_gallery_template(one->gallery, candidate->entry, &other, err));
    sl_status status = sl_attribute(one->query, other, &one->answer->match, out, err);
    sl_template_free(other);
    return status;
}

const char *sl_case_photo_sha256(const sl_case *one, const sl_candidate *candidate, char hex[65])
{
    sl_entry entry;
    if (sl_gallery_entry(one->gallery, candidate->entry, &entry, NULL) != SL_OK || !entry.photo_sha256)
        return NULL;
    sl_hex32(entry.photo_sha256, hex);
    return hex;
}

float sl_case_judged(const sl_case *one, const sl_candidate *candidate)
{
    return one->answer->threshold_on_stage1 ? candidate->stage1 : candidate->score;
}

int sl_case_stage1_rank(const sl_case *one, const char *label)
{
    for (size_t i = 0; i < one->answer->stage1_count; i++)
        if (strcmp(one->answer->stage1_candidates[i].label, label) == 0)
            return one->answer->stage1_candidates[i].rank;
    return 0;
}

bool sl_case_has_stage2(const sl_case *one)
{
    return sl_looks_again(&one->answer->match);
}

int sl_case_is_right(const sl_case *one, const char *label)
{
    return one->true_label ? strcmp(one->true_label, label) == 0 : -1;
}

sl_colour sl_case_frame(const sl_case *one, const char *label)
{
    int right = sl_case_is_right(one, label);
    return right < 0 ? (sl_colour){150, 154, 160} : right ? sl_right : sl_wrong;
}
