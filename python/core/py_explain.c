/* Why a score is what it is: compared, taken apart, and drawn. */
#include <stdlib.h>

#include "py_core.h"

/* Two templates and a look at them, without the GIL. */
typedef struct {
    py_template *query, *other;
    sl_match_options match; /* settled */
    sl_pair faces;
} pair;

static const sl_image *crop_of(const py_template *t)
{
    return t->crop.pixels ? &t->crop : NULL;
}

static int pair_read(PyObject *query, PyObject *other, PyObject *match, pair *out)
{
    if (!py_expect(query, py_template_type, "query") || !py_expect(other, py_template_type, "other"))
        return -1;
    *out = (pair){.query = (py_template *)query, .other = (py_template *)other};
    py_engine *engine = out->query->engine ? out->query->engine : out->other->engine;
    out->faces = (sl_pair){.query = out->query->t,
                           .other = out->other->t,
                           .query_crop = crop_of(out->query),
                           .other_crop = crop_of(out->other),
                           .query_name = "query",
                           .other_name = "other"};
    return py_match_settled(match, engine, NULL, 0, &out->match);
}

/* query, other, match, and with `side` that too. */
static int pair_parse(PyObject *args, PyObject *keywords, const char *format, pair *out, int *side)
{
    static char *names[] = {"query", "other", "match", "side", NULL};
    PyObject *query, *other, *match = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, format, names, &query, &other, &match, side))
        return -1;
    return pair_read(query, other, match, out);
}

static PyObject *compare(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"query", "other", "match", NULL};
    PyObject *query, *other, *match = NULL;
    pair p;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O:compare", names, &query, &other, &match) ||
        pair_read(query, other, match, &p))
        return NULL;
    sl_score score;
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = sl_compare(p.query->t, p.other->t, &p.match, &score, &err);
    Py_END_ALLOW_THREADS return status ? py_fail(&err) : py_score(&score);
}

static PyObject *attribution_of(const sl_attribution *a)
{
    const Py_ssize_t shape[2] = {a->rows, a->cols};
    return py_record("Attribution", "{s:N,s:N,s:N,s:N,s:f,s:f,s:f,s:N,s:N}", "score", py_score(&a->score),
                     "stage1", py_array_copy(PY_F32, a->stage1, 2, shape), "stage2",
                     py_array_copy(PY_F32, a->stage2, 2, shape), "shares",
                     py_array_copy(PY_F32, a->shares, 2, shape), "rest1", a->rest1, "rest2", a->rest2, "rest",
                     a->rest, "query_weights", py_array_copy(PY_F32, a->query_weights, 2, shape), "other_weights",
                     py_array_copy(PY_F32, a->other_weights, 2, shape));
}

static PyObject *attribute(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"query", "other", "match", NULL};
    PyObject *query, *other, *match = NULL, *result = NULL;
    pair p;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O:attribute", names, &query, &other, &match) ||
        pair_read(query, other, match, &p))
        return NULL;
    sl_attribution a = {0};
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = sl_attribute(p.query->t, p.other->t, &p.match, &a, &err);
    Py_END_ALLOW_THREADS result = status ? py_fail(&err) : attribution_of(&a);
    sl_attribution_free(&a);
    return result;
}

/* ------------------------------------------------------------------ pictures */

typedef sl_status (*draw_one)(const pair *p, int side, sl_image *out, sl_error *err);

/* One picture of a pair: query, other, match, side. */
static PyObject *drawn(PyObject *args, PyObject *keywords, const char *format, draw_one draw)
{
    pair p;
    int side = 256;
    if (pair_parse(args, keywords, format, &p, &side))
        return NULL;
    sl_image picture = {0};
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = draw(&p, side, &picture, &err);
    Py_END_ALLOW_THREADS return status ? py_fail(&err) : py_picture(&picture);
}

static sl_status flow_of(const pair *p, int side, sl_image *out, sl_error *err)
{
    return sl_draw_flow(&p->faces, &p->match, side, out, err);
}

static PyObject *draw_flow(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    return drawn(args, keywords, "OO|O$i:draw_flow", flow_of);
}

