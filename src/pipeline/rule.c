/* The rule by which a score is judged: thresholds by how much of the query is hidden, out of rates and a promise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "match/oae/oae.h"
#include "pipeline/engine.h"
#include "pipeline/rates.h"

static const double default_fpir = .01, default_fmr = 1e-4;

/* ---- deciding ---- */

static const char *const decisions[] = {"unknown", "match", "too-little-seen"};

const char *sl_decision_name(sl_decision decision)
{
    return sl_name_of(decisions, sizeof decisions / sizeof *decisions, decision);
}

int sl_decision_named(const char *name)
{
    return sl_named(decisions, sizeof decisions / sizeof *decisions, name);
}

sl_rule sl_rule_given(float threshold, int on_stage1)
{
    return (sl_rule){.on_stage1 = on_stage1 != 0, .bins = 1, .hidden_to = {1}, .threshold = {threshold},
                     .source = {isnan(threshold) ? SL_RULE_MISSING : SL_RULE_GIVEN}};
}

int sl_rule_bin(const sl_rule *rule, float hidden)
{
    int b = 0;
    while (b + 1 < rule->bins && !(hidden < rule->hidden_to[b])) /* NaN: the last, which is the strictest to reach */
        b++;
    return b;
}

sl_decision sl_rule_decide(const sl_rule *rule, float score, float stage1, float hidden)
{
    float value = rule->on_stage1 ? stage1 : score;
    if (value >= rule->threshold[sl_rule_bin(rule, hidden)]) /* NaN: no match */
        return SL_MATCH;
    return hidden >= SL_TOO_HIDDEN ? SL_TOO_LITTLE : SL_UNKNOWN;
}

/* ---- thresholds out of rates ---- */

/* The search for somebody who is not there is as many chances of a false match as there are faces: if all were
 * alike, 1 - FPIR = (1 - FMR)^N. */
static double rate_of_one(double fpir, double of)
{
    return -expm1(log1p(-fmin(fpir, 1 - 1e-9)) / of);
}

/* What is asked of each bin. */
typedef struct {
    sl_rate_kind promise;
    double rate, faces;
} demand;

/* The false match rate of a pair that keeps the promise. */
static double rate_of_pair(const demand *d)
{
    return d->promise == SL_RATE_FPIR && d->faces > 0 ? rate_of_one(d->rate, d->faces) : d->rate;
}

static void fill_bin(sl_rule *rule, int b, double threshold, sl_rule_source source, int beyond)
{
    rule->threshold[b] = (float)threshold;
    rule->source[b] = isnan(threshold) ? SL_RULE_MISSING : source;
    rule->extrapolated[b] = beyond;
}

/* By a gallery's calibration; only what it measured. NaN bins are left to the model's rates. */
static double by_calibration(const sl_rates *r, int b, const demand *d)
{
    const sl_rate_bin *bin = &r->bin[b];
    if (d->promise == SL_RATE_FMR)
        return sl_rate_curve_at(&bin->fmr, d->rate);
    return sl_rate_curve_at(&bin->fpir, rate_of_one(d->rate, d->faces / (double)r->faces));
}

static double by_model(const sl_rates *r, int b, const demand *d, int *beyond)
{
    return sl_rate_curve_beyond(&r->bin[b].fmr, rate_of_pair(d), beyond);
}

static void lay_out(sl_rule *rule, const sl_rates *r)
{
    rule->bins = (int)r->bins;
    for (uint32_t b = 0; b < r->bins; b++)
        rule->hidden_to[b] = (float)r->bin[b].hidden_to;
}

/* Bins are those of the gallery's rates where there are such, else the model's. The model's bin that a gallery's falls
 * into is the one of its upper half: the stricter of two. */
static void combine(sl_rule *rule, const sl_rates *gallery, const sl_rates *model, const demand *d)
{
    lay_out(rule, gallery ? gallery : model);
    for (int b = 0; b < rule->bins; b++) {
        int beyond = 0;
        double t = gallery ? by_calibration(gallery, b, d) : NAN;
        sl_rule_source source = SL_RULE_CALIBRATION;
        if (isnan(t) && model) {
            uint32_t at = sl_rates_bin(model, nextafterf(rule->hidden_to[b], 0));
            t = by_model(model, (int)at, d, &beyond);
            source = SL_RULE_BUILT_IN;
        }
        fill_bin(rule, b, t, source, beyond);
    }
}

