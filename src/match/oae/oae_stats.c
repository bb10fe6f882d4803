/* Per cell: the mean of the contributions, the directions in which they differ most, and how much of a face
 * these directions usually leave over. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/threads.h"
#include "match/oae/oae.h"
#include "base/eigen.h"
#include "match/kernels/head_kernel.h"

enum { MOST_FACES = 20000, BLOCK = 256 }; /* faces of one product */

sl_status sl_oae_stats_alloc(sl_oae_stats *s, sl_error *err)
{
    size_t cells = (size_t)s->rows * (size_t)s->cols, rank = (size_t)s->rank, dim = (size_t)s->dim;
    s->means = sl_calloc_aligned(cells, sizeof(float));
    s->sds = sl_calloc_aligned(cells, sizeof(float));
    s->mu = sl_calloc_aligned(cells * dim, sizeof(float));
    s->scales = sl_calloc_aligned(cells * rank, sizeof(float));
    s->axes = sl_calloc_aligned(cells * rank * dim, 1);
    if (s->means && s->sds && s->mu && s->scales && s->axes)
        return SL_OK;
    sl_oae_stats_free(s);
    return sl_fail(err, SL_ERR_MEMORY, "no memory for the statistics of %zu cells", cells);
}

void sl_oae_stats_free(sl_oae_stats *s)
{
    free(s->means);
    free(s->sds);
    free(s->mu);
    free(s->scales);
    free(s->axes);
    *s = (sl_oae_stats){0};
}

typedef struct {
    const sl_head *head;
    const sl_patch_source *faces;
    size_t count;
    sl_oae_stats *out;
    sl_head_kernel multiply;
    size_t first; /* cell of item 0 */
} work;

/* One thread's memory for one cell. */
typedef struct {
    float *x;                 /* [BLOCK, C] patches */
    float *y;                 /* [faces, dim padded] contributions, then less their mean */
    float *turned;            /* [D, BLOCK] some faces' y, turned */
    float *columns;           /* [BLOCK, SL_HEAD_COLUMNS] some of their dimensions */
    float *part;              /* [D or BLOCK, SL_HEAD_COLUMNS] a product */
    double *covariance;       /* [D, D] */
    double *values, *vectors; /* [rank], [rank, D] */
} scratch;

static size_t padded(const sl_head *h)
{
    return (size_t)h->blocks * SL_HEAD_COLUMNS;
}

static int open_scratch(const work *w, scratch *s)
{
    size_t dim = (size_t)w->head->dim, wide = padded(w->head), rank = (size_t)w->out->rank;
    *s = (scratch){
        .x = sl_calloc_aligned(BLOCK * (size_t)w->head->channels, sizeof(float)),
        .y = sl_calloc_aligned(w->count * wide, sizeof(float)),
        .turned = sl_calloc_aligned(dim * BLOCK, sizeof(float)),
        .columns = sl_calloc_aligned(BLOCK * SL_HEAD_COLUMNS, sizeof(float)),
        .part = sl_calloc_aligned((wide > BLOCK ? wide : BLOCK) * SL_HEAD_COLUMNS, sizeof(float)),
        .covariance = sl_calloc_aligned(dim * dim, sizeof(double)),
        .values = sl_calloc_aligned(rank, sizeof(double)),
        .vectors = sl_calloc_aligned(rank * dim, sizeof(double)),
    };
    return s->x && s->y && s->turned && s->columns && s->part && s->covariance && s->values && s->vectors;
}

static void close_scratch(scratch *s)
{
    free(s->x);
    free(s->y);
    free(s->turned);
    free(s->columns);
    free(s->part);
    free(s->covariance);
    free(s->values);
    free(s->vectors);
}

