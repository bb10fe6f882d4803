/* Paths and parameters. */
#define _GNU_SOURCE
#include "http/url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "secondlook.h"

/* ---- text ---- */

static bool is_utf8(const char *text, size_t size)
{
    uint32_t code;
    for (size_t n; size > 0; text += n, size -= n)
        if ((n = sl_utf8_read(text, size, &code)) == 0)
            return false;
    return true;
}

char *sv_utf8_of(const char *text, size_t size)
{
    char *out = malloc(2 * size + 1), *to = out;
    if (!out)
        return NULL;
    const bool plain = is_utf8(text, size);
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = (uint8_t)text[i];
        if (plain || byte < 0x80) {
            *to++ = (char)byte;
        } else {
            *to++ = (char)(0xc0 | byte >> 6);
            *to++ = (char)(0x80 | (byte & 0x3f));
        }
    }
    *to = 0;
    return out;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The decoded text [0, size) as UTF-8, malloc'd; NULL when it is malformed. */
static char *decode(const char *text, size_t size, bool plus)
{
    char *bytes = malloc(size + 1);
    size_t n = 0;
    for (size_t i = 0; bytes && i < size; i++) {
        int high, low;
        if (text[i] != '%') {
            bytes[n++] = plus && text[i] == '+' ? ' ' : text[i];
        } else if (i + 2 < size && (high = hex_digit(text[i + 1])) >= 0 && (low = hex_digit(text[i + 2])) >= 0 &&
                   (high || low)) {
            bytes[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            free(bytes);
            return NULL;
        }
    }
    char *out = bytes ? sv_utf8_of(bytes, n) : NULL;
    free(bytes);
    return out;
}

/* ---- the path ---- */

static bool add_segment(sv_url *url, const char *text, size_t size)
{
    if (size == 0)
        return true;
    if (url->depth == SV_SEGMENTS_MAX || !(url->segments[url->depth] = decode(text, size, false)))
        return false;
    const char *made = url->segments[url->depth++];
    return *made && strcmp(made, ".") != 0 && strcmp(made, "..") != 0;
}

static bool parse_path(const char *path, size_t size, sv_url *out)
{
    for (size_t from = 0; from <= size;) {
        const char *slash = memchr(path + from, '/', size - from);
        const size_t to = slash ? (size_t)(slash - path) : size;
        if (!add_segment(out, path + from, to - from))
            return false;
        from = to + 1;
    }
    return true;
}

/* ---- the parameters ---- */

static bool add_parameter(sv_url *url, const char *text, size_t size)
{
    const char *equals = memchr(text, '=', size);
    const size_t name = equals ? (size_t)(equals - text) : size;
    if (name == 0)
        return true;
    if (url->count == SV_PARAMETERS_MAX)
        return false;
    sv_parameter *p = &url->parameters[url->count++];
    p->name = decode(text, name, true);
    p->value = decode(equals ? equals + 1 : "", equals ? size - name - 1 : 0, true);
    return p->name && p->value;
}

static bool begins_parameter(const char *text, size_t left, const char *const *names)
{
    for (; names && *names; names++) {
        const size_t n = strlen(*names);
        if (left > n && memcmp(text, *names, n) == 0 && text[n] == '=')
            return true;
    }
    return false;
}

/* Where the parameter at `text` ends. */
static size_t end_of_parameter(const char *text, size_t left, const char *const *split_at)
{
    for (size_t i = 0; i < left; i++)
        if (text[i] == '&' || (text[i] == '?' && begins_parameter(text + i + 1, left - i - 1, split_at)))
            return i;
    return left;
}

static bool parse_query(const char *query, const char *const *split_at, sv_url *out)
{
    for (size_t left = strlen(query); left > 0;) {
        const size_t size = end_of_parameter(query, left, split_at);
        if (!add_parameter(out, query, size))
            return false;
        query += size;
        left -= size;
        if (left > 0) {
            query++;
            left--;
        }
    }
    return true;
}

bool sv_url_parse(const char *target, const char *const *split_at, sv_url *out)
{
    *out = (sv_url){0};
    const size_t path = strcspn(target, "?#");
    bool sound = parse_path(target, path, out);
    if (sound && target[path] == '?')
        sound = parse_query(target + path + 1, split_at, out);
    if (!sound)
        sv_url_free(out);
    return sound;
}

void sv_url_free(sv_url *url)
{
    for (int i = 0; i < url->depth; i++)
        free(url->segments[i]);
    for (int i = 0; i < url->count; i++) {
        free(url->parameters[i].name);
        free(url->parameters[i].value);
    }
    *url = (sv_url){0};
}

const char *sv_url_parameter(const sv_url *url, const char *name)
{
    for (int i = 0; i < url->count; i++)
        if (strcmp(url->parameters[i].name, name) == 0)
            return url->parameters[i].value;
    return NULL;
}
