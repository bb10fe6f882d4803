/* Idempotency-Key: a request that comes again gets the reply that it had, and changes nothing. Kept in memory, for the
 * latest 1,000 requests: what must survive a restart gets ids of the caller's own. */
#ifndef SERVER_IDEMPOTENCY_H
#define SERVER_IDEMPOTENCY_H

#include "request.h"

typedef struct sv_replays sv_replays;
sv_replays *sv_replays_open(void);
void sv_replays_close(sv_replays *replays);

/* true: the request has its reply now: the one it had before, 409 while that is being made, 422 where the same key came
 * with another request. */
bool sv_replay_find(sv_request *r);

/* The request has its reply: it is kept where it was begun here. */
void sv_replay_keep(sv_request *r);

#endif
