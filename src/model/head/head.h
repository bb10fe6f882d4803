/* Reading a recogniser's linear head (template/linear_head.h) off its network: global depthwise convolution, flatten,
 * pooling, dense layers, batch norms, in any order. */
#ifndef SL_MODEL_HEAD_H
#define SL_MODEL_HEAD_H

#include "model/recogniser.h"
#include "template/linear_head.h"

/* Reads W and b off what lies in a graph between its two tensors, map [N, C, rows, cols] and embedding (its raw value,
 * where the network makes it unit length): from the layers' weights where they are of the usual kinds
 * (sl_head_read_directly); else it is run on zero and on every unit vector, about a second for a map of 25,088 numbers,
 * and random maps must give the same both ways. SL_ERR_UNSUPPORTED where it is not linear, or has another way round the
 * map. */
sl_status sl_head_of_graph(const sl_graph *graph, const char *map, const char *embedding, int channels, int rows,
                           int cols, int threads, sl_head *out, sl_error *err);
sl_status sl_head_of_recogniser(const sl_recogniser *r, int threads, sl_head *out, sl_error *err);

/* The graph of that part alone, specialised for maps of `shape`, its output the raw embedding (head_cut.c). `g` must
 * outlive it. */
sl_status sl_head_cut(const sl_graph *g, const char *map, const char *embedding, const sl_shape *shape, sl_graph **out,
                      sl_error *err);

/* W and b of the part `g` from its layers' weights (head_direct.c); *direct false where a layer is of another kind, and
 * nothing is read. */
sl_status sl_head_read_directly(const sl_graph *g, const sl_shape *shape, bool *direct, sl_head *out, sl_error *err);

/* Memory of the head of a network from maps of `shape` [N, C, rows, cols] to `out` [N, ...] (head_memory.c). */
sl_status sl_head_allocate_for(const sl_shape *shape, const sl_shape *out, sl_head *h, sl_error *err);

#endif
