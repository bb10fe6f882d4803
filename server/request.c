/* What is asked, and the reply. */
#define _GNU_SOURCE
#include "request.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/base64.h"
#include "http/resume.h"

/* ---- what is asked ---- */

static bool has_type(const sv_request *r, const char *type)
{
    return r->content_type && strncasecmp(r->content_type, type, strlen(type)) == 0;
}

/* A form without files: as the query is written. */
static bool parse_urlencoded(sv_request *r)
{
    sv_url form;
    char *target = malloc(r->size + 2);
    if (!target)
        return false;
    target[0] = '?';
    memcpy(target + 1, r->body, r->size);
    target[r->size + 1] = 0;
    const bool sound = sv_url_parse(target, NULL, &form);
    free(target);
    for (int i = 0; sound && i < form.count; i++) {
        if (r->url.count == SV_PARAMETERS_MAX)
            continue;
        r->url.parameters[r->url.count++] = form.parameters[i];
        form.parameters[i] = (sv_parameter){0};
    }
    sv_url_free(&form);
    return sound;
}

bool sv_request_parse(sv_request *r)
{
    if (r->form_parsed || r->size == 0)
        return true;
    r->form_parsed = true;
    if (has_type(r, "multipart/form-data")) {
        const char *wrong = sv_multipart_parse(r->content_type, r->body, r->size, &r->parts);
        if (wrong)
            sv_refuse(r, 400, 26, "%s", wrong);
        return !wrong;
    }
    if (has_type(r, "application/x-www-form-urlencoded")) {
        const bool sound = parse_urlencoded(r);
        if (!sound)
            sv_refuse(r, 400, 26, "the form cannot be read");
        return sound;
    }
    if (has_type(r, "application/json") || (!r->content_type && (*r->body == '{' || *r->body == '['))) {
        json_error_t why;
        r->json = json_loadb((const char *)r->body, r->size, JSON_REJECT_DUPLICATES, &why);
        if (!r->json)
            sv_refuse(r, 400, 26, "the body is not JSON: %s", why.text);
        return r->json != NULL;
    }
    return true;
}

static const char *json_as_text(const json_t *value, char hold[512])
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_boolean(value))
        return json_is_true(value) ? "true" : "false";
    if (!json_is_number(value))
        return NULL;
    snprintf(hold, 512, "%.9g", json_number_value(value));
    return hold;
}

const char *sv_ask(sv_request *r, const char *name, char hold[512])
{
    const char *found = sv_url_parameter(&r->url, name);
    const sv_part *part = found ? NULL : sv_parts_find(&r->parts, name);
    if (part && part->size < 512 && !memchr(part->data, 0, part->size)) {
        char *text = sv_utf8_of((const char *)part->data, part->size);
        if (text && strlen(text) < 512)
            found = strcpy(hold, text);
        free(text);
    }
    return found ? found : json_as_text(json_object_get(r->json, name), hold);
}

bool sv_ask_bool(sv_request *r, const char *name, bool otherwise)
{
    char hold[512];
    const char *text = sv_ask(r, name, hold);
    if (!text || !*text)
        return otherwise;
    return strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcasecmp(text, "yes") == 0;
}

double sv_ask_number(sv_request *r, const char *name, double least, double most, double otherwise)
{
    char hold[512], *end;
    const char *text = sv_ask(r, name, hold);
    const double value = text && *text ? strtod(text, &end) : otherwise;
    if (!text || !*text || *end || !isfinite(value))
        return otherwise;
    return value < least ? least : value > most ? most : value;
}

bool sv_ask_listed(sv_request *r, const char *name, const char *word)
{
    char hold[512];
    const char *text = sv_ask(r, name, hold);
    const size_t n = strlen(word);
    while (text && *text) {
        const size_t size = strcspn(text, ", ");
        if (size == n && strncmp(text, word, n) == 0)
            return true;
        text += size + (text[size] != 0);
    }
    return false;
}

int sv_ask_picture(sv_request *r, const char *name, const uint8_t **data, size_t *size, uint8_t **held)
{
    const sv_part *part = sv_parts_find(&r->parts, name);
    const json_t *text = json_object_get(r->json, name);
    *held = NULL;
    if (part) {
        *data = part->data;
        *size = part->size;
        return 1;
    }
    if (!json_is_string(text))
        return 0;
    if (!sv_base64_decode(json_string_value(text), json_string_length(text), held, size))
        return -1;
    *data = *held;
    return 1;
}

/* ---- what is replied ---- */

