// module: model
/* A query encoder's difference of weights, from a file that anybody may have written. */
#include "model/delta.h"

#include <math.h>
#include <stdlib.h>

#include "net/import/weights/safetensors.h"

static const float zeros[12];

static sl_graph *small_graph(void)
{
    sl_graph *g = sl_graph_new();
    sl_tensor t;
    if (!g || sl_graph_add_const(g, "w", SL_TYPE_F32, &(sl_shape){2, {3, 4}}, zeros, false, &t, NULL) != SL_OK ||
        sl_graph_add_const(g, "b", SL_TYPE_F32, &(sl_shape){1, {3}}, zeros, false, &t, NULL) != SL_OK)
        abort();
    return g;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_state_dict delta;
    sl_weights_of *weights;
    float *owned;
    int count;
    if (sl_safetensors_parse(data, size, &delta, NULL) != SL_OK)
        return 0;
    sl_graph *g = small_graph();
    if (sl_delta_check(&delta, g, NULL) == SL_OK) {
        if (sl_delta_weights(&delta, g, &weights, &count, &owned, NULL) != SL_OK || count < 1)
            abort();
        free(weights);
        free(owned);
    }
    sl_graph_free(g);
    sl_state_dict_free(&delta);
    return 0;
}
