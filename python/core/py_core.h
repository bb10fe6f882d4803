/* What the parts of secondlook._core share: the library's public headers as Python objects, by the stable ABI of
 * CPython 3.11 and nothing else. numpy is reached through the buffer protocol alone.
 *
 * Rules that hold for every part:
 * - A function that returns a PyObject * gives a new reference, or NULL with an exception; one that returns an int
 *   gives 0, or -1 with an exception.
 * - Work on pictures and galleries runs without the GIL (py_work). What it reads is held meanwhile: buffers by their
 *   Py_buffer, objects by the caller's arguments.
 * - An object's own state (a session that is idle, who reads a gallery) changes under the GIL only. */
#ifndef PY_CORE_H
#define PY_CORE_H

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <string.h>

#ifndef SL_EXPERIMENTAL
#define SL_EXPERIMENTAL
#endif
#include <secondlook.h>
#include <secondlook_draw.h>
#include <secondlook_eval.h>

/* ------------------------------------------------------------------ errors and records */

/* Raises the exception of secondlook._errors that belongs to an error of the library, with its text; returns NULL. */
PyObject *py_fail(const sl_error *err);

/* Tells a warning that a call left beside SL_OK; -1 where warnings are exceptions. */
int py_warn(const sl_error *err);

/* An instance of a class of secondlook._records: `format` as in Py_BuildValue, "{s:i,s:O}", its fields by name. */
PyObject *py_record(const char *name, const char *format, ...);

/* A number, None for NaN: what is not known. */
PyObject *py_number(double value);

/* A list of [count] objects that `make` gives, one by one. */
PyObject *py_list(size_t count, PyObject *(*make)(const void *context, size_t i), const void *context);

/* ------------------------------------------------------------------ arrays */

typedef enum { PY_F32, PY_F64, PY_U8, PY_U32 } py_element;

/* Numbers of C as a numpy array. py_array_of: memory from malloc, which is the array's from now on, also when this
 * fails. py_array_view: memory of `owner`, read only, which is kept alive; *exports (NULL: none) counts the views that
 * there are. */
PyObject *py_array_of(py_element element, void *data, int axes, const Py_ssize_t *shape);
PyObject *py_array_view(py_element element, const void *data, int axes, const Py_ssize_t *shape, PyObject *owner,
                        Py_ssize_t *exports);

/* py_array_of a copy. */
PyObject *py_array_copy(py_element element, const void *data, int axes, const Py_ssize_t *shape);

/* Somebody's array: as it lies in memory, or a copy where that is not row after row. */
typedef struct {
    const void *data;
    int axes;
    int shape[4];
    Py_buffer view;
    void *copy;
    bool open;
} py_input;

/* `what` names the argument in errors. axes: how many it must have, at most 4. TypeError for another kind of element,
 * ValueError for another shape and for empty arrays. */
int py_input_open(PyObject *from, const char *what, py_element element, int least_axes, int most_axes, py_input *out);
void py_input_close(py_input *input); /* fine for {0} and twice */

/* ------------------------------------------------------------------ work without the GIL */

/* A call of the library that takes long: `progress` of Python is called from it, signals are seen there, and an
 * exception in either ends it. */
typedef struct {
    PyObject *progress; /* NULL: none */
    PyThreadState *thread;
    bool failed; /* an exception is set */
} py_work;

void py_work_begin(py_work *work, PyObject *progress); /* releases the GIL; None is none */
void py_work_end(py_work *work);                       /* has it again */

/* An sl_progress_fn; context: the py_work. */
int py_work_progress(void *work, size_t done, size_t total);

/* For callbacks of other kinds: with the GIL between the two. */
void py_work_enter(py_work *work);
void py_work_leave(py_work *work, bool failed);

/* What came of it: -1 with an exception for a status that is not SL_OK. */
int py_work_result(const py_work *work, sl_status status, const sl_error *err);

/* ------------------------------------------------------------------ pictures */

/* A photo as it is given: a path, the bytes of a file, or an array [height, width] or [height, width, 1 | 3] of
 * uint8. */
typedef struct {
    sl_image image;
    py_input input; /* whose pixels `image` shows; else they are its own */
} py_photo;

int py_photo_open(PyObject *from, py_photo *out);
void py_photo_close(py_photo *photo);

/* An array [height, width] or [height, width, 3] of a picture, whose pixels it takes over, also when it fails. */
PyObject *py_picture(sl_image *image);

extern PyMethodDef py_photo_functions[];

/* ------------------------------------------------------------------ objects */

typedef struct py_idle_session py_idle_session;

typedef struct {
    PyObject_HEAD
    sl_engine *engine;
    py_idle_session *idle; /* that no call uses now */
    int threads;           /* of a session */
} py_engine;

typedef struct {
    PyObject_HEAD
    sl_template *t;
    py_engine *engine; /* whose model it is of; NULL: of arrays, or of a gallery that was opened without one */
    sl_image crop;     /* that it was made of; no pixels where it is not known */
    uint64_t encoder;  /* that embedded it as one that searches, as in sl_match_options; 0: as faces that are
                          enrolled */
} py_template;

