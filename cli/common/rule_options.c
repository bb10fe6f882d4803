/* The rule of a decision as options name it, in JSON and in words. */
#include "common/rule_options.h"

#include <math.h>
#include <stdbool.h>

#include "common/output.h"

static const char *source_name(sl_rule_source source)
{
    static const char *const names[] = {"calibration", "model", "given", "missing"};
    return names[source];
}

static const char *promise_name(sl_rate_kind promise)
{
    static const char *const names[] = {NULL, "far", "fpir"};
    return names[promise];
}

static float low_end(const sl_rule *rule, int bin)
{
    return bin ? rule->hidden_to[bin - 1] : 0;
}

static bool any_extrapolated(const sl_rule *rule)
{
    bool any = false;
    for (int b = 0; b < rule->bins; b++)
        any |= rule->extrapolated[b] != 0;
    return any;
}

static const char *whose(const sl_rule *rule)
{
    bool own = false, model = false;
    for (int b = 0; b < rule->bins; b++) {
        own |= rule->source[b] == SL_RULE_CALIBRATION;
        model |= rule->source[b] == SL_RULE_BUILT_IN;
    }
    return own && model ? "this gallery's calibration and, where it tells nothing, the model's rates"
           : own        ? "this gallery's calibration"
                        : "the model's rates";
}

void cli_print_rule(const sl_rule *rule)
{
    if (rule->promise == SL_RATE_NONE)
        return;
    printf("thresholds of the %s for a %s of %g %%", rule->on_stage1 ? "stage 1 cosine" : "score",
           rule->promise == SL_RATE_FPIR ? "false positive identification rate" : "false match rate",
           100 * rule->rate);
    if (rule->promise == SL_RATE_FPIR)
        printf(" among %zu faces", rule->faces);
    for (int b = 0; b < rule->bins; b++)
        printf("%s%.4f", b ? ", " : ": ", rule->threshold[b]);
    if (rule->bins > 1) {
        printf(" for faces hidden up to");
        for (int b = 0; b < rule->bins; b++)
            printf("%s%.0f", b ? ", " : " ", 100 * (double)rule->hidden_to[b]);
        printf(" %%");
    }
    printf(" (%s%s)\n", whose(rule), any_extrapolated(rule) ? ", carried on beyond what was measured" : "");
}

json_t *cli_rule_json(const sl_rule *rule)
{
    json_t *bins = json_array();
    for (int b = 0; b < rule->bins; b++)
        json_array_append_new(bins, json_pack("{s:o,s:o,s:s,s:b}", "hidden_to", cli_json_number(rule->hidden_to[b]),
                                              "threshold", cli_json_number(rule->threshold[b]), "source",
                                              source_name(rule->source[b]), "extrapolated", rule->extrapolated[b]));
    json_t *object = json_pack("{s:s?,s:s,s:o}", "promise", promise_name(rule->promise), "on",
                               rule->on_stage1 ? "stage1" : "score", "bins", bins);
    if (rule->promise != SL_RATE_NONE)
        json_object_set_new(object, "rate", json_real(rule->rate));
    if (rule->promise == SL_RATE_FPIR)
        json_object_set_new(object, "faces", json_integer((json_int_t)rule->faces));
    return object;
}

void cli_print_judgement(const sl_rule *rule, float value, float hidden)
{
    char text[64];
    int bin = sl_rule_bin(rule, hidden);
    printf("%s", cli_threshold_text(value, rule->threshold[bin], text));
    if (rule->bins > 1 && !isnan(hidden))
        printf("; %.0f %% hidden, judged among faces %.0f to %.0f %% hidden", 100 * (double)hidden,
               100 * (double)low_end(rule, bin), 100 * (double)rule->hidden_to[bin]);
}

void cli_add_judgement(json_t *object, const sl_rule *rule, float hidden)
{
    int bin = sl_rule_bin(rule, hidden);
    json_object_set_new(object, "threshold", cli_json_number(rule->threshold[bin]));
    json_object_set_new(object, "threshold_on", json_string(rule->on_stage1 ? "stage1" : "score"));
    json_object_set_new(object, "threshold_by", json_string(source_name(rule->source[bin])));
    json_object_set_new(object, "hidden", cli_json_number(hidden));
    json_object_set_new(object, "hidden_from", cli_json_number(low_end(rule, bin)));
    json_object_set_new(object, "hidden_to", cli_json_number(rule->hidden_to[bin]));
}
