/* Detection, identification, verification. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/own.h"
#include "http/base64.h"
#include "server.h"
#include "store/durable.h"

/* ---- how it is asked ---- */

/* The rule that is asked for, or *rule as it is. */
static bool ask_rule(sv_request *r, const sl_gallery *gallery, const sl_match_options *match, sl_rule *rule)
{
    char hold[512];
    sl_error err = {0};
    const double fpir = sv_ask_number(r, "fpir", 1e-9, 1, 0), far = sv_ask_number(r, "far", 1e-12, 1, 0);
    const double threshold = sv_ask_number(r, "threshold", -1, 1, NAN);
    sl_status status = SL_OK;
    if ((fpir > 0) + (far > 0) + !isnan(threshold) > 1) {
        sv_refuse(r, 400, 0, "fpir, far and threshold exclude each other");
        return false;
    }
    if (!isnan(threshold))
        *rule = sl_rule_given((float)threshold, 0);
    else if (fpir > 0)
        status = sl_rule_for_fpir(r->server->engine, gallery, match, fpir, rule, &err);
    else if (far > 0)
        status = sl_rule_for_far(r->server->engine, gallery, match, far, rule, &err);
    else if (sv_ask(r, "rerank", hold) || sv_ask(r, "alpha", hold))
        status = sl_rule_default(r->server->engine, gallery, match, rule, &err);
    if (status != SL_OK)
        sv_refuse_error(r, &err);
    return status == SL_OK;
}

/* ---- detection ---- */

static json_t *face_json(const sl_face *f)
{
    json_t *points = json_array();
    for (int k = 0; k < 5; k++)
        json_array_append_new(points, json_pack("[o,o]", sv_rounded(f->points[k].x, 1), sv_rounded(f->points[k].y, 1)));
    return json_pack("{s:o,s:o,s:o,s:o,s:i}", "box", sv_box_json(&f->box), "score", sv_rounded(f->score, 5), "points",
                     points, "quality", sv_quality_json(&f->quality), "turned", f->turned);
}

void sv_own_detect(sv_request *r, sl_session *session)
{
    sv_faces faces;
    if (!sv_look(r, session, &(sv_look_options){.name = "image"}, &faces))
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < faces.count; i++)
        json_array_append_new(list, face_json(&faces.items[i].face));
    sv_faces_free(&faces);
    sv_reply_json(r, 200, json_pack("{s:o,s:s}", "faces", list, "request", r->id));
}

/* ---- identification ---- */

static json_t *candidate_json(const sl_gallery *g, const sl_candidate *c)
{
    char uuid[37];
    sl_entry entry = {0};
    sl_gallery_entry(g, c->entry, &entry, NULL);
    sv_face_uuid(c->image, uuid);
    return json_pack("{s:i,s:o,s:s,s:o,s:o,s:o,s:o,s:b}", "rank", c->rank, "person", sv_text(c->label), "face", uuid,
                     "image", sv_text(c->image), "score", sv_rounded(c->score, 6), "stage1", sv_rounded(c->stage1, 6),
                     "stage2", sv_rounded(c->stage2, 6), "crop", entry.has_crop);
}

static json_t *answer_json(const sl_gallery *g, const sl_face *face, const sl_answer *a)
{
    json_t *candidates = json_array(), *first = json_array();
    for (size_t i = 0; i < a->count; i++)
        json_array_append_new(candidates, candidate_json(g, &a->candidates[i]));
    for (size_t i = 0; i < a->stage1_count; i++)
        json_array_append_new(first, sv_text(a->stage1_candidates[i].label));
    json_t *object = face_json(face);
    json_object_set_new(object, "decision", json_string(sl_decision_name(a->decision)));
    sv_add_judgement(object, &a->rule, a->hidden);
    json_object_set_new(object, "candidates", candidates);
    json_object_set_new(object, "by_stage1", first);
    return object;
}

static bool note_answer(sv_request *r, const sl_answer *a)
{
    const sl_candidate *best = a->count ? a->candidates : NULL;
    atomic_fetch_add(&r->server->metrics.identified, 1);
    if (!r->server->config.audit_searches)
        return true;
    return sv_note(r, "identify", r->args[0], a->decision == SL_MATCH ? best->label : NULL,
                   json_pack("{s:s,s:o,s:o,s:s}", "decision", sl_decision_name(a->decision), "score",
                             best ? sv_rounded(best->score, 6) : json_null(), "threshold", sv_rounded(a->threshold, 6),
                             "fingerprint", sl_engine_fingerprint(r->server->engine)));
}

typedef struct {
    const sv_view *view;
    sl_identify_options options;
    sl_rule rule;
    sv_explain explain;
} search;

