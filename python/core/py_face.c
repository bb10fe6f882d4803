/* Faces, boxes and scores as records of Python, and a face back again. */
#include <math.h>

#include "py_core.h"

PyObject *py_box(const sl_box *box)
{
    return Py_BuildValue("ffff", box->x0, box->y0, box->x1, box->y1);
}

PyObject *py_quality(const sl_quality *q)
{
    return py_record("Quality", "{s:f,s:f,s:f,s:f,s:f}", "size", q->size, "sharpness", q->sharpness, "pose",
                     q->pose, "detector", q->detector, "overall", q->overall);
}

PyObject *py_score(const sl_score *score)
{
    return py_record("Score", "{s:f,s:f,s:N,s:i}", "score", score->score, "stage1", score->stage1, "stage2",
                     py_number(score->stage2), "iterations", score->iterations);
}

/* [count, 2] of x and y. */
static PyObject *points_of(const sl_point *points, Py_ssize_t count)
{
    const Py_ssize_t shape[2] = {count, 2};
    return py_array_copy(PY_F32, points, 2, shape);
}

PyObject *py_face(const sl_face *f)
{
    return py_record("Face", "{s:N,s:f,s:N,s:N,s:i,s:i,s:N,s:i,s:f}", "box", py_box(&f->box), "score", f->score,
                     "points", points_of(f->points, 5), "quality", py_quality(&f->quality), "others", f->others,
                     "rivals", f->rivals, "landmarks",
                     f->has_landmarks ? points_of(f->landmarks, 68) : Py_NewRef(Py_None), "turned", f->turned,
                     "upright", f->upright);
}

/* ------------------------------------------------------------------ back */

static int read_points(PyObject *from, const char *name, int count, sl_point *out)
{
    py_input in;
    PyObject *points = PyObject_GetAttrString(from, name);
    int failed = !points || py_input_open(points, name, PY_F32, 2, 2, &in);
    if (!failed) {
        failed = in.shape[0] != count || in.shape[1] != 2;
        if (failed)
            PyErr_Format(PyExc_ValueError, "%s: [%d, 2] numbers are wanted, not [%d, %d]", name, count,
                         in.shape[0], in.shape[1]);
        else
            memcpy(out, in.data, (size_t)count * sizeof *out);
        py_input_close(&in);
    }
    for (int i = 0; !failed && i < count; i++)
        if (!isfinite(out[i].x) || !isfinite(out[i].y)) {
            PyErr_Format(PyExc_ValueError, "%s: point %d is not finite", name, i);
            failed = 1;
        }
    Py_XDECREF(points);
    return failed ? -1 : 0;
}

static int read_number(PyObject *from, const char *name, float *out)
{
    PyObject *value = PyObject_GetAttrString(from, name);
    *out = value ? (float)PyFloat_AsDouble(value) : 0;
    Py_XDECREF(value);
    return PyErr_Occurred() ? -1 : 0;
}

static int read_quality(PyObject *from, sl_quality *q)
{
    PyObject *quality = PyObject_GetAttrString(from, "quality");
    int failed = !quality || read_number(quality, "size", &q->size) ||
                 read_number(quality, "sharpness", &q->sharpness) || read_number(quality, "pose", &q->pose) ||
                 read_number(quality, "detector", &q->detector) || read_number(quality, "overall", &q->overall);
    Py_XDECREF(quality);
    return failed ? -1 : 0;
}

static int read_box(PyObject *from, sl_box *box)
{
    PyObject *four = PyObject_GetAttrString(from, "box");
    PyObject *tuple = four ? PySequence_Tuple(four) : NULL;
    int failed = !tuple || !PyArg_ParseTuple(tuple, "ffff;box: x0, y0, x1, y1 are wanted", &box->x0, &box->y0,
                                             &box->x1, &box->y1);
    Py_XDECREF(tuple);
    Py_XDECREF(four);
    return failed ? -1 : 0;
}

int py_face_read(PyObject *from, sl_face *out)
{
    *out = (sl_face){.upright = 1};
    if (read_box(from, &out->box) || read_number(from, "score", &out->score) ||
        read_points(from, "points", 5, out->points) || read_quality(from, &out->quality))
        return -1;
    PyObject *landmarks = PyObject_GetAttrString(from, "landmarks");
    out->has_landmarks = landmarks && landmarks != Py_None;
    Py_XDECREF(landmarks);
    if (!landmarks)
        return -1;
    return out->has_landmarks ? read_points(from, "landmarks", 68, out->landmarks) : 0;
}
