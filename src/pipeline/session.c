/* A session, one thread's compiled networks: the crop of a face, its landmarks, and templates of crops. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/threads.h"
#include "pipeline/engine.h"
#include "secondlook_draw.h"

sl_status sl_session_open(const sl_engine *engine, int threads, sl_session **out, sl_error *err)
{
    *out = NULL;
    if (!engine || threads < 0 || threads > 1024)
        return sl_fail(err, SL_ERR_ARGUMENT, "a session needs an engine and 0 to 1024 threads");
    const sl_recogniser *r = &engine->recogniser;
    sl_session *s = calloc(1, sizeof *s);
    if (s)
        s->patches = sl_calloc_aligned((size_t)r->rows * (size_t)r->cols * (size_t)r->channels, sizeof(float));
    if (!s || !s->patches) {
        sl_session_close(s);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a session");
    }
    s->engine = engine;
    s->process = getpid();
    s->threads = threads ? threads : sl_cpu_count();
    *out = s;
    return SL_OK;
}

sl_status sl_session_check(const sl_session *s, sl_error *err)
{
    if (s->process == getpid())
        return SL_OK;
    return sl_fail(err, SL_ERR_ARGUMENT, "the session was opened before fork: open one in this process");
}

void sl_session_close(sl_session *s)
{
    if (!s)
        return;
    sl_detector_close(s->detector);
    for (int i = 0; i < 4; i++) {
        sl_plan_free(s->plans[i / 2][i % 2]);
        sl_plan_free(s->encoders[i / 2][i % 2]);
    }
    free(s->patches);
    free(s);
}

sl_status sl_sessions_open(const sl_engine *engine, int threads, sl_session ***out, sl_error *err)
{
    *out = NULL;
    sl_session **sessions = sl_calloc_aligned((size_t)threads, sizeof *sessions);
    if (!sessions)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %d threads", threads);
    sl_status status = SL_OK;
    for (int i = 0; i < threads && status == SL_OK; i++)
        status = sl_session_open(engine, 1, &sessions[i], err);
    if (status == SL_OK)
        *out = sessions;
    else
        sl_sessions_close(sessions, threads);
    return status;
}

void sl_sessions_close(sl_session **sessions, int threads)
{
    for (int i = 0; sessions && i < threads; i++)
        sl_session_close(sessions[i]);
    free(sessions);
}

/* ---- crops ---- */

sl_status sl_align(sl_session *s, const sl_image *image, const sl_face *face, sl_image *crop, sl_error *err)
{
    const sl_recogniser *r = &s->engine->recogniser;
    return sl_face_align(image, face->points, s->engine->align, r->width, r->height, crop, NULL, err);
}

sl_status sl_crop_read(sl_session *s, const char *path, sl_image *crop, sl_error *err)
{
    return s->engine->recogniser.channels_in == 1 ? sl_image_read_grey(path, crop, err)
                                                  : sl_image_read(path, crop, err);
}

/* Points in pixels of a crop, as parts of its sides. */
static void to_units(sl_point landmarks[68], int width, int height)
{
    for (int i = 0; i < 68; i++) {
        landmarks[i].x = (landmarks[i].x + .5f) / (float)width;
        landmarks[i].y = (landmarks[i].y + .5f) / (float)height;
    }
}

sl_status sl_session_crop(sl_session *s, const sl_image *image, const sl_face *face, sl_image *crop,
                          sl_point landmarks[68], int *has_landmarks, sl_error *err)
{
    const sl_recogniser *r = &s->engine->recogniser;
    sl_affine map;
    SL_TRY(sl_face_align(image, face->points, s->engine->align, r->width, r->height, crop, &map, err));
    *has_landmarks = face->has_landmarks &&
                     sl_points_to_crop(&map, face->landmarks, 68, landmarks, NULL) == SL_OK;
    if (*has_landmarks)
        to_units(landmarks, r->width, r->height);
    return SL_OK;
}

sl_status sl_landmarks_of_crop(sl_session *s, const sl_image *crop, sl_point landmarks[68], sl_error *err)
{
    SL_TRY(sl_image_check(crop, err));
    if (!s->engine->landmarks)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "landmarks need dlib's file: apt-get install libdlib-data");
    sl_point points[5];
    sl_align_points(s->engine->align, crop->width, crop->height, points);
    return sl_landmarks_of_face(s->engine->landmarks, crop, points, landmarks, err);
}

sl_status sl_session_crop_landmarks(sl_session *s, const sl_image *crop, sl_point landmarks[68], int *has_landmarks,
                                    sl_error *err)
{
    *has_landmarks = 0;
    if (!s->engine->landmarks)
        return SL_OK;
    SL_TRY(sl_landmarks_of_crop(s, crop, landmarks, err));
    to_units(landmarks, crop->width, crop->height);
    *has_landmarks = 1;
    return SL_OK;
}

/* ---- templates ---- */

