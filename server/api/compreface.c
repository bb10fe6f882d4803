/* CompreFace's REST API, as its clients use it: recognition, detection, verification. The key names the gallery. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/enrol.h"
#include "api/api_faces.h"
#include "http/access.h"
#include "server.h"

enum { SUBJECT_MAX = 50, PAGE_MAX = 1000 };

/* ---- a face ---- */

static json_t *box_json(const sl_face *f)
{
    return json_pack("{s:o,s:i,s:i,s:i,s:i}", "probability", sv_rounded(f->score, 5), "x_min", (int)lroundf(f->box.x0),
                     "y_min", (int)lroundf(f->box.y0), "x_max", (int)lroundf(f->box.x1), "y_max",
                     (int)lroundf(f->box.y1));
}

static json_t *embedding_json(const sl_template *t)
{
    int dim;
    const float *v = sl_template_embedding(t, &dim);
    json_t *list = json_array();
    for (int i = 0; i < dim; i++)
        json_array_append_new(list, json_real(v[i]));
    return list;
}

static json_t *face_json(sv_request *r, const sv_faces *faces, size_t i)
{
    const sv_face *f = &faces->items[i];
    json_t *object = json_pack("{s:o}", "box", box_json(&f->face));
    if (sv_ask_listed(r, "face_plugins", "landmarks")) {
        json_t *points = json_array();
        for (int k = 0; k < 5; k++)
            json_array_append_new(points, json_pack("[i,i]", (int)lroundf(f->face.points[k].x),
                                                    (int)lroundf(f->face.points[k].y)));
        json_object_set_new(object, "landmarks", points);
    }
    if (sv_ask_listed(r, "face_plugins", "calculator") && f->t)
        json_object_set_new(object, "embedding", embedding_json(f->t));
    if (sv_ask_bool(r, "status", false))
        json_object_set_new(object, "execution_time",
                            json_pack("{s:o,s:o}", "detector", sv_rounded(faces->detect_ms, 1), "calculator",
                                      sv_rounded(faces->embed_ms, 1)));
    return object;
}

/* Takes the list; names what made it where the client asks for the status. */
static void reply_result(sv_request *r, json_t *list)
{
    json_t *document = json_pack("{s:o}", "result", list);
    if (sv_ask_bool(r, "status", false))
        json_object_set_new(
            document, "plugins_versions",
            json_pack("{s:s,s:s}", "detector",
                      r->server->config.engine.detector ? r->server->config.engine.detector : SL_DEFAULT_DETECTOR,
                      "calculator", sl_engine_model(r->server->engine)->name));
    sv_reply_json(r, 200, document);
}

static sv_look_options look_of(sv_request *r, const char *name, bool embed)
{
    return (sv_look_options){.name = name, .embed = embed, .threshold = sv_ask_number(r, "det_prob_threshold", 0, 1, 0),
                             .limit = (int)sv_ask_number(r, "limit", 0, 1000, 0),
                             .aligned = !sv_ask_bool(r, "detect_faces", true)};
}

/* The faces of a picture; no face is refused. */
static bool look(sv_request *r, sl_session *session, const sv_look_options *how, sv_faces *out)
{
    if (!sv_look(r, session, how, out))
        return false;
    if (out->count)
        return true;
    sv_faces_free(out);
    sv_refuse(r, 400, 28, "No face is found in the given image");
    return false;
}

/* ---- subjects ---- */

static bool check_subject(sv_request *r, const char *subject)
{
    size_t letters = 0;
    for (const char *c = subject; c && *c; c++)
        letters += ((unsigned char)*c & 0xc0) != 0x80;
    if (!subject)
        sv_refuse(r, 400, 33, "the parameter subject is missing");
    else if (letters < 1 || letters > SUBJECT_MAX || strpbrk(subject, ";/\\"))
        sv_refuse(r, 400, 26, "a subject has 1 to %d characters, none of ; / \\", SUBJECT_MAX);
    return !r->reply.status;
}

static bool allow(sv_request *r, sv_place **place)
{
    return (*place = sv_home(r)) && sv_allowed(r, r->route->scope, sv_place_name(*place));
}

