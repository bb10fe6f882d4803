/* Enrolment: workers take a photo, or as many as make a batch, from file to templates; the caller's thread judges and
 * adds what is ready in the list's order. So the gallery does not depend on the number of threads, no thread waits for
 * another but at the end, and photos that wait for their turn are bounded. */
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
    sl_enroll_task *tasks; /* [count] */
    size_t count;
    size_t group, window; /* photos of an item, items on their way */
    int threads;
    sl_session **sessions;     /* [threads] */
    sl_enroll_worker *workers; /* [threads] */
    sl_outcome *outcomes;      /* [window * group] */
    sl_enroll_report *report;
    size_t taken; /* photos */
    bool interrupted;
    sl_error failure; /* of the gallery: what fails there ends the run */
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
    for (size_t i = 0; i < count; i++) {
        outcomes[i].task = &e->tasks[item * e->group + i];
        outcomes[i].photo = outcomes[i].task->photo;
    }
    sl_enroll_work(&e->workers[worker], outcomes, count);
}

/* ---- what is told ---- */

static void tell(const enrolment *e, sl_enroll_note *note, const sl_entry *other)
{
    if (other) {
        note->other_image = other->image;
        note->other_label = other->label;
    }
    if (e->options->told)
        e->options->told(e->options->context, note);
}

/* Counts and tells a photo that is not enrolled for what it is. */
static void refuse(const enrolment *e, const sl_outcome *o, const sl_error *why)
{
    sl_enroll_report *r = e->report;
    size_t *count = o->unread                              ? &r->unreadable
                    : why->status == SL_ERR_SEVERAL_FACES  ? &r->crowded
                    : why->status != SL_ERR_NO_FACE        ? &r->unstorable
                    : o->low_quality                       ? &r->low_quality
                                                           : &r->no_face;
    ++*count;
    const int faces = why->status == SL_ERR_SEVERAL_FACES ? o->rivals + 1 : 0;
    tell(e, &(sl_enroll_note){.event = SL_ENROLL_REFUSED, .photo = o->photo, .why = *why, .faces = faces}, NULL);
}

static void tell_conflict(const enrolment *e, const sl_outcome *o, const sl_entry *there)
{
    const sl_photo *p = o->photo;
    sl_enroll_note note = {.event = SL_ENROLL_CONFLICT, .photo = p};
    const char *remedy = e->options->replace
                             ? "two photos of this run have that id: give one of them another name"
                             : "--replace puts this one in its place; for both, name their folders in one run or "
                               "rename one";
    e->report->conflicts++;
    if (!sl_same_name(there->label, p->label))
        sl_fail(&note.why, SL_ERR_EXISTS, "%s: enrolled already as %s, not as %s; that stays: %s", p->image,
                there->label, p->label, remedy);
    else
        sl_fail(&note.why, SL_ERR_EXISTS, "%s: another picture is enrolled by this id, as %s; it stays: %s", p->image,
                there->label, remedy);
    tell(e, &note, there);
}

static void tell_duplicate(const enrolment *e, const sl_outcome *o, const sl_entry *there)
{
    sl_enroll_note note = {.event = SL_ENROLL_DUPLICATE, .photo = o->photo};
    e->report->duplicates++;
    sl_fail(&note.why, SL_ERR_EXISTS, "%s: the same photo as %s of %s: not enrolled again", o->photo->image,
            there->image, there->label);
    tell(e, &note, there);
}

static void tell_same_photo(const enrolment *e, const sl_outcome *o, const sl_entry *there)
{
    sl_enroll_note note = {.event = SL_ENROLL_SAME_PHOTO, .photo = o->photo};
    e->report->same_photo++;
    sl_fail(&note.why, SL_OK, "%s of %s is the same photo as %s of %s: enrolled as both", o->photo->image,
            o->photo->label, there->image, there->label);
    tell(e, &note, there);
}

static void tell_several_faces(const enrolment *e, const sl_outcome *o)
{
    const sl_box *b = &o->faces[0].box;
    sl_enroll_note note = {.event = SL_ENROLL_SEVERAL_FACES, .photo = o->photo, .faces = o->rivals + 1, .box = *b};
    e->report->several_faces++;
    sl_fail(&note.why, SL_OK, "%s: shows %d faces that are about as large; the one at %.0f,%.0f to %.0f,%.0f is "
            "enrolled as %s: look whether it is meant", o->photo->image, note.faces, (double)b->x0, (double)b->y0,
            (double)b->x1, (double)b->y1, o->photo->label);
    tell(e, &note, NULL);
}