/* ---- a manifest's own words, where there are no rates ---- */

static bool is_default_of(const sl_match_options *match, sl_rerank look)
{
    char key[SL_MATCH_KEY], own[SL_MATCH_KEY];
    const sl_match_options defaults = sl_match_defaults_of(look);
    sl_match_key(match, key);
    sl_match_key(&defaults, own);
    return strcmp(key, own) == 0;
}

/* The manifest's threshold and curve for this look, NULL where it has none: those are for looks as they are by
 * default. */
static const sl_rate_curve *manifest_curve(const sl_manifest *m, const sl_match_options *match, float *threshold)
{
    *threshold = NAN;
    for (int look = 0; look < SL_MANIFEST_LOOKS; look++)
        if (is_default_of(match, (sl_rerank)look)) {
            *threshold = m->threshold[look];
            return &m->false_match_rate[look];
        }
    return NULL;
}

/* One threshold for all, whatever they hide. */
static sl_rule by_manifest(const sl_manifest *m, const sl_match_options *match, const demand *d)
{
    float threshold;
    int beyond = 0;
    const sl_match_options stage1 = sl_match_stage1(match);
    const sl_rate_curve *curve = manifest_curve(m, match, &threshold);
    const int on_stage1 = !curve || (curve->count == 0 && isnan(threshold));
    if (on_stage1)
        curve = manifest_curve(m, &stage1, &threshold);
    sl_rule rule = sl_rule_given(threshold, on_stage1 && sl_looks_again(match));
    double t = sl_rate_curve_beyond(curve, rate_of_pair(d), &beyond);
    if (!isnan(t)) {
        fill_bin(&rule, 0, t, SL_RULE_BUILT_IN, beyond);
        rule.promise = d->promise;
        rule.rate = d->rate;
        rule.faces = (size_t)d->faces;
    } else {
        fill_bin(&rule, 0, (double)threshold, SL_RULE_BUILT_IN, 0);
    }
    return rule;
}

/* ---- the public functions ---- */

static bool is_whole(const sl_rule *rule)
{
    for (int b = 0; b < rule->bins; b++)
        if (isnan(rule->threshold[b]))
            return false;
    return true;
}

/* The rates of both, where they are: *has says of which. Only what cannot be read fails. */
typedef struct {
    sl_rates gallery, model;
    bool has_gallery, has_model;
} both_rates;

static sl_status find_rates(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                            both_rates *r, sl_error *err)
{
    const uint32_t statistics = sl_match_statistics(match);
    sl_status status = gallery ? sl_gallery_rates(gallery, match, statistics, &r->gallery, err) : SL_ERR_NOT_FOUND;
    if (status != SL_OK && status != SL_ERR_NOT_FOUND)
        return status;
    r->has_gallery = status == SL_OK;
    status = engine ? sl_model_rates(engine, match, statistics, &r->model, err) : SL_ERR_NOT_FOUND;
    if (status != SL_OK && status != SL_ERR_NOT_FOUND)
        return status;
    r->has_model = status == SL_OK;
    return SL_OK;
}

/* By the rates of this look, where there are such: *found. */
static sl_status by_rates(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                          const demand *d, both_rates *room, sl_rule *out, bool *found, sl_error *err)
{
    SL_TRY(find_rates(engine, gallery, match, room, err));
    *found = room->has_gallery || room->has_model;
    if (!*found)
        return SL_OK;
    combine(out, room->has_gallery ? &room->gallery : NULL, room->has_model ? &room->model : NULL, d);
    out->promise = d->promise;
    out->rate = d->rate;
    out->faces = (size_t)d->faces;
    return SL_OK;
}

static bool manifest_knows(const sl_engine *engine, const sl_match_options *match)
{
    float threshold;
    const sl_rate_curve *curve = manifest_curve(engine->recogniser.network.manifest, match, &threshold);
    return curve && (curve->count || !isnan(threshold));
}

