/* Arrays between C and numpy by the buffer protocol: out without a copy, in without one where rows lie one after the
 * other. */
#include <limits.h>
#include <stdlib.h>

#include "py_core.h"

enum { MOST_AXES = 4 };

/* Names as the struct module has them; a byte order or size before them is passed over where it is this machine's. */
static const struct {
    const char *format, *name;
    Py_ssize_t size;
} elements[] = {[PY_F32] = {"f", "float32", 4},
                [PY_F64] = {"d", "float64", 8},
                [PY_U8] = {"B", "uint8", 1},
                [PY_U32] = {"I", "uint32", 4}};

/* ------------------------------------------------------------------ out */

typedef struct {
    PyObject_HEAD void *data;
    PyObject *owner; /* of the data; NULL: this array, which frees them */
    Py_ssize_t *exports;
    py_element element;
    int axes;
    Py_ssize_t shape[MOST_AXES], strides[MOST_AXES];
} py_array;

static void array_delete(PyObject *self)
{
    py_array *a = (py_array *)self;
    if (!a->owner)
        free(a->data);
    if (a->exports)
        --*a->exports;
    Py_XDECREF(a->owner);
    py_delete(self);
}

static int array_get(PyObject *self, Py_buffer *view, int flags)
{
    py_array *a = (py_array *)self;
    if (a->owner && flags & PyBUF_WRITABLE) {
        view->obj = NULL;
        PyErr_SetString(PyExc_BufferError,
                        "this array shows what belongs to another object: copy it to change it");
        return -1;
    }
    const Py_ssize_t size = elements[a->element].size;
    *view = (Py_buffer){.buf = a->data,
                        .obj = Py_NewRef(self),
                        .len = a->shape[0] * a->strides[0],
                        .itemsize = size,
                        .readonly = a->owner != NULL,
                        .ndim = a->axes};
    view->format = flags & PyBUF_FORMAT ? (char *)elements[a->element].format : NULL;
    view->shape = flags & PyBUF_ND ? a->shape : NULL;
    view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? a->strides : NULL;
    return 0;
}

static PyType_Slot array_slots[] = {{Py_tp_dealloc, array_delete},
                                    {Py_bf_getbuffer, array_get},
                                    {Py_tp_doc, "Numbers of the library, for numpy.asarray."},
                                    {0}};
PyType_Spec py_array_spec = {"secondlook._core.Array", sizeof(py_array), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, array_slots};

/* numpy.asarray(buffer); the buffer's reference is taken over. */
static PyObject *as_numpy(PyObject *buffer)
{
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *array = numpy ? PyObject_CallMethod(numpy, "asarray", "O", buffer) : NULL;
    Py_XDECREF(numpy);
    Py_DECREF(buffer);
    return array;
}

static py_array *new_array(py_element element, const void *data, int axes, const Py_ssize_t *shape)
{
    static char nothing; /* numpy wants an address also where there are no elements */
    py_array *a = py_new(py_array_type);
    if (!a)
        return NULL;
    a->data = data ? (void *)data : &nothing;
    a->element = element;
    a->axes = axes;
    Py_ssize_t stride = elements[element].size;
    for (int i = axes - 1; i >= 0; i--) {
        a->shape[i] = shape[i];
        a->strides[i] = stride;
        stride *= shape[i];
    }
    return a;
}

PyObject *py_array_of(py_element element, void *data, int axes, const Py_ssize_t *shape)
{
    if (!data)
        return PyErr_NoMemory();
    py_array *a = new_array(element, data, axes, shape);
    if (!a) {
        free(data);
        return NULL;
    }
    return as_numpy((PyObject *)a);
}

PyObject *py_array_view(py_element element, const void *data, int axes, const Py_ssize_t *shape, PyObject *owner,
                        Py_ssize_t *exports)
{
    py_array *a = new_array(element, data, axes, shape);
    if (!a)
        return NULL;
    a->owner = Py_NewRef(owner);
    a->exports = exports;
    if (exports)
        ++*exports;
    return as_numpy((PyObject *)a);
}

PyObject *py_array_copy(py_element element, const void *data, int axes, const Py_ssize_t *shape)
{
    size_t bytes = (size_t)elements[element].size;
    for (int i = 0; i < axes; i++)
        bytes *= (size_t)shape[i];
    void *copy = malloc(bytes ? bytes : 1);
    if (copy && bytes)
        memcpy(copy, data, bytes);
    return py_array_of(element, copy, axes, shape);
}

/* ------------------------------------------------------------------ in */

/* Of a buffer: a format of one letter, in this machine's byte order. */
static bool has_element(const Py_buffer *view, py_element element)
{
    const char *format = view->format ? view->format : "B";
    const char *here = PY_LITTLE_ENDIAN ? "@=<" : "@=>!";
    if (*format && strchr(here, *format))
        format++;
    return !strcmp(format, elements[element].format) && view->itemsize == elements[element].size;
}

static int check(const Py_buffer *view, const char *what, py_element element, int least_axes, int most_axes)
{
    if (!has_element(view, element)) {
        PyErr_Format(PyExc_TypeError,
                     "%s: an array of %s is wanted, not of format '%s': use numpy.asarray(x, dtype=numpy.%s)",
                     what, elements[element].name, view->format ? view->format : "B", elements[element].name);
        return -1;
    }
    if (view->ndim < least_axes || view->ndim > most_axes) {
        PyErr_Format(PyExc_ValueError,
                     least_axes == most_axes ? "%s: an array of %d axes is wanted, not of %d"
                                             : "%s: an array of %d axes or one more is wanted, not of %d",
                     what, least_axes, view->ndim);
        return -1;
    }
    for (int i = 0; i < view->ndim; i++)
        if (view->shape[i] < 1 || view->shape[i] > INT_MAX) {
            PyErr_Format(PyExc_ValueError, "%s: axis %d has %zd elements", what, i, view->shape[i]);
            return -1;
        }
    return 0;
}

/* Rows one after the other: as they are, or in a copy. */
static int lay_out(py_input *in)
{
    in->data = in->view.buf;
    if (PyBuffer_IsContiguous(&in->view, 'C'))
        return 0;
    in->copy = malloc((size_t)in->view.len);
    if (!in->copy) {
        PyErr_NoMemory();
        return -1;
    }
    in->data = in->copy;
    return PyBuffer_ToContiguous(in->copy, &in->view, in->view.len, 'C');
}

int py_input_open(PyObject *from, const char *what, py_element element, int least_axes, int most_axes,
                  py_input *out)
{
    *out = (py_input){0};
    if (!PyObject_CheckBuffer(from)) {
        PyErr_Format(PyExc_TypeError, "%s: an array of %s is wanted, not a %R", what, elements[element].name,
                     Py_TYPE(from));
        return -1;
    }
    if (PyObject_GetBuffer(from, &out->view, PyBUF_RECORDS_RO))
        return -1;
    out->open = true;
    out->axes = out->view.ndim;
    if (check(&out->view, what, element, least_axes, most_axes) || lay_out(out)) {
        py_input_close(out);
        return -1;
    }
    for (int i = 0; i < out->axes; i++)
        out->shape[i] = (int)out->view.shape[i];
    return 0;
}

void py_input_close(py_input *input)
{
    if (input->open)
        PyBuffer_Release(&input->view);
    free(input->copy);
    *input = (py_input){0};
}
