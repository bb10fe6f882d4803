/* Inside the hub: states of a gallery, counted. */
#ifndef SERVER_VIEW_H
#define SERVER_VIEW_H

#include "store/hub.h"

/* Opens the gallery as it is on disk and readies what searches need, so that the first of them does not wait. */
sl_status sv_view_open(const char *dir, const sl_engine *engine, sv_view **out, sl_error *err);
void sv_view_hold(const sv_view *view);

/* Shows what was committed since, at the cost of that alone. Only the caller holds the view (sv_view_alone: waits for
 * those who do, some milliseconds). On failure it can only be released. */
bool sv_view_alone(const sv_view *view);
sl_status sv_view_refresh(sv_view *view, const sl_engine *engine, sl_error *err);

#endif
