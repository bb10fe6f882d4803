/* What a layer's gradient is written with: it appends the nodes that compute the gradients of its inputs from those of
 * its outputs. Nothing here needs checking on the way: after the first error the calls do nothing, and `status` says
 * what it was. */
#ifndef SL_NET_BACKWARD_H
#define SL_NET_BACKWARD_H

#include "net/layers/layers.h"

struct sl_backward {
    sl_graph *g;      /* the forward nodes, and what has been appended */
    sl_tensor *grads; /* [n_forward] the gradient of a tensor so far, -1: none */
    bool *wanted;     /* [n_forward] something that a gradient is asked for leads here */
    int n_forward;    /* tensors before the first appended one */
    sl_status (*infer)(const sl_call *c, sl_error *err); /* sl_layer_infer, which this file is below */
    sl_node node;     /* whose gradient is being appended; its lists belong to the graph */
    sl_status status;
    sl_error *err;
};

/* ---- the node ---- */

/* Whether the gradient of input i is to be given. */
bool sl_back_wants(const sl_backward *b, int i);

/* The gradient of output i; -1 where nothing came back to it. */
sl_tensor sl_back_grad(const sl_backward *b, int i);

/* Adds to the gradient of input i. */
void sl_back_give(sl_backward *b, int i, sl_tensor grad);

sl_shape sl_back_shape(const sl_backward *b, sl_tensor t);
static inline sl_shape sl_back_in_shape(const sl_backward *b, int i)
{
    return sl_back_shape(b, b->node.inputs[i]);
}

/* "node NAME (Conv): its gradient: ..." */
void sl_back_fail(sl_backward *b, sl_status status, const char *what);

/* ---- appending: each returns the new tensor, -1 after an error ---- */

#define SL_BACK_INPUTS(...)                                                                                       \
    (const sl_tensor[]){__VA_ARGS__}, (int)(sizeof((sl_tensor[]){__VA_ARGS__}) / sizeof(sl_tensor))

sl_tensor sl_back_node(sl_backward *b, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs);
void sl_back_nodes(sl_backward *b, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs,
                   sl_tensor *outputs, int n_outputs);

sl_tensor sl_back_unary(sl_backward *b, sl_fn fn, sl_tensor x);
sl_tensor sl_back_binary(sl_backward *b, sl_fn fn, sl_tensor x, sl_tensor y);
sl_tensor sl_back_matmul(sl_backward *b, sl_tensor x, bool x_transposed, sl_tensor y, bool y_transposed);

/* Sums over the axes of the mask, which stay with size 1. */
sl_tensor sl_back_sum(sl_backward *b, sl_tensor x, unsigned mask);

/* Sums over the axes along which `shape` was repeated to become that of x. */
sl_tensor sl_back_fit(sl_backward *b, sl_tensor x, const sl_shape *shape);

sl_tensor sl_back_reshape(sl_backward *b, sl_tensor x, const sl_shape *shape);
sl_tensor sl_back_expand(sl_backward *b, sl_tensor x, const sl_shape *shape);

/* The gradient of a tensor of shape `x`, given that of what was gathered from it (gather.c). */
sl_tensor sl_back_ungather(sl_backward *b, sl_tensor gy, sl_tensor indices, int axis, const sl_shape *x);

/* The same for every `step`th from `start` on along an axis of `size` (slice.c). */
sl_tensor sl_back_uncut(sl_backward *b, sl_tensor gy, int axis, int64_t size, int64_t start, int64_t step);

/* Gives the gradient of input 0, which the node reduced by `fn` over the axes of the mask (reduce.c). */
void sl_back_reduced(sl_backward *b, sl_fn fn, unsigned mask);

/* A tensor as `infer` would see it. */
sl_value sl_back_value(const sl_backward *b, sl_tensor t);

/* Constants: a number of rank 0, floats of a shape all alike, a list of integers, a shape. */
sl_tensor sl_back_number(sl_backward *b, float value);
sl_tensor sl_back_filled(sl_backward *b, float value, const sl_shape *shape);
sl_tensor sl_back_ints(sl_backward *b, const int64_t *values, int count);
sl_tensor sl_back_dims(sl_backward *b, const sl_shape *shape);

#endif
