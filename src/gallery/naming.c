/* What a new label or image id may be. Two names that look alike must be alike, and a name must not turn the line
 * that it is printed in: characters that nobody sees are refused, but where a script or an emoji is written with
 * them. */
#include <string.h>

#include "base/utf8.h"
#include "gallery/naming.h"

/* Unicode's Default_Ignorable_Code_Point, its line and paragraph separators, and its interlinear annotations, all
 * of which no glyph shows. (sl_utf8_printable has refused control characters before.) */
static const struct {
    uint32_t first, last;
    const char *what;
} unseen[] = {
    {0xad, 0xad, "a soft hyphen"},
    {0x34f, 0x34f, "an invisible joiner"},
    {0x61c, 0x61c, "a mark of writing direction"},
    {0x115f, 0x1160, "an invisible filler"},
    {0x17b4, 0x17b5, "an invisible vowel"},
    {0x180b, 0x180f, "an invisible selector"},
    {0x200b, 0x200d, "of zero width"},
    {0x200e, 0x200f, "a mark of writing direction"},
    {0x2028, 0x2029, "a line separator"},
    {0x202a, 0x202e, "a mark of writing direction"},
    {0x2060, 0x2065, "of zero width"},
    {0x2066, 0x206f, "a mark of writing direction"},
    {0x3164, 0x3164, "an invisible filler"},
    {0xfe00, 0xfe0f, "an invisible selector"},
    {0xfeff, 0xfeff, "of zero width"},
    {0xffa0, 0xffa0, "an invisible filler"},
    {0xfff0, 0xfffb, "an invisible annotation"},
    {0x1bca0, 0x1bca3, "an invisible control"},
    {0x1d173, 0x1d17a, "an invisible control"},
    {0xe0000, 0xe0fff, "an invisible tag"},
};

enum { ZERO_WIDTH_NON_JOINER = 0x200c, ZERO_WIDTH_JOINER = 0x200d, EMOJI_SELECTOR = 0xfe0f };

/* Letters that look otherwise beside a (non-)joiner: of Arabic to Sinhala. */
static bool is_joined(uint32_t code)
{
    return code >= 0x620 && code <= 0xdff;
}

static bool is_emoji(uint32_t code)
{
    return (code >= 0x2190 && code <= 0x2bff) || (code >= 0x1f000 && code <= 0x1faff);
}

/* Is the unseen `code` between these two a part of how something is written? */
static bool belongs(uint32_t before, uint32_t code, uint32_t after)
{
    switch (code) {
    case EMOJI_SELECTOR: return is_emoji(before);
    case ZERO_WIDTH_NON_JOINER: return is_joined(before) && is_joined(after);
    case ZERO_WIDTH_JOINER:
        return (is_joined(before) && is_joined(after)) ||
               ((is_emoji(before) || before == EMOJI_SELECTOR) && is_emoji(after));
    default: return false;
    }
}

/* The code point at *at, which is moved behind it; 0 at the end and for bytes that are no UTF-8. */
static uint32_t next_code(const char *name, size_t size, size_t *at)
{
    const uint8_t *p = (const uint8_t *)name + *at;
    const size_t n = sl_utf8_printable(p, size - *at);
    uint32_t code = n == 1 ? p[0] : n ? p[0] & (0x7fu >> n) : 0;
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (p[i] & 0x3f);
    *at += n;
    return code;
}

static const char *why_unseen(uint32_t before, uint32_t code, uint32_t after)
{
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
        if (code >= unseen[i].first && code <= unseen[i].last)
            return belongs(before, code, after) ? NULL : unseen[i].what;
    return NULL;
}

/* A byte that begins no printable character of UTF-8: the character that it may be, else the byte. */
static sl_status refuse_byte(const char *what, const char *name, size_t at, sl_error *err)
{
    const uint8_t *p = (const uint8_t *)name + at;
    const bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
    if (c1 || p[0] < 0x80)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "the %s \"%.60s\" cannot be stored: U+%04X at byte %zu is a control character", what, name,
                       c1 ? p[1] : p[0], at);
    return sl_fail(err, SL_ERR_ARGUMENT, "the %s \"%.60s\" cannot be stored: byte %zu (0x%02X) is not UTF-8", what,
                   name, at, p[0]);
}

sl_status sl_name_check(const char *what, const char *name, sl_error *err)
{
    const size_t size = name ? strnlen(name, SL_NAME_MAX + 1) : 0;
    if (size == 0 || size > SL_NAME_MAX)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "the %s \"%.60s\" cannot be stored: it must be 1 .. %d bytes of UTF-8", what,
                       name ? name : "", SL_NAME_MAX);
    size_t at = 0;
    for (uint32_t before = 0, code; at < size; before = code) {
        const size_t from = at;
        code = next_code(name, size, &at);
        if (code == 0)
            return refuse_byte(what, name, at, err);
        size_t ahead = at;
        const char *why = why_unseen(before, code, next_code(name, size, &ahead));
        if (why)
            return sl_fail(err, SL_ERR_ARGUMENT,
                           "the %s \"%.60s\" cannot be stored: U+%04X at byte %zu is %s, which nobody "
                           "sees: take it out",
                           what, name, code, from, why);
    }
    return SL_OK;
}

bool sl_model_name_sound(const char *model)
{
    size_t size = strlen(model);
    return size < sizeof((sl_gallery_info *)0)->model && sl_name_sound(model, size);
}
