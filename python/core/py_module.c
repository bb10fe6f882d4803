/* secondlook._core: the module's types and functions, put together. */
#include "py_core.h"

PyTypeObject *py_array_type, *py_engine_type, *py_template_type, *py_gallery_type, *py_look_type;

void *py_new(PyTypeObject *type)
{
    return PyType_GenericAlloc(type, 0);
}

void py_delete(void *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_Free(object);
    Py_DECREF(type);
}

int py_expect(PyObject *object, PyTypeObject *type, const char *what)
{
    if (object && PyObject_TypeCheck(object, type))
        return 1;
    PyErr_Format(PyExc_TypeError, "%s: a %R is wanted, not a %R", what, type,
                 object ? Py_TYPE(object) : Py_TYPE(Py_None));
    return 0;
}

PyObject *py_given(PyObject *object)
{
    return object == Py_None ? NULL : object;
}

PyObject *py_path(PyObject *object)
{
    PyObject *bytes = NULL;
    return PyUnicode_FSConverter(object, &bytes) ? bytes : NULL;
}

int py_optional_path(PyObject *object, void *bytes)
{
    return object == Py_None ? 1 : PyUnicode_FSConverter(object, bytes);
}

/* The type of a spec, as a member of the module; NULL where it fails. */
static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    const char *dot = strrchr(spec->name, '.');
    if (type && PyModule_AddObjectRef(module, dot + 1, type) < 0) {
        Py_DECREF(type);
        return NULL;
    }
    return (PyTypeObject *)type;
}

static int add_types(PyObject *module)
{
    struct {
        PyTypeObject **type;
        PyType_Spec *spec;
    } types[] = {{&py_array_type, &py_array_spec},
                 {&py_engine_type, &py_engine_spec},
                 {&py_template_type, &py_template_spec},
                 {&py_gallery_type, &py_gallery_spec},
                 {&py_look_type, &py_look_spec}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!(*types[i].type = add_type(module, types[i].spec)))
            return -1;
    PyTypeObject *bank = add_type(module, &py_bank_spec);
    Py_XDECREF((PyObject *)bank);
    return bank ? 0 : -1;
}

static PyObject *version(PyObject *module, PyObject *none)
{
    (void)module, (void)none;
    return PyUnicode_FromString(sl_version());
}

static PyObject *backend(PyObject *module, PyObject *none)
{
    (void)module, (void)none;
    return PyUnicode_FromFormat("%s, %s", sl_net_backend(), sl_isa_in_use());
}

static PyMethodDef functions[] = {
    {"version", version, METH_NOARGS, "version()\n--\n\nThe library's version, \"0.1.0\"."},
    {"backend", backend, METH_NOARGS, "backend()\n--\n\nWhat computes: \"oneDNN 2.6.3, avx2\"."},
    {0}};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "secondlook._core", .m_size = -1,
                                 .m_doc = "The library as it is; import secondlook instead.",
                                 .m_methods = functions};

PyMODINIT_FUNC PyInit__core(void)
{
    PyMethodDef *parts[] = {py_photo_functions, py_model_functions,   py_gallery_functions,
                            py_emd_functions,   py_explain_functions, py_eval_functions};
    PyObject *module = PyModule_Create(&definition);
    int failed = !module || add_types(module);
    for (size_t i = 0; !failed && i < sizeof parts / sizeof *parts; i++)
        failed = PyModule_AddFunctions(module, parts[i]);
    if (failed)
        Py_CLEAR(module);
    return module;
}
