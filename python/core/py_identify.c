/* Gallery.identify and identify_all: who is it? */
#include <math.h>
#include <stdlib.h>

#include "py_core.h"

/* ------------------------------------------------------------------ the answer */

static PyObject *nth_candidate(const void *candidates, size_t i)
{
    const sl_candidate *c = (const sl_candidate *)candidates + i;
    return py_record("Candidate", "{s:i,s:s,s:s,s:n,s:f,s:f,s:N}", "rank", c->rank, "label", c->label, "image",
                     c->image, "index", (Py_ssize_t)c->entry, "score", c->score, "stage1", c->stage1, "stage2",
                     py_number(c->stage2));
}

PyObject *py_answer(const sl_answer *a)
{
    const bool match = a->decision == SL_MATCH;
    PyObject *label = match ? PyUnicode_FromString(a->candidates[0].label) : Py_NewRef(Py_None);
    return py_record(
        "Answer", "{s:N,s:s,s:N,s:N,s:N,s:N,s:N,s:N,s:s,s:n,s:n}", "match", PyBool_FromLong(match), "decision",
        sl_decision_name(a->decision), "label", label, "candidates", py_list(a->count, nth_candidate, a->candidates),
        "stage1_candidates", py_list(a->stage1_count, nth_candidate, a->stage1_candidates),
        "threshold", py_number(a->threshold),
        "threshold_on_stage1", PyBool_FromLong(a->threshold_on_stage1), "hidden", py_number(a->hidden), "rerank",
        sl_rerank_name(a->match.rerank), "pairs", (Py_ssize_t)a->pairs, "unsearched", (Py_ssize_t)a->unsearched);
}

/* ------------------------------------------------------------------ the question */

typedef struct {
    int top;
    PyObject *match, *threshold, *far, *fpir;
} question;

#define QUESTION                                                                                                  \
    {                                                                                                             \
        .top = 5, .threshold = Py_None, .far = Py_None, .fpir = Py_None                                           \
    }

/* The options for a gallery that is being read, and queries of one encoder. */
static int settle(py_gallery *self, const question *q, uint64_t encoder, sl_identify_options *options, sl_rule *rule)
{
    py_judging by;
    *options = sl_identify_defaults();
    if (py_judging_read(q->threshold, q->far, q->fpir, &by) ||
        py_match_settled(q->match, self->engine, self->gallery, encoder, &options->match) ||
        py_rule(&by, self->engine, self->gallery, &options->match, rule))
        return -1;
    options->top = q->top;
    options->rule = rule;
    return 0;
}

/* Answers to templates [n], each freed by the caller where this gives 0. */
static int ask(py_gallery *self, const sl_template *const *queries, size_t n, const sl_identify_options *options,
               sl_answer *out)
{
    sl_error err = {0};
    sl_status status;
    const sl_engine *engine = self->engine ? self->engine->engine : NULL;
    Py_BEGIN_ALLOW_THREADS status = sl_identify_all(engine, self->gallery, queries, n, options, out, &err);
    Py_END_ALLOW_THREADS if (status) py_fail(&err);
    return status ? -1 : 0;
}

PyObject *py_gallery_identify(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"query", "top", "match", "threshold", "far", "fpir", "aligned", NULL};
    py_gallery *self = (py_gallery *)object;
    question q = QUESTION;
    PyObject *from, *result = NULL;
    int aligned = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$iOOOOp:identify", names, &from, &q.top, &q.match,
                                     &q.threshold, &q.far, &q.fpir, &aligned) ||
        py_gallery_read(self))
        return NULL;
    sl_identify_options options;
    sl_rule rule;
    sl_answer answer = {0};
    py_template *t = py_template_from(self->engine, from, PY_SEARCHES, aligned);
    if (t && !settle(self, &q, t->encoder, &options, &rule) &&
        !ask(self, (const sl_template *const[]){t->t}, 1, &options, &answer))
        result = py_answer(&answer);
    sl_answer_free(&answer);
    Py_XDECREF((PyObject *)t);
    py_gallery_read_end(self);
    return result;
}

/* ------------------------------------------------------------------ many of them */

/* So many are asked together; between them signals are seen, and progress is told. */
enum { BLOCK = 64 };

static int ask_block(py_gallery *self, PyObject *queries, Py_ssize_t from, Py_ssize_t n,
                     const sl_identify_options *options, PyObject *answers)
{
    const sl_template *block[BLOCK] = {NULL};
    sl_answer out[BLOCK] = {0};
    for (Py_ssize_t i = 0; i < n; i++)
        block[i] = ((py_template *)PyTuple_GetItem(queries, from + i))->t;
    if (ask(self, block, (size_t)n, options, out))
        return -1;
    int failed = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *answer = failed ? NULL : py_answer(&out[i]);
        failed |= !answer || PyList_Append(answers, answer);
        Py_XDECREF(answer);
        sl_answer_free(&out[i]);
    }
    return failed ? -1 : 0;
}

/* Who made all of them, as one rule is for all; -1 with an exception. */
static int encoder_of(PyObject *queries, uint64_t *encoder)
{
    const Py_ssize_t n = PyTuple_Size(queries);
    *encoder = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *t = PyTuple_GetItem(queries, i);
        if (!py_expect(t, py_template_type, "queries"))
            return -1;
        if (i && ((py_template *)t)->encoder != *encoder) {
            PyErr_SetString(PyExc_ValueError, "queries: a query encoder made some and not others: ask for them apart");
            return -1;
        }
        *encoder = ((py_template *)t)->encoder;
    }
    return 0;
}

static PyObject *ask_all(py_gallery *self, PyObject *queries, const sl_identify_options *options,
                         PyObject *callback)
{
    const Py_ssize_t total = PyTuple_Size(queries);
    PyObject *answers = PyList_New(0);
    for (Py_ssize_t done = 0; answers && done < total; done += BLOCK) {
        const Py_ssize_t n = total - done < BLOCK ? total - done : BLOCK;
        py_work work;
        bool failed = ask_block(self, queries, done, n, options, answers);
        if (!failed) {
            py_work_begin(&work, callback);
            py_work_progress(&work, (size_t)(done + n), (size_t)total);
            py_work_end(&work);
            failed = work.failed;
        }
        if (failed)
            Py_CLEAR(answers);
    }
    return answers;
}

PyObject *py_gallery_identify_all(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"queries", "top", "match", "threshold", "far", "fpir", "progress", NULL};
    py_gallery *self = (py_gallery *)object;
    question q = QUESTION;
    PyObject *from, *callback = NULL, *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$iOOOOO:identify_all", names, &from, &q.top, &q.match,
                                     &q.threshold, &q.far, &q.fpir, &callback))
        return NULL;
    PyObject *queries = PySequence_Tuple(from);
    if (queries && !py_gallery_read(self)) {
        sl_identify_options options;
        sl_rule rule;
        uint64_t encoder;
        if (!encoder_of(queries, &encoder) && !settle(self, &q, encoder, &options, &rule))
            result = ask_all(self, queries, &options, callback);
        py_gallery_read_end(self);
    }
    Py_XDECREF(queries);
    return result;
}
