/* Two faces against each other: Engine.verify. */
#include <math.h>

#include "py_core.h"

typedef struct {
    py_engine *engine;
    py_gallery *gallery; /* whose calibration gives the threshold; NULL: none */
    py_template *faces[2];
    sl_match_options match; /* settled */
    sl_rule rule;
} pair;

/* A pair is as hidden as the more hidden of its faces; NaN where nobody can tell. */
static sl_status hidden_of(const pair *p, float *hidden, sl_error *err)
{
    sl_status status = SL_OK;
    *hidden = NAN;
    for (int i = 0; !status && i < 2 && p->match.oae && sl_oae_source(p->match.oae); i++) {
        float one = NAN;
        status = sl_oae_hidden(p->match.oae, p->faces[i]->t, &one, err);
        *hidden = fmaxf(*hidden, one);
    }
    return status;
}

static PyObject *judge(const pair *p)
{
    sl_score score;
    sl_error err = {0};
    float hidden;
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = sl_compare(p->faces[0]->t, p->faces[1]->t, &p->match, &score, &err);
    if (!status)
        status = hidden_of(p, &hidden, &err);
    Py_END_ALLOW_THREADS if (status) return py_fail(&err);
    const sl_decision decision = sl_rule_decide(&p->rule, score.score, score.stage1, hidden);
    const int bin = sl_rule_bin(&p->rule, hidden);
    return py_record("Verification", "{s:N,s:s,s:f,s:f,s:N,s:N,s:N,s:N,s:s,s:(OO)}", "same",
                     PyBool_FromLong(decision == SL_MATCH), "decision", sl_decision_name(decision), "score",
                     score.score, "stage1", score.stage1, "stage2", py_number(score.stage2), "threshold",
                     py_number(p->rule.threshold[bin]), "threshold_on_stage1", PyBool_FromLong(p->rule.on_stage1),
                     "hidden", py_number(hidden), "rerank", sl_rerank_name(p->match.rerank), "templates", p->faces[0],
                     p->faces[1]);
}

static PyObject *verify_pair(pair *p, PyObject *match, const py_judging *by)
{
    if (p->gallery && py_gallery_read(p->gallery))
        return NULL;
    const sl_gallery *gallery = p->gallery ? p->gallery->gallery : NULL;
    PyObject *answer = NULL;
    if (!py_match_settled(match, p->engine, NULL, 0, &p->match) &&
        !py_rule(by, p->engine, gallery, &p->match, &p->rule))
        answer = judge(p);
    if (p->gallery)
        py_gallery_read_end(p->gallery);
    return answer;
}

PyObject *py_engine_verify(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"query", "other", "match", "threshold", "far", "gallery", "aligned", NULL};
    PyObject *photos[2], *match = NULL, *threshold = Py_None, *far = Py_None, *gallery = Py_None;
    int aligned = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|$OOOOp:verify", names, &photos[0], &photos[1], &match,
                                     &threshold, &far, &gallery, &aligned) ||
        (gallery != Py_None && !py_expect(gallery, py_gallery_type, "gallery")))
        return NULL;
    py_judging by = {NAN, NAN, NAN};
    if (py_judging_read(threshold, far, Py_None, &by))
        return NULL;
    if (gallery != Py_None && isnan(by.far)) {
        PyErr_SetString(PyExc_ValueError, "gallery is for far: its calibration gives the threshold");
        return NULL;
    }
    pair p = {.engine = (py_engine *)self, .gallery = (py_gallery *)py_given(gallery)};
    PyObject *answer = NULL;
    if ((p.faces[0] = py_template_from(p.engine, photos[0], PY_ENROLLED, aligned)) &&
        (p.faces[1] = py_template_from(p.engine, photos[1], PY_ENROLLED, aligned)) &&
        !py_expect_enrolled(p.faces[0]) && !py_expect_enrolled(p.faces[1]))
        answer = verify_pair(&p, match, &by);
    Py_XDECREF((PyObject *)p.faces[0]);
    Py_XDECREF((PyObject *)p.faces[1]);
    return answer;
}
