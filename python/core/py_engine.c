/* Engine: the networks, read once, and the sessions of calls that run side by side. */
#include <stdlib.h>

#include "py_core.h"

/* A session is one call's own while it works: threads that share an engine take another each. */
struct py_idle_session {
    sl_session *session;
    py_idle_session *next;
};

sl_session *py_session_take(py_engine *engine)
{
    py_idle_session *idle = engine->idle;
    if (idle) {
        sl_session *session = idle->session;
        engine->idle = idle->next;
        free(idle);
        return session;
    }
    sl_session *session = NULL;
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = sl_session_open(engine->engine, engine->threads, &session, &err);
    Py_END_ALLOW_THREADS if (status) py_fail(&err);
    return session;
}

void py_session_give(py_engine *engine, sl_session *session)
{
    py_idle_session *idle = malloc(sizeof *idle);
    if (!idle) { /* the next call opens another */
        sl_session_close(session);
        return;
    }
    *idle = (py_idle_session){session, engine->idle};
    engine->idle = idle;
}

/* ------------------------------------------------------------------ its life */

static sl_engine *open_engine(const sl_engine_options *options)
{
    sl_engine *engine = NULL;
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = sl_isa_check(&err);
    if (!status)
        status = sl_engine_open(options, &engine, &err);
    Py_END_ALLOW_THREADS if (status) py_fail(&err);
    return engine;
}

static PyObject *engine_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"model", "detector",  "landmarks", "models_dir", "detector_threshold",
                            "as_is", "precision", "min_face",  "points",     "encoder",
                            "threads", NULL};
    sl_engine_options options = {0};
    const char *precision = "f32", *points = "corrected";
    int compute, source, threads = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|z$zzzfpsiszi:Engine", names, &options.model,
                                     &options.detector, &options.landmarks, &options.models_dir,
                                     &options.detector_threshold, &options.as_is, &precision, &options.min_face,
                                     &points, &options.encoder, &threads) ||
        py_named(precision, py_compute_named, "precision", &compute) ||
        py_named(points, py_points_named, "points", &source))
        return NULL;
    options.precision = (sl_compute)compute;
    options.points = (sl_points_source)source;
    sl_engine *engine = open_engine(&options);
    py_engine *self = engine ? py_new(type) : NULL;
    if (!self) {
        sl_engine_close(engine);
        return NULL;
    }
    self->engine = engine;
    self->threads = threads;
    return (PyObject *)self;
}

static void engine_delete(PyObject *object)
{
    py_engine *self = (py_engine *)object;
    while (self->idle) {
        py_idle_session *idle = self->idle;
        self->idle = idle->next;
        sl_session_close(idle->session);
        free(idle);
    }
    sl_engine_close(self->engine);
    py_delete(object);
}

static PyObject *engine_model(PyObject *self, void *none)
{
    (void)none;
    return py_model_info(sl_engine_model(((py_engine *)self)->engine));
}

static PyObject *engine_fingerprint(PyObject *self, void *none)
{
    (void)none;
    return PyUnicode_FromString(sl_engine_fingerprint(((py_engine *)self)->engine));
}

static PyObject *engine_encoder(PyObject *self, void *none)
{
    (void)none;
    return Py_BuildValue("z", sl_engine_encoder(((py_engine *)self)->engine));
}

/* ------------------------------------------------------------------ faces */

static PyObject *nth_face(const void *faces, size_t i)
{
    return py_face((const sl_face *)faces + i);
}

static PyObject *engine_detect(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"photo", "main", NULL};
    py_engine *self = (py_engine *)object;
    PyObject *from;
    int main_only = 0;
    py_photo photo;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$p:detect", names, &from, &main_only) ||
        py_photo_open(from, &photo))
        return NULL;
    sl_error err = {0};
    sl_status status = SL_OK;
    sl_face *faces = NULL;
    size_t count = 0;
    PyObject *list = NULL;
    sl_session *session = py_session_take(self);
    if (session) {
        Py_BEGIN_ALLOW_THREADS status =
            (main_only ? sl_detect_main : sl_detect)(session, &photo.image, &faces, &count, &err);
        Py_END_ALLOW_THREADS py_session_give(self, session);
        list = status ? py_fail(&err) : py_list(count, nth_face, faces);
    }
    free(faces);
    py_photo_close(&photo);
    return list;
}

