/* Enrolment: photos are read, searched, aligned and embedded by all threads, a chunk at a time; then the chunk
 * is added in the list's order and committed. So the gallery does not depend on the number of threads, and
 * an interruption leaves whole chunks and whatever of the last one was ready. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/threads.h"
#include "gallery/gallery.h"
#include "image/image.h"
#include "pipeline/engine.h"

enum { CHUNK = 32 * SL_EMBED_BATCH, MAX_FACES_A_PHOTO = 1000 };

/* One face on its way into the gallery. */
typedef struct {
    sl_image crop;
    sl_template *template;
    sl_point landmarks[68];
    int has_landmarks;
    sl_box box;
    sl_quality quality;
    int number; /* 1 for a photo's first face */
} faced;

/* What became of one photo of the chunk. */
typedef struct {
    const sl_photo *photo;
    sl_error why; /* status SL_OK: faces are to be enrolled */
    faced *faces;
    size_t count;
    bool done, low_quality;
} outcome;

typedef struct {
    const sl_engine *engine;
    const sl_enroll_options *options;
    sl_gallery *gallery;
    sl_precision precision;
    sl_session **sessions; /* [threads] */
    int threads;
    outcome *outcomes;     /* [CHUNK] */
    size_t in_chunk, before, total;
    atomic_size_t finished; /* photos of this chunk */
    atomic_bool stop;
} enrolment;

static sl_status add_face(outcome *o, const faced *face, sl_error *err)
{
    faced *grown = sl_realloc_array(o->faces, o->count + 1, sizeof *grown);
    if (!grown)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a face", o->photo->path);
    o->faces = grown;
    o->faces[o->count++] = *face;
    return SL_OK;
}

/* Refuses a face below the gate: the photo's outcome when it was the only one. */
static bool passes_gate(const enrolment *e, outcome *o, const sl_face *face)
{
    if (e->options->min_quality < 0 || face->quality.overall >= e->options->min_quality)
        return true;
    o->low_quality = true;
    sl_fail(&o->why, SL_ERR_NO_FACE, "%s: the face is of too low quality (%.3f, at least %.3f is asked: size %.2f, "
            "sharpness %.2f, pose %.2f, detector %.2f)", o->photo->path, (double)face->quality.overall,
            (double)e->options->min_quality, (double)face->quality.size, (double)face->quality.sharpness,
            (double)face->quality.pose, (double)face->quality.detector);
    return false;
}

static sl_status crop_face(const enrolment *e, sl_session *s, outcome *o, const sl_image *image, const sl_face *face,
                           int number, sl_error *err)
{
    if (!passes_gate(e, o, face))
        return SL_OK;
    faced f = {.box = face->box, .quality = face->quality, .number = number};
    SL_TRY(sl_session_crop(s, image, face, &f.crop, f.landmarks, &f.has_landmarks, err));
    sl_status status = add_face(o, &f, err);
    if (status != SL_OK)
        sl_image_free(&f.crop);
    return status;
}

static sl_status find_faces(const enrolment *e, sl_session *s, outcome *o, const sl_image *image, sl_error *err)
{
    sl_face *faces;
    size_t count;
    SL_TRY(sl_detect(s, image, &faces, &count, err));
    sl_status status = SL_OK;
    if (count == 0)
        status = sl_fail(err, SL_ERR_NO_FACE, "%s: no face found", o->photo->path);
    else if (!e->options->all_faces)
        status = crop_face(e, s, o, image, &faces[sl_main_face(image, faces, count)], 1, err);
    else
        for (size_t i = 0; i < count && i < MAX_FACES_A_PHOTO && status == SL_OK; i++)
            status = crop_face(e, s, o, image, &faces[i], (int)i + 1, err);
    free(faces);
    return status;
}

/* A picture that is a crop already: scored 1, its landmarks found where the template puts a face. */
static sl_status take_crop(sl_session *s, outcome *o, sl_image *image, sl_error *err)
{
    faced f = {.box = {0, 0, (float)image->width, (float)image->height},
               .quality = {.size = 1, .sharpness = 1, .pose = 1, .detector = 1, .overall = 1}, .number = 1};
    SL_TRY(sl_session_crop_landmarks(s, image, f.landmarks, &f.has_landmarks, err));
    f.crop = *image;
    SL_TRY(add_face(o, &f, err));
    *image = (sl_image){0}; /* the outcome's now */
    return SL_OK;
}

