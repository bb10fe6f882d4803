/* Follows the batch through the nodes, and takes it out of the shapes that reshapes were given. */
#include "net/import/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The values of an i64 constant and their number; NULL when `t` is none. */
static const int64_t *const_values(const sl_graph *g, sl_tensor t, int64_t *count)
{
    *count = 0;
    if (t < 0 || !g->tensors[t].data || g->tensors[t].type != SL_TYPE_I64)
        return NULL;
    *count = sl_shape_elements(&g->tensors[t].shape);
    return g->tensors[t].data;
}

/* True when the constant list of axes `t` is there and spares axis 0. */
static bool spares_first(const sl_graph *g, sl_tensor t)
{
    int64_t count;
    const int64_t *axes = const_values(g, t, &count);
    for (int64_t i = 0; i < count; i++)
        if (axes[i] == 0)
            return false;
    return axes != NULL;
}

static bool reduce_spares_first(const sl_attr *a)
{
    for (int i = 0; i < a->n_axes; i++)
        if (a->axes[i] == 0)
            return false;
    return a->n_axes > 0;
}

/* A reshape keeps the batch first when its constant shape begins with "copy" or with the batch itself. */
static bool reshape_keeps_first(const sl_graph *g, const sl_node *node, int64_t batch)
{
    int64_t count;
    const int64_t *shape = const_values(g, node->inputs[1], &count);
    return count > 0 && (shape[0] == batch || (shape[0] == 0 && !node->attr.allow_zero));
}

/* True when the node's outputs have the batch as first axis; `batched` says which tensors have. */
static bool keeps_batch(const sl_graph *g, const sl_node *node, const bool *batched, int64_t batch)
{
    bool x = node->n_inputs > 0 && node->inputs[0] >= 0 && batched[node->inputs[0]];
    bool y = node->n_inputs > 1 && node->inputs[1] >= 0 && batched[node->inputs[1]];
    switch (node->op) {
    case SL_OP_CONV:
    case SL_OP_DENSE:
    case SL_OP_BATCHNORM:
    case SL_OP_LAYERNORM:
    case SL_OP_PRELU:
    case SL_OP_UNARY:
    case SL_OP_POOL:
    case SL_OP_GLOBAL_POOL:
    case SL_OP_SOFTMAX:
    case SL_OP_RESIZE:
    case SL_OP_PAD:
    case SL_OP_CAST:
    case SL_OP_L2NORM: return x;
    case SL_OP_MATMUL:
    case SL_OP_BINARY: return x || y;
    case SL_OP_CONCAT:
    case SL_OP_SPLIT:
    case SL_OP_GATHER:
    case SL_OP_FLATTEN: return x && node->attr.axis != 0;
    case SL_OP_TRANSPOSE: return x && node->attr.perm[0] == 0;
    case SL_OP_REDUCE: return x && reduce_spares_first(&node->attr);
    case SL_OP_SLICE: return x && spares_first(g, node->inputs[3]);
    case SL_OP_SQUEEZE:
    case SL_OP_UNSQUEEZE: return x && spares_first(g, node->inputs[1]);
    case SL_OP_RESHAPE: return x && reshape_keeps_first(g, node, batch);
    default: return false;
    }
}

/* Gives the reshape a shape that begins with 0 instead of the batch. */
static sl_status free_reshape(sl_graph *g, sl_node *node, int *made, sl_error *err)
{
    int64_t count;
    const int64_t *shape = const_values(g, node->inputs[1], &count);
    if (shape[0] == 0)
        return SL_OK;
    for (int64_t i = 1; i < count; i++)
        if (shape[i] == 0 && node->attr.allow_zero)
            return SL_OK; /* an empty tensor; leave it */
    int64_t *copy = malloc((size_t)count * sizeof *copy);
    if (!copy)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the shape of node %.200s", node->name);
    memcpy(copy, shape, (size_t)count * sizeof *copy);
    copy[0] = 0;
    char name[64];
    do
        snprintf(name, sizeof name, "shape for any batch/%d", (*made)++);
    while (sl_graph_find(g, name) >= 0);
    sl_tensor t;
    SL_TRY(sl_graph_add_const(g, name, SL_TYPE_I64, &(sl_shape){.rank = 1, .dim = {count}}, copy, true, &t, err));
    node->inputs[1] = t;
    node->attr.allow_zero = false;
    return SL_OK;
}

sl_status sl_free_batch(sl_graph *g, sl_error *err)
{
    int64_t batch = -1;
    int n_tensors = g->n_tensors, made = 0; /* constants added below are not batched */
    for (int i = 0; i < g->n_inputs; i++) {
        const sl_shape *s = &g->tensors[g->inputs[i]].shape;
        if (s->rank < 1 || s->dim[0] < 1 || (i > 0 && s->dim[0] != batch))
            return SL_OK;
        batch = s->dim[0];
    }
    bool *batched = calloc((size_t)n_tensors + 1, sizeof *batched);
    if (!batched)
        return sl_no_memory(err, "to free the batch");
    for (int i = 0; i < g->n_inputs; i++)
        batched[g->inputs[i]] = true;
    sl_status status = SL_OK;
    for (int i = 0; i < g->n_nodes && status == SL_OK; i++) {
        sl_node *node = &g->nodes[i];
        bool keeps = keeps_batch(g, node, batched, batch);
        for (int j = 0; j < node->n_outputs; j++)
            batched[node->outputs[j]] = keeps;
        if (keeps && node->op == SL_OP_RESHAPE)
            status = free_reshape(g, node, &made, err);
    }
    free(batched);
    return status;
}
