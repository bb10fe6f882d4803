/* Names sorted for looking up, and lists of them out of a file. */
#include "eval/name_sets.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

size_t sl_photo_stem(const char *image)
{
    const char *dot = strrchr(image, '.'), *slash = strrchr(image, '/');
    bool ending = dot && (!slash || dot > slash) && !strchr(dot, '#');
    return ending ? (size_t)(dot - image) : strlen(image);
}

static int by_text(const sl_name *a, const sl_name *b)
{
    size_t n = a->length < b->length ? a->length : b->length;
    int order = n ? memcmp(a->text, b->text, n) : 0;
    return order ? order : a->length < b->length ? -1 : a->length > b->length;
}

static int by_text_and_value(const void *a, const void *b)
{
    const sl_name *x = a, *y = b;
    int order = by_text(x, y);
    return order ? order : x->value < y->value ? -1 : x->value > y->value;
}

void sl_names_sort(sl_name *names, size_t count)
{
    qsort(names, count, sizeof *names, by_text_and_value);
}

const sl_name *sl_names_find(const sl_name *sorted, size_t count, const char *text, size_t length)
{
    const sl_name key = {text, length, 0};
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_text(&sorted[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && by_text(&sorted[low], &key) == 0 ? &sorted[low] : NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

sl_status sl_names_parse(const char *text, size_t size, const char *file, sl_name **out, size_t *count,
                         sl_error *err)
{
    size_t lines = 1, n = 0;
    *out = NULL;
    *count = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    if (lines >= UINT32_MAX)
        return sl_fail(err, SL_ERR_LIMIT, "%s has more lines than can be counted", file);
    sl_name *names = sl_calloc_aligned(lines, sizeof *names);
    if (!names)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its %zu lines", file, lines);
    sl_status status = SL_OK;
    const char *from = text, *end = text + size;
    for (uint32_t line = 1; status == SL_OK && line <= lines; line++) {
        const char *newline = from < end ? memchr(from, '\n', (size_t)(end - from)) : NULL;
        const char *stop = newline ? newline : end, *next = newline ? newline + 1 : end;
        while (stop > from && is_blank(stop[-1]))
            stop--;
        while (from < stop && is_blank(*from))
            from++;
        if (from < stop && memchr(from, '\0', (size_t)(stop - from)))
            status = sl_fail(err, SL_ERR_FORMAT, "%s, line %u: holds a NUL byte", file, line);
        else if (from < stop)
            names[n++] = (sl_name){from, (size_t)(stop - from), line};
        from = next;
    }
    sl_names_sort(names, n);
    for (size_t i = 1; status == SL_OK && i < n; i++)
        if (by_text(&names[i - 1], &names[i]) == 0)
            status =
                sl_fail(err, SL_ERR_FORMAT, "%s, line %u: '%.*s' is in line %u already", file, names[i].value,
                        (int)(names[i].length < 200 ? names[i].length : 200), names[i].text, names[i - 1].value);
    if (status == SL_OK && n == 0)
        status = sl_fail(err, SL_ERR_FORMAT, "%s has no name in it", file);
    if (status != SL_OK) {
        free(names);
        return status;
    }
    *out = names;
    *count = n;
    return SL_OK;
}
