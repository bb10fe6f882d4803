#include "model/head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { BATCH = 256, TRIALS = 3 };

/* A unit vector is run this much larger, so that the constant does not swallow its digits. */
#define BASIS_LENGTH 64.0f

#define LINEAR_WITHIN 1e-4

/* ---- the part of the graph between map and embedding ---- */

/* Which nodes lead from `map` to `target`. The batch may be read from other shapes, the picture may not. */
static sl_status mark_nodes(const sl_graph *g, sl_tensor map, sl_tensor target, uint8_t *node_wanted,
                            uint8_t *tensor_wanted, sl_error *err)
{
    tensor_wanted[target] = 1;
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        const sl_node *node = &g->nodes[i];
        for (int o = 0; o < node->n_outputs; o++)
            node_wanted[i] |= node->outputs[o] >= 0 && node->outputs[o] != map && tensor_wanted[node->outputs[o]];
        for (int k = 0; node_wanted[i] && k < node->n_inputs; k++)
            if (node->inputs[k] >= 0)
                tensor_wanted[node->inputs[k]] = 1;
    }
    for (int i = 0; i < g->n_inputs; i++)
        if (tensor_wanted[g->inputs[i]] && g->inputs[i] != map)
            return sl_fail(err, SL_ERR_UNSUPPORTED, "the embedding does not come from the patch map alone");
    return tensor_wanted[map] ? SL_OK : sl_fail(err, SL_ERR_UNSUPPORTED, "the embedding does not come from the patch "
                                                "map");
}

/* A tensor of `g` in `to`; constants are shared. */
static sl_status copy_tensor(const sl_graph *g, sl_tensor t, sl_graph *to, sl_tensor *at, sl_error *err)
{
    const sl_tensor_info *info = &g->tensors[t];
    const sl_shape unknown = {.rank = -1};
    if (at[t] >= 0)
        return SL_OK;
    if (info->data)
        return sl_graph_add_const(to, info->name, info->type, &info->shape, info->data, false, &at[t], err);
    return sl_graph_add_tensor(to, info->name, info->type, &unknown, &at[t], err);
}

static sl_status copy_node(const sl_graph *g, const sl_node *node, sl_graph *to, sl_tensor *at, sl_error *err)
{
    sl_tensor inputs[SL_MAX_NODE_INPUTS], outputs[SL_MAX_NODE_INPUTS];
    for (int k = 0; k < node->n_inputs; k++) {
        if (node->inputs[k] >= 0)
            SL_TRY(copy_tensor(g, node->inputs[k], to, at, err));
        inputs[k] = node->inputs[k] >= 0 ? at[node->inputs[k]] : -1;
    }
    for (int k = 0; k < node->n_outputs; k++) {
        SL_TRY(copy_tensor(g, node->outputs[k], to, at, err));
        outputs[k] = at[node->outputs[k]];
    }
    return sl_graph_add_node(to, node->op, node->name, &node->attr, inputs, node->n_inputs, outputs, node->n_outputs,
                             err);
}

static sl_status copy_between(const sl_graph *g, sl_tensor map, const sl_shape *shape, const uint8_t *wanted,
                              sl_graph *to, sl_tensor *at, sl_error *err)
{
    SL_TRY(sl_graph_add_tensor(to, g->tensors[map].name, SL_TYPE_F32, shape, &at[map], err));
    SL_TRY(sl_graph_add_input(to, at[map], err));
    for (int i = 0; i < g->n_nodes; i++)
        if (wanted[i])
            SL_TRY(copy_node(g, &g->nodes[i], to, at, err));
    return SL_OK;
}

static sl_status cut(const sl_graph *g, const char *map_name, const char *embedding, const sl_shape *shape,
                     sl_graph **out, sl_error *err)
{
    sl_tensor map = sl_graph_find(g, map_name), target = sl_graph_find(g, embedding);
    if (map < 0 || target < 0)
        return sl_fail(err, SL_ERR_NOT_FOUND, "the network has no tensor named %.200s", map < 0 ? map_name : embedding);
    size_t tensors = (size_t)g->n_tensors, nodes = (size_t)g->n_nodes;
    uint8_t *wanted = sl_calloc_aligned(tensors + nodes, 1);
    sl_tensor *at = sl_calloc_aligned(tensors, sizeof *at);
    *out = sl_graph_new();
    sl_status status = wanted && at && *out ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for the linear head");
    if (status == SL_OK) {
        memset(at, 0xff, tensors * sizeof *at);
        status = mark_nodes(g, map, target, wanted, wanted + nodes, err);
    }
    if (status == SL_OK)
        status = copy_between(g, map, shape, wanted, *out, at, err);
    if (status != SL_OK) {
        sl_graph_free(*out);
        *out = NULL;
    }
    free(wanted);
    free(at);
    return status;
}

