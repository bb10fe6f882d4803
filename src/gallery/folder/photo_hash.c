/* Faces by the content of their photo's file. */
#include <string.h>

#include "gallery/folder/store.h"

typedef struct {
    const sl_folder *folder;
    const char *label;
} wanted_photo;

static bool is_wanted(const void *context, uint32_t row, const char *sha256, size_t size)
{
    const wanted_photo *w = context;
    if (w->folder->row_removed[row])
        return false;
    sl_face_record face = sl_row_record(w->folder, row);
    return memcmp(face.photo_sha256, sha256, size) == 0 && (!w->label || sl_same_name(face.label, w->label));
}

static sl_status list_hashes(sl_folder *g, sl_error *err)
{
    for (; g->hashes_listed < g->rows; g->hashes_listed++) {
        if (sl_row_vacant(g, g->hashes_listed))
            continue;
        sl_face_record face = sl_row_record(g, g->hashes_listed);
        if (!face.photo_sha256)
            continue;
        if (!sl_table_reserve(&g->hashes))
            return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for the hashes of %u photos", g->base.place, g->rows);
        sl_table_insert(&g->hashes, (const char *)face.photo_sha256, SL_PHOTO_HASH_SIZE, g->hashes_listed);
    }
    return SL_OK;
}

sl_status sl_folder_find_photo(sl_gallery *gallery, const uint8_t sha256[32], const char *label, size_t *i,
                               sl_error *err)
{
    sl_folder *g = (sl_folder *)gallery;
    const wanted_photo wanted = {g, label};
    SL_TRY(list_hashes(g, err));
    uint32_t row = sl_table_find(&g->hashes, (const char *)sha256, SL_PHOTO_HASH_SIZE, is_wanted, &wanted);
    if (row == SL_TABLE_NONE)
        return SL_ERR_NOT_FOUND;
    *i = sl_face_of_row(g, row);
    return SL_OK;
}
