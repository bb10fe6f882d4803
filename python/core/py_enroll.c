/* What changes a gallery: faces added, removed and renamed, and many photos enrolled. */
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "py_core.h"

/* ------------------------------------------------------------------ one face */

/* Where the face was in its photo: a Face, or None. */
static int read_place(PyObject *from, sl_entry *entry)
{
    sl_face face;
    if (from == Py_None)
        return 0;
    if (py_face_read(from, &face))
        return -1;
    entry->box = face.box;
    entry->quality = face.quality;
    return 0;
}

static PyObject *add_face(py_gallery *self, const sl_entry *entry, const py_template *t, const sl_image *crop)
{
    sl_error err = {0};
    sl_status status;
    if (py_gallery_change(self))
        return NULL;
    Py_BEGIN_ALLOW_THREADS status = sl_gallery_add(self->gallery, entry, t->t, crop, &err);
    Py_END_ALLOW_THREADS py_gallery_change_end(self);
    return status ? py_fail(&err) : Py_NewRef(Py_None);
}

PyObject *py_gallery_add(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"label", "image", "template", "face", "crop", NULL};
    PyObject *t, *place = Py_None, *from = Py_None;
    sl_entry entry = {0};
    py_photo crop = {0};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "ssO|$OO:add", names, &entry.label, &entry.image, &t, &place,
                                     &from) ||
        !py_expect(t, py_template_type, "template") || py_expect_enrolled((py_template *)t) ||
        read_place(place, &entry) ||
        (from != Py_None && py_photo_open(from, &crop)))
        return NULL;
    PyObject *done =
        add_face((py_gallery *)self, &entry, (py_template *)t, crop.image.pixels ? &crop.image : NULL);
    py_photo_close(&crop);
    return done;
}

PyObject *py_gallery_commit(PyObject *object, PyObject *none)
{
    (void)none;
    py_gallery *self = (py_gallery *)object;
    sl_error err = {0};
    sl_status status;
    if (py_gallery_change(self))
        return NULL;
    Py_BEGIN_ALLOW_THREADS status = sl_gallery_commit(self->gallery, &err);
    Py_END_ALLOW_THREADS py_gallery_change_end(self);
    return status ? py_fail(&err) : Py_NewRef(Py_None);
}

typedef sl_status (*counted_change)(sl_gallery *gallery, const char *a, const char *b, size_t *count,
                                    sl_error *err);

static PyObject *count_changed(py_gallery *self, counted_change change, const char *a, const char *b)
{
    size_t count = 0;
    sl_error err = {0};
    sl_status status;
    if (py_gallery_change(self))
        return NULL;
    Py_BEGIN_ALLOW_THREADS status = change(self->gallery, a, b, &count, &err);
    Py_END_ALLOW_THREADS py_gallery_change_end(self);
    return status ? py_fail(&err) : PyLong_FromSize_t(count);
}

PyObject *py_gallery_remove(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"image", "label", NULL};
    const char *image = NULL, *label = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$zz:remove", names, &image, &label))
        return NULL;
    return count_changed((py_gallery *)self, sl_gallery_remove, image, label);
}

PyObject *py_gallery_rename(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"old", "new", NULL};
    const char *from, *to;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "ss:rename", names, &from, &to))
        return NULL;
    return count_changed((py_gallery *)self, sl_gallery_rename, from, to);
}

/* ------------------------------------------------------------------ which photos */

typedef struct {
    sl_photo *photos;
    size_t count;
} photo_list;

/* A folder, or a file of path,label lines. */
static int photos_of_path(PyObject *where, photo_list *out)
{
    PyObject *path = py_path(where);
    if (!path)
        return -1;
    const char *name = PyBytes_AsString(path);
    sl_error err = {0};
    struct stat st;
    sl_status status;
    Py_BEGIN_ALLOW_THREADS const bool is_file = !stat(name, &st) && S_ISREG(st.st_mode);
    status = is_file ? sl_photos_in_list(name, &out->photos, &out->count, &err)
                     : sl_photos_in_folder(name, NULL, &out->photos, &out->count, &err);
    Py_END_ALLOW_THREADS Py_DECREF(path);
    if (status)
        py_fail(&err);
    return status ? -1 : 0;
}

/* (path, label): its id is label/NAME. */
static int photo_of_pair(PyObject *pair, sl_photo *out)
{
    PyObject *where = NULL;
    const char *label;
    PyObject *tuple = PySequence_Tuple(pair);
    if (!tuple || !PyArg_ParseTuple(tuple, "O&s;photos: a folder, a list file or (path, label) pairs are wanted",
                                    PyUnicode_FSConverter, &where, &label)) {
        Py_XDECREF(tuple);
        return -1;
    }
    sl_photo *photo = NULL;
    sl_error err = {0};
    const sl_photos_options options = {.label = label};
    const sl_status status = sl_photo_of_file(PyBytes_AsString(where), NULL, &options, &photo, &err);
    if (status)
        py_fail(&err);
    else
        *out = *photo; /* its strings go on there */
    free(photo);
    Py_DECREF(where);
    Py_DECREF(tuple);
    return status ? -1 : 0;
}

