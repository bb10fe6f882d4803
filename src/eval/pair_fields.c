/* The fields of a line of a list of pairs. */
#include "eval/pair_fields.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the field that begins at `text` (no blank): up to the end of its quotes, the next tab (where the line is
 * cut at tabs, so that names may hold spaces) or the next blank. Quotes inside quotes are doubled. Returns where
 * it ends. */
static const char *take_field(const char *text, const char *end, bool tabs, char field[SL_PAIR_FIELD], size_t *length)
{
    bool quoted = *text == '"';
    size_t n = 0;
    for (text += quoted; text < end; text++) {
        if (quoted && *text == '"') {
            if (text + 1 == end || text[1] != '"')
                break;
            text++;
        } else if (!quoted && (tabs ? *text == '\t' : is_blank(*text)))
            break;
        if (n + 1 < SL_PAIR_FIELD)
            field[n] = *text;
        n++;
    }
    while (!quoted && n > 0 && n < SL_PAIR_FIELD && is_blank(field[n - 1]))
        n--;
    *length = n;
    if (quoted && text < end)
        return text + 1;
    return quoted ? NULL : text;
}

static sl_status bad(const char *file, const sl_pair_fields *l, const char *what, sl_error *err)
{
    return sl_fail(err, SL_ERR_FORMAT, "%s, line %zu: %s", file, l->number, what);
}

sl_status sl_pair_fields_split(const char *file, const char *text, const char *end, sl_pair_fields *l, sl_error *err)
{
    l->count = 0;
    while (end > text && is_blank(end[-1]))
        end--;
    bool tabs = memchr(text, '\t', (size_t)(end - text)) != NULL;
    for (;;) {
        while (text < end && is_blank(*text))
            text++;
        if (text == end)
            return SL_OK;
        if (l->count == SL_PAIR_FIELDS)
            return bad(file, l, "more than five fields (names with spaces need \"quotes\", or tabs between the fields)",
                       err);
        size_t length;
        char *field = l->field[l->count++];
        text = take_field(text, end, tabs, field, &length);
        if (!text || (text < end && !is_blank(*text)))
            return bad(file, l, "a quote that does not end, or does not end its field", err);
        if (length >= SL_PAIR_FIELD || memchr(field, '\0', length))
            return bad(file, l, "a field that is too long or holds a NUL byte", err);
        field[length] = '\0';
    }
}