/* y of all faces at cell p, without the constant b / R, which the mean would take away again. */
static void contribute(const work *w, int p, scratch *s)
{
    const sl_head *h = w->head;
    size_t wide = padded(h), channels = (size_t)h->channels;
    for (size_t from = 0; from < w->count; from += BLOCK) {
        size_t count = w->count - from < BLOCK ? w->count - from : BLOCK;
        for (size_t i = 0; i < count; i++)
            sl_source_patch(&w->faces[from + i], p, h->channels, 1, s->x + i * channels);
        for (int block = 0; block < h->blocks; block++) {
            memset(s->part, 0, count * SL_HEAD_COLUMNS * sizeof(float));
            w->multiply(s->x, channels, (int)count, h->channels, sl_head_weights(h, block, p, 0), s->part);
            for (size_t i = 0; i < count; i++)
                memcpy(s->y + (from + i) * wide + (size_t)block * SL_HEAD_COLUMNS, s->part + i * SL_HEAD_COLUMNS,
                       SL_HEAD_COLUMNS * sizeof(float));
        }
    }
}

/* mu [D], with the constant; y loses its mean. */
static void centre(const work *w, scratch *s, float *mu)
{
    const sl_head *h = w->head;
    size_t wide = padded(h);
    for (int d = 0; d < h->dim; d++) {
        double sum = 0;
        for (size_t i = 0; i < w->count; i++)
            sum += (double)s->y[i * wide + (size_t)d];
        float mean = (float)(sum / (double)w->count);
        for (size_t i = 0; i < w->count; i++)
            s->y[i * wide + (size_t)d] -= mean;
        mu[d] = mean + h->bias[d] / (float)h->cells;
    }
}

/* covariance = y^T y / faces: blocks of faces in float, their sum in double. */
static void covary(const work *w, scratch *s)
{
    const sl_head *h = w->head;
    size_t wide = padded(h), dim = (size_t)h->dim;
    memset(s->covariance, 0, dim * dim * sizeof(double));
    for (size_t from = 0; from < w->count; from += BLOCK) {
        size_t count = w->count - from < BLOCK ? w->count - from : BLOCK;
        for (size_t i = 0; i < count; i++)
            for (size_t d = 0; d < dim; d++)
                s->turned[d * BLOCK + i] = s->y[(from + i) * wide + d];
        for (int block = 0; block < h->blocks; block++) {
            size_t first = (size_t)block * SL_HEAD_COLUMNS,
                   columns = dim - first < SL_HEAD_COLUMNS ? dim - first : SL_HEAD_COLUMNS;
            for (size_t i = 0; i < count; i++) /* these columns of y, dense */
                memcpy(s->columns + i * SL_HEAD_COLUMNS, s->y + (from + i) * wide + first,
                       SL_HEAD_COLUMNS * sizeof(float));
            memset(s->part, 0, dim * SL_HEAD_COLUMNS * sizeof(float));
            w->multiply(s->turned, BLOCK, (int)dim, (int)count, s->columns, s->part);
            for (size_t d = 0; d < dim; d++)
                for (size_t k = 0; k < columns; k++)
                    s->covariance[d * dim + first + k] += (double)s->part[d * SL_HEAD_COLUMNS + k];
        }
    }
    for (size_t i = 0; i < dim * dim; i++)
        s->covariance[i] /= (double)w->count;
}

/* The axes as int8 rows with a scale each. */
static void keep_axes(const work *w, int p, const scratch *s)
{
    size_t dim = (size_t)w->head->dim, rank = (size_t)w->out->rank;
    for (size_t k = 0; k < rank; k++) {
        const double *axis = s->vectors + k * dim;
        double most = 0;
        for (size_t d = 0; d < dim; d++)
            most = fabs(axis[d]) > most ? fabs(axis[d]) : most;
        size_t at = (size_t)p * rank + k;
        w->out->scales[at] = (float)(most / 127);
        for (size_t d = 0; d < dim && most > 0; d++)
            w->out->axes[at * dim + d] = (int8_t)lrint(axis[d] * 127 / most);
    }
}

/* Mean and standard deviation of the surprise, with the axes as they are kept. */
static void keep_surprise(const work *w, int p, const scratch *s)
{
    double sum = 0, squares = 0, n = (double)w->count;
    for (size_t i = 0; i < w->count; i++) {
        double v = (double)sl_oae_surprise(w->out, p, s->y + i * padded(w->head), 0);
        sum += v;
        squares += v * v;
    }
    double mean = sum / n, variance = squares / n - mean * mean;
    w->out->means[p] = (float)mean;
    w->out->sds[p] = variance > 1e-12 ? (float)sqrt(variance) : 1e-6f;
}

