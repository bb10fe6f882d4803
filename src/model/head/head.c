/* The linear head of a recogniser, read directly where its layers allow it, else by running it on unit vectors. */
#include "model/head/head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { BATCH = 256, TRIALS = 3 };

/* A unit vector is run this much larger, so that the constant does not swallow its digits. */
#define BASIS_LENGTH 64.0f

#define LINEAR_WITHIN 1e-4

static size_t map_size(const sl_head *h) { return (size_t)h->channels * (size_t)h->cells; }

/* ---- by unit vectors ---- */

/* The constant, from a run on zero. */
static sl_status run_for_bias(sl_plan *plan, sl_head *h, sl_error *err)
{
    size_t size = map_size(h);
    memset(sl_plan_input(plan, 0, NULL), 0, BATCH * size * sizeof(float));
    SL_TRY(sl_plan_run(plan, err));
    memcpy(h->bias, sl_plan_output(plan, 0, NULL), (size_t)h->dim * sizeof(float));
    return SL_OK;
}

/* Element e of the map, [C, cells], is channel e / cells of cell e % cells. */
static sl_status run_for_weights(sl_plan *plan, sl_head *h, sl_error *err)
{
    size_t size = map_size(h);
    for (size_t from = 0; from < size; from += BATCH) {
        size_t count = size - from < BATCH ? size - from : BATCH;
        float *in = sl_plan_input(plan, 0, NULL);
        memset(in, 0, BATCH * size * sizeof(float));
        for (size_t i = 0; i < count; i++)
            in[i * size + from + i] = BASIS_LENGTH;
        SL_TRY(sl_plan_run(plan, err));
        const float *out = sl_plan_output(plan, 0, NULL);
        for (size_t i = 0; i < count; i++, out += h->dim) {
            int c = (int)((from + i) / (size_t)h->cells), p = (int)((from + i) % (size_t)h->cells);
            for (int d = 0; d < h->dim; d++)
                sl_head_weights(h, d / SL_HEAD_COLUMNS, p, c)[d % SL_HEAD_COLUMNS] =
                    (out[d] - h->bias[d]) / BASIS_LENGTH;
        }
    }
    return SL_OK;
}

/* sums [dim] = b + x W for a map [C, cells]. */
static void apply_head(const sl_head *h, const float *map, double *sums)
{
    for (int d = 0; d < h->dim; d++)
        sums[d] = (double)h->bias[d];
    for (int block = 0; block < h->blocks; block++) {
        int first = block * SL_HEAD_COLUMNS, left = h->dim - first;
        int count = left < SL_HEAD_COLUMNS ? left : SL_HEAD_COLUMNS;
        for (int p = 0; p < h->cells; p++)
            for (int c = 0; c < h->channels; c++) {
                const float *w = sl_head_weights(h, block, p, c);
                double x = (double)map[(size_t)c * (size_t)h->cells + (size_t)p];
                for (int d = 0; d < count; d++)
                    sums[first + d] += x * (double)w[d];
            }
    }
}

/* Whether random maps of several lengths give what W and b say. */
static sl_status check_linear(sl_plan *plan, const sl_head *h, sl_error *err)
{
    size_t size = map_size(h);
    float *maps = sl_calloc_aligned(TRIALS * size, sizeof *maps);
    double *sums = sl_calloc_aligned((size_t)h->dim, sizeof *sums);
    sl_status status = maps && sums ? SL_OK : sl_no_memory(err, "for the linear head");
    sl_rng rng = sl_rng_seed(1);
    for (size_t i = 0; status == SL_OK && i < TRIALS * size; i++)
        maps[i] = (float)sl_rng_range(&rng, -1, 1) * (float)(1 << 2 * (i / size));
    if (status == SL_OK) {
        float *in = sl_plan_input(plan, 0, NULL);
        memset(in, 0, BATCH * size * sizeof *in);
        memcpy(in, maps, TRIALS * size * sizeof *in);
        status = sl_plan_run(plan, err);
    }
    for (int i = 0; status == SL_OK && i < TRIALS; i++) {
        const float *out = sl_plan_output(plan, 0, NULL) + (size_t)i * (size_t)h->dim;
        double wrong = 0, all = 0;
        apply_head(h, maps + (size_t)i * size, sums);
        for (int d = 0; d < h->dim; d++) {
            wrong += (sums[d] - (double)out[d]) * (sums[d] - (double)out[d]);
            all += (double)out[d] * (double)out[d];
        }
        if (!(wrong <= all * LINEAR_WITHIN * LINEAR_WITHIN))
            status = sl_fail(err, SL_ERR_UNSUPPORTED, "the head between patch map and embedding is not linear (it is "
                             "off by %.2g)", sqrt(wrong / all));
    }
    free(maps);
    free(sums);
    return status;
}

static sl_status read_by_runs(const sl_graph *part, const sl_shape *shape, int threads, sl_head *h, sl_error *err)
{
    sl_plan *plan;
    sl_shape out;
    SL_TRY(sl_plan_compile(part, threads, &plan, err));
    sl_plan_output(plan, 0, &out);
    sl_status status;
    SL_TRY_GOTO(sl_head_allocate_for(shape, &out, h, err), end);
    SL_TRY_GOTO(run_for_bias(plan, h, err), end);
    SL_TRY_GOTO(run_for_weights(plan, h, err), end);
    status = check_linear(plan, h, err);
end:
    sl_plan_free(plan);
    return status;
}

sl_status sl_head_of_graph(const sl_graph *graph, const char *map, const char *embedding, int channels, int rows,
                           int cols, int threads, sl_head *out, sl_error *err)
{
    sl_shape shape = {.rank = 4, .dim = {BATCH, channels, rows, cols}};
    sl_graph *part;
    bool direct = false;
    *out = (sl_head){0};
    SL_TRY(sl_head_cut(graph, map, embedding, &shape, &part, err));
    sl_status status = sl_head_read_directly(part, &shape, &direct, out, err);
    if (status == SL_OK && !direct)
        status = read_by_runs(part, &shape, threads, out, err);
    sl_graph_free(part);
    if (status != SL_OK)
        sl_head_free(out);
    return status;
}

sl_status sl_head_of_recogniser(const sl_recogniser *r, int threads, sl_head *out, sl_error *err)
{
    const sl_manifest *m = r->network.manifest;
    sl_status status = sl_head_of_graph(r->network.graph, m->patch_map, m->embedding, r->channels, r->rows, r->cols,
                                        threads, out, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "model %s", m->name);
}
