/* Photos and people from a list of path,label lines: RFC 4180, and what people write without quotes. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "pipeline/photos.h"

enum { MAX_LINE = 4096 };

typedef struct {
    const char *file, *base; /* of messages; of relative paths */
    sl_photo_list photos;
    size_t *lines; /* [photos.capacity] where each stands */
    size_t number; /* of the line that is read, from 1 */
    sl_error *err;
} reader;

typedef struct {
    char path[MAX_LINE + 1], label[MAX_LINE + 1];
} fields;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static sl_status bad(const reader *r, const char *what)
{
    return sl_fail(r->err, SL_ERR_FORMAT, "%s, line %zu: %s", r->file, r->number, what);
}

/* Copies without the blanks around. */
static void take_plain(const char *from, const char *end, char *out)
{
    while (from < end && is_blank(*from))
        from++;
    while (end > from && is_blank(end[-1]))
        end--;
    memcpy(out, from, (size_t)(end - from));
    out[end - from] = '\0';
}

/* A field in quotes, doubled ones inside; returns what follows the blanks behind it, NULL when it does not end. */
static const char *take_quoted(const char *from, const char *end, char *out)
{
    for (from++; from < end; from++) {
        if (*from == '"' && (from + 1 == end || from[1] != '"'))
            break;
        from += *from == '"';
        *out++ = *from;
    }
    *out = '\0';
    if (from == end)
        return NULL;
    for (from++; from < end && is_blank(*from);)
        from++;
    return from;
}

/* Where the label begins that an unquoted path is followed by: behind the comma before a quote, else behind the
 * last comma, so that a path may hold commas. NULL: there is none. */
static const char *find_label(const char *from, const char *end)
{
    const char *last = NULL;
    for (const char *at = from; at < end; at++) {
        if (*at != ',')
            continue;
        last = at + 1;
        const char *next = last;
        while (next < end && is_blank(*next))
            next++;
        if (next < end && *next == '"')
            break;
    }
    return last;
}

static sl_status split(const reader *r, const char *at, const char *end, fields *out)
{
    const char *label;
    while (at < end && is_blank(*at))
        at++;
    if (at < end && *at == '"') {
        const char *next = take_quoted(at, end, out->path);
        if (!next)
            return bad(r, "a quote that does not end on its line");
        if (next == end || *next != ',')
            return bad(r, "expected path,label: behind the quoted path a comma is missing");
        label = next + 1;
    } else {
        label = find_label(at, end);
        if (!label)
            return bad(r, "expected path,label: there is no comma");
        take_plain(at, label - 1, out->path);
    }
    while (label < end && is_blank(*label))
        label++;
    if (label == end || *label != '"') {
        take_plain(label, end, out->label);
        return SL_OK;
    }
    const char *rest = take_quoted(label, end, out->label);
    if (!rest)
        return bad(r, "a quote that does not end on its line");
    return rest == end ? SL_OK
                       : bad(r, "something stands behind the quoted label (a quote inside quotes is doubled)");
}

/* The words that spreadsheets and pandas put above the columns. */
static bool is_header(const reader *r, const fields *f)
{
    return r->photos.count == 0 && !strcasecmp(f->path, "path") && !strcasecmp(f->label, "label");
}

static sl_status add(reader *r, const fields *f)
{
    sl_error why;
    char *path = f->path[0] == '/' ? sl_strdup(f->path) : sl_path_join(r->base, f->path);
    sl_status status = sl_photo_list_add(&r->photos, path, f->path, f->label, &why);
    if (status == SL_ERR_FORMAT)
        return bad(r, "is not UTF-8: save the list as UTF-8");
    if (status != SL_OK)
        return sl_fail(r->err, status, "%s, line %zu: %s", r->file, r->number, why.text);
    size_t *lines = sl_realloc_array(r->lines, r->photos.capacity, sizeof *lines);
    if (!lines)
        return sl_fail(r->err, SL_ERR_MEMORY, "no memory for the list of photos");
    r->lines = lines;
    lines[r->photos.count - 1] = r->number;
    return SL_OK;
}