static int photos_of_pairs(PyObject *pairs, photo_list *out)
{
    PyObject *list = PySequence_List(pairs);
    const Py_ssize_t count = list ? PyList_Size(list) : 0;
    if (list && !(out->photos = calloc((size_t)count + 1, sizeof *out->photos)))
        PyErr_NoMemory();
    while (!PyErr_Occurred() && out->count < (size_t)count)
        if (!photo_of_pair(PyList_GetItem(list, (Py_ssize_t)out->count), &out->photos[out->count]))
            out->count++;
    Py_XDECREF(list);
    if (!PyErr_Occurred())
        return 0;
    sl_photos_free(out->photos, out->count);
    *out = (photo_list){0};
    return -1;
}

static int find_photos(PyObject *from, photo_list *out)
{
    *out = (photo_list){0};
    if (PyUnicode_Check(from) || PyBytes_Check(from) || PyObject_HasAttrString(from, "__fspath__"))
        return photos_of_path(from, out);
    return photos_of_pairs(from, out);
}

/* ------------------------------------------------------------------ many of them */

typedef struct {
    py_work work;
    PyObject *notes; /* a list */
} enrolment;

static int progress(void *context, size_t done, size_t total)
{
    return py_work_progress(&((enrolment *)context)->work, done, total);
}

static PyObject *note_of(const sl_enroll_note *note)
{
    static const char *const events[] = {[SL_ENROLL_REFUSED] = "refused",
                                         [SL_ENROLL_CONFLICT] = "conflict",
                                         [SL_ENROLL_DUPLICATE] = "duplicate",
                                         [SL_ENROLL_SAME_PHOTO] = "same photo",
                                         [SL_ENROLL_SEVERAL_FACES] = "several faces",
                                         [SL_ENROLL_WARNING] = "warning"};
    return py_record("Note", "{s:s,s:s,s:s,s:s}", "event", events[note->event], "image", note->photo->image,
                     "label", note->photo->label, "text", note->why.text);
}

static void told(void *context, const sl_enroll_note *note)
{
    enrolment *e = context;
    if (e->work.failed)
        return;
    py_work_enter(&e->work);
    PyObject *one = note_of(note);
    const bool failed = !one || PyList_Append(e->notes, one);
    Py_XDECREF(one);
    py_work_leave(&e->work, failed);
}

static PyObject *report_of(const sl_enroll_report *r, PyObject *notes)
{
    return py_record("EnrollReport", "{s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:n,s:d,s:O}", "photos",
                     (Py_ssize_t)r->photos, "enrolled", (Py_ssize_t)r->enrolled, "existing",
                     (Py_ssize_t)r->existing, "duplicates", (Py_ssize_t)r->duplicates, "conflicts",
                     (Py_ssize_t)r->conflicts, "no_face", (Py_ssize_t)r->no_face, "low_quality",
                     (Py_ssize_t)r->low_quality, "crowded", (Py_ssize_t)r->crowded, "unreadable",
                     (Py_ssize_t)r->unreadable, "unstorable", (Py_ssize_t)r->unstorable, "replaced",
                     (Py_ssize_t)r->replaced, "same_photo", (Py_ssize_t)r->same_photo, "several_faces",
                     (Py_ssize_t)r->several_faces, "committed", (Py_ssize_t)r->committed, "seconds", r->seconds,
                     "notes", notes);
}

static PyObject *enroll(py_gallery *self, const photo_list *photos, sl_enroll_options *options, PyObject *callback)
{
    enrolment e = {.notes = PyList_New(0)};
    if (!e.notes || py_gallery_change(self)) {
        Py_XDECREF(e.notes);
        return NULL;
    }
    sl_enroll_report report = {0};
    sl_error err = {0};
    options->progress = progress;
    options->told = told;
    options->context = &e;
    py_work_begin(&e.work, callback);
    sl_status status =
        sl_enroll(self->engine->engine, self->gallery, photos->photos, photos->count, options, &report, &err);
    py_work_end(&e.work);
    py_gallery_change_end(self);
    PyObject *result = py_work_result(&e.work, status, &err) ? NULL : report_of(&report, e.notes);
    Py_DECREF(e.notes);
    return result;
}

PyObject *py_gallery_enroll(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"photos",      "threads",  "aligned", "all_faces", "keep_crops",
                            "min_quality", "one_face", "replace", "progress",  NULL};
    py_gallery *self = (py_gallery *)object;
    sl_enroll_options options = sl_enroll_defaults();
    PyObject *from, *callback = NULL;
    photo_list photos;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$ipppfppO:enroll", names, &from, &options.threads,
                                     &options.aligned, &options.all_faces, &options.keep_crops,
                                     &options.min_quality, &options.one_face, &options.replace, &callback))
        return NULL;
    if (!self->engine) {
        PyErr_SetString(PyExc_ValueError, "photos are enrolled by an engine: open the gallery with engine=");
        return NULL;
    }
    if (find_photos(from, &photos))
        return NULL;
    PyObject *report = enroll(self, &photos, &options, callback);
    sl_photos_free(photos.photos, photos.count);
    return report;
}
