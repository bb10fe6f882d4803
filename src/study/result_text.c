/* The figures of a study as JSON and as a chart. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "secondlook_draw.h"
#include "study/study.h"

static json_t *arm_json(const sl_study_arm_score *a)
{
    return json_pack("{s:s,s:I,s:I,s:o,s:o,s:[o,o],s:o,s:o}", "arm", sl_study_arm_name(a->arm), "participants",
                     (json_int_t)a->participants, "incomplete", (json_int_t)a->incomplete, "mean",
                     sl_study_number(a->mean), "std", sl_study_number(a->std), "interval", sl_study_number(a->low),
                     sl_study_number(a->high), "yes", sl_study_number(a->yes), "seconds", sl_study_number(a->seconds));
}

static json_t *difference_json(const sl_study_difference *d)
{
    return json_pack("{s:s,s:s,s:I,s:o,s:[o,o],s:o,s:o}", "a", sl_study_arm_name(d->a), "b", sl_study_arm_name(d->b),
                     "participants", (json_int_t)d->participants, "difference", sl_study_number(d->difference),
                     "interval", sl_study_number(d->low), sl_study_number(d->high), "p", sl_study_number(d->p),
                     "p_holm", sl_study_number(d->p_holm));
}

sl_status sl_study_result_json(const sl_study_result *r, char **json, sl_error *err)
{
    json_t *arms = json_array(), *differences = json_array();
    for (int i = 0; i < r->arm_count; i++)
        json_array_append_new(arms, arm_json(&r->arms[i]));
    for (int i = 0; i < r->difference_count; i++)
        json_array_append_new(differences, difference_json(&r->differences[i]));
    json_t *document = json_pack(
        "{s:s,s:I,s:I,s:I,s:I,s:i,s:i,s:f,s:s,s:s,s:o,s:o}", "study", r->id, "participants",
        (json_int_t)r->participants, "missing", (json_int_t)r->missing, "hasty", (json_int_t)r->hasty, "slow",
        (json_int_t)r->slow, "pairs", r->pairs, "same", r->same, "chance", r->chance, "intervals",
        "95 %, bootstrap over participants", "test", "exact sign-flip permutation, two-sided; p_holm: Holm", "arms",
        arms, "differences", differences);
    *json = document ? json_dumps(document, JSON_INDENT(1) | JSON_REAL_PRECISION(8)) : NULL;
    json_decref(document);
    return *json ? SL_OK : sl_no_memory(err, "for the figures of a study");
}

sl_status sl_study_result_chart(const sl_study_result *r, char **svg, sl_error *err)
{
    static const char *const words[SL_STUDY_ARMS] = {"no explanation", "C: heat map (CC)", "D: flow (EMD)",
                                                     "H2L: heat map (CC)", "trust map"};
    double mean[SL_STUDY_ARMS], low[SL_STUDY_ARMS], high[SL_STUDY_ARMS];
    const char *categories[SL_STUDY_ARMS];
    char note[160], number[32], chance[64];
    for (int i = 0; i < r->arm_count; i++) {
        mean[i] = r->arms[i].mean;
        low[i] = r->arms[i].low;
        high[i] = r->arms[i].high;
        categories[i] = words[r->arms[i].arm];
    }
    snprintf(note, sizeof note, "%zu participant%s, %d pairs each; bars: 95 %% bootstrap intervals", r->participants,
             r->participants == 1 ? "" : "s", r->pairs);
    snprintf(chance, sizeof chance, "chance, %s %%", sl_fixed(number, r->chance, 2));
    const sl_chart_series bars = {.y = mean, .low = low, .high = high, .count = (size_t)r->arm_count};
    const sl_chart chart = {.kind = SL_CHART_BARS,
                            .title = "Are these two faces of the same person?",
                            .note = note,
                            .y = {.label = "right answers, percent", .low = 0, .high = 100},
                            .series = &bars,
                            .series_count = 1,
                            .categories = categories,
                            .category_count = (size_t)r->arm_count,
                            .level = r->chance,
                            .level_name = chance};
    return sl_draw_chart(&chart, svg, err);
}
