/* A browser's session: a key is given once, and a cookie stands for it from then on. In memory: after a restart the key
 * is given again. */
#ifndef SERVER_BROWSER_SESSION_H
#define SERVER_BROWSER_SESSION_H

#include "request.h"

enum { SV_TOKEN_TEXT = 65 };
#define SV_COOKIE "secondlook="

typedef struct sv_sessions sv_sessions;
sv_sessions *sv_sessions_open(void);
void sv_sessions_close(sv_sessions *sessions);

/* Sets r->key by the request's cookie. A request that changes something must bring the session's token too, which a
 * foreign page cannot know: else it is refused. false without a session. */
bool sv_session_key(sv_request *r);

/* A new session of r->key: the cookie's value and the token. */
void sv_session_make(sv_request *r, char cookie[SV_TOKEN_TEXT], char csrf[SV_TOKEN_TEXT]);

/* The token of the request's session; "" without one. And the end of that. */
void sv_session_token(sv_request *r, char csrf[SV_TOKEN_TEXT]);
void sv_session_forget(sv_request *r);

#endif