static void subjects_add(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    sv_place *place;
    sl_error err;
    const char *subject = sv_ask(r, "subject", hold);
    if (!allow(r, &place) || !check_subject(r, subject))
        return;
    const sv_view *view = sv_hub_view(place);
    const bool there = sv_has_person(place, view, subject) || sv_has_twin(place, view, subject);
    sv_view_release(view);
    if (there)
        sv_refuse(r, 400, 43, "Subject %s already exists", subject);
    else if (sv_place_note_person(place, subject, &err) != SL_OK)
        sv_refuse_error(r, &err);
    else if (sv_note(r, "subject", sv_place_name(place), subject, NULL))
        sv_reply_json(r, 201, json_pack("{s:o}", "subject", sv_text(subject)));
}

static void subjects_list(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place;
    size_t count;
    if (!allow(r, &place))
        return;
    const sv_view *view = sv_hub_view(place);
    char **labels = sv_place_labels(place, view, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, sv_text(labels[i]));
    free(labels);
    sv_view_release(view);
    sv_reply_json(r, 200, json_pack("{s:o}", "subjects", list));
}

static bool find_subject(sv_request *r, sv_place *place, const char *subject)
{
    const sv_view *view = sv_hub_view(place);
    const bool there = sv_has_person(place, view, subject);
    sv_view_release(view);
    if (!there)
        sv_refuse(r, 404, 42, "Subject %s is not found", subject);
    return there;
}

static void told_updated(sv_request *r, size_t count, void *context)
{
    (void)count, (void)context;
    sv_reply_json(r, 200, json_pack("{s:b}", "updated", 1));
}

static void subjects_rename(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    sv_place *place;
    const char *to = sv_ask(r, "subject", hold);
    if (!allow(r, &place) || !check_subject(r, to) || !find_subject(r, place, r->args[0]))
        return;
    if (strcmp(r->args[0], to) == 0)
        sv_reply_json(r, 200, json_pack("{s:b}", "updated", 0));
    else
        sv_rename(r, place, r->args[0], to, &(sv_after){.told = told_updated});
}

static void told_subject(sv_request *r, size_t count, void *context)
{
    (void)count;
    sl_error err;
    if (sv_place_forget_person(context, r->args[0], &err) != SL_OK)
        sv_refuse_error(r, &err);
    else
        sv_reply_json(r, 200, json_pack("{s:o}", "subject", sv_text(r->args[0])));
}

static void subjects_remove(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place;
    if (allow(r, &place) && find_subject(r, place, r->args[0]))
        sv_remove(r, place, NULL, r->args[0], &(sv_after){.told = told_subject, .context = place});
}

typedef struct {
    sv_place *place;
    size_t subjects;
} erased;

static void told_subjects(sv_request *r, size_t count, void *context)
{
    erased *e = context;
    sl_error err;
    (void)count;
    if (sv_place_forget_person(e->place, NULL, &err) != SL_OK)
        sv_refuse_error(r, &err);
    else
        sv_reply_json(r, 200, json_pack("{s:I}", "deleted", (json_int_t)e->subjects));
}

static void subjects_erase(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place;
    erased *e = allow(r, &place) ? malloc(sizeof *e) : NULL;
    if (!e)
        return;
    const sv_view *view = sv_hub_view(place);
    char **labels = sv_place_labels(place, view, &e->subjects);
    free(labels);
    sv_view_release(view);
    e->place = place;
    sv_remove(r, place, NULL, NULL, &(sv_after){told_subjects, free, e});
}

/* ---- faces ---- */

static void faces_add(sv_request *r, sl_session *session)
{
    char hold[512];
    sv_place *place;
    sv_faces faces;
    const char *subject = sv_ask(r, "subject", hold);
    sv_look_options how = look_of(r, "file", true);
    how.crops = true;
    how.limit = 2;
    if (!allow(r, &place) || !check_subject(r, subject) || !look(r, session, &how, &faces))
        return;
    if (faces.count > 1)
        sv_refuse(r, 400, 31, "Found more than one face in the given image");
    else
        sv_enrol(r, &(sv_enrol_options){.place = place, .label = subject}, &faces, 1);
    sv_faces_free(&faces);
}

static json_t *entry_json(const sl_entry *entry)
{
    char uuid[37];
    sv_face_uuid(entry->image, uuid);
    return json_pack("{s:s,s:o}", "image_id", uuid, "subject", sv_text(entry->label));
}

