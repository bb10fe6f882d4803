/* UTF-8 read strictly, and texts made fit to be shown. */
#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

size_t sl_utf8_read(const char *text, size_t left, uint32_t *code)
{
    const uint8_t *p = (const uint8_t *)text;
    if (left == 0)
        return 0;
    *code = p[0];
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    uint32_t value = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (p[i] & 0x3f);
    }
    bool overlong = (n == 3 && value < 0x800) || (n == 4 && value < 0x10000);
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (overlong || surrogate || value > 0x10ffff)
        return 0;
    *code = value;
    return n;
}

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* Unicode's Default_Ignorable_Code_Point (no width, or the direction of writing), separators of lines and
 * paragraphs, marks of annotation and noncharacters. */
int sl_visible(uint32_t code)
{
    static const uint32_t hidden[][2] = {
        {0xad, 0xad},     {0x34f, 0x34f},     {0x61c, 0x61c},     {0x115f, 0x1160},   {0x17b4, 0x17b5},
        {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164},
        {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
        {0xfffe, 0xffff}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}, {0x10fffe, UINT32_MAX},
    };
    if (is_control(code))
        return 0;
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden && code >= hidden[i][0]; i++)
        if (code <= hidden[i][1])
            return 0;
    return 1;
}

size_t sl_utf8_printable(const void *p, size_t left)
{
    uint32_t code;
    size_t n = sl_utf8_read(p, left, &code);
    return n && !is_control(code) ? n : 0;
}

/* How one character is shown; returns the bytes that it took of the text. */
static size_t show_one(const char *text, size_t left, char shown[12])
{
    uint32_t code;
    size_t n = sl_utf8_read(text, left, &code);
    if (n && sl_visible(code)) {
        memcpy(shown, text, n);
        shown[n] = '\0';
    } else if (n && (code == '\n' || code == '\r' || code == '\t')) {
        snprintf(shown, 12, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
    } else if (n && code >= 0x80) {
        snprintf(shown, 12, code > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)code);
    } else {
        snprintf(shown, 12, "\\x%02x", (unsigned)(uint8_t)*text);
    }
    return n ? n : 1;
}

size_t sl_show(char *out, size_t size, const char *text)
{
    size_t need = 0, put = 0;
    bool full = false;
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
        char shown[12];
        n = show_one(text, left, shown);
        const size_t length = strlen(shown);
        need += length;
        full = full || need >= size;
        if (!full) {
            memcpy(out + put, shown, length);
            put = need;
        }
    }
    if (size)
        out[put] = '\0';
    return need;
}

/* Are all eight bytes ASCII from space to tilde? (The highest bit of each byte tells: of the byte itself, of one
 * more, and of 32 less.) */
static bool eight_printable(const char *text)
{
    const uint64_t ones = 0x0101010101010101u, high = ones << 7;
    uint64_t x;
    memcpy(&x, text, sizeof x);
    return ((x | (x + ones) | ~((x | high) - ones * 0x20)) & high) == 0;
}

bool sl_name_sound(const char *name, size_t size)
{
    if (size == 0 || size > SL_NAME_MAX)
        return false;
    for (size_t i = 0; i < size;) {
        if (size - i >= 8 && eight_printable(name + i)) { /* most names, at the opening of a gallery of millions */
            i += 8;
            continue;
        }
        if (size >= 8 && size - i < 8 && eight_printable(name + size - 8))
            return true;
        size_t n = sl_utf8_printable(name + i, size - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}
