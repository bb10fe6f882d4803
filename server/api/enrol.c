/* Changes. */
#define _GNU_SOURCE
#include "api/enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/resume.h"
#include "server.h"
#include "store/durable.h"

typedef struct task {
    sv_change change; /* first: the hub gives it back */
    sv_request *r;
    sv_place *place;
    char *label, *image, *to;
    char **images;
    size_t count; /* of what was changed */
    bool all;

    bool replace;
    json_t *metadata;
    sv_face face;
    unsigned char photo_sha256[32];

    sv_after after;
} task;

static void drop(task *t)
{
    for (size_t i = 0; t->images && t->images[i]; i++)
        free(t->images[i]);
    free(t->images);
    free(t->label);
    free(t->image);
    free(t->to);
    if (t->after.drop)
        t->after.drop(t->after.context);
    sl_template_free(t->face.t);
    sl_image_free(&t->face.crop);
    json_decref(t->metadata);
    free(t);
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static task *begin(sv_request *r, sv_place *place, const char *image, const char *label, const sv_after *after)
{
    task *t = calloc(1, sizeof *t);
    if (t)
        *t = (task){.r = r, .place = place, .label = copy(label), .image = copy(image), .after = *after};
    if (t && (t->label || !label) && (t->image || !image))
        return t;
    if (t)
        drop(t);
    else if (after->drop)
        after->drop(after->context);
    sv_refuse(r, 500, 41, "no memory");
    return NULL;
}

typedef struct {
    sv_place *place;
    const sv_view *view;
} place_view;

static bool is_there_still(void *context, sv_metadata_kind kind, const char *name)
{
    const place_view *p = context;
    size_t i;
    return kind == SV_OF_PERSON ? sv_has_person(p->place, p->view, name)
                                : sl_gallery_find(p->view->gallery, name, &i, NULL) == SL_OK;
}

/* What is known of faces and people who are gone goes too. */
static sl_status sweep_metadata(sv_place *place, sl_error *err)
{
    place_view p = {place, sv_hub_view(place)};
    const sl_status status = sv_metadata_sweep(sv_place_metadata(place), is_there_still, &p, err);
    sv_view_release(p.view);
    return status;
}

/* The reply, on the gallery's thread. */
static void finish(task *t, const sl_error *result, const char *action, json_t *more)
{
    sv_request *r = t->r;
    sl_error err = *result;
    if (err.status == SL_OK)
        err.status = sweep_metadata(t->place, &err);
    if (err.status != SL_OK)
        sv_refuse_error(r, &err);
    else if (sv_note(r, action, sv_place_name(t->place), t->label, json_incref(more)))
        t->after.told(r, t->count, t->after.context);
    json_decref(more);
    drop(t);
    sv_resume(r);
}

/* ---- enrolling ---- */

static sl_status add(sv_change *change, sl_gallery *g, sl_error *err)
{
    task *t = (task *)change;
    const sl_entry entry = {.label = t->label,
                            .image = t->image,
                            .box = t->face.face.box,
                            .quality = t->face.face.quality,
                            .photo_sha256 = t->photo_sha256};
    const sl_image *crop = t->face.crop.pixels ? &t->face.crop : NULL;
    return t->replace ? sl_gallery_replace(g, t->image, &entry, t->face.t, crop, err)
                      : sl_gallery_add(g, &entry, t->face.t, crop, err);
}

/* The same picture of the same person under the same id, once more: it is there. */
static bool is_there(const task *t)
{
    const sv_view *view = sv_hub_view(t->place);
    sl_entry entry;
    size_t i;
    const bool there = sl_gallery_find(view->gallery, t->image, &i, NULL) == SL_OK &&
                       sl_gallery_entry(view->gallery, i, &entry, NULL) == SL_OK && entry.photo_sha256 &&
                       memcmp(entry.photo_sha256, t->photo_sha256, 32) == 0 && strcmp(entry.label, t->label) == 0;
    sv_view_release(view);
    return there;
}

static json_t *face_json(const task *t)
{
    char uuid[37];
    sv_face_uuid(t->image, uuid);
    if (t->r->route->style == SV_STYLE_COMPREFACE)
        return json_pack("{s:s,s:o}", "image_id", uuid, "subject", sv_text(t->label));
    if (t->r->route->style == SV_STYLE_DEEPSTACK)
        return json_pack("{s:b,s:s}", "success", 1, "message", "face added");
    const sl_quality *q = &t->face.face.quality;
    return json_pack("{s:s,s:o,s:o,s:o}", "id", uuid, "image", sv_text(t->image), "person", sv_text(t->label),
                     "quality", sv_rounded(q->overall, 4));
}

static void added(sv_change *change, const sl_error *result)
{
    task *t = (task *)change;
    sv_request *r = t->r;
    sl_error outcome = *result;
    if (outcome.status == SL_ERR_EXISTS && is_there(t))
        outcome = (sl_error){0};
    if (outcome.status == SL_OK)
        sv_place_forget_person(t->place, t->label, NULL); /* the face keeps the name */
    if (outcome.status == SL_OK && t->metadata)
        outcome.status = sv_metadata_set(sv_place_metadata(t->place), SV_OF_FACE, t->image, json_incref(t->metadata),
                                         &outcome);
    if (outcome.status != SL_OK) {
        sv_refuse_error(r, &outcome);
    } else if (sv_note(r, "enrol", sv_place_name(t->place), t->label, json_pack("{s:o}", "image", sv_text(t->image)))) {
        atomic_fetch_add(&r->server->metrics.enrolled, 1);
        sv_reply_json(r, r->route->style == SV_STYLE_DEEPSTACK ? 200 : 201, face_json(t));
    }
    drop(t);
    sv_resume(r);
}

/* A new id; of a request that may come again, always the same. */
static void name_face(const sv_request *r, char out[37])
{
    char text[600];
    if (!r->idempotency || strlen(r->idempotency) > 512) {
        sv_new_uuid(out);
        return;
    }
    snprintf(text, sizeof text, "%s/%s", r->key.id, r->idempotency);
    sv_face_uuid(text, out);
}

void sv_enrol(sv_request *r, const sv_enrol_options *how, sv_faces *faces)
{
    char fresh[37];
    name_face(r, fresh);
    task *t = begin(r, how->place, how->image ? how->image : fresh, how->label, &(sv_after){0});
    if (!t)
        return;
    t->face = faces->items[0];
    faces->items[0].t = NULL;
    faces->items[0].crop = (sl_image){0};
    if (!r->server->config.keep_crops)
        sl_image_free(&t->face.crop);
    memcpy(t->photo_sha256, faces->photo_sha256, sizeof t->photo_sha256);
    t->replace = how->replace;
    t->metadata = json_incref(how->metadata);
    t->change.apply = add;
    t->change.done = added;
    r->place = how->place;
    r->change = &t->change;
}

/* ---- removing ---- */

/* All people, one after the other. */
static sl_status remove_everybody(sl_gallery *g, size_t *count, sl_error *err)
{
    sl_status status = SL_OK;
    while (status == SL_OK && sl_gallery_size(g) > 0) {
        sl_entry entry;
        size_t removed = 0;
        status = sl_gallery_entry(g, 0, &entry, err);
        char *label = status == SL_OK ? strdup(entry.label) : NULL;
        if (label)
            status = sl_gallery_remove(g, NULL, label, &removed, err);
        else if (status == SL_OK)
            status = sv_fail(err, SL_ERR_MEMORY, "no memory");
        *count += removed;
        free(label);
    }
    return status;
}

static sl_status remove_faces(sv_change *change, sl_gallery *g, sl_error *err)
{
    task *t = (task *)change;
    t->count = 0;
    if (t->all)
        return remove_everybody(g, &t->count, err);
    if (!t->images)
        return sl_gallery_remove(g, t->image, t->label, &t->count, err);
    sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && t->images[i]; i++) {
        size_t removed;
        status = sl_gallery_remove(g, t->images[i], NULL, &removed, err);
        t->count += removed;
    }
    return status;
}

