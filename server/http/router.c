/* From method and path to route. */
#include "http/router.h"

#include <string.h>

#include "server.h"

static bool matches(sv_request *r, const char *pattern)
{
    int depth = 0, args = 0;
    while (*pattern == '/') {
        const char *begin = ++pattern;
        pattern += strcspn(pattern, "/");
        const size_t size = (size_t)(pattern - begin);
        if (size == 0)
            break;
        if (depth == r->url.depth)
            return false;
        const char *segment = r->url.segments[depth++];
        if (*begin == '{')
            r->args[args++] = segment;
        else if (strlen(segment) != size || memcmp(segment, begin, size) != 0)
            return false;
    }
    return depth == r->url.depth;
}

/* What answers where there is no route. */
static const sv_route nothing = {.style = SV_STYLE_OWN}, nothing_compreface = {.style = SV_STYLE_COMPREFACE};

static void refuse_method(sv_request *r, const sv_route *other)
{
    r->route = other;
    if (other->style == SV_STYLE_COMPREFACE) {
        sv_refuse(r, 404, 0, "there is no %s here", r->method);
        return;
    }
    sv_refuse(r, 405, 0, "there is no %s here", r->method);
    r->reply.allow = other->method;
}

bool sv_route_find(sv_request *r)
{
    const sv_route *other = NULL;
    const bool head = strcmp(r->method, "HEAD") == 0;
    for (const sv_route *const *table = r->server->routes; *table; table++)
        for (const sv_route *route = *table; route->method; route++) {
            if (!matches(r, route->path))
                continue;
            if (strcmp(route->method, head ? "GET" : r->method) == 0) {
                r->route = route;
                return true;
            }
            other = route;
        }
    if (other) {
        refuse_method(r, other);
        return false;
    }
    r->route = r->url.depth > 1 && strcmp(r->url.segments[0], "api") == 0 ? &nothing_compreface : &nothing;
    sv_refuse(r, 404, 0, "there is nothing here");
    return false;
}