static void faces_list(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    sv_place *place;
    const char *subject = sv_ask(r, "subject", hold);
    const size_t page = (size_t)sv_ask_number(r, "page", 0, 1e9, 0),
                 size = (size_t)sv_ask_number(r, "size", 1, PAGE_MAX, 20);
    if (!allow(r, &place))
        return;
    const sv_view *view = sv_hub_view(place);
    const bool of_one = subject && *subject;
    const sv_person *person = of_one ? sv_find_person(view, subject) : NULL;
    const size_t total = !of_one ? sl_gallery_size(view->gallery) : person ? person->faces : 0;
    json_t *list = json_array();
    for (size_t i = page * size; i < total && i < page * size + size; i++) {
        sl_entry entry;
        if (sl_gallery_entry(view->gallery, person ? person->own[i] : i, &entry, NULL) == SL_OK)
            json_array_append_new(list, entry_json(&entry));
    }
    sv_view_release(view);
    sv_reply_json(r, 200,
                  json_pack("{s:o,s:I,s:I,s:I,s:I}", "faces", list, "page_number", (json_int_t)page, "page_size",
                            (json_int_t)json_array_size(list), "total_pages", (json_int_t)((total + size - 1) / size),
                            "total_elements", (json_int_t)total));
}

typedef struct {
    sv_place *place;
    char *subject; /* NULL: all */
} removal;

static void told_deleted(sv_request *r, size_t count, void *context)
{
    removal *gone = context;
    sl_error err;
    if (sv_place_forget_person(gone->place, gone->subject, &err) != SL_OK)
        sv_refuse_error(r, &err);
    else
        sv_reply_json(r, 200, json_pack("{s:I}", "deleted", (json_int_t)count));
}

static void drop_removal(void *context)
{
    free(((removal *)context)->subject);
    free(context);
}

static void faces_remove(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    sv_place *place;
    const char *subject = sv_ask(r, "subject", hold);
    removal *gone = allow(r, &place) ? calloc(1, sizeof *gone) : NULL;
    if (!gone)
        return;
    gone->place = place;
    gone->subject = subject && *subject ? strdup(subject) : NULL;
    sv_remove(r, place, NULL, gone->subject, &(sv_after){told_deleted, drop_removal, gone});
}

/* What a face is, told once it is gone. A person whose last face it was stays a subject. */
static void told_face(sv_request *r, size_t count, void *context)
{
    (void)count;
    sv_reply_json(r, 200, json_incref(context));
}

static void drop_json(void *context)
{
    json_decref(context);
}

static bool find_face(sv_request *r, const sv_view *view, const char *uuid, size_t *i, sl_entry *entry)
{
    sl_error err = {0};
    sl_status status = sv_find_face(view->gallery, uuid, i, &err);
    if (status == SL_OK)
        status = sl_gallery_entry(view->gallery, *i, entry, &err);
    if (status == SL_ERR_NOT_FOUND)
        sv_refuse(r, 404, 44, "Image %s is not found", uuid);
    else if (status != SL_OK)
        sv_refuse_error(r, &err);
    return status == SL_OK;
}

/* Keeps the names of people whose only faces are among those that go. */
static void keep_subject(sv_place *place, const sv_view *view, const char *label)
{
    const sv_person *person = sv_find_person(view, label);
    if (person && person->faces == 1)
        sv_place_note_person(place, label, NULL);
}

static void face_remove(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place;
    sl_entry entry;
    size_t i;
    if (!allow(r, &place))
        return;
    const sv_view *view = sv_hub_view(place);
    if (find_face(r, view, r->args[0], &i, &entry)) {
        keep_subject(place, view, entry.label);
        sv_remove(r, place, entry.image, entry.label, &(sv_after){told_face, drop_json, entry_json(&entry)});
    }
    sv_view_release(view);
}

static void faces_delete(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place;
    const size_t asked = json_array_size(r->json);
    if (!allow(r, &place))
        return;
    if (!json_is_array(r->json)) {
        sv_refuse(r, 400, 26, "the body is no array of image ids");
        return;
    }
    const sv_view *view = sv_hub_view(place);
    char **images = calloc(asked + 1, sizeof *images);
    json_t *told = json_array();
    size_t count = 0;
    for (size_t k = 0; images && k < asked; k++) {
        const char *uuid = json_string_value(json_array_get(r->json, k));
        sl_entry entry;
        size_t i;
        if (!uuid || sv_find_face(view->gallery, uuid, &i, NULL) != SL_OK ||
            sl_gallery_entry(view->gallery, i, &entry, NULL) != SL_OK || !(images[count] = strdup(entry.image)))
            continue;
        count++;
        keep_subject(place, view, entry.label);
        json_array_append_new(told, entry_json(&entry));
    }
    sv_view_release(view);
    sv_remove_all(r, place, images, &(sv_after){told_face, drop_json, told});
}

