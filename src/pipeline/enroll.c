/* Enrolment: workers take a photo, or as many as make a batch, from file to templates; the caller's thread adds what
 * is ready in the list's order. So the gallery does not depend on the number of threads, no thread waits for another
 * but at the end, and photos that wait for their turn are bounded. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/threads.h"
#include "gallery/gallery.h"
#include "pipeline/enroll.h"

/* Commits depend on the list alone, as all that is written does. */
enum { COMMIT_PHOTOS = 256, WINDOW_OF_A_THREAD = 4 };

typedef struct {
    const sl_enroll_options *options;
    sl_gallery *gallery;
    const sl_photo **photos; /* [count] those that are to be enrolled */
    size_t count;
    size_t group, window;    /* photos of an item, items on their way */
    int threads;
    sl_session **sessions;     /* [threads] */
    sl_enroll_worker *workers; /* [threads] */
    sl_outcome *outcomes;      /* [window * group] */
    sl_enroll_report *report;
    size_t taken; /* photos */
    bool interrupted;
    sl_status status; /* of the gallery: what fails there ends the run */
    sl_error *err;
} enrolment;

static size_t item_outcomes(const enrolment *e, size_t item, sl_outcome **out)
{
    size_t from = item * e->group, left = e->count - from;
    *out = e->outcomes + item % e->window * e->group;
    return left < e->group ? left : e->group;
}

static void make_item(void *context, size_t item, int worker)
{
    enrolment *e = context;
    sl_outcome *outcomes;
    size_t count = item_outcomes(e, item, &outcomes);
    for (size_t i = 0; i < count; i++)
        outcomes[i].photo = e->photos[item * e->group + i];
    sl_enroll_work(&e->workers[worker], outcomes, count);
}

/* ---- adding, on the caller's thread ---- */

static sl_status add_face(enrolment *e, const sl_outcome *o, const sl_enroll_face *f, sl_error *err)
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
    sl_status status = sl_gallery_add(e->gallery, &entry, f->template, e->options->keep_crops ? &f->crop : NULL, err);
    free(numbered);
    if (status == SL_OK)
        e->report->enrolled++;
    if (status == SL_ERR_EXISTS) {
        e->report->existing++;
        return SL_OK;
    }
    return status;
}

/* Counts and tells a photo that is not enrolled. */
static void refuse(enrolment *e, const sl_outcome *o)
{
    if (o->low_quality && o->why.status == SL_ERR_NO_FACE)
        e->report->low_quality++;
    else if (o->why.status == SL_ERR_NO_FACE)
        e->report->no_face++;
    else
        e->report->unreadable++;
    if (e->options->refused)
        e->options->refused(e->options->context, o->photo, &o->why);
}

static sl_status add_photo(enrolment *e, sl_outcome *o, sl_error *err)
{
    sl_error why = {0};
    if (o->why.status != SL_OK) {
        refuse(e, o);
        return SL_OK;
    }
    for (size_t k = 0; k < o->count; k++) {
        sl_status status = add_face(e, o, &o->faces[k], &why);
        if (status == SL_ERR_ARGUMENT || status == SL_ERR_LIMIT) { /* this photo's own fault: a name */
            o->why = why;
            refuse(e, o);
            return SL_OK;
        }
        if (status != SL_OK) {
            if (err)
                *err = why;
            return status;
        }
    }
    return SL_OK;
}

static void tell_progress(enrolment *e, size_t done)
{
    const sl_enroll_options *o = e->options;
    if (o->progress && o->progress(o->context, done, e->report->photos))
        e->interrupted = true;
}

static bool take_item(void *context, size_t item)
{
    enrolment *e = context;
    sl_outcome *outcomes;
    size_t count = item_outcomes(e, item, &outcomes);
    double start = sl_thread_seconds();
    for (size_t i = 0; i < count; i++) {
        if (e->status == SL_OK)
            e->status = add_photo(e, &outcomes[i], e->err);
        sl_outcome_clear(&outcomes[i]);
        if (++e->taken % COMMIT_PHOTOS == 0 && e->status == SL_OK)
            e->status = sl_gallery_commit(e->gallery, e->err);
    }
    e->report->cpu.add += sl_thread_seconds() - start;
    tell_progress(e, e->report->photos - e->count + e->taken);
    return e->status == SL_OK && !e->interrupted;
}

