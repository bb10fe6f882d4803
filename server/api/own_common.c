/* What the files of the native API share. */
#include "api/own.h"
#include "http/access.h"
#include "server.h"

sv_place *sv_named_gallery(sv_request *r)
{
    if (!sv_allowed(r, r->route->scope, r->args[0]))
        return NULL;
    sv_place *place = sv_hub_find(r->server->hub, r->args[0]);
    if (!place)
        sv_refuse(r, 404, 0, "there is no gallery %s", r->args[0]);
    return place;
}

void sv_reply_page(sv_request *r, size_t total, json_t *(*one)(void *context, size_t i), void *context)
{
    const size_t page = (size_t)sv_ask_number(r, "page", 0, 1e9, 0),
                 size = (size_t)sv_ask_number(r, "size", 1, 1000, 50);
    json_t *items = json_array();
    for (size_t i = page * size; i < total && i < page * size + size; i++)
        json_array_append_new(items, one(context, i));
    sv_reply_json(r, 200, json_pack("{s:o,s:I,s:I,s:I}", "items", items, "page", (json_int_t)page, "size",
                                    (json_int_t)size, "total", (json_int_t)total));
}

json_t *sv_box_json(const sl_box *b)
{
    return json_pack("[o,o,o,o]", sv_rounded(b->x0, 1), sv_rounded(b->y0, 1), sv_rounded(b->x1, 1),
                     sv_rounded(b->y1, 1));
}

json_t *sv_quality_json(const sl_quality *q)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "size", sv_rounded(q->size, 4), "sharpness", sv_rounded(q->sharpness, 4),
                     "pose", sv_rounded(q->pose, 4), "detector", sv_rounded(q->detector, 4), "overall",
                     sv_rounded(q->overall, 4));
}

/* ---- what a decision was made by ---- */

static const char *source_name(sl_rule_source source)
{
    static const char *const names[] = {"calibration", "model", "given", "missing"};
    return names[source];
}

json_t *sv_rule_json(const sl_rule *rule)
{
    static const char *const promises[] = {NULL, "far", "fpir"};
    json_t *bins = json_array();
    for (int b = 0; b < rule->bins; b++)
        json_array_append_new(bins, json_pack("{s:o,s:o,s:s,s:b}", "hidden_to", sv_rounded(rule->hidden_to[b], 4),
                                              "threshold", sv_rounded(rule->threshold[b], 6), "source",
                                              source_name(rule->source[b]), "extrapolated", rule->extrapolated[b]));
    json_t *object = json_pack("{s:s?,s:s,s:o}", "promise", promises[rule->promise], "on",
                               rule->on_stage1 ? "stage1" : "score", "bins", bins);
    if (rule->promise != SL_RATE_NONE)
        json_object_set_new(object, "rate", json_real(rule->rate));
    if (rule->promise == SL_RATE_FPIR)
        json_object_set_new(object, "faces", json_integer((json_int_t)rule->faces));
    return object;
}

void sv_add_judgement(json_t *object, const sl_rule *rule, float hidden)
{
    const int bin = sl_rule_bin(rule, hidden);
    json_object_set_new(object, "threshold", sv_rounded(rule->threshold[bin], 6));
    json_object_set_new(object, "threshold_on", json_string(rule->on_stage1 ? "stage1" : "score"));
    json_object_set_new(object, "threshold_by", json_string(source_name(rule->source[bin])));
    json_object_set_new(object, "hidden", sv_rounded(hidden, 4));
    json_object_set_new(object, "hidden_from", sv_rounded(bin ? rule->hidden_to[bin - 1] : 0, 4));
    json_object_set_new(object, "hidden_to", sv_rounded(rule->hidden_to[bin], 4));
}