static void reply_crop(sv_request *r, sv_place *place, const char *uuid)
{
    const sv_view *view = sv_hub_view(place);
    sl_entry entry;
    size_t i, size = 0;
    uint8_t *jpeg = NULL;
    if (find_face(r, view, uuid, &i, &entry)) {
        sv_crop_jpeg(view->gallery, i, &jpeg, &size, NULL); /* nothing where none was kept */
        sv_reply_bytes(r, 200, "application/octet-stream", jpeg, size);
    }
    sv_view_release(view);
}

static void face_image(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place;
    if (allow(r, &place))
        reply_crop(r, place, r->args[0]);
}

/* The key stands in the address, where logs and histories keep it: only where it was switched on. */
static void static_image(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place;
    if (!r->server->config.static_images)
        sv_refuse(r, 404, 0, "pictures are not served by addresses that hold a key (--static-images)");
    else if (sv_authorise(r, r->args[0], SV_READ, NULL) && allow(r, &place))
        reply_crop(r, place, r->args[1]);
}

/* ---- recognition ---- */

static json_t *subjects_json(const sv_view *view, const sl_answer *a)
{
    json_t *list = json_array();
    for (size_t i = 0; i < a->count; i++) {
        const sl_candidate *c = &a->candidates[i];
        json_array_append_new(list, json_pack("{s:o,s:o}", "subject", sv_text(c->label), "similarity",
                                              sv_rounded(sv_similarity(&view->rule, view->rare, c->score, c->stage1,
                                                                       a->hidden), 5)));
    }
    return list;
}

static bool note_answer(sv_request *r, sv_place *place, const sl_answer *a)
{
    const sl_candidate *best = a->count ? a->candidates : NULL;
    atomic_fetch_add(&r->server->metrics.identified, 1);
    if (!r->server->config.audit_searches)
        return true;
    return sv_note(r, "identify", sv_place_name(place), a->decision == SL_MATCH ? best->label : NULL,
                   json_pack("{s:s,s:o,s:o,s:s}", "decision", sl_decision_name(a->decision), "score",
                             best ? sv_rounded(best->score, 6) : json_null(), "threshold", sv_rounded(a->threshold, 6),
                             "fingerprint", sl_engine_fingerprint(r->server->engine)));
}

static void recognize(sv_request *r, sl_session *session)
{
    sv_place *place;
    sv_faces faces;
    sl_error err = {0};
    sv_look_options how = look_of(r, "file", true);
    how.searches = true;
    if (!allow(r, &place) || !look(r, session, &how, &faces))
        return;
    const sv_view *view = sv_hub_view(place);
    const sl_identify_options find = {
        .match = view->match, .top = (int)sv_ask_number(r, "prediction_count", 1, 1000, 1), .rule = &view->rule};
    json_t *list = json_array();
    for (size_t i = 0; i < faces.count && !r->reply.status; i++) {
        sl_answer answer;
        if (sl_identify(r->server->engine, view->gallery, faces.items[i].t, &find, &answer, &err) != SL_OK) {
            sv_refuse_error(r, &err);
        } else if (note_answer(r, place, &answer)) {
            json_t *face = face_json(r, &faces, i);
            json_object_set_new(face, "subjects", subjects_json(view, &answer));
            json_array_append_new(list, face);
        }
        sl_answer_free(&answer);
    }
    sv_view_release(view);
    if (!r->reply.status)
        reply_result(r, json_incref(list));
    json_decref(list);
    sv_faces_free(&faces);
}

