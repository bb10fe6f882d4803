/* A recogniser in int8, from faces. */
#include "model/int8/int8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "base/vector.h"
#include "model/int8/int8_choose.h"

/* Each tensor's cost is measured on so many faces; crops of one run. */
enum { COST_FACES = 32, BATCH = 8 };
#define COST_BUDGET (1.2 * (1 - SL_INT8_LEAST_MEAN))

typedef struct {
    sl_int8_subject subject;
    const sl_recogniser *r;
    const sl_image **crops;    /* [subject.count] */
    double mean, least, share; /* cosines to f32, as judged last; share: of the faces that keep SL_INT8_LEAST_COSINE */
} faces_subject;

/* ---- what is measured ---- */

static sl_status faces_graph(const sl_int8_subject *s, sl_graph **out, sl_error *err)
{
    return sl_recogniser_graph(((const faces_subject *)s)->r, BATCH, out, err);
}

static sl_status compile_faces(const sl_int8_subject *s, const sl_plan_options *options, sl_plan **out, sl_error *err)
{
    return sl_recogniser_compile(((const faces_subject *)s)->r, BATCH, options, out, err);
}

static sl_status fill_faces(sl_int8_subject *s, sl_plan *plan, size_t first, size_t n, sl_error *err)
{
    const faces_subject *f = (const faces_subject *)s;
    const sl_recogniser *r = f->r;
    const size_t picture = (size_t)r->channels_in * (size_t)r->width * (size_t)r->height;
    for (size_t i = 0; i < n; i++)
        SL_TRY(sl_recogniser_prepare(r, f->crops[first + i], sl_plan_input(plan, 0, NULL) + i * picture, err));
    return SL_OK;
}

static bool judge_faces(sl_int8_subject *s, const float *wide, const float *narrow, size_t n, double *cost)
{
    faces_subject *f = (faces_subject *)s;
    f->mean = f->share = 0;
    f->least = 1;
    for (size_t i = 0; i < n; i++) {
        const double c = sl_cosine(narrow + i * (size_t)s->dim, wide + i * (size_t)s->dim, s->dim);
        f->mean += c / (double)n;
        f->least = c < f->least ? c : f->least;
        f->share += (c >= SL_INT8_LEAST_COSINE) / (double)n;
    }
    *cost = 1 - f->mean;
    return f->share >= SL_INT8_LEAST_SHARE && f->mean >= SL_INT8_LEAST_MEAN;
}

/* ---- the probe ---- */

static sl_status add_crop(const faces_subject *f, const sl_image *crop, size_t size, uint32_t *sums, sl_error *err)
{
    sl_image made;
    const sl_image *fitted;
    sl_status status = sl_recogniser_fit(f->r, crop, &made, &fitted, err);
    for (size_t k = 0; status == SL_OK && k < size; k++)
        sums[k] += fitted->pixels[k];
    sl_image_free(&made);
    return status;
}

/* The mean of the crops. */
static sl_status make_probe(const faces_subject *f, sl_int8_model *m, sl_error *err)
{
    size_t size = (size_t)m->width * (size_t)m->height * (size_t)m->channels;
    uint32_t *sums = sl_calloc_aligned(size, sizeof *sums);
    uint8_t *probe = m->probe;
    sl_status status = sums ? SL_OK : sl_no_memory(err, "to measure a network");
    for (size_t i = 0; status == SL_OK && i < f->subject.count; i++)
        status = add_crop(f, f->crops[i], size, sums, err);
    for (size_t k = 0; status == SL_OK && k < size; k++)
        probe[k] = (uint8_t)((sums[k] + f->subject.count / 2) / f->subject.count);
    free(sums);
    return status;
}

