/* Which face of a gallery is the photo that a query is, or was made of: the honest protocol passes it over. */
#ifndef SL_EVAL_OWN_PHOTOS_H
#define SL_EVAL_OWN_PHOTOS_H

#include "gallery/gallery.h"
#include "secondlook_eval.h"

/* own [queries]: the face, UINT32_MAX where there is none. SL_ERR_ARGUMENT when a query may have been made of
 * either of two photos (both are named), or the pattern is none. */
sl_status sl_own_photos_find(const sl_gallery *gallery, const sl_gallery *queries, const sl_same_photo *rule,
                             uint32_t *own, sl_error *err);

#endif
