/* From which score on it is the same person. */
#include <math.h>
#include <stdio.h>

#include "pipeline/calibration.h"
#include "pipeline/engine.h"

/* ---- the model's own ---- */

/* What a manifest knows holds for stage 1 alone and for each second look with its default options; any other mix
 * is decided by its stage 1 cosine, which always means the same. */
static bool is_usual(const sl_match_options *m)
{
    sl_match_options d = sl_match_defaults_of(m->rerank);
    return (m->rerank == SL_RERANK_EMD || m->rerank == SL_RERANK_OAE) && m->weighting == d.weighting &&
           m->solver == d.solver && m->alpha == d.alpha && m->grid_rows == d.grid_rows &&
           m->grid_cols == d.grid_cols && m->feature == d.feature;
}

float sl_engine_threshold(const sl_engine *engine, const sl_match_options *match, int *on_stage1)
{
    const sl_manifest *m = engine->recogniser.network.manifest;
    float own = match->rerank == SL_RERANK_OAE ? m->threshold_oae : m->threshold_emd;
    *on_stage1 = !is_usual(match) || !isfinite(own);
    return *on_stage1 ? m->threshold_none : own;
}

static sl_status built_in(const sl_engine *engine, const sl_match_options *match, double fmr, sl_threshold *out,
                          sl_error *err)
{
    const sl_manifest *m = engine->recogniser.network.manifest;
    const sl_rate_curve *own = match->rerank == SL_RERANK_OAE ? &m->fmr_oae : &m->fmr_emd;
    out->on_stage1 = !is_usual(match) || own->count == 0;
    const sl_rate_curve *curve = out->on_stage1 ? &m->fmr_none : own;
    double t = sl_rate_curve_at(curve, fmr);
    if (curve->count == 0)
        return sl_fail(err, SL_ERR_NOT_FOUND,
                       "model %s has no false match rates in its manifest: calibrate a gallery with "
                       "'secondlook calibrate', or give a threshold",
                       m->name);
    if (isnan(t))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "a false match rate of %.2g a pair is needed, model %s was measured down to "
                       "%.2g: calibrate the gallery with 'secondlook calibrate', or ask for a larger rate",
                       fmr, m->name, curve->rate[curve->count - 1]);
    out->threshold = (float)t;
    out->source = SL_THRESHOLD_BUILT_IN;
    out->rate = fmr;
    return SL_OK;
}

/* ---- the gallery's ---- */

static sl_status check_rate(double rate, sl_error *err)
{
    return rate > 0 && rate <= 1
               ? SL_OK
               : sl_fail(err, SL_ERR_ARGUMENT, "a rate must be above 0 and at most 1, not %g", rate);
}

static sl_status calibrated(const sl_rate_curve *curve, double rate, uint64_t measured_by, const char *what,
                            sl_threshold *out, sl_error *err)
{
    double t = sl_rate_curve_at(curve, rate);
    if (isnan(t))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "the gallery's calibration can not tell a rate of %.2g: its %llu %s tell %.2g "
                       "at least (ten of them)",
                       rate, (unsigned long long)measured_by, what,
                       curve->count ? curve->rate[curve->count - 1] : 1);
    out->threshold = (float)t;
    out->source = SL_THRESHOLD_CALIBRATION;
    out->rate = rate;
    return SL_OK;
}

/* The search for somebody who is not there is as many chances of a false match as there are faces: if all were
 * alike, 1 - FPIR = (1 - FMR)^N. The calibration measured whole searches among N0 faces, so that only the step
 * from N0 to N is by this rule. */
sl_status sl_threshold_for_fpir(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                                double fpir, sl_threshold *out, sl_error *err)
{
    sl_calibration c;
    *out = (sl_threshold){.threshold = NAN};
    SL_TRY(check_rate(fpir, err));
    double faces = (double)sl_gallery_size(gallery);
    sl_status status = sl_calibration_read(gallery, match, &c, err);
    if (status == SL_OK)
        return calibrated(&c.fpir, -expm1(log1p(-fmin(fpir, 1 - 1e-9)) * (double)c.faces / faces), c.searches,
                          "searches", out, err);
    if (status != SL_ERR_NOT_FOUND || !engine)
        return status;
    return built_in(engine, match, faces > 0 ? -expm1(log1p(-fmin(fpir, 1 - 1e-9)) / faces) : fpir, out, err);
}

sl_status sl_threshold_for_far(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                               double far, sl_threshold *out, sl_error *err)
{
    sl_calibration c;
    *out = (sl_threshold){.threshold = NAN};
    SL_TRY(check_rate(far, err));
    sl_status status = gallery ? sl_calibration_read(gallery, match, &c, err) : SL_ERR_NOT_FOUND;
    if (status == SL_OK)
        return calibrated(&c.fmr, far, c.pairs, "pairs", out, err);
    if (status != SL_ERR_NOT_FOUND || !engine)
        return status;
    return built_in(engine, match, far, out, err);
}
