/* Names of people, photos and models: what they may be, and in which form of Unicode. */
#ifndef SL_GALLERY_NAMING_H
#define SL_GALLERY_NAMING_H

#include <stdbool.h>

#include "base/status.h"

/* May a new face be called so? SL_ERR_ARGUMENT names the character that is in the way. (Faces that are there already
 * may have any name that sl_name_sound accepts.) what: "label" or "image id". */
sl_status sl_name_check(const char *what, const char *name, sl_error *err);

/* 1 .. 63 bytes of UTF-8 without control characters. */
bool sl_model_name_sound(const char *model);

/* ---- spelling.c ---- */

/* The name in form C, malloc'd; NULL where it has none (what is no UTF-8, or too long) or there is no memory. */
char *sl_composed(const char *name);

/* An entry with its names in form C, which it holds. */
typedef struct {
    sl_entry entry;
    char *image, *label;
} sl_spelling;

/* entry may be NULL: then all is NULL. */
sl_status sl_spelling_of(const sl_entry *entry, sl_spelling *out, sl_error *err);
void sl_spelling_free(sl_spelling *spelling);

#endif
