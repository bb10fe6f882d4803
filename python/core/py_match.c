/* How two faces are looked at, and by which rule a score is judged: options of Python as the library's. */
#include <math.h>

#include "py_core.h"

int py_named(const char *text, int (*named)(const char *name), const char *what, int *out)
{
    *out = named(text);
    if (*out < 0)
        PyErr_Format(PyExc_ValueError, "%s: there is no '%s'", what, text);
    return *out < 0 ? -1 : 0;
}

int py_compute_named(const char *name)
{
    static const char *const names[] = {
        [SL_COMPUTE_F32] = "f32", [SL_COMPUTE_BF16] = "bf16", [SL_COMPUTE_INT8] = "int8"};
    for (int i = SL_COMPUTE_F32; i <= SL_COMPUTE_INT8; i++)
        if (!strcmp(name, names[i]))
            return i;
    return -1;
}

int py_points_named(const char *name)
{
    static const char *const names[] = {[SL_POINTS_CORRECTED] = "corrected", [SL_POINTS_DETECTOR] = "detector"};
    for (int i = SL_POINTS_CORRECTED; i <= SL_POINTS_DETECTOR; i++)
        if (!strcmp(name, names[i]))
            return i;
    return -1;
}

/* ------------------------------------------------------------------ a Match */

/* The attribute, borrowed from *kept; NULL with or without an exception: the attribute is missing, or None. */
static PyObject *given(PyObject *match, const char *name, PyObject **kept)
{
    *kept = PyObject_GetAttrString(match, name);
    return *kept ? py_given(*kept) : NULL;
}

static int read_name(PyObject *match, const char *name, int (*named)(const char *), int *out)
{
    PyObject *kept, *value = given(match, name, &kept);
    const char *text = value ? PyUnicode_AsUTF8AndSize(value, NULL) : NULL;
    if (text)
        py_named(text, named, name, out);
    Py_XDECREF(kept);
    return PyErr_Occurred() ? -1 : 0;
}

static int read_int(PyObject *match, const char *name, int *out)
{
    PyObject *kept, *value = given(match, name, &kept);
    if (value && !PyArg_Parse(value, "i", out))
        PyErr_Format(PyExc_TypeError, "%s: a whole number is wanted, not %R", name, value);
    Py_XDECREF(kept);
    return PyErr_Occurred() ? -1 : 0;
}

static int read_alpha(PyObject *match, float *out)
{
    PyObject *kept, *value = given(match, "alpha", &kept);
    if (value)
        *out = (float)PyFloat_AsDouble(value);
    if (value && isnan(*out)) /* which would be no alpha given */
        PyErr_SetString(PyExc_ValueError, "alpha is nan, use 0 to 1");
    Py_XDECREF(kept);
    return PyErr_Occurred() ? -1 : 0;
}

static int read_grid(PyObject *match, sl_match_options *out)
{
    PyObject *kept, *value = given(match, "grid", &kept);
    PyObject *tuple = value ? PySequence_Tuple(value) : NULL;
    if (tuple)
        PyArg_ParseTuple(tuple, "ii;grid: (rows, cols) are wanted", &out->grid_rows, &out->grid_cols);
    Py_XDECREF(tuple);
    Py_XDECREF(kept);
    return PyErr_Occurred() ? -1 : 0;
}

/* The look is kept by the Match. */
static int read_look(PyObject *match, sl_match_options *out)
{
    PyObject *kept, *value = given(match, "look", &kept);
    if (value && py_expect(value, py_look_type, "look"))
        out->look = ((py_look *)value)->look;
    Py_XDECREF(kept);
    return PyErr_Occurred() ? -1 : 0;
}

/* A look's own options, alpha as it will be settled. */
static sl_match_options options_of(int rerank)
{
    sl_match_options own = sl_match_defaults_of((sl_rerank)rerank);
    own.alpha = NAN;
    return own;
}

