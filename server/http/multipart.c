/* RFC 7578, with what clients make of it: no boundary in the header, line feeds alone. */
#define _GNU_SOURCE
#include "http/multipart.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/url.h"

enum { BOUNDARY_MAX = 200, HEADERS_MAX = 8192 };

typedef struct {
    const uint8_t *at, *end;
} span;

static size_t left(const span *s)
{
    return (size_t)(s->end - s->at);
}

/* ---- the boundary: with the two dashes before it ---- */

/* The value of NAME=value or NAME="value" in a header's value: its length, 0 when it is not there. */
static size_t parameter(const char *header, size_t size, const char *name, const char **value)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i + n < size; i++) {
        const bool begins = i == 0 || strchr("; \t", header[i - 1]);
        if (!begins || strncasecmp(header + i, name, n) != 0 || header[i + n] != '=')
            continue;
        const char *from = header + i + n + 1, *end = header + size;
        const bool quoted = from < end && *from == '"';
        from += quoted;
        const char *to = from;
        while (to < end && (quoted ? *to != '"' : !strchr("; \t\r\n", *to)))
            to += quoted && *to == '\\' && to + 1 < end ? 2 : 1;
        *value = from;
        return (size_t)(to - from);
    }
    return 0;
}

static bool boundary_of(const char *content_type, span body, char out[BOUNDARY_MAX + 3])
{
    const char *value = NULL;
    size_t size = content_type ? parameter(content_type, strlen(content_type), "boundary", &value) : 0;
    if (size == 0 && left(&body) > 2 && body.at[0] == '-' && body.at[1] == '-') {
        const uint8_t *line = memchr(body.at, '\n', left(&body));
        value = (const char *)body.at + 2;
        size = line ? (size_t)(line - body.at) - 2 : 0;
        size -= size > 0 && value[size - 1] == '\r';
    }
    if (size == 0 || size > BOUNDARY_MAX || memchr(value, 0, size))
        return false;
    memcpy(out, "--", 2);
    memcpy(out + 2, value, size);
    out[size + 2] = 0;
    return true;
}

/* ---- parts ---- */

/* Behind a boundary: the rest of its line. 1 goes on, 0 was the last, -1 is no line. */
static int skip_line(span *s)
{
    if (left(s) >= 2 && s->at[0] == '-' && s->at[1] == '-')
        return 0;
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
    if (s->at == s->end || *s->at != '\n')
        return -1;
    s->at++;
    return 1;
}

static void take_header(const char *line, size_t size, sv_part *part)
{
    static const char disposition[] = "content-disposition:";
    const char *value;
    if (size < sizeof disposition || strncasecmp(line, disposition, sizeof disposition - 1) != 0 || part->name)
        return;
    size_t n = parameter(line, size, "name", &value);
    part->name = n ? sv_utf8_of(value, n) : NULL;
    part->is_file = memmem(line, size, "filename", 8) != NULL;
}

/* The header's lines up to the empty one. */
static bool take_headers(span *s, sv_part *part)
{
    const uint8_t *begin = s->at;
    for (;;) {
        const uint8_t *end = memchr(s->at, '\n', left(s));
        if (!end || end - begin > HEADERS_MAX)
            return false;
        size_t size = (size_t)(end - s->at);
        size -= size > 0 && s->at[size - 1] == '\r';
        const char *line = (const char *)s->at;
        s->at = end + 1;
        if (size == 0)
            return true;
        take_header(line, size, part);
    }
}

/* The content up to the boundary, which is alone on its line. */
static bool take_content(span *s, const char *boundary, sv_part *part)
{
    const size_t n = strlen(boundary);
    part->data = s->at;
    for (const uint8_t *from = s->at;;) {
        const uint8_t *found = memmem(from, (size_t)(s->end - from), boundary, n);
        if (!found)
            return false;
        span behind = {found + n, s->end};
        if ((found == part->data || found[-1] == '\n') && skip_line(&behind) >= 0) {
            part->size = (size_t)(found - part->data);
            part->size -= part->size > 0;
            part->size -= part->size > 0 && part->data[part->size - 1] == '\r';
            s->at = found + n;
            return true;
        }
        from = found + 1;
    }
}

static const char *parse(span s, const char *boundary, sv_parts *out)
{
    const uint8_t *first = memmem(s.at, left(&s), boundary, strlen(boundary));
    if (!first)
        return "the body has not the boundary that its Content-Type names";
    s.at = first + strlen(boundary);
    for (int more; (more = skip_line(&s)) != 0;) {
        if (more < 0)
            return "a boundary is not alone on its line";
        if (out->count == SV_PARTS_MAX)
            return "the body has too many parts";
        sv_part *part = &out->items[out->count++];
        if (!take_headers(&s, part))
            return "a part's header has no end";
        if (!take_content(&s, boundary, part))
            return "a part has no end: the body was cut";
        if (!part->name)
            return "a part has no name";
    }
    return NULL;
}

const char *sv_multipart_parse(const char *content_type, const uint8_t *body, size_t size, sv_parts *out)
{
    char boundary[BOUNDARY_MAX + 3];
    *out = (sv_parts){0};
    if (!body || !boundary_of(content_type, (span){body, body + size}, boundary))
        return "the body of the form has no boundary";
    const char *wrong = parse((span){body, body + size}, boundary, out);
    if (wrong)
        sv_parts_free(out);
    return wrong;
}

void sv_parts_free(sv_parts *parts)
{
    for (int i = 0; i < parts->count; i++)
        free(parts->items[i].name);
    *parts = (sv_parts){0};
}

const sv_part *sv_parts_find(const sv_parts *parts, const char *name)
{
    for (int i = 0; i < parts->count; i++)
        if (strcmp(parts->items[i].name, name) == 0)
            return &parts->items[i];
    return NULL;
}