static bool ask_search(sv_request *r, const sv_view *view, search *s)
{
    s->view = view;
    s->rule = view->rule;
    s->options = (sl_identify_options){
        .match = view->match, .top = (int)sv_ask_number(r, "top", 1, 1000, 5), .rule = &s->rule};
    return sv_ask_match(r, view->gallery, &s->options.match) &&
           ask_rule(r, view->gallery, &s->options.match, &s->rule) && sv_ask_explain(r, &s->explain);
}

/* All faces of a photo; those that are to be explained are taken. NULL: refused. */
static json_t *answer_faces(sv_request *r, const search *s, sv_faces *faces)
{
    sl_error err = {0};
    json_t *list = json_array();
    for (size_t i = 0; i < faces->count && !r->reply.status; i++) {
        sl_answer a;
        if (sl_identify(r->server->engine, s->view->gallery, faces->items[i].t, &s->options, &a, &err) != SL_OK) {
            sv_refuse_error(r, &err);
        } else if (note_answer(r, &a)) {
            json_t *answer = answer_json(s->view->gallery, &faces->items[i].face, &a);
            sv_add_explanation(r, answer, s->explain, s->view, &s->options.match, &a, &faces->items[i]);
            json_array_append_new(list, answer);
        }
        sl_answer_free(&a);
    }
    if (!r->reply.status)
        return list;
    json_decref(list);
    return NULL;
}

/* What all answers were made by; `name` and what it holds come first. */
static void reply_search(sv_request *r, const search *s, const char *name, json_t *answers)
{
    sv_reply_json(r, 200, json_pack("{s:o,s:o,s:s,s:s,s:s,s:s,s:I}", name, answers, "rule", sv_rule_json(&s->rule),
                                    "rerank", sl_rerank_name(s->options.match.rerank), "model",
                                    sl_engine_model(r->server->engine)->name, "fingerprint",
                                    sl_engine_fingerprint(r->server->engine), "request", r->id, "gallery_faces",
                                    (json_int_t)sl_gallery_size(s->view->gallery)));
}

static sv_look_options look_for(sv_request *r, const search *s)
{
    return (sv_look_options){.name = "image", .embed = true, .searches = true, .crops = s->explain != SV_EXPLAIN_NONE,
                             .main_face = sv_ask_bool(r, "main_face", false),
                             .aligned = sv_ask_bool(r, "aligned", false)};
}

void sv_own_identify(sv_request *r, sl_session *session)
{
    sv_faces faces;
    search s;
    sv_place *place = sv_named_gallery(r);
    if (!place)
        return;
    const sv_view *view = sv_hub_view(place);
    if (ask_search(r, view, &s)) {
        const sv_look_options how = look_for(r, &s);
        if (sv_look(r, session, &how, &faces)) {
            json_t *answers = answer_faces(r, &s, &faces);
            if (answers)
                reply_search(r, &s, "faces", answers);
            sv_faces_free(&faces);
        }
    }
    sv_view_release(view);
}

/* ---- many photos ---- */

static json_t *failed_photo(const sl_error *err)
{
    return json_pack("{s:o}", "error", sv_text(err->text));
}

/* One of them; what is wrong with it is told in its place. NULL: the whole request is refused. */
static json_t *answer_photo(sv_request *r, sl_session *session, const search *s, const uint8_t *data, size_t size)
{
    sv_faces faces;
    sl_error err = {0};
    const sv_look_options how = look_for(r, s);
    if (size > r->server->config.file_max) {
        sv_fail(&err, SL_ERR_LIMIT, "a picture has %zu bytes at most", r->server->config.file_max);
        return failed_photo(&err);
    }
    if (sv_look_at(r->server, session, data, size, &how, &faces, &err) != SL_OK)
        return failed_photo(&err);
    json_t *answers = answer_faces(r, s, &faces);
    sv_faces_free(&faces);
    return answers ? json_pack("{s:o}", "faces", answers) : NULL;
}

/* The parts called image, or the texts of the array "images". */
static json_t *answer_photos(sv_request *r, sl_session *session, const search *s)
{
    json_t *list = json_array();
    const json_t *texts = json_object_get(r->json, "images");
    for (int i = 0; i < r->parts.count && !r->reply.status; i++)
        if (strcmp(r->parts.items[i].name, "image") == 0)
            json_array_append_new(list, answer_photo(r, session, s, r->parts.items[i].data, r->parts.items[i].size));
    for (size_t i = 0; i < json_array_size(texts) && i < SV_PARTS_MAX && !r->reply.status; i++) {
        const json_t *text = json_array_get(texts, i);
        uint8_t *data = NULL;
        size_t size = 0;
        const bool sound = json_is_string(text) && sv_base64_decode(json_string_value(text), json_string_length(text),
                                                                    &data, &size);
        json_array_append_new(list, sound ? answer_photo(r, session, s, data, size)
                                          : json_pack("{s:s}", "error", "the picture is not base64"));
        free(data);
    }
    return list;
}