/* One line; blank ones are passed over. */
static sl_status read_line(reader *r, const char *line, size_t length)
{
    fields f;
    if (length && line[length - 1] == '\r')
        length--;
    if (length > MAX_LINE)
        return sl_fail(r->err, SL_ERR_LIMIT, "%s, line %zu: longer than %d bytes", r->file, r->number, MAX_LINE);
    if (memchr(line, '\0', length))
        return bad(r, "holds a NUL byte: save the list as UTF-8");
    size_t blank = 0;
    while (blank < length && is_blank(line[blank]))
        blank++;
    if (blank == length)
        return SL_OK;
    SL_TRY(split(r, line, line + length, &f));
    if (!*f.path)
        return bad(r, "the path is empty");
    if (!*f.label)
        return bad(r, "the label is empty: who is it?");
    return is_header(r, &f) ? SL_OK : add(r, &f);
}

/* ---- the whole list ---- */

typedef struct {
    const sl_photo *photo;
    size_t line;
} listed;

static int by_image(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    int order = strcmp(x->photo->image, y->photo->image);
    return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

/* The same photo twice: with one label it is a slip to be told, with two a contradiction. */
static sl_status check_unique(const reader *r)
{
    size_t count = r->photos.count;
    listed *sorted = sl_calloc_aligned(count + 1, sizeof *sorted);
    if (!sorted)
        return sl_fail(r->err, SL_ERR_MEMORY, "%s: no memory to check it", r->file);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (listed){&r->photos.photos[i], r->lines[i]};
    qsort(sorted, count, sizeof *sorted, by_image);
    sl_status status = SL_OK;
    for (size_t i = 1; i < count && status == SL_OK; i++) {
        const sl_photo *a = sorted[i - 1].photo, *b = sorted[i].photo;
        if (strcmp(a->image, b->image) != 0)
            continue;
        status =
            strcmp(a->label, b->label) == 0
                ? sl_fail(r->err, SL_ERR_FORMAT, "%s, line %zu: %s is listed twice, first on line %zu", r->file,
                          sorted[i].line, a->image, sorted[i - 1].line)
                : sl_fail(r->err, SL_ERR_FORMAT, "%s, line %zu: %s has two labels, \"%s\" (line %zu) and \"%s\"",
                          r->file, sorted[i].line, a->image, a->label, sorted[i - 1].line, b->label);
    }
    free(sorted);
    return status;
}

sl_status sl_photos_parse(const char *text, size_t size, const char *file, const char *base, sl_photo **out,
                          size_t *count, sl_error *err)
{
    reader r = {.file = file, .base = base, .number = 1, .err = err};
    sl_status status = SL_OK;
    const char *at = text, *stop = text + size;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        at += 3; /* a byte order mark, as spreadsheets write it */
    for (; at < stop && status == SL_OK; r.number++) {
        const char *end = memchr(at, '\n', (size_t)(stop - at));
        if (!end)
            end = stop;
        status = read_line(&r, at, (size_t)(end - at));
        at = end + 1;
    }
    if (status == SL_OK)
        status = check_unique(&r);
    free(r.lines);
    return sl_photo_list_finish(&r.photos, status, out, count);
}

sl_status sl_photos_in_list(const char *file, sl_photo **out, size_t *count, sl_error *err)
{
    return sl_photos_in_list_below(file, NULL, out, count, err);
}

sl_status sl_photos_in_list_below(const char *file, const char *root, sl_photo **out, size_t *count, sl_error *err)
{
    uint8_t *text;
    size_t size;
    *out = NULL;
    *count = 0;
    SL_TRY(sl_read_file(file, (size_t)1 << 30, &text, &size, err));
    const char *slash = strrchr(file, '/');
    char *base = root ? sl_strdup(root) : slash ? strndup(file, (size_t)(slash - file) + 1) : sl_strdup(".");
    sl_status status = base ? sl_photos_parse((const char *)text, size, file, base, out, count, err)
                            : sl_fail(err, SL_ERR_MEMORY, "no memory to read %s", file);
    free(base);
    free(text);
    return status;
}
