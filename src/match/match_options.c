/* Options and what follows from them for a given patch map. */
#include <math.h>
#include <stdio.h>

#include "base/names.h"
#include "match/oae/oae.h"
#include "match/patch/weighting.h"

/* ---- names ---- */

enum {
    RERANKS = SL_RERANK_AUTO + 1,
    FEATURES = SL_FEATURE_CONTRIBUTIONS + 1,
    SOLVERS = SL_SOLVER_EXACT + 1,
    COMPUTES = SL_COMPARE_BF16 + 1
};

static const char *const reranks[RERANKS] = {"none", "emd", "oae", "maxsim", "same-cell", "auto"};
static const char *const features[FEATURES] = {"map", "contributions"};
static const char *const solvers[SOLVERS] = {"sinkhorn", "converged", "exact"};
static const char *const computes[COMPUTES] = {"int8", "f32", "bf16"};

const char *sl_rerank_name(sl_rerank rerank) { return sl_name_of(reranks, RERANKS, rerank); }
const char *sl_feature_name(sl_feature feature) { return sl_name_of(features, FEATURES, feature); }
const char *sl_solver_name(sl_solver solver) { return sl_name_of(solvers, SOLVERS, solver); }
const char *sl_patch_compute_name(sl_patch_compute compute) { return sl_name_of(computes, COMPUTES, compute); }

int sl_rerank_named(const char *name) { return sl_named(reranks, RERANKS, name); }
int sl_feature_named(const char *name) { return sl_named(features, FEATURES, name); }
int sl_solver_named(const char *name) { return sl_named(solvers, SOLVERS, name); }
int sl_patch_compute_named(const char *name) { return sl_named(computes, COMPUTES, name); }

/* ---- defaults ---- */

sl_match_options sl_match_defaults(void)
{
    return (sl_match_options){.rerank = SL_RERANK_AUTO,
                              .weighting = SL_WEIGHT_APC,
                              .solver = SL_SOLVER_SINKHORN,
                              .patch_compute = SL_COMPARE_INT8,
                              .k = 100,
                              .alpha = 0.7f};
}

sl_match_options sl_match_defaults_of(sl_rerank rerank)
{
    sl_match_options options = sl_match_defaults();
    options.rerank = rerank;
    if (rerank == SL_RERANK_OAE)
        options.alpha = 0.6f;
    if (rerank == SL_RERANK_MAXSIM || rerank == SL_RERANK_SAME_CELL)
        options.weighting = SL_WEIGHT_UNIFORM;
    return options;
}

/* ---- what templates can be looked at with ---- */

static bool compares_patches(sl_rerank rerank)
{
    return rerank == SL_RERANK_EMD || rerank == SL_RERANK_MAXSIM || rerank == SL_RERANK_SAME_CELL;
}

static sl_rerank best_look(const sl_match_options *o, const sl_template_shape *shape)
{
    if (shape->format == SL_PATCHES_NONE)
        return SL_RERANK_NONE;
    return o->oae && sl_oae_has_statistics(o->oae) ? SL_RERANK_OAE : SL_RERANK_EMD;
}

void sl_match_suit(sl_match_options *o, const sl_template_shape *shape)
{
    if (o->rerank == SL_RERANK_AUTO) {
        const sl_match_options own = sl_match_defaults_of(best_look(o, shape));
        const bool compact = shape->format == SL_PATCHES_COMPACT;
        o->rerank = own.rerank;
        o->alpha = own.alpha;
        o->feature = compact ? SL_FEATURE_CONTRIBUTIONS : SL_FEATURE_MAP;
        o->weighting = compact ? SL_WEIGHT_UNIFORM : own.weighting;
    }
    if (o->grid_rows == shape->rows && o->grid_cols == shape->cols)
        o->grid_rows = o->grid_cols = 0;
}

/* ---- the name of a look ---- */

void sl_match_key(const sl_match_options *m, char key[SL_MATCH_KEY])
{
    int n = snprintf(key, SL_MATCH_KEY, "%s", m->rerank == SL_RERANK_NONE ? "stage 1" : sl_rerank_name(m->rerank));
    if (m->rerank == SL_RERANK_NONE)
        return;
    n += snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", alpha %g", round((double)m->alpha * 1e6) / 1e6);
    if (compares_patches(m->rerank)) {
        n += snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", %s %s",
                      sl_feature_name(m->feature), sl_weighting_name(m->weighting));
        if (m->grid_rows || m->grid_cols)
            n += snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", grid %dx%d", m->grid_rows, m->grid_cols);
    }
    if (m->rerank == SL_RERANK_EMD)
        snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", %s", sl_solver_name(m->solver));
}

sl_match_need sl_match_needs(const sl_match_options *o)
{
    const sl_weighting_kind *weighting = sl_weighting_of(o->weighting);
    if (o->rerank == SL_RERANK_OAE || (compares_patches(o->rerank) && weighting && weighting->trust))
        return SL_NEEDS_STATISTICS;
    return compares_patches(o->rerank) && o->feature == SL_FEATURE_CONTRIBUTIONS ? SL_NEEDS_HEAD : SL_NEEDS_NOTHING;
}

sl_status sl_match_options_check(const sl_match_options *o, sl_error *err)
{
    if (o->rerank == SL_RERANK_AUTO)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: rerank auto was not settled: it depends on the templates");
    if ((unsigned)o->rerank > SL_RERANK_SAME_CELL)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: unknown rerank %d", (int)o->rerank);
    if (!sl_weighting_of(o->weighting))
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: unknown weighting %d", (int)o->weighting);
    if ((unsigned)o->solver > SL_SOLVER_EXACT)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: unknown solver %d", (int)o->solver);
    if ((unsigned)o->patch_compute > SL_COMPARE_BF16)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: unknown precision %d", (int)o->patch_compute);
    if ((unsigned)o->feature > SL_FEATURE_CONTRIBUTIONS)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: unknown feature %d", (int)o->feature);
    if (!(o->alpha >= 0 && o->alpha <= 1))
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: alpha is %g, use 0 to 1", (double)o->alpha);
    if (o->k < 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: k is %d, use 1 or more", o->k);
    if (o->grid_rows < 0 || o->grid_cols < 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: the grid is %dx%d, use 0 (the map's own) or more",
                       o->grid_rows, o->grid_cols);
    if (o->threads < 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: threads is %d, use 0 (all) or more", o->threads);
    return SL_OK;
}
