/* Why a photo got its score with a face, as pictures: of a photo that comes with the request, of one that was searched
 * some minutes ago, or beside the answer itself. */
#define _GNU_SOURCE
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/own.h"
#include "api/recent.h"
#include "server.h"

/* ---- pictures ---- */

enum { SIDE = 448 };

/* The query put together from patches of the other face, as emd moves them, whatever the look that decided. */
static sl_status draw_flow(const sl_gallery *g, const sl_pair *pair, const sl_match_options *match, sl_image *out,
                           sl_error *err)
{
    sl_gallery_info info;
    sl_match_options emd = sl_match_defaults_of(SL_RERANK_EMD);
    emd.oae = match->oae;
    sl_gallery_get_info(g, &info);
    if (info.patches == SL_PATCHES_COMPACT) {
        emd.feature = SL_FEATURE_CONTRIBUTIONS;
        emd.weighting = SL_WEIGHT_UNIFORM;
    }
    return sl_draw_flow(pair, &emd, SIDE, out, err);
}

/* One of the pictures that explain the pair. */
static sl_status draw(const char *part, const sl_gallery *g, const sl_pair *pair, const sl_match_options *match,
                      sl_image *out, sl_error *err)
{
    if (strcmp(part, "trust") == 0)
        return sl_draw_trust(match->oae, pair->query, pair->query_crop, SIDE, out, err);
    if (strcmp(part, "flow") == 0)
        return draw_flow(g, pair, match, out, err);
    if (strcmp(part, "shares") != 0)
        return sl_draw_pair(pair, match, out, err);
    sl_attribution why;
    sl_status status = sl_attribute(pair->query, pair->other, match, &why, err);
    if (status == SL_OK)
        status = sl_draw_shares(&why, pair->query_crop, SIDE, out, err);
    sl_attribution_free(&why);
    return status;
}

/* The picture of a query and a face, as PNG. part NULL: pair. */
static sl_status explain_face(const sl_gallery *g, const char *face, const char *part, const sl_match_options *match,
                              const sv_face *query, uint8_t **png, size_t *size, sl_error *err)
{
    size_t i;
    sl_entry entry = {0};
    sl_template *other = NULL;
    sl_image crop = {0}, picture = {0};
    sl_status status = sv_find_face(g, face, &i, err);
    if (status == SL_OK)
        status = sl_gallery_entry(g, i, &entry, err);
    if (status == SL_OK)
        status = sl_gallery_template(g, i, &other, err);
    if (status == SL_OK && entry.has_crop)
        status = sl_gallery_crop(g, i, &crop, err);
    /* Without a rule: a pair is judged as hidden as the more hidden of its faces, a search by its query alone. */
    const sl_pair pair = {.query = query->t,
                          .other = other,
                          .query_crop = &query->crop,
                          .other_crop = entry.has_crop ? &crop : NULL,
                          .query_name = "query",
                          .other_name = entry.label};
    if (status == SL_OK)
        status = draw(part ? part : "pair", g, &pair, match, &picture, err);
    if (status == SL_OK)
        status = sl_image_encode_png(&picture, png, size, err);
    sl_image_free(&picture);
    sl_image_free(&crop);
    sl_template_free(other);
    return status;
}

/* The query's crop alone, as the networks see it. */
static void reply_query(sv_request *r, const sl_image *crop)
{
    uint8_t *png;
    size_t size;
    sl_error err = {0};
    if (sl_image_encode_png(crop, &png, &size, &err) == SL_OK)
        sv_reply_bytes(r, 200, "image/png", png, size);
    else
        sv_refuse_error(r, &err);
}

static bool ask_part(sv_request *r, const char **part, char hold[512])
{
    static const char *const parts[] = {"pair", "trust", "shares", "flow", "query"};
    *part = sv_ask(r, "part", hold);
    bool known = !*part;
    for (size_t i = 0; *part && i < sizeof parts / sizeof *parts; i++)
        known |= strcmp(*part, parts[i]) == 0;
    if (!known)
        sv_refuse(r, 400, 0, "part is pair, trust, shares, flow or query");
    return known;
}

