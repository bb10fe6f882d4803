/* Patch-wise Earth Mover's Distance and the first look over numpy arrays: experiments without galleries. */
#include <math.h>
#include <stdlib.h>

#include "py_core.h"

/* ------------------------------------------------------------------ maps in arrays */

/* A query, or candidates one after the other: maps [n, rows, cols, channels], embeddings [n, dim] and landmarks
 * [n, 68, 2] or none. Of one map the first axis may be missing. */
typedef struct {
    py_input patches, embeddings, landmarks;
    size_t count;
    sl_patch_map *maps;
} map_set;

static void set_close(map_set *s)
{
    py_input_close(&s->patches);
    py_input_close(&s->embeddings);
    py_input_close(&s->landmarks);
    free(s->maps);
    *s = (map_set){0};
}

/* Whether what is given beside the maps [count, ...] goes with them; `axes` of one, the last of which has `last`
 * (0: any). */
static int open_beside(PyObject *from, const char *what, int axes, int last, const map_set *s, bool one,
                       py_input *out)
{
    *out = (py_input){0};
    if (!from || from == Py_None)
        return 0;
    const int wanted = one ? axes : axes + 1;
    if (py_input_open(from, what, PY_F32, wanted, wanted, out))
        return -1;
    if ((!one && (size_t)out->shape[0] != s->count) ||
        (last && (out->shape[wanted - 1] != last || out->shape[wanted - 2] != 68))) {
        PyErr_Format(PyExc_ValueError, "%s: it is of another number of maps, or not [68, 2]", what);
        return -1;
    }
    return 0;
}

static int set_open(PyObject *patches, PyObject *embeddings, PyObject *landmarks, bool one, map_set *out)
{
    *out = (map_set){0};
    if (py_input_open(patches, one ? "query" : "candidates", PY_F32, one ? 3 : 4, one ? 3 : 4, &out->patches))
        return -1;
    const int *shape = out->patches.shape + (one ? 0 : 1);
    out->count = one ? 1 : (size_t)out->patches.shape[0];
    out->maps = calloc(out->count, sizeof *out->maps);
    if (!out->maps)
        PyErr_NoMemory();
    else if (!open_beside(embeddings, "embeddings", 1, 0, out, one, &out->embeddings) &&
             !open_beside(landmarks, "landmarks", 2, 2, out, one, &out->landmarks)) {
        const int dim = out->embeddings.open ? out->embeddings.shape[one ? 0 : 1] : 0;
        const size_t cells = (size_t)shape[0] * shape[1] * shape[2];
        for (size_t i = 0; i < out->count; i++)
            out->maps[i] =
                (sl_patch_map){shape[0],
                               shape[1],
                               shape[2],
                               (const float *)out->patches.data + i * cells,
                               dim ? (const float *)out->embeddings.data + i * dim : NULL,
                               dim,
                               out->landmarks.open ? (const sl_point *)out->landmarks.data + i * 68 : NULL};
        return 0;
    }
    set_close(out);
    return -1;
}

/* Of experiments: emd where nothing is said. */
static int emd_match(PyObject *from, sl_match_options *out)
{
    if (py_match(from, out))
        return -1;
    if (!from || from == Py_None)
        *out = sl_match_defaults_of(SL_RERANK_EMD);
    return 0;
}

/* ------------------------------------------------------------------ emd, emd_plan */

/* So many candidates are compared between two looks at signals. */
enum { BLOCK = 4096 };

static int compare_all(const map_set *query, const map_set *candidates, const sl_match_options *match,
                       float *scores, PyObject *callback)
{
    sl_error err = {0};
    sl_status status = SL_OK;
    py_work work;
    py_work_begin(&work, callback);
    for (size_t done = 0; !status && done < candidates->count; done += BLOCK) {
        const size_t n = candidates->count - done < BLOCK ? candidates->count - done : BLOCK;
        status = sl_emd_compare(query->maps, candidates->maps + done, n, match, scores + done, NULL, &err);
        if (!status && py_work_progress(&work, done + n, candidates->count))
            break;
    }
    py_work_end(&work);
    return py_work_result(&work, status, &err);
}

