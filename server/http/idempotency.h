/* Idempotency-Key: a request that comes again gets the reply that it had, and changes nothing. For the latest 1,000
 * requests, in a journal that outlives the server. */
#ifndef SERVER_IDEMPOTENCY_H
#define SERVER_IDEMPOTENCY_H

#include "request.h"

typedef struct sv_replays sv_replays;
sl_status sv_replays_open(const char *file, sv_replays **out, sl_error *err);
void sv_replays_close(sv_replays *replays);

/* true: the request has its reply now: the one it had before, 409 while that is being made, 422 where the same key came
 * with another request. */
bool sv_replay_find(sv_request *r);

/* The request has its reply: it is kept where it was begun here, on disk when this returns. What a crash came before
 * is asked anew: a face has the id that its Idempotency-Key gives it, so that none is enrolled twice. */
void sv_replay_keep(sv_request *r);

#endif