static void reply_part(sv_request *r, const sl_gallery *g, const sl_match_options *match, const char *part,
                       const sv_face *query)
{
    char hold[512];
    uint8_t *png;
    size_t size;
    sl_error err = {0};
    const char *face = sv_ask(r, "face", hold);
    if (part && strcmp(part, "query") == 0)
        reply_query(r, &query->crop);
    else if (explain_face(g, face ? face : "", part, match, query, &png, &size, &err) == SL_OK)
        sv_reply_bytes(r, 200, "image/png", png, size);
    else
        sv_refuse_error(r, &err);
}

void sv_own_explain(sv_request *r, sl_session *session)
{
    char hold[512];
    sv_faces faces;
    const char *part;
    sv_place *place = sv_named_gallery(r);
    if (!place || !ask_part(r, &part, hold))
        return;
    const size_t index = (size_t)sv_ask_number(r, "index", 0, 1000, 0);
    const sv_look_options how = {
        .name = "image", .embed = true, .searches = true, .crops = true, .aligned = sv_ask_bool(r, "aligned", false)};
    if (!sv_look(r, session, &how, &faces))
        return;
    const sv_view *view = sv_hub_view(place);
    sl_match_options match = view->match;
    if (index >= faces.count)
        sv_refuse(r, 422, 0, "the photo shows %zu faces", faces.count);
    else if (sv_ask_match(r, view->gallery, &match))
        reply_part(r, view->gallery, &match, part, &faces.items[index]);
    sv_view_release(view);
    sv_faces_free(&faces);
}

/* ---- beside an answer ---- */

bool sv_ask_explain(sv_request *r, sv_explain *out)
{
    static const char *const names[] = {"none", "png", "url"};
    char hold[512];
    const char *text = sv_ask(r, "explain", hold);
    for (int i = 0; i < 3; i++)
        if (!text || strcmp(text, names[i]) == 0) {
            *out = (sv_explain)i;
            return true;
        }
    sv_refuse(r, 400, 0, "explain is none, png or url");
    return false;
}

static void add_png(json_t *answer, const sv_view *view, const sl_match_options *match, const sl_answer *a,
                    const sv_face *query)
{
    uint8_t *png;
    size_t size;
    if (a->count == 0 ||
        explain_face(view->gallery, a->candidates[0].image, NULL, match, query, &png, &size, NULL) != SL_OK)
        return;
    const size_t room = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(room);
    if (text)
        json_object_set_new(answer, "explain",
                            json_string(sodium_bin2base64(text, room, png, size, sodium_base64_VARIANT_ORIGINAL)));
    free(text);
    free(png);
}

void sv_add_explanation(sv_request *r, json_t *answer, sv_explain how, const sv_view *view,
                        const sl_match_options *match, const sl_answer *a, sv_face *query)
{
    char id[37], address[64];
    if (how == SV_EXPLAIN_PNG)
        add_png(answer, view, match, a, query);
    if (how != SV_EXPLAIN_URL)
        return;
    sv_recent_keep(r->server->recent, r, match, query, id);
    snprintf(address, sizeof address, "/v1/explanations/%s", id);
    json_object_set_new(answer, "explain", json_string(address));
}

void sv_own_explanation(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512], name[65];
    const char *part;
    sl_match_options match;
    const sv_face *query = ask_part(r, &part, hold) ? sv_recent_find(r->server->recent, r, name, &match) : NULL;
    if (!query)
        return;
    sv_place *place = sv_hub_find(r->server->hub, name);
    if (place) {
        const sv_view *view = sv_hub_view(place);
        reply_part(r, view->gallery, &match, part, query);
        sv_view_release(view);
    } else {
        sv_refuse(r, 404, 0, "the gallery %s is not there any more", name);
    }
    sv_recent_release(r->server->recent, query);
}
