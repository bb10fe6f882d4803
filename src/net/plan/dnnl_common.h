/* What dnnl_v2.c and dnnl_v3.c both need. */
#ifndef SL_NET_DNNL_COMMON_H
#define SL_NET_DNNL_COMMON_H

#include "net/plan/dnnl_adapter.h"

/* oneDNN has no tensors of rank 0: a single number is [1]. Returns the rank. */
static inline int dnnl_shape(const sl_shape *shape, dnnl_dims_t dims, dnnl_dims_t strides)
{
    int rank = shape->rank > 0 ? shape->rank : 1;
    dims[0] = 1;
    for (int i = 0; i < shape->rank; i++)
        dims[i] = shape->dim[i];
    for (int64_t i = rank - 1, step = 1; i >= 0; step *= dims[i--])
        strides[i] = step;
    return rank;
}

typedef struct {
    dnnl_alg_kind_t alg;
    float alpha, beta;
} dnnl_function;

/* oneDNN's name for a unary function; alg is dnnl_alg_kind_undef where it has none. */
static inline dnnl_function dnnl_unary(const sl_attr *attr)
{
    switch (attr->fn) {
    case SL_FN_RELU: return (dnnl_function){dnnl_eltwise_relu, 0, 0};
    case SL_FN_LEAKY_RELU: return (dnnl_function){dnnl_eltwise_relu, attr->a, 0};
    case SL_FN_CLIP: return (dnnl_function){dnnl_eltwise_clip, attr->a, attr->b};
    case SL_FN_SIGMOID: return (dnnl_function){dnnl_eltwise_logistic, 0, 0};
    case SL_FN_TANH: return (dnnl_function){dnnl_eltwise_tanh, 0, 0};
    case SL_FN_ELU: return (dnnl_function){dnnl_eltwise_elu, attr->a, 0};
    case SL_FN_ABS: return (dnnl_function){dnnl_eltwise_abs, 0, 0};
#ifndef __aarch64__ /* not tried there */
    case SL_FN_GELU: return (dnnl_function){dnnl_eltwise_gelu_erf, 0, 0};
#endif
#if DNNL_VERSION_MAJOR >= 3 || !defined(__aarch64__)
    /* ARM's of version 2 is wrong behind convolutions, in 512-bit SVE */
    /* version 2 has the numbers built in and ignores them */
    case SL_FN_HARD_SWISH: return (dnnl_function){dnnl_eltwise_hardswish, 1.0f / 6, 0.5f};
#endif
    default: return (dnnl_function){dnnl_alg_kind_undef, 0, 0};
    }
}

/* A window as oneDNN counts it: a dilation of 1 is 0. */
typedef struct {
    dnnl_dims_t kernel, stride, dilation, before, after;
} dnnl_window;

static inline dnnl_window dnnl_window_of(const sl_window *w)
{
    dnnl_window d = {0};
    for (int i = 0; i < 2; i++) {
        d.kernel[i] = w->kernel[i];
        d.stride[i] = w->stride[i];
        d.dilation[i] = w->dilation[i] - 1;
        d.before[i] = w->pad[i];
        d.after[i] = w->pad[i + 2];
        int64_t room = w->in[i] + w->pad[i] + w->pad[i + 2] - (w->kernel[i] - 1) * w->dilation[i] - 1;
        if (room < 0 ||
            room / w->stride[i] + 1 != w->out[i]) /* rounded up: pad as far as the last window reaches */
            d.after[i] += (w->out[i] - 1) * w->stride[i] - room;
    }
    return d;
}

#endif
