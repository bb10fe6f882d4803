/* Ranges of activations, measured on real faces: what a layer computed in int8 needs to know of its input. */
#ifndef SL_NET_RANGES_H
#define SL_NET_RANGES_H

#include <stdbool.h>

#include "net/graph.h"

/* x is stored as round(x / scale), saturated to -127 .. 127 or, without a sign, to 0 .. 255. */
typedef struct {
    char *tensor; /* its name in the specialised graph */
    float scale;  /* > 0 */
    bool has_sign;
} sl_range;

typedef struct {
    sl_range *items;
    int count;
} sl_ranges;

/* NULL when the tensor is not among them; `ranges` may be NULL. */
const sl_range *sl_range_find(const sl_ranges *ranges, const char *tensor);

/* Every tensor of a specialised graph that a convolution without groups or a dense layer with constant weights reads,
 * the graph's own inputs left out. tensors: [g->n_tensors], the answer's length is *count. */
void sl_range_candidates(const sl_graph *g, sl_tensor *tensors, int *count);

#endif
