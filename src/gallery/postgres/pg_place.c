/* URLs of shards, taken apart; and which shard a person belongs to. */
#include "gallery/postgres/pg_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { MOST_CONNECTIONS = 64, MOST_DEADLINE = 86400000, MOST_PLACE = 1 << 16 };

/* ---- one URL ---- */

/* host:port/database of "postgres://user:password@host:port/database?..." */
static char *name_of(const char *url, size_t size)
{
    const char *from = url + strlen(SL_PG_PREFIX), *end = url + size;
    const char *query = memchr(from, '?', (size_t)(end - from));
    end = query ? query : end;
    for (const char *c = from; c < end; c++)
        if (*c == '@')
            from = c + 1;
    sl_text t = {0};
    sl_text_add_bytes(&t, from, (size_t)(end - from));
    return t.failed ? NULL : t.data ? t.data : sl_strdup("");
}

static bool number_of(const char *text, size_t size, long most, int *out)
{
    char digits[16] = {0};
    if (size < 1 || size >= sizeof digits || strspn(text, "0123456789") < size)
        return false;
    memcpy(digits, text, size);
    *out = (int)strtol(digits, NULL, 10);
    return strtol(digits, NULL, 10) <= most;
}

static bool is_name(const char *text, size_t size)
{
    return size >= 1 && size <= 48 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") >= size;
}

/* Our own parameter `key=value`, into *out; *own: it is one of ours. */
static sl_status take_parameter(const char *key, size_t key_size, const char *value, size_t size, bool first,
                                sl_pg_place *out, bool *own, sl_error *err)
{
    static const char *const names[] = {"gallery", "connections", "deadline", "partial"};
    int which = -1, ignored;
    for (int i = 0; i < 4; i++)
        if (strlen(names[i]) == key_size && memcmp(key, names[i], key_size) == 0)
            which = i;
    *own = which >= 0;
    switch (which) {
    case 0:
        if (!is_name(value, size))
            return sl_fail(err, SL_ERR_ARGUMENT, "gallery=%.*s: a gallery's name has 1 to 48 of a-z, 0-9 and _",
                           (int)size, value);
        if (!first && (strlen(out->gallery) != size || memcmp(out->gallery, value, size) != 0))
            return sl_fail(err, SL_ERR_ARGUMENT, "all shards are of one gallery: not of %s and of %.*s",
                           out->gallery, (int)size, value);
        memcpy(out->gallery, value, size);
        return SL_OK;
    case 1:
        if (!number_of(value, size, MOST_CONNECTIONS, first ? &out->connections : &ignored) ||
            out->connections < 1)
            return sl_fail(err, SL_ERR_ARGUMENT, "connections=%.*s: use 1 to %d", (int)size, value,
                           MOST_CONNECTIONS);
        return SL_OK;
    case 2:
        if (!number_of(value, size, MOST_DEADLINE, first ? &out->deadline : &ignored))
            return sl_fail(err, SL_ERR_ARGUMENT, "deadline=%.*s: use milliseconds, 0 to %d", (int)size, value,
                           MOST_DEADLINE);
        return SL_OK;
    case 3:
        if (!(size == 3 && memcmp(value, "yes", 3) == 0) && !(size == 2 && memcmp(value, "no", 2) == 0))
            return sl_fail(err, SL_ERR_ARGUMENT, "partial=%.*s: use yes or no", (int)size, value);
        out->partial = first ? size == 3 : out->partial;
        return SL_OK;
    default: return SL_OK;
    }
}