static void verify_face(sv_request *r, sl_session *session)
{
    sv_place *place;
    sv_faces faces;
    sl_error err = {0};
    sl_entry entry = {0};
    sl_template *enrolled = NULL;
    size_t at;
    const sv_look_options how = look_of(r, "file", true);
    if (!allow(r, &place) || !look(r, session, &how, &faces))
        return;
    const sv_view *view = sv_hub_view(place);
    if (sv_find_face(view->gallery, r->args[0], &at, NULL) == SL_OK &&
        sl_gallery_entry(view->gallery, at, &entry, NULL) == SL_OK &&
        sl_gallery_template(view->gallery, at, &enrolled, &err) != SL_OK)
        sv_refuse_error(r, &err);
    json_t *list = json_array();
    for (size_t i = 0; i < faces.count && !r->reply.status; i++) {
        double similarity = 0;
        sl_score score;
        float hidden;
        if (enrolled && sv_compare(r->server, faces.items[i].t, enrolled, &score, &hidden, &err) != SL_OK)
            sv_refuse_error(r, &err);
        else if (enrolled)
            similarity = sv_similarity(&r->server->pair_rule, r->server->pair_rare, score.score, score.stage1, hidden);
        json_t *face = face_json(r, &faces, i);
        json_object_set_new(face, "subject", sv_text(enrolled ? entry.label : ""));
        json_object_set_new(face, "similarity", sv_rounded(similarity, 5));
        json_array_append_new(list, face);
    }
    if (!r->reply.status)
        reply_result(r, json_incref(list));
    json_decref(list);
    sl_template_free(enrolled);
    sv_view_release(view);
    sv_faces_free(&faces);
}

/* ---- detection and verification ---- */

static void detect(sv_request *r, sl_session *session)
{
    sv_faces faces;
    const sv_look_options how = look_of(r, "file", sv_ask_listed(r, "face_plugins", "calculator"));
    if (!look(r, session, &how, &faces))
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < faces.count; i++)
        json_array_append_new(list, face_json(r, &faces, i));
    reply_result(r, list);
    sv_faces_free(&faces);
}

static json_t *matches_json(sv_request *r, const sl_template *source, const sv_faces *targets)
{
    json_t *list = json_array();
    sl_error err = {0};
    for (size_t i = 0; i < targets->count && !r->reply.status; i++) {
        sl_score score;
        float hidden;
        if (sv_compare(r->server, source, targets->items[i].t, &score, &hidden, &err) != SL_OK) {
            sv_refuse_error(r, &err);
            break;
        }
        json_t *face = face_json(r, targets, i);
        const double similarity =
            sv_similarity(&r->server->pair_rule, r->server->pair_rare, score.score, score.stage1, hidden);
        json_object_set_new(face, "similarity", sv_rounded(similarity, 5));
        json_array_append_new(list, face);
    }
    return list;
}

static void verify(sv_request *r, sl_session *session)
{
    sv_faces sources, targets;
    sv_look_options how = look_of(r, "source_image", true);
    how.limit = 2;
    if (!look(r, session, &how, &sources))
        return;
    how = look_of(r, "target_image", true);
    if (sources.count > 1) {
        sv_refuse(r, 400, 31, "Found more than one face in the source image");
    } else if (look(r, session, &how, &targets)) {
        json_t *list = matches_json(r, sources.items[0].t, &targets);
        if (!r->reply.status)
            reply_result(
                r, json_pack("[{s:o,s:O}]", "source_image_face", face_json(r, &sources, 0), "face_matches", list));
        json_decref(list);
        sv_faces_free(&targets);
    }
    sv_faces_free(&sources);
}

/* ---- embeddings ---- */

/* Unit length, the caller's; NULL, and refused, where it is no embedding of the engine's. */
static float *embedding_of(sv_request *r, const json_t *list)
{
    const int dim = sl_engine_model(r->server->engine)->embedding_dim;
    float *v = json_array_size(list) == (size_t)dim ? malloc((size_t)dim * sizeof *v) : NULL;
    double square = 0;
    for (int i = 0; v && i < dim; i++) {
        v[i] = (float)json_number_value(json_array_get(list, (size_t)i));
        square += (double)v[i] * v[i];
    }
    if (!v || !(square > 0) || !isfinite(square)) {
        free(v);
        sv_refuse(r, 400, 36, "an embedding is an array of %d numbers, not all of them 0", dim);
        return NULL;
    }
    for (int i = 0; i < dim; i++)
        v[i] = (float)(v[i] / sqrt(square));
    return v;
}

