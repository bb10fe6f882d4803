/* Inside the hub: states of a gallery, counted. */
#ifndef SERVER_VIEW_H
#define SERVER_VIEW_H

#include "store/hub.h"

/* Opens the gallery as it is on disk and readies what searches need, so that the first of them does not wait. */
sl_status sv_view_open(const char *dir, const sl_engine *engine, sv_view **out, sl_error *err);
void sv_view_hold(const sv_view *view);

#endif
