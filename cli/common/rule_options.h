/* The rule that decides: what was asked for (--fpir, --far, --threshold), and how it is told. */
#ifndef CLI_RULE_OPTIONS_H
#define CLI_RULE_OPTIONS_H

#include <jansson.h>

#include "common/cli.h"

/* What the rule promises, with the thresholds of all bins and whose they are, on one line; nothing for one that promises
 * nothing. */
void cli_print_rule(const sl_rule *rule);

/* {"promise": "fpir"|"far"|null, "rate", "faces", "on": "score"|"stage1", "bins": [{"hidden_to", "threshold", "source",
 * "extrapolated"}]} */
json_t *cli_rule_json(const sl_rule *rule);

/* How the judged value compares with the bin's threshold, and which bin: " >= 0.5321; 44 % hidden, judged among faces
 * 40 to 50 % hidden". */
void cli_print_judgement(const sl_rule *rule, float value, float hidden);

/* Adds "threshold", "threshold_on", "threshold_by", "hidden" and "hidden_from", "hidden_to" of the bin. */
void cli_add_judgement(json_t *object, const sl_rule *rule, float hidden);

#endif
