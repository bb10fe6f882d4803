/* A graph as training wants it: parameters are inputs, batch normalisations tell the batch's statistics. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/gradient.h"
#include "net/passes/rewrite.h"

/* ---- parameters ---- */

static sl_status find_params(const sl_graph *g, const sl_training *t, bool *is_param, sl_error *err)
{
    for (int i = 0; i < t->n_params; i++) {
        sl_tensor p = sl_graph_find(g, t->params[i]);
        if (p < 0 || !g->tensors[p].data || g->tensors[p].type != SL_TYPE_F32)
            return sl_fail(err, SL_ERR_NOT_FOUND, "the network has no weights named %.200s", t->params[i]);
        if (is_param[p])
            return sl_fail(err, SL_ERR_ARGUMENT, "weights %.200s are named twice", t->params[i]);
        is_param[p] = true;
    }
    return SL_OK;
}

/* The parameters as inputs, in the order they are named. */
static sl_status add_params(const sl_graph *g, const sl_training *t, sl_graph *to, sl_error *err)
{
    for (int i = 0; i < t->n_params; i++)
        SL_TRY(sl_graph_add_input(to, sl_graph_find(g, t->params[i]), err));
    return SL_OK;
}

static sl_status with_params(const sl_graph *g, const sl_training *t, sl_graph *to, sl_error *err)
{
    bool *is_param = calloc((size_t)g->n_tensors + 1, sizeof *is_param);
    if (!is_param)
        return sl_rewrite_no_memory(err);
    sl_status status = find_params(g, t, is_param, err);
    if (status == SL_OK)
        status = sl_graph_copy(g, is_param, to, err);
    if (status == SL_OK)
        status = add_params(g, t, to, err);
    free(is_param);
    return status;
}

static sl_status infer_all(const sl_graph *g, const sl_shape *input_shapes, const char *const *outputs, int n_outputs,
                           int n_own, sl_graph **out, sl_error *err)
{
    sl_shape *shapes = sl_realloc_array(NULL, (size_t)g->n_inputs + 1, sizeof *shapes);
    if (!shapes)
        return sl_rewrite_no_memory(err);
    for (int i = 0; i < g->n_inputs; i++)
        shapes[i] = i < n_own ? input_shapes[i] : g->tensors[g->inputs[i]].shape;
    sl_status status = sl_graph_infer(g, shapes, outputs, n_outputs, out, err);
    free(shapes);
    return status;
}

/* ---- batch normalisation ---- */

/* One more output [C] of the node, named after its input `i`, and of the graph. */
static sl_status tell(sl_graph *g, int node, int i, sl_error *err)
{
    char name[320];
    sl_tensor out;
    sl_node *n = &g->nodes[node];
    const sl_tensor_info *like = &g->tensors[n->inputs[i]];
    const sl_shape shape = like->shape;
    snprintf(name, sizeof name, "batch:%.300s", like->name);
    sl_tensor *outputs = sl_realloc_array(n->outputs, (size_t)n->n_outputs + 1, sizeof *outputs);
    if (!outputs)
        return sl_rewrite_no_memory(err);
    n->outputs = outputs;
    SL_TRY(sl_graph_add_tensor(g, name, SL_TYPE_F32, &shape, &out, err));
    g->tensors[out].producer = node;
    n->outputs[n->n_outputs++] = out;
    return sl_graph_add_output(g, out, err);
}

static sl_status set_stats(sl_graph *g, sl_stats stats, sl_error *err)
{
    for (int i = 0; i < g->n_nodes && stats != SL_STATS_FIXED; i++) {
        if (g->nodes[i].op != SL_OP_BATCHNORM)
            continue;
        g->nodes[i].attr.stats = stats;
        SL_TRY(tell(g, i, 3, err));
        SL_TRY(tell(g, i, 4, err));
    }
    return SL_OK;
}

sl_status sl_graph_for_training(const sl_graph *g, const sl_shape *input_shapes, const char *const *outputs,
                                int n_outputs, const sl_training *training, sl_graph **out, sl_error *err)
{
    *out = NULL;
    sl_graph *open = sl_graph_new();
    sl_status status = open ? with_params(g, training, open, err) : sl_rewrite_no_memory(err);
    if (status == SL_OK)
        status = infer_all(open, input_shapes, outputs, n_outputs, g->n_inputs, out, err);
    sl_graph_free(open);
    if (status == SL_OK)
        status = set_stats(*out, training->stats, err);
    if (status != SL_OK) {
        sl_graph_free(*out);
        *out = NULL;
    }
    return status;
}