static void removed(sv_change *change, const sl_error *result)
{
    task *t = (task *)change;
    json_t *more = json_pack("{s:I}", "faces", (json_int_t)t->count);
    if (t->image)
        json_object_set_new(more, "image", sv_text(t->image));
    finish(t, result, t->all ? "erase" : "remove", more);
}

static void send_change(task *t, sl_status (*apply)(sv_change *, sl_gallery *, sl_error *),
                        void (*done)(sv_change *, const sl_error *))
{
    t->change.apply = apply;
    t->change.done = done;
    t->r->place = t->place;
    t->r->change = &t->change;
}

void sv_remove(sv_request *r, sv_place *place, const char *image, const char *label, const sv_after *after)
{
    task *t = begin(r, place, image, label, after);
    if (!t)
        return;
    t->all = !image && !label;
    send_change(t, remove_faces, removed);
}

void sv_remove_all(sv_request *r, sv_place *place, char **images, const sv_after *after)
{
    task *t = begin(r, place, NULL, NULL, after);
    if (t) {
        t->images = images;
        send_change(t, remove_faces, removed);
        return;
    }
    for (size_t i = 0; images && images[i]; i++)
        free(images[i]);
    free(images);
}

/* ---- renaming ---- */

static sl_status rename_person(sv_change *change, sl_gallery *g, sl_error *err)
{
    task *t = (task *)change;
    return sl_gallery_rename(g, t->label, t->to, &t->count, err);
}

static void renamed(sv_change *change, const sl_error *result)
{
    task *t = (task *)change;
    sl_error outcome = *result;
    if (outcome.status == SL_OK && sv_place_noted(t->place, t->label)) { /* of a person without faces, the name alone */
        outcome.status = t->count ? SL_OK : sv_place_note_person(t->place, t->to, &outcome);
        if (outcome.status == SL_OK)
            outcome.status = sv_place_forget_person(t->place, t->label, &outcome);
    }
    if (outcome.status == SL_OK)
        outcome.status = sv_metadata_rename(sv_place_metadata(t->place), t->label, t->to, &outcome);
    finish(t, &outcome, "rename", json_pack("{s:o,s:I}", "to", sv_text(t->to), "faces", (json_int_t)t->count));
}

void sv_rename(sv_request *r, sv_place *place, const char *from, const char *to, const sv_after *after)
{
    task *t = begin(r, place, NULL, from, after);
    if (!t)
        return;
    t->to = strdup(to);
    send_change(t, rename_person, renamed);
}
