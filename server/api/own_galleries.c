/* Galleries, people, faces. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "api/own.h"
#include "http/access.h"
#include "server.h"

/* ---- galleries ---- */

static json_t *gallery_json(sv_place *place)
{
    sl_gallery_info info;
    const sv_view *view = sv_hub_view(place);
    sl_gallery_get_info(view->gallery, &info);
    json_t *object = json_pack("{s:s,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:s}", "name", sv_place_name(place), "faces",
                               (json_int_t)info.faces, "people", (json_int_t)info.labels, "removed",
                               (json_int_t)info.removed, "bytes", (json_int_t)info.bytes, "model", info.model,
                               "fingerprint", info.fingerprint, "patches", sl_patches_name(info.patches), "rerank",
                               sl_rerank_name(view->match.rerank));
    json_object_set_new(object, "rule", sv_rule_json(&view->rule));
    sv_view_release(view);
    return object;
}

void sv_own_galleries(sv_request *r, sl_session *session)
{
    (void)session;
    size_t count;
    char **names = sv_hub_names(r->server->hub, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        sv_place *place = strcmp(r->key.gallery, "*") == 0 || strcmp(r->key.gallery, names[i]) == 0
                              ? sv_hub_find(r->server->hub, names[i])
                              : NULL;
        if (place)
            json_array_append_new(list, gallery_json(place));
    }
    free(names);
    sv_reply_json(r, 200, json_pack("{s:o}", "galleries", list));
}

void sv_own_gallery_create(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    sl_error err = {0};
    const char *name = sv_ask(r, "name", hold);
    if (!name)
        sv_refuse(r, 400, 0, "the name is missing");
    else if (!sv_allowed(r, SV_ADMIN, name))
        return;
    else if (sv_hub_create(r->server->hub, name, &err) != SL_OK)
        sv_refuse_error(r, &err);
    else if (sv_note(r, "gallery", name, NULL, NULL))
        sv_reply_json(r, 201, gallery_json(sv_hub_find(r->server->hub, name)));
}

void sv_own_gallery(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place = sv_named_gallery(r);
    if (place)
        sv_reply_json(r, 200, gallery_json(place));
}

void sv_own_gallery_erase(sv_request *r, sl_session *session)
{
    (void)session;
    sl_error err = {0};
    sv_place *place = sv_named_gallery(r);
    if (!place)
        return;
    if (sv_hub_erase(r->server->hub, r->args[0], &err) != SL_OK)
        sv_refuse_error(r, &err);
    else if (sv_note(r, "gallery-erased", r->args[0], NULL, NULL))
        sv_reply_fixed(r, 204, NULL, "", 0);
}

/* ---- people ---- */

static void add_metadata(json_t *object, sv_place *place, sv_metadata_kind kind, const char *name)
{
    json_t *metadata = sv_metadata_get(sv_place_metadata(place), kind, name);
    if (metadata)
        json_object_set_new(object, "metadata", metadata);
}

typedef struct {
    sv_place *place;
    const sv_view *view;
    char **labels; /* [count] those asked for */
    size_t count;
} people_page;

/* With the face that shows the person best. */
static json_t *person_json(void *context, size_t i)
{
    const people_page *p = context;
    const sv_person *person = sv_find_person(p->view, p->labels[i]);
    const size_t faces = person ? person->faces : 0;
    sl_entry entry, best = {.quality = {.overall = -1}};
    for (size_t k = 0; k < faces; k++)
        if (sl_gallery_entry(p->view->gallery, person->own[k], &entry, NULL) == SL_OK &&
            entry.quality.overall > best.quality.overall)
            best = entry;
    char uuid[37] = "";
    if (best.image)
        sv_face_uuid(best.image, uuid);
    json_t *object =
        json_pack("{s:o,s:I,s:s,s:o,s:b}", "name", sv_text(p->labels[i]), "faces", (json_int_t)faces, "face", uuid,
                  "quality", best.image ? sv_rounded(best.quality.overall, 4) : json_null(), "crop", best.has_crop);
    add_metadata(object, p->place, SV_OF_PERSON, p->labels[i]);
    return object;
}

void sv_own_people(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    const char *q = sv_ask(r, "q", hold);
    people_page p = {.place = sv_named_gallery(r)};
    if (!p.place)
        return;
    size_t all;
    p.view = sv_hub_view(p.place);
    p.labels = sv_place_labels(p.place, p.view, &all);
    for (size_t i = 0; i < all; i++)
        if (!q || !*q || strcasestr(p.labels[i], q))
            p.labels[p.count++] = p.labels[i];
    sv_reply_page(r, p.count, person_json, &p);
    free(p.labels);
    sv_view_release(p.view);
}

