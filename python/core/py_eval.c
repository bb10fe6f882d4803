/* What a gallery and a second look are worth: secondlook.evaluation, and Gallery.calibrate and cluster. */
#include <math.h>
#include <stdlib.h>

#include "py_core.h"

static PyObject *numbers(const double *values, size_t count)
{
    return py_array_copy(PY_F64, values, 1, (const Py_ssize_t[]){(Py_ssize_t)count});
}

static PyObject *interval(const sl_interval *i)
{
    return py_record("Interval", "{s:N,s:N,s:N}", "mean", py_number(i->mean), "low", py_number(i->low), "high",
                     py_number(i->high));
}

/* Two galleries that are read meanwhile, the second maybe the first. */
static int read_both(PyObject *gallery, PyObject *queries)
{
    if (!py_expect(gallery, py_gallery_type, "gallery") || !py_expect(queries, py_gallery_type, "queries") ||
        py_gallery_read((py_gallery *)gallery))
        return -1;
    if (!py_gallery_read((py_gallery *)queries))
        return 0;
    py_gallery_read_end((py_gallery *)gallery);
    return -1;
}

static void read_both_end(PyObject *gallery, PyObject *queries)
{
    py_gallery_read_end((py_gallery *)gallery);
    py_gallery_read_end((py_gallery *)queries);
}

/* ------------------------------------------------------------------ pairs */

static PyObject *verify_rates(const sl_verify_rates *r)
{
    return py_record("VerifyRates", "{s:d,s:d,s:d,s:d,s:(NNNN),s:N,s:N,s:N}", "accuracy", r->accuracy, "std",
                     r->std, "threshold", r->threshold, "eer", r->eer, "tar_at_far", py_number(r->tar_at_far[0]),
                     py_number(r->tar_at_far[1]), py_number(r->tar_at_far[2]), py_number(r->tar_at_far[3]),
                     "thresholds", numbers(r->thresholds, r->points), "far", numbers(r->far, r->points), "tar",
                     numbers(r->tar, r->points));
}

static PyObject *eval_verify(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"gallery", "pairs", "match", "csv", "progress", NULL};
    PyObject *object, *pairs = NULL, *csv = NULL, *match = NULL, *callback = NULL, *result = NULL;
    sl_verify_options options = {0};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO&|OO&O:verify", names, &object, PyUnicode_FSConverter,
                                     &pairs, &match, py_optional_path, &csv, &callback))
        return NULL;
    py_gallery *g = (py_gallery *)object;
    if (py_expect(object, py_gallery_type, "gallery") && !py_gallery_read(g)) {
        if (!py_match_settled(match, g->engine, g->gallery, g->encoder, &options.match)) {
            sl_verification v = {0};
            sl_error err = {0};
            py_work work;
            options.csv = csv ? PyBytes_AsString(csv) : NULL;
            options.progress = py_work_progress;
            options.context = &work;
            const char *file = PyBytes_AsString(pairs);
            py_work_begin(&work, callback);
            sl_status status = sl_eval_verify(g->gallery, file, &options, &v, &err);
            py_work_end(&work);
            if (!py_work_result(&work, status, &err))
                result = py_record("VerifyResult", "{s:n,s:n,s:n,s:N,s:N,s:N}", "pairs", (Py_ssize_t)v.pairs,
                                   "same", (Py_ssize_t)v.same, "missing", (Py_ssize_t)v.missing, "stage1",
                                   verify_rates(&v.stage1), "stage2", verify_rates(&v.stage2), "score",
                                   verify_rates(&v.score));
            sl_verification_free(&v);
        }
        py_gallery_read_end(g);
    }
    Py_XDECREF(pairs);
    Py_XDECREF(csv);
    return result;
}

/* ------------------------------------------------------------------ queries that are in the gallery */

static PyObject *retrieval(const sl_retrieval *r)
{
    PyObject *metrics = PyDict_New();
    for (int m = 0; metrics && m < SL_METRICS; m++) {
        PyObject *one = interval(&r->metric[m]);
        if (!one || PyDict_SetItemString(metrics, sl_metric_name((sl_metric)m), one))
            Py_CLEAR(metrics);
        Py_XDECREF(one);
    }
    return metrics;
}

static PyObject *evaluation(const void *all, size_t i)
{
    const sl_evaluation *e = (const sl_evaluation *)all + i;
    return py_record("Evaluation", "{s:n,s:n,s:n,s:n,s:N,s:N,s:N,s:N,s:n,s:n,s:N,s:N}", "queries",
                     (Py_ssize_t)e->queries, "unmatched", (Py_ssize_t)e->unmatched, "own_photos",
                     (Py_ssize_t)e->own_photos, "gallery", (Py_ssize_t)e->gallery, "stage1", retrieval(&e->stage1),
                     "stage2", retrieval(&e->stage2), "best", retrieval(&e->max), "difference",
                     retrieval(&e->difference), "won", (Py_ssize_t)e->won, "lost", (Py_ssize_t)e->lost,
                     "stage1_cmc", numbers(e->stage1_cmc, SL_CMC_RANKS), "stage2_cmc",
                     numbers(e->stage2_cmc, SL_CMC_RANKS));
}