static void tell_warning(const enrolment *e, const sl_outcome *o)
{
    if (*o->warning.text)
        tell(e, &(sl_enroll_note){.event = SL_ENROLL_WARNING, .photo = o->photo, .why = o->warning}, NULL);
}

/* ---- adding, on the caller's thread ---- */

/* Adds a face, the first of a photo that replaces another in its place. SL_ERR_EXISTS when the face is there. */
static sl_status add_face(enrolment *e, const sl_outcome *o, const sl_enroll_face *f, bool replace, sl_error *err)
{
    char *numbered = NULL;
    const char *image = o->photo->image;
    if (f->number > 1) {
        if (asprintf(&numbered, "%s#%d", image, f->number) < 0)
            return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a face's name", image);
        image = numbered;
    }
    const sl_entry entry = {.label = o->photo->label, .image = image, .box = f->box, .quality = f->quality,
                            .has_landmarks = f->has_landmarks, .photo_sha256 = o->has_hash ? o->sha256 : NULL};
    const sl_image *crop = e->options->keep_crops ? &f->crop : NULL;
    sl_status status = replace ? sl_gallery_replace(e->gallery, o->photo->image, &entry, f->template, crop, err)
                               : sl_gallery_add(e->gallery, &entry, f->template, crop, err);
    free(numbered);
    return status;
}

/* A name or a number that cannot be stored is the photo's own fault, all else the gallery's. */
static bool is_photos_fault(sl_status status)
{
    return status == SL_ERR_ARGUMENT || status == SL_ERR_LIMIT || status == SL_ERR_NUMERIC;
}

static sl_status add_faces(enrolment *e, const sl_outcome *o, bool replace, sl_error *err)
{
    for (size_t k = 0; k < o->count; k++) {
        sl_status status = add_face(e, o, &o->faces[k], replace && k == 0, err);
        if (status == SL_OK)
            e->report->enrolled++;
        else if (status == SL_ERR_EXISTS)
            e->report->existing++;
        else
            return status;
    }
    e->report->replaced += replace;
    return SL_OK;
}

static sl_status add_photo(enrolment *e, const sl_outcome *o, bool replace, const sl_entry *twin, sl_error *err)
{
    char *image = NULL, *label = NULL; /* of the twin: adding moves what its strings point to */
    sl_status status = SL_OK;
    if (twin->image && (!(image = sl_strdup(twin->image)) || !(label = sl_strdup(twin->label))))
        status = sl_fail(err, SL_ERR_MEMORY, "%s: no memory", o->photo->image);
    if (status == SL_OK)
        status = add_faces(e, o, replace, err);
    if (status == SL_OK && image)
        tell_same_photo(e, o, &(sl_entry){.image = image, .label = label});
    if (status == SL_OK && o->rivals)
        tell_several_faces(e, o);
    free(image);
    free(label);
    return status;
}

static sl_status take_photo(enrolment *e, const sl_outcome *o, sl_error *err)
{
    sl_verdict verdict;
    sl_entry other;
    tell_warning(e, o);
    if (o->why.status != SL_OK) {
        refuse(e, o, &o->why);
        return SL_OK;
    }
    SL_TRY(sl_enroll_judge(e->gallery, e->options, o, &verdict, &other, err));
    switch (verdict) {
    case SL_VERDICT_KNOWN_BY_ID: e->report->by_id_alone++; /* fall through */
    case SL_VERDICT_KNOWN: e->report->existing++; return SL_OK;
    case SL_VERDICT_CONFLICT: tell_conflict(e, o, &other); return SL_OK;
    case SL_VERDICT_DUPLICATE: tell_duplicate(e, o, &other); return SL_OK;
    case SL_VERDICT_ADD:
    case SL_VERDICT_REPLACE: break;
    }
    sl_status status = add_photo(e, o, verdict == SL_VERDICT_REPLACE, &other, err);
    if (!is_photos_fault(status))
        return status;
    refuse(e, o, err);
    return SL_OK;
}

static void tell_progress(enrolment *e, size_t done)
{
    const sl_enroll_options *o = e->options;
    if (o->progress && o->progress(o->context, done, e->report->photos))
        e->interrupted = true;
}

static sl_status commit(enrolment *e, sl_error *err)
{
    SL_TRY(sl_gallery_commit(e->gallery, err));
    e->report->committed = e->report->enrolled;
    return SL_OK;
}

static void keep(enrolment *e, sl_status status, const sl_error *why)
{
    if (status != SL_OK)
        e->failure = *why;
}

