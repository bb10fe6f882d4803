/* oneDNN 2 behind dnnl_adapter.h. */
#include "net/plan/dnnl_common.h"

#include <string.h>

#if DNNL_VERSION_MAJOR == 2

bool sl_md_dense_as(const sl_shape *shape, dnnl_data_type_t type, sl_md *out)
{
    dnnl_dims_t dims, strides;
    int rank = dnnl_shape(shape, dims, strides);
    return dnnl_memory_desc_init_by_strides(out, rank, dims, type, strides) == dnnl_success;
}

bool sl_md_tag_as(const sl_shape *shape, dnnl_format_tag_t tag, dnnl_data_type_t type, sl_md *out)
{
    dnnl_dims_t dims, strides;
    int rank = dnnl_shape(shape, dims, strides);
    return dnnl_memory_desc_init_by_tag(out, rank, dims, type, tag) == dnnl_success;
}

bool sl_md_copy(const sl_md *md, sl_md *out)
{
    *out = *md;
    return true;
}

void sl_md_free(sl_md *md)
{
    (void)md;
}

bool sl_md_equal(const sl_md *a, const sl_md *b)
{
    return dnnl_memory_desc_equal(a, b);
}

dnnl_data_type_t sl_md_type(const sl_md *md)
{
    return md->data_type;
}

size_t sl_md_bytes(const sl_md *md)
{
    return dnnl_memory_desc_get_size(md);
}

bool sl_pd_md(const_dnnl_primitive_desc_t pd, dnnl_query_t what, sl_md *out)
{
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, what, 0);
    *out = md ? *md : (dnnl_memory_desc_t){0};
    return md;
}

bool sl_post_unary(dnnl_post_ops_t ops, const sl_attr *attr)
{
    dnnl_function f = dnnl_unary(attr);
    return f.alg != dnnl_alg_kind_undef &&
           dnnl_post_ops_append_eltwise(ops, 1, f.alg, f.alpha, f.beta) == dnnl_success;
}

bool sl_post_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1) == dnnl_success;
}

bool sl_post_binary(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, const sl_md *other)
{
    return dnnl_post_ops_append_binary(ops, alg, other) == dnnl_success;
}

bool sl_post_prelu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_prelu(ops, 1 << 1) == dnnl_success;
}

bool sl_post_scale(dnnl_post_ops_t ops, float factor)
{
    return dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_linear, factor, 0) == dnnl_success;
}

/* They are of the result here, whose second axis has the layer's channels. */
bool sl_attr_scales(dnnl_primitive_attr_t attr, const sl_scales *scales)
{
    int mask = scales->count == 1 ? 0 : scales->arg == DNNL_ARG_WEIGHTS ? 1 << 1 : 1 << 0;
    return dnnl_primitive_attr_set_output_scales(attr, scales->count, mask, scales->values) == dnnl_success;
}

int sl_scales_argument(const sl_scales *scales)
{
    (void)scales;
    return 0;
}

float sl_scaled_bias(float bias, float scale)
{
    return bias / scale;
}

dnnl_status_t sl_pd_conv(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t alg, const sl_window *w,
                         const sl_md *src, const sl_md *weights, const sl_md *bias, const sl_md *dst,
                         const_dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t d;
    const dnnl_window k = dnnl_window_of(w);
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &d, dnnl_forward_inference, alg, src, weights, bias, dst, k.stride, k.dilation, k.before, k.after);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : status;
}

dnnl_status_t sl_pd_dense(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_md *src, const sl_md *weights,
                          const sl_md *bias, const sl_md *dst, const_dnnl_primitive_attr_t attr)
{
    dnnl_inner_product_desc_t d;
    dnnl_status_t status =
        dnnl_inner_product_forward_desc_init(&d, dnnl_forward_inference, src, weights, bias, dst);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : status;
}

dnnl_status_t sl_pd_pool(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t alg, const sl_window *w,
                         const sl_md *src, const sl_md *dst, const_dnnl_primitive_attr_t attr)
{
    dnnl_pooling_v2_desc_t d;
    const dnnl_window k = dnnl_window_of(w);
    dnnl_status_t status = dnnl_pooling_v2_forward_desc_init(&d, dnnl_forward_inference, alg, src, dst, k.stride,
                                                             k.kernel, k.dilation, k.before, k.after);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : status;
}

