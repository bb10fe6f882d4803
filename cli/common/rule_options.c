/* The rule of a decision as options name it, in JSON and in words. */
#include "common/rule_options.h"

#include <math.h>
#include <stdbool.h>

#include "common/output.h"

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

void cli_print_judgement(const sl_rule *rule, float value, float hidden)
{
    char text[64];
    int bin = sl_rule_bin(rule, hidden);
    printf("%s", cli_threshold_text(value, rule->threshold[bin], text));
    if (rule->bins > 1 && !isnan(hidden))
        printf("; %.0f %% hidden, judged among faces %.0f to %.0f %% hidden", 100 * (double)hidden,
               100 * (double)low_end(rule, bin), 100 * (double)rule->hidden_to[bin]);
}
