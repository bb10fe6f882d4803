/* What is shown: faces, and what each arm has between them. */
#include <stdio.h>

#include "explain/explain.h"
#include "image/image.h"
#include "study/study_make.h"

enum { SIDE = 224 }; /* pixels of a picture's longer side */

typedef sl_status draw_fn(const sl_pair *pair, const sl_study_options *options, sl_image *out, sl_error *err);

/* Both faces under their heat of cross-correlation. */
static sl_status draw_heats(const sl_pair *pair, const sl_match_options *match, sl_heat_style style, sl_image *out,
                            sl_error *err)
{
    sl_heat heat;
    SL_TRY(sl_heat_of_pair(pair->query, pair->other, match, SL_HEAT_CC, SL_ALL_HEADS, &heat, err));
    sl_status status = sl_draw_heat(heat.query, heat.rows, heat.cols, pair->query_crop, style, SIDE, &out[0], err);
    if (status == SL_OK) {
        status = sl_draw_heat(heat.other, heat.rows, heat.cols, pair->other_crop, style, SIDE, &out[1], err);
        if (status != SL_OK)
            sl_image_free(&out[0]);
    }
    sl_heat_free(&heat);
    return status;
}

static sl_status draw_cc(const sl_pair *pair, const sl_study_options *options, sl_image *out, sl_error *err)
{
    (void)options;
    const sl_match_options match = sl_match_defaults_of(SL_RERANK_EMD); /* which reads the map */
    return draw_heats(pair, &match, SL_HEAT_JET, out, err);
}

/* As the published study had it: no colours, dark where there is little. */
static sl_status draw_h2l(const sl_pair *pair, const sl_study_options *options, sl_image *out, sl_error *err)
{
    sl_match_options match = sl_match_defaults_of(SL_RERANK_H2L);
    match.look = options->look;
    return draw_heats(pair, &match, SL_HEAT_BRIGHT, out, err);
}

static sl_status draw_flow(const sl_pair *pair, const sl_study_options *options, sl_image *out, sl_error *err)
{
    (void)options;
    const sl_match_options match = sl_match_defaults_of(SL_RERANK_EMD);
    return sl_draw_flow(pair, &match, SIDE, &out[0], err);
}

static sl_status draw_trust(const sl_pair *pair, const sl_study_options *options, sl_image *out, sl_error *err)
{
    SL_TRY(sl_draw_trust(options->oae, pair->query, pair->query_crop, SIDE, &out[0], err));
    sl_status status = sl_draw_trust(options->oae, pair->other, pair->other_crop, SIDE, &out[1], err);
    if (status != SL_OK)
        sl_image_free(&out[0]);
    return status;
}

static const struct {
    int count;
    draw_fn *draw;
} arms[SL_STUDY_ARMS] = {[SL_STUDY_CC] = {2, draw_cc},
                         [SL_STUDY_FLOW] = {1, draw_flow},
                         [SL_STUDY_H2L] = {2, draw_h2l},
                         [SL_STUDY_TRUST] = {2, draw_trust}};

int sl_study_shown(sl_study_arm arm)
{
    return arms[arm].count;
}

bool sl_study_can_show(sl_study_arm arm, const sl_study_options *options)
{
    switch (arm) {
    case SL_STUDY_TRUST: return options->oae && sl_oae_source(options->oae);
    case SL_STUDY_H2L: return options->look && sl_look_rerank(options->look) == SL_RERANK_H2L;
    default: return true;
    }
}

sl_status sl_study_face_picture(const sl_image *crop, sl_image *out, sl_error *err)
{
    int width, height;
    sl_tile_size(crop, SIDE, &width, &height);
    return sl_tile(crop, width, height, out, err);
}

sl_status sl_study_arm_pictures(sl_study_arm arm, const sl_pair *pair, const sl_study_options *options, sl_image *out,
                                sl_error *err)
{
    return arms[arm].draw ? arms[arm].draw(pair, options, out, err) : SL_OK;
}

void sl_study_file_name(char out[64], const char *pair, int arm, int which)
{
    const char *side = which == 0 ? "a" : "b";
    if (arm < 0)
        snprintf(out, 64, "%s-%s.jpg", pair, side);
    else
        snprintf(out, 64, "%s-%s-%s.jpg", pair, sl_study_arm_name((sl_study_arm)arm), side);
}
