/* Faces that were searched for some minutes ago, so that it can be asked why without sending the photo again. In memory
 * only: the latest 64, for ten minutes; for the key that asked. */
#ifndef SERVER_RECENT_H
#define SERVER_RECENT_H

#include "api/api_faces.h"

typedef struct sv_recent sv_recent;
sv_recent *sv_recent_open(void);
void sv_recent_close(sv_recent *recent);

/* Takes the face's template and crop over. id: by which it is asked for. */
void sv_recent_keep(sv_recent *recent, const sv_request *r, const sl_match_options *match, sv_face *face, char id[37]);

/* The face that the address names, the gallery it was searched in and how; refuses where there is none (any more). Give
 * it back. */
const sv_face *sv_recent_find(sv_recent *recent, sv_request *r, char gallery[65], sl_match_options *match);
void sv_recent_release(sv_recent *recent, const sv_face *face);

#endif
