/* Names in one spelling, by utf8proc. */
#include "base/nfc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Plain ASCII is its own form C; most names are. NULL: it is not plain, or there is no memory. */
static char *map_plain(const char *text, size_t size, bool fold)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] == 0 || (unsigned char)text[i] >= 0x80)
            return NULL;
    char *mapped = malloc(size + 1);
    for (size_t i = 0; mapped && i < size; i++)
        mapped[i] = fold && text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
    if (mapped)
        mapped[size] = '\0';
    return mapped;
}

static sl_status map(const char *text, size_t size, bool fold, char **out, sl_error *err)
{
    utf8proc_uint8_t *mapped = NULL;
    if ((*out = map_plain(text, size, fold)) != NULL)
        return SL_OK;
    if (size > 1 << 20)
        return sl_fail(err, SL_ERR_LIMIT, "a name of %zu bytes is too long", size);
    if (size && memchr(text, '\0', size))
        return sl_fail(err, SL_ERR_FORMAT, "holds a NUL byte");
    int options = UTF8PROC_STABLE | UTF8PROC_COMPOSE | (fold ? UTF8PROC_CASEFOLD : 0);
    utf8proc_ssize_t length =
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &mapped, (utf8proc_option_t)options);
    if (length == UTF8PROC_ERROR_NOMEM)
        return sl_no_memory(err, "for a name");
    if (length < 0)
        return sl_fail(err, SL_ERR_FORMAT, "is not UTF-8");
    *out = (char *)mapped; /* malloc'd, with a NUL behind it */
    return SL_OK;
}

sl_status sl_nfc(const char *text, size_t size, char **out, sl_error *err)
{
    return map(text, size, false, out, err);
}

sl_status sl_case_folded(const char *text, size_t size, char **out, sl_error *err)
{
    return map(text, size, true, out, err);
}
