/* oneDNN 3 behind dnnl_adapter.h. */
#include "net/plan/dnnl_common.h"

#include <string.h>

#if DNNL_VERSION_MAJOR >= 3

bool sl_md_dense_as(const sl_shape *shape, dnnl_data_type_t type, sl_md *out)
{
    dnnl_dims_t dims, strides;
    int rank = dnnl_shape(shape, dims, strides);
    return dnnl_memory_desc_create_with_strides(out, rank, dims, type, strides) == dnnl_success;
}

bool sl_md_tag_as(const sl_shape *shape, dnnl_format_tag_t tag, dnnl_data_type_t type, sl_md *out)
{
    dnnl_dims_t dims, strides;
    int rank = dnnl_shape(shape, dims, strides);
    return dnnl_memory_desc_create_with_tag(out, rank, dims, type, tag) == dnnl_success;
}

bool sl_md_copy(const sl_md *md, sl_md *out)
{
    return dnnl_memory_desc_clone(out, *md) == dnnl_success;
}

void sl_md_free(sl_md *md)
{
    if (*md)
        dnnl_memory_desc_destroy(*md);
    *md = NULL;
}

bool sl_md_equal(const sl_md *a, const sl_md *b)
{
    return dnnl_memory_desc_equal(*a, *b);
}

dnnl_data_type_t sl_md_type(const sl_md *md)
{
    dnnl_data_type_t type = dnnl_data_type_undef;
    dnnl_memory_desc_query(*md, dnnl_query_data_type, &type);
    return type;
}

size_t sl_md_bytes(const sl_md *md)
{
    return *md ? dnnl_memory_desc_get_size(*md) : 0;
}

bool sl_pd_md(const_dnnl_primitive_desc_t pd, dnnl_query_t what, sl_md *out)
{
    const_dnnl_memory_desc_t md = dnnl_primitive_desc_query_md(pd, what, 0);
    *out = NULL;
    return md && dnnl_memory_desc_clone(out, md) == dnnl_success;
}

bool sl_post_unary(dnnl_post_ops_t ops, const sl_attr *attr)
{
    dnnl_function f = dnnl_unary(attr);
    return f.alg != dnnl_alg_kind_undef &&
           dnnl_post_ops_append_eltwise(ops, f.alg, f.alpha, f.beta) == dnnl_success;
}

bool sl_post_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef) == dnnl_success;
}

bool sl_post_binary(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, const sl_md *other)
{
    return dnnl_post_ops_append_binary(ops, alg, *other) == dnnl_success;
}

bool sl_post_prelu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_prelu(ops, 1 << 1) == dnnl_success;
}

bool sl_post_scale(dnnl_post_ops_t ops, float factor)
{
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_linear, factor, 0) == dnnl_success;
}

bool sl_attr_scales(dnnl_primitive_attr_t attr, const sl_scales *scales)
{
    int mask = scales->count == 1 ? 0 : 1 << 0;
    return dnnl_primitive_attr_set_scales_mask(attr, scales->arg, mask) == dnnl_success;
}

int sl_scales_argument(const sl_scales *scales)
{
    return DNNL_ARG_ATTR_SCALES | scales->arg;
}

float sl_scaled_bias(float bias, float scale)
{
    (void)scale;
    return bias;
}

dnnl_status_t sl_pd_conv(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t alg, const sl_window *w,
                         const sl_md *src, const sl_md *weights, const sl_md *bias, const sl_md *dst,
                         const_dnnl_primitive_attr_t attr)
{
    const dnnl_window d = dnnl_window_of(w);
    return dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, alg, *src, *weights,
                                                          bias ? *bias : NULL, *dst, d.stride, d.dilation,
                                                          d.before, d.after, attr);
}

dnnl_status_t sl_pd_dense(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_md *src, const sl_md *weights,
                          const sl_md *bias, const sl_md *dst, const_dnnl_primitive_attr_t attr)
{
    return dnnl_inner_product_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, *src, *weights,
                                                            bias ? *bias : NULL, *dst, attr);
}

dnnl_status_t sl_pd_pool(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t alg, const sl_window *w,
                         const sl_md *src, const sl_md *dst, const_dnnl_primitive_attr_t attr)
{
    const dnnl_window d = dnnl_window_of(w);
    return dnnl_pooling_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, alg, *src, *dst,
                                                      d.stride, d.kernel, d.dilation, d.before, d.after, attr);
}

