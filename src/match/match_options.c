/* The second look's options: their names, what they need, and whether their values are possible. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/names.h"
#include "base/sha256.h"
#include "match/learned/learned.h"
#include "match/look.h"
#include "match/patch/weighting.h"

/* ---- names ---- */

enum {
    FEATURES = SL_FEATURE_CONTRIBUTIONS + 1,
    SOLVERS = SL_SOLVER_PUBLISHED + 1,
    COMPUTES = SL_COMPARE_BF16 + 1
};

static const char *const features[FEATURES] = {"map", "contributions"};
static const char *const solvers[SOLVERS] = {"sinkhorn", "converged", "exact", "published"};
static const char *const computes[COMPUTES] = {"int8", "f32", "bf16"};

const char *sl_feature_name(sl_feature feature) { return sl_name_of(features, FEATURES, feature); }
const char *sl_solver_name(sl_solver solver) { return sl_name_of(solvers, SOLVERS, solver); }
const char *sl_patch_compute_name(sl_patch_compute compute) { return sl_name_of(computes, COMPUTES, compute); }

int sl_feature_named(const char *name) { return sl_named(features, FEATURES, name); }
int sl_solver_named(const char *name) { return sl_named(solvers, SOLVERS, name); }
int sl_patch_compute_named(const char *name) { return sl_named(computes, COMPUTES, name); }

/* ---- the name of a look ---- */

void sl_match_key(const sl_match_options *m, char key[SL_MATCH_KEY])
{
    const sl_look_kind *kind = sl_look_kind_of(m->rerank);
    int n = snprintf(key, SL_MATCH_KEY, "%s", kind->key ? kind->key : kind->name);
    if (kind->reads & SL_READS_LOOK)
        n += snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", alpha %g", round((double)m->alpha * 1e6) / 1e6);
    if (kind->reads & SL_READS_PATCHES) {
        n += snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", %s %s",
                      sl_feature_name(m->feature), sl_weighting_name(m->weighting));
        if (m->grid_rows || m->grid_cols)
            n += snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", grid %dx%d", m->grid_rows, m->grid_cols);
    }
    if (kind->reads & SL_READS_LEARNED && m->look) {
        char own[65];
        sl_hex32(m->look->own, own);
        n += snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", look %.16s", own);
    }
    if (kind->reads & SL_READS_SOLVER)
        n += snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", %s", sl_solver_name(m->solver));
    if (m->encoder)
        snprintf(key + n, SL_MATCH_KEY - (size_t)n, ", encoder %016" PRIx64, m->encoder);
}

sl_match_need sl_match_needs(const sl_match_options *o)
{
    const sl_look_kind *kind = sl_look_kind_of(o->rerank);
    return kind && kind->needs ? kind->needs(o) : SL_NEEDS_NOTHING;
}

/* What an emd can be asked for together with its solver. */
static sl_status check_solver(const sl_match_options *o, sl_error *err)
{
    const bool scaled = o->solver == SL_SOLVER_SINKHORN || o->solver == SL_SOLVER_PUBLISHED;
    if (sl_weighting_of(o->weighting)->joint && !scaled)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: the weighting %s has other totals on either side, which "
                       "the solvers sinkhorn and published alone take", sl_weighting_of(o->weighting)->name);
    if (o->solver == SL_SOLVER_PUBLISHED && o->feature != SL_FEATURE_MAP)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: the solver published compares patch maps, as the "
                       "published code does: use the feature map, of a gallery that keeps maps (--patches int8 or "
                       "f32)");
    return SL_OK;
}

sl_status sl_match_options_check(const sl_match_options *o, sl_error *err)
{
    const sl_look_kind *kind = sl_look_kind_of(o->rerank);
    if (!kind)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: unknown rerank %d", (int)o->rerank);
    if (kind->unsettled)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: rerank %s was not settled: it depends on the templates",
                       kind->name);
    if (!sl_weighting_of(o->weighting))
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: unknown weighting %d", (int)o->weighting);
    if ((unsigned)o->solver >= SOLVERS)
        return sl_fail(err, SL_ERR_ARGUMENT, "match options: unknown solver %d", (int)o->solver);
    if (kind->reads & SL_READS_SOLVER)
        SL_TRY(check_solver(o, err));
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