static void read_photo(const enrolment *e, sl_session *s, outcome *o)
{
    sl_image image = {0};
    sl_error *err = &o->why;
    bool aligned = e->options->aligned;
    sl_status status = aligned ? sl_crop_read(s, o->photo->path, &image, err)
                               : sl_image_read(o->photo->path, &image, err);
    if (status == SL_OK)
        status = aligned ? take_crop(s, o, &image, err) : find_faces(e, s, o, &image, err);
    sl_image_free(&image);
    if (status == SL_OK && o->count)
        o->why.status = SL_OK;
}

/* Templates of all faces of one item's photos, in batches. */
static sl_status embed_item(const enrolment *e, sl_session *s, outcome *first, size_t photos, sl_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < photos; i++)
        total += first[i].count;
    sl_image *crops = sl_calloc_aligned(total + 1, sizeof *crops);
    sl_template **templates = sl_calloc_aligned(total + 1, sizeof *templates);
    sl_status status = crops && templates ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for %zu crops", total);
    if (status == SL_OK) {
        size_t at = 0;
        for (size_t i = 0; i < photos; i++)
            for (size_t k = 0; k < first[i].count; k++)
                crops[at++] = first[i].faces[k].crop;
        status = sl_session_embed(s, crops, total, e->precision, templates, err);
        at = 0;
        for (size_t i = 0; i < photos && status == SL_OK; i++)
            for (size_t k = 0; k < first[i].count; k++)
                first[i].faces[k].template = templates[at++];
    }
    free(crops);
    free(templates);
    return status;
}

static void tell_progress(enrolment *e)
{
    const sl_enroll_options *o = e->options;
    if (o->progress && o->progress(o->context, e->before + atomic_load(&e->finished), e->total))
        atomic_store(&e->stop, true);
}

/* Item: SL_EMBED_BATCH photos of the chunk. */
static void run_item(void *context, size_t item, int worker)
{
    enrolment *e = context;
    sl_session *s = e->sessions[worker];
    size_t from = item * SL_EMBED_BATCH, count = e->in_chunk - from;
    if (count > SL_EMBED_BATCH)
        count = SL_EMBED_BATCH;
    if (atomic_load(&e->stop))
        return;
    for (size_t i = from; i < from + count; i++) {
        read_photo(e, s, &e->outcomes[i]);
        atomic_fetch_add(&e->finished, 1);
        if (worker == 0)
            tell_progress(e);
    }
    if (embed_item(e, s, e->outcomes + from, count, NULL) != SL_OK) /* one by one: only the bad photo is lost */
        for (size_t i = from; i < from + count; i++)
            if (e->outcomes[i].count)
                embed_item(e, s, &e->outcomes[i], 1, &e->outcomes[i].why);
    for (size_t i = from; i < from + count; i++)
        e->outcomes[i].done = true;
}

static void free_outcome(outcome *o)
{
    for (size_t i = 0; i < o->count; i++) {
        sl_image_free(&o->faces[i].crop);
        sl_template_free(o->faces[i].template);
    }
    free(o->faces);
    *o = (outcome){0};
}

/* ---- adding, on the caller's thread ---- */

static sl_status add_one(enrolment *e, const outcome *o, faced *f, sl_enroll_report *report, sl_error *err)
{
    char *numbered = NULL;
    const char *image = o->photo->image;
    if (f->number > 1) {
        if (asprintf(&numbered, "%s#%d", image, f->number) < 0)
            return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a face's name", image);
        image = numbered;
    }
    sl_entry entry = {.label = o->photo->label, .image = image, .box = f->box, .quality = f->quality,
                      .has_landmarks = f->has_landmarks};
    f->template->box = f->box;
    f->template->quality = f->quality;
    f->template->has_landmarks = f->has_landmarks;
    memcpy(f->template->landmarks, f->landmarks, sizeof f->landmarks);
    sl_status status = sl_gallery_add(e->gallery, &entry, f->template, e->options->keep_crops ? &f->crop : NULL, err);
    free(numbered);
    if (status == SL_OK)
        report->enrolled++;
    if (status == SL_ERR_EXISTS) {
        report->existing++;
        return SL_OK;
    }
    return status;
}

/* Counts and tells a photo that is not enrolled. */
static void refuse(const enrolment *e, const outcome *o, sl_enroll_report *report)
{
    if (o->low_quality && o->why.status == SL_ERR_NO_FACE)
        report->low_quality++;
    else if (o->why.status == SL_ERR_NO_FACE)
        report->no_face++;
    else
        report->unreadable++;
    if (e->options->refused)
        e->options->refused(e->options->context, o->photo, &o->why);
}

