/* Graphs that learn: what is left alone for training, and the gradients appended behind it. */
#ifndef SL_NET_GRADIENT_H
#define SL_NET_GRADIENT_H

#include "net/graph.h"

typedef struct {
    const char *const *params; /* names of constants that become inputs of the graph, after those that it has */
    int n_params;
    /* What the batch normalisations become. Where they tell the batch's statistics, these are outputs of the graph
     * behind its own, two for each in the order of the nodes: "batch:NAME" of the constants NAME that the running mean
     * and variance are. */
    sl_stats stats;
} sl_training;

/* A graph for these input shapes (of the graph's own inputs), ready for sl_graph_gradient: shapes are known, nothing is
 * fused. `outputs` as for sl_graph_specialize. Constants may be shared with `g`, which must outlive the result.
 * SL_ERR_NOT_FOUND for a parameter that is no constant of floats. */
sl_status sl_graph_for_training(const sl_graph *g, const sl_shape *input_shapes, const char *const *outputs,
                                int n_outputs, const sl_training *training, sl_graph **out, sl_error *err);

/* `g` (shapes known) and behind it the nodes that compute the gradient of `loss`, a tensor of one element, by each of
 * wrt[n], any tensors of floats. The outputs are g's, then one per wrt, named "grad:NAME". What leads to none of wrt is
 * not differentiated. Tensors keep their indices. Constants are shared with `g`, which must outlive the result.
 * SL_ERR_UNSUPPORTED where a node on the way has no gradient, SL_ERR_ARGUMENT where loss depends on none of wrt. */
sl_status sl_graph_gradient(const sl_graph *g, sl_tensor loss, const sl_tensor *wrt, int n, sl_graph **out,
                            sl_error *err);

/* What the counter of all Dropout nodes, an input of the graph, holds in one step of training: the same seed and step
 * drop the same elements, forward and backward, whatever the threads. step < 2^48. */
void sl_dropout_counter(uint64_t seed, uint64_t step, float counter[SL_DROPOUT_COUNTER]);

#endif