/* ---- training ---- */

/* Backward primitives are made with the forward one they belong to at hand. */
static dnnl_status_t conv_hint(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_window *w, const sl_md *src,
                               const sl_md *weights, const sl_md *bias, const sl_md *dst)
{
    const dnnl_window d = dnnl_window_of(w);
    return dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_training, dnnl_convolution_direct,
                                                          *src, *weights, bias ? *bias : NULL, *dst, d.stride,
                                                          d.dilation, d.before, d.after, NULL);
}

dnnl_status_t sl_pd_conv_back_data(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_window *w,
                                   const sl_md *forward, const sl_md *diff_src, const sl_md *weights,
                                   const sl_md *diff_dst, const_dnnl_primitive_attr_t attr)
{
    dnnl_primitive_desc_t hint = NULL;
    const dnnl_window d = dnnl_window_of(w);
    dnnl_status_t status = conv_hint(&hint, engine, w, forward, weights, NULL, diff_dst);
    if (status == dnnl_success)
        status = dnnl_convolution_backward_data_primitive_desc_create(pd, engine, dnnl_convolution_direct, *diff_src,
                                                                      *weights, *diff_dst, d.stride, d.dilation,
                                                                      d.before, d.after, hint, attr);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

dnnl_status_t sl_pd_conv_back_weights(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_window *w,
                                      const sl_md *src, const sl_md *forward, const sl_md *diff_weights,
                                      const sl_md *diff_bias, const sl_md *diff_dst, const_dnnl_primitive_attr_t attr)
{
    dnnl_primitive_desc_t hint = NULL;
    const dnnl_window d = dnnl_window_of(w);
    dnnl_status_t status = conv_hint(&hint, engine, w, src, forward, diff_bias, diff_dst);
    if (status == dnnl_success)
        status = dnnl_convolution_backward_weights_primitive_desc_create(
            pd, engine, dnnl_convolution_direct, *src, *diff_weights, diff_bias ? *diff_bias : NULL, *diff_dst,
            d.stride, d.dilation, d.before, d.after, hint, attr);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

static unsigned norm_flags(const sl_norm *n)
{
    return dnnl_use_scale | dnnl_use_shift | (n->given ? dnnl_use_global_stats : 0);
}

dnnl_status_t sl_pd_norm(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_norm *n,
                         const_dnnl_primitive_attr_t attr)
{
    return dnnl_batch_normalization_forward_primitive_desc_create(pd, engine, dnnl_forward_training, *n->data,
                                                                  *n->data, n->epsilon, norm_flags(n), attr);
}

dnnl_status_t sl_pd_norm_back(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_norm *n,
                              const_dnnl_primitive_attr_t attr)
{
    dnnl_primitive_desc_t hint = NULL;
    dnnl_status_t status = sl_pd_norm(&hint, engine, n, NULL);
    if (status == dnnl_success)
        status = dnnl_batch_normalization_backward_primitive_desc_create(pd, engine, dnnl_backward, *n->data, *n->data,
                                                                         *n->data, n->epsilon, norm_flags(n), hint,
                                                                         attr);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

bool sl_md_strided_as(const sl_shape *shape, const int64_t *strides, dnnl_data_type_t type, sl_md *out)
{
    dnnl_dims_t dims, own, steps;
    int rank = dnnl_shape(shape, dims, own);
    memcpy(steps, strides, (size_t)rank * sizeof *steps);
    return dnnl_memory_desc_create_with_strides(out, rank, dims, type, steps) == dnnl_success;
}

dnnl_status_t sl_pd_matmul(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_md *src, const sl_md *weights,
                           const sl_md *dst, const_dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(pd, engine, *src, *weights, NULL, *dst, attr);
}

/* ---- moving ---- */

dnnl_status_t sl_pd_reorder(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_md *from, const sl_md *to,
                            const_dnnl_primitive_attr_t attr)
{
    return dnnl_reorder_primitive_desc_create(pd, *from, engine, *to, engine, attr);
}

dnnl_status_t sl_dnnl_memory(dnnl_memory_t *out, const sl_md *md, dnnl_engine_t engine)
{
    return dnnl_memory_create(out, *md, engine, DNNL_MEMORY_NONE);
}

#endif
