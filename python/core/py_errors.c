/* Errors of the library as exceptions, and what it gives as instances of secondlook._records. */
#include <math.h>
#include <stdarg.h>

#include "py_core.h"

/* secondlook.MODULE.NAME */
static PyObject *attribute_of(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *found = module ? PyObject_GetAttrString(module, name) : NULL;
    Py_XDECREF(module);
    return found;
}

PyObject *py_fail(const sl_error *err)
{
    PyObject *by_status = attribute_of("secondlook._errors", "by_status");
    PyObject *number = PyLong_FromLong(err->status);
    PyObject *class = by_status && number ? PyObject_GetItem(by_status, number) : NULL;
    PyObject *text = PyUnicode_DecodeUTF8(err->text, (Py_ssize_t)strlen(err->text), "replace");
    if (class && text)
        PyErr_SetObject(class, text);
    Py_XDECREF(text);
    Py_XDECREF(class);
    Py_XDECREF(number);
    Py_XDECREF(by_status);
    return NULL;
}

int py_warn(const sl_error *err)
{
    return err->text[0] ? PyErr_WarnEx(PyExc_UserWarning, err->text, 1) : 0;
}

PyObject *py_record(const char *name, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    PyObject *fields = Py_VaBuildValue(format, values);
    va_end(values);
    PyObject *class = fields ? attribute_of("secondlook._records", name) : NULL;
    PyObject *nothing = class ? PyTuple_New(0) : NULL;
    PyObject *record = nothing ? PyObject_Call(class, nothing, fields) : NULL;
    Py_XDECREF(nothing);
    Py_XDECREF(class);
    Py_XDECREF(fields);
    return record;
}

PyObject *py_number(double value)
{
    return isnan(value) ? Py_NewRef(Py_None) : PyFloat_FromDouble(value);
}

PyObject *py_list(size_t count, PyObject *(*make)(const void *context, size_t i), const void *context)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *item = make(context, i);
        if (!item || PyList_SetItem(list, (Py_ssize_t)i, item))
            Py_CLEAR(list);
    }
    return list;
}