/* The probe's embedding as this precision makes it. */
static sl_status embed_probe(const faces_subject *f, const sl_int8_model *m, sl_compute precision, float *out,
                             sl_error *err)
{
    const sl_plan_options options = {.threads = f->subject.threads, .precision = precision, .ranges = &m->ranges};
    const sl_image probe = {m->width, m->height, m->channels, m->probe};
    sl_plan *plan;
    SL_TRY(sl_recogniser_compile(f->r, 1, &options, &plan, err));
    sl_status status = sl_recogniser_prepare(f->r, &probe, sl_plan_input(plan, 0, NULL), err);
    if (status == SL_OK)
        status = sl_plan_run(plan, err);
    double length = 0;
    const float *raw = sl_plan_output(plan, 0, NULL);
    for (int d = 0; status == SL_OK && d < m->dim; d++)
        length += (double)raw[d] * (double)raw[d];
    for (int d = 0; status == SL_OK && d < m->dim; d++)
        out[d] = raw[d] / (float)sqrt(length);
    sl_plan_free(plan);
    return status;
}

/* ---- the result ---- */

/* The model's ranges are there. */
static sl_status finish_model(const faces_subject *f, sl_int8_model *m, sl_error *err)
{
    const sl_recogniser *r = f->r;
    m->kind = SL_INT8_RECOGNISER;
    memcpy(m->fingerprint, r->fingerprint, sizeof m->fingerprint);
    m->width = r->width;
    m->height = r->height;
    m->channels = r->channels_in;
    m->dim = r->dim;
    SL_TRY(sl_int8_model_alloc(m, err));
    SL_TRY(make_probe(f, m, err));
    float *narrow = sl_calloc_aligned((size_t)m->dim, sizeof *narrow);
    if (!narrow)
        return sl_no_memory(err, "to measure a network");
    sl_status status = embed_probe(f, m, SL_COMPUTE_F32, m->expected, err);
    if (status == SL_OK)
        status = embed_probe(f, m, SL_COMPUTE_INT8, narrow, err);
    if (status == SL_OK)
        m->agreement = (float)fmin(1, sl_cosine(m->expected, narrow, m->dim));
    free(narrow);
    return status;
}

static sl_status make_model(faces_subject *f, sl_int8_model *out, sl_int8_report *report, sl_error *err)
{
    int tensors;
    SL_TRY(sl_int8_choose(&f->subject, &out->ranges, &tensors, err));
    *report = (sl_int8_report){f->subject.count, tensors, out->ranges.count, f->mean, f->least, f->share};
    return finish_model(f, out, err);
}

static sl_int8_subject subject_of(const sl_recogniser *r, size_t count, const sl_quantise_options *options)
{
    const size_t used = count < SL_INT8_MOST_FACES ? count : SL_INT8_MOST_FACES;
    return (sl_int8_subject){.what = "model", .name = r->network.manifest->name,
                             .kept = "embeddings that keep a cosine of 0.999 to f32", .count = used,
                             .quick = used < COST_FACES ? used : COST_FACES, .batch = BATCH, .dim = r->dim,
                             .threads = options->threads ? options->threads : sl_cpu_count(), .budget = COST_BUDGET,
                             .progress = options->progress, .context = options->context, .graph = faces_graph,
                             .compile = compile_faces, .fill = fill_faces, .judge = judge_faces};
}

sl_status sl_int8_make(const sl_recogniser *r, const sl_image *crops, size_t count, const sl_quantise_options *options,
                       sl_int8_model *out, sl_int8_report *report, sl_error *err)
{
    *out = (sl_int8_model){0};
    if (count < SL_INT8_LEAST_FACES)
        return sl_fail(err, SL_ERR_ARGUMENT, "%zu faces: int8 needs %d or more to measure its ranges on", count,
                       SL_INT8_LEAST_FACES);
    faces_subject f = {.subject = subject_of(r, count, options), .r = r};
    f.crops = sl_calloc_aligned(f.subject.count, sizeof *f.crops);
    if (!f.crops)
        return sl_no_memory(err, "to measure a network");
    for (size_t i = 0; i < f.subject.count; i++)
        f.crops[i] = &crops[i * count / f.subject.count];
    sl_status status = make_model(&f, out, report, err);
    if (status != SL_OK)
        sl_int8_model_free(out);
    free(f.crops);
    return status;
}