void sv_own_batch(sv_request *r, sl_session *session)
{
    search s;
    sv_place *place = sv_named_gallery(r);
    if (!place)
        return;
    const sv_view *view = sv_hub_view(place);
    if (ask_search(r, view, &s)) {
        json_t *answers = answer_photos(r, session, &s);
        if (!r->reply.status && json_array_size(answers) == 0)
            sv_refuse(r, 400, 0, "no picture came: parts called image, or an array images of base64; %d at most",
                      SV_PARTS_MAX);
        if (!r->reply.status)
            reply_search(r, &s, "photos", json_incref(answers));
        json_decref(answers);
    }
    sv_view_release(view);
}

/* ---- verification ---- */

static bool main_face(sv_request *r, sl_session *session, const char *name, sv_faces *out)
{
    const sv_look_options how = {.name = name, .embed = true, .crops = true, .main_face = true,
                                 .aligned = sv_ask_bool(r, "aligned", false)};
    if (!sv_look(r, session, &how, out))
        return false;
    if (out->count)
        return true;
    sv_faces_free(out);
    sv_refuse(r, 422, 28, "no face is found on %s", name);
    return false;
}

static json_t *pair_json(const sl_rule *rule, const sl_score *s, float hidden)
{
    const sl_decision decision = sl_rule_decide(rule, s->score, s->stage1, hidden);
    json_t *object = json_pack("{s:s,s:o,s:o,s:o}", "decision", sl_decision_name(decision), "score",
                               sv_rounded(s->score, 6), "stage1", sv_rounded(s->stage1, 6), "stage2",
                               sv_rounded(s->stage2, 6));
    sv_add_judgement(object, rule, hidden);
    return object;
}

static bool pair_rule(sv_request *r, sl_rule *rule)
{
    *rule = r->server->pair_rule;
    return ask_rule(r, NULL, &r->server->pair_match, rule);
}

void sv_own_verify(sv_request *r, sl_session *session)
{
    sv_faces a, b;
    sl_rule rule;
    sl_score score;
    sl_error err = {0};
    float hidden;
    if (!pair_rule(r, &rule) || !main_face(r, session, "image_a", &a))
        return;
    if (main_face(r, session, "image_b", &b)) {
        if (sv_compare(r->server, a.items[0].t, b.items[0].t, &score, &hidden, &err) == SL_OK) {
            json_t *object = pair_json(&rule, &score, hidden);
            json_object_set_new(object, "faces",
                                json_pack("[o,o]", face_json(&a.items[0].face), face_json(&b.items[0].face)));
            sv_reply_json(r, 200, object);
        } else {
            sv_refuse_error(r, &err);
        }
        sv_faces_free(&b);
    }
    sv_faces_free(&a);
}

/* The person's face with the best score. */
static bool best_of_person(sv_request *r, const sv_view *view, const char *person, const sl_template *query,
                           size_t *best, sl_score *score, float *hidden)
{
    sl_error err = {0};
    const sv_person *found = sv_find_person(view, person);
    *score = (sl_score){.score = -INFINITY};
    if (!found)
        sv_refuse(r, 404, 0, "nobody with a face is called %s here", person);
    for (size_t i = 0; found && i < found->faces && !r->reply.status; i++) {
        sl_template *t = NULL;
        sl_score one;
        float covered;
        if (sl_gallery_template(view->gallery, found->own[i], &t, &err) != SL_OK ||
            sv_compare(r->server, query, t, &one, &covered, &err) != SL_OK)
            sv_refuse_error(r, &err);
        else if (one.score > score->score)
            *score = one, *hidden = covered, *best = found->own[i];
        sl_template_free(t);
    }
    return !r->reply.status;
}

void sv_own_verify_person(sv_request *r, sl_session *session)
{
    char hold[512];
    sv_faces faces;
    sl_rule rule;
    sl_score score;
    float hidden = NAN;
    size_t best = 0;
    const char *person = sv_ask(r, "person", hold);
    sv_place *place = sv_named_gallery(r);
    if (!place || !pair_rule(r, &rule))
        return;
    if (!person) {
        sv_refuse(r, 400, 0, "the person is missing");
        return;
    }
    if (!main_face(r, session, "image", &faces))
        return;
    const sv_view *view = sv_hub_view(place);
    if (best_of_person(r, view, person, faces.items[0].t, &best, &score, &hidden)) {
        char uuid[37];
        sl_entry entry = {0};
        sl_gallery_entry(view->gallery, best, &entry, NULL);
        sv_face_uuid(entry.image ? entry.image : "", uuid);
        json_t *object = pair_json(&rule, &score, hidden);
        json_object_set_new(object, "person", sv_text(person));
        json_object_set_new(object, "face", json_string(uuid));
        sv_reply_json(r, 200, object);
    }
    sv_view_release(view);
    sv_faces_free(&faces);
}
