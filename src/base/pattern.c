/* The first group of a POSIX regular expression. */
#include "base/pattern.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LENGTH = 1000 };

struct sl_pattern {
    regex_t regex;
};

sl_status sl_pattern_compile(const char *text, sl_pattern **out, sl_error *err)
{
    char why[200];
    *out = NULL;
    if (strlen(text) > MAX_LENGTH)
        return sl_fail(err, SL_ERR_LIMIT, "the pattern is longer than %d bytes", MAX_LENGTH);
    sl_pattern *p = calloc(1, sizeof *p);
    if (!p)
        return sl_no_memory(err, "for the pattern");
    int failed = regcomp(&p->regex, text, REG_EXTENDED);
    if (failed) {
        regerror(failed, &p->regex, why, sizeof why);
        free(p);
        return sl_fail(err, SL_ERR_ARGUMENT, "the pattern \"%.200s\" is no POSIX extended regular expression: %s",
                       text, why);
    }
    if (p->regex.re_nsub == 0) {
        sl_pattern_free(p);
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "the pattern \"%.200s\" has no (group): put the part that is wanted in "
                       "parentheses",
                       text);
    }
    *out = p;
    return SL_OK;
}

void sl_pattern_free(sl_pattern *p)
{
    if (p)
        regfree(&p->regex);
    free(p);
}

bool sl_pattern_group(const sl_pattern *p, const char *text, const char **start, size_t *length)
{
    regmatch_t match[2];
    if (regexec(&p->regex, text, 2, match, 0) != 0 || match[1].rm_so < 0 || match[1].rm_so == match[1].rm_eo)
        return false;
    *start = text + match[1].rm_so;
    *length = (size_t)(match[1].rm_eo - match[1].rm_so);
    return true;
}
