/* Queries out of a gallery's own crops, as they are or with an occluder drawn on them, embedded as queries are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gallery/gallery.h"
#include "pipeline/engine.h"
#include "secondlook_eval.h"

/* One face, as it is done by whichever thread takes it. The photo's path is its place in the gallery. */
typedef struct {
    const sl_gallery *gallery;
    sl_gallery *out;
    const sl_gallery_draw_options *options;
    bool plain;       /* nothing is drawn */
    sl_status status; /* of the gallery drawn into */
    sl_error *err;
} drawing;

static sl_status draw_face(const drawing *d, sl_session *session, size_t face, sl_template **out, sl_error *err)
{
    sl_image crop = {0}, covered = {0};
    sl_point landmarks[68];
    const sl_gallery_draw_options *o = d->options;
    SL_TRY(sl_gallery_crop(d->gallery, face, &crop, err));
    sl_status status = d->plain ? SL_OK : sl_landmarks_of_crop(session, &crop, landmarks, err);
    if (status == SL_OK && !d->plain)
        status = sl_occlude(&crop, landmarks, o->kind, o->style, o->seed ^ face * 0x9e3779b97f4a7c15u, &covered, err);
    if (status == SL_OK)
        status = sl_queries_of_crops(session, d->plain ? &crop : &covered, 1, out, err);
    sl_image_free(&crop);
    sl_image_free(&covered);
    return status;
}

static sl_status work(void *context, sl_session *session, const sl_photo *photo, void **made, sl_error *err)
{
    return draw_face(context, session, (size_t)strtoull(photo->path, NULL, 10), (sl_template **)made, err);
}

/* A face on which nothing can be drawn is left out. */
static void finish(void *context, const sl_photo *photo, void *made, const sl_error *why)
{
    drawing *d = context;
    if (why->status == SL_OK && d->status == SL_OK) {
        const sl_entry entry = {.label = photo->label, .image = photo->image};
        d->status = sl_gallery_add(d->out, &entry, made, NULL, d->err);
    }
    sl_template_free(made);
}

static int step(void *context, size_t done, size_t total)
{
    const drawing *d = context;
    return d->options->progress ? d->options->progress(d->options->context, done, total) : 0;
}

static sl_status list_faces(const sl_gallery *gallery, size_t limit, sl_photo **out, size_t *count, sl_error *err)
{
    const size_t all = sl_gallery_size(gallery), n = limit && limit < all ? limit : all;
    sl_photo *list = calloc(n + 1, sizeof *list);
    *count = 0;
    *out = list;
    for (size_t i = 0; list && i < n; i++) {
        size_t face = (size_t)((unsigned __int128)i * all / n);
        sl_entry entry;
        SL_TRY(sl_gallery_entry(gallery, face, &entry, err));
        if (!entry.has_crop)
            continue;
        char place[24];
        snprintf(place, sizeof place, "%zu", face);
        list[*count] = (sl_photo){.path = sl_strdup(place), .image = sl_strdup(entry.image),
                                  .label = sl_strdup(entry.label)};
        sl_photo *p = &list[(*count)++];
        if (!p->path || !p->image || !p->label)
            return sl_fail(err, SL_ERR_MEMORY, "no memory for the gallery's faces");
    }
    if (!list)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the gallery's faces");
    return *count ? SL_OK
                  : sl_fail(err, SL_ERR_NOT_FOUND, "the gallery keeps no crops: enrol with --keep-crops");
}

static sl_status draw_all(drawing *d, const sl_engine *engine)
{
    sl_photo *faces = NULL;
    size_t count = 0;
    sl_status status = list_faces(d->gallery, d->options->limit, &faces, &count, d->err);
    const sl_photo_loop loop = {
        .threads = d->options->threads, .work = work, .finish = finish, .progress = step, .context = d};
    if (status == SL_OK)
        status = sl_each_photo(engine, faces, count, &loop, d->err);
    if (status == SL_OK)
        status = d->status;
    if (status == SL_OK)
        status = sl_gallery_commit(d->out, d->err);
    sl_photos_free(faces, count);
    return status;
}

sl_status sl_gallery_draw(const sl_engine *engine, const sl_gallery *gallery, const sl_gallery_draw_options *options,
                          sl_gallery *out, sl_error *err)
{
    drawing d = {.gallery = gallery, .out = out, .options = options, .err = err};
    if (!engine->landmarks)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "occluders are drawn by 68 landmarks: install libdlib-data");
    return draw_all(&d, engine);
}

sl_status sl_gallery_encode(const sl_engine *engine, const sl_gallery *gallery, int threads, sl_progress_fn progress,
                            void *context, sl_gallery *out, sl_error *err)
{
    const sl_gallery_draw_options options = {.threads = threads, .progress = progress, .context = context};
    drawing d = {.gallery = gallery, .out = out, .options = &options, .plain = true, .err = err};
    return draw_all(&d, engine);
}
