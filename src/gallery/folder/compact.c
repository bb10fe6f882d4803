/* Rewriting a gallery without what was removed. */
#include "gallery/folder/store.h"
#include "gallery/person_notes.h"

#include <string.h>

/* Copies the live faces, each checked, and makes them durable. */
static sl_status copy_faces(const sl_folder *from, sl_folder *to, sl_ticker *ticker, sl_error *err)
{
    for (uint32_t i = 0; i < from->base.faces; i++) {
        uint32_t row = from->face_row[i];
        SL_TRY(sl_check_embedding(from, row, err));
        SL_TRY(sl_check_patches(from, row, err));
        SL_TRY(sl_check_crop(from, row, err));
        sl_face_record face = sl_row_record(from, row);
        const void *crop = face.has_crop ? from->files[SL_FILE_CROPS].base + face.crop_at : NULL;
        SL_TRY(sl_store_append(to, &face, sl_row_bytes(from, SL_FILE_EMBEDDINGS, row),
                               sl_row_bytes(from, SL_FILE_PATCHES, row), crop, err));
        SL_TRY(sl_tick(ticker, i + 1, err));
    }
    if (from->base.faces == 0)
        SL_TRY(sl_tick(ticker, 0, err));
    return to->dirty ? sl_store_commit(to, err) : SL_OK;
}

static bool same_face(const sl_face_record *a, const sl_face_record *b)
{
    return a->embedding_crc == b->embedding_crc && a->patches_crc == b->patches_crc && a->crop_crc == b->crop_crc &&
           strcmp(a->image, b->image) == 0 && strcmp(a->label, b->label) == 0;
}

/* Reads the new generation as whoever opens it next will, every byte of it: the old one is dropped on its word. */
static sl_status check_written(const sl_folder *from, const sl_meta *meta, sl_ticker *ticker, sl_error *err)
{
    uint8_t bytes[SL_META_SIZE];
    sl_meta read;
    sl_folder *back = NULL;
    sl_meta_encode(meta, bytes);
    sl_status status = sl_meta_decode(bytes, sizeof bytes, &read, err);
    if (status == SL_OK)
        status = sl_store_open(from->base.place, &read, false, &back, err);
    if (status == SL_OK)
        status = sl_check_whole(back, ticker, from->base.faces, err);
    if (status == SL_OK && (back->base.faces != from->base.faces || back->rows != from->base.faces))
        status = sl_fail(err, SL_ERR_CORRUPT, "%zu of %zu faces are there", back->base.faces, from->base.faces);
    for (uint32_t i = 0; status == SL_OK && i < from->base.faces; i++) {
        const sl_face_record want = sl_row_record(from, from->face_row[i]), have = sl_row_record(back, i);
        if (!same_face(&want, &have))
            status = sl_fail(err, SL_ERR_CORRUPT, "face %u, of image \"%.200s\", is another one", i, want.image);
    }
    sl_gallery_close((sl_gallery *)back);
    if (status == SL_OK || status == SL_ERR_INTERRUPTED || status == SL_ERR_MEMORY)
        return status;
    return sl_fail_in(err, SL_ERR_IO, "%s: was not compacted and is as it was, for what was written does not read back "
                      "(has the disk faults? Try again, or on another one)", from->base.place);
}

/* Writes the next generation beside this one, reads it back, then lets gallery.meta name it: that rename is the moment
 * of change. Files that do not count are deleted here, or by the next writer after a crash. */
static sl_status rewrite(const sl_folder *g, sl_ticker *ticker, sl_error *err)
{
    sl_meta meta = g->meta;
    if (meta.generation++ == SL_GENERATION_MAX)
        return sl_fail(err, SL_ERR_LIMIT, "%s: was compacted too often", g->base.place);
    meta.version = SL_GALLERY_VERSION;
    sl_folder *fresh = NULL;
    sl_status status = sl_store_create(g->base.place, &meta, &fresh, err);
    if (status == SL_OK)
        status = copy_faces(g, fresh, ticker, err);
    if (status == SL_OK)
        status = check_written(g, &meta, ticker, err);
    bool written = status == SL_OK;
    if (written)
        status = sl_store_publish(fresh, err);
    sl_gallery_close((sl_gallery *)fresh);
    if (status == SL_OK)
        return sl_store_clean(g->base.place, meta.generation, err);
    if (!written)
        sl_store_clean(g->base.place, g->meta.generation, NULL);
    return status; /* when publishing failed, the next writer sees which generation counts */
}

sl_status sl_folder_compact(const char *dir, sl_progress_fn progress, void *context, sl_error *err)
{
    sl_gallery *gallery;
    SL_TRY(sl_folder_open(dir, SL_GALLERY_WRITE, NULL, NULL, &gallery, err));
    const sl_folder *g = (const sl_folder *)gallery;
    sl_ticker ticker = {.fn = progress, .context = context, .total = 2 * g->base.faces}; /* written, read back */
    const bool needed = g->base.faces < g->rows || g->meta.version < SL_GALLERY_VERSION;
    sl_status status = needed ? rewrite(g, &ticker, err) : sl_tick(&ticker, ticker.total, err);
    if (status == SL_OK)
        status = sl_person_notes_prune(gallery, err);
    sl_gallery_close(gallery);
    return status;
}
