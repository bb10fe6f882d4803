/* Which function answers. */
#ifndef SERVER_ROUTER_H
#define SERVER_ROUTER_H

#include "request.h"

/* Sets route and args, or refuses. */
bool sv_route_find(sv_request *r);

#endif
