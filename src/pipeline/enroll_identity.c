/* Which photo is which: by id, by the person it is said to show, and by the content of its file. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gallery/gallery.h"
#include "pipeline/enroll.h"

/* A face that has the photo's id. With all faces any of the photo's counts: the gate may have left out the first.
 */
static bool find_taken(const sl_gallery *gallery, const sl_enroll_options *options, const sl_photo *photo,
                       sl_entry *out)
{
    size_t face;
    sl_status status = options->all_faces ? sl_gallery_find_face_of(gallery, photo->image, &face, NULL)
                                          : sl_gallery_find(gallery, photo->image, &face, NULL);
    return status == SL_OK && sl_gallery_entry(gallery, face, out, NULL) == SL_OK;
}

void sl_enroll_look_up(const sl_gallery *gallery, const sl_enroll_options *options, const sl_photo *photo,
                       sl_enroll_task *out)
{
    sl_entry entry;
    *out = (sl_enroll_task){.photo = photo};
    if (!find_taken(gallery, options, photo, &entry))
        return;
    out->taken = true;
    out->as_asked = sl_same_name(entry.label, photo->label);
    out->has_hash = entry.photo_sha256 != NULL;
    if (out->has_hash)
        memcpy(out->sha256, entry.photo_sha256, sizeof out->sha256);
}

static int by_image(const void *a, const void *b)
{
    const sl_enroll_task *const *x = a, *const *y = b;
    return strcmp((*x)->photo->image, (*y)->photo->image);
}

bool sl_enroll_find_shared(sl_enroll_task *tasks, size_t count)
{
    sl_enroll_task **sorted = sl_calloc_aligned(count + 1, sizeof *sorted);
    if (!sorted)
        return false;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &tasks[i];
    qsort(sorted, count, sizeof *sorted, by_image);
    for (size_t i = 1; i < count; i++)
        if (by_image(&sorted[i - 1], &sorted[i]) == 0)
            sorted[i - 1]->shared = sorted[i]->shared = true;
    free(sorted);
    return true;
}

bool sl_enroll_settled(const sl_enroll_options *options, const sl_outcome *o)
{
    const sl_enroll_task *t = o->task;
    if (!t->taken || options->all_faces) /* a taken id may still lack its photo's other faces */
        return false;
    if (!options->replace)
        return o->has_hash || !t->has_hash;
    return o->has_hash && t->as_asked && t->has_hash && memcmp(o->sha256, t->sha256, sizeof t->sha256) == 0;
}

/* Is a face's id the photo's own: that, or with #2, #3, .. behind it? */
static bool is_own(const char *image, const char *photo)
{
    size_t size = strlen(photo);
    if (strncmp(image, photo, size) != 0)
        return false;
    const char *rest = image + size;
    return !*rest || (*rest == '#' && rest[1] && strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

/* The face of another photo that has the same content, of `label` or of anybody. */
static sl_status same_content(sl_gallery *gallery, const sl_outcome *o, const char *label, sl_entry *other,
                              sl_error *err)
{
    size_t face;
    *other = (sl_entry){0};
    if (!o->has_hash)
        return SL_OK;
    sl_status status = sl_gallery_find_photo(gallery, o->sha256, label, &face, err);
    if (status == SL_ERR_NOT_FOUND)
        return SL_OK;
    SL_TRY(status);
    SL_TRY(sl_gallery_entry(gallery, face, other, err));
    if (is_own(other->image, o->photo->image))
        *other = (sl_entry){0};
    return SL_OK;
}

/* The id is that of `there`. */
static sl_verdict judge_taken(const sl_enroll_options *options, const sl_outcome *o, const sl_entry *there)
{
    const bool same_person = sl_same_name(there->label, o->photo->label);
    const bool same = o->has_hash && there->photo_sha256 && memcmp(o->sha256, there->photo_sha256, 32) == 0;
    if (same_person && same)
        return options->all_faces ? SL_VERDICT_ADD : SL_VERDICT_KNOWN;
    if (options->replace && !o->task->shared)
        return SL_VERDICT_REPLACE;
    if (same_person && !there->photo_sha256)
        return options->all_faces ? SL_VERDICT_ADD : SL_VERDICT_KNOWN_BY_ID;
    return SL_VERDICT_CONFLICT;
}

sl_status sl_enroll_judge(sl_gallery *gallery, const sl_enroll_options *options, const sl_outcome *o,
                          sl_verdict *verdict, sl_entry *other, sl_error *err)
{
    *verdict = SL_VERDICT_ADD;
    if (find_taken(gallery, options, o->photo, other)) {
        *verdict = judge_taken(options, o, other);
        if (*verdict != SL_VERDICT_ADD && *verdict != SL_VERDICT_REPLACE)
            return SL_OK;
    } else {
        SL_TRY(same_content(gallery, o, o->photo->label, other, err));
        if (other->image) {
            *verdict = SL_VERDICT_DUPLICATE;
            return SL_OK;
        }
    }
    return same_content(gallery, o, NULL, other, err);
}
