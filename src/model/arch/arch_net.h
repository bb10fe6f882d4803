/* What arch_NAME.c files describe networks with: each call adds a layer to x and returns its output. Names follow
 * PyTorch's modules: `key` is the module's name inside the modules entered, its parameters are KEY.weight and so on.
 * Errors are kept until the end, so that a description is free of them and one walk finds all that is missing. */
#ifndef SL_MODEL_ARCH_NET_H
#define SL_MODEL_ARCH_NET_H

#include "model/arch/arch.h"

enum { SL_NET_NAME = 256, SL_NET_DEPTH = 8 };

/* A tensor [N, c, h, w]; flat ones have h = w = 1 and are [N, c]. h and w are -1 where they are open. */
typedef struct {
    sl_tensor tensor;
    int c, h, w;
    bool flat;
} sl_act;

/* Kernel, stride and zero padding of a convolution or pooling. */
typedef struct {
    int h, w, stride, pad_h, pad_w;
} sl_kernel;

static inline sl_kernel sl_square(int size, int stride, int pad)
{
    return (sl_kernel){size, size, stride, pad, pad};
}

typedef struct sl_net {
    float epsilon; /* of batch norms; 1e-5 unless a description sets it */

    /* what the calls below work on */
    const sl_arch *arch;
    const sl_state_dict *dict; /* NULL: only list the tensors */
    sl_graph *graph;           /* NULL: only check them */
    sl_text *problems;
    int n_problems;
    sl_arch_tensor *tensors;
    size_t n_tensors, cap_tensors;
    char path[SL_NET_NAME];
    size_t ends[SL_NET_DEPTH]; /* lengths of the path before each module entered */
    int depth;
    sl_tensor counter; /* of dropouts, where there are any, and how many there are so far */
    int dropouts;
    sl_status status; /* the first failure that is no missing tensor */
    sl_error *err;
} sl_net;

/* The modules that follow are inside this one, until sl_net_leave. */
void sl_net_enter(sl_net *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sl_net_leave(sl_net *n);

sl_act sl_net_input(sl_net *n);

/* Convolutions without and with bias; depthwise: one filter per channel, no bias. */
sl_act sl_net_conv(sl_net *n, sl_act x, int channels, sl_kernel k, const char *key);
sl_act sl_net_conv_bias(sl_net *n, sl_act x, int channels, sl_kernel k, const char *key);
sl_act sl_net_depthwise(sl_net *n, sl_act x, sl_kernel k, const char *key);

/* Dense layers over a flat x. */
sl_act sl_net_dense(sl_net *n, sl_act x, int dim, const char *key);
sl_act sl_net_dense_bias(sl_net *n, sl_act x, int dim, const char *key);

sl_act sl_net_batchnorm(sl_net *n, sl_act x, const char *key);
sl_act sl_net_batchnorm_plain(sl_net *n, sl_act x, const char *key); /* of statistics alone: no scale, no shift */

/* One slope per channel; prelu_scalar: one for all. A key may be used twice: the slope is shared. */
sl_act sl_net_prelu(sl_net *n, sl_act x, const char *key);
sl_act sl_net_prelu_scalar(sl_net *n, sl_act x, const char *key);

/* Without parameters. */
sl_act sl_net_relu(sl_net *n, sl_act x);
sl_act sl_net_relu6(sl_net *n, sl_act x);
sl_act sl_net_add(sl_net *n, sl_act x, sl_act y);
sl_act sl_net_gate(sl_net *n, sl_act x, sl_act gate); /* x sigmoid(gate), gate [N, c, 1, 1] */
sl_act sl_net_scale(sl_net *n, sl_act x, float factor);
sl_act sl_net_concat(sl_net *n, const sl_act *x, int count);
sl_act sl_net_max_pool(sl_net *n, sl_act x, sl_kernel k);
sl_act sl_net_max_pool_ceil(sl_net *n, sl_act x, sl_kernel k); /* a window may reach over the end; no padding */
sl_act sl_net_average_pool(sl_net *n, sl_act x, sl_kernel k);
sl_act sl_net_global_mean(sl_net *n, sl_act x); /* -> flat */
sl_act sl_net_flatten(sl_net *n, sl_act x);     /* order C, H, W */
sl_act sl_net_flatten_whc(sl_net *n, sl_act x); /* order W, H, C */
sl_act sl_net_softmax(sl_net *n, sl_act x); /* over the channels */
sl_act sl_net_l2norm(sl_net *n, sl_act x);      /* floor of the norm 1e-12, as PyTorch */

/* Makes x an output of this name. */
void sl_net_output(sl_net *n, sl_act x, const char *name);
void sl_net_name(sl_net *n, sl_tensor x, const char *name);

/* Names x, so that whoever wants it can ask for it; nobody pays for it who does not. */
void sl_net_mark(sl_net *n, sl_tensor x, const char *name);

/* ---- what layers are made of, for descriptions that need more than those above ---- */

/* An input of the graph beside or instead of the picture. */
sl_tensor sl_net_input_of(sl_net *n, const char *name, const sl_shape *shape);

/* The parameter PATH.KEY.SUFFIX (suffix may be NULL) as a constant of the graph; -1 when there is no graph or no such
 * tensor. The order of first mention is that of the state dict. */
sl_tensor sl_net_parameter(sl_net *n, const char *key, const char *suffix, sl_shape shape);

/* Weight, bias, mean and variance of a batch norm. */
void sl_net_batchnorm_parameters(sl_net *n, const char *key, int channels, sl_tensor out[4]);

/* A node of one output, whose shape is found when the graph is specialised; -1 when there is no graph. */
sl_tensor sl_net_node(sl_net *n, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int count, const char *key);
sl_tensor sl_net_node_of_rank(sl_net *n, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int count, int rank,
                              const char *key);
sl_tensor sl_net_node_i64(sl_net *n, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int count,
                          const char *key);

/* Constants: a list, one number. */
sl_tensor sl_net_ints(sl_net *n, const int64_t *values, int count);
sl_tensor sl_net_number(sl_net *n, float value, const char *key);

/* A tensor that the published files have and the network does not need. */
void sl_net_unused(sl_net *n, const char *key, sl_shape shape);

#endif
