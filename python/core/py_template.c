/* Template: what is kept of one face. */
#include <stdlib.h>

#include "py_core.h"

PyObject *py_template_new(sl_template *t, sl_image *crop, py_engine *engine)
{
    py_template *self = py_new(py_template_type);
    if (!self) {
        sl_template_free(t);
        sl_image_free(crop);
        return NULL;
    }
    self->t = t;
    self->engine = (py_engine *)Py_XNewRef((PyObject *)engine);
    if (crop)
        self->crop = *crop;
    return (PyObject *)self;
}

int py_expect_enrolled(const py_template *t)
{
    if (t->encoder)
        PyErr_SetString(PyExc_ValueError, "a query encoder made this template, to search a gallery with: make one of "
                        "the same photo by Engine.template");
    return t->encoder ? -1 : 0;
}

/* Of the caller's own description of a face. */
static PyObject *template_of_arrays(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"embedding", "patches", NULL};
    (void)type;
    PyObject *first, *second;
    py_input embedding, map;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:Template", names, &first, &second) ||
        py_input_open(first, "embedding", PY_F32, 1, 1, &embedding))
        return NULL;
    sl_template *t = NULL;
    sl_error err = {0};
    sl_status status = SL_OK;
    int failed = py_input_open(second, "patches", PY_F32, 3, 3, &map);
    if (!failed)
        status = sl_template_of_arrays(embedding.data, embedding.shape[0], map.data, map.shape[0], map.shape[1],
                                       map.shape[2], &t, &err);
    py_input_close(&embedding);
    py_input_close(&map);
    if (failed || status)
        return failed ? NULL : py_fail(&err);
    return py_template_new(t, NULL, NULL);
}

static void template_delete(PyObject *object)
{
    py_template *self = (py_template *)object;
    sl_template_free(self->t);
    sl_image_free(&self->crop);
    Py_XDECREF((PyObject *)self->engine);
    py_delete(object);
}

static PyObject *template_embedding(PyObject *self, void *none)
{
    (void)none;
    int dim;
    const float *embedding = sl_template_embedding(((py_template *)self)->t, &dim);
    return py_array_view(PY_F32, embedding, 1, (const Py_ssize_t[]){dim}, self, NULL);
}

static PyObject *template_grid(PyObject *self, void *none)
{
    (void)none;
    int rows, cols, channels;
    sl_template_grid(((py_template *)self)->t, &rows, &cols, &channels);
    return Py_BuildValue("iii", rows, cols, channels);
}

static PyObject *template_crop(PyObject *object, void *none)
{
    (void)none;
    const sl_image *crop = &((py_template *)object)->crop;
    const Py_ssize_t shape[3] = {crop->height, crop->width, crop->channels};
    if (!crop->pixels)
        return Py_NewRef(Py_None);
    return py_array_view(PY_U8, crop->pixels, crop->channels == 1 ? 2 : 3, shape, object, NULL);
}

/* [rows, cols, depth] that `write` gives. */
static PyObject *cells_of(const py_template *self, int depth,
                          sl_status (*write)(const sl_template *, float *, sl_error *))
{
    int rows, cols, channels;
    sl_error err = {0};
    sl_template_grid(self->t, &rows, &cols, &channels);
    const Py_ssize_t shape[3] = {rows, cols, depth ? depth : channels};
    float *cells = calloc((size_t)shape[0] * shape[1] * shape[2] + 1, sizeof *cells);
    if (!cells)
        return PyErr_NoMemory();
    if (!write(self->t, cells, &err))
        return py_array_of(PY_F32, cells, 3, shape);
    free(cells);
    return py_fail(&err);
}

static PyObject *template_patches(PyObject *self, PyObject *none)
{
    (void)none;
    return cells_of((py_template *)self, 0, sl_template_patches);
}

static PyObject *template_contributions(PyObject *self, PyObject *none)
{
    (void)none;
    int dim;
    sl_template_embedding(((py_template *)self)->t, &dim);
    return cells_of((py_template *)self, dim, sl_template_contributions);
}

/* ---- as bytes ---- */

static PyObject *template_to_bytes(PyObject *self, PyObject *none)
{
    (void)none;
    const sl_template *t = ((py_template *)self)->t;
    size_t size = 0;
    sl_error err = {0};
    sl_template_bytes(t, NULL, 0, &size, NULL);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (bytes && sl_template_bytes(t, (uint8_t *)PyBytes_AsString(bytes), size, &size, &err)) {
        Py_DECREF(bytes);
        return py_fail(&err);
    }
    return bytes;
}

static PyObject *template_from_bytes(PyObject *type, PyObject *bytes)
{
    (void)type;
    char *data;
    Py_ssize_t size;
    sl_template *t;
    sl_error err = {0};
    if (PyBytes_AsStringAndSize(bytes, &data, &size))
        return NULL;
    return sl_template_of_bytes((uint8_t *)data, (size_t)size, &t, &err) ? py_fail(&err)
                                                                         : py_template_new(t, NULL, NULL);
}

static PyMethodDef template_methods[] = {
    {"patches", template_patches, METH_NOARGS, "patches($self)\n--\n\nThe raw patch map [rows, cols, channels]."},
    {"contributions", template_contributions, METH_NOARGS,
     "contributions($self)\n--\n\nWhat each cell gives to the embedding [rows, cols, dim], of compact templates."},
    {"to_bytes", template_to_bytes, METH_NOARGS, "to_bytes($self)\n--\n\nTo be kept or sent: docs/template-format.md."},
    {"from_bytes", template_from_bytes, METH_O | METH_CLASS,
     "from_bytes(bytes, /)\n--\n\nThe template that to_bytes wrote; its crop is not among them."},
    {0}};

static PyGetSetDef template_members[] = {
    {"embedding", template_embedding, NULL, "[dim] of unit length; a view.", NULL},
    {"grid", template_grid, NULL, "(rows, cols, channels) of the patch map.", NULL},
    {"crop", template_crop, NULL, "The picture that it was made of, a view; None where that is not known.", NULL},
    {0}};

static PyType_Slot template_slots[] = {
    {Py_tp_new, template_of_arrays},
    {Py_tp_dealloc, template_delete},
    {Py_tp_methods, template_methods},
    {Py_tp_getset, template_members},
    {Py_tp_doc,
     "Template(embedding, patches)\n--\n\nWhat is kept of one face. Engine.template makes those of photos; here "
     "one of your own numbers: embedding [dim], patches [rows, cols, channels]."},
    {0}};
PyType_Spec py_template_spec = {"secondlook._core.Template", sizeof(py_template), 0, Py_TPFLAGS_DEFAULT,
                                template_slots};
