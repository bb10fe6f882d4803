/* Gallery.as_queries: a gallery's faces as its engine's query encoder embeds who searches. */
#include "py_core.h"

/* An empty gallery in memory, of the same engine and form; NULL with an exception. */
static py_gallery *gallery_like(py_gallery *self)
{
    sl_gallery_info info;
    sl_error err = {0};
    py_gallery *made = py_new(py_gallery_type);
    if (!made)
        return NULL;
    sl_gallery_get_info(self->gallery, &info);
    made->engine = (py_engine *)Py_NewRef((PyObject *)self->engine);
    made->encoder = sl_engine_encoder_id(self->engine->engine);
    const sl_gallery_options options = {self->engine->engine, info.patches};
    if (!sl_gallery_open(":memory:", SL_GALLERY_CREATE, &options, &made->gallery, &err))
        return made;
    py_fail(&err);
    Py_DECREF((PyObject *)made);
    return NULL;
}

PyObject *py_gallery_as_queries(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"threads", "progress", NULL};
    py_gallery *self = (py_gallery *)object;
    PyObject *callback = NULL;
    int threads = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$iO:as_queries", names, &threads, &callback))
        return NULL;
    if (!self->engine) {
        PyErr_SetString(PyExc_ValueError, "queries are embedded by an engine: open the gallery with engine=");
        return NULL;
    }
    if (py_gallery_read(self))
        return NULL;
    py_gallery *made = gallery_like(self);
    if (made) {
        sl_error err = {0};
        py_work work;
        py_work_begin(&work, callback);
        sl_status status = sl_gallery_encode(self->engine->engine, self->gallery, threads, py_work_progress, &work,
                                             made->gallery, &err);
        py_work_end(&work);
        if (py_work_result(&work, status, &err)) {
            Py_DECREF((PyObject *)made);
            made = NULL;
        }
    }
    py_gallery_read_end(self);
    return (PyObject *)made;
}