static void drop_reply(sv_reply *reply)
{
    if (!reply->fixed)
        free(reply->body);
    free(reply->cookie);
    free(reply->location);
    *reply = (sv_reply){0};
}

void sv_reply_bytes(sv_request *r, int status, const char *type, void *bytes, size_t size)
{
    const sv_reply before = r->reply;
    if (!before.fixed)
        free(before.body);
    r->reply = (sv_reply){.status = status, .type = type, .body = bytes, .size = size, .close = before.close,
                          .allow = before.allow, .cookie = before.cookie, .location = before.location};
}

void sv_reply_fixed(sv_request *r, int status, const char *type, const void *bytes, size_t size)
{
    sv_reply_bytes(r, status, type, (void *)bytes, size);
    r->reply.fixed = true;
}

static void reply_document(sv_request *r, int status, const char *type, json_t *document)
{
    char *text = document ? json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(7)) : NULL;
    json_decref(document);
    if (text)
        sv_reply_bytes(r, status, type, text, strlen(text));
    else
        sv_reply_fixed(r, 500, "text/plain", "no memory\n", 10);
}

void sv_reply_json(sv_request *r, int status, json_t *document)
{
    reply_document(r, status, "application/json", document);
}

static const char *title_of(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {{400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
                  {405, "Method Not Allowed"}, {409, "Conflict"}, {413, "Content Too Large"},
                  {422, "Unprocessable Content"}, {429, "Too Many Requests"}, {503, "Service Unavailable"},
                  {507, "Insufficient Storage"}};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Internal Server Error";
}

static json_t *problem_json(const sv_request *r, int status, int code, const char *text)
{
    json_t *problem = json_pack("{s:s,s:s,s:i,s:o,s:s}", "type", "about:blank", "title", title_of(status), "status",
                                status, "detail", sv_text(text), "request", r->id);
    if (code)
        json_object_set_new(problem, "code", json_integer(code));
    return problem;
}

void sv_refuse(sv_request *r, int status, int code, const char *format, ...)
{
    char said[1200], text[1400];
    va_list args;
    va_start(args, format);
    vsnprintf(said, sizeof said, format, args);
    va_end(args);
    sl_show(text, sizeof text, said);
    const sv_style style = r->route ? r->route->style : SV_STYLE_OWN;
    if (style == SV_STYLE_COMPREFACE)
        sv_reply_json(r, status, json_pack("{s:o,s:i}", "message", sv_text(text), "code", code));
    else if (style == SV_STYLE_DEEPSTACK)
        sv_reply_json(r, 200, json_pack("{s:b,s:o}", "success", 0, "error", sv_text(text)));
    else
        reply_document(r, status, "application/problem+json", problem_json(r, status, code, text));
}

/* What a status of the library is to a client: HTTP's and CompreFace's. */
static void codes_of(sl_status status, int *http, int *code)
{
    *code = 0;
    switch (status) {
    case SL_ERR_NO_FACE: *http = 422, *code = 28; break;
    case SL_ERR_SEVERAL_FACES: *http = 422, *code = 31; break;
    case SL_ERR_FORMAT:
    case SL_ERR_UNSUPPORTED: *http = 422, *code = 21; break;
    case SL_ERR_LIMIT: *http = 413, *code = 21; break;
    case SL_ERR_ARGUMENT:
    case SL_ERR_NUMERIC: *http = 400, *code = 26; break;
    case SL_ERR_NOT_FOUND: *http = 404, *code = 44; break;
    case SL_ERR_EXISTS: *http = 409, *code = 43; break;
    case SL_ERR_MISMATCH: *http = 409; break;
    case SL_ERR_IO: *http = 507; break;
    case SL_ERR_LOCKED:
    case SL_ERR_INTERRUPTED: *http = 503; break;
    default: *http = 500, *code = 41;
    }
}

void sv_refuse_error(sv_request *r, const sl_error *err)
{
    int http, code;
    codes_of(err->status, &http, &code);
    if (r->route && r->route->style == SV_STYLE_COMPREFACE && http >= 400 && http < 500 && http != 404)
        http = 400; /* which has no others */
    sv_refuse(r, http, code, "%s", err->text);
}

/* ---- the end ---- */

void sv_request_clear(sv_request *r)
{
    char *owned[] = {r->target, r->content_type, r->key_text, r->idempotency, r->cookie, r->csrf, (char *)r->body};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    sv_url_free(&r->url);
    sv_parts_free(&r->parts);
    json_decref(r->json);
    if (r->reply.stream) /* nobody ever read it */
        r->reply.stream->close(r->reply.stream);
    drop_reply(&r->reply);
}
