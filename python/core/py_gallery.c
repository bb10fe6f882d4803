/* Gallery: opened, closed and read. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "py_core.h"

/* ------------------------------------------------------------------ who uses it */

/* Threads may read one gallery together; a change wants it alone. A call in the way is an error at once: waiting would
 * hang where it is this thread's own, which calls back (progress). */
static int usable(const py_gallery *g)
{
    if (!g->gallery)
        PyErr_SetString(PyExc_ValueError, "the gallery is closed");
    else if (g->changing)
        PyErr_SetString(PyExc_RuntimeError, "another call changes this gallery: wait until it has returned");
    return PyErr_Occurred() ? -1 : 0;
}

int py_gallery_read(py_gallery *g)
{
    if (usable(g))
        return -1;
    g->readers++;
    return 0;
}

void py_gallery_read_end(py_gallery *g)
{
    g->readers--;
}

/* Nobody reads it, and until py_gallery_change_end nobody will. */
static int take_alone(py_gallery *g)
{
    if (usable(g))
        return -1;
    if (g->readers)
        PyErr_SetString(PyExc_RuntimeError, "another call reads this gallery: wait until it has returned");
    else if (g->exports)
        PyErr_SetString(PyExc_BufferError,
                        "an array shows this gallery's embeddings: delete it, or copy it, before a change");
    g->changing = !PyErr_Occurred();
    return g->changing ? 0 : -1;
}

int py_gallery_change(py_gallery *g)
{
    if (!g->encoder)
        return take_alone(g);
    PyErr_SetString(PyExc_ValueError, "the gallery is one of queries, by as_queries: nobody is enrolled in it");
    return -1;
}

void py_gallery_change_end(py_gallery *g)
{
    g->changing = false;
}

/* ------------------------------------------------------------------ its life */

static int mode_named(const char *name)
{
    static const struct {
        const char *name;
        sl_gallery_mode mode;
    } modes[] = {{"r", SL_GALLERY_READ}, {"w", SL_GALLERY_WRITE}, {"a", SL_GALLERY_CREATE}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(name, modes[i].name))
            return (int)modes[i].mode;
    return -1;
}

static PyObject *gallery_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"path", "mode", "engine", "patches", NULL};
    PyObject *where, *engine = Py_None;
    const char *mode_name = "r", *patches = "int8";
    int mode, format;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|s$Os:Gallery", names, &where, &mode_name, &engine,
                                     &patches) ||
        py_named(mode_name, mode_named, "mode", &mode) ||
        py_named(patches, sl_patches_named, "patches", &format) ||
        (engine != Py_None && !py_expect(engine, py_engine_type, "engine")))
        return NULL;
    PyObject *path = py_path(where);
    py_gallery *self = path ? py_new(type) : NULL;
    if (self) {
        self->engine = (py_engine *)Py_XNewRef(py_given(engine));
        self->writes = mode != SL_GALLERY_READ;
        const sl_gallery_options options = {self->engine ? self->engine->engine : NULL, (sl_patch_format)format};
        const char *dir = PyBytes_AsString(path);
        sl_error err = {0};
        sl_status status;
        Py_BEGIN_ALLOW_THREADS status =
            sl_gallery_open(dir, (sl_gallery_mode)mode, &options, &self->gallery, &err);
        Py_END_ALLOW_THREADS if (status)
        {
            py_fail(&err);
            Py_DECREF((PyObject *)self);
            self = NULL;
        }
    }
    Py_XDECREF(path);
    return (PyObject *)self;
}

static void gallery_delete(PyObject *object)
{
    py_gallery *self = (py_gallery *)object;
    sl_gallery_close(self->gallery);
    Py_XDECREF((PyObject *)self->engine);
    py_delete(object);
}

/* What was not committed is not kept. Closing twice is fine. */
static PyObject *gallery_close(PyObject *object, PyObject *none)
{
    (void)none;
    py_gallery *self = (py_gallery *)object;
    if (!self->gallery)
        return Py_NewRef(Py_None);
    if (take_alone(self))
        return NULL;
    sl_gallery_close(self->gallery);
    self->gallery = NULL;
    py_gallery_change_end(self);
    return Py_NewRef(Py_None);
}