/* One configuration per Match, settled; NULL with an exception. */
static sl_eval_config *configs_of(PyObject *matches, const py_gallery *g, uint64_t encoder, Py_ssize_t *count)
{
    *count = PyTuple_Size(matches);
    sl_eval_config *configs = calloc((size_t)*count + 1, sizeof *configs);
    if (!configs)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; configs && i < *count; i++)
        if (py_match_settled(PyTuple_GetItem(matches, i), g->engine, g->gallery, encoder, &configs[i].match)) {
            free(configs);
            return NULL;
        }
    return configs;
}

static PyObject *measure(py_gallery *g, py_gallery *q, PyObject *matches, sl_eval_options *options,
                         PyObject *callback)
{
    Py_ssize_t count;
    sl_eval_config *configs = configs_of(matches, g, q->encoder, &count);
    sl_evaluation *out = configs ? calloc((size_t)count + 1, sizeof *out) : NULL;
    PyObject *result = NULL;
    if (out) {
        sl_error err = {0};
        py_work work;
        options->progress = py_work_progress;
        options->context = &work;
        py_work_begin(&work, callback);
        sl_status status = sl_eval_identify(g->gallery, q->gallery, configs, (size_t)count, options, out, &err);
        py_work_end(&work);
        if (!py_work_result(&work, status, &err))
            result = py_list((size_t)count, evaluation, out);
    } else if (configs)
        PyErr_NoMemory();
    free(out);
    free(configs);
    return result;
}

static PyObject *eval_identify(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"gallery", "queries", "matches", "exclude_same_photo", "min_photos", "limit",
                            "seed",    "threads", "csv",     "progress",           NULL};
    PyObject *gallery, *queries, *from, *csv = NULL, *callback = NULL, *result = NULL;
    int exclude = 1, threads = 0;
    Py_ssize_t min_photos = 0, limit = 0;
    unsigned long long seed = 1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOO|$pnnKiO&O:identify", names, &gallery, &queries, &from,
                                     &exclude, &min_photos, &limit, &seed, &threads, py_optional_path, &csv,
                                     &callback))
        return NULL;
    PyObject *matches = PySequence_Tuple(from);
    if (min_photos < 0 || limit < 0)
        PyErr_SetString(PyExc_ValueError, "min_photos and limit are 0 or more");
    else if (matches && !read_both(gallery, queries)) {
        sl_eval_options options = {.exclude_same_photo = exclude,
                                   .min_photos = (size_t)min_photos,
                                   .limit = (size_t)limit,
                                   .seed = seed,
                                   .threads = threads,
                                   .csv = csv ? PyBytes_AsString(csv) : NULL};
        result = measure((py_gallery *)gallery, (py_gallery *)queries, matches, &options, callback);
        read_both_end(gallery, queries);
    }
    Py_XDECREF(matches);
    Py_XDECREF(csv);
    return result;
}

/* ------------------------------------------------------------------ and such as are not */

static PyObject *point_of(const sl_openset_point *p)
{
    return py_record("OpensetPoint", "{s:N,s:N,s:N}", "threshold", py_number(p->threshold), "fpir",
                     interval(&p->fpir), "fnir", interval(&p->fnir));
}

static PyObject *openset_rates(const sl_openset_rates *r)
{
    return py_record("OpensetRates", "{s:(NNN),s:N,s:N,s:N,s:N}", "at", point_of(&r->at[0]), point_of(&r->at[1]),
                     point_of(&r->at[2]), "rank1", interval(&r->rank1), "thresholds",
                     numbers(r->thresholds, r->points), "fpir", numbers(r->fpir, r->points), "fnir",
                     numbers(r->fnir, r->points));
}

static PyObject *measure_openset(py_gallery *g, py_gallery *q, sl_openset_options *options, PyObject *callback)
{
    sl_openset o = {0};
    sl_error err = {0};
    py_work work;
    PyObject *result = NULL;
    options->progress = py_work_progress;
    options->context = &work;
    py_work_begin(&work, callback);
    sl_status status = sl_eval_openset(g->gallery, q->gallery, options, &o, &err);
    py_work_end(&work);
    if (!py_work_result(&work, status, &err))
        result = py_record("Openset", "{s:n,s:n,s:n,s:n,s:n,s:N,s:N}", "mated", (Py_ssize_t)o.mated, "nonmated",
                           (Py_ssize_t)o.nonmated, "strangers", (Py_ssize_t)o.strangers, "faces",
                           (Py_ssize_t)o.faces, "people", (Py_ssize_t)o.people, "stage1", openset_rates(&o.stage1),
                           "score", openset_rates(&o.score));
    sl_openset_free(&o);
    return result;
}

