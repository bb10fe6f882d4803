/* What thresholds promise in a gallery: the rule for each of many rates, which is the curve that the page draws. */
#include <math.h>

#include "api/own.h"
#include "server.h"

enum { FIRST = 2, LAST = 24 }; /* four a decade, from one in three to one in a million */

typedef sl_status (*rule_for)(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                              double rate, sl_rule *out, sl_error *err);

/* From the commonest rate to the rarest that can be told. */
static json_t *curve(const sv_request *r, const sv_view *view, rule_for make)
{
    json_t *list = json_array();
    for (int i = FIRST; i <= LAST; i++) {
        sl_rule rule;
        if (make(r->server->engine, view->gallery, &view->match, pow(10, -i / 4.0), &rule, NULL) == SL_OK)
            json_array_append_new(list, sv_rule_json(&rule));
    }
    return list;
}

void sv_own_rates(sv_request *r, sl_session *session)
{
    (void)session;
    sl_gallery_info info;
    sv_place *place = sv_named_gallery(r);
    if (!place)
        return;
    const sv_view *view = sv_hub_view(place);
    sl_gallery_get_info(view->gallery, &info);
    sv_reply_json(r, 200,
                  json_pack("{s:I,s:I,s:s,s:o,s:o,s:o}", "faces", (json_int_t)info.faces, "people",
                            (json_int_t)info.labels, "rerank", sl_rerank_name(view->match.rerank), "rule",
                            sv_rule_json(&view->rule), "fpir", curve(r, view, sl_rule_for_fpir), "far",
                            curve(r, view, sl_rule_for_far)));
    sv_view_release(view);
}
