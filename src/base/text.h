/* A growing text, for HTML, SVG and messages. After running out of memory it stays valid and
 * `failed` is set: check once at the end. */
#ifndef SL_BASE_TEXT_H
#define SL_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *data; /* NUL-terminated once anything was added; free() it */
    size_t size, capacity;
    bool failed;
} sl_text;

void sl_text_add(sl_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sl_text_add_bytes(sl_text *t, const void *bytes, size_t size);

/* Adds `raw` with & < > " ' escaped for HTML and XML, text and attributes. What may not be shown as it is
 * (sl_visible; but for tab and new line) becomes U+FFFD. */
void sl_text_add_html(sl_text *t, const char *raw);

/* A number with fixed decimals (0 .. 9), whatever the locale; |value| is cut to 1e15. Returns `text`. */
const char *sl_fixed(char text[32], double value, int decimals);

/* A field of a CSV line (RFC 4180): quoted, quotes doubled; `safe`: with ' before what spreadsheets would take for a
 * formula (it begins with = + - @, tab or CR). A number with six decimals, nothing for NaN. */
void sl_text_add_csv(sl_text *t, const char *field, bool safe);
void sl_text_add_csv_number(sl_text *t, double value);

/* Adds bytes as base64 (RFC 4648), for data: URLs. */
void sl_text_add_base64(sl_text *t, const void *bytes, size_t size);

#endif
