/* Which layers of a recogniser may be int8. */
#include "model/int8/int8_make.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "base/vector.h"

/* Each tensor's cost is measured on so many faces. Costs add up only roughly: the first try goes a little over. */
enum { COST_FACES = 32 };
#define COST_BUDGET (1.2 * (1 - SL_INT8_LEAST_MEAN))

typedef struct {
    double mean, least, share; /* share: of the faces that keep SL_INT8_LEAST_COSINE */
} agreement;

/* The first `faces` faces with these ranges against f32. */
static sl_status compare_to_f32(sl_int8_faces *f, const sl_ranges *ranges, size_t faces, agreement *out, sl_error *err)
{
    const sl_plan_options options = {.threads = f->threads, .precision = SL_COMPUTE_INT8, .ranges = ranges};
    sl_plan *plan;
    *out = (agreement){.least = 1};
    SL_TRY(sl_recogniser_compile(f->r, SL_INT8_BATCH, &options, &plan, err));
    sl_status status = SL_OK;
    size_t dim = (size_t)f->r->dim;
    for (size_t at = 0; status == SL_OK && at < faces; at += SL_INT8_BATCH) {
        size_t n = faces - at < SL_INT8_BATCH ? faces - at : SL_INT8_BATCH;
        status = sl_int8_run(f, plan, at, n, err);
        for (size_t i = 0; status == SL_OK && i < n; i++) {
            double c = sl_cosine(sl_plan_output(plan, 0, NULL) + i * dim, f->embeddings + (at + i) * dim, f->r->dim);
            out->mean += c / (double)faces;
            out->least = c < out->least ? c : out->least;
            out->share += (c >= SL_INT8_LEAST_COSINE) / (double)faces;
        }
    }
    sl_plan_free(plan);
    return status;
}

/* ---- costs ---- */

static sl_status measure_costs(sl_int8_faces *f, sl_int8_candidate *c, int count, double *without, sl_error *err)
{
    size_t faces = f->count < COST_FACES ? f->count : COST_FACES;
    const sl_ranges none = {0};
    agreement a;
    SL_TRY(compare_to_f32(f, &none, faces, &a, err));
    *without = 1 - a.mean;
    for (int j = 0; j < count; j++) {
        const sl_ranges one = {&c[j].range, 1};
        SL_TRY(compare_to_f32(f, &one, faces, &a, err));
        c[j].error = isnan(a.mean) ? 1 : fmax(0, 1 - a.mean - *without);
    }
    return SL_OK;
}

static int by_cost(const void *a, const void *b)
{
    const sl_int8_candidate *x = a, *y = b;
    return x->error != y->error ? (x->error > y->error) - (x->error < y->error) : x->tensor - y->tensor;
}

/* ---- choice ---- */

/* The names are borrowed from the graph. */
static sl_ranges ranges_of(const sl_int8_candidate *c, int count, sl_range *room)
{
    sl_ranges ranges = {room, 0};
    for (int j = 0; j < count; j++)
        if (c[j].used)
            room[ranges.count++] = c[j].range;
    return ranges;
}

/* Candidates in the order of their cost: as many of the cheapest as keep what must be kept. */
static sl_status choose_ranges(sl_int8_faces *f, sl_int8_candidate *c, int count, double without, sl_range *room,
                               agreement *a, sl_error *err)
{
    int used = 0;
    qsort(c, (size_t)count, sizeof *c, by_cost);
    for (double sum = without; used < count && sum + c[used].error <= COST_BUDGET; used++) {
        sum += c[used].error;
        c[used].used = true;
    }
    for (; used > 0; c[--used].used = false) {
        const sl_ranges ranges = ranges_of(c, count, room);
        SL_TRY(compare_to_f32(f, &ranges, f->count, a, err));
        if (a->share >= SL_INT8_LEAST_SHARE && a->mean >= SL_INT8_LEAST_MEAN)
            return SL_OK;
    }
    return sl_fail(err, SL_ERR_UNSUPPORTED, "model %s: no layer can be int8 with embeddings that keep a cosine of %.3f "
                   "to f32 (%.4f with none): take another precision", f->r->network.manifest->name,
                   SL_INT8_LEAST_COSINE, 1 - without);
}

/* ---- the result ---- */

static sl_status keep_ranges(const sl_ranges *from, sl_ranges *to, sl_error *err)
{
    to->items = sl_calloc_aligned((size_t)from->count + 1, sizeof *to->items);
    if (!to->items)
        return sl_no_memory(err, "to measure a network");
    for (; to->count < from->count; to->count++) {
        to->items[to->count] = from->items[to->count];
        to->items[to->count].tensor = sl_strdup(from->items[to->count].tensor);
        if (!to->items[to->count].tensor)
            return sl_no_memory(err, "to measure a network");
    }
    return SL_OK;
}