static PyObject *draw_weights(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    pair p;
    int side = 256;
    if (pair_parse(args, keywords, "OO|O$i:draw_weights", &p, &side))
        return NULL;
    sl_image query = {0}, other = {0};
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = sl_draw_weights(&p.faces, &p.match, side, &query, &other, &err);
    Py_END_ALLOW_THREADS return status ? py_fail(&err)
                                       : Py_BuildValue("NN", py_picture(&query), py_picture(&other));
}

static sl_status shares_of(const pair *p, int side, sl_image *out, sl_error *err)
{
    sl_attribution a = {0};
    sl_status status = sl_attribute(p->query->t, p->other->t, &p->match, &a, err);
    if (!status)
        status = sl_draw_shares(&a, p->faces.query_crop, side, out, err);
    sl_attribution_free(&a);
    return status;
}

static PyObject *draw_shares(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    return drawn(args, keywords, "OO|O$i:draw_shares", shares_of);
}

static PyObject *draw_pair(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"query", "other", "match", "names", NULL};
    PyObject *query, *other, *match = NULL;
    const char *first = "query", *second = "other";
    pair p;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O$(ss):draw_pair", names, &query, &other, &match, &first,
                                     &second) ||
        pair_read(query, other, match, &p))
        return NULL;
    p.faces.query_name = first;
    p.faces.other_name = second;
    sl_image picture = {0};
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = sl_draw_pair(&p.faces, &p.match, &picture, &err);
    Py_END_ALLOW_THREADS return status ? py_fail(&err) : py_picture(&picture);
}

static PyObject *draw_heats(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"query", "other", "kind", "match", "side", "head", NULL};
    PyObject *query, *other, *match = NULL;
    const char *name = "cc";
    int side = 256, head = SL_ALL_HEADS, kind;
    pair p;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|sO$ii:draw_heats", names, &query, &other, &name, &match,
                                     &side, &head) ||
        py_named(name, sl_heat_named, "kind", &kind) || pair_read(query, other, match, &p))
        return NULL;
    sl_heat heat = {0};
    sl_image picture = {0};
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status =
        sl_heat_of_pair(p.query->t, p.other->t, &p.match, (sl_heat_kind)kind, head, &heat, &err);
    if (!status)
        status = sl_draw_heats(&p.faces, &heat, SL_HEAT_JET, side, &picture, &err);
    Py_END_ALLOW_THREADS sl_heat_free(&heat);
    return status ? py_fail(&err) : py_picture(&picture);
}

PyMethodDef py_explain_functions[] = {
    {"compare", PY_CALL(compare), PY_KEYWORDS,
     "compare(query, other, match=None)\n--\n\nThe score of two templates of one model."},
    {"attribute", PY_CALL(attribute), PY_KEYWORDS,
     "attribute(query, other, match=None)\n--\n\nThe score taken apart: what each cell of the query gives to it."},
    {"draw_flow", PY_CALL(draw_flow), PY_KEYWORDS,
     "draw_flow(query, other, match=None, *, side=256)\n--\n\n"
     "The query redrawn of the other face's patches that flow to it; of looks that move patches (emd)."},
    {"draw_weights", PY_CALL(draw_weights), PY_KEYWORDS,
     "draw_weights(query, other, match=None, *, side=256)\n--\n\nHow much each patch counts: (query, other)."},
    {"draw_shares", PY_CALL(draw_shares), PY_KEYWORDS,
     "draw_shares(query, other, match=None, *, side=256)\n--\n\n"
     "What each part of the query gives to the score: blue speaks for the other face, orange against."},
    {"draw_pair", PY_CALL(draw_pair), PY_KEYWORDS,
     "draw_pair(query, other, match=None, *, names=('query', 'other'))\n--\n\nOne picture that explains a pair's "
     "score."},
    {"draw_heats", PY_CALL(draw_heats), PY_KEYWORDS,
     "draw_heats(query, other, kind='cc', match=None, *, side=256, head=-1)\n--\n\n"
     "query | its heat | the other's heat | other; kind: \"cc\", \"attention\" or \"relevance\"."},
    {0}};
