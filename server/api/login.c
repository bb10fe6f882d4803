/* The page's login: POST a key, and a session begins. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "api/own.h"
#include "http/access.h"
#include "http/browser_session.h"
#include "server.h"

static json_t *who(const sv_key *key, const char *csrf)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s}", "key", key->id, "name", key->name, "gallery", key->gallery, "scope",
                     sv_scope_name(key->scope), "csrf", csrf);
}

void sv_login(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512], cookie[SV_TOKEN_TEXT], csrf[SV_TOKEN_TEXT];
    const char *key = sv_ask(r, "key", hold);
    if (!key) {
        sv_refuse(r, 400, 0, "the key is missing");
        return;
    }
    if (!sv_authorise(r, key, SV_READ, NULL))
        return;
    sv_session_make(r, cookie, csrf);
    sv_reply_json(r, 201, who(&r->key, csrf));
    if (asprintf(&r->reply.cookie, SV_COOKIE "%s; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict%s", cookie,
                 r->server->config.tls_cert ? "; Secure" : "") < 0)
        r->reply.cookie = NULL;
}

void sv_login_tell(sv_request *r, sl_session *session)
{
    (void)session;
    char csrf[SV_TOKEN_TEXT];
    sv_session_token(r, csrf);
    sv_reply_json(r, 200, who(&r->key, csrf));
}

void sv_logout(sv_request *r, sl_session *session)
{
    (void)session;
    sv_session_forget(r);
    sv_reply_fixed(r, 204, NULL, "", 0);
    r->reply.cookie = strdup(SV_COOKIE "; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
}
