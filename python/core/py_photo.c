/* Pictures: files, bytes and arrays in, arrays out. */
#include <limits.h>
#include <stdlib.h>

#include "py_core.h"

/* Of an array [height, width] or [height, width, 1 | 3]. */
static int of_array(PyObject *from, py_photo *out)
{
    if (py_input_open(from, "photo", PY_U8, 2, 3, &out->input))
        return -1;
    const int *shape = out->input.shape;
    const int channels = out->input.axes == 3 ? shape[2] : 1;
    if (channels != 1 && channels != 3)
        PyErr_Format(PyExc_ValueError, "photo: 1 channel (grey) or 3 (red, green, blue) are wanted, not %d",
                     channels);
    else if ((int64_t)shape[0] * shape[1] > SL_MAX_PIXELS)
        PyErr_Format(PyExc_ValueError, "photo: %d x %d are more than %d pixels", shape[1], shape[0],
                     SL_MAX_PIXELS);
    else {
        out->image = (sl_image){shape[1], shape[0], channels, (uint8_t *)out->input.data};
        return 0;
    }
    py_input_close(&out->input);
    return -1;
}

/* Of a file, or of a file's bytes: exactly one is given. */
static int decode(const char *path, const char *data, Py_ssize_t size, sl_image *out)
{
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status =
        path ? sl_image_read(path, out, &err) : sl_image_decode(data, (size_t)size, out, &err);
    Py_END_ALLOW_THREADS if (status) py_fail(&err);
    else if (py_warn(&err)) sl_image_free(out);
    else return 0;
    return -1;
}

static int of_path(PyObject *from, py_photo *out)
{
    PyObject *path = py_path(from);
    int failed = !path || decode(PyBytes_AsString(path), NULL, 0, &out->image);
    Py_XDECREF(path);
    return failed ? -1 : 0;
}

int py_photo_open(PyObject *from, py_photo *out)
{
    *out = (py_photo){0};
    if (PyBytes_Check(from)) {
        char *data;
        Py_ssize_t size;
        return PyBytes_AsStringAndSize(from, &data, &size) ? -1 : decode(NULL, data, size, &out->image);
    }
    if (PyUnicode_Check(from) || PyObject_HasAttrString(from, "__fspath__"))
        return of_path(from, out);
    if (PyObject_CheckBuffer(from))
        return of_array(from, out);
    PyErr_Format(PyExc_TypeError, "photo: a path, the bytes of a file or an array of uint8 is wanted, not a %R",
                 Py_TYPE(from));
    return -1;
}

void py_photo_close(py_photo *photo)
{
    if (!photo->input.open)
        sl_image_free(&photo->image);
    py_input_close(&photo->input);
    *photo = (py_photo){0};
}

PyObject *py_picture(sl_image *image)
{
    const Py_ssize_t shape[3] = {image->height, image->width, image->channels};
    return py_array_of(PY_U8, image->pixels, image->channels == 1 ? 2 : 3, shape);
}

static PyObject *read_image(PyObject *module, PyObject *from)
{
    (void)module;
    py_photo photo;
    if (py_photo_open(from, &photo))
        return NULL;
    if (!photo.input.open)
        return py_picture(&photo.image);
    py_photo_close(&photo);
    return Py_NewRef(from);
}

static PyObject *write_image(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *where, *what;
    py_photo photo;
    if (!PyArg_ParseTuple(args, "OO:write_image", &where, &what) || py_photo_open(what, &photo))
        return NULL;
    sl_error err = {0};
    sl_status status = SL_OK;
    PyObject *path = py_path(where);
    if (path) {
        const char *name = PyBytes_AsString(path);
        Py_BEGIN_ALLOW_THREADS status = sl_image_write(name, &photo.image, &err);
        Py_END_ALLOW_THREADS
    }
    py_photo_close(&photo);
    if (!path)
        return NULL;
    Py_DECREF(path);
    return status ? py_fail(&err) : Py_NewRef(Py_None);
}

PyMethodDef py_photo_functions[] = {
    {"read_image", read_image, METH_O,
     "read_image(photo, /)\n--\n\nA picture as an array [height, width, 3] of red, green and blue, upright, in "
     "sRGB."},
    {"write_image", write_image, METH_VARARGS,
     "write_image(path, picture, /)\n--\n\nWrites .png or .jpg, by the name's ending; complete or not at all."},
    {0}};
