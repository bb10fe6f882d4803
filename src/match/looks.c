/* The kinds of second look by number and by name, and what follows from a row alone. */
#include "match/look.h"

#include <math.h>
#include <string.h>

#include "match/oae/oae.h"

static const sl_look_kind stage1_alone = {
    .name = "none",
    .key = "stage 1",
    .words = "none",
    .told = "none: the first look decides",
    .alpha = .7f,
    .weighting = SL_WEIGHT_APC,
};

static const sl_look_kind what_suits = {
    .name = "auto",
    .words = "unknown",
    .told = "none: the first look decides",
    .unsettled = true,
    .alpha = .7f,
    .weighting = SL_WEIGHT_APC,
};

static const sl_look_kind *const kinds[] = {
    [SL_RERANK_NONE] = &stage1_alone,    [SL_RERANK_EMD] = &sl_look_emd,
    [SL_RERANK_OAE] = &sl_look_oae,      [SL_RERANK_MAXSIM] = &sl_look_maxsim,
    [SL_RERANK_SAME_CELL] = &sl_look_same_cell, [SL_RERANK_AUTO] = &what_suits,
    [SL_RERANK_H2L] = &sl_look_h2l,      [SL_RERANK_H2] = &sl_look_h2,
};

enum { KINDS = sizeof kinds / sizeof *kinds };

const sl_look_kind *sl_look_kind_of(sl_rerank rerank)
{
    return (unsigned)rerank < KINDS ? kinds[rerank] : NULL;
}

/* ---- names ---- */

const char *sl_rerank_name(sl_rerank rerank)
{
    const sl_look_kind *kind = sl_look_kind_of(rerank);
    return kind ? kind->name : NULL;
}

int sl_rerank_named(const char *name)
{
    for (int i = 0; name && i < KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return i;
    return -1;
}

/* ---- properties ---- */

unsigned sl_rerank_reads(sl_rerank rerank)
{
    const sl_look_kind *kind = sl_look_kind_of(rerank);
    return kind ? kind->reads : SL_READS_NOTHING;
}

bool sl_look_moves_patches(sl_rerank rerank)
{
    const sl_look_kind *kind = sl_look_kind_of(rerank);
    return kind && kind->plan;
}

bool sl_look_is_by_trust(sl_rerank rerank)
{
    const sl_look_kind *kind = sl_look_kind_of(rerank);
    return kind && kind->by_trust;
}

bool sl_look_splits(const sl_match_options *options)
{
    const sl_look_kind *kind = sl_look_kind_of(options->rerank);
    return kind && kind->splits && kind->splits(options);
}

/* ---- defaults ---- */

sl_match_options sl_match_defaults_of(sl_rerank rerank)
{
    const sl_look_kind *kind = sl_look_kind_of(rerank);
    sl_match_options options = {.rerank = rerank, .patch_compute = SL_COMPARE_INT8, .k = 100};
    options.solver = SL_SOLVER_SINKHORN;
    options.alpha = kind ? kind->alpha : what_suits.alpha;
    options.weighting = kind ? kind->weighting : what_suits.weighting;
    return options;
}

sl_match_options sl_match_defaults(void)
{
    return sl_match_defaults_of(SL_RERANK_AUTO);
}

sl_match_options sl_match_stage1(const sl_match_options *o)
{
    sl_match_options stage1 = sl_match_defaults_of(SL_RERANK_NONE);
    stage1.oae = o->oae;
    stage1.encoder = o->encoder;
    return stage1;
}

static sl_rerank best_look(const sl_match_options *o, const sl_template_shape *shape)
{
    if (shape->format == SL_PATCHES_NONE)
        return SL_RERANK_NONE;
    return o->oae && sl_oae_has_statistics(o->oae) ? SL_RERANK_OAE : SL_RERANK_EMD;
}

static void take_best_look(sl_match_options *o, const sl_template_shape *shape)
{
    const bool compact = shape->format == SL_PATCHES_COMPACT;
    o->rerank = best_look(o, shape);
    o->alpha = NAN;
    o->feature = compact ? SL_FEATURE_CONTRIBUTIONS : SL_FEATURE_MAP;
    o->weighting = compact ? SL_WEIGHT_UNIFORM : sl_look_kind_of(o->rerank)->weighting;
}

void sl_match_suit(sl_match_options *o, const sl_template_shape *shape)
{
    const sl_look_kind *kind = sl_look_kind_of(o->rerank);
    if (kind && kind->unsettled) {
        take_best_look(o, shape);
        kind = sl_look_kind_of(o->rerank);
    }
    if (kind && isnan(o->alpha))
        o->alpha = o->encoder && kind->alpha_encoded > 0 ? kind->alpha_encoded : kind->alpha;
    if (o->grid_rows == shape->rows && o->grid_cols == shape->cols)
        o->grid_rows = o->grid_cols = 0;
}
