#include "train/data/wide_faces.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/threads.h"
#include "face/align.h"
#include "image/image.h"
#include "pipeline/engine.h"

typedef struct {
    const sl_source *photos;
    sl_session **sessions;
    sl_wide_face *faces; /* [photos]; of those without a face all zero */
    size_t first;        /* photo of item 0 */
} finding;

/* Where aligned points lie in the picture in the mean. */
static void points_of_wide(sl_point out[5])
{
    const sl_align_template *t = sl_align_template_find("arcface-112");
    for (int i = 0; i < 5; i++)
        out[i] = (sl_point){(t->points[i].x + .5f) / 2 + SL_WIDE_SIDE / 4.f - .5f,
                            (t->points[i].y + .5f) / 2 + SL_WIDE_SIDE / 4.f - .5f};
}

static sl_status take(const sl_image *photo, const sl_face *face, sl_wide_face *out, sl_error *err)
{
    sl_point middle[5];
    sl_affine map;
    points_of_wide(middle);
    SL_TRY(sl_similarity_fit(middle, face->points, 5, &map, err));
    SL_TRY(sl_points_to_crop(&map, face->points, 5, out->points, err));
    SL_TRY(sl_points_to_crop(&map, face->landmarks, 68, out->landmarks, err));
    return sl_image_take(photo, &map, SL_WIDE_SIDE, SL_WIDE_SIDE, &out->picture, err);
}

static sl_status find_face(void *context, size_t item, int worker, sl_error *err)
{
    const finding *f = context;
    const size_t i = f->first + item;
    sl_point unused[68];
    sl_image photo;
    sl_face *faces = NULL;
    size_t count = 0;
    bool none;
    SL_TRY(sl_source_crop(f->photos, i, &photo, unused, &none, err));
    sl_status status = sl_detect_main(f->sessions[worker], &photo, &faces, &count, err);
    if (status == SL_OK && count && faces[0].has_landmarks)
        status = take(&photo, &faces[0], &f->faces[i], err);
    free(faces);
    sl_image_free(&photo);
    return status;
}

/* Some photos at a time, so that whoever waits is told. */
static sl_status find_all(finding *f, size_t count, int threads, sl_ticker *ticker, sl_error *err)
{
    enum { AT_A_TIME = 64 };
    for (; f->first < count; f->first += AT_A_TIME) {
        const size_t left = count - f->first, now = left < AT_A_TIME ? left : AT_A_TIME;
        SL_TRY(sl_parallel_try(threads, now, find_face, f, err));
        SL_TRY(sl_tick(ticker, f->first + now, err));
    }
    return SL_OK;
}

static size_t keep_found(sl_wide_face *faces, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (faces[i].picture.pixels)
            faces[kept++] = faces[i];
    return kept;
}

sl_status sl_wide_faces_find(const sl_source *photos, const sl_engine *engine, int threads, sl_ticker *ticker,
                             sl_wide_face **out, size_t *count, sl_error *err)
{
    const size_t n = sl_source_size(photos);
    finding f = {.photos = photos};
    *out = NULL;
    *count = 0;
    SL_TRY(sl_sessions_open(engine, threads, &f.sessions, err));
    f.faces = calloc(n, sizeof *f.faces);
    sl_status status = f.faces ? find_all(&f, n, threads, ticker, err) : sl_no_memory(err, "for faces");
    sl_sessions_close(f.sessions, threads);
    if (status == SL_OK && !(*count = keep_found(f.faces, n)))
        status = sl_fail(err, SL_ERR_NOT_FOUND, "no face with landmarks is on any of %zu photos: points are learned "
                         "from whole photos, and dlib's landmarks are needed (apt-get install libdlib-data)", n);
    if (status != SL_OK) {
        sl_wide_faces_free(f.faces, n);
        return status;
    }
    *out = f.faces;
    return SL_OK;
}

void sl_wide_faces_free(sl_wide_face *faces, size_t count)
{
    for (size_t i = 0; faces && i < count; i++)
        sl_image_free(&faces[i].picture);
    free(faces);
}
