/* Whether the key may ask that. */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include "request.h"

/* Finds the key's owner and sets r->key; without a text, by the browser's session. Refuses where there is none, where
 * the scope is too small, where the gallery (NULL: none is named) is not the key's, or where it asks too often. */
bool sv_authorise(sv_request *r, const char *key_text, sv_scope scope, const char *gallery);

/* May the request's key do that in that gallery? Refuses where it may not. */
bool sv_allowed(sv_request *r, sv_scope scope, const char *gallery);

#endif