static PyObject *engine_align(PyObject *object, PyObject *args)
{
    py_engine *self = (py_engine *)object;
    PyObject *from, *of;
    sl_face face;
    py_photo photo;
    if (!PyArg_ParseTuple(args, "OO:align", &from, &of) || py_face_read(of, &face) || py_photo_open(from, &photo))
        return NULL;
    sl_error err = {0};
    sl_status status = SL_OK;
    sl_image crop = {0};
    PyObject *picture = NULL;
    sl_session *session = py_session_take(self);
    if (session) {
        Py_BEGIN_ALLOW_THREADS status = sl_align(session, &photo.image, &face, &crop, &err);
        Py_END_ALLOW_THREADS py_session_give(self, session);
        picture = status ? py_fail(&err) : py_picture(&crop);
    }
    py_photo_close(&photo);
    return picture;
}

/* ------------------------------------------------------------------ templates */

/* What a template is to be made of. */
typedef struct {
    const sl_image *image;
    const sl_face *face; /* NULL: the main one */
    bool aligned;        /* the picture is the crop itself */
    py_role role;
} sight;

/* A copy that outlives the photo it came from. */
static sl_status copy_crop(const sl_image *image, sl_image *out, sl_error *err)
{
    const size_t bytes = (size_t)image->width * image->height * image->channels;
    *out = *image;
    out->pixels = malloc(bytes);
    if (!out->pixels) {
        err->status = SL_ERR_MEMORY;
        strcpy(err->text, "no memory for a crop");
        return SL_ERR_MEMORY;
    }
    memcpy(out->pixels, image->pixels, bytes);
    return SL_OK;
}

static sl_status find_main(sl_session *session, const sl_image *image, sl_face **face, sl_error *err)
{
    size_t count = 0;
    sl_status status = sl_detect_main(session, image, face, &count, err);
    if (status || count)
        return status;
    err->status = SL_ERR_NO_FACE;
    strcpy(err->text, "no face was found in the photo");
    return SL_ERR_NO_FACE;
}

/* The crop, and its template; runs without the GIL. */
static sl_status look(sl_session *session, const sight *s, sl_image *crop, sl_template **out, sl_error *err)
{
    sl_face *main_face = NULL;
    sl_status status;
    const bool searches = s->role == PY_SEARCHES;
    if (s->aligned) {
        status = copy_crop(s->image, crop, err);
        if (!status)
            status = (searches ? sl_queries_of_crops : sl_templates_of_crops)(session, crop, 1, out, err);
        return status;
    }
    status = s->face ? SL_OK : find_main(session, s->image, &main_face, err);
    const sl_face *face = s->face ? s->face : main_face;
    if (!status)
        status = sl_align(session, s->image, face, crop, err);
    if (!status)
        status = (searches ? sl_query_of_face : sl_template_of_face)(session, s->image, face, out, err);
    free(main_face);
    return status;
}

static PyObject *template_of(py_engine *self, const sight *s)
{
    sl_error err = {0};
    sl_status status;
    sl_image crop = {0};
    sl_template *t = NULL;
    sl_session *session = py_session_take(self);
    if (!session)
        return NULL;
    Py_BEGIN_ALLOW_THREADS status = look(session, s, &crop, &t, &err);
    Py_END_ALLOW_THREADS py_session_give(self, session);
    if (!status) {
        PyObject *made = py_template_new(t, &crop, self);
        if (made && s->role == PY_SEARCHES)
            ((py_template *)made)->encoder = sl_engine_encoder_id(self->engine);
        return made;
    }
    sl_image_free(&crop);
    return py_fail(&err);
}

/* A crop's file is read as the model sees pictures: a grey one from a JPEG's own luma. */
static PyObject *template_of_crop_file(py_engine *self, PyObject *from, py_role role)
{
    PyObject *path = py_path(from);
    sl_session *session = path ? py_session_take(self) : NULL;
    sl_error err = {0};
    sl_image crop = {0};
    sl_status status = SL_OK;
    PyObject *t = NULL;
    if (session) {
        const char *name = PyBytes_AsString(path);
        Py_BEGIN_ALLOW_THREADS status = sl_crop_read(session, name, &crop, &err);
        Py_END_ALLOW_THREADS py_session_give(self, session);
        t = status ? py_fail(&err) : template_of(self, &(sight){&crop, NULL, true, role});
    }
    sl_image_free(&crop);
    Py_XDECREF(path);
    return t;
}

