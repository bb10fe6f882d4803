/* One layer kind per file: its shape inference and its plain reference forward and its gradient, side by
 * side. The reference is the ground truth of the tests, evaluates constants when a
 * graph is specialised, and runs the rare kinds inside a plan; it is scalar and accumulates in double. */
#ifndef SL_NET_LAYERS_H
#define SL_NET_LAYERS_H

#include "net/graph.h"

/* A tensor as a layer sees it: dense, row-major. */
typedef struct {
    sl_type type;
    sl_shape shape;
    void *data; /* in `infer`: set only when the value is a constant; never set for outputs */
} sl_value;

typedef struct {
    const sl_node *node;
    const sl_value *const *in; /* [n_inputs]; NULL where an optional input is absent */
    sl_value *out;             /* [n_outputs] */
} sl_call;

typedef struct sl_backward sl_backward;

typedef struct {
    int min_inputs, max_inputs, max_outputs;
    /* Sets type and shape of every output, or says what does not fit. Checks everything `forward` relies on. */
    sl_status (*infer)(const sl_call *c, sl_error *err);
    /* Fills the outputs' data. Allocates nothing. */
    sl_status (*forward)(const sl_call *c, sl_error *err);
    /* Appends the nodes that compute the gradients of its inputs from those of its outputs (backward.h). NULL: it has
     * none. */
    void (*gradient)(sl_backward *b);
} sl_layer;

extern const sl_layer sl_layers[SL_OP_COUNT];

/* Runs the layer's infer and checks inputs before and shapes after: errors name node and operator. */
sl_status sl_layer_infer(const sl_call *c, sl_error *err);

/* Runs a specialised graph, slowly, every tensor in memory of its own (run.c). inputs[i], outputs[j]: dense float, the
 * caller's. */
sl_status sl_reference_run(const sl_graph *g, const float *const *inputs, float *const *outputs, sl_error *err);

/* ---- what layers share (common.c) ---- */

