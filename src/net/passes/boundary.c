/* Where the part of a graph begins that depends on some of its constants. */
#include <stdlib.h>

#include "base/mem.h"
#include "net/graph.h"

/* Whether a node that depends goes on from t. */
static bool begins(const sl_graph *g, const bool *depends, sl_tensor t)
{
    return t >= 0 && !depends[t] && !g->tensors[t].data && g->tensors[t].type == SL_TYPE_F32;
}

static void walk(const sl_graph *g, bool *depends, bool *boundary)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const sl_node *n = &g->nodes[i];
        bool reads = false;
        for (int k = 0; k < n->n_inputs; k++)
            reads |= n->inputs[k] >= 0 && depends[n->inputs[k]];
        for (int k = 0; k < n->n_outputs; k++)
            depends[n->outputs[k]] |= reads;
        for (int k = 0; reads && k < n->n_inputs; k++)
            if (begins(g, depends, n->inputs[k]))
                boundary[n->inputs[k]] = true;
    }
}

sl_status sl_graph_boundary(const sl_graph *g, bool *depends, sl_tensor *out, int most, int *count, sl_error *err)
{
    bool *boundary = calloc((size_t)g->n_tensors + 1, sizeof *boundary);
    *count = 0;
    if (!boundary)
        return sl_no_memory(err, "for a part of a network");
    walk(g, depends, boundary);
    for (int t = 0; t < g->n_tensors; t++)
        if (boundary[t] && (*count)++ < most)
            out[*count - 1] = t;
    free(boundary);
    return SL_OK;
}
