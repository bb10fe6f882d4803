/* Long work of the library: without the GIL, with Python's progress and signals. */
#include "py_core.h"

void py_work_begin(py_work *work, PyObject *progress)
{
    *work = (py_work){.progress = progress ? py_given(progress) : NULL};
    work->thread = PyEval_SaveThread();
}

void py_work_end(py_work *work)
{
    PyEval_RestoreThread(work->thread);
}

void py_work_enter(py_work *work)
{
    PyEval_RestoreThread(work->thread);
}

void py_work_leave(py_work *work, bool failed)
{
    work->failed |= failed;
    work->thread = PyEval_SaveThread();
}

/* Signals first: Ctrl-C is a KeyboardInterrupt here. A total that is not known is None. */
static bool tell(const py_work *work, size_t done, size_t total)
{
    if (PyErr_CheckSignals())
        return false;
    if (!work->progress)
        return true;
    PyObject *result = total ? PyObject_CallFunction(work->progress, "nn", (Py_ssize_t)done, (Py_ssize_t)total)
                             : PyObject_CallFunction(work->progress, "nO", (Py_ssize_t)done, Py_None);
    Py_XDECREF(result);
    return result != NULL;
}

int py_work_progress(void *context, size_t done, size_t total)
{
    py_work *work = context;
    if (work->failed) /* another callback raised already */
        return 1;
    py_work_enter(work);
    py_work_leave(work, !tell(work, done, total));
    return work->failed;
}

int py_work_result(const py_work *work, sl_status status, const sl_error *err)
{
    if (work->failed)
        return -1; /* its exception is set, whatever the library made of it */
    if (status)
        py_fail(err);
    return status ? -1 : 0;
}