typedef struct {
    PyObject_HEAD
    sl_gallery *gallery; /* NULL: closed */
    py_engine *engine;   /* NULL: none */
    Py_ssize_t readers;  /* calls that read it now */
    Py_ssize_t exports;  /* arrays that show its embeddings */
    bool changing, writes;
    uint64_t encoder;    /* of Gallery.as_queries: that of all its templates; else 0 */
} py_gallery;

typedef struct {
    PyObject_HEAD
    sl_look *look;
} py_look;

extern PyTypeObject *py_array_type, *py_engine_type, *py_template_type, *py_gallery_type, *py_look_type;
extern PyType_Spec py_array_spec, py_engine_spec, py_template_spec, py_gallery_spec, py_look_spec, py_bank_spec;

/* A zeroed object of a type, and its end. */
void *py_new(PyTypeObject *type);
void py_delete(void *object);

/* 1 where it is one, 0 with a TypeError that names the argument where it is not. */
int py_expect(PyObject *object, PyTypeObject *type, const char *what);

/* NULL for None, and for NULL. */
PyObject *py_given(PyObject *object);

/* A path of the file system as bytes (os.PathLike too). */
PyObject *py_path(PyObject *object);

/* For O&: as PyUnicode_FSConverter, None leaves what is there. */
int py_optional_path(PyObject *object, void *bytes);

/* ------------------------------------------------------------------ engine and templates */

/* A session that is the caller's until it is given back. */
sl_session *py_session_take(py_engine *engine);
void py_session_give(py_engine *engine, sl_session *session);

/* Takes over t and crop, also when it fails; crop NULL: not known. engine may be NULL. */
PyObject *py_template_new(sl_template *t, sl_image *crop, py_engine *engine);

/* How a photo's face is embedded: as one that is enrolled or compared, or as one that searches, with the engine's
 * query encoder where it has one. */
typedef enum { PY_ENROLLED, PY_SEARCHES } py_role;

/* A template as it is, or that of a photo's main face. */
py_template *py_template_from(py_engine *engine, PyObject *from, py_role role, bool aligned);

/* Of a template that is to be stored or compared as enrolled faces are: -1 with a ValueError where a query encoder
 * made it. */
int py_expect_enrolled(const py_template *t);

PyObject *py_model_info(const sl_model_info *info);
extern PyMethodDef py_model_functions[];

/* ------------------------------------------------------------------ galleries */

/* For a call that reads, and for one that changes: -1 with an exception where the gallery is closed, or another call is
 * in its way. */
int py_gallery_read(py_gallery *g);
void py_gallery_read_end(py_gallery *g);
int py_gallery_change(py_gallery *g);
void py_gallery_change_end(py_gallery *g);

extern PyMethodDef py_gallery_functions[];

#define PY_METHOD(name) PyObject *py_gallery_##name(PyObject *self, PyObject *args, PyObject *keywords)
PY_METHOD(add);
PY_METHOD(remove);
PY_METHOD(rename);
PY_METHOD(enroll);
PY_METHOD(as_queries);
PY_METHOD(identify);
PY_METHOD(identify_all);
PY_METHOD(calibrate);
PY_METHOD(cluster);
PyObject *py_gallery_commit(PyObject *self, PyObject *none);
PyObject *py_engine_verify(PyObject *self, PyObject *args, PyObject *keywords);

/* ------------------------------------------------------------------ matching */

/* None: the default; a name: that look's own options; a Match: those. */
int py_match(PyObject *from, sl_match_options *out);

/* py_match, settled by what is known of the engine's model; engine and gallery NULL: as it is. encoder: of the queries
 * that search the gallery, as in sl_match_options; -1 with a ValueError where it is another than the engine's. */
int py_match_settled(PyObject *from, py_engine *engine, const sl_gallery *gallery, uint64_t encoder,
                     sl_match_options *out);

/* The value of an option by its name: `named` as in sl_rerank_named; `what` for the error. */
int py_named(const char *text, int (*named)(const char *name), const char *what, int *out);

/* An sl_compute, an sl_points_source by its name. */
int py_compute_named(const char *name);
int py_points_named(const char *name);

/* What an answer is to be judged by: at most one of the three is given (NaN: not). */
typedef struct {
    double threshold, far, fpir;
} py_judging;

/* None is not given. */
int py_judging_read(PyObject *threshold, PyObject *far, PyObject *fpir, py_judging *out);

/* The rule for a gallery, or (NULL) for a pair. */
int py_rule(const py_judging *by, py_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
            sl_rule *out);

PyObject *py_score(const sl_score *score);
PyObject *py_face(const sl_face *face);
int py_face_read(PyObject *from, sl_face *out); /* a Face of Python */
PyObject *py_box(const sl_box *box);
PyObject *py_quality(const sl_quality *quality);
PyObject *py_answer(const sl_answer *answer);

extern PyMethodDef py_emd_functions[], py_explain_functions[], py_eval_functions[];

#define PY_KEYWORDS (METH_VARARGS | METH_KEYWORDS)
#define PY_CALL(function) ((PyCFunction)(void (*)(void))(function))

#endif
