/* The linear head: what a recogniser does between its patch map and its embedding, where that is linear
 * (global depthwise convolution, flatten, pooling, dense layers, batch norms, in any order). Then the raw
 * embedding is the sum of what each cell gives to it, its contribution:
 *
 *     y_p = x_p W_p + b / R          embedding = sum_p y_p          x_p [C]: raw patch p; R patches
 */
#ifndef SL_MODEL_HEAD_H
#define SL_MODEL_HEAD_H

#include "model/recogniser.h"

enum { SL_HEAD_COLUMNS = 32 }; /* dimensions that stand together in memory */

typedef struct {
    int cells, channels, dim;
    int blocks;     /* dim / SL_HEAD_COLUMNS, rounded up */
    float *weights; /* [blocks, cells, channels, SL_HEAD_COLUMNS], 0 behind dim */
    float *bias;    /* [dim] */
} sl_head;

/* Reads W and b off what lies in a graph between its two tensors, map [N, C, rows, cols] and embedding (its raw value,
 * where the network makes it unit length): from the layers' weights where they are of the usual kinds
 * (sl_head_read_directly); else it is run on zero and on every unit vector, about a second for a map of 25,088 numbers,
 * and random maps must give the same both ways. SL_ERR_UNSUPPORTED where it is not linear, or has another way round the
 * map. */
sl_status sl_head_of_graph(const sl_graph *graph, const char *map, const char *embedding, int channels, int rows,
                           int cols, int threads, sl_head *out, sl_error *err);
sl_status sl_head_of_recogniser(const sl_recogniser *r, int threads, sl_head *out, sl_error *err);
void sl_head_free(sl_head *head);

/* The graph of that part alone, specialised for maps of `shape`, its output the raw embedding (head_cut.c). `g` must
 * outlive it. */
sl_status sl_head_cut(const sl_graph *g, const char *map, const char *embedding, const sl_shape *shape, sl_graph **out,
                      sl_error *err);

/* W and b of the part `g` from its layers' weights (head_direct.c); *direct false where a layer is of another kind, and
 * nothing is read. */
sl_status sl_head_read_directly(const sl_graph *g, const sl_shape *shape, bool *direct, sl_head *out, sl_error *err);

/* Memory of the head of a network from maps of `shape` [N, C, rows, cols] to `out` [N, ...]. */
sl_status sl_head_allocate(const sl_shape *shape, const sl_shape *out, sl_head *h, sl_error *err);

/* The weights of channel c of cell p for dimensions block * SL_HEAD_COLUMNS and on. */
static inline float *sl_head_weights(const sl_head *h, int block, int p, int c)
{
    return h->weights +
           (((size_t)block * (size_t)h->cells + (size_t)p) * (size_t)h->channels + (size_t)c) * SL_HEAD_COLUMNS;
}

#endif