/* For queries with what the encoder goes on from. */
static sl_status compile_for(const sl_session *s, int batch, bool query, sl_plan **out, sl_error *err)
{
    const sl_engine *e = s->engine;
    const sl_plan_options options = {.threads = s->threads, .precision = e->precision, .weights = e->weights};
    if (e->precision == SL_COMPUTE_INT8)
        return sl_int8_compile(&e->recogniser, &e->int8, batch, &options, out, err);
    char *inner[SL_MOST_INNER];
    const int n_inner = query ? sl_encoder_inner(&e->encoder, inner) : 0;
    return sl_recogniser_compile_with(&e->recogniser, batch, inner, n_inner, &options, out, err);
}

/* Without an encoder queries are embedded as all faces are. */
static sl_status plan_for(sl_session *s, int batch, bool query, sl_plan **out, sl_error *err)
{
    query = query && s->engine->encoder.manifest && s->engine->precision != SL_COMPUTE_INT8;
    sl_plan **plan = &s->plans[query][batch > 1];
    if (!*plan)
        SL_TRY(compile_for(s, batch, query, plan, err));
    *out = *plan;
    return SL_OK;
}

/* One network run over `count` <= batch crops; the rest of the batch repeats what is there. */
static sl_status embed_batch(sl_session *s, const sl_image *crops, int count, int batch, sl_patch_format precision,
                             bool query, sl_template **out, sl_error *err)
{
    const sl_recogniser *r = &s->engine->recogniser;
    sl_template_shape shape = s->engine->shape;
    shape.format = precision;
    sl_plan *plan;
    SL_TRY(plan_for(s, batch, query, &plan, err));
    size_t picture = (size_t)r->channels_in * (size_t)r->width * (size_t)r->height;
    size_t map = (size_t)r->channels * (size_t)r->rows * (size_t)r->cols;
    for (int i = 0; i < count; i++)
        SL_TRY(sl_recogniser_prepare(r, &crops[i], sl_plan_input(plan, 0, NULL) + (size_t)i * picture, err));
    SL_TRY(sl_plan_run(plan, err));
    for (int i = 0; i < count; i++) {
        sl_recogniser_patches(r, sl_plan_output(plan, 1, NULL) + (size_t)i * map, s->patches);
        SL_TRY(sl_template_make(&shape, sl_plan_output(plan, 0, NULL) + (size_t)i * (size_t)r->dim, s->patches,
                                &out[i], err));
        if (query)
            SL_TRY(sl_session_encode(s, plan, i, out[i], err));
    }
    return SL_OK;
}

sl_status sl_session_embed(sl_session *s, const sl_image *crops, size_t count, sl_patch_format precision, bool query,
                           sl_template **out, sl_error *err)
{
    memset(out, 0, count * sizeof *out);
    SL_TRY(sl_session_check(s, err));
    for (size_t at = 0; at < count;) {
        size_t left = count - at;
        int batch = left < SL_EMBED_BATCH / 2 ? 1 : s->engine->batch;
        int take = left < (size_t)batch ? (int)left : batch;
        sl_status status = embed_batch(s, crops + at, take, batch, precision, query, out + at, err);
        if (status != SL_OK) {
            for (size_t i = 0; i < count; i++) {
                sl_template_free(out[i]);
                out[i] = NULL;
            }
            return status;
        }
        at += (size_t)take;
    }
    return SL_OK;
}

/* Of crops that are enrolled, or that search. */
static sl_status templates_of(sl_session *s, const sl_image *crops, size_t count, bool query, sl_template **out,
                              sl_error *err)
{
    SL_TRY(sl_session_embed(s, crops, count, SL_PATCHES_INT8, query, out, err));
    for (size_t i = 0; i < count; i++) /* the crop was checked when it was prepared */
        sl_session_crop_landmarks(s, &crops[i], out[i]->landmarks, &out[i]->has_landmarks, NULL);
    return SL_OK;
}

sl_status sl_templates_of_crops(sl_session *s, const sl_image *crops, size_t count, sl_template **out, sl_error *err)
{
    return templates_of(s, crops, count, false, out, err);
}

sl_status sl_queries_of_crops(sl_session *s, const sl_image *crops, size_t count, sl_template **out, sl_error *err)
{
    return templates_of(s, crops, count, true, out, err);
}

/* Of a face that is enrolled, or that searches. */
static sl_status template_of_face(sl_session *s, const sl_image *image, const sl_face *face, bool query,
                                  sl_template **out, sl_error *err)
{
    sl_image crop;
    sl_point landmarks[68];
    int has_landmarks;
    *out = NULL;
    SL_TRY(sl_session_crop(s, image, face, &crop, landmarks, &has_landmarks, err));
    sl_status status = sl_session_embed(s, &crop, 1, SL_PATCHES_INT8, query, out, err);
    sl_image_free(&crop);
    SL_TRY(status);
    sl_template *t = *out;
    t->has_landmarks = has_landmarks;
    if (has_landmarks)
        memcpy(t->landmarks, landmarks, sizeof t->landmarks);
    t->box = face->box;
    t->quality = face->quality;
    return SL_OK;
}

sl_status sl_template_of_face(sl_session *s, const sl_image *image, const sl_face *face, sl_template **out,
                              sl_error *err)
{
    return template_of_face(s, image, face, false, out, err);
}

sl_status sl_query_of_face(sl_session *s, const sl_image *image, const sl_face *face, sl_template **out, sl_error *err)
{
    return template_of_face(s, image, face, true, out, err);
}