static sl_status add_chunk(enrolment *e, sl_enroll_report *report, sl_error *err)
{
    for (size_t i = 0; i < e->in_chunk; i++) {
        outcome *o = &e->outcomes[i];
        if (!o->done)
            continue; /* interrupted before its turn */
        if (o->why.status != SL_OK) {
            refuse(e, o, report);
            continue;
        }
        for (size_t k = 0; k < o->count; k++) {
            sl_status status = add_one(e, o, &o->faces[k], report, err);
            if (status == SL_ERR_ARGUMENT || status == SL_ERR_LIMIT) { /* this photo's own fault: a name */
                if (err)
                    o->why = *err;
                else
                    o->why.status = status;
                refuse(e, o, report);
                break;
            }
            SL_TRY(status);
        }
    }
    return sl_gallery_commit(e->gallery, err);
}

static sl_status run_chunk(enrolment *e, sl_enroll_report *report, sl_error *err)
{
    atomic_store(&e->finished, 0);
    size_t items = (e->in_chunk + SL_EMBED_BATCH - 1) / SL_EMBED_BATCH;
    sl_parallel_for(e->threads, items, run_item, e);
    sl_status status = add_chunk(e, report, err);
    for (size_t i = 0; i < e->in_chunk; i++)
        free_outcome(&e->outcomes[i]);
    e->before += atomic_load(&e->finished);
    e->in_chunk = 0;
    return status;
}

static bool is_enrolled(const enrolment *e, const sl_photo *photo)
{
    size_t face;
    return sl_gallery_find(e->gallery, photo->image, &face, NULL) == SL_OK;
}

/* Feeds the chunks; photos that the gallery has already are passed over without being read. */
static sl_status run_all(enrolment *e, const sl_photo *photos, size_t count, sl_enroll_report *report, sl_error *err)
{
    e->total = count;
    for (size_t i = 0; i < count; i++) {
        if (!e->options->all_faces && is_enrolled(e, &photos[i])) {
            report->existing++;
            e->before++;
        } else
            e->outcomes[e->in_chunk++].photo = &photos[i];
        if (e->in_chunk == CHUNK || (i + 1 == count && e->in_chunk))
            SL_TRY(run_chunk(e, report, err));
        if (atomic_load(&e->stop))
            break;
    }
    if (atomic_load(&e->stop))
        return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted: %zu faces are enrolled and safe; run the same command "
                       "again to go on", report->enrolled);
    atomic_store(&e->finished, 0);
    tell_progress(e);
    return SL_OK;
}

static sl_status open_sessions(enrolment *e, sl_error *err)
{
    e->threads = e->options->threads > 0 ? e->options->threads : sl_cpu_count();
    e->sessions = sl_calloc_aligned((size_t)e->threads, sizeof *e->sessions);
    e->outcomes = sl_calloc_aligned(CHUNK, sizeof *e->outcomes);
    if (!e->sessions || !e->outcomes)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to enrol on %d threads", e->threads);
    for (int i = 0; i < e->threads; i++)
        SL_TRY(sl_session_open(e->engine, 1, &e->sessions[i], err));
    return SL_OK;
}

sl_enroll_options sl_enroll_defaults(void) { return (sl_enroll_options){.min_quality = .05f}; }

sl_status sl_enroll(const sl_engine *engine, sl_gallery *gallery, const sl_photo *photos, size_t count,
                    const sl_enroll_options *options, sl_enroll_report *report, sl_error *err)
{
    sl_enroll_options defaults = sl_enroll_defaults();
    sl_enroll_report unused;
    sl_gallery_info info;
    struct timespec start, end;
    if (!report)
        report = &unused;
    *report = (sl_enroll_report){.photos = count};
    if (!engine || !gallery || (count && !photos))
        return sl_fail(err, SL_ERR_ARGUMENT, "enrolment needs an engine, a gallery and photos");
    sl_gallery_get_info(gallery, &info);
    enrolment e = {.engine = engine, .gallery = gallery, .options = options ? options : &defaults,
                   .precision = info.patch_precision};
    clock_gettime(CLOCK_MONOTONIC, &start);
    sl_status status = open_sessions(&e, err);
    if (status == SL_OK)
        status = run_all(&e, photos, count, report, err);
    for (int i = 0; e.sessions && i < e.threads; i++)
        sl_session_close(e.sessions[i]);
    free(e.sessions);
    free(e.outcomes);
    clock_gettime(CLOCK_MONOTONIC, &end);
    report->seconds = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    return status;
}