/* The name of the embedding before it is made unit length: behind an L2 norm, whatever reshapes follow it. */
static const char *raw_name(const sl_graph *g)
{
    sl_tensor t = g->outputs[0];
    for (int i; (i = g->tensors[t].producer) >= 0;) {
        const sl_node *node = &g->nodes[i];
        t = node->inputs[0];
        if (node->op == SL_OP_L2NORM)
            return g->tensors[t].name;
        if (node->op != SL_OP_RESHAPE && node->op != SL_OP_FLATTEN && node->op != SL_OP_SQUEEZE)
            break;
    }
    return g->tensors[g->outputs[0]].name;
}

static sl_status compile(const sl_graph *g, const char *map, const char *embedding, sl_shape shape, int threads,
                         sl_plan **out, sl_error *err)
{
    sl_graph *part = NULL, *whole = NULL, *raw = NULL;
    sl_shape any = shape;
    any.dim[0] = -1;
    sl_status status;
    SL_TRY_GOTO(cut(g, map, embedding, &any, &part, err), end);
    SL_TRY_GOTO(sl_graph_specialize(part, &shape, &embedding, 1, &whole, err), end);
    const char *name = raw_name(whole);
    SL_TRY_GOTO(sl_graph_specialize(part, &shape, &name, 1, &raw, err), end);
    status = sl_plan_compile(raw, threads, out, err);
end:
    sl_graph_free(raw);
    sl_graph_free(whole);
    sl_graph_free(part);
    return status;
}

/* ---- reading it off ---- */

static sl_status allocate(const sl_shape *shape, const sl_plan *plan, sl_head *h, sl_error *err)
{
    sl_shape out;
    sl_plan_output(plan, 0, &out);
    int64_t all = sl_shape_elements(&out);
    if (out.rank < 1 || out.dim[0] != BATCH || all / BATCH > 4096)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "the head does not keep faces apart");
    h->channels = (int)shape->dim[1];
    h->cells = (int)(shape->dim[2] * shape->dim[3]);
    h->dim = (int)(all / BATCH);
    h->blocks = (h->dim + SL_HEAD_COLUMNS - 1) / SL_HEAD_COLUMNS;
    size_t rows = (size_t)h->blocks * (size_t)h->cells * (size_t)h->channels;
    h->weights = sl_calloc_aligned(rows, SL_HEAD_COLUMNS * sizeof(float));
    h->bias = sl_calloc_aligned((size_t)h->dim, sizeof(float));
    return h->weights && h->bias ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for the linear head");
}

/* The constant, from a run on zero. */
static sl_status read_bias(sl_plan *plan, sl_head *h, sl_error *err)
{
    size_t size = (size_t)h->channels * (size_t)h->cells;
    memset(sl_plan_input(plan, 0, NULL), 0, BATCH * size * sizeof(float));
    SL_TRY(sl_plan_run(plan, err));
    memcpy(h->bias, sl_plan_output(plan, 0, NULL), (size_t)h->dim * sizeof(float));
    return SL_OK;
}

/* Element e of the map, [C, cells], is channel e / cells of cell e % cells. */
static sl_status read_weights(sl_plan *plan, sl_head *h, sl_error *err)
{
    size_t size = (size_t)h->channels * (size_t)h->cells;
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
static void apply(const sl_head *h, const float *map, double *sums)
{
    for (int d = 0; d < h->dim; d++)
        sums[d] = (double)h->bias[d];
    for (int block = 0; block < h->blocks; block++) {
        int first = block * SL_HEAD_COLUMNS, count = h->dim - first < SL_HEAD_COLUMNS ? h->dim - first : SL_HEAD_COLUMNS;
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
    size_t size = (size_t)h->channels * (size_t)h->cells;
    float *maps = sl_calloc_aligned(TRIALS * size, sizeof *maps);
    double *sums = sl_calloc_aligned((size_t)h->dim, sizeof *sums);
    sl_status status = maps && sums ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for the linear head");
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
        apply(h, maps + (size_t)i * size, sums);
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

sl_status sl_head_of_graph(const sl_graph *graph, const char *map, const char *embedding, int channels, int rows,
                           int cols, int threads, sl_head *out, sl_error *err)
{
    sl_shape shape = {.rank = 4, .dim = {BATCH, channels, rows, cols}};
    sl_plan *plan = NULL;
    *out = (sl_head){0};
    sl_status status;
    SL_TRY_GOTO(compile(graph, map, embedding, shape, threads, &plan, err), end);
    SL_TRY_GOTO(allocate(&shape, plan, out, err), end);
    SL_TRY_GOTO(read_bias(plan, out, err), end);
    SL_TRY_GOTO(read_weights(plan, out, err), end);
    status = check_linear(plan, out, err);
end:
    sl_plan_free(plan);
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

void sl_head_free(sl_head *h)
{
    free(h->weights);
    free(h->bias);
    *h = (sl_head){0};
}
