/* Crops in files, named by a list. */
#ifndef SL_TRAIN_SOURCE_PHOTOS_H
#define SL_TRAIN_SOURCE_PHOTOS_H

#include "train/data/source.h"

/* Are the names below the folder that they are joined to: relative, and without ".."? SL_ERR_FORMAT says which is not.
 * `file` is the list's name. */
sl_status sl_photos_check_below(const char *file, const sl_photo *photos, size_t count, sl_error *err);

/* A source of such photos, which it takes over, also when it fails. SL_ERR_NOT_FOUND for files that are not there. */
sl_status sl_source_of_photos(const char *file, sl_photo *photos, size_t count, const sl_source_filter *filter,
                              sl_source **out, sl_error *err);

/* The folder that a list's paths begin at: root, or where the list is. malloc'd, NULL when there is no memory. */
char *sl_list_root(const char *file, const char *root);

#endif