static bool find_person(sv_request *r, sv_place *place, const char *name)
{
    const sv_view *view = sv_hub_view(place);
    const bool there = sv_has_person(place, view, name);
    sv_view_release(view);
    if (!there)
        sv_refuse(r, 404, 0, "nobody is called %s here", name);
    return there;
}

/* undo: what takes it back, where there is anything. */
static void told_count(sv_request *r, size_t count, void *context)
{
    (void)context;
    sv_reply_json(r, 200, json_pack("{s:I,s:s*}", "faces", (json_int_t)count, "undo", *r->undo ? r->undo : NULL));
}

void sv_own_undo(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    const char *undo = sv_ask(r, "undo", hold);
    sv_place *place = sv_named_gallery(r);
    if (place)
        sv_undo(r, place, undo, &(sv_after){.told = told_count});
}

void sv_own_person_rename(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    const char *to = sv_ask(r, "to", hold);
    sv_place *place = sv_named_gallery(r);
    if (place && !to)
        sv_refuse(r, 400, 0, "the new name is missing: to");
    else if (place && find_person(r, place, r->args[1]))
        sv_rename(r, place, r->args[1], to, &(sv_after){.told = told_count});
}

static void told_person_gone(sv_request *r, size_t count, void *place)
{
    sl_error err;
    if (sv_place_forget_person(place, r->args[1], &err) != SL_OK)
        sv_refuse_error(r, &err);
    else
        told_count(r, count, NULL);
}

void sv_own_person_remove(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place = sv_named_gallery(r);
    if (place && find_person(r, place, r->args[1]))
        sv_remove(r, place, NULL, r->args[1], &(sv_after){.told = told_person_gone, .context = place});
}

/* ---- faces ---- */

static json_t *entry_json(sv_place *place, const sl_entry *e)
{
    char uuid[37];
    sv_face_uuid(e->image, uuid);
    json_t *object =
        json_pack("{s:s,s:o,s:o,s:o,s:o,s:b}", "id", uuid, "image", sv_text(e->image), "person", sv_text(e->label),
                  "box", sv_box_json(&e->box), "quality", sv_quality_json(&e->quality), "crop", e->has_crop);
    add_metadata(object, place, SV_OF_FACE, e->image);
    return object;
}

typedef struct {
    sv_place *place;
    const sl_gallery *gallery;
    const sv_person *person; /* NULL: all */
} faces_page;

static json_t *face_json(void *context, size_t i)
{
    const faces_page *p = context;
    sl_entry entry;
    const size_t face = p->person ? p->person->own[i] : i;
    return sl_gallery_entry(p->gallery, face, &entry, NULL) == SL_OK ? entry_json(p->place, &entry) : json_null();
}

void sv_own_faces(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[512];
    const char *label = sv_ask(r, "person", hold);
    sv_place *place = sv_named_gallery(r);
    if (!place)
        return;
    const sv_view *view = sv_hub_view(place);
    const bool of_one = label && *label;
    const sv_person *person = of_one ? sv_find_person(view, label) : NULL;
    const size_t total = !of_one ? sl_gallery_size(view->gallery) : person ? person->faces : 0;
    sv_reply_page(r, total, face_json, &(faces_page){place, view->gallery, person});
    sv_view_release(view);
}

/* Is the face good enough, and alone where that was asked for? */
static bool check_face(sv_request *r, const sv_faces *faces)
{
    const sl_face *f = faces->count ? &faces->items[0].face : NULL;
    if (!f)
        sv_refuse(r, 422, 28, "no face is found on the photo");
    else if (f->rivals && sv_ask_bool(r, "one_face", false))
        sv_refuse(r, 422, 31, "the photo shows %d faces that are about as large: cut it to the one that is meant",
                  f->rivals + 1);
    else if (f->quality.overall < r->server->config.min_quality)
        sv_refuse(r, 422, 0,
                  "the face is of too low quality (%.3f, at least %.3f is asked: size %.2f, sharpness %.2f, pose "
                  "%.2f, detector %.2f)",
                  (double)f->quality.overall, (double)r->server->config.min_quality, (double)f->quality.size,
                  (double)f->quality.sharpness, (double)f->quality.pose, (double)f->quality.detector);
    return !r->reply.status;
}

/* As a member of the JSON body, or a field of the form; NULL where there is none. */
static bool ask_metadata(sv_request *r, json_t **out)
{
    const sv_part *part = sv_parts_find(&r->parts, "metadata");
    *out = part ? json_loadb((const char *)part->data, part->size, JSON_REJECT_DUPLICATES, NULL)
                : json_incref(json_object_get(r->json, "metadata"));
    const bool asked = part || json_object_get(r->json, "metadata");
    if (asked && (!json_is_object(*out) || json_dumpb(*out, NULL, 0, JSON_COMPACT) > SV_METADATA_MAX))
        sv_refuse(r, 400, 0, "metadata is a JSON object of %d bytes at most", SV_METADATA_MAX);
    return !r->reply.status;
}