static int read_match(PyObject *match, sl_match_options *out)
{
    int rerank = SL_RERANK_AUTO, weighting, solver, compute, feature;
    if (read_name(match, "rerank", sl_rerank_named, &rerank))
        return -1;
    *out = options_of(rerank);
    weighting = (int)out->weighting, solver = (int)out->solver;
    compute = (int)out->patch_compute, feature = (int)out->feature;
    if (read_name(match, "weighting", sl_weighting_named, &weighting) ||
        read_name(match, "solver", sl_solver_named, &solver) ||
        read_name(match, "patch_compute", sl_patch_compute_named, &compute) ||
        read_name(match, "feature", sl_feature_named, &feature) || read_int(match, "k", &out->k) ||
        read_int(match, "threads", &out->threads) || read_alpha(match, &out->alpha) || read_grid(match, out) ||
        read_look(match, out))
        return -1;
    out->weighting = (sl_weighting)weighting, out->solver = (sl_solver)solver;
    out->patch_compute = (sl_patch_compute)compute, out->feature = (sl_feature)feature;
    return 0;
}

int py_match(PyObject *from, sl_match_options *out)
{
    int rerank;
    *out = options_of(SL_RERANK_AUTO);
    if (!from || from == Py_None)
        return 0;
    if (!PyUnicode_Check(from))
        return read_match(from, out);
    const char *text = PyUnicode_AsUTF8AndSize(from, NULL);
    if (!text || py_named(text, sl_rerank_named, "match", &rerank))
        return -1;
    *out = options_of(rerank);
    return 0;
}

/* Settled with an engine, options are for queries of its encoder. Queries that were embedded as enrolled faces need
 * what the engine knows of its model alone. */
static sl_status settle(const sl_engine *engine, const sl_gallery *gallery, sl_match_options *out, sl_error *err)
{
    if (!engine || !gallery || out->encoder == sl_engine_encoder_id(engine))
        return sl_match_settle(engine, gallery, out, err);
    sl_match_options known = sl_match_defaults();
    sl_status status = sl_match_settle(engine, NULL, &known, err);
    out->oae = known.oae;
    return status ? status : sl_match_settle(NULL, gallery, out, err);
}

int py_match_settled(PyObject *from, py_engine *engine, const sl_gallery *gallery, uint64_t encoder,
                     sl_match_options *out)
{
    const sl_engine *known = engine ? engine->engine : NULL;
    if (py_match(from, out))
        return -1;
    if (known && encoder && encoder != sl_engine_encoder_id(known)) {
        PyErr_SetString(PyExc_ValueError, "the query was embedded by another query encoder than this engine's: make "
                        "it by this engine's query");
        return -1;
    }
    if (!known && !gallery)
        return 0;
    sl_error err = {0};
    sl_status status;
    out->encoder = encoder;
    Py_BEGIN_ALLOW_THREADS status = settle(known, gallery, out, &err);
    Py_END_ALLOW_THREADS if (status) py_fail(&err);
    return status ? -1 : 0;
}

/* ------------------------------------------------------------------ the rule */

static int read_rate(PyObject *from, double *out)
{
    *out = from == Py_None ? NAN : PyFloat_AsDouble(from);
    if (from != Py_None && !PyErr_Occurred() && !isfinite(*out))
        PyErr_SetString(PyExc_ValueError, "a threshold or rate is not finite");
    return PyErr_Occurred() ? -1 : 0;
}

int py_judging_read(PyObject *threshold, PyObject *far, PyObject *fpir, py_judging *out)
{
    if (read_rate(threshold, &out->threshold) || read_rate(far, &out->far) || read_rate(fpir, &out->fpir))
        return -1;
    if ((threshold != Py_None) + (far != Py_None) + (fpir != Py_None) <= 1)
        return 0;
    PyErr_SetString(PyExc_ValueError, "threshold, far and fpir exclude each other");
    return -1;
}

int py_rule(const py_judging *by, py_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
            sl_rule *out)
{
    const sl_engine *known = engine ? engine->engine : NULL;
    sl_error err = {0};
    sl_status status = SL_OK;
    Py_BEGIN_ALLOW_THREADS if (!isnan(by->threshold)) *out = sl_rule_given((float)by->threshold, 0);
    else if (!isnan(by->far)) status = sl_rule_for_far(known, gallery, match, by->far, out, &err);
    else if (!isnan(by->fpir)) status = sl_rule_for_fpir(known, gallery, match, by->fpir, out, &err);
    else status = sl_rule_default(known, gallery, match, out, &err);
    Py_END_ALLOW_THREADS if (status) py_fail(&err);
    return status ? -1 : 0;
}
