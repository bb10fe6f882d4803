/* A graph with other numbers in its weights. */
#include "net/reweigh.h"

sl_status sl_graph_reweighed(const sl_graph *g, const sl_weights_of *weights, int count, sl_graph **out,
                             sl_error *err)
{
    *out = sl_graph_new();
    if (!*out)
        return sl_no_memory(err, "for a network");
    sl_status status = sl_graph_copy(g, NULL, *out, err);
    for (int i = 0; status == SL_OK && i < count; i++) {
        sl_tensor t = sl_graph_find(*out, weights[i].name);
        if (t >= 0)
            (*out)->tensors[t].data = weights[i].value;
        else
            status = sl_fail(err, SL_ERR_INTERNAL, "the network has no weights %.200s", weights[i].name);
    }
    if (status != SL_OK) {
        sl_graph_free(*out);
        *out = NULL;
    }
    return status;
}
