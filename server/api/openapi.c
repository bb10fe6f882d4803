/* The OpenAPI document, made of the tables that requests are answered by.
 *
 * What a route asks for is written as words "name:type": type is string (where there is none), integer, number,
 * boolean, object, file, files, or words to choose from, as in none|png|url; a ! behind the name: it cannot be left
 * out. "body" is the body as a whole: an object, or a tar archive. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api/own.h"
#include "server.h"

typedef struct {
    char name[32], type[128];
    bool required;
} asked;

/* The next of them; NULL at the end. */
static const char *read_asked(const char *at, asked *out)
{
    at += strspn(at, " ");
    const size_t word = strcspn(at, " "), name = strcspn(at, "!: ");
    const char *type = memchr(at, ':', word);
    if (word == 0)
        return NULL;
    *out = (asked){.type = "string", .required = at[name] == '!'};
    snprintf(out->name, sizeof out->name, "%.*s", (int)name, at);
    if (type)
        snprintf(out->type, sizeof out->type, "%.*s", (int)(at + word - type - 1), type + 1);
    return at + word;
}

/* A picture is bytes in a form, and base64 in JSON. */
static json_t *file_schema(bool in_json)
{
    return in_json ? json_pack("{s:s,s:s}", "type", "string", "contentEncoding", "base64")
                   : json_pack("{s:s,s:s}", "type", "string", "contentMediaType", "application/octet-stream");
}

static json_t *choice_schema(const char *words)
{
    json_t *list = json_array();
    for (size_t n; *words; words += n + (words[n] != 0)) {
        n = strcspn(words, "|");
        json_array_append_new(list, json_stringn(words, n));
    }
    return json_pack("{s:s,s:o}", "type", "string", "enum", list);
}

static json_t *schema_of(const char *type, bool in_json)
{
    if (strcmp(type, "file") == 0)
        return file_schema(in_json);
    if (strcmp(type, "files") == 0)
        return json_pack("{s:s,s:o}", "type", "array", "items", file_schema(in_json));
    return strchr(type, '|') ? choice_schema(type) : json_pack("{s:s}", "type", type);
}

static json_t *parameter(const char *name, const char *in, bool required, json_t *schema)
{
    return json_pack("{s:s,s:s,s:b,s:o}", "name", name, "in", in, "required", required, "schema", schema);
}

static void add_path_parameters(json_t *list, const char *path)
{
    for (const char *at = strchr(path, '{'); at; at = strchr(at + 1, '{')) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, "}"), at + 1);
        json_array_append_new(list, parameter(name, "path", true, schema_of("string", false)));
    }
}

static void add_query_parameters(json_t *list, const char *asks)
{
    asked one;
    while ((asks = read_asked(asks, &one)))
        json_array_append_new(list, parameter(one.name, "query", one.required, schema_of(one.type, false)));
}

/* Of a form, or of JSON. */
static json_t *body_schema(const char *asks, bool in_json)
{
    asked one;
    json_t *properties = json_object(), *required = json_array();
    while ((asks = read_asked(asks, &one))) {
        json_object_set_new(properties, one.name, schema_of(one.type, in_json));
        if (one.required)
            json_array_append_new(required, json_string(one.name));
    }
    json_t *schema = json_pack("{s:s,s:o}", "type", "object", "properties", properties);
    if (json_array_size(required))
        json_object_set(schema, "required", required);
    json_decref(required);
    return schema;
}

static json_t *request_body(const char *asks)
{
    if (strcmp(asks, "body!:tar") == 0)
        return json_pack("{s:b,s:{s:{s:o}}}", "required", 1, "content", "application/x-tar", "schema",
                         file_schema(false));
    if (strcmp(asks, "body!:object") == 0)
        return json_pack("{s:b,s:{s:{s:o}}}", "required", 1, "content", "application/json", "schema",
                         schema_of("object", true));
    return json_pack("{s:{s:{s:o},s:{s:o}}}", "content", "multipart/form-data", "schema", body_schema(asks, false),
                     "application/json", "schema", body_schema(asks, true));
}

static json_t *operation(const sv_route *route)
{
    const bool has_body = strcmp(route->method, "POST") == 0 || strcmp(route->method, "PUT") == 0;
    json_t *parameters = json_array();
    add_path_parameters(parameters, route->path);
    if (route->asks && !has_body)
        add_query_parameters(parameters, route->asks);
    json_t *object =
        json_pack("{s:s,s:o,s:{s:{s:s},s:{s:s,s:{s:{s:{s:s}}}}}}", "summary", route->about, "parameters",
                  parameters, "responses", "2XX", "description", "Done", "default", "description", "Refused",
                  "content", "application/problem+json", "schema", "$ref", "#/components/schemas/Problem");
    if (route->scope != SV_NOBODY)
        json_object_set_new(object, "security", json_pack("[{s:[]}]", "key"));
    json_object_set_new(object, "x-scope", json_string(sv_scope_name(route->scope)));
    if (route->asks && has_body)
        json_object_set_new(object, "requestBody", request_body(route->asks));
    return object;
}

static void add_path(json_t *paths, const sv_route *route)
{
    char method[8];
    json_t *path = json_object_get(paths, route->path);
    if (!path)
        json_object_set_new(paths, route->path, path = json_object());
    size_t n = 0;
    for (; route->method[n] && n + 1 < sizeof method; n++)
        method[n] = (char)tolower((unsigned char)route->method[n]);
    method[n] = 0;
    json_object_set_new(path, method, operation(route));
}

void sv_own_openapi(sv_request *r, sl_session *session)
{
    (void)session;
    json_t *paths = json_object();
    for (const sv_route *const *table = r->server->routes; *table; table++)
        for (const sv_route *route = *table; route->method; route++)
            if (route->about)
                add_path(paths, route);
    json_t *problem = body_schema("type title status:integer detail request code:integer", true);
    json_t *key = json_pack("{s:s,s:s,s:s}", "type", "apiKey", "in", "header", "name", "x-api-key");
    sv_reply_json(r, 200,
                  json_pack("{s:s,s:{s:s,s:s,s:s},s:o,s:{s:{s:o},s:{s:o}}}", "openapi", "3.1.0", "info", "title",
                            "secondlook", "description",
                            "What a body asks for, but for files, may stand in the address too.", "version",
                            sl_version(), "paths", paths, "components", "schemas", "Problem", problem,
                            "securitySchemes", "key", key));
}