static PyObject *make_template(py_engine *self, PyObject *from, const sl_face *face, py_role role, bool aligned)
{
    if (aligned && (PyUnicode_Check(from) || PyObject_HasAttrString(from, "__fspath__")))
        return template_of_crop_file(self, from, role);
    py_photo photo;
    if (py_photo_open(from, &photo))
        return NULL;
    PyObject *t = template_of(self, &(sight){&photo.image, face, aligned, role});
    py_photo_close(&photo);
    return t;
}

py_template *py_template_from(py_engine *engine, PyObject *from, py_role role, bool aligned)
{
    if (PyObject_TypeCheck(from, py_template_type))
        return (py_template *)Py_NewRef(from);
    if (engine)
        return (py_template *)make_template(engine, from, NULL, role, aligned);
    PyErr_SetString(PyExc_TypeError, "a Template is wanted: photos need the gallery to be opened with engine=");
    return NULL;
}

static PyObject *template_as(py_role role, const char *format, PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"photo", "face", "aligned", NULL};
    PyObject *from, *of = Py_None;
    int aligned = 0;
    sl_face face;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, format, names, &from, &of, &aligned))
        return NULL;
    if (of != Py_None && aligned) {
        PyErr_SetString(PyExc_ValueError,
                        "an aligned crop is the face itself: face and aligned exclude each other");
        return NULL;
    }
    if (of != Py_None && py_face_read(of, &face))
        return NULL;
    return make_template((py_engine *)object, from, of == Py_None ? NULL : &face, role, aligned);
}

static PyObject *engine_template(PyObject *object, PyObject *args, PyObject *keywords)
{
    return template_as(PY_ENROLLED, "O|O$p:template", object, args, keywords);
}

static PyObject *engine_query(PyObject *object, PyObject *args, PyObject *keywords)
{
    return template_as(PY_SEARCHES, "O|O$p:query", object, args, keywords);
}

static PyMethodDef engine_methods[] = {
    {"detect", PY_CALL(engine_detect), PY_KEYWORDS,
     "detect($self, photo, *, main=False)\n--\n\nThe faces of a photo, best score first; main: the main one "
     "alone."},
    {"align", engine_align, METH_VARARGS,
     "align($self, photo, face, /)\n--\n\nThe face as the model sees it: an array [height, width, 3]."},
    {"template", PY_CALL(engine_template), PY_KEYWORDS,
     "template($self, photo, face=None, *, aligned=False)\n--\n\n"
     "What is kept of a face: of the photo's main one, or of one that detect found. aligned: the photo is a "
     "crop."},
    {"query", PY_CALL(engine_query), PY_KEYWORDS,
     "query($self, photo, face=None, *, aligned=False)\n--\n\n"
     "The same of a face that is to search: where the engine has a query encoder, that sees through what covers the "
     "face. Never enrol it."},
    {"verify", PY_CALL(py_engine_verify), PY_KEYWORDS,
     "verify($self, query, other, *, match=None, threshold=None, far=None, gallery=None, aligned=False)\n--\n\n"
     "Do two photos (or templates) show one person?"},
    {0}};

static PyGetSetDef engine_members[] = {
    {"model", engine_model, NULL, "The recogniser.", NULL},
    {"encoder", engine_encoder, NULL, "The query encoder's name; None where there is none.", NULL},
    {"fingerprint", engine_fingerprint, NULL, "Of all that makes templates comparable.", NULL},
    {0}};

static PyType_Slot engine_slots[] = {
    {Py_tp_new, engine_new},
    {Py_tp_dealloc, engine_delete},
    {Py_tp_methods, engine_methods},
    {Py_tp_getset, engine_members},
    {Py_tp_doc,
     "Engine(model=None, *, detector=None, landmarks=None, models_dir=None, detector_threshold=0.0, as_is=False, "
     "precision='f32', min_face=0, points='corrected', encoder=None, threads=0)\n--\n\n"
     "The networks, read once. Threads may share it. encoder: embeds who searches; a name, a manifest's path, or "
     "\"auto\", which is the program's default."},
    {0}};
PyType_Spec py_engine_spec = {"secondlook._core.Engine", sizeof(py_engine), 0, Py_TPFLAGS_DEFAULT, engine_slots};