/* ---- the run ---- */

static bool is_enrolled(const enrolment *e, const sl_photo *photo)
{
    size_t face;
    return sl_gallery_find(e->gallery, photo->image, &face, NULL) == SL_OK;
}

/* Photos that the gallery has already are passed over without being read. */
static void choose_photos(enrolment *e, const sl_photo *photos, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!e->options->all_faces && is_enrolled(e, &photos[i]))
            e->report->existing++;
        else
            e->photos[e->count++] = &photos[i];
}

static sl_status prepare(enrolment *e, const sl_engine *engine, const sl_photo *photos, size_t count, sl_error *err)
{
    sl_gallery_info info;
    sl_gallery_get_info(e->gallery, &info);
    e->threads = e->options->threads > 0 ? e->options->threads : sl_cpu_count();
    e->group = (size_t)engine->batch;
    e->window = (size_t)e->threads * WINDOW_OF_A_THREAD;
    if (e->window > SL_WINDOW_MAX)
        e->window = SL_WINDOW_MAX;
    e->photos = sl_calloc_aligned(count + 1, sizeof *e->photos);
    e->workers = sl_calloc_aligned((size_t)e->threads, sizeof *e->workers);
    e->outcomes = sl_calloc_aligned(e->window * e->group, sizeof *e->outcomes);
    if (!e->photos || !e->workers || !e->outcomes)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to enrol %zu photos on %d threads", count, e->threads);
    SL_TRY(sl_sessions_open(engine, e->threads, &e->sessions, err));
    const bool int8 = info.patch_precision == SL_PRECISION_INT8;
    for (int i = 0; i < e->threads; i++)
        e->workers[i] = (sl_enroll_worker){.options = e->options, .session = e->sessions[i],
                                           .precision = int8 ? SL_PRECISION_INT8 : SL_PRECISION_F32};
    choose_photos(e, photos, count);
    return SL_OK;
}

/* What was begun is added and committed, also after an interruption. */
static sl_status run_all(enrolment *e, sl_error *err)
{
    const sl_ordered_loop loop = {.threads = e->threads, .count = (e->count + e->group - 1) / e->group,
                                  .window = e->window, .make = make_item, .take = take_item, .context = e};
    tell_progress(e, e->report->existing);
    if (!e->interrupted)
        sl_parallel_ordered(&loop);
    SL_TRY(e->status);
    SL_TRY(sl_gallery_commit(e->gallery, err));
    if (e->interrupted)
        return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted: %zu faces are enrolled and safe; run the same command "
                       "again to go on", e->report->enrolled);
    return SL_OK;
}

static void count_stages(sl_enroll_cpu *sum, const sl_enroll_worker *workers, int count)
{
    for (int i = 0; i < count; i++) {
        const sl_enroll_cpu *one = &workers[i].spent;
        sum->decode += one->decode;
        sum->detect += one->detect;
        sum->landmarks += one->landmarks;
        sum->align += one->align;
        sum->embed += one->embed;
    }
}

sl_enroll_options sl_enroll_defaults(void) { return (sl_enroll_options){.min_quality = .05f}; }

sl_status sl_enroll(const sl_engine *engine, sl_gallery *gallery, const sl_photo *photos, size_t count,
                    const sl_enroll_options *options, sl_enroll_report *report, sl_error *err)
{
    sl_enroll_options defaults = sl_enroll_defaults();
    sl_enroll_report unused;
    if (!report)
        report = &unused;
    *report = (sl_enroll_report){.photos = count};
    if (!engine || !gallery || (count && !photos))
        return sl_fail(err, SL_ERR_ARGUMENT, "enrolment needs an engine, a gallery and photos");
    enrolment e = {.gallery = gallery, .options = options ? options : &defaults, .report = report, .err = err};
    double start = sl_now();
    sl_status status = prepare(&e, engine, photos, count, err);
    if (status == SL_OK)
        status = run_all(&e, err);
    if (e.workers)
        count_stages(&report->cpu, e.workers, e.threads);
    sl_sessions_close(e.sessions, e.threads);
    free(e.workers);
    free(e.outcomes);
    free(e.photos);
    report->seconds = sl_now() - start;
    return status;
}