static sl_status one_cell(void *context, size_t item, int worker, sl_error *err)
{
    work *w = context;
    scratch s;
    size_t p = w->first + item;
    (void)worker;
    sl_status status = open_scratch(w, &s) ? SL_OK : SL_ERR_MEMORY;
    if (status == SL_OK) {
        contribute(w, (int)p, &s);
        centre(w, &s, w->out->mu + p * (size_t)w->head->dim);
        covary(w, &s);
        status = sl_eigen_top(s.covariance, w->head->dim, w->out->rank, s.values, s.vectors, NULL);
    }
    if (status == SL_OK) {
        keep_axes(w, (int)p, &s);
        keep_surprise(w, (int)p, &s);
    }
    close_scratch(&s);
    return status == SL_OK ? SL_OK
                           : sl_fail(err, status, "no memory for the statistics of %zu faces", w->count);
}

/* Faces evenly spaced over the gallery, checksums verified. */
static sl_status take_faces(sl_face_store store, size_t count, sl_patch_source *faces, sl_error *err)
{
    for (size_t i = 0; i < count; i++)
        SL_TRY(store.patches(store.context, i * store.count / count, &faces[i], err));
    return SL_OK;
}

static sl_status make(work *w, int threads, sl_progress_fn progress, void *context, sl_error *err)
{
    size_t cells = (size_t)w->head->cells;
    if (threads < 1)
        threads = sl_cpu_count();
    for (size_t p = 0; p < cells; p += (size_t)threads) { /* in steps, so that the caller hears of it */
        size_t count = cells - p < (size_t)threads ? cells - p : (size_t)threads;
        w->first = p;
        SL_TRY(sl_parallel_try(threads, count, one_cell, w, err));
        if (progress && progress(context, p + count, cells))
            return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu cells", p + count, cells);
    }
    for (size_t i = 0; i < cells; i++)
        if (!isfinite(w->out->means[i]) || !isfinite(w->out->sds[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "the statistics of cell %zu are not finite", i);
    return SL_OK;
}

sl_status sl_oae_stats_make(sl_face_store store, const sl_head *head, int threads, sl_progress_fn progress,
                             void *context, sl_oae_stats *out, sl_error *err)
{
    const sl_template_shape *shape = store.shape;
    size_t size = store.count, count = size < MOST_FACES ? size : MOST_FACES;
    *out = (sl_oae_stats){0};
    if (size < SL_OAE_LEAST_FACES)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "statistics per cell need a gallery of at least %d faces, this one has %zu",
                       SL_OAE_LEAST_FACES, size);
    SL_TRY(sl_head_check(head, shape, err));
    *out = (sl_oae_stats){.rows = shape->rows,
                           .cols = shape->cols,
                           .dim = shape->dim,
                           .faces = (uint32_t)count,
                           .rank = shape->dim / 4 < SL_OAE_RANK ? (shape->dim + 3) / 4 : SL_OAE_RANK};
    memcpy(out->fingerprint, shape->fingerprint, sizeof out->fingerprint);
    SL_TRY(sl_oae_stats_alloc(out, err));
    work w = {.head = head, .count = count, .out = out, .multiply = sl_head_kernel_for(sl_isa_active())};
    sl_patch_source *faces = sl_calloc_aligned(count, sizeof *faces);
    w.faces = faces;
    sl_status status = faces ? take_faces(store, count, faces, err)
                             : sl_fail(err, SL_ERR_MEMORY, "no memory for the statistics of %zu faces", count);
    if (status == SL_OK)
        status = make(&w, threads, progress, context, err);
    free(faces);
    if (status != SL_OK)
        sl_oae_stats_free(out);
    return status;
}

uint32_t sl_oae_checksum(const sl_oae *oae)
{
    const sl_oae_stats *s = &oae->stats;
    size_t patches = (size_t)s->rows * (size_t)s->cols, dim = (size_t)s->dim;
    if (!sl_oae_has_statistics(oae))
        return 0;
    uint32_t crc = sl_crc32c(0, s->mu, patches * dim * sizeof *s->mu);
    crc = sl_crc32c(crc, s->means, patches * sizeof *s->means);
    return sl_crc32c(crc, s->axes, patches * (size_t)s->rank * dim);
}