/* ---- training ---- */

/* Backward primitives are made with the forward one they belong to at hand. */
static dnnl_status_t conv_hint(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_window *w, const sl_md *src,
                               const sl_md *weights, const sl_md *bias, const sl_md *dst)
{
    dnnl_convolution_desc_t d;
    const dnnl_window k = dnnl_window_of(w);
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &d, dnnl_forward_training, dnnl_convolution_direct, src, weights, bias, dst, k.stride, k.dilation, k.before,
        k.after);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, NULL, engine, NULL) : status;
}

dnnl_status_t sl_pd_conv_back_data(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_window *w,
                                   const sl_md *forward, const sl_md *diff_src, const sl_md *weights,
                                   const sl_md *diff_dst, const_dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t d;
    dnnl_primitive_desc_t hint = NULL;
    const dnnl_window k = dnnl_window_of(w);
    dnnl_status_t status = conv_hint(&hint, engine, w, forward, weights, NULL, diff_dst);
    if (status == dnnl_success)
        status = dnnl_dilated_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, diff_src, weights,
                                                                  diff_dst, k.stride, k.dilation, k.before, k.after);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(pd, &d, attr, engine, hint);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

dnnl_status_t sl_pd_conv_back_weights(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_window *w,
                                      const sl_md *src, const sl_md *forward, const sl_md *diff_weights,
                                      const sl_md *diff_bias, const sl_md *diff_dst, const_dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t d;
    dnnl_primitive_desc_t hint = NULL;
    const dnnl_window k = dnnl_window_of(w);
    dnnl_status_t status = conv_hint(&hint, engine, w, src, forward, diff_bias, diff_dst);
    if (status == dnnl_success)
        status = dnnl_dilated_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, src, diff_weights,
                                                                     diff_bias, diff_dst, k.stride, k.dilation,
                                                                     k.before, k.after);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(pd, &d, attr, engine, hint);
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
    dnnl_batch_normalization_desc_t d;
    dnnl_status_t status =
        dnnl_batch_normalization_forward_desc_init(&d, dnnl_forward_training, n->data, n->epsilon, norm_flags(n));
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : status;
}

dnnl_status_t sl_pd_norm_back(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_norm *n,
                              const_dnnl_primitive_attr_t attr)
{
    dnnl_batch_normalization_desc_t d;
    dnnl_primitive_desc_t hint = NULL;
    dnnl_status_t status = sl_pd_norm(&hint, engine, n, NULL);
    if (status == dnnl_success)
        status = dnnl_batch_normalization_backward_desc_init(&d, dnnl_backward, n->data, n->data, n->epsilon,
                                                             norm_flags(n));
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(pd, &d, attr, engine, hint);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

bool sl_md_strided_as(const sl_shape *shape, const int64_t *strides, dnnl_data_type_t type, sl_md *out)
{
    dnnl_dims_t dims, own, steps;
    int rank = dnnl_shape(shape, dims, own);
    memcpy(steps, strides, (size_t)rank * sizeof *steps);
    return dnnl_memory_desc_init_by_strides(out, rank, dims, type, steps) == dnnl_success;
}

dnnl_status_t sl_pd_matmul(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_md *src, const sl_md *weights,
                           const sl_md *dst, const_dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t d;
    dnnl_status_t status = dnnl_matmul_desc_init(&d, src, weights, NULL, dst);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : status;
}

/* ---- moving ---- */

dnnl_status_t sl_pd_reorder(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_md *from, const sl_md *to,
                            const_dnnl_primitive_attr_t attr)
{
    return dnnl_reorder_primitive_desc_create(pd, from, engine, to, engine, attr);
}

dnnl_status_t sl_dnnl_memory(dnnl_memory_t *out, const sl_md *md, dnnl_engine_t engine)
{
    return dnnl_memory_create(out, md, engine, DNNL_MEMORY_NONE);
}

#endif