void sv_own_face_add(sv_request *r, sl_session *session)
{
    char hold[512], id_hold[512];
    const char *person = sv_ask(r, "person", hold), *id = sv_ask(r, "id", id_hold);
    sv_faces faces;
    sv_place *place = sv_named_gallery(r);
    const sv_look_options how = {.name = "image", .embed = true, .crops = true, .main_face = true,
                                 .aligned = sv_ask_bool(r, "aligned", false)};
    if (!place)
        return;
    if (!person || !*person) {
        sv_refuse(r, 400, 0, "the person is missing");
        return;
    }
    if (!sv_look(r, session, &how, &faces))
        return;
    json_t *metadata = NULL;
    if (check_face(r, &faces) && ask_metadata(r, &metadata))
        sv_enrol(r, &(sv_enrol_options){.place = place, .label = person, .image = id && *id ? id : NULL,
                                        .metadata = metadata, .replace = id && *id && sv_ask_bool(r, "replace", false)},
                 &faces, 1);
    json_decref(metadata);
    sv_faces_free(&faces);
}

static bool find_face(sv_request *r, const sv_view *view, size_t *i, sl_entry *entry)
{
    sl_error err = {0};
    sl_status status = sv_find_face(view->gallery, r->args[1], i, &err);
    if (status == SL_OK)
        status = sl_gallery_entry(view->gallery, *i, entry, &err);
    if (status != SL_OK)
        sv_refuse_error(r, &err);
    return status == SL_OK;
}

/* What is done with the face that the address names: `i` of the view. */
typedef void (*face_fn)(sv_request *r, sv_place *place, const sv_view *view, size_t i, const sl_entry *entry);

static void with_face(sv_request *r, face_fn act)
{
    sv_place *place = sv_named_gallery(r);
    const sv_view *view = place ? sv_hub_view(place) : NULL;
    sl_entry entry;
    size_t i;
    if (view && find_face(r, view, &i, &entry))
        act(r, place, view, i, &entry);
    sv_view_release(view);
}

static void tell_face(sv_request *r, sv_place *place, const sv_view *view, size_t i, const sl_entry *entry)
{
    (void)view, (void)i;
    sv_reply_json(r, 200, entry_json(place, entry));
}

void sv_own_face(sv_request *r, sl_session *session)
{
    (void)session;
    with_face(r, tell_face);
}

static void give_crop(sv_request *r, sv_place *place, const sv_view *view, size_t i, const sl_entry *entry)
{
    (void)place, (void)entry;
    sl_error err = {0};
    uint8_t *jpeg;
    size_t size;
    if (sv_crop_jpeg(view->gallery, i, &jpeg, &size, &err) == SL_OK)
        sv_reply_bytes(r, 200, "image/jpeg", jpeg, size);
    else
        sv_refuse_error(r, &err);
}

void sv_own_face_crop(sv_request *r, sl_session *session)
{
    (void)session;
    with_face(r, give_crop);
}

static void remove_face(sv_request *r, sv_place *place, const sv_view *view, size_t i, const sl_entry *entry)
{
    (void)view, (void)i;
    sv_remove(r, place, entry->image, entry->label, &(sv_after){.told = told_count});
}

void sv_own_face_remove(sv_request *r, sl_session *session)
{
    (void)session;
    with_face(r, remove_face);
}

/* ---- metadata ---- */

static void set_metadata(sv_request *r, sv_place *place, sv_metadata_kind kind, const char *name)
{
    sl_error err = {0};
    const bool forget = strcmp(r->method, "DELETE") == 0;
    if (!forget && !r->json)
        sv_refuse(r, 400, 0, "the body is a JSON object");
    else if (sv_metadata_set(sv_place_metadata(place), kind, name, forget ? NULL : json_incref(r->json), &err) != SL_OK)
        sv_refuse_error(r, &err);
    else if (sv_note(r, "metadata", sv_place_name(place), kind == SV_OF_PERSON ? name : NULL,
                     kind == SV_OF_FACE ? json_pack("{s:o}", "image", sv_text(name)) : NULL))
        sv_reply_fixed(r, 204, NULL, "", 0);
}

static void set_face_metadata(sv_request *r, sv_place *place, const sv_view *view, size_t i, const sl_entry *entry)
{
    (void)view, (void)i;
    set_metadata(r, place, SV_OF_FACE, entry->image);
}

void sv_own_face_metadata(sv_request *r, sl_session *session)
{
    (void)session;
    with_face(r, set_face_metadata);
}

void sv_own_person_metadata(sv_request *r, sl_session *session)
{
    (void)session;
    sv_place *place = sv_named_gallery(r);
    if (place && find_person(r, place, r->args[1]))
        set_metadata(r, place, SV_OF_PERSON, r->args[1]);
}
