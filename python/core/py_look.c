/* Look: a second look that was learned. */
#include "py_core.h"

static PyObject *look_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", "models_dir", "precision", NULL};
    const char *name, *dir = NULL, *precision = "f32";
    int compute;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|$zs:Look", names, &name, &dir, &precision) ||
        py_named(precision, py_compute_named, "precision", &compute))
        return NULL;
    sl_look *look = NULL;
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = sl_look_open(dir, name, (sl_compute)compute, &look, &err);
    Py_END_ALLOW_THREADS if (status) return py_fail(&err);
    py_look *self = py_new(type);
    if (!self)
        sl_look_close(look);
    else
        self->look = look;
    return (PyObject *)self;
}

static void look_delete(PyObject *self)
{
    sl_look_close(((py_look *)self)->look);
    py_delete(self);
}

static PyObject *look_name(PyObject *self, void *none)
{
    (void)none;
    return PyUnicode_FromString(sl_look_name(((py_look *)self)->look));
}

static PyObject *look_rerank(PyObject *self, void *none)
{
    (void)none;
    return PyUnicode_FromString(sl_rerank_name(sl_look_rerank(((py_look *)self)->look)));
}

static PyGetSetDef look_members[] = {{"name", look_name, NULL, "Its model.", NULL},
                                     {"rerank", look_rerank, NULL, "\"h2l\" or \"h2\", for Match.", NULL},
                                     {0}};

static PyType_Slot look_slots[] = {{Py_tp_new, look_new},
                                   {Py_tp_dealloc, look_delete},
                                   {Py_tp_getset, look_members},
                                   {Py_tp_doc, "Look(name, *, models_dir=None, precision='f32')\n--\n\nA second "
                                               "look that was learned: Match(\"h2l\", look=...)."},
                                   {0}};
PyType_Spec py_look_spec = {"secondlook._core.Look", sizeof(py_look), 0, Py_TPFLAGS_DEFAULT, look_slots};