static PyObject *eval_openset(PyObject *module, PyObject *args, PyObject *keywords)
{
    (void)module;
    static char *names[] = {"gallery", "queries", "match", "limit", "progress", NULL};
    PyObject *gallery, *queries, *match = NULL, *callback = NULL, *result = NULL;
    Py_ssize_t limit = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O$nO:openset", names, &gallery, &queries, &match, &limit,
                                     &callback))
        return NULL;
    if (limit < 0)
        return PyErr_Format(PyExc_ValueError, "limit: 0 or more, not %zd", limit);
    if (read_both(gallery, queries))
        return NULL;
    py_gallery *g = (py_gallery *)gallery;
    sl_openset_options options = {.limit = (size_t)limit};
    if (!py_match_settled(match, g->engine, g->gallery, ((py_gallery *)queries)->encoder, &options.match))
        result = measure_openset(g, (py_gallery *)queries, &options, callback);
    read_both_end(gallery, queries);
    return result;
}

PyMethodDef py_eval_functions[] = {
    {"eval_verify", PY_CALL(eval_verify), PY_KEYWORDS,
     "eval_verify(gallery, pairs, match=None, csv=None, progress=None)\n--\n\nPairs of a file, in ten folds."},
    {"eval_identify", PY_CALL(eval_identify), PY_KEYWORDS,
     "eval_identify(gallery, queries, matches, *, exclude_same_photo=True, min_photos=0, limit=0, seed=1, "
     "threads=0, csv=None, "
     "progress=None)\n--\n\nEvery face of queries searches in gallery, by each of the matches."},
    {"eval_openset", PY_CALL(eval_openset), PY_KEYWORDS,
     "eval_openset(gallery, queries, match=None, *, limit=0, progress=None)\n--\n\n"
     "Searches for people who are there, and for the same with themselves left out."},
    {0}};

/* ------------------------------------------------------------------ methods of Gallery */

static PyObject *calibration(const sl_calibration *c)
{
    return py_record("Calibration", "{s:n,s:n,s:n,s:n,s:i}", "faces", (Py_ssize_t)c->faces, "people",
                     (Py_ssize_t)c->people, "searches", (Py_ssize_t)c->searches, "pairs", (Py_ssize_t)c->pairs,
                     "bins", c->bins);
}

PyObject *py_gallery_calibrate(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"queries", "match", "max_pairs", "seed", "progress", NULL};
    py_gallery *self = (py_gallery *)object;
    PyObject *queries = Py_None, *match = NULL, *callback = NULL, *result = NULL;
    Py_ssize_t max_pairs = 1000000;
    unsigned long long seed = 1;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O$OnKO:calibrate", names, &queries, &match, &max_pairs,
                                     &seed, &callback))
        return NULL;
    if (max_pairs < 1)
        return PyErr_Format(PyExc_ValueError, "max_pairs: 1 or more, not %zd", max_pairs);
    queries = queries == Py_None ? object : queries;
    if (read_both(object, queries))
        return NULL;
    sl_calibrate_options options = {.max_pairs = (size_t)max_pairs, .seed = seed};
    if (!py_match_settled(match, self->engine, self->gallery, ((py_gallery *)queries)->encoder, &options.match)) {
        sl_calibration c;
        sl_error err = {0};
        py_work work;
        options.progress = py_work_progress;
        options.context = &work;
        const sl_gallery *sets[] = {((py_gallery *)queries)->gallery};
        py_work_begin(&work, callback);
        sl_status status = sl_gallery_calibrate(self->gallery, sets, 1, &options, &c, &err);
        py_work_end(&work);
        if (!py_work_result(&work, status, &err))
            result = calibration(&c);
    }
    read_both_end(object, queries);
    return result;
}

static PyObject *cluster(py_gallery *self, sl_cluster_options *options, PyObject *callback)
{
    sl_clusters clusters = {0};
    sl_error err = {0};
    py_work work;
    options->progress = py_work_progress;
    options->context = &work;
    py_work_begin(&work, callback);
    sl_status status = sl_gallery_cluster(self->gallery, options, &clusters, &err);
    py_work_end(&work);
    if (py_work_result(&work, status, &err))
        return NULL;
    PyObject *result =
        py_array_copy(PY_U32, clusters.cluster, 1, (const Py_ssize_t[]){(Py_ssize_t)clusters.faces});
    sl_clusters_free(&clusters);
    return result;
}

PyObject *py_gallery_cluster(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"far", "match", "neighbours", "progress", NULL};
    py_gallery *self = (py_gallery *)object;
    py_judging by = {NAN, SL_CLUSTER_FAR, NAN};
    sl_cluster_options options = {0};
    sl_rule rule;
    PyObject *match = NULL, *callback = NULL, *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$dOiO:cluster", names, &by.far, &match, &options.neighbours,
                                     &callback) ||
        py_gallery_read(self))
        return NULL;
    options.rule = &rule;
    if (!py_match_settled(match, self->engine, self->gallery, self->encoder, &options.match) &&
        !py_rule(&by, self->engine, self->gallery, &options.match, &rule))
        result = cluster(self, &options, callback);
    py_gallery_read_end(self);
    return result;
}
