/* The faces of a photo, by its id and by its content. */
#include "gallery/folder/store.h"

#include <stdio.h>
#include <string.h>

uint32_t sl_photo_rows(const sl_gallery *g, const char *photo, uint32_t *rows)
{
    char image[SL_NAME_MAX + 16];
    uint32_t count = 0;
    for (int number = 1; number <= SL_PHOTO_FACES_MAX; number++) { /* the gate may have left out any of them */
        if (number == 1)
            snprintf(image, sizeof image, "%s", photo);
        else
            snprintf(image, sizeof image, "%s#%d", photo, number);
        uint32_t row = sl_find_image(g, image);
        if (row != SL_TABLE_NONE)
            rows[count++] = row;
    }
    return count;
}

sl_status sl_gallery_find_face_of(const sl_gallery *g, const char *photo, size_t *i, sl_error *err)
{
    uint32_t rows[SL_PHOTO_FACES_MAX];
    *i = 0;
    if (strnlen(photo, SL_NAME_MAX + 1) > SL_NAME_MAX || sl_photo_rows(g, photo, rows) == 0)
        return sl_fail(err, SL_ERR_NOT_FOUND, "%s: no face of \"%.200s\" in the gallery", g->dir, photo);
    *i = sl_face_of_row(g, rows[0]);
    return SL_OK;
}

/* ---- by content ---- */

typedef struct {
    const sl_gallery *gallery;
    const char *label;
} wanted_photo;

static bool is_wanted(const void *context, uint32_t row, const char *sha256, size_t size)
{
    const wanted_photo *w = context;
    if (w->gallery->row_removed[row])
        return false;
    sl_face_record face = sl_row_record(w->gallery, row);
    return memcmp(face.photo_sha256, sha256, size) == 0 && (!w->label || sl_same_name(face.label, w->label));
}

static sl_status list_hashes(sl_gallery *g, sl_error *err)
{
    for (; g->hashes_listed < g->rows; g->hashes_listed++) {
        sl_face_record face = sl_row_record(g, g->hashes_listed);
        if (!face.photo_sha256)
            continue;
        if (!sl_table_reserve(&g->hashes))
            return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for the hashes of %u photos", g->dir, g->rows);
        sl_table_insert(&g->hashes, (const char *)face.photo_sha256, SL_PHOTO_HASH_SIZE, g->hashes_listed);
    }
    return SL_OK;
}

sl_status sl_gallery_find_photo(sl_gallery *g, const uint8_t sha256[32], const char *label, size_t *i,
                                sl_error *err)
{
    const wanted_photo wanted = {g, label};
    *i = 0;
    SL_TRY(list_hashes(g, err));
    uint32_t row = sl_table_find(&g->hashes, (const char *)sha256, SL_PHOTO_HASH_SIZE, is_wanted, &wanted);
    if (row == SL_TABLE_NONE)
        return sl_fail(err, SL_ERR_NOT_FOUND, "%s: no face of this photo%s%.200s", g->dir, label ? " as " : "",
                       label ? label : "");
    *i = sl_face_of_row(g, row);
    return SL_OK;
}
