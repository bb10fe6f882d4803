/* The faces of a photo, by its id and by its content. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "gallery/find.h"
#include "gallery/kind.h"
#include "gallery/naming.h"

enum { ID_BYTES = SL_NAME_MAX + 16 };

/* The id of a photo's face number 1 .. SL_PHOTO_FACES_MAX. */
static void name_face(const char *photo, int number, char image[ID_BYTES])
{
    if (number == 1)
        snprintf(image, ID_BYTES, "%s", photo);
    else
        snprintf(image, ID_BYTES, "%s#%d", photo, number);
}

static sl_status find_one_by_one(const sl_gallery *g, const char *photo, size_t *faces, size_t *count,
                                 sl_error *err)
{
    char image[ID_BYTES];
    for (int number = 1; number <= SL_PHOTO_FACES_MAX; number++) { /* the gate may have left out any of them */
        name_face(photo, number, image);
        sl_status status = sl_find_face(g, image, &faces[*count], err);
        *count += status == SL_OK;
        if (status != SL_ERR_NOT_FOUND)
            SL_TRY(status);
    }
    return SL_OK;
}

/* Faces of the photo as it is spelled here: found [SL_PHOTO_FACES_MAX], SIZE_MAX for who is not there. */
static sl_status find_together(const sl_gallery *g, const char *photo, size_t *found, sl_error *err)
{
    char(*names)[ID_BYTES] = malloc(SL_PHOTO_FACES_MAX * sizeof *names);
    const char *images[SL_PHOTO_FACES_MAX];
    if (!names)
        return sl_no_memory(err, "to find a photo's faces");
    for (int i = 0; i < SL_PHOTO_FACES_MAX; i++) {
        name_face(photo, i + 1, names[i]);
        images[i] = names[i];
    }
    sl_status status = g->kind->find_all(g, images, SL_PHOTO_FACES_MAX, found, err);
    free(names);
    return status;
}

/* The same faces as one by one: each as it is spelled here, else in form C. */
static sl_status find_all(const sl_gallery *g, const char *photo, size_t *faces, size_t *count, sl_error *err)
{
    size_t found[SL_PHOTO_FACES_MAX], composed_found[SL_PHOTO_FACES_MAX];
    char *composed = sl_composed(photo);
    const bool differs = composed && strcmp(composed, photo) != 0;
    sl_status status = find_together(g, photo, found, err);
    if (status == SL_OK && differs)
        status = find_together(g, composed, composed_found, err);
    free(composed);
    for (int i = 0; status == SL_OK && i < SL_PHOTO_FACES_MAX; i++) {
        const size_t face = found[i] == SIZE_MAX && differs ? composed_found[i] : found[i];
        if (face != SIZE_MAX)
            faces[(*count)++] = face;
    }
    return status;
}

sl_status sl_find_photo_faces(const sl_gallery *g, const char *photo, size_t *faces, size_t *count, sl_error *err)
{
    *count = 0;
    return (g->kind->find_all ? find_all : find_one_by_one)(g, photo, faces, count, err);
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

sl_status sl_gallery_find_photo(sl_gallery *g, const uint8_t sha256[32], const char *label, size_t *i,
                                sl_error *err)
{
    sl_status status = g->kind->find_photo(g, sha256, label, i, err);
    if (status != SL_OK)
        *i = 0;
    if (status == SL_ERR_NOT_FOUND)
        return sl_fail(err, status, "%s: no face of this photo%s%.200s", g->place, label ? " as " : "",
                       label ? label : "");
    return status;
}
