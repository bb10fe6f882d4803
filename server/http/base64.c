/* Base64 by RFC 4648. */
#include "http/base64.h"

#include <stdlib.h>
#include <string.h>

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static bool is_blank(char c)
{
    return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

bool sv_base64_decode(const char *text, size_t size, uint8_t **data, size_t *bytes)
{
    static const char scheme[] = "data:";
    size_t i = 0, n = 0, digits = 0, padding = 0;
    uint32_t held = 0;
    *data = NULL;
    *bytes = 0;
    if (size >= sizeof scheme && memcmp(text, scheme, sizeof scheme - 1) == 0) {
        const char *comma = memchr(text, ',', size);
        if (!comma)
            return false;
        i = (size_t)(comma - text) + 1;
    }
    uint8_t *out = malloc((size - i) / 4 * 3 + 3);
    if (!out)
        return false;
    for (; i < size; i++) {
        const int value = value_of(text[i]);
        if (is_blank(text[i]))
            continue;
        padding += text[i] == '=';
        if (text[i] == '=' && padding <= 2)
            continue;
        if (value < 0 || padding)
            break;
        held = held << 6 | (uint32_t)value;
        if (++digits % 4 != 1)
            out[n++] = (uint8_t)(held >> (4 - digits % 4) * 2 % 8);
    }
    if (i < size || digits % 4 == 1 || (padding && (digits + padding) % 4)) {
        free(out);
        return false;
    }
    *data = out;
    *bytes = n;
    return true;
}
