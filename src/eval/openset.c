/* Rates of open-set identification (ISO/IEC 19795-1; Grother, NIST FRVT part 2). */
#include "eval/openset.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rate_curve.h"
#include "secondlook_eval.h"

sl_openset_point sl_openset_by_rule(const sl_searches *s, const sl_rule *rule)
{
    const int of = !rule->on_stage1;
    size_t alarms = 0, missed = 0;
    for (int b = 0; b < rule->bins; b++)
        if (isnan(rule->threshold[b]))
            return (sl_openset_point){.threshold = NAN, .fpir = {NAN, NAN, NAN}, .fnir = {NAN, NAN, NAN}};
    for (size_t i = 0; i < s->nonmated; i++) {
        const sl_search_end *end = &s->impostors[of][i];
        alarms += sl_rule_decide(rule, end->score, end->score, end->hidden) == SL_MATCH;
    }
    for (size_t i = 0; i < s->mated; i++) {
        const sl_search_end *end = &s->found[of][i];
        missed += !end->right || sl_rule_decide(rule, end->score, end->score, end->hidden) != SL_MATCH;
    }
    return (sl_openset_point){.threshold = rule->bins == 1 ? (double)rule->threshold[0] : NAN,
                              .fpir = sl_clopper_pearson(alarms, s->nonmated),
                              .fnir = sl_clopper_pearson(missed, s->mated)};
}

/* At one threshold for all. NaN: cannot be told. */
static sl_openset_point at_threshold(const sl_searches *s, int by_score, double threshold)
{
    const sl_rule rule = sl_rule_given((float)threshold, !by_score);
    return sl_openset_by_rule(s, &rule);
}

/* The smallest threshold that `rate` of the sorted searches for nobody reach (sl_threshold_at). */
static sl_status threshold_of(const sl_search_end *sorted, size_t count, double rate, double *out, sl_error *err)
{
    float *scores = sl_calloc_aligned(count + 1, sizeof *scores);
    if (!scores)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu searches", count);
    for (size_t i = 0; i < count; i++)
        scores[i] = sorted[i].score;
    *out = sl_threshold_at(scores, count, rate);
    free(scores);
    return SL_OK;
}

/* A point for every step of a fiftieth of a decade of FPIR, walking down both sorted lists. */
static void draw_curve(const sl_searches *s, int by_score, sl_openset_rates *out)
{
    const sl_search_end *impostors = s->impostors[by_score];
    size_t mated = 0, right = 0;
    for (size_t i = 0; i < s->nonmated;) {
        size_t next = i + 1;
        while (next < s->nonmated && impostors[next].score == impostors[i].score)
            next++;
        double fpir = (double)next / (double)s->nonmated, before = out->points ? out->fpir[out->points - 1] : 0;
        if (!before || next == s->nonmated || log10(fpir / before) >= .02) {
            for (; mated < s->mated && s->found[by_score][mated].score >= impostors[i].score; mated++)
                right += s->found[by_score][mated].right != 0;
            out->thresholds[out->points] = (double)impostors[i].score;
            out->fpir[out->points] = fpir;
            out->fnir[out->points++] = s->mated ? 1 - (double)right / (double)s->mated : NAN;
        }
        i = next;
    }
}

sl_status sl_openset_rates_of(sl_searches *s, int by_score, sl_openset_rates *out, sl_error *err)
{
    static const double rates[SL_OPENSET_RATES] = {.1, .01, .001};
    *out = (sl_openset_rates){0};
    out->thresholds = sl_calloc_aligned(3 * (s->nonmated + 1), sizeof *out->thresholds);
    if (!out->thresholds)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the curve of %zu searches", s->nonmated);
    out->fpir = out->thresholds + s->nonmated + 1;
    out->fnir = out->fpir + s->nonmated + 1;
    sl_search_ends_sort(s->impostors[by_score], s->nonmated);
    sl_search_ends_sort(s->found[by_score], s->mated);
    draw_curve(s, by_score, out);
    for (int i = 0; i < SL_OPENSET_RATES; i++) {
        double threshold = NAN;
        SL_TRY(threshold_of(s->impostors[by_score], s->nonmated, rates[i], &threshold, err));
        out->at[i] = at_threshold(s, by_score, threshold);
    }
    size_t right = 0;
    for (size_t i = 0; i < s->mated; i++)
        right += s->found[by_score][i].right != 0;
    out->rank1 = sl_clopper_pearson(right, s->mated);
    return SL_OK;
}

/* ---- the public functions ---- */

sl_status sl_eval_openset(const sl_gallery *gallery, const sl_gallery *queries, const sl_openset_options *options,
                          sl_openset *out, sl_error *err)
{
    sl_searches s;
    sl_gallery_info info;
    *out = (sl_openset){0};
    SL_TRY(sl_searches_make(gallery, queries, options, &s, err));
    sl_gallery_get_info(gallery, &info);
    out->mated = s.mated;
    out->nonmated = s.nonmated;
    out->strangers = s.strangers;
    out->own_photos = s.own_photos;
    out->own_photos_of = s.own_photos_of;
    out->faces = info.faces;
    out->people = info.labels;
    sl_status status = s.nonmated ? sl_openset_rates_of(&s, 0, &out->stage1, err)
                                  : sl_fail(err, SL_ERR_ARGUMENT,
                                            "the gallery has one person only: there is nobody else "
                                            "to be taken for");
    if (status == SL_OK)
        status = sl_openset_rates_of(&s, 1, &out->score, err);
    for (size_t i = 0; status == SL_OK && i < options->rule_count; i++)
        options->rule_points[i] = sl_openset_by_rule(&s, &options->rules[i]);
    sl_searches_free(&s);
    if (status != SL_OK)
        sl_openset_free(out);
    return status;
}

void sl_openset_free(sl_openset *o)
{
    free(o->stage1.thresholds); /* the other curves lie behind it */
    free(o->score.thresholds);
    *o = (sl_openset){0};
}
