/* A part of a name, told by a regular expression. */
#ifndef SL_BASE_PATTERN_H
#define SL_BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct sl_pattern sl_pattern;

/* A POSIX extended regular expression with a (group) at least. SL_ERR_ARGUMENT says what is wrong with it. */
sl_status sl_pattern_compile(const char *text, sl_pattern **out, sl_error *err);
void sl_pattern_free(sl_pattern *pattern);

/* The first group of the first match in `text`; false where nothing matches or the group is empty. Threads may
 * share a pattern. */
bool sl_pattern_group(const sl_pattern *pattern, const char *text, const char **start, size_t *length);

#endif
