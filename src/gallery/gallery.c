/* What all kinds of gallery have in common: how a handle begins and ends, what it is, its notes. */
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

/* ---- closing ---- */

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

/* ---- what is read from afar ---- */

void *sl_gallery_hold(const sl_gallery *g)
{
    return g->kind->hold ? g->kind->hold(g) : NULL;
}

void sl_gallery_let_go(const sl_gallery *g, void *held)
{
    if (g->kind->let_go)
        g->kind->let_go(g, held);
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
