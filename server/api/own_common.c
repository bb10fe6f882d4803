/* What the files of the native API share. */
#include "api/own.h"
#include "http/access.h"
#include "server.h"

sv_place *sv_named_gallery(sv_request *r)
{
    if (!sv_allowed(r, r->route->scope, r->args[0]))
        return NULL;
    sv_place *place = sv_hub_find(r->server->hub, r->args[0]);
    if (!place)
        sv_refuse(r, 404, 0, "there is no gallery %s", r->args[0]);
    return place;
}

void sv_reply_page(sv_request *r, size_t total, json_t *(*one)(void *context, size_t i), void *context)
{
    const size_t page = (size_t)sv_ask_number(r, "page", 0, 1e9, 0),
                 size = (size_t)sv_ask_number(r, "size", 1, 1000, 50);
    json_t *items = json_array();
    for (size_t i = page * size; i < total && i < page * size + size; i++)
        json_array_append_new(items, one(context, i));
    sv_reply_json(r, 200, json_pack("{s:o,s:I,s:I,s:I}", "items", items, "page", (json_int_t)page, "size",
                                    (json_int_t)size, "total", (json_int_t)total));
}
