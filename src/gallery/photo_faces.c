/* The faces of a photo, by its id and by its content. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "gallery/find.h"
#include "gallery/kind.h"

sl_status sl_find_photo_faces(const sl_gallery *g, const char *photo, size_t *faces, size_t *count, sl_error *err)
{
    char image[SL_NAME_MAX + 16];
    *count = 0;
    for (int number = 1; number <= SL_PHOTO_FACES_MAX; number++) { /* the gate may have left out any of them */
        if (number == 1)
            snprintf(image, sizeof image, "%s", photo);
        else
            snprintf(image, sizeof image, "%s#%d", photo, number);
        sl_status status = sl_find_face(g, image, &faces[*count], err);
        *count += status == SL_OK;
        if (status != SL_ERR_NOT_FOUND)
            SL_TRY(status);
    }
    return SL_OK;
}

sl_status sl_gallery_find_face_of(const sl_gallery *g, const char *photo, size_t *i, sl_error *err)
{
    size_t faces[SL_PHOTO_FACES_MAX], count = 0;
    *i = 0;
    if (strnlen(photo, SL_NAME_MAX + 1) <= SL_NAME_MAX)
        SL_TRY(sl_find_photo_faces(g, photo, faces, &count, err));
    if (count == 0)
        return sl_fail(err, SL_ERR_NOT_FOUND, "%s: no face of \"%.200s\" in the gallery", g->place, photo);
    *i = faces[0];
    return SL_OK;
}

sl_status sl_gallery_find_photo(sl_gallery *g, const uint8_t sha256[32], const char *label, size_t *i, sl_error *err)
{
    sl_status status = g->kind->find_photo(g, sha256, label, i, err);
    if (status != SL_OK)
        *i = 0;
    if (status == SL_ERR_NOT_FOUND)
        return sl_fail(err, status, "%s: no face of this photo%s%.200s", g->place, label ? " as " : "",
                       label ? label : "");
    return status;
}
