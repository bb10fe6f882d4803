/* An attack on a photo: the window of it that the networks' crops are made of, what they make of the face that is aimed
 * at, where the photo may change, and what came of it. The steps are walk.c's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attack/walk.h"
#include "base/mem.h"
#include "occlude/occlude.h"

#define MOST_SAMPLES ((size_t)3 << 24) /* a window of 4096 x 4096 */

/* ---- the window ---- */

/* What all crops are made of, within the photo. */
static sl_numbers window_of(const sl_attack *a, const sl_image *photo)
{
    int x0 = photo->width, y0 = photo->height, x1 = 0, y1 = 0;
    for (size_t i = 0; i < a->count; i++) {
        const sl_taking *t = &a->networks[i].taking;
        x0 = t->x < x0 ? t->x : x0;
        y0 = t->y < y0 ? t->y : y0;
        x1 = t->x + t->width > x1 ? t->x + t->width : x1;
        y1 = t->y + t->height > y1 ? t->y + t->height : y1;
    }
    x1 = x1 < photo->width ? x1 : photo->width;
    y1 = y1 < photo->height ? y1 : photo->height;
    return (sl_numbers){.x = x0, .y = y0, .width = x1 - x0, .height = y1 - y0};
}

static size_t samples_of(const sl_numbers *n)
{
    return 3 * (size_t)n->width * (size_t)n->height;
}

/* The window's pixels of a photo as numbers. */
static sl_status read_window(const sl_image *photo, const sl_numbers *window, sl_numbers *out, sl_error *err)
{
    *out = *window;
    if (samples_of(window) > MOST_SAMPLES)
        return sl_fail(err, SL_ERR_LIMIT,
                       "the face takes %d x %d pixels of the photo, more than an attack changes: make "
                       "the photo smaller",
                       window->width, window->height);
    out->value = sl_alloc_aligned(samples_of(window) * sizeof *out->value);
    if (!out->value)
        return sl_no_memory(err, "to attack a photo");
    float *to = out->value;
    for (int y = 0; y < out->height; y++) {
        const uint8_t *from = photo->pixels + 3 * ((size_t)(out->y + y) * (size_t)photo->width + (size_t)out->x);
        for (int i = 0; i < 3 * out->width; i++)
            *to++ = *from++;
    }
    return SL_OK;
}

/* Aims all networks at a face; *window is what they see of the photo then. */
static sl_status aim(sl_attack *a, const sl_image *photo, const sl_face *face, sl_numbers *window, sl_error *err)
{
    for (size_t i = 0; i < a->count; i++)
        SL_TRY(sl_surrogate_aim(&a->networks[i], photo, face->points, err));
    const sl_numbers all = window_of(a, photo);
    return read_window(photo, &all, window, err);
}

/* Each network's `other`: what it makes of this face. */
static sl_status set_goal(sl_attack *a, const sl_image *photo, const sl_face *face, sl_error *err)
{
    sl_numbers window = {0};
    sl_status status = aim(a, photo, face, &window, err);
    for (size_t i = 0; status == SL_OK && i < a->count; i++)
        status = sl_surrogate_embed(&a->networks[i], &window, a->networks[i].other, err);
    free(window.value);
    return status;
}

/* ---- where it may change ---- */

static sl_status mark_region(sl_walk *w, const sl_image *photo, const sl_face *face, sl_error *err)
{
    if (w->a->options.region == SL_ATTACK_ALL)
        return SL_OK;
    if (!face->has_landmarks)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "frames of glasses are drawn by 68 landmarks, which this face has not: "
                       "apt-get install libdlib-data");
    uint8_t *mark = calloc((size_t)photo->width * (size_t)photo->height, 1);
    if (!mark)
        return sl_no_memory(err, "to mark a part of a photo");
    sl_status status = sl_mark_frames(photo, face->landmarks, mark, err);
    for (size_t i = 0; status == SL_OK && i < w->samples; i++) {
        const size_t pixel = i / 3, x = pixel % (size_t)w->photo.width, y = pixel / (size_t)w->photo.width;
        w->may[i] &= mark[((size_t)w->photo.y + y) * (size_t)photo->width + (size_t)w->photo.x + x];
    }
    free(mark);
    return status;
}