static PyObject *gallery_enter(PyObject *self, PyObject *none)
{
    (void)none;
    return usable((py_gallery *)self) ? NULL : Py_NewRef(self);
}

/* with: what was added is committed, unless an exception ends the block. */
static PyObject *gallery_exit(PyObject *self, PyObject *args)
{
    PyObject *type, *value, *trace;
    if (!PyArg_ParseTuple(args, "OOO:__exit__", &type, &value, &trace))
        return NULL;
    if (type == Py_None && ((py_gallery *)self)->gallery && ((py_gallery *)self)->writes) {
        PyObject *done = py_gallery_commit(self, NULL);
        if (!done)
            return NULL;
        Py_DECREF(done);
    }
    return gallery_close(self, NULL);
}

/* ------------------------------------------------------------------ what is in it */

static Py_ssize_t gallery_length(PyObject *object)
{
    py_gallery *self = (py_gallery *)object;
    return usable(self) ? -1 : (Py_ssize_t)sl_gallery_size(self->gallery);
}

static PyObject *sha256_of(const uint8_t *bytes)
{
    char hex[65] = "";
    if (!bytes)
        return Py_NewRef(Py_None);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    return PyUnicode_FromString(hex);
}

static PyObject *gallery_item(PyObject *object, Py_ssize_t i)
{
    py_gallery *self = (py_gallery *)object;
    if (usable(self))
        return NULL;
    if (i < 0 || (size_t)i >= sl_gallery_size(self->gallery)) {
        PyErr_Format(PyExc_IndexError, "the gallery has %zu faces", sl_gallery_size(self->gallery));
        return NULL;
    }
    sl_entry e;
    sl_error err = {0};
    if (sl_gallery_entry(self->gallery, (size_t)i, &e, &err))
        return py_fail(&err);
    return py_record("Entry", "{s:n,s:s,s:s,s:N,s:N,s:N,s:N,s:N}", "index", i, "label", e.label, "image", e.image,
                     "box", py_box(&e.box), "quality", py_quality(&e.quality), "has_landmarks",
                     PyBool_FromLong(e.has_landmarks), "has_crop", PyBool_FromLong(e.has_crop), "photo_sha256",
                     sha256_of(e.photo_sha256));
}

static PyObject *gallery_info(PyObject *object, void *none)
{
    (void)none;
    py_gallery *self = (py_gallery *)object;
    if (usable(self))
        return NULL;
    sl_gallery_info i;
    sl_gallery_get_info(self->gallery, &i);
    return py_record("GalleryInfo", "{s:s,s:s,s:i,s:(iii),s:s,s:n,s:n,s:n,s:i,s:K}", "model", i.model,
                     "fingerprint", i.fingerprint, "embedding_dim", i.dim, "grid", i.patch_rows, i.patch_cols,
                     i.patch_channels, "patches", sl_patches_name(i.patches), "faces", (Py_ssize_t)i.faces,
                     "removed", (Py_ssize_t)i.removed, "labels", (Py_ssize_t)i.labels, "version", i.version,
                     "bytes", (unsigned long long)i.bytes);
}

static PyObject *gallery_find(PyObject *object, PyObject *image)
{
    py_gallery *self = (py_gallery *)object;
    const char *id = PyUnicode_AsUTF8AndSize(image, NULL);
    size_t i;
    sl_error err = {0};
    if (!id || usable(self))
        return NULL;
    return sl_gallery_find(self->gallery, id, &i, &err) ? py_fail(&err) : PyLong_FromSize_t(i);
}

/* The first call checks every row's checksum. */
static PyObject *gallery_embeddings(PyObject *object, void *none)
{
    (void)none;
    py_gallery *self = (py_gallery *)object;
    const float *rows = NULL;
    sl_gallery_info info;
    sl_error err = {0};
    sl_status status;
    if (py_gallery_read(self))
        return NULL;
    Py_BEGIN_ALLOW_THREADS status = sl_gallery_embeddings(self->gallery, &rows, &err);
    Py_END_ALLOW_THREADS sl_gallery_get_info(self->gallery, &info);
    py_gallery_read_end(self);
    const Py_ssize_t shape[2] = {(Py_ssize_t)info.faces, info.dim};
    return status ? py_fail(&err) : py_array_view(PY_F32, rows, 2, shape, object, &self->exports);
}

