/* The one place where oneDNN's versions 2 and 3 differ: dnnl_v2.c or dnnl_v3.c is compiled, the other is
 * empty. Everything else uses oneDNN's C API as both have it. */
#ifndef SL_NET_DNNL_ADAPTER_H
#define SL_NET_DNNL_ADAPTER_H

#include <oneapi/dnnl/dnnl.h>

#include "net/graph.h"
#include "net/layers/layers.h"

/* Where and how a tensor lies in memory. A value in version 2, a handle in version 3: always made by one of
 * these functions and given back to sl_md_free, once. */
typedef dnnl_memory_desc_t sl_md;

bool sl_md_dense_as(const sl_shape *shape, dnnl_data_type_t type, sl_md *out); /* row-major */
bool sl_md_tag_as(const sl_shape *shape, dnnl_format_tag_t tag, dnnl_data_type_t type, sl_md *out); /* or ..._any */
dnnl_data_type_t sl_md_type(const sl_md *md);

/* The same for f32, which is what tensors are of where nothing else is said. */
static inline bool sl_md_dense(const sl_shape *shape, sl_md *out)
{
    return sl_md_dense_as(shape, dnnl_f32, out);
}
static inline bool sl_md_tag(const sl_shape *shape, dnnl_format_tag_t tag, sl_md *out)
{
    return sl_md_tag_as(shape, tag, dnnl_f32, out);
}

bool sl_md_copy(const sl_md *md, sl_md *out);
void sl_md_free(sl_md *md);
bool sl_md_equal(const sl_md *a, const sl_md *b);
size_t sl_md_bytes(const sl_md *md); /* 0 for the empty one of a query without answer */

/* A description the primitive chose, e.g. dnnl_query_src_md. */
bool sl_pd_md(const_dnnl_primitive_desc_t pd, dnnl_query_t what, sl_md *out);

/* Post-operations. False when oneDNN has no such function. */
bool sl_post_unary(dnnl_post_ops_t ops, const sl_attr *attr);
bool sl_post_sum(dnnl_post_ops_t ops);
bool sl_post_binary(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, const sl_md *other);
bool sl_post_prelu(dnnl_post_ops_t ops); /* a slope per channel */
bool sl_post_scale(dnnl_post_ops_t ops, float factor);

/* Scales of int8: what a primitive reads as `arg`, DNNL_ARG_FROM of a reorder or DNNL_ARG_WEIGHTS of a layer, counts
 * as multiplied by these, one for all or one per index of its first axis. */
typedef struct {
    int arg, count;
    const float *values; /* [count] */
} sl_scales;
bool sl_attr_scales(dnnl_primitive_attr_t attr, const sl_scales *scales);

/* Version 2 keeps the values with the attribute, and scales a layer's bias with its sums. Version 3 is handed them at
 * each run, as the argument that this names (0: none), and scales the sums alone. */
int sl_scales_argument(const sl_scales *scales);
float sl_scaled_bias(float bias, float scale); /* as a layer wants it, whose sums are scaled so */

/* Inference primitives; bias may be NULL. dnnl_success, or why not. */
dnnl_status_t sl_pd_conv(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t alg, const sl_window *w,
                         const sl_md *src, const sl_md *weights, const sl_md *bias, const sl_md *dst,
                         const_dnnl_primitive_attr_t attr);
dnnl_status_t sl_pd_dense(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_md *src, const sl_md *weights,
                          const sl_md *bias, const sl_md *dst, const_dnnl_primitive_attr_t attr);
dnnl_status_t sl_pd_pool(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t alg, const sl_window *w,
                         const sl_md *src, const sl_md *dst, const_dnnl_primitive_attr_t attr);
/* What training needs. Convolution backwards: diff_bias may be NULL. `forward`: src or weights as the forward one would
 * read them, in the type of what is multiplied, where diff_src or diff_weights are of another. */
dnnl_status_t sl_pd_conv_back_data(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_window *w,
                                   const sl_md *forward, const sl_md *diff_src, const sl_md *weights,
                                   const sl_md *diff_dst, const_dnnl_primitive_attr_t attr);
dnnl_status_t sl_pd_conv_back_weights(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_window *w,
                                      const sl_md *src, const sl_md *forward, const sl_md *diff_weights,
                                      const sl_md *diff_bias, const sl_md *diff_dst, const_dnnl_primitive_attr_t attr);

/* Batch normalisation with scale and shift, all in the layout of `data`. given: by the statistics it is handed; else it
 * works out the batch's, going forward. */
typedef struct {
    const sl_md *data;
    float epsilon;
    bool given;
} sl_norm;
dnnl_status_t sl_pd_norm(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_norm *n,
                         const_dnnl_primitive_attr_t attr);
dnnl_status_t sl_pd_norm_back(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_norm *n,
                              const_dnnl_primitive_attr_t attr);

/* Version 2 insists on a shift going back, and does not look at it; version 3 refuses it. */
enum { SL_NORM_BACK_TAKES_SHIFT = DNNL_VERSION_MAJOR == 2 };

/* Of matrices behind equal or broadcast axes; the strides are those of the descriptions. */
bool sl_md_strided_as(const sl_shape *shape, const int64_t *strides, dnnl_data_type_t type, sl_md *out);
dnnl_status_t sl_pd_matmul(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_md *src, const sl_md *weights,
                           const sl_md *dst, const_dnnl_primitive_attr_t attr);

dnnl_status_t sl_pd_reorder(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const sl_md *from, const sl_md *to,
                            const_dnnl_primitive_attr_t attr);
dnnl_status_t sl_dnnl_memory(dnnl_memory_t *out, const sl_md *md, dnnl_engine_t engine);

/* The processor as a oneDNN engine, made once, held to the instruction set in force (dnnl_engine.c).
 * NULL when oneDNN cannot be used. */
dnnl_engine_t sl_dnnl_engine(void);

#endif
