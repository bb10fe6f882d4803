/* A graph once more, to be gone on with. */
#include "net/graph.h"

static sl_status copy_tensor(const sl_tensor_info *t, bool as_input, sl_graph *to, sl_error *err)
{
    sl_tensor same;
    return t->data && !as_input ? sl_graph_add_const(to, t->name, t->type, &t->shape, t->data, false, &same, err)
                                : sl_graph_add_tensor(to, t->name, t->type, &t->shape, &same, err);
}

sl_status sl_graph_copy(const sl_graph *g, const bool *as_input, sl_graph *to, sl_error *err)
{
    for (int t = 0; t < g->n_tensors; t++)
        SL_TRY(copy_tensor(&g->tensors[t], as_input && as_input[t], to, err));
    for (int i = 0; i < g->n_inputs; i++)
        SL_TRY(sl_graph_add_input(to, g->inputs[i], err));
    for (int i = 0; i < g->n_nodes; i++) {
        const sl_node *n = &g->nodes[i];
        SL_TRY(sl_graph_add_node(to, n->op, n->name, &n->attr, n->inputs, n->n_inputs, n->outputs, n->n_outputs, err));
    }
    for (int i = 0; i < g->n_outputs; i++)
        SL_TRY(sl_graph_add_output(to, g->outputs[i], err));
    return SL_OK;
}
