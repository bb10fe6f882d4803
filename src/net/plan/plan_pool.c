/* Pooling on oneDNN. */
#include "net/plan/plan_build.h"

static sl_status pool_window_of(const sl_build *b, const sl_node *n, sl_window *w, sl_error *err)
{
    const sl_shape *x = &b->g->tensors[n->inputs[0]].shape;
    const int64_t kernel[2] = {n->attr.kernel[0], n->attr.kernel[1]};
    const sl_call call = {n, NULL, NULL};
    if (n->op == SL_OP_POOL)
        return sl_window_of(&call, x, kernel, w, err);
    *w = (sl_window){{x->dim[2], x->dim[3]}, {1, 1}, {x->dim[2], x->dim[3]}, {1, 1}, {1, 1}, {0}};
    return SL_OK;
}

static dnnl_alg_kind_t algorithm_of(const sl_attr *attr)
{
    if (attr->fn == SL_FN_MAX)
        return dnnl_pooling_max;
    return attr->count_include_pad ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding;
}

static sl_status add_pool(sl_build *b, const sl_node *n, const sl_window *w, const sl_md *src, const sl_md *any,
                          bool *done, sl_error *err)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = sl_new_attr(NULL);
    sl_md dst;
    int buffers[2];
    if (!attr || sl_pd_pool(&pd, b->engine, algorithm_of(&n->attr), w, src, any, attr) != dnnl_success) {
        dnnl_primitive_attr_destroy(attr);
        return attr ? SL_OK : sl_build_no_memory(err);
    }
    dnnl_primitive_attr_destroy(attr);
    sl_status status = sl_pd_md(pd, dnnl_query_dst_md, &dst) ? SL_OK : sl_build_no_memory(err);
    if (status == SL_OK)
        status = sl_want_md(b, n->inputs[0], src, &buffers[0], err);
    if (status == SL_OK)
        status = sl_make_md(b, n->outputs[0], &dst, &buffers[1], err);
    if (status == SL_OK) {
        sl_arguments a = {.count = 0};
        sl_add_arg(&a, DNNL_ARG_SRC, src, buffers[0]);
        sl_add_arg(&a, DNNL_ARG_DST, &dst, buffers[1]);
        *done = true;
        status = sl_add_primitive(b, pd, &a, err);
    } else {
        dnnl_primitive_desc_destroy(pd);
    }
    sl_md_free(&dst);
    return status;
}

sl_status sl_compile_pool(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if ((n->op != SL_OP_POOL && n->op != SL_OP_GLOBAL_POOL) || b->g->tensors[n->inputs[0]].shape.rank != 4)
        return SL_OK;
    const sl_place *place = &b->places[n->inputs[0]];
    sl_window w;
    SL_TRY(pool_window_of(b, n, &w, err));
    /* oneDNN has no fast dilated pooling, and counts cells beyond the padding that rounding up adds. */
    if (w.dilation[0] != 1 || w.dilation[1] != 1 || (n->attr.ceil_mode && n->attr.fn != SL_FN_MAX))
        return SL_OK;
    sl_md src, any;
    if (!(place->other >= 0 ? sl_md_copy(&place->md, &src)
                            : sl_md_dense(&b->g->tensors[n->inputs[0]].shape, &src)))
        return sl_build_no_memory(err);
    sl_status status = sl_md_tag(&b->g->tensors[n->outputs[0]].shape, dnnl_format_tag_any, &any)
                           ? add_pool(b, n, &w, &src, &any, done, err)
                           : sl_build_no_memory(err);
    sl_md_free(&src);
    sl_md_free(&any);
    return status;
}
