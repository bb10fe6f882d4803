/* Faces by image id, in whatever form of Unicode it is asked for. */
#include <stdlib.h>

#include "gallery/find.h"
#include "gallery/kind.h"
#include "gallery/naming.h"

/* Galleries of older versions may hold names in other forms: what is asked for comes first. */
sl_status sl_find_face(const sl_gallery *g, const char *image, size_t *i, sl_error *err)
{
    sl_status status = g->kind->find(g, image, i, err);
    char *composed = status == SL_ERR_NOT_FOUND ? sl_composed(image) : NULL;
    if (composed)
        status = g->kind->find(g, composed, i, err);
    free(composed);
    return status;
}

sl_status sl_gallery_find(const sl_gallery *g, const char *image, size_t *i, sl_error *err)
{
    sl_status status = sl_find_face(g, image, i, err);
    if (status != SL_OK)
        *i = 0;
    if (status == SL_ERR_NOT_FOUND)
        return sl_fail(err, status, "%s: no image \"%.200s\" in the gallery", g->place, image);
    return status;
}
