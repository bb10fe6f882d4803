/* A face that is to be added: what it must be, and how it becomes what the gallery keeps. */
#ifndef SL_GALLERY_NEW_FACE_H
#define SL_GALLERY_NEW_FACE_H

#include "gallery/kind.h"

/* Names, model and numbers of a face that a gallery may take. */
sl_status sl_new_face_check(const sl_gallery *g, const sl_entry *entry, const sl_template *t, sl_error *err);

/* The face as the gallery keeps it: patches in the format of its shape, in g->patch_row; the crop as a JPEG, which
 * sl_new_face_free takes. *kept: the entry with what was found out. */
sl_status sl_new_face_make(sl_gallery *g, const sl_entry *entry, const sl_template *t, const sl_image *crop,
                           sl_entry *kept, sl_new_face *out, sl_error *err);
void sl_new_face_free(sl_new_face *face);

#endif