/* A face's number as it is given; SIZE_MAX with an exception. */
static size_t index_of(py_gallery *self, PyObject *number)
{
    const Py_ssize_t i = PyNumber_AsSsize_t(number, PyExc_IndexError);
    if (PyErr_Occurred())
        return SIZE_MAX;
    if (i < 0 || (size_t)i >= sl_gallery_size(self->gallery)) {
        PyErr_Format(PyExc_IndexError, "the gallery has %zu faces", sl_gallery_size(self->gallery));
        return SIZE_MAX;
    }
    return (size_t)i;
}

static PyObject *gallery_template(PyObject *object, PyObject *number)
{
    py_gallery *self = (py_gallery *)object;
    sl_template *t = NULL;
    sl_image crop = {0};
    sl_error err = {0};
    sl_status status = SL_OK;
    if (py_gallery_read(self))
        return NULL;
    const size_t i = index_of(self, number);
    if (i != SIZE_MAX) {
        Py_BEGIN_ALLOW_THREADS status = sl_gallery_template(self->gallery, i, &t, &err);
        if (!status && sl_gallery_crop(self->gallery, i, &crop, NULL))
            crop = (sl_image){0}; /* a gallery need not keep them */
        Py_END_ALLOW_THREADS
    }
    py_gallery_read_end(self);
    if (i == SIZE_MAX)
        return NULL;
    if (status)
        return py_fail(&err);
    PyObject *made = py_template_new(t, &crop, self->engine);
    if (made)
        ((py_template *)made)->encoder = self->encoder;
    return made;
}

static PyObject *gallery_crop(PyObject *object, PyObject *number)
{
    py_gallery *self = (py_gallery *)object;
    sl_image crop = {0};
    sl_error err = {0};
    sl_status status = SL_OK;
    if (py_gallery_read(self))
        return NULL;
    const size_t i = index_of(self, number);
    if (i != SIZE_MAX) {
        Py_BEGIN_ALLOW_THREADS status = sl_gallery_crop(self->gallery, i, &crop, &err);
        Py_END_ALLOW_THREADS
    }
    py_gallery_read_end(self);
    if (i == SIZE_MAX)
        return NULL;
    return status ? py_fail(&err) : py_picture(&crop);
}

/* ------------------------------------------------------------------ the files of a gallery */

typedef sl_status (*files_work)(const char *dir, sl_progress_fn progress, void *context, sl_error *err);

static PyObject *work_on_files(PyObject *args, PyObject *keywords, const char *format, files_work call)
{
    static char *names[] = {"path", "progress", NULL};
    PyObject *where, *progress = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, format, names, &where, &progress))
        return NULL;
    PyObject *path = py_path(where);
    if (!path)
        return NULL;
    const char *dir = PyBytes_AsString(path);
    sl_error err = {0};
    py_work work;
    py_work_begin(&work, progress);
    sl_status status = call(dir, py_work_progress, &work, &err);
    py_work_end(&work);
    Py_DECREF(path);
    return py_work_result(&work, status, &err) ? NULL : Py_NewRef(Py_None);
}

static PyObject *verify_gallery(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    return work_on_files(args, keywords, "O|O:verify_gallery", sl_gallery_verify);
}

static PyObject *compact_gallery(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    return work_on_files(args, keywords, "O|O:compact_gallery", sl_gallery_compact);
}

static PyObject *upgrade_gallery(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    return work_on_files(args, keywords, "O|O:upgrade_gallery", sl_gallery_upgrade);
}

PyMethodDef py_gallery_functions[] = {
    {"verify_gallery", PY_CALL(verify_gallery), PY_KEYWORDS,
     "verify_gallery(path, progress=None)\n--\n\nReads every byte and checks every checksum; returns for a sound "
     "gallery."},
    {"compact_gallery", PY_CALL(compact_gallery), PY_KEYWORDS,
     "compact_gallery(path, progress=None)\n--\n\nRewrites a gallery without what was removed."},
    {"upgrade_gallery", PY_CALL(upgrade_gallery), PY_KEYWORDS,
     "upgrade_gallery(path, progress=None)\n--\n\nMakes what lets a gallery open and answer quickly."},
    {0}};

/* ------------------------------------------------------------------ the type */