static bool take_item(void *context, size_t item)
{
    enrolment *e = context;
    sl_outcome *outcomes;
    sl_error why = {0};
    size_t count = item_outcomes(e, item, &outcomes);
    double start = sl_thread_seconds();
    for (size_t i = 0; i < count; i++) {
        if (e->failure.status == SL_OK)
            keep(e, take_photo(e, &outcomes[i], &why), &why);
        sl_outcome_clear(&outcomes[i]);
        if (++e->taken % COMMIT_PHOTOS == 0 && e->failure.status == SL_OK)
            keep(e, commit(e, &why), &why);
    }
    e->report->cpu.add += sl_thread_seconds() - start;
    tell_progress(e, e->taken);
    return e->failure.status == SL_OK && !e->interrupted;
}

/* ---- the run ---- */

static sl_status prepare(enrolment *e, const sl_engine *engine, const sl_photo *photos, size_t count, sl_error *err)
{
    sl_gallery_info info;
    sl_gallery_get_info(e->gallery, &info);
    e->threads = e->options->threads > 0 ? e->options->threads : sl_cpu_count();
    e->group = (size_t)engine->batch;
    e->window = (size_t)e->threads * WINDOW_OF_A_THREAD;
    if (e->window > SL_WINDOW_MAX)
        e->window = SL_WINDOW_MAX;
    e->tasks = sl_calloc_aligned(count + 1, sizeof *e->tasks);
    e->workers = sl_calloc_aligned((size_t)e->threads, sizeof *e->workers);
    e->outcomes = sl_calloc_aligned(e->window * e->group, sizeof *e->outcomes);
    if (!e->tasks || !e->workers || !e->outcomes)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to enrol %zu photos on %d threads", count, e->threads);
    SL_TRY(sl_sessions_open(engine, e->threads, &e->sessions, err));
    const bool int8 = info.patches == SL_PATCHES_INT8;
    for (int i = 0; i < e->threads; i++)
        e->workers[i] = (sl_enroll_worker){.options = e->options, .session = e->sessions[i],
                                           .precision = int8 ? SL_PATCHES_INT8 : SL_PATCHES_F32};
    for (e->count = 0; e->count < count; e->count++)
        sl_enroll_look_up(e->gallery, e->options, &photos[e->count], &e->tasks[e->count]);
    if (e->options->replace && !sl_enroll_find_shared(e->tasks, count))
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the ids of %zu photos", count);
    return SL_OK;
}

/* Says what is safe, in front of what went wrong. */
static sl_status end_early(const enrolment *e, sl_error *err)
{
    const sl_error *why = &e->failure;
    const size_t safe = e->report->committed;
    if (why->status == SL_ERR_IO)
        return sl_fail(err, why->status, "%zu faces are enrolled and safe, then the disk took no more: %s. Make room "
                       "and run the same command again to go on", safe, why->text);
    if (why->status != SL_OK)
        return sl_fail(err, why->status, "%zu faces are enrolled and safe, then: %s", safe, why->text);
    return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted: %zu faces are enrolled and safe; run the same command again "
                   "to go on", safe);
}

/* What was begun is added, and what was added is committed, also after an interruption or on a full disk. */
static sl_status run_all(enrolment *e, sl_error *err)
{
    const sl_ordered_loop loop = {.threads = e->threads, .count = (e->count + e->group - 1) / e->group,
                                  .window = e->window, .make = make_item, .take = take_item, .context = e};
    sl_error late = {0};
    tell_progress(e, 0);
    if (!e->interrupted)
        sl_parallel_ordered(&loop);
    sl_status committed = commit(e, &late);
    if (e->failure.status == SL_OK)
        keep(e, committed, &late);
    return e->failure.status != SL_OK || e->interrupted ? end_early(e, err) : SL_OK;
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
    if (options && options->lmk && !options->aligned)
        return sl_fail(err, SL_ERR_ARGUMENT, "lmk: those landmarks belong to crops: enrol with aligned");
    enrolment e = {.gallery = gallery, .options = options ? options : &defaults, .report = report};
    double start = sl_now();
    sl_status status = prepare(&e, engine, photos, count, err);
    if (status == SL_OK)
        status = run_all(&e, err);
    if (e.workers)
        count_stages(&report->cpu, e.workers, e.threads);
    sl_sessions_close(e.sessions, e.threads);
    free(e.workers);
    free(e.outcomes);
    free(e.tasks);
    report->seconds = sl_now() - start;
    return status;
}
