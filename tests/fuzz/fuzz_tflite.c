// module: net
/* A file as a TFLite model: import it, and specialise what is small enough. */
#include "net/graph.h"

#include <stdlib.h>

enum { MAX_NODES = 64, MAX_SIZE = 32 };

/* The input's own shape, cut down; unknown axes become 8. */
static sl_shape small_shape(const sl_shape *shape)
{
    sl_shape s = *shape;
    if (s.rank < 0)
        s = (sl_shape){.rank = 4, .dim = {1, 3, 8, 8}};
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = s.dim[i] < 0 ? 8 : s.dim[i] > MAX_SIZE ? MAX_SIZE : s.dim[i];
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_graph *g, *special;
    sl_shape shapes[SL_MAX_NODE_INPUTS];
    const char *names[8];
    sl_error err;
    if (sl_import_tflite(data, size, &g, &err) != SL_OK)
        return 0;
    if (g->n_nodes <= MAX_NODES && g->n_outputs <= 8) {
        for (int i = 0; i < g->n_inputs; i++)
            shapes[i] = small_shape(&g->tensors[g->inputs[i]].shape);
        for (int i = 0; i < g->n_outputs; i++)
            names[i] = g->tensors[g->outputs[i]].name;
        if (sl_graph_specialize(g, shapes, names, g->n_outputs, &special, &err) == SL_OK)
            sl_graph_free(special);
    }
    sl_graph_free(g);
    return 0;
}
