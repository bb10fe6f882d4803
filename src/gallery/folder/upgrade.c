/* What is derived from a gallery, made where it is missing, short or damaged; older formats are rewritten as the
 * newest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gallery/folder/store.h"

/* A file that does not hold, out of the way; readers that have it open go on with it. */
static sl_status drop(const sl_folder *g, const char *name, sl_error *err)
{
    char *path = sl_generation_path(g->base.place, name, g->meta.generation);
    sl_status status = SL_OK;
    if (!path)
        status = sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a file's name", g->base.place);
    else if (unlink(path) != 0 && errno != ENOENT)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot delete: %s", path, strerror(errno));
    free(path);
    return status;
}

static sl_status make_codes(sl_folder *g, sl_ticker *ticker, sl_error *err)
{
    if (g->codes.file.fd < 0 || sl_codes_check(g, NULL) != SL_OK) {
        sl_codes_close(&g->codes);
        SL_TRY(drop(g, "codes", err));
        SL_TRY(sl_codes_create(g, err));
    }
    return sl_codes_append(g, ticker, err);
}

static sl_status make_index(sl_folder *g, sl_error *err)
{
    if (sl_index_check(g, NULL) != SL_OK) {
        SL_TRY(drop(g, "index", err));
        g->indexed = 0;
    }
    sl_index_save_if_due(g, 1);
    return SL_OK;
}

static sl_status derive(sl_folder *g, sl_progress_fn progress, void *context, sl_error *err)
{
    sl_ticker ticker = {.fn = progress, .context = context, .total = g->rows};
    SL_TRY(sl_index_rewind(g, err)); /* by the log alone */
    SL_TRY(make_codes(g, &ticker, err));
    SL_TRY(make_index(g, err));
    return sl_tick(&ticker, ticker.total, err);
}

sl_status sl_folder_upgrade(const char *dir, sl_progress_fn progress, void *context, sl_error *err)
{
    sl_gallery *gallery;
    SL_TRY(sl_folder_open(dir, SL_GALLERY_WRITE, NULL, NULL, &gallery, err));
    sl_folder *g = (sl_folder *)gallery;
    if (g->meta.version < SL_GALLERY_VERSION || g->vacant) { /* its new generation has all of it */
        sl_gallery_close(gallery);
        return sl_folder_compact(dir, progress, context, err);
    }
    const sl_status status = derive(g, progress, context, err);
    sl_gallery_close(gallery);
    return status;
}

sl_status sl_folder_derive(const char *dir, sl_error *err)
{
    sl_gallery *gallery;
    SL_TRY(sl_folder_open(dir, SL_GALLERY_WRITE, NULL, NULL, &gallery, err));
    const sl_status status = derive((sl_folder *)gallery, NULL, NULL, err);
    sl_gallery_close(gallery);
    return status;
}
