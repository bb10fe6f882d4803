/* The part of a network between its patch map and its embedding. */
#include "model/head/head.h"

/* Whether any node reads t. */
static bool leads_from(const sl_graph *g, sl_tensor t)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            if (g->nodes[i].inputs[k] == t)
                return true;
    return false;
}

/* The batch may be read from other shapes, the picture may not. */
static sl_status cut(const sl_graph *g, const char *map_name, const char *embedding, const sl_shape *shape,
                     sl_graph **out, sl_error *err)
{
    sl_tensor map = sl_graph_find(g, map_name), target = sl_graph_find(g, embedding);
    *out = NULL;
    if (map < 0 || target < 0)
        return sl_fail(err, SL_ERR_NOT_FOUND, "the network has no tensor named %.200s", map < 0 ? map_name : embedding);
    SL_TRY(sl_graph_cut(g, &map, shape, 1, &target, 1, out, err));
    const bool from_map = map == target || leads_from(*out, (*out)->inputs[0]);
    if ((*out)->n_inputs == 1 && from_map)
        return SL_OK;
    sl_status status = sl_fail(err, SL_ERR_UNSUPPORTED, "the embedding does not come from the patch map%s",
                               from_map ? " alone" : "");
    sl_graph_free(*out);
    *out = NULL;
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
