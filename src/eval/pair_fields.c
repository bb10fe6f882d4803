/* The fields of a line of a list of pairs. */
#include "eval/pair_fields.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the field that begins at `text` (no blank): up to the end of its quotes, the next separator (a tab or a
 * comma where the line is cut at such, so that names may hold spaces; 0: any blank). Quotes inside quotes are
 * doubled. Returns where it ends. */
static const char *take_field(const char *text, const char *end, char separator, char field[SL_PAIR_FIELD],
                              size_t *length)
{
    bool quoted = *text == '"';
    size_t n = 0;
    for (text += quoted; text < end; text++) {
        if (quoted && *text == '"') {
            if (text + 1 == end || text[1] != '"')
                break;
            text++;
        } else if (!quoted && (separator ? *text == separator : is_blank(*text)))
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

/* A tab where there is one; else commas outside of quotes, where there are two or four of them (names may hold one:
 * "King, Jr.jpg x.jpg 1" has blanks between its fields). 0: blanks. */
static char separator_of(const char *text, const char *end)
{
    size_t commas = 0;
    bool quoted = false;
    for (const char *at = text; at < end; at++) {
        if (*at == '\t')
            return '\t';
        quoted ^= *at == '"';
        commas += !quoted && *at == ',';
    }
    return commas == 2 || commas == 4 ? ',' : 0;
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
    const char separator = separator_of(text, end);
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
        text = take_field(text, end, separator, field, &length);
        if (!text || (text < end && !is_blank(*text) && *text != separator))
            return bad(file, l, "a quote that does not end, or does not end its field", err);
        if (length >= SL_PAIR_FIELD || memchr(field, '\0', length))
            return bad(file, l, "a field that is too long or holds a NUL byte", err);
        field[length] = '\0';
        text += separator == ',' && text < end; /* what is behind it */
    }
}
