/* DeepStack's five calls for faces. The key is a field of the form. Errors come with status 200, as its clients
 * expect. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/enrol.h"
#include "api/api_faces.h"
#include "http/access.h"
#include "server.h"

static bool allow(sv_request *r, sv_scope scope, sv_place **place)
{
    char hold[512];
    const char *key = sv_ask(r, "api_key", hold);
    return sv_authorise(r, key && *key ? key : r->key_text, scope, NULL) && (*place = sv_home(r)) &&
           sv_allowed(r, scope, sv_place_name(*place));
}

static json_t *prediction(const sv_face *f, double confidence, const char *user)
{
    const sl_box *b = &f->face.box;
    json_t *object = json_pack("{s:o,s:i,s:i,s:i,s:i}", "confidence", sv_rounded(confidence, 5), "x_min",
                               (int)lroundf(b->x0), "y_min", (int)lroundf(b->y0), "x_max", (int)lroundf(b->x1), "y_max",
                               (int)lroundf(b->y1));
    if (user)
        json_object_set_new(object, "userid", sv_text(user));
    return object;
}

static json_t *recognised(sv_request *r, const sv_view *view, const sv_face *f)
{
    const sl_identify_options find = {.match = view->match, .top = 1, .rule = &view->rule};
    sl_error err = {0};
    sl_answer a;
    if (sl_identify(r->server->engine, view->gallery, f->t, &find, &a, &err) != SL_OK) {
        sv_refuse_error(r, &err);
        return NULL;
    }
    const sl_candidate *best = a.count ? a.candidates : NULL;
    const bool match = a.decision == SL_MATCH;
    json_t *object =
        prediction(f, best ? sv_similarity(&view->rule, view->rare, best->score, best->stage1, a.hidden) : 0,
                   match ? best->label : "unknown");
    atomic_fetch_add(&r->server->metrics.identified, 1);
    sl_answer_free(&a);
    return object;
}

static void answer_faces(sv_request *r, sl_session *session, bool recognise)
{
    sv_place *place;
    sv_faces faces;
    const sv_look_options how = {.name = "image", .embed = recognise, .searches = true,
                                 .threshold = sv_ask_number(r, "min_confidence", 0, 1, 0)};
    if (!allow(r, SV_READ, &place) || !sv_look(r, session, &how, &faces))
        return;
    const sv_view *view = sv_hub_view(place);
    json_t *list = json_array();
    for (size_t i = 0; i < faces.count && !r->reply.status; i++)
        json_array_append_new(list, recognise ? recognised(r, view, &faces.items[i])
                                              : prediction(&faces.items[i], faces.items[i].face.score, NULL));
    sv_view_release(view);
    if (!r->reply.status)
        sv_reply_json(r, 200, json_pack("{s:b,s:O}", "success", 1, "predictions", list));
    json_decref(list);
    sv_faces_free(&faces);
}

static void face(sv_request *r, sl_session *session)
{
    answer_faces(r, session, false);
}

static void recognize(sv_request *r, sl_session *session)
{
    answer_faces(r, session, true);
}

static bool has_picture(sv_request *r, const char *name)
{
    return sv_parts_find(&r->parts, name) || json_object_get(r->json, name);
}

static bool look_at_one(sv_request *r, sl_session *session, const char *name, sv_faces *out)
{
    const sv_look_options how = {.name = name, .embed = true, .crops = true, .main_face = true};
    if (!sv_look(r, session, &how, out))
        return false;
    if (out->count)
        return true;
    sv_faces_free(out);
    sv_refuse(r, 400, 28, "no face is found on the picture %s", name);
    return false;
}

/* image, or image1, image2, .. as far as they go: all of them, or none. */
static int look_at_all(sv_request *r, sl_session *session, sv_faces faces[SV_ENROL_MAX])
{
    char name[16] = "image";
    int photos = 0, next = has_picture(r, "image") || !has_picture(r, "image1") ? 0 : 1;
    for (; photos < SV_ENROL_MAX && !r->reply.status; next++) {
        if (next > 0)
            snprintf(name, sizeof name, "image%d", next);
        if (next > 0 && !has_picture(r, name))
            break;
        photos += look_at_one(r, session, name, &faces[photos]);
    }
    return photos;
}

static void register_face(sv_request *r, sl_session *session)
{
    char hold[512];
    sv_place *place;
    sv_faces faces[SV_ENROL_MAX];
    const char *user = sv_ask(r, "userid", hold);
    if (!allow(r, SV_ENROL, &place))
        return;
    if (!user || !*user) {
        sv_refuse(r, 400, 33, "userid is missing");
        return;
    }
    const int photos = look_at_all(r, session, faces);
    if (!r->reply.status)
        sv_enrol(r, &(sv_enrol_options){.place = place, .label = user}, faces, photos);
    for (int i = 0; i < photos; i++)
        sv_faces_free(&faces[i]);
}

static void list(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place;
    size_t count;
    if (!allow(r, SV_READ, &place))
        return;
    const sv_view *view = sv_hub_view(place);
    char **labels = sv_place_labels(place, view, &count);
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(names, sv_text(labels[i]));
    free(labels);
    sv_view_release(view);
    sv_reply_json(r, 200, json_pack("{s:b,s:o}", "success", 1, "faces", names));
}

static void told_removed(sv_request *r, size_t count, void *place)
{
    char hold[512];
    const char *user = sv_ask(r, "userid", hold);
    (void)count;
    if (user)
        sv_place_forget_person(place, user, NULL);
    sv_reply_json(r, 200, json_pack("{s:b}", "success", 1));
}

static void delete_person(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    sv_place *place;
    const char *user = sv_ask(r, "userid", hold);
    if (!allow(r, SV_ENROL, &place))
        return;
    if (!user || !*user)
        sv_refuse(r, 400, 33, "userid is missing");
    else
        sv_remove(r, place, NULL, user, &(sv_after){.told = told_removed, .context = place});
}

#define ROUTE(path, flags, run)                                                                                        \
    {                                                                                                                  \
        "POST", "/v1/vision/face" path, SV_READ, SV_KEY_IN_FORM | flags, SV_STYLE_DEEPSTACK, run, NULL, NULL           \
    }

const sv_route sv_deepstack_routes[] = {
    ROUTE("", 0, face),
    ROUTE("/recognize", 0, recognize),
    ROUTE("/register", SV_WRITES, register_face),
    ROUTE("/list", 0, list),
    ROUTE("/delete", SV_WRITES, delete_person),
    {0}};