/* The URL without our own parameters. */
static sl_status take_url(const char *url, size_t size, bool first, sl_pg_place *out, sl_text *kept, sl_error *err)
{
    const char *end = url + size, *query = memchr(url, '?', size);
    char separator = '?';
    sl_text_add_bytes(kept, url, query ? (size_t)(query - url) : size);
    for (const char *at = query ? query + 1 : end; at < end;) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        stop = stop ? stop : end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        const char *value = equals ? equals + 1 : stop;
        bool own;
        SL_TRY(take_parameter(at, (size_t)((equals ? equals : stop) - at), value, (size_t)(stop - value), first,
                              out, &own, err));
        if (!own && stop > at) {
            sl_text_add_bytes(kept, &separator, 1);
            sl_text_add_bytes(kept, at, (size_t)(stop - at));
            separator = '&';
        }
        at = stop + (stop < end);
    }
    return SL_OK;
}

/* ---- all of them ---- */

/* Where the next URL's comma is, or the end: hosts of one URL are separated by commas too. */
static const char *end_of_url(const char *at)
{
    const char *next = strstr(at, "," SL_PG_PREFIX);
    return next ? next : at + strlen(at);
}

static sl_status add_shard(const char *url, size_t size, sl_pg_place *out, sl_error *err)
{
    const size_t i = out->shards;
    sl_text kept = {0};
    if (i == SL_PG_MOST_SHARDS)
        return sl_fail(err, SL_ERR_LIMIT, "a gallery has %d shards at most", SL_PG_MOST_SHARDS);
    char **urls = sl_realloc_array(out->urls, i + 1, sizeof *urls);
    out->urls = urls ? urls : out->urls;
    char **names = sl_realloc_array(out->names, i + 1, sizeof *names);
    out->names = names ? names : out->names;
    sl_status status =
        urls && names ? take_url(url, size, i == 0, out, &kept, err) : sl_no_memory(err, "for a shard's URL");
    if (status == SL_OK) {
        out->urls[i] = kept.data;
        out->names[i] = name_of(url, size);
        out->shards++;
        return kept.failed || !out->names[i] ? sl_no_memory(err, "for a shard's URL") : SL_OK;
    }
    free(kept.data);
    return status;
}

static sl_status show(sl_pg_place *p, sl_error *err)
{
    sl_text t = {0};
    for (size_t i = 0; i < p->shards; i++)
        sl_text_add(&t, "%s" SL_PG_PREFIX "%s?gallery=%s", i ? "," : "", p->names[i], p->gallery);
    p->shown = t.data;
    return t.failed ? sl_no_memory(err, "for a gallery's name") : SL_OK;
}

sl_status sl_pg_place_parse(const char *place, sl_pg_place *out, sl_error *err)
{
    *out = (sl_pg_place){.connections = 1};
    if (strnlen(place, MOST_PLACE) == MOST_PLACE)
        return sl_fail(err, SL_ERR_LIMIT, "the URLs of a gallery's shards are longer than %d bytes", MOST_PLACE);
    for (const char *at = place; *at;) {
        const char *end = end_of_url(at);
        if (strncmp(at, SL_PG_PREFIX, strlen(SL_PG_PREFIX)) != 0)
            return sl_fail(err, SL_ERR_ARGUMENT,
                           "shards are URLs that begin with " SL_PG_PREFIX ", separated by commas");
        SL_TRY(add_shard(at, (size_t)(end - at), out, err));
        at = end + (*end == ',');
    }
    if (!out->shards || !out->gallery[0])
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "the URL names no gallery: " SL_PG_PREFIX "host/database?gallery=NAME");
    return show(out, err);
}

void sl_pg_place_free(sl_pg_place *p)
{
    for (size_t i = 0; i < p->shards; i++) {
        free(p->urls[i]);
        free(p->names[i]);
    }
    free(p->urls);
    free(p->names);
    free(p->shown);
    *p = (sl_pg_place){0};
}

/* ---- its tables ---- */

const char *sl_pg_sql(const sl_pg_place *p, const char *format)
{
    static _Thread_local char sql[2048];
    char schema[64];
    snprintf(schema, sizeof schema, "gallery_%s", p->gallery);
    snprintf(sql, sizeof sql, format, schema, schema, schema, schema, schema);
    return sql;
}
