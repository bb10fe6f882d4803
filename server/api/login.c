/* The page's login: POST a key, or a name and a password, and a session begins. */
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

/* Sets r->key; false: refused. */
static bool log_in(sv_request *r)
{
    char key_hold[512], name_hold[512], password_hold[512];
    sl_error err = {0};
    const char *key = sv_ask(r, "key", key_hold), *name = sv_ask(r, "name", name_hold),
               *password = sv_ask(r, "password", password_hold);
    if (r->cross_site)
        sv_refuse(r, 403, 0, "the request came from another page");
    else if (name && *name && password)
        switch (sv_keys_login(r->server->keys, name, password, r->began, &r->key, &err)) {
        case SL_OK: return true;
        case SL_ERR_LOCKED: sv_refuse(r, 429, 0, "%s", err.text); break;
        default: sv_refuse(r, 401, 0, "%s", err.text);
        }
    else if (key)
        return sv_authorise(r, key, SV_READ, NULL);
    else
        sv_refuse(r, 400, 0, "a key, or a name and a password, is missing");
    return false;
}

void sv_login(sv_request *r, sl_session *session)
{
    (void)session;
    char cookie[SV_TOKEN_TEXT], csrf[SV_TOKEN_TEXT];
    if (!log_in(r))
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