/* By the rates of the look, where there are such, else by those of stage 1: *found. */
static sl_status by_measures(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                             const demand *d, both_rates *room, sl_rule *out, bool *found, sl_error *err)
{
    SL_TRY(by_rates(engine, gallery, match, d, room, out, found, err));
    if (*found || !engine || manifest_knows(engine, match) || !sl_looks_again(match))
        return SL_OK;
    const sl_match_options stage1 = sl_match_stage1(match);
    SL_TRY(by_rates(engine, gallery, &stage1, d, room, out, found, err));
    out->on_stage1 = *found;
    return SL_OK;
}

/* By what was measured; else by what the manifest says. Where nobody measured queries of this encoder, what holds
 * without it decides, and promises nothing. */
static sl_status find_rule(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                           const demand *d, both_rates *room, sl_rule *out, sl_error *err)
{
    bool found;
    sl_match_options plain = *match;
    plain.encoder = 0;
    SL_TRY(by_measures(engine, gallery, match, d, room, out, &found, err));
    if (found)
        return SL_OK;
    if (!engine)
        return sl_fail(err, SL_ERR_NOT_FOUND, "the gallery was not calibrated for this look: run 'secondlook "
                       "calibrate', or give a threshold");
    if (match->encoder)
        SL_TRY(by_measures(engine, gallery, &plain, d, room, out, &found, err));
    if (!found)
        *out = by_manifest(engine->recogniser.network.manifest, &plain, d);
    if (match->encoder)
        out->promise = SL_RATE_NONE;
    return SL_OK;
}

static sl_status make_rule(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                           const demand *d, sl_rule *out, sl_error *err)
{
    both_rates *room = calloc(1, sizeof *room);
    *out = sl_rule_given(NAN, 0);
    sl_status status = room ? find_rule(engine, gallery, match, d, room, out, err)
                            : sl_fail(err, SL_ERR_MEMORY, "no memory for the rates of scores");
    free(room);
    return status;
}

sl_status sl_rule_default(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                          sl_rule *out, sl_error *err)
{
    const double faces = gallery ? (double)sl_gallery_size(gallery) : 0;
    const demand d = {gallery ? SL_RATE_FPIR : SL_RATE_FMR, gallery ? default_fpir : default_fmr, faces};
    return make_rule(engine, gallery, match, &d, out, err);
}

static sl_status keep_promise(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                              const demand *d, sl_rule *out, sl_error *err)
{
    if (!(d->rate > 0 && d->rate <= 1))
        return sl_fail(err, SL_ERR_ARGUMENT, "a rate must be above 0 and at most 1, not %g", d->rate);
    SL_TRY(make_rule(engine, gallery, match, d, out, err));
    if (is_whole(out) && out->promise == d->promise)
        return SL_OK;
    const bool nothing = out->promise == SL_RATE_NONE;
    *out = sl_rule_given(NAN, 0);
    if (nothing)
        return sl_fail(err, SL_ERR_NOT_FOUND, "model %s%s%s has no false match rates for this look: calibrate the "
                       "gallery with 'secondlook calibrate', measure the model with 'secondlook models threshold', or "
                       "give a threshold", engine->info.name, match->encoder ? " with the encoder " : "",
                       match->encoder ? sl_engine_encoder(engine) : "");
    return sl_fail(err, SL_ERR_ARGUMENT, "a rate of %.2g is smaller than what was measured can tell: calibrate with "
                   "more searches, or ask for a larger rate", d->rate);
}

sl_status sl_rule_for_fpir(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                           double fpir, sl_rule *out, sl_error *err)
{
    const demand d = {SL_RATE_FPIR, fpir, (double)sl_gallery_size(gallery)};
    return keep_promise(engine, gallery, match, &d, out, err);
}

sl_status sl_rule_for_far(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match, double far,
                          sl_rule *out, sl_error *err)
{
    const demand d = {SL_RATE_FMR, far, 0};
    return keep_promise(engine, gallery, match, &d, out, err);
}