static double cosine(const float *a, const float *b, int dim)
{
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

typedef struct {
    const char *label;
    double similarity;
} scored_label;

static int by_similarity(const void *a, const void *b)
{
    const scored_label *x = a, *y = b;
    return x->similarity < y->similarity ? 1 : x->similarity > y->similarity ? -1 : strcmp(x->label, y->label);
}

/* What a cosine alone is worth: the thresholds of the look that looks no second time. */
static sl_status stage1_rule(sv_request *r, const sl_gallery *gallery, sl_rule *rule, float rare[SL_OCCLUSION_BINS],
                             sl_error *err)
{
    sl_match_options none = sl_match_defaults_of(SL_RERANK_NONE);
    sl_rule strict;
    sl_status status = sl_match_settle(r->server->engine, gallery, &none, err);
    if (status == SL_OK)
        status = sl_rule_default(r->server->engine, gallery, &none, rule, err);
    *rule = sl_rule_given(rule->threshold[0], 1); /* how much was hidden cannot be told of an embedding */
    rare[0] = sl_rule_for_far(r->server->engine, NULL, &none, 1e-6, &strict, NULL) == SL_OK ? strict.threshold[0] : NAN;
    return status;
}

/* The best of each person's faces, best person first. */
static json_t *nearest_json(const sv_view *view, const float *v, const float *bank, size_t top, const sl_rule *rule,
                            const float *rare)
{
    sl_gallery_info info;
    size_t people;
    sl_gallery_get_info(view->gallery, &info);
    const sv_person *person = sv_view_people(view, &people);
    scored_label *scored = calloc(people + 1, sizeof *scored);
    for (size_t p = 0; scored && p < people; p++)
        for (size_t i = 0; i < person[p].faces; i++) {
            const double c = cosine(v, bank + person[p].own[i] * (size_t)info.dim, info.dim);
            if (i == 0 || c > scored[p].similarity)
                scored[p] = (scored_label){person[p].label, c};
        }
    json_t *list = json_array();
    if (scored)
        qsort(scored, people, sizeof *scored, by_similarity);
    for (size_t i = 0; scored && i < people && i < top; i++) {
        const float c = (float)scored[i].similarity;
        json_array_append_new(list, json_pack("{s:o,s:o}", "subject", sv_text(scored[i].label), "similarity",
                                              sv_rounded(sv_similarity(rule, rare, c, c, 0), 5)));
    }
    free(scored);
    return list;
}

static void embeddings_recognize(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place;
    sl_rule rule;
    float rare[SL_OCCLUSION_BINS];
    sl_error err = {0};
    const float *bank;
    const json_t *asked = json_object_get(r->json, "embeddings");
    if (!allow(r, &place))
        return;
    if (!json_is_array(asked)) {
        sv_refuse(r, 400, 37, "the array embeddings is missing");
        return;
    }
    const sv_view *view = sv_hub_view(place);
    json_t *list = json_array();
    if (stage1_rule(r, view->gallery, &rule, rare, &err) != SL_OK ||
        sl_gallery_embeddings(view->gallery, &bank, &err) != SL_OK)
        sv_refuse_error(r, &err);
    for (size_t i = 0; i < json_array_size(asked) && !r->reply.status; i++) {
        float *v = embedding_of(r, json_array_get(asked, i));
        if (v)
            json_array_append_new(
                list, json_pack("{s:O,s:o}", "embedding", json_array_get(asked, i), "similarities",
                                nearest_json(view, v, bank, (size_t)sv_ask_number(r, "prediction_count", 1, 1000, 1),
                                             &rule, rare)));
        free(v);
    }
    sv_view_release(view);
    if (!r->reply.status)
        sv_reply_json(r, 200, json_pack("{s:O}", "result", list));
    json_decref(list);
}

static int by_json_similarity(const void *a, const void *b)
{
    const double x = json_real_value(json_object_get(*(json_t *const *)a, "similarity"));
    const double y = json_real_value(json_object_get(*(json_t *const *)b, "similarity"));
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Each of the embeddings beside one, best first. */
static void compare_embeddings(sv_request *r, const float *one, const json_t *others, const sl_gallery *gallery)
{
    const int dim = sl_engine_model(r->server->engine)->embedding_dim;
    sl_rule rule;
    float rare[SL_OCCLUSION_BINS];
    sl_error err = {0};
    const size_t count = json_array_size(others);
    json_t **items = calloc(count + 1, sizeof *items);
    size_t made = 0;
    if (!items || stage1_rule(r, gallery, &rule, rare, &err) != SL_OK)
        sv_refuse(r, 500, 41, "%s", items ? err.text : "no memory");
    for (size_t i = 0; i < count && !r->reply.status; i++) {
        float *v = embedding_of(r, json_array_get(others, i));
        const float c = v ? (float)cosine(one, v, dim) : 0;
        if (v)
            items[made++] = json_pack("{s:O,s:o}", "embedding", json_array_get(others, i), "similarity",
                                      sv_rounded(sv_similarity(&rule, rare, c, c, 0), 5));
        free(v);
    }
    json_t *list = json_array();
    if (items)
        qsort(items, made, sizeof *items, by_json_similarity);
    for (size_t i = 0; i < made; i++)
        json_array_append_new(list, items[i]);
    free(items);
    if (!r->reply.status)
        sv_reply_json(r, 200, json_pack("{s:O}", "result", list));
    json_decref(list);
}

static void embeddings_verify_face(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place;
    sl_error err = {0};
    size_t i;
    const float *bank;
    if (!allow(r, &place))
        return;
    const sv_view *view = sv_hub_view(place);
    if (sv_find_face(view->gallery, r->args[0], &i, NULL) != SL_OK)
        sv_refuse(r, 404, 44, "Image %s is not found", r->args[0]);
    else if (sl_gallery_embeddings(view->gallery, &bank, &err) != SL_OK)
        sv_refuse_error(r, &err);
    else
        compare_embeddings(r, bank + i * (size_t)sl_engine_model(r->server->engine)->embedding_dim,
                           json_object_get(r->json, "embeddings"), view->gallery);
    sv_view_release(view);
}

static void embeddings_verify(sv_request *r, sl_session *session)
{
    (void)session;
    float *source = embedding_of(r, json_object_get(r->json, "source"));
    if (source)
        compare_embeddings(r, source, json_object_get(r->json, "targets"), NULL);
    free(source);
}

#define ROUTE(method, path, scope, flags, run)                                                                    \
    {method, "/api/v1" path, scope, flags, SV_STYLE_COMPREFACE, run, NULL, NULL}

const sv_route sv_compreface_routes[] = {
    ROUTE("POST", "/recognition/subjects", SV_ENROL, SV_WRITES, subjects_add),
    ROUTE("GET", "/recognition/subjects", SV_READ, 0, subjects_list),
    ROUTE("PUT", "/recognition/subjects/{subject}", SV_ENROL, SV_WRITES, subjects_rename),
    ROUTE("DELETE", "/recognition/subjects/{subject}", SV_ENROL, SV_WRITES, subjects_remove),
    ROUTE("DELETE", "/recognition/subjects", SV_ADMIN, SV_WRITES, subjects_erase),
    ROUTE("POST", "/recognition/faces", SV_ENROL, SV_WRITES, faces_add),
    ROUTE("GET", "/recognition/faces", SV_READ, 0, faces_list),
    ROUTE("DELETE", "/recognition/faces", SV_ENROL, SV_WRITES, faces_remove),
    ROUTE("DELETE", "/recognition/faces/{image}", SV_ENROL, SV_WRITES, face_remove),
    ROUTE("POST", "/recognition/faces/delete", SV_ENROL, SV_WRITES, faces_delete),
    ROUTE("GET", "/recognition/faces/{image}/img", SV_READ, 0, face_image),
    ROUTE("GET", "/static/{key}/images/{image}", SV_READ, SV_KEY_IN_FORM, static_image),
    ROUTE("POST", "/recognition/recognize", SV_READ, 0, recognize),
    ROUTE("POST", "/recognition/faces/{image}/verify", SV_READ, 0, verify_face),
    ROUTE("POST", "/detection/detect", SV_READ, 0, detect),
    ROUTE("POST", "/verification/verify", SV_READ, 0, verify),
    ROUTE("POST", "/recognition/embeddings/recognize", SV_READ, 0, embeddings_recognize),
    ROUTE("POST", "/recognition/embeddings/faces/{image}/verify", SV_READ, 0, embeddings_verify_face),
    ROUTE("POST", "/verification/embeddings/verify", SV_READ, 0, embeddings_verify),
    {0}};
