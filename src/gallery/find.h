/* Faces by name, for the files of this folder: names in any form of Unicode. */
#ifndef SL_GALLERY_FIND_H
#define SL_GALLERY_FIND_H

#include "gallery/gallery.h"

/* SL_ERR_NOT_FOUND, without a text, when there is none. */
sl_status sl_find_face(const sl_gallery *g, const char *image, size_t *i, sl_error *err);

/* The faces of a photo, by its id: faces [SL_PHOTO_FACES_MAX], *count of them (photo_faces.c). */
sl_status sl_find_photo_faces(const sl_gallery *g, const char *photo, size_t *faces, size_t *count, sl_error *err);

#endif
