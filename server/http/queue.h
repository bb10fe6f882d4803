/* Workers, each with a session of its own, and the bounded queue before them. Searches go before changes, so that no
 * search waits for an enrolment; a change goes at least every fourth time. */
#ifndef SERVER_QUEUE_H
#define SERVER_QUEUE_H

#include "request.h"

typedef struct sv_queue sv_queue;

sl_status sv_queue_open(const sl_engine *engine, int workers, int most, sv_queue **out, sl_error *err);

/* No more are taken in; those inside are answered; then the workers end. */
void sv_queue_close(sv_queue *queue);

/* false when it is full, or closing. */
bool sv_queue_add(sv_queue *queue, sv_request *r);

size_t sv_queue_length(sv_queue *queue);

#endif