/* Writes "node NAME (Conv): ..." and returns `status`. */
sl_status sl_layer_fail(const sl_call *c, sl_error *err, sl_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Input i, or NULL when it is absent. */
static inline const sl_value *sl_layer_in(const sl_call *c, int i)
{
    return i < c->node->n_inputs ? c->in[i] : NULL;
}

/* Input i as a list of at most `max` integers; it must be a constant i64 tensor of rank 0 or 1. */
sl_status sl_layer_ints(const sl_call *c, int i, int64_t *out, int max, int *count, sl_error *err);

/* `axis` counted from the end when negative; an error unless 0 <= axis < rank. */
sl_status sl_layer_axis(const sl_call *c, int64_t axis, int rank, int *out, sl_error *err);

/* numpy's broadcasting of two shapes; false when they do not fit. */
bool sl_broadcast(const sl_shape *a, const sl_shape *b, sl_shape *out);

/* Elements to step per axis of `to` when reading a tensor of shape `from` broadcast to it (0 where repeated). */
void sl_broadcast_strides(const sl_shape *from, const sl_shape *to, int64_t stride[SL_MAX_RANK]);

/* Copies element `from` to element `to`; both of `size` 4 or 8 bytes. */
static inline void sl_copy_element(void *to, int64_t ti, const void *from, int64_t fi, size_t size)
{
    if (size == 8)
        ((int64_t *)to)[ti] = ((const int64_t *)from)[fi];
    else
        ((float *)to)[ti] = ((const float *)from)[fi];
}

/* Walks all elements of `shape` in row-major order, keeping up to three strided offsets. */
typedef struct {
    sl_shape shape;
    int n;
    int64_t stride[3][SL_MAX_RANK];
    int64_t at[SL_MAX_RANK];
    int64_t offset[3];
} sl_walk;

void sl_walk_start(sl_walk *w, const sl_shape *shape);
void sl_walk_next(sl_walk *w);
void sl_walk_to(sl_walk *w, int64_t element);

/* The window of a convolution or pooling over H and W, pads made explicit. A 0 in the node's stride,
 * dilation or groups counts as 1. */
typedef struct {
    int64_t in[2], out[2], kernel[2], stride[2], dilation[2];
    int64_t pad[4]; /* top, left, bottom, right */
} sl_window;

sl_status sl_window_of(const sl_call *c, const sl_shape *x, const int64_t kernel[2], sl_window *w, sl_error *err);

/* Scalar form of a unary function (unary.c); a plan's kernels must agree with it. */
float sl_unary_value(const sl_attr *attr, float x);

/* Per-channel form of batch norm (batchnorm.c): y = x * scale[c] + shift[c]. */
void sl_batchnorm_affine(const sl_call *c, int64_t channel, double *scale, double *shift);

/* True when a transposition only moves axes of size 1: the numbers stay in their order (transpose.c). */
bool sl_transpose_is_reshape(const sl_node *n, const sl_shape *x);

/* Strides of a PReLU's slope over x: [C] is per channel, everything else broadcasts (prelu.c). */
bool sl_prelu_strides(const sl_shape *slope, const sl_shape *x, int64_t stride[SL_MAX_RANK]);

/* Where Resize reads: for output index `o` of an axis of `in` elements (resize.c). */
typedef struct {
    int64_t in, out;
    double scale;
} sl_resize_axis;
sl_status sl_resize_axes(const sl_call *c, sl_resize_axis axis[SL_MAX_RANK], sl_error *err);
int64_t sl_resize_nearest(const sl_attr *attr, const sl_resize_axis *axis, int64_t o);
void sl_resize_linear(const sl_attr *attr, const sl_resize_axis *axis, int64_t o, int64_t tap[2],
                      double weight[2]);

/* The slope of a unary function (unary.c). */
float sl_unary_slope(const sl_attr *attr, float x);

/* What a Dropout node of this number drops in the step that its counter tells, and whether it keeps an element
 * (dropout.c). */
uint64_t sl_dropout_key(const float *counter, int number);
bool sl_dropout_keeps(uint64_t key, int64_t element, float rate);

/* Axes reduced by a Reduce node, as a mask (reduce.c). */
sl_status sl_reduce_mask(const sl_call *c, int rank, unsigned *mask, sl_error *err);

#define SL_LAYER(name)                                                                                            \
    sl_status sl_##name##_infer(const sl_call *c, sl_error *err);                                                 \
    sl_status sl_##name##_forward(const sl_call *c, sl_error *err);
#define SL_LAYER_BACK(name)                                                                                       \
    SL_LAYER(name)                                                                                                \
    void sl_##name##_gradient(sl_backward *b);
SL_LAYER_BACK(conv)
SL_LAYER_BACK(dense)
SL_LAYER_BACK(matmul)
SL_LAYER_BACK(batchnorm)
SL_LAYER_BACK(prelu)
SL_LAYER_BACK(unary)
SL_LAYER_BACK(binary)
SL_LAYER_BACK(pool)
SL_LAYER_BACK(global_pool)
SL_LAYER_BACK(reduce)
SL_LAYER_BACK(softmax)
SL_LAYER_BACK(concat)
SL_LAYER_BACK(resize)
SL_LAYER_BACK(reshape)
SL_LAYER_BACK(flatten)
SL_LAYER_BACK(transpose)
SL_LAYER_BACK(slice)
SL_LAYER_BACK(split)
SL_LAYER_BACK(squeeze)
SL_LAYER_BACK(unsqueeze)
SL_LAYER_BACK(pad)
SL_LAYER_BACK(gather)
SL_LAYER_BACK(expand)
SL_LAYER_BACK(l2norm)
SL_LAYER_BACK(layernorm)
SL_LAYER_BACK(dropout)
SL_LAYER_BACK(margin)
SL_LAYER_BACK(cross_entropy)
SL_LAYER(shape)
SL_LAYER(cast)
SL_LAYER(fill)
SL_LAYER(conv_back_data)
SL_LAYER(conv_back_weights)
SL_LAYER(unary_back)
SL_LAYER(prelu_back)
SL_LAYER(pool_back)
SL_LAYER(batchnorm_back)
SL_LAYER(gather_back)
SL_LAYER(softmax_back)
SL_LAYER(l2norm_back)
SL_LAYER(resize_back)
SL_LAYER(layernorm_back)
SL_LAYER(margin_back)
SL_LAYER(cross_entropy_back)
#undef SL_LAYER_BACK
#undef SL_LAYER

#endif
