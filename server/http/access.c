/* Keys and scopes. */
#include "http/access.h"

#include <string.h>

#include "http/browser_session.h"
#include "server.h"

static bool refuse_key(sv_request *r)
{
    if (r->route->style == SV_STYLE_COMPREFACE)
        sv_refuse(r, 404, 10, "no service has this key");
    else
        sv_refuse(r, 401, 0, "this key is not known");
    return false;
}

static bool refuse_missing(sv_request *r)
{
    if (r->route->style == SV_STYLE_COMPREFACE)
        sv_refuse(r, 400, 20, "the header x-api-key is missing");
    else
        sv_refuse(r, 401, 0, "a key is asked for: the header x-api-key, or Authorization: Bearer");
    return false;
}

bool sv_allowed(sv_request *r, sv_scope scope, const char *gallery)
{
    const bool there = !gallery || strcmp(r->key.gallery, "*") == 0 || strcmp(r->key.gallery, gallery) == 0;
    if (there && r->key.scope >= scope)
        return true;
    if (r->route->style == SV_STYLE_COMPREFACE)
        sv_refuse(r, 404, 10, "this key is for another service");
    else
        sv_refuse(r, 403, 0, there ? "this key may not do that" : "this key is for another gallery");
    return false;
}

bool sv_authorise(sv_request *r, const char *key_text, sv_scope scope, const char *gallery)
{
    if (!key_text && !sv_session_key(r))
        return r->reply.status ? false : refuse_missing(r);
    if (key_text && r->route->style == SV_STYLE_COMPREFACE && !sv_is_uuid(key_text)) {
        sv_refuse(r, 400, 26, "the key is no UUID");
        return false;
    }
    if (key_text && !sv_keys_find(r->server->keys, key_text, &r->key))
        return refuse_key(r);
    if (!sv_keys_admit(r->server->keys, &r->key, r->began)) {
        sv_refuse(r, 429, 0, "this key asks too often: %g requests a second are answered", r->server->config.rate);
        return false;
    }
    return sv_allowed(r, scope, gallery);
}
