/* Runs a specialised graph with the reference layers, node by node, every tensor in memory of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/layers/layers.h"

static size_t tensor_bytes(const sl_tensor_info *t)
{
    return (size_t)sl_shape_elements(&t->shape) * sl_type_size(t->type);
}

static sl_status run_node(const sl_graph *g, const sl_node *n, sl_value *values, sl_error *err)
{
    const sl_value *in[SL_MAX_NODE_INPUTS];
    sl_value out[SL_MAX_NODE_INPUTS];
    for (int i = 0; i < n->n_inputs; i++)
        in[i] = n->inputs[i] < 0 ? NULL : &values[n->inputs[i]];
    for (int i = 0; i < n->n_outputs; i++) {
        const sl_tensor_info *t = &g->tensors[n->outputs[i]];
        void *data = sl_alloc_aligned(tensor_bytes(t));
        if (!data)
            return sl_fail(err, SL_ERR_MEMORY, "node %.200s: no memory for its output", n->name);
        out[i] = values[n->outputs[i]] = (sl_value){t->type, t->shape, data};
    }
    const sl_call call = {n, in, out};
    return sl_layers[n->op].forward(&call, err);
}

sl_status sl_reference_run(const sl_graph *g, const float *const *inputs, float *const *outputs, sl_error *err)
{
    sl_value *values = calloc((size_t)g->n_tensors + 1, sizeof *values);
    if (!values)
        return sl_no_memory(err, "for the network");
    for (int t = 0; t < g->n_tensors; t++)
        values[t] = (sl_value){g->tensors[t].type, g->tensors[t].shape, (void *)g->tensors[t].data};
    for (int i = 0; i < g->n_inputs; i++)
        values[g->inputs[i]].data = (void *)inputs[i];
    sl_status status = SL_OK;
    for (int i = 0; i < g->n_nodes && status == SL_OK; i++)
        status = run_node(g, &g->nodes[i], values, err);
    for (int i = 0; i < g->n_outputs && status == SL_OK; i++)
        memcpy(outputs[i], values[g->outputs[i]].data, tensor_bytes(&g->tensors[g->outputs[i]]));
    for (int t = 0; t < g->n_tensors; t++)
        if (g->tensors[t].producer >= 0)
            free(values[t].data);
    free(values);
    return status;
}