static PyObject *emd(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"query",     "candidates", "match", "query_embedding", "embeddings", "query_landmarks",
                            "landmarks", "progress",   NULL};
    PyObject *q, *c, *match_from = NULL, *qe = NULL, *ce = NULL, *ql = NULL, *cl = NULL, *callback = NULL,
                     *result = NULL;
    sl_match_options match;
    map_set query, candidates = {0};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O$OOOOO:emd", names, &q, &c, &match_from, &qe, &ce, &ql,
                                     &cl, &callback) ||
        emd_match(match_from, &match) || set_open(q, qe, ql, true, &query))
        return NULL;
    if (!set_open(c, ce, cl, false, &candidates)) {
        float *scores = calloc(candidates.count, sizeof *scores);
        if (!scores)
            PyErr_NoMemory();
        else if (!compare_all(&query, &candidates, &match, scores, callback))
            result = py_array_of(PY_F32, scores, 1, (const Py_ssize_t[]){(Py_ssize_t)candidates.count}),
            scores = NULL;
        free(scores);
    }
    set_close(&query);
    set_close(&candidates);
    return result;
}

/* (plan [R, R], query's weights [R], candidate's weights [R]) */
static PyObject *plan_of(const map_set *query, const map_set *candidate, const sl_match_options *match)
{
    const int rows = match->grid_rows > 0 ? match->grid_rows : query->maps->rows;
    const int cols = match->grid_cols > 0 ? match->grid_cols : query->maps->cols;
    const Py_ssize_t cells = (Py_ssize_t)rows * cols;
    if (rows > query->maps->rows || cols > query->maps->cols)
        return PyErr_Format(PyExc_ValueError, "grid: %d x %d is finer than the map's %d x %d", rows, cols,
                            query->maps->rows, query->maps->cols);
    float *plan = calloc((size_t)cells * cells, sizeof *plan);
    float *ours = calloc((size_t)cells, sizeof *ours), *theirs = calloc((size_t)cells, sizeof *theirs);
    sl_error err = {0};
    sl_status status = SL_ERR_MEMORY;
    if (!plan || !ours || !theirs)
        PyErr_NoMemory();
    else {
        Py_BEGIN_ALLOW_THREADS status = sl_emd_plan(query->maps, candidate->maps, match, plan, ours, theirs, &err);
        Py_END_ALLOW_THREADS if (status) py_fail(&err);
    }
    if (status) {
        free(plan);
        free(ours);
        free(theirs);
        return NULL;
    }
    return Py_BuildValue("NNN", py_array_of(PY_F32, plan, 2, (const Py_ssize_t[]){cells, cells}),
                         py_array_of(PY_F32, ours, 1, &cells), py_array_of(PY_F32, theirs, 1, &cells));
}

static PyObject *emd_plan(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"query",     "candidate",       "match",     "query_embedding",
                            "embedding", "query_landmarks", "landmarks", NULL};
    PyObject *q, *c, *match_from = NULL, *qe = NULL, *ce = NULL, *ql = NULL, *cl = NULL, *result = NULL;
    sl_match_options match;
    map_set query, candidate;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O$OOOO:emd_plan", names, &q, &c, &match_from, &qe, &ce,
                                     &ql, &cl) ||
        emd_match(match_from, &match) || set_open(q, qe, ql, true, &query))
        return NULL;
    if (!set_open(c, ce, cl, true, &candidate)) {
        result = plan_of(&query, &candidate, &match);
        set_close(&candidate);
    }
    set_close(&query);
    return result;
}

/* ------------------------------------------------------------------ stage 1 */

static int open_vectors(PyObject *from, const char *what, py_input *in, sl_vectors *out)
{
    if (py_input_open(from, what, PY_F32, 2, 2, in))
        return -1;
    *out = (sl_vectors){in->data, (size_t)in->shape[0], in->shape[1]};
    return 0;
}

/* (index [n, k] of uint32, score [n, k]) by a prepared bank, or (NULL) the plain one. */
static PyObject *top_of(const sl_cosine_bank *prepared, const sl_vectors *bank, const sl_vectors *queries, int k,
                        int threads)
{
    if (k < 1 || (size_t)k > bank->count) {
        PyErr_Format(PyExc_ValueError, "k: 1 to %zu are wanted, not %d", bank->count, k);
        return NULL;
    }
    const Py_ssize_t shape[2] = {(Py_ssize_t)queries->count, k};
    uint32_t *index = calloc(queries->count, (size_t)k * sizeof *index);
    float *score = calloc(queries->count, (size_t)k * sizeof *score);
    sl_error err = {.status = SL_ERR_MEMORY, .text = "no memory for the answers"};
    sl_status status = SL_ERR_MEMORY;
    if (index && score) {
        Py_BEGIN_ALLOW_THREADS status = prepared
                                            ? sl_cosine_bank_top(prepared, queries, k, threads, index, score, &err)
                                            : sl_cosine_top(bank, queries, k, threads, index, score, &err);
        Py_END_ALLOW_THREADS
    }
    if (!status)
        return Py_BuildValue("NN", py_array_of(PY_U32, index, 2, shape), py_array_of(PY_F32, score, 2, shape));
    free(index);
    free(score);
    return py_fail(&err);
}

