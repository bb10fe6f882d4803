/* People get other names, photos go to other people. A face keeps its bytes: it is written again beside its new label,
 * in its own place. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gallery/find.h"
#include "gallery/kind.h"
#include "gallery/naming.h"
#include "gallery/new_face.h"
#include "gallery/person_notes.h"

/* What a face is, out of the gallery that is about to change. */
typedef struct {
    sl_entry entry;
    char *image;
    uint8_t hash[32], *crop;
    size_t crop_size;
    sl_template *template;
} taken_face;

static void drop(taken_face *f)
{
    free(f->image);
    free(f->crop);
    sl_template_free(f->template);
}

static sl_status take(const sl_gallery *g, size_t i, taken_face *f, sl_error *err)
{
    const uint8_t *jpeg = NULL;
    SL_TRY(sl_gallery_entry(g, i, &f->entry, err));
    SL_TRY(sl_gallery_template(g, i, &f->template, err));
    if (f->entry.has_crop)
        SL_TRY(g->kind->crop(g, i, &jpeg, &f->crop_size, err));
    f->image = sl_strdup(f->entry.image);
    f->crop = jpeg ? malloc(f->crop_size) : NULL;
    if (!f->image || (jpeg && !f->crop))
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for %s", g->place, f->entry.image);
    if (jpeg)
        memcpy(f->crop, jpeg, f->crop_size);
    f->entry.image = f->image;
    if (f->entry.photo_sha256)
        f->entry.photo_sha256 = memcpy(f->hash, f->entry.photo_sha256, sizeof f->hash);
    return SL_OK;
}

static sl_status write_again(sl_gallery *g, size_t i, const taken_face *f, sl_error *err)
{
    sl_new_face face;
    sl_entry kept;
    SL_TRY(sl_new_face_make(g, &f->entry, f->template, NULL, &kept, &face, err));
    kept.has_crop = f->crop != NULL;
    face.crop = f->crop;
    face.crop_size = f->crop_size;
    sl_status status = g->kind->replace(g, &i, 1, &face, err);
    sl_gallery_changed(g);
    return status;
}

static sl_status relabel(sl_gallery *g, size_t i, const char *to, sl_error *err)
{
    taken_face f = {0};
    sl_status status = take(g, i, &f, err);
    f.entry.label = to;
    if (status == SL_OK)
        status = write_again(g, i, &f, err);
    drop(&f);
    return status;
}

/* Faces that are written again are the last ones, and those behind them move up. */
static sl_status relabel_all(sl_gallery *g, const char *from, const char *to, size_t *renamed, sl_error *err)
{
    sl_entry entry;
    size_t left = g->faces, i = 0;
    while (left-- > 0) {
        SL_TRY(g->kind->entry(g, i, &entry, err));
        if (strcmp(entry.label, from) != 0) {
            i++;
            continue;
        }
        SL_TRY(relabel(g, i, to, err));
        ++*renamed;
    }
    return SL_OK;
}

/* Those who go by the name as it is asked for; where nobody does, by its form C. */
static sl_status rename_spelled(sl_gallery *g, const char *from, const char *to, size_t *renamed, sl_error *err)
{
    char *composed = sl_composed(from);
    sl_status status = relabel_all(g, from, to, renamed, err);
    if (status == SL_OK && *renamed == 0 && composed && strcmp(composed, from) != 0)
        status = relabel_all(g, composed, to, renamed, err);
    free(composed);
    return status;
}

/* Changes labels by `change`, and commits what that did; *changed counts faces, 0 on failure. */
typedef sl_status (*change_fn)(sl_gallery *g, const char *what, const char *to, size_t *changed, sl_error *err);

static sl_status change_labels(sl_gallery *g, change_fn change, const char *what, const char *to, size_t *changed,
                               sl_error *err)
{
    size_t count = 0;
    SL_TRY(sl_name_check("label", to, err));
    SL_TRY(sl_gallery_commit(g, err)); /* so that a failure below undoes nothing else; checks that g is writable */
    char *label = sl_composed(to);
    if (!label)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a label", g->place);
    sl_status status = change(g, what, label, &count, err);
    free(label);
    const sl_status committed = sl_gallery_commit(g, status == SL_OK ? err : NULL);
    status = status == SL_OK ? committed : status;
    *changed = status == SL_OK ? count : 0;
    return status;
}

static sl_status rename_person(sl_gallery *g, const char *from, const char *to, size_t *changed, sl_error *err)
{
    return strcmp(from, to) == 0 ? SL_OK : rename_spelled(g, from, to, changed, err);
}

static sl_status move_face(sl_gallery *g, const char *image, const char *to, size_t *changed, sl_error *err)
{
    size_t i;
    sl_entry entry;
    SL_TRY(sl_gallery_find(g, image, &i, err));
    SL_TRY(g->kind->entry(g, i, &entry, err));
    if (strcmp(entry.label, to) == 0)
        return SL_OK;
    *changed = 1;
    return relabel(g, i, to, err);
}

/* The note goes along: both have it before the faces change, the new name alone afterwards. */
static sl_status rename_with_note(sl_gallery *g, const char *from, const char *to, size_t *renamed, sl_error *err)
{
    bool copied;
    SL_TRY(sl_person_notes_copy(g, from, to, &copied, err));
    const sl_status status = change_labels(g, rename_person, from, to, renamed, err);
    if (status == SL_OK)
        return *renamed ? sl_person_notes_drop(g, from, err) : SL_OK;
    if (copied)
        sl_person_notes_drop(g, to, NULL);
    return status;
}

sl_status sl_gallery_rename(sl_gallery *g, const char *from, const char *to, size_t *renamed, sl_error *err)
{
    *renamed = 0;
    if (!from)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: sl_gallery_rename needs the label that is to be changed", g->place);
    SL_TRY(sl_name_check("label", to, err));
    SL_TRY(sl_gallery_commit(g, err)); /* checks that g is writable */
    char *kept = sl_composed(from), *composed = sl_composed(to);
    sl_status status = kept && composed ? rename_with_note(g, kept, composed, renamed, err)
                                        : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a label", g->place);
    free(kept);
    free(composed);
    return status;
}

sl_status sl_gallery_move(sl_gallery *g, const char *image, const char *to, sl_error *err)
{
    size_t moved;
    if (!image)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: sl_gallery_move needs the id of a face", g->place);
    return change_labels(g, move_face, image, to, &moved, err);
}
