/* The part of a graph that lies behind some of its inner tensors. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/graph.h"

typedef struct {
    const sl_graph *g;
    sl_graph *to;
    bool *from;    /* [tensors] where the part begins */
    bool *reached; /* [tensors] what the outputs need */
    bool *wanted;  /* [nodes] */
    sl_tensor *at; /* [tensors] in `to`, -1: not there */
} cutting;

/* Backwards from the outputs, no further than where the part begins. */
static void mark(cutting *c)
{
    for (int i = c->g->n_nodes - 1; i >= 0; i--) {
        const sl_node *node = &c->g->nodes[i];
        for (int o = 0; o < node->n_outputs; o++)
            c->wanted[i] |= node->outputs[o] >= 0 && !c->from[node->outputs[o]] && c->reached[node->outputs[o]];
        for (int k = 0; c->wanted[i] && k < node->n_inputs; k++)
            if (node->inputs[k] >= 0)
                c->reached[node->inputs[k]] = true;
    }
}

/* A tensor in the part; constants are shared. */
static sl_status copy_tensor(cutting *c, sl_tensor t, sl_error *err)
{
    const sl_tensor_info *info = &c->g->tensors[t];
    const sl_shape unknown = {.rank = -1};
    if (c->at[t] >= 0)
        return SL_OK;
    if (info->data)
        return sl_graph_add_const(c->to, info->name, info->type, &info->shape, info->data, false, &c->at[t], err);
    return sl_graph_add_tensor(c->to, info->name, info->type, &unknown, &c->at[t], err);
}

static sl_status copy_node(cutting *c, const sl_node *node, sl_error *err)
{
    sl_tensor inputs[SL_MAX_NODE_INPUTS], outputs[SL_MAX_NODE_INPUTS];
    for (int k = 0; k < node->n_inputs; k++) {
        if (node->inputs[k] >= 0)
            SL_TRY(copy_tensor(c, node->inputs[k], err));
        inputs[k] = node->inputs[k] >= 0 ? c->at[node->inputs[k]] : -1;
    }
    for (int k = 0; k < node->n_outputs; k++) {
        SL_TRY(copy_tensor(c, node->outputs[k], err));
        outputs[k] = c->at[node->outputs[k]];
    }
    return sl_graph_add_node(c->to, node->op, node->name, &node->attr, inputs, node->n_inputs, outputs,
                             node->n_outputs, err);
}

static sl_status add_input(cutting *c, sl_tensor t, const sl_shape *shape, sl_error *err)
{
    SL_TRY(sl_graph_add_tensor(c->to, c->g->tensors[t].name, c->g->tensors[t].type, shape, &c->at[t], err));
    return sl_graph_add_input(c->to, c->at[t], err);
}

static sl_status copy_part(cutting *c, const sl_tensor *from, const sl_shape *shapes, int n_from,
                           const sl_tensor *outputs, int n_outputs, sl_error *err)
{
    for (int i = 0; i < n_from; i++)
        SL_TRY(add_input(c, from[i], &shapes[i], err));
    for (int i = 0; i < c->g->n_inputs; i++)
        if (c->reached[c->g->inputs[i]] && c->at[c->g->inputs[i]] < 0)
            SL_TRY(add_input(c, c->g->inputs[i], &c->g->tensors[c->g->inputs[i]].shape, err));
    for (int i = 0; i < c->g->n_nodes; i++)
        if (c->wanted[i])
            SL_TRY(copy_node(c, &c->g->nodes[i], err));
    for (int i = 0; i < n_outputs; i++) {
        SL_TRY(copy_tensor(c, outputs[i], err));
        SL_TRY(sl_graph_add_output(c->to, c->at[outputs[i]], err));
    }
    return SL_OK;
}

sl_status sl_graph_cut(const sl_graph *g, const sl_tensor *from, const sl_shape *shapes, int n_from,
                       const sl_tensor *outputs, int n_outputs, sl_graph **out, sl_error *err)
{
    size_t tensors = (size_t)g->n_tensors + 1;
    cutting c = {.g = g,
                 .to = sl_graph_new(),
                 .from = calloc(tensors, sizeof *c.from),
                 .reached = calloc(tensors, sizeof *c.reached),
                 .wanted = calloc((size_t)g->n_nodes + 1, sizeof *c.wanted),
                 .at = sl_realloc_array(NULL, tensors, sizeof *c.at)};
    sl_status status =
        c.to && c.from && c.reached && c.wanted && c.at ? SL_OK : sl_no_memory(err, "for a part of a network");
    if (status == SL_OK) {
        memset(c.at, 0xff, tensors * sizeof *c.at);
        for (int i = 0; i < n_from; i++)
            c.from[from[i]] = true;
        for (int i = 0; i < n_outputs; i++)
            c.reached[outputs[i]] = true;
        mark(&c);
        status = copy_part(&c, from, shapes, n_from, outputs, n_outputs, err);
    }
    if (status != SL_OK) {
        sl_graph_free(c.to);
        c.to = NULL;
    }
    *out = c.to;
    free(c.from);
    free(c.reached);
    free(c.wanted);
    free(c.at);
    return status;
}
