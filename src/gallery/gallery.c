/* Galleries by what is named: their kind is chosen here, they are opened, closed and looked after. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "gallery/kind.h"
#include "gallery/naming.h"

/* The first whose prefix fits; the last fits any name. */
static const sl_gallery_kind *const kinds[] = {&sl_memory_kind, &sl_folder_kind};

static const sl_gallery_kind *kind_of(const char *place)
{
    size_t i = 0;
    while (strncmp(place, kinds[i]->prefix, strlen(kinds[i]->prefix)) != 0)
        i++;
    return kinds[i];
}

/* ---- for kinds ---- */

sl_status sl_gallery_begin(sl_gallery *g, const sl_gallery_kind *kind, const char *place, bool writable, sl_error *err)
{
    g->kind = kind;
    g->writable = writable;
    pthread_mutex_init(&g->mutex, NULL);
    g->place = sl_strdup(place);
    return g->place ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "%s: no memory", place);
}

uint64_t sl_gallery_new_id(void)
{
    uint64_t id;
    if (getrandom(&id, sizeof id, GRND_NONBLOCK) == sizeof id)
        return id;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec) + ((uint64_t)getpid() << 48);
}

sl_status sl_gallery_check_centre(const char *place, const sl_template_shape *shape, sl_error *err)
{
    if (shape->format != SL_PATCHES_COMPACT || (shape->centre && sl_centre_sound(shape->centre, shape)))
        return SL_OK;
    return sl_fail(err, SL_ERR_ARGUMENT, "%s: a gallery of compact patches needs what they are stored around", place);
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

void sl_gallery_close(sl_gallery *g)
{
    if (!g)
        return;
    sl_gallery_changed(g);
    if (g->encoder.destroy)
        g->encoder.destroy(g->encoder.context);
    free(g->contributions);
    free(g->patch_row);
    pthread_mutex_destroy(&g->mutex);
    char *place = g->place;
    g->kind->close(g);
    free(place);
}

/* ---- what it is ---- */

size_t sl_gallery_size(const sl_gallery *g)
{
    return g->faces;
}

const sl_template_shape *sl_gallery_shape(const sl_gallery *g)
{
    return g->shape;
}

const char *sl_gallery_place(const sl_gallery *g)
{
    return g->place;
}

uint64_t sl_gallery_id(const sl_gallery *g)
{
    return g->id;
}

void sl_gallery_get_info(const sl_gallery *g, sl_gallery_info *out)
{
    const sl_template_shape *s = g->shape;
    *out = (sl_gallery_info){.dim = s->dim,
                             .patch_rows = s->rows,
                             .patch_cols = s->cols,
                             .patch_channels = s->channels,
                             .patches = s->format,
                             .faces = g->faces};
    strncpy(out->model, g->model, sizeof out->model - 1);
    sl_hex32(s->fingerprint, out->fingerprint);
    g->kind->info(g, out);
}

/* ---- notes ---- */

char *sl_gallery_note_place(const sl_gallery *g, const char *name)
{
    char *place;
    return asprintf(&place, "%s/%s", g->place, name) < 0 ? NULL : place;
}

sl_status sl_gallery_read_note(const sl_gallery *g, const char *name, size_t most, uint8_t **text, size_t *size,
                               sl_error *err)
{
    if (g->kind->read_note)
        return g->kind->read_note(g, name, most, text, size, err);
    return sl_fail(err, SL_ERR_NOT_FOUND, "%s: such a gallery keeps no notes", g->place);
}

sl_status sl_gallery_write_note(const sl_gallery *g, const char *name, const void *text, size_t size, sl_error *err)
{
    if (g->kind->write_note)
        return g->kind->write_note(g, name, text, size, err);
    return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: such a gallery cannot keep %s: use one in a folder", g->place, name);
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

sl_status sl_gallery_leftovers(const char *place, void (*leftover)(void *context, const char *file, uint64_t bytes),
                               void *context, sl_error *err)
{
    if (!place || !leftover)
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_gallery_leftovers needs a folder and whom to tell");
    const sl_gallery_kind *kind = kind_of(place);
    return kind->leftovers ? kind->leftovers(place, leftover, context, err) : no_files(place, err);
}
