/* The part of a network between its patch map and its embedding. */
#include "model/head/head.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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
static sl_status copy_part_tensor(const sl_graph *g, sl_tensor t, sl_graph *to, sl_tensor *at, sl_error *err)
{
    const sl_tensor_info *info = &g->tensors[t];
    const sl_shape unknown = {.rank = -1};
    if (at[t] >= 0)
        return SL_OK;
    if (info->data)
        return sl_graph_add_const(to, info->name, info->type, &info->shape, info->data, false, &at[t], err);
    return sl_graph_add_tensor(to, info->name, info->type, &unknown, &at[t], err);
}

static sl_status copy_part_node(const sl_graph *g, const sl_node *node, sl_graph *to, sl_tensor *at, sl_error *err)
{
    sl_tensor inputs[SL_MAX_NODE_INPUTS], outputs[SL_MAX_NODE_INPUTS];
    for (int k = 0; k < node->n_inputs; k++) {
        if (node->inputs[k] >= 0)
            SL_TRY(copy_part_tensor(g, node->inputs[k], to, at, err));
        inputs[k] = node->inputs[k] >= 0 ? at[node->inputs[k]] : -1;
    }
    for (int k = 0; k < node->n_outputs; k++) {
        SL_TRY(copy_part_tensor(g, node->outputs[k], to, at, err));
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
            SL_TRY(copy_part_node(g, &g->nodes[i], to, at, err));
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
    sl_status status = wanted && at && *out ? SL_OK : sl_no_memory(err, "for the linear head");
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

sl_status sl_head_cut(const sl_graph *g, const char *map, const char *embedding, const sl_shape *shape, sl_graph **out,
                      sl_error *err)
{
    sl_graph *part = NULL, *whole = NULL;
    sl_shape any = *shape;
    any.dim[0] = -1;
    *out = NULL;
    sl_status status;
    SL_TRY_GOTO(cut(g, map, embedding, &any, &part, err), end);
    SL_TRY_GOTO(sl_graph_specialize(part, shape, &embedding, 1, &whole, err), end);
    const char *name = raw_name(whole);
    status = sl_graph_specialize(part, shape, &name, 1, out, err);
end:
    sl_graph_free(whole);
    sl_graph_free(part);
    return status;
}
