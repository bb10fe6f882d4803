/* Sockets and HTTP/1.1, by libmicrohttpd: its threads parse requests and write replies, and do nothing else. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include "request.h"

typedef struct sv_listener sv_listener;

sl_status sv_listener_open(sv_server *server, sv_listener **out, sl_error *err);
int sv_listener_port(const sv_listener *listener);

/* No new connections. */
void sv_listener_quiesce(sv_listener *listener);
/* Waits until the replies that there are have been sent, some seconds at most. */
void sv_listener_drain(sv_listener *listener);

void sv_listener_close(sv_listener *listener);

#endif
