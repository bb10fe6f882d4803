/* Finds the embedding and the patch map of a network that has no manifest. */
#include "model/suggest.h"

#include <stdlib.h>

sl_graph *sl_with_shapes(const sl_graph *g, const sl_shape *otherwise)
{
    if (g->n_inputs != 1 || g->tensors[g->inputs[0]].shape.rank != 4)
        return NULL;
    sl_shape input = g->tensors[g->inputs[0]].shape;
    for (int i = 0; i < 4; i++)
        if (i == 0 || input.dim[i] < 0)
            input.dim[i] = otherwise->dim[i];
    const char **names = calloc((size_t)g->n_nodes + 1, sizeof *names);
    int count = 0;
    for (int i = 0; names && i < g->n_nodes; i++)
        if (g->tensors[g->nodes[i].outputs[0]].type == SL_TYPE_F32)
            names[count++] = g->tensors[g->nodes[i].outputs[0]].name;
    sl_graph *out = NULL;
    if (names)
        sl_graph_specialize(g, &input, names, count, &out, NULL);
    free((void *)names);
    return out;
}

sl_tensor sl_suggest_patch_map(const sl_graph *g)
{
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        const sl_shape *s = &g->tensors[g->nodes[i].outputs[0]].shape;
        if (s->rank == 4 && s->dim[2] >= 2 && s->dim[3] >= 2 && s->dim[1] >= 16 && s->dim[2] * s->dim[3] <= 256)
            return g->nodes[i].outputs[0];
    }
    return -1;
}

sl_tensor sl_suggest_embedding(const sl_graph *file, const sl_graph *g)
{
    for (int i = 0; i < file->n_outputs; i++) {
        sl_tensor t = sl_graph_find(g, file->tensors[file->outputs[i]].name);
        int64_t n = t < 0 ? -1 : sl_shape_elements(&g->tensors[t].shape);
        if (n >= 32 && n <= 4096)
            return t;
    }
    return -1;
}
