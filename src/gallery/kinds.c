/* Galleries by what is named: their kind is chosen here, they are opened and looked after. */
#include <string.h>

#include "base/sha256.h"
#include "gallery/kind.h"
#include "gallery/naming.h"

/* The first whose prefix fits; the last fits any name. */
static const sl_gallery_kind *const kinds[] = {&sl_memory_kind, &sl_postgres_kind, &sl_folder_kind};

static const sl_gallery_kind *kind_of(const char *place)
{
    size_t i = 0;
    while (strncmp(place, kinds[i]->prefix, strlen(kinds[i]->prefix)) != 0)
        i++;
    return kinds[i];
}

/* ---- opening ---- */

static sl_status check_match(const sl_gallery *g, const sl_template_shape *want, const char *model, sl_error *err)
{
    const sl_template_shape *have = g->shape;
    if (!sl_same_model(have->fingerprint, want->fingerprint)) {
        char has[65], wants[65];
        sl_hex32(have->fingerprint, has);
        sl_hex32(want->fingerprint, wants);
        return sl_fail(err, SL_ERR_MISMATCH,
                       "%s: made by model %s (fingerprint %.12s...), not by %s (%.12s...): open it "
                       "with its own model, or enrol the photos in a new gallery",
                       g->place, g->model, has, model ? model : "this one", wants);
    }
    if (!sl_same_sizes(have, want))
        return sl_fail(err, SL_ERR_MISMATCH,
                       "%s: holds templates of %d + %dx%dx%d numbers, the model makes %d + "
                       "%dx%dx%d",
                       g->place, have->dim, have->rows, have->cols, have->channels, want->dim, want->rows,
                       want->cols, want->channels);
    return SL_OK;
}

static sl_status check_place(const char *place, const char *asker, sl_error *err)
{
    return place && *place ? SL_OK : sl_fail(err, SL_ERR_ARGUMENT, "%s: no folder is named", asker);
}

sl_status sl_gallery_open_shape(const char *place, sl_gallery_mode mode, const sl_template_shape *shape,
                                const char *model_name, sl_gallery **out, sl_error *err)
{
    if (!out)
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_gallery_open: out is NULL");
    *out = NULL;
    SL_TRY(check_place(place, "sl_gallery_open", err));
    if (mode != SL_GALLERY_READ && mode != SL_GALLERY_WRITE && mode != SL_GALLERY_CREATE)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: %d is no way to open a gallery", place, (int)mode);
    if (mode == SL_GALLERY_CREATE && (!shape || !model_name))
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: to create a gallery its model must be given", place);
    if (shape)
        SL_TRY(sl_shape_check(shape, err));
    if (model_name && !sl_model_name_sound(model_name))
        return sl_fail(err, SL_ERR_ARGUMENT, "model name \"%.63s\": must be 1 .. 63 bytes of UTF-8", model_name);
    sl_gallery *g = NULL;
    SL_TRY(kind_of(place)->open(place, mode, shape, model_name, &g, err));
    sl_status status = shape ? check_match(g, shape, model_name, err) : SL_OK;
    if (status != SL_OK)
        sl_gallery_close(g);
    else
        *out = g;
    return status;
}

/* ---- looking after it ---- */

static sl_status no_files(const char *place, sl_error *err)
{
    return sl_fail(err, SL_ERR_NOT_FOUND, "%s: no files are kept of such a gallery", place);
}

sl_status sl_gallery_verify(const char *place, sl_progress_fn progress, void *context, sl_error *err)
{
    SL_TRY(check_place(place, "sl_gallery_verify", err));
    const sl_gallery_kind *kind = kind_of(place);
    return kind->verify ? kind->verify(place, progress, context, err) : no_files(place, err);
}

sl_status sl_gallery_compact(const char *place, sl_progress_fn progress, void *context, sl_error *err)
{
    SL_TRY(check_place(place, "sl_gallery_compact", err));
    const sl_gallery_kind *kind = kind_of(place);
    return kind->compact ? kind->compact(place, progress, context, err) : no_files(place, err);
}

sl_status sl_gallery_upgrade(const char *place, sl_progress_fn progress, void *context, sl_error *err)
{
    SL_TRY(check_place(place, "sl_gallery_upgrade", err));
    const sl_gallery_kind *kind = kind_of(place);
    return kind->upgrade ? kind->upgrade(place, progress, context, err) : no_files(place, err);
}

sl_status sl_gallery_backup(const char *place, const char *file, sl_progress_fn progress, void *context, sl_error *err)
{
    SL_TRY(check_place(place, "sl_gallery_backup", err));
    SL_TRY(check_place(file, "sl_gallery_backup", err));
    const sl_gallery_kind *kind = kind_of(place);
    return kind->backup ? kind->backup(place, file, progress, context, err) : no_files(place, err);
}

sl_status sl_gallery_from_backup(const char *file, const char *dir, sl_progress_fn progress, void *context,
                                 sl_error *err)
{
    SL_TRY(check_place(file, "sl_gallery_from_backup", err));
    SL_TRY(check_place(dir, "sl_gallery_from_backup", err));
    const sl_gallery_kind *kind = kind_of(dir);
    return kind->from_backup ? kind->from_backup(file, dir, progress, context, err)
                             : sl_fail(err, SL_ERR_UNSUPPORTED, "%s: a backup becomes a folder", dir);
}

sl_status sl_gallery_rebalance(const char *place, sl_progress_fn progress, void *context, sl_error *err)
{
    SL_TRY(check_place(place, "sl_gallery_rebalance", err));
    const sl_gallery_kind *kind = kind_of(place);
    return kind->rebalance ? kind->rebalance(place, progress, context, err)
                           : sl_fail(err, SL_ERR_UNSUPPORTED,
                                     "%s: only galleries in PostgreSQL have shards (docs/postgres.md)", place);
}

sl_status sl_gallery_leftovers(const char *place, void (*leftover)(void *context, const char *file, uint64_t bytes),
                               void *context, sl_error *err)
{
    if (!place || !leftover)
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_gallery_leftovers needs a folder and whom to tell");
    const sl_gallery_kind *kind = kind_of(place);
    return kind->leftovers ? kind->leftovers(place, leftover, context, err) : no_files(place, err);
}
