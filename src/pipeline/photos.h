/* Lists of photos as they grow, and whose photo one is. */
#ifndef SL_PIPELINE_PHOTOS_H
#define SL_PIPELINE_PHOTOS_H

#include "base/pattern.h"
#include "base/status.h"

/* ---- photos.c ---- */

typedef struct {
    sl_photo *photos;
    size_t count, capacity;
} sl_photo_list;

/* Adds a photo; id and label are put into form C. Takes `path` over, also when it fails; NULL is "no memory". */
sl_status sl_photo_list_add(sl_photo_list *list, char *path, const char *image, const char *label, sl_error *err);

/* How a photo's id tells the person. */
typedef struct {
    const char *label;   /* of all; NULL: by the id */
    int level;           /* from 1 */
    sl_pattern *pattern; /* before the level; NULL: none */
} sl_label_rule;

sl_status sl_label_rule_make(const sl_photos_options *options, sl_label_rule *out, sl_error *err);
void sl_label_rule_free(sl_label_rule *rule);

/* sl_photo_list_add by a rule. SL_ERR_NOT_FOUND: the id has no folder, or no match, where the label should be. */
sl_status sl_photo_list_add_by(sl_photo_list *list, const sl_label_rule *rule, char *path, const char *image,
                               sl_error *err);

/* Gives the photos away when status is SL_OK, else frees them. */
sl_status sl_photo_list_finish(sl_photo_list *list, sl_status status, sl_photo **out, size_t *count);

/* ---- photo_list.c ---- */

/* The text of a list. `file` is for messages, relative paths are joined to `base`. */
sl_status sl_photos_parse(const char *text, size_t size, const char *file, const char *base, sl_photo **out,
                          size_t *count, sl_error *err);

#endif