static sl_status find_free(sl_walk *w, const sl_image *photo, const sl_face *face, sl_error *err)
{
    for (size_t i = 0; i < w->a->count; i++)
        SL_TRY(sl_surrogate_reach(&w->a->networks[i], &w->slope, err));
    for (size_t i = 0; i < w->samples; i++)
        w->may[i] = w->slope.value[i] > 0;
    SL_TRY(mark_region(w, photo, face, err));
    for (size_t i = 0; i < w->samples; i++)
        w->movable += w->may[i];
    return w->movable ? SL_OK
                      : sl_fail(err, SL_ERR_ARGUMENT, "nothing of this face lies where the photo may change");
}

/* ---- the whole ---- */

static sl_status measure(sl_walk *w, const sl_numbers *pixels, double cosines[SL_ATTACK_MODELS], sl_error *err)
{
    for (size_t i = 0; i < w->a->count; i++)
        SL_TRY(sl_surrogate_cosine(&w->a->networks[i], pixels, NULL, &cosines[i], err));
    return SL_OK;
}

static void tell_change(const sl_walk *w, sl_attack_result *out)
{
    out->samples = w->movable;
    out->root_mean_square = sl_walk_length(w);
    for (size_t i = 0; i < w->samples; i++) {
        const double d = fabs((double)w->now.value[i] - (double)w->photo.value[i]);
        out->changed += d > 0;
        out->largest = fmax(out->largest, d);
    }
}

static void write_back(const sl_walk *w, sl_image *out)
{
    const float *from = w->now.value;
    for (int y = 0; y < w->now.height; y++) {
        uint8_t *to = out->pixels + 3 * ((size_t)(w->now.y + y) * (size_t)out->width + (size_t)w->now.x);
        for (int i = 0; i < 3 * w->now.width; i++)
            *to++ = (uint8_t)(int)*from++;
    }
}

static sl_status reserve(sl_walk *w, const sl_image *photo, sl_error *err)
{
    SL_TRY(read_window(photo, &w->photo, &w->now, err));
    w->samples = samples_of(&w->photo);
    w->slope = w->photo;
    w->slope.value = sl_calloc_aligned(w->samples, sizeof *w->slope.value);
    w->along = sl_calloc_aligned(w->samples, sizeof *w->along);
    w->may = sl_calloc_aligned(w->samples, sizeof *w->may);
    return w->slope.value && w->along && w->may ? SL_OK : sl_no_memory(err, "to attack a photo");
}

static sl_status run(sl_walk *w, sl_image *photo, const sl_face *face, sl_attack_result *result, sl_error *err)
{
    SL_TRY(aim(w->a, photo, face, &w->photo, err));
    SL_TRY(reserve(w, photo, err));
    SL_TRY(find_free(w, photo, face, err));
    SL_TRY(measure(w, &w->photo, result->before, err));
    SL_TRY(sl_walk_run(w, err));
    SL_TRY(measure(w, &w->now, result->after, err));
    tell_change(w, result);
    write_back(w, photo);
    return SL_OK;
}

static sl_status check_face(const sl_attack_face *f, sl_error *err)
{
    if (!f->photo || !f->face)
        return sl_fail(err, SL_ERR_ARGUMENT, "an attack needs a photo and its face, as sl_detect gives it");
    return sl_image_check(f->photo, err);
}

static sl_status goal_of(sl_attack *a, const sl_attack_face *face, sl_error *err)
{
    sl_image rgb = {0};
    SL_TRY(check_face(face, err));
    SL_TRY(sl_image_to_rgb(face->photo, &rgb, err));
    sl_status status = set_goal(a, &rgb, face->face, err);
    sl_image_free(&rgb);
    return status;
}

sl_status sl_attack_photo(sl_attack *a, const sl_attack_face *query, const sl_attack_face *towards, uint64_t seed,
                          sl_image *out, sl_attack_result *result, sl_error *err)
{
    sl_walk w = {.a = a, .seed = seed, .sign = towards ? 1 : -1};
    *out = (sl_image){0};
    *result = (sl_attack_result){.seed = seed};
    SL_TRY(check_face(query, err));
    if (!towards && !(a->options.start > 0))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "a face is driven away from itself: there the slope is 0, so the attack has "
                       "to start with some noise");
    SL_TRY(goal_of(a, towards ? towards : query, err));
    SL_TRY(sl_image_to_rgb(query->photo, out, err));
    sl_status status = run(&w, out, query->face, result, err);
    free(w.photo.value);
    free(w.now.value);
    free(w.slope.value);
    free(w.along);
    free(w.may);
    if (status != SL_OK) {
        sl_image_free(out);
        *result = (sl_attack_result){0};
    }
    return status;
}
