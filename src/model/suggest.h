/* Which tensors of a network look like a face recogniser's. */
#ifndef SL_MODEL_SUGGEST_H
#define SL_MODEL_SUGGEST_H

#include "net/graph.h"

/* A copy of the graph with all shapes known, for one picture of the file's own input size ([1, C, h, w], `otherwise`
 * where the file leaves a size open), with every inner tensor asked for so that none is fused away; NULL when it can
 * not be specialised so. */
sl_graph *sl_with_shapes(const sl_graph *g, const sl_shape *otherwise);

/* In such a copy: the graph output of `file` that looks most like an embedding, [1, 32 .. 4096] numbers in all, and the
 * last tensor that still has a spatial grid, which is what feeds the head. -1: there is none. */
sl_tensor sl_suggest_embedding(const sl_graph *file, const sl_graph *g);
sl_tensor sl_suggest_patch_map(const sl_graph *g);

#endif
