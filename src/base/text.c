/* A growing text and what is added to it: HTML, CSV, base64, and numbers whatever the locale. */
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secondlook.h"

/* Room for `extra` more bytes and a NUL. */
static bool reserve_text(sl_text *t, size_t extra)
{
    if (t->failed || extra > SIZE_MAX / 4 || t->size > SIZE_MAX / 4) {
        t->failed = true;
        return false;
    }
    size_t need = t->size + extra + 1;
    if (need <= t->capacity)
        return true;
    size_t capacity = need * 2;
    char *grown = realloc(t->data, capacity);
    if (!grown) {
        t->failed = true;
        return false;
    }
    t->data = grown;
    t->capacity = capacity;
    return true;
}

void sl_text_add_bytes(sl_text *t, const void *bytes, size_t size)
{
    if (!reserve_text(t, size))
        return;
    if (size)
        memcpy(t->data + t->size, bytes, size);
    t->size += size;
    t->data[t->size] = '\0';
}

void sl_text_add(sl_text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0)
        t->failed = true;
    else if (reserve_text(t, (size_t)need)) {
        vsnprintf(t->data + t->size, (size_t)need + 1, format, again);
        t->size += (size_t)need;
    }
    va_end(again);
}

void sl_text_add_html(sl_text *t, const char *raw)
{
    uint32_t code;
    bool shown;
    for (size_t left = strlen(raw), n; left > 0; raw += n, left -= n) {
        n = 1;
        switch (*raw) {
        case '&': sl_text_add_bytes(t, "&amp;", 5); break;
        case '<': sl_text_add_bytes(t, "&lt;", 4); break;
        case '>': sl_text_add_bytes(t, "&gt;", 4); break;
        case '"': sl_text_add_bytes(t, "&quot;", 6); break;
        case '\'': sl_text_add_bytes(t, "&#39;", 5); break;
        case '\t':
        case '\n': sl_text_add_bytes(t, raw, 1); break;
        default:
            n = sl_utf8_read(raw, left, &code);
            shown = n && sl_visible(code);
            sl_text_add_bytes(t, shown ? raw : "\xef\xbf\xbd", shown ? n : 3);
            n += n == 0;
        }
    }
}

const char *sl_fixed(char text[32], double value, int decimals)
{
    static const long long powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};
    double limited = fmin(fmax(value, -1e15), 1e15);
    while (decimals > 0 && fabs(limited) * (double)powers[decimals] > 9e17)
        decimals--;
    long long units = llround(fabs(limited) * (double)powers[decimals]);
    const char *sign = limited < 0 && units ? "-" : "";
    if (decimals == 0)
        snprintf(text, 32, "%s%lld", sign, units);
    else
        snprintf(text, 32, "%s%lld.%0*lld", sign, units / powers[decimals], decimals, units % powers[decimals]);
    return text;
}

void sl_text_add_csv(sl_text *t, const char *field, bool safe)
{
    sl_text_add_bytes(t, "\"", 1);
    if (safe && *field && strchr("=+-@\t\r", *field))
        sl_text_add_bytes(t, "'", 1);
    for (; *field; field++)
        sl_text_add_bytes(t, *field == '"' ? "\"\"" : field, *field == '"' ? 2 : 1);
    sl_text_add_bytes(t, "\"", 1);
}

void sl_text_add_csv_number(sl_text *t, double value)
{
    char text[32];
    sl_text_add(t, "%s", isnan(value) ? "" : sl_fixed(text, value, 6));
}

void sl_text_add_base64(sl_text *t, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = bytes;
    if (size > SIZE_MAX / 8 || !reserve_text(t, (size + 2) / 3 * 4)) {
        t->failed = true;
        return;
    }
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);
        char quad[4] = {digits[v >> 18], digits[v >> 12 & 63], left > 1 ? digits[v >> 6 & 63] : '=',
                        left > 2 ? digits[v & 63] : '='};
        sl_text_add_bytes(t, quad, 4);
    }
}
