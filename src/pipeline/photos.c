/* Photos with their ids and people: lists of them, and the rule that tells the person from the id. */
#define _GNU_SOURCE
#include "pipeline/photos.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nfc.h"
#include "pipeline/engine.h"

/* ---- lists ---- */

static void free_photo(sl_photo *photo)
{
    free(photo->path);
    free(photo->image);
    free(photo->label);
    free(photo->data);
}

void sl_photos_free(sl_photo *photos, size_t count)
{
    for (size_t i = 0; photos && i < count; i++)
        free_photo(&photos[i]);
    free(photos);
}

static sl_status grow(sl_photo_list *list, sl_error *err)
{
    if (list->count < list->capacity)
        return SL_OK;
    size_t capacity = list->capacity ? list->capacity * 2 : 256;
    sl_photo *grown = sl_realloc_array(list->photos, capacity, sizeof *grown);
    if (!grown)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the list of photos");
    list->photos = grown;
    list->capacity = capacity;
    return SL_OK;
}

static sl_status add(sl_photo_list *list, char *path, const char *image, const char *label, size_t label_size,
                     sl_error *err)
{
    sl_photo photo = {.path = path};
    sl_status status = path ? grow(list, err) : sl_fail(err, SL_ERR_MEMORY, "no memory for the list of photos");
    if (status == SL_OK)
        status = sl_nfc(image, strlen(image), &photo.image, err);
    if (status == SL_OK)
        status = sl_nfc(label, label_size, &photo.label, err);
    if (status == SL_OK)
        list->photos[list->count++] = photo;
    else
        free_photo(&photo);
    return status;
}

sl_status sl_photo_list_add(sl_photo_list *list, char *path, const char *image, const char *label, sl_error *err)
{
    return add(list, path, image, label, strlen(label), err);
}

sl_status sl_photo_list_finish(sl_photo_list *list, sl_status status, sl_photo **out, size_t *count)
{
    if (status != SL_OK) {
        sl_photos_free(list->photos, list->count);
        *list = (sl_photo_list){0};
    }
    *out = list->photos;
    *count = list->count;
    return status;
}

/* ---- whose photo ---- */

sl_status sl_label_rule_make(const sl_photos_options *o, sl_label_rule *out, sl_error *err)
{
    *out = (sl_label_rule){.level = 1};
    if (!o)
        return SL_OK;
    if (o->label_level < 0 || (o->label && !*o->label) ||
        (o->label != NULL) + (o->label_level > 0) + (o->label_pattern != NULL) > 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "a label, a level from 1 and a pattern exclude each other");
    out->label = o->label;
    out->level = o->label_level ? o->label_level : 1;
    return o->label_pattern ? sl_pattern_compile(o->label_pattern, &out->pattern, err) : SL_OK;
}

void sl_label_rule_free(sl_label_rule *rule)
{
    sl_pattern_free(rule->pattern);
    *rule = (sl_label_rule){0};
}

/* The n-th folder of the id; for the first one of a photo that lies in no folder, its name without ending. */
static sl_status label_by_level(int level, const char *image, const char **label, size_t *size, sl_error *err)
{
    const char *from = image, *slash = strchr(image, '/');
    for (int n = 1; slash && n < level; n++) {
        from = slash + 1;
        slash = strchr(from, '/');
    }
    if (!slash && level > 1)
        return sl_fail(err, SL_ERR_NOT_FOUND, "lies less than %d folders deep: there is none to name the person",
                       level);
    const char *dot = slash ? NULL : strrchr(image, '.');
    *label = from;
    *size = slash ? (size_t)(slash - from) : dot && dot > image ? (size_t)(dot - image) : strlen(image);
    return SL_OK;
}

static sl_status add_labelled(sl_photo_list *list, const sl_label_rule *rule, char *path, const char *image,
                              sl_error *err)
{
    char *below;
    if (asprintf(&below, "%s/%s", rule->label, image) < 0) {
        free(path);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the list of photos");
    }
    sl_status status = sl_photo_list_add(list, path, below, rule->label, err);
    free(below);
    return status;
}

sl_status sl_photo_list_add_by(sl_photo_list *list, const sl_label_rule *rule, char *path, const char *image,
                               sl_error *err)
{
    const char *label;
    size_t size;
    sl_status status = SL_OK;
    if (rule->label)
        return add_labelled(list, rule, path, image, err);
    if (!rule->pattern)
        status = label_by_level(rule->level, image, &label, &size, err);
    else if (!sl_pattern_group(rule->pattern, image, &label, &size))
        status = sl_fail(err, SL_ERR_NOT_FOUND, "the pattern for labels does not match it");
    if (status == SL_OK)
        return add(list, path, image, label, size, err);
    free(path);
    return status;
}

/* ---- one photo ---- */

sl_status sl_photo_of_file(const char *path, const char *image, const sl_photos_options *options, sl_photo **out,
                           sl_error *err)
{
    sl_photo_list list = {0};
    sl_label_rule rule;
    size_t count;
    *out = NULL;
    if (!path)
        return sl_fail(err, SL_ERR_ARGUMENT, "no photo's path was given");
    const char *slash = strrchr(path, '/');
    SL_TRY(sl_label_rule_make(options, &rule, err));
    sl_status status = sl_photo_list_add_by(&list, &rule, sl_strdup(path),
                                            image   ? image
                                            : slash ? slash + 1
                                                    : path,
                                            err);
    sl_label_rule_free(&rule);
    if (status != SL_OK)
        sl_fail_in(err, status, "%s", path);
    return sl_photo_list_finish(&list, status, out, &count);
}

sl_status sl_photo_read(sl_session *session, const sl_photo *photo, int aligned, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    if (!photo || !photo->path || (aligned && !session))
        return sl_fail(err, SL_ERR_ARGUMENT, "a photo, and for crops a session, is needed");
    if (!photo->data)
        return aligned ? sl_crop_read(session, photo->path, out, err) : sl_image_read(photo->path, out, err);
    bool grey = aligned && session->engine->recogniser.channels_in == 1;
    sl_status status = grey ? sl_image_decode_grey(photo->data, photo->size, out, err)
                            : sl_image_decode(photo->data, photo->size, out, err);
    return status == SL_OK && !(err && *err->text) ? SL_OK : sl_fail_in(err, status, "%s", photo->path);
}
