/* Adding, replacing, removing, restoring, committing: what is the same for every kind of gallery. */
#include <string.h>

#include "gallery/find.h"
#include "gallery/naming.h"
#include "gallery/new_face.h"
#include "gallery/person_notes.h"

static sl_status check_writable(const sl_gallery *g, sl_error *err)
{
    if (!g->writable)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: the gallery was opened for reading: open it for writing",
                       g->place);
    if (g->broken)
        return sl_fail(err, SL_ERR_IO,
                       "%s: %s; what was committed before is safe. Close the gallery and open it again", g->place,
                       g->broken);
    return SL_OK;
}

/* ---- adding ---- */

/* The id must be free, but for the faces old [count]. */
static sl_status check_free(const sl_gallery *g, const char *image, const size_t *old, size_t count, sl_error *err)
{
    size_t found;
    sl_entry entry;
    sl_status status = g->kind->find(g, image, &found, err);
    if (status == SL_ERR_NOT_FOUND)
        return SL_OK;
    SL_TRY(status);
    for (size_t i = 0; i < count; i++)
        if (old[i] == found)
            return SL_OK;
    SL_TRY(g->kind->entry(g, found, &entry, err));
    return sl_fail(err, SL_ERR_EXISTS, "%s: %s is enrolled already, as %s", g->place, image, entry.label);
}

static sl_status add_in_place(sl_gallery *g, const size_t *old, size_t count, const sl_entry *entry,
                              const sl_template *t, const sl_image *crop, sl_error *err)
{
    sl_new_face face;
    sl_entry kept;
    SL_TRY(check_free(g, entry->image, old, count, err));
    SL_TRY(sl_new_face_make(g, entry, t, crop, &kept, &face, err));
    sl_status status = g->kind->replace(g, old, count, &face, err);
    sl_gallery_changed(g);
    sl_new_face_free(&face);
    return status;
}

/* photo: whose faces it replaces, or NULL. */
static sl_status add_spelled(sl_gallery *g, const char *photo, const sl_entry *entry, const sl_template *t,
                             const sl_image *crop, sl_error *err)
{
    size_t old[SL_PHOTO_FACES_MAX], count = 0;
    sl_spelling spelling;
    SL_TRY(check_writable(g, err));
    SL_TRY(sl_spelling_of(entry, &spelling, err));
    const sl_entry *spelled = entry ? &spelling.entry : NULL;
    sl_status status = sl_new_face_check(g, spelled, t, err);
    if (status == SL_OK && photo)
        status = sl_find_photo_faces(g, photo, old, &count, err);
    if (status == SL_OK)
        status = add_in_place(g, old, count, spelled, t, crop, err);
    sl_spelling_free(&spelling);
    return status;
}

sl_status sl_gallery_add(sl_gallery *g, const sl_entry *entry, const sl_template *t, const sl_image *crop,
                         sl_error *err)
{
    return add_spelled(g, NULL, entry, t, crop, err);
}

sl_status sl_gallery_replace(sl_gallery *g, const char *photo, const sl_entry *entry, const sl_template *t,
                             const sl_image *crop, sl_error *err)
{
    SL_TRY(sl_name_check("photo's id", photo, err));
    return add_spelled(g, photo, entry, t, crop, err);
}

/* ---- committing and removing ---- */

sl_status sl_gallery_commit(sl_gallery *g, sl_error *err)
{
    SL_TRY(check_writable(g, err));
    sl_status status = g->kind->commit(g, err);
    if (status != SL_OK)
        sl_gallery_changed(g);
    return status;
}

/* Names as they are asked for, then in form C; those who go by the first that anybody has are removed. */
static sl_status remove_spelled(sl_gallery *g, const char *image, const char *label, size_t *removed, sl_error *err)
{
    const sl_entry asked = {.image = image, .label = label};
    sl_spelling composed;
    SL_TRY(sl_spelling_of(&asked, &composed, err));
    const char *const images[] = {image, composed.image}, *const labels[] = {label, composed.label};
    sl_status status = SL_OK;
    for (int i = 0; i < 2 && (i == 0 || images[i]); i++)
        for (int l = 0; l < 2 && (l == 0 || labels[l]) && status == SL_OK && *removed == 0; l++)
            status = g->kind->remove(g, images[i], labels[l], removed, err);
    sl_spelling_free(&composed);
    return status;
}

sl_status sl_gallery_remove(sl_gallery *g, const char *image, const char *label, size_t *removed, sl_error *err)
{
    size_t count = 0;
    if (removed)
        *removed = 0;
    SL_TRY(check_writable(g, err));
    if (!image && !label)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: sl_gallery_remove needs an image id or a label", g->place);
    SL_TRY(sl_gallery_commit(g, err)); /* so that a failure below undoes the removal only */
    sl_status status = remove_spelled(g, image, label, &count, err);
    if (status != SL_OK)
        sl_gallery_changed(g);
    else if (count)
        sl_gallery_removed(g);
    if (status == SL_OK && removed)
        *removed = count;
    return status;
}

/* ---- restoring ---- */

void sl_gallery_get_mark(const sl_gallery *g, sl_gallery_mark *out)
{
    *out = (sl_gallery_mark){0};
    if (g->kind->mark)
        g->kind->mark(g, out);
}

/* Whom each face that is back is told to. */
typedef struct {
    sl_restored_fn told;
    void *context;
    json_t *names; /* label that is there again: the one that its faces had */
} back;

static void face_is_back(void *context, const char *image, const char *label, const char *before)
{
    const back *b = context;
    if (before && strcmp(before, label) != 0)
        json_object_set_new(b->names, label, json_string(before));
    if (b->told)
        b->told(b->context, image, label);
}

static sl_status restore(sl_gallery *g, const sl_gallery_mark *from, const sl_gallery_mark *to, back *b, size_t *count,
                         sl_error *err)
{
    sl_status status = g->kind->restore(g, from, to, face_is_back, b, count, err);
    sl_gallery_changed(g);
    const sl_status committed = sl_gallery_commit(g, status == SL_OK ? err : NULL);
    status = status == SL_OK ? committed : status;
    return status == SL_OK ? sl_person_notes_return(g, b->names, err) : status;
}

sl_status sl_gallery_restore(sl_gallery *g, const sl_gallery_mark *from, const sl_gallery_mark *to,
                             sl_restored_fn told, void *context, size_t *restored, sl_error *err)
{
    size_t count = 0;
    back b = {.told = told, .context = context};
    if (restored)
        *restored = 0;
    SL_TRY(check_writable(g, err));
    if (!g->kind->restore)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: keeps nothing of what was removed", g->place);
    SL_TRY(sl_gallery_commit(g, err)); /* so that a failure below undoes nothing else */
    b.names = json_object();
    const sl_status status = b.names ? restore(g, from, to, &b, &count, err)
                                     : sl_fail(err, SL_ERR_MEMORY, "%s: no memory to restore", g->place);
    json_decref(b.names);
    if (status == SL_OK && restored)
        *restored = count;
    return status;
}