static PyMethodDef gallery_methods[] = {
    {"close", gallery_close, METH_NOARGS, "close($self)\n--\n\nWhat was added and not committed is not kept."},
    {"__enter__", gallery_enter, METH_NOARGS, NULL},
    {"__exit__", gallery_exit, METH_VARARGS, NULL},
    {"find", gallery_find, METH_O, "find($self, image, /)\n--\n\nThe number of the face with this image id."},
    {"template", gallery_template, METH_O,
     "template($self, index, /)\n--\n\nA copy of a face's template, its checksum verified."},
    {"crop", gallery_crop, METH_O, "crop($self, index, /)\n--\n\nThe picture that was kept of a face."},
    {"add", PY_CALL(py_gallery_add), PY_KEYWORDS,
     "add($self, label, image, template, *, face=None, crop=None)\n--\n\nAdds one face; durable after commit."},
    {"commit", py_gallery_commit, METH_NOARGS, "commit($self)\n--\n\nMakes what was added survive a crash."},
    {"remove", PY_CALL(py_gallery_remove), PY_KEYWORDS,
     "remove($self, *, image=None, label=None)\n--\n\nRemoves faces; returns how many. Durable on return."},
    {"rename", PY_CALL(py_gallery_rename), PY_KEYWORDS,
     "rename($self, old, new)\n--\n\nGives a person's faces another label; returns how many."},
    {"enroll", PY_CALL(py_gallery_enroll), PY_KEYWORDS,
     "enroll($self, photos, *, threads=0, aligned=False, all_faces=False, keep_crops=False, min_quality=0.05, "
     "one_face=False, replace=False, progress=None)\n--\n\n"
     "Enrols a folder (a folder per person), a list file (path,label), or [(path, label), ..]. Commits as it "
     "goes."},
    {"as_queries", PY_CALL(py_gallery_as_queries), PY_KEYWORDS,
     "as_queries($self, *, threads=0, progress=None)\n--\n\n"
     "A gallery in memory of its faces as the engine's query encoder embeds them, made of their crops: queries for "
     "calibrate and evaluation."},
    {"identify", PY_CALL(py_gallery_identify), PY_KEYWORDS,
     "identify($self, query, *, top=5, match=None, threshold=None, far=None, fpir=None, aligned=False)\n--\n\n"
     "Who is it? query: a photo, whose main face is asked for, or a Template."},
    {"identify_all", PY_CALL(py_gallery_identify_all), PY_KEYWORDS,
     "identify_all($self, queries, *, top=5, match=None, threshold=None, far=None, fpir=None, "
     "progress=None)\n--\n\n"
     "identify of many templates, side by side."},
    {"calibrate", PY_CALL(py_gallery_calibrate), PY_KEYWORDS,
     "calibrate($self, queries=None, *, match=None, max_pairs=1000000, seed=1, progress=None)\n--\n\n"
     "Measures what scores mean here, and keeps it."},
    {"cluster", PY_CALL(py_gallery_cluster), PY_KEYWORDS,
     "cluster($self, *, far=0.0001, match=None, neighbours=0, progress=None)\n--\n\n"
     "Who is the same, whatever they are called: [faces] of numbers, 4294967295 for like no other."},
    {0}};

static PyGetSetDef gallery_members[] = {
    {"info", gallery_info, NULL, "Model, sizes and counts.", NULL},
    {"embeddings", gallery_embeddings, NULL,
     "[faces, dim]; a view. While it lives the gallery cannot change or close.", NULL},
    {0}};

static PyType_Slot gallery_slots[] = {
    {Py_tp_new, gallery_new},
    {Py_tp_dealloc, gallery_delete},
    {Py_tp_methods, gallery_methods},
    {Py_tp_getset, gallery_members},
    {Py_sq_length, gallery_length},
    {Py_sq_item, gallery_item},
    {Py_tp_doc,
     "Gallery(path, mode='r', *, engine=None, patches='int8')\n--\n\nEnrolled faces. mode: \"r\" reads, \"w\" "
     "changes, \"a\" also creates what is not there. path: a folder, postgres://.. or \":memory:\"."},
    {0}};
PyType_Spec py_gallery_spec = {"secondlook._core.Gallery", sizeof(py_gallery), 0, Py_TPFLAGS_DEFAULT,
                               gallery_slots};
