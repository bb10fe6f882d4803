/* Changes. */
#define _GNU_SOURCE
#include "api/enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/resume.h"
#include "secondlook_serve.h"
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
    struct task *also; /* the next photo's face */

    sl_gallery_mark from, until; /* before and behind the change */
    json_t *back;                /* names of faces that are there again: [[image, label]..] */

    sv_after after;
} task;

static void drop(task *t)
{
    if (t->also)
        drop(t->also);
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
    json_decref(t->back);
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
    if (t->from.commit != t->until.commit)
        snprintf(r->undo, sizeof r->undo, "%llx-%llx-%llx", (unsigned long long)t->from.generation,
                 (unsigned long long)t->from.commit, (unsigned long long)t->until.commit);
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

static sl_status add_face(const task *t, sl_gallery *g, sl_error *err)
{
    const sl_entry entry = {.label = t->label,
                            .image = t->image,
                            .box = t->face.face.box,
                            .quality = t->face.face.quality,
                            .photo_sha256 = t->photo_sha256};
    const sl_image *crop = t->face.crop.pixels ? &t->face.crop : NULL;
    return t->replace ? sl_gallery_replace(g, t->image, &entry, t->face.t, crop, err)
                      : sl_gallery_add(g, &entry, t->face.t, crop, err);
}

static sl_status add(sv_change *change, sl_gallery *g, sl_error *err)
{
    sl_status status = SL_OK;
    for (const task *t = (task *)change; t && status == SL_OK; t = t->also)
        status = add_face(t, g, err);
    return status;
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
        return json_pack("{s:b,s:s}", "success", 1, "message", t->also ? "faces added" : "face added");
    const sl_quality *q = &t->face.face.quality;
    return json_pack("{s:s,s:o,s:o,s:o}", "id", uuid, "image", sv_text(t->image), "person", sv_text(t->label),
                     "quality", sv_rounded(q->overall, 4));
}

static bool note_enrolled(const task *t)
{
    sv_request *r = t->r;
    for (; t; t = t->also) {
        if (!sv_note(r, "enrol", sv_place_name(t->place), t->label, json_pack("{s:o}", "image", sv_text(t->image))))
            return false;
        atomic_fetch_add(&r->server->metrics.enrolled, 1);
    }
    return true;
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
    } else if (note_enrolled(t)) {
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

/* Its first face, to be added. */
static task *begin_photo(sv_request *r, const sv_enrol_options *how, const char *image, sv_faces *faces)
{
    task *t = begin(r, how->place, image, how->label, &(sv_after){0});
    if (!t)
        return NULL;
    t->face = faces->items[0];
    faces->items[0].t = NULL;
    faces->items[0].crop = (sl_image){0};
    if (!r->server->config.keep_crops)
        sl_image_free(&t->face.crop);
    memcpy(t->photo_sha256, faces->photo_sha256, sizeof t->photo_sha256);
    t->replace = how->replace;
    return t;
}

void sv_enrol(sv_request *r, const sv_enrol_options *how, sv_faces *faces, int photos)
{
    task *first = NULL;
    for (int i = photos; i-- > 0;) {
        char fresh[37];
        if (i)
            sv_new_uuid(fresh);
        else
            name_face(r, fresh);
        task *t = begin_photo(r, how, how->image ? how->image : fresh, &faces[i]);
        if (!t) {
            if (first)
                drop(first);
            return;
        }
        t->also = first;
        first = t;
    }
    first->metadata = json_incref(how->metadata);
    first->change.apply = add;
    first->change.done = added;
    r->place = how->place;
    r->change = &first->change;
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

static sl_status remove_asked(task *t, sl_gallery *g, sl_error *err)
{
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

/* Does that between two marks: in commits of its own. */
static sl_status between_marks(task *t, sl_gallery *g, sl_status (*make)(task *, sl_gallery *, sl_error *),
                               sl_error *err)
{
    sl_status status = sl_gallery_commit(g, err);
    sl_gallery_get_mark(g, &t->from);
    if (status == SL_OK)
        status = make(t, g, err);
    sl_gallery_get_mark(g, &t->until);
    return status;
}

static sl_status remove_faces(sv_change *change, sl_gallery *g, sl_error *err)
{
    return between_marks((task *)change, g, remove_asked, err);
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
    t->change.commits = true;
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

static sl_status rename_asked(task *t, sl_gallery *g, sl_error *err)
{
    return sl_gallery_rename(g, t->label, t->to, &t->count, err);
}

static sl_status rename_person(sv_change *change, sl_gallery *g, sl_error *err)
{
    return between_marks((task *)change, g, rename_asked, err);
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

/* ---- taking back ---- */

static void note_back(void *context, const char *image, const char *label)
{
    json_array_append_new(context, json_pack("[o,o]", sv_text(image), sv_text(label)));
}

static sl_status take_back(sv_change *change, sl_gallery *g, sl_error *err)
{
    task *t = (task *)change;
    return sl_gallery_restore(g, &t->from, &t->until, note_back, t->back, &t->count, err);
}

/* Metadata comes back with its faces and people. */
static sl_status recall_metadata(const task *t, sl_error *err)
{
    sv_metadata *m = sv_place_metadata(t->place);
    sl_status status = SL_OK;
    for (size_t i = 0; i < json_array_size(t->back) && status == SL_OK; i++) {
        const json_t *face = json_array_get(t->back, i);
        const char *label = json_string_value(json_array_get(face, 1));
        status = sv_metadata_recall(m, SV_OF_FACE, json_string_value(json_array_get(face, 0)), err);
        if (status == SL_OK)
            status = sv_metadata_recall(m, SV_OF_PERSON, label, err);
        sv_place_forget_person(t->place, label, NULL); /* the face keeps the name */
    }
    return status;
}

static void taken_back(sv_change *change, const sl_error *result)
{
    task *t = (task *)change;
    sl_error outcome = *result;
    if (outcome.status == SL_OK)
        outcome.status = recall_metadata(t, &outcome);
    t->from = t->until; /* there is no undo of an undo */
    finish(t, &outcome, "undo", json_pack("{s:I}", "faces", (json_int_t)t->count));
}

void sv_undo(sv_request *r, sv_place *place, const char *undo, const sv_after *after)
{
    unsigned long long generation, from, to;
    int read = 0;
    if (!undo || sscanf(undo, "%16llx-%16llx-%16llx%n", &generation, &from, &to, &read) != 3 || undo[read]) {
        sv_refuse(r, 400, 0, "undo is what a removal or a new name answered");
        return;
    }
    task *t = begin(r, place, NULL, NULL, after);
    if (!t)
        return;
    t->from = (sl_gallery_mark){generation, from};
    t->until = (sl_gallery_mark){generation, to};
    t->back = json_array();
    send_change(t, take_back, taken_back);
}