static PyObject *cosine_top(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"bank", "queries", "k", "threads", NULL};
    PyObject *b, *q, *result = NULL;
    int k, threads = 0;
    py_input bank_in, queries_in;
    sl_vectors bank, queries;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOi|$i:cosine_top", names, &b, &q, &k, &threads) ||
        open_vectors(b, "bank", &bank_in, &bank))
        return NULL;
    if (!open_vectors(q, "queries", &queries_in, &queries)) {
        result = top_of(NULL, &bank, &queries, k, threads);
        py_input_close(&queries_in);
    }
    py_input_close(&bank_in);
    return result;
}

PyMethodDef py_emd_functions[] = {
    {"emd", PY_CALL(emd), PY_KEYWORDS,
     "emd(query, candidates, match=None, *, query_embedding=None, embeddings=None, query_landmarks=None, "
     "landmarks=None, "
     "progress=None)\n--\n\nSimilarities [n] of a map [rows, cols, channels] with candidates [n, rows, cols, "
     "channels]."},
    {"emd_plan", PY_CALL(emd_plan), PY_KEYWORDS,
     "emd_plan(query, candidate, match=None, *, query_embedding=None, embedding=None, query_landmarks=None, "
     "landmarks=None)\n"
     "--\n\n(plan [R, R], row: candidate's patch, column: query's; weights [R] of query and of candidate)."},
    {"cosine_top", PY_CALL(cosine_top), PY_KEYWORDS,
     "cosine_top(bank, queries, k, *, threads=0)\n--\n\n(index [n, k], score [n, k]) of the k largest products "
     "with "
     "bank [count, dim]."},
    {0}};

/* ------------------------------------------------------------------ a bank that is asked again and again */

typedef struct {
    PyObject_HEAD sl_cosine_bank *prepared;
    sl_vectors vectors;
    py_input input; /* holds them, unchanged: the codes are of these numbers */
} py_bank;

static PyObject *bank_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"bank", "threads", NULL};
    PyObject *from;
    int threads = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$i:CosineBank", names, &from, &threads))
        return NULL;
    py_bank *self = py_new(type);
    if (!self || open_vectors(from, "bank", &self->input, &self->vectors)) {
        Py_XDECREF((PyObject *)self);
        return NULL;
    }
    sl_error err = {0};
    sl_status status;
    Py_BEGIN_ALLOW_THREADS status = sl_cosine_bank_open(&self->vectors, threads, &self->prepared, &err);
    Py_END_ALLOW_THREADS if (!status) return (PyObject *)self;
    Py_DECREF((PyObject *)self);
    return py_fail(&err);
}

static void bank_delete(PyObject *object)
{
    py_bank *self = (py_bank *)object;
    sl_cosine_bank_close(self->prepared);
    py_input_close(&self->input);
    py_delete(object);
}

static PyObject *bank_top(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"queries", "k", "threads", NULL};
    py_bank *self = (py_bank *)object;
    PyObject *q;
    int k, threads = 0;
    py_input in;
    sl_vectors queries;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "Oi|$i:top", names, &q, &k, &threads) ||
        open_vectors(q, "queries", &in, &queries))
        return NULL;
    PyObject *result = top_of(self->prepared, &self->vectors, &queries, k, threads);
    py_input_close(&in);
    return result;
}

static PyMethodDef bank_methods[] = {{"top", PY_CALL(bank_top), PY_KEYWORDS,
                                      "top($self, queries, k, *, threads=0)\n--\n\nAs cosine_top, bit for bit."},
                                     {0}};

static PyType_Slot bank_slots[] = {
    {Py_tp_new, bank_new},
    {Py_tp_dealloc, bank_delete},
    {Py_tp_methods, bank_methods},
    {Py_tp_doc,
     "CosineBank(bank, *, threads=0)\n--\n\nA bank [count, dim] that is searched again and again: codes beside it "
     "bound every product. Do not change the array meanwhile."},
    {0}};
PyType_Spec py_bank_spec = {"secondlook._core.CosineBank", sizeof(py_bank), 0, Py_TPFLAGS_DEFAULT, bank_slots};
