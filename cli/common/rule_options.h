/* The rule that decides: what was asked for (--fpir, --far, --threshold), and how it is told. */
#ifndef CLI_RULE_OPTIONS_H
#define CLI_RULE_OPTIONS_H

#include <jansson.h>

#include "common/cli.h"
#include "wire/wire_json.h"

/* What the rule promises, with the thresholds of all bins and whose they are, on one line; nothing for one that
 * promises nothing. */
void cli_print_rule(const sl_rule *rule);

/* How the judged value compares with the bin's threshold, and which bin: " >= 0.5321; 44 % hidden, judged among faces
 * 40 to 50 % hidden". */
void cli_print_judgement(const sl_rule *rule, float value, float hidden);

/* As wire_json.h says, with all digits. */
static inline json_t *cli_rule_json(const sl_rule *rule)
{
    return wire_rule(rule, WIRE_EXACT);
}

static inline void cli_add_judgement(json_t *object, const sl_rule *rule, float hidden)
{
    wire_add_judgement(object, rule, hidden, WIRE_EXACT);
}

#endif
