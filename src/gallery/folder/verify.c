/* Every byte of a gallery, read and checked. */
#include "gallery/folder/store.h"
#include "gallery/person_notes.h"

/* The torn marker of a crash is repaired by the next writer; until then the gallery stands on one leg. */
sl_status sl_check_marker(const sl_folder *g, sl_error *err)
{
    if (!sl_marker_damaged(g))
        return SL_OK;
    return sl_fail(err, SL_ERR_CORRUPT, "%s: one of its two marks is damaged; %zu faces were found without it, and "
                   "nothing in the folder speaks of more. Opening the gallery for writing (enrol, remove, compact) "
                   "repairs it",
                   g->marker.path, g->base.faces);
}

sl_status sl_check_whole(sl_folder *g, sl_ticker *ticker, size_t before, sl_error *err)
{
    SL_TRY(sl_check_marker(g, err));
    SL_TRY(sl_index_rewind(g, err)); /* the log alone, without its index */
    for (uint32_t row = 0; row < g->rows; row++) { /* removed ones too: their bytes are part of the gallery */
        if (!sl_row_vacant(g, row))
            SL_TRY(sl_check_row(g, row, err));
        SL_TRY(sl_tick(ticker, before + row + 1, err));
    }
    SL_TRY(sl_index_check(g, err));
    SL_TRY(sl_codes_check(g, err));
    return g->rows ? SL_OK : sl_tick(ticker, before, err);
}

sl_status sl_folder_verify(const char *dir, sl_progress_fn progress, void *context, sl_error *err)
{
    sl_gallery *gallery;
    SL_TRY(sl_folder_open(dir, SL_GALLERY_READ, NULL, NULL, &gallery, err)); /* checks meta, headers and the log */
    sl_folder *g = (sl_folder *)gallery;
    sl_ticker ticker = {.fn = progress, .context = context, .total = g->rows};
    sl_status status = sl_check_whole(g, &ticker, 0, err);
    if (status == SL_OK)
        status = sl_person_notes_check(gallery, err);
    sl_gallery_close(gallery);
    return status;
}
