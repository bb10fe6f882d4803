/* Names of an enum's values: lists by value, NULL where a number is none. */
#ifndef SL_BASE_NAMES_H
#define SL_BASE_NAMES_H

#include <stddef.h>
#include <string.h>

/* The name of `value`, NULL where it has none. */
static inline const char *sl_name_of(const char *const names[], unsigned count, unsigned value)
{
    return value < count ? names[value] : NULL;
}

/* The value that has this name, -1 where none has. */
static inline int sl_named(const char *const names[], unsigned count, const char *name)
{
    for (unsigned i = 0; name && i < count; i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

#endif
