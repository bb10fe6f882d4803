/* Galleries in folders: the table that the rest of the library sees of this one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "gallery/folder/store.h"

static void info(const sl_gallery *gallery, sl_gallery_info *out)
{
    const sl_folder *g = (const sl_folder *)gallery;
    out->removed = g->rows - g->base.faces;
    out->labels = g->labels_live;
    out->version = (int)g->meta.version;
    out->bytes = sl_store_bytes(g);
}

static uint32_t label_id(const sl_gallery *gallery, size_t i)
{
    return ((const sl_folder *)gallery)->face_label[i];
}

/* ---- notes: files beside the gallery's own ---- */

static sl_status read_note(const sl_gallery *g, const char *name, size_t most, uint8_t **text, size_t *size,
                           sl_error *err)
{
    char *path = sl_gallery_note_place(g, name);
    sl_status status = path ? sl_read_file(path, most, text, size, err)
                            : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a file's name", g->place);
    free(path);
    return status;
}

static sl_status remove_file(const char *path, sl_error *err)
{
    if (remove(path) == 0)
        return SL_OK;
    return sl_fail(err, errno == ENOENT ? SL_ERR_NOT_FOUND : SL_ERR_IO, "%s: cannot delete: %s", path, strerror(errno));
}

static sl_status write_note(const sl_gallery *g, const char *name, const void *text, size_t size, sl_error *err)
{
    char *path = sl_gallery_note_place(g, name);
    sl_status status = !path  ? sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a file's name", g->place)
                       : text ? sl_write_file(path, text, size, err)
                              : remove_file(path, err);
    free(path);
    return status;
}

const sl_gallery_kind sl_folder_kind = {
    .prefix = "", /* a path */
    .open = sl_folder_open,
    .close = sl_folder_close,
    .refresh = sl_folder_refresh,
    .verify = sl_folder_verify,
    .compact = sl_folder_compact,
    .upgrade = sl_folder_upgrade,
    .leftovers = sl_folder_leftovers,
    .backup = sl_folder_backup,
    .from_backup = sl_folder_from_backup,
    .info = info,
    .embeddings = sl_folder_embeddings,
    .rows = sl_folder_rows,
    .face_of_row = sl_folder_face_of_row,
    .coded = sl_folder_coded,
    .entry = sl_folder_entry,
    .label_id = label_id,
    .embedding = sl_folder_embedding,
    .patches = sl_folder_patches,
    .landmarks = sl_folder_landmarks,
    .crop = sl_folder_crop,
    .find = sl_folder_find,
    .find_photo = sl_folder_find_photo,
    .replace = sl_folder_replace,
    .commit = sl_folder_commit,
    .remove = sl_folder_remove,
    .mark = sl_folder_mark,
    .restore = sl_folder_restore,
    .read_note = read_note,
    .write_note = write_note,
    .person_notes = SL_PERSON_NOTES_NAME,
};