static sl_status add_crop(const sl_int8_faces *f, const sl_image *crop, size_t size, uint32_t *sums, sl_error *err)
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
static sl_status make_probe(const sl_int8_faces *f, sl_int8_model *m, sl_error *err)
{
    size_t size = (size_t)m->width * (size_t)m->height * (size_t)m->channels;
    uint32_t *sums = sl_calloc_aligned(size, sizeof *sums);
    sl_status status = sums ? SL_OK : sl_no_memory(err, "to measure a network");
    for (size_t i = 0; status == SL_OK && i < f->count; i++)
        status = add_crop(f, f->crops[i], size, sums, err);
    for (size_t k = 0; status == SL_OK && k < size; k++)
        m->probe[k] = (uint8_t)((sums[k] + f->count / 2) / f->count);
    free(sums);
    return status;
}

/* The probe's embedding as this precision makes it. */
static sl_status embed_probe(const sl_int8_faces *f, const sl_int8_model *m, sl_compute precision, float *out,
                             sl_error *err)
{
    const sl_plan_options options = {.threads = f->threads, .precision = precision, .ranges = &m->ranges};
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

static sl_status finish_model(const sl_int8_faces *f, const sl_ranges *ranges, sl_int8_model *m, sl_error *err)
{
    const sl_recogniser *r = f->r;
    memcpy(m->fingerprint, r->fingerprint, sizeof m->fingerprint);
    m->width = r->width;
    m->height = r->height;
    m->channels = r->channels_in;
    m->dim = r->dim;
    SL_TRY(sl_int8_model_alloc(m, err));
    SL_TRY(keep_ranges(ranges, &m->ranges, err));
    SL_TRY(make_probe(f, m, err));
    float *narrow = sl_calloc_aligned((size_t)m->dim, sizeof *narrow);
    if (!narrow)
        return sl_no_memory(err, "to measure a network");
    sl_status status = embed_probe(f, m, SL_COMPUTE_F32, m->expected, err);
    if (status == SL_OK)
        status = embed_probe(f, m, SL_COMPUTE_INT8, narrow, err);
    if (status == SL_OK)
        m->cosine = (float)fmin(1, sl_cosine(m->expected, narrow, m->dim));
    free(narrow);
    return status;
}

static sl_status make_ranges(sl_int8_faces *f, sl_graph *g, sl_int8_candidate *c, sl_range *room, sl_int8_model *out,
                             sl_int8_report *report, sl_error *err)
{
    int count;
    double without;
    agreement a;
    sl_tensor *tensors = sl_calloc_aligned((size_t)g->n_tensors, sizeof *tensors);
    if (!tensors)
        return sl_no_memory(err, "to measure a network");
    sl_range_candidates(g, tensors, &count);
    for (int j = 0; j < count; j++) {
        c[j].tensor = tensors[j];
        c[j].range.tensor = g->tensors[tensors[j]].name;
    }
    free(tensors);
    f->total = 3 * f->count + (size_t)(count + 1) * (f->count < COST_FACES ? f->count : COST_FACES);
    SL_TRY(sl_int8_measure(f, g, c, count, err));
    SL_TRY(measure_costs(f, c, count, &without, err));
    SL_TRY(choose_ranges(f, c, count, without, room, &a, err));
    const sl_ranges ranges = ranges_of(c, count, room);
    *report = (sl_int8_report){f->count, count, ranges.count, a.mean, a.least, a.share};
    return finish_model(f, &ranges, out, err);
}

sl_status sl_int8_make(const sl_recogniser *r, const sl_image *crops, size_t count, const sl_quantise_options *options,
                       sl_int8_model *out, sl_int8_report *report, sl_error *err)
{
    sl_int8_faces f = {.r = r, .threads = options->threads ? options->threads : sl_cpu_count(),
                       .progress = options->progress, .context = options->context};
    sl_graph *g = NULL;
    *out = (sl_int8_model){0};
    if (count < SL_INT8_LEAST_FACES)
        return sl_fail(err, SL_ERR_ARGUMENT, "%zu faces: int8 needs %d or more to measure its ranges on", count,
                       SL_INT8_LEAST_FACES);
    SL_TRY(sl_recogniser_graph(r, SL_INT8_BATCH, &g, err));
    f.count = count < SL_INT8_MOST_FACES ? count : SL_INT8_MOST_FACES;
    f.crops = sl_calloc_aligned(f.count, sizeof *f.crops);
    f.embeddings = sl_calloc_aligned(f.count * (size_t)r->dim, sizeof *f.embeddings);
    sl_int8_candidate *c = sl_calloc_aligned((size_t)g->n_tensors, sizeof *c);
    sl_range *room = sl_calloc_aligned((size_t)g->n_tensors, sizeof *room);
    sl_status status = f.crops && f.embeddings && c && room ? SL_OK : sl_no_memory(err, "to measure a network");
    for (size_t i = 0; status == SL_OK && i < f.count; i++)
        f.crops[i] = &crops[i * count / f.count];
    if (status == SL_OK)
        status = make_ranges(&f, g, c, room, out, report, err);
    if (status != SL_OK)
        sl_int8_model_free(out);
    free(f.crops);
    free(f.embeddings);
    free(c);
    free(room);
    sl_graph_free(g);
    return status;
}
