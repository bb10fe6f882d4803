/* One graph behind another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/graph.h"

enum { MOST_NAME = 1100 };

typedef struct {
    sl_graph *to;
    const char *prefix;
    sl_tensor *at; /* [tensors of the other] in `to`, -1: not there yet */
} appending;

static sl_status bring_tensor(appending *a, const sl_graph *g, sl_tensor t, sl_error *err)
{
    const sl_tensor_info *info = &g->tensors[t];
    char name[MOST_NAME];
    if (a->at[t] >= 0)
        return SL_OK;
    snprintf(name, sizeof name, "%s%s", a->prefix, info->name);
    return info->data ? sl_graph_add_const(a->to, name, info->type, &info->shape, info->data, false, &a->at[t], err)
                      : sl_graph_add_tensor(a->to, name, info->type, &info->shape, &a->at[t], err);
}

static sl_status bring_node(appending *a, const sl_graph *g, const sl_node *n, sl_error *err)
{
    sl_tensor inputs[SL_MAX_NODE_INPUTS], outputs[SL_MAX_NODE_INPUTS];
    char name[MOST_NAME];
    for (int k = 0; k < n->n_inputs; k++) {
        if (n->inputs[k] >= 0)
            SL_TRY(bring_tensor(a, g, n->inputs[k], err));
        inputs[k] = n->inputs[k] >= 0 ? a->at[n->inputs[k]] : -1;
    }
    for (int k = 0; k < n->n_outputs; k++) {
        SL_TRY(bring_tensor(a, g, n->outputs[k], err));
        outputs[k] = a->at[n->outputs[k]];
    }
    snprintf(name, sizeof name, "%s%s", a->prefix, n->name);
    return sl_graph_add_node(a->to, n->op, name, &n->attr, inputs, n->n_inputs, outputs, n->n_outputs, err);
}

sl_status sl_graph_append(sl_graph *to, const sl_graph *g, const char *prefix, const sl_tensor *inputs, sl_error *err)
{
    appending a = {.to = to, .prefix = prefix, .at = sl_realloc_array(NULL, (size_t)g->n_tensors + 1, sizeof *a.at)};
    sl_status status = SL_OK;
    if (!a.at)
        return sl_no_memory(err, "for a network behind another");
    memset(a.at, 0xff, ((size_t)g->n_tensors + 1) * sizeof *a.at);
    for (int i = 0; i < g->n_inputs; i++)
        a.at[g->inputs[i]] = inputs[i];
    for (int i = 0; status == SL_OK && i < g->n_nodes; i++)
        status = bring_node(&a, g, &g->nodes[i], err);
    free(a.at);
    return status;
}
