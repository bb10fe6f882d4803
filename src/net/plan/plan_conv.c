/* Convolutions and dense layers, with the element-wise nodes behind them as post-operations. Of the ways to run one the
 * first that suits is taken: oneDNN in bf16 or int8, our Winograd (plan_winograd.c), oneDNN's own, oneDNN directly. */
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "net/plan/plan_posts.h"

typedef struct {
    const sl_node *n;
    bool is_conv;
    sl_window window;
    sl_shape weight_shape;         /* [O,I,kh,kw], [G,O/G,I/G,kh,kw] or [O,K] */
    dnnl_data_type_t type;         /* of src and weights */
    dnnl_data_type_t dst_type;
    sl_md src, weights, bias, dst; /* what we ask for: `any` where oneDNN may choose */
    sl_int8 int8;                  /* where `type` is s8 or u8 */
    bool has_bias;
    bool as_backward; /* src and dst as the backward convolution likes them, not as this one does */
    dnnl_alg_kind_t algorithm;
    sl_post posts[SL_MOST_POSTS];
    int n_posts;
} linear;

static sl_tensor output_of(const sl_build *b, const linear *l)
{
    return sl_posts_output(b, l->n, l->posts, l->n_posts);
}

/* Of its sums; none where it is not int8. */
static sl_scales scales_of(const linear *l)
{
    return (sl_scales){DNNL_ARG_WEIGHTS, l->int8.count, l->int8.to_output};
}

/* ---- choosing the primitive ---- */

static bool append_post(const sl_build *b, const sl_post *p, const sl_md *dst, dnnl_post_ops_t ops)
{
    switch (p->kind) {
    case SL_POST_UNARY: return sl_post_unary(ops, &b->g->nodes[p->node].attr);
    case SL_POST_PRELU: return sl_post_prelu(ops);
    default: return p->in_place ? sl_post_sum(ops) : sl_post_binary(ops, dnnl_binary_add, dst);
    }
}

static dnnl_primitive_desc_t describe_primitive(const sl_build *b, const linear *l, const sl_md *dst)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_primitive_desc_t pd = NULL;
    if (dnnl_post_ops_create(&ops) != dnnl_success)
        return NULL;
    bool good = true;
    for (int i = 0; i < l->n_posts && good; i++)
        good = append_post(b, &l->posts[i], dst, ops);
    const sl_range *range = sl_range_find(b->ranges, b->g->tensors[output_of(b, l)].name);
    if (good && sl_is_int8(l->dst_type)) /* no range: choose_primitive asks without posts, for another tensor */
        good = sl_post_scale(ops, range ? 1 / range->scale : 1);
    dnnl_primitive_attr_t attr = good ? sl_new_attr(ops) : NULL;
    const sl_scales scales = scales_of(l);
    if (attr && scales.count && !sl_attr_scales(attr, &scales)) {
        dnnl_primitive_attr_destroy(attr);
        attr = NULL;
    }
    const sl_md *bias = l->has_bias ? &l->bias : NULL;
    dnnl_status_t made = dnnl_unimplemented;
    if (attr && l->is_conv)
        made = sl_pd_conv(&pd, b->engine, l->algorithm, &l->window, &l->src, &l->weights, bias, dst, attr);
    else if (attr)
        made = sl_pd_dense(&pd, b->engine, &l->src, &l->weights, bias, dst, attr);
    dnnl_primitive_attr_destroy(attr);
    dnnl_post_ops_destroy(ops);
    return made == dnnl_success ? pd : NULL;
}

/* What a kernel is: loops that know no shape, a general matrix product, or code made for the layer. */
typedef enum { KERNEL_REFERENCE, KERNEL_PRODUCT, KERNEL_OF_LAYER } kernel_kind;

static kernel_kind kernel_of(const_dnnl_primitive_desc_t pd)
{
    const char *name = "";
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    if (sl_is_reference(pd))
        return KERNEL_REFERENCE;
    return strncmp(name, "gemm", 4) == 0 ? KERNEL_PRODUCT : KERNEL_OF_LAYER;
}

/* The primitive with as many posts merged as cost it no better kernel. */
static dnnl_primitive_desc_t choose_primitive(sl_build *b, linear *l)
{
    int wanted = l->n_posts;
    sl_md dst;
    l->n_posts = 0;
    dnnl_primitive_desc_t plain = describe_primitive(b, l, &l->dst);
    if (!plain || wanted == 0 || !sl_pd_md(plain, dnnl_query_dst_md, &dst))
        return plain;
    const kernel_kind kernel = kernel_of(plain);
    for (l->n_posts = wanted; l->n_posts > 0; l->n_posts--) {
        dnnl_primitive_desc_t merged = describe_primitive(b, l, &dst);
        if (merged && kernel_of(merged) >= kernel) {
            dnnl_primitive_desc_destroy(plain);
            plain = merged;
            break;
        }
        dnnl_primitive_desc_destroy(merged);
    }
    sl_md_free(&dst);
    return plain;
}

/* ---- its memory ---- */

static sl_status weights_buffer(sl_build *b, const linear *l, sl_tensor t, const sl_shape *shape, const sl_md *to,
                                int *buffer, sl_error *err)
{
    sl_md from;
    if (!b->g->tensors[t].data)
        return sl_want_as(b, t, shape, to, buffer, err);
    if (!sl_md_dense(shape, &from))
        return sl_build_no_memory(err);
    const sl_scales to_int8 = {DNNL_ARG_FROM, l->int8.count, l->int8.to_weights};
    sl_status status = sl_const_reorder(b, t, &from, to, l->int8.count ? &to_int8 : NULL, buffer, err);
    sl_md_free(&from);
    return status;
}

/* What the posts read. *out: the memory a sum works in, or -1. */
static sl_status post_arguments(sl_build *b, linear *l, const sl_md *dst, sl_arguments *a, int *out, sl_error *err)
{
    int buffer;
    for (int i = 0; i < l->n_posts; i++) {
        sl_post *p = &l->posts[i];
        int of_post = DNNL_ARG_ATTR_MULTIPLE_POST_OP(i);
        if (p->kind == SL_POST_PRELU) {
            sl_shape slopes = {4, {1, sl_shape_elements(&b->g->tensors[p->other].shape), 1, 1}};
            slopes.rank = b->g->tensors[l->n->outputs[0]].shape.rank;
            if (!sl_md_dense(&slopes, &p->md))
                return sl_build_no_memory(err);
            p->has_md = true;
            SL_TRY(sl_want_dense(b, p->other, &buffer, err));
            sl_add_arg(a, of_post | DNNL_ARG_WEIGHTS, &p->md, buffer);
        } else if (p->kind == SL_POST_ADD) {
            SL_TRY(sl_want_md(b, p->other, dst, &buffer, err));
            if (p->in_place)
                *out = buffer;
            else
                sl_add_arg(a, of_post | DNNL_ARG_SRC_1, dst, buffer);
        }
    }
    return SL_OK;
}

_Static_assert(SL_MOST_POSTS + 4 <= SL_MOST_ARGS, "src, weights, bias, dst and the posts");

/* Buffers for src, weights, bias, the posts and dst, reorders in front where they are needed. */
static sl_status collect_arguments(sl_build *b, linear *l, const sl_md *src, const sl_md *weights, const sl_md *dst,
                                   sl_arguments *a, sl_error *err)
{
    int buffer, out = -1;
    SL_TRY(sl_want_md(b, l->n->inputs[0], src, &buffer, err));
    sl_add_arg(a, DNNL_ARG_SRC, src, buffer);
    SL_TRY(weights_buffer(b, l, l->n->inputs[1], &l->weight_shape, weights, &buffer, err));
    sl_add_arg(a, DNNL_ARG_WEIGHTS, weights, buffer);
    if (l->has_bias) {
        const sl_shape *shape = &b->g->tensors[l->n->inputs[2]].shape;
        SL_TRY(l->int8.count ? sl_int8_bias(b, l->n->inputs[2], &l->int8, &buffer, err)
                             : weights_buffer(b, l, l->n->inputs[2], shape, &l->bias, &buffer, err));
        sl_add_arg(a, DNNL_ARG_BIAS, &l->bias, buffer);
    }
    SL_TRY(post_arguments(b, l, dst, a, &out, err));
    if (out >= 0)
        SL_TRY(sl_bind_md(b, output_of(b, l), dst, out, err));
    else
        SL_TRY(sl_make_md(b, output_of(b, l), dst, &out, err));
    sl_add_arg(a, DNNL_ARG_DST, dst, out);
    return SL_OK;
}

static sl_status add_linear(sl_build *b, linear *l, dnnl_primitive_desc_t pd, sl_error *err)
{
    sl_md src, weights, dst;
    const sl_scales scales = scales_of(l);
    sl_arguments a = {.scales = scales.count ? &scales : NULL};
    bool good = sl_pd_md(pd, dnnl_query_src_md, &src);
    good &= sl_pd_md(pd, dnnl_query_weights_md, &weights);
    good &= sl_pd_md(pd, dnnl_query_dst_md, &dst);
    sl_status status = good ? collect_arguments(b, l, &src, &weights, &dst, &a, err) : sl_build_no_memory(err);
    if (status == SL_OK)
        status = sl_add_primitive(b, pd, &a, err);
    else
        dnnl_primitive_desc_destroy(pd);
    sl_md_free(&src);
    sl_md_free(&weights);
    sl_md_free(&dst);
    if (status == SL_OK)
        sl_merge_posts(b, l->posts, l->n_posts);
    return status;
}

/* ---- the two kinds ---- */

static void free_linear(linear *l)
{
    sl_md_free(&l->src);
    sl_md_free(&l->weights);
    sl_md_free(&l->dst);
    if (l->has_bias)
        sl_md_free(&l->bias);
    for (int i = 0; i < SL_MOST_POSTS; i++)
        if (l->posts[i].has_md)
            sl_md_free(&l->posts[i].md);
}

/* A description of another type, laid out alike; false where the layout has no name here. */
static bool laid_out_as(const sl_md *like, const sl_shape *shape, dnnl_data_type_t type, sl_md *out)
{
    static const dnnl_format_tag_t tags[] = {dnnl_nChw16c, dnnl_nhwc, dnnl_nChw8c, dnnl_nchw};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        sl_md same;
        if (!sl_md_tag_as(shape, tags[i], sl_md_type(like), &same))
            continue;
        bool equal = sl_md_equal(&same, like);
        sl_md_free(&same);
        if (equal)
            return sl_md_tag_as(shape, tags[i], type, out);
    }
    return false;
}

/* Weights that change will be learnt: what is read and written here is read again by the convolution by weights, whose
 * kernels do not always take the layout that is quickest forward. */
static bool ask_backward(const sl_build *b, linear *l)
{
    const sl_shape *y = &b->g->tensors[l->n->outputs[0]].shape;
    dnnl_primitive_desc_t pd = NULL;
    sl_md gy, x, any;
    if (!sl_md_tag_as(y, dnnl_format_tag_any, l->type, &any))
        return false;
    bool made = sl_pd_conv_back_weights(&pd, b->engine, &l->window, &l->src, &l->weights, &l->weights, NULL, &any,
                                        NULL) == dnnl_success;
    sl_md_free(&any);
    if (!made)
        return true;
    bool good = sl_pd_md(pd, dnnl_query_src_md, &x) && sl_pd_md(pd, dnnl_query_diff_dst_md, &gy);
    dnnl_primitive_desc_destroy(pd);
    if (!good)
        return false;
    sl_md_free(&l->src);
    l->src = x;
    if (laid_out_as(&gy, y, l->dst_type, &any)) {
        sl_md_free(&l->dst);
        l->dst = any;
    }
    sl_md_free(&gy);
    return true;
}

/* Describes src, weights, bias and dst of a layer whose `n`, `weight_shape`, types and `is_conv` are set. */
static bool describe_memory(const sl_build *b, linear *l)
{
    const sl_shape *x = &b->g->tensors[l->n->inputs[0]].shape, *y = &b->g->tensors[l->n->outputs[0]].shape;
    l->has_bias = l->n->n_inputs > 2 && l->n->inputs[2] >= 0;
    bool good = l->is_conv ? sl_md_tag_as(x, dnnl_format_tag_any, l->type, &l->src)
                           : sl_md_dense_as(x, l->type, &l->src);
    good &= l->is_conv ? sl_md_tag_as(y, dnnl_format_tag_any, l->dst_type, &l->dst)
                       : sl_md_dense_as(y, l->dst_type, &l->dst);
    dnnl_data_type_t weights = sl_is_int8(l->type) ? dnnl_s8 : l->type;
    good &= sl_md_tag_as(&l->weight_shape, dnnl_format_tag_any, weights, &l->weights);
    if (good && l->as_backward)
        good = ask_backward(b, l);
    return good && (!l->has_bias || sl_md_dense(&b->g->tensors[l->n->inputs[2]].shape, &l->bias));
}

/* A dense layer in bf16 whose GELU is a step of its own, in the layer's bf16 (plan_elements.c): oneDNN's, behind the
 * layer by way of f32, takes a fourth of the layer's time. */
static bool gelu_follows(const sl_build *b, const linear *l)
{
    const int next = b->reader[l->n->outputs[0]];
    return !l->is_conv && l->type == dnnl_bf16 && next >= 0 && sl_is_narrow_gelu(b, &b->g->nodes[next]);
}

/* The narrowest type that all readers of the output take it in. A sum is never made in int8: the tensors that are added
 * have different scales. */
static dnnl_data_type_t linear_output_type(const sl_build *b, const linear *l)
{
    sl_tensor t = output_of(b, l);
    if (gelu_follows(b, l))
        return dnnl_bf16;
    bool int8 = sl_is_int8(l->type);
    for (int i = 0; i < l->n_posts; i++)
        int8 = int8 && l->posts[i].kind != SL_POST_ADD;
    dnnl_data_type_t narrow = sl_int8_type(b, t);
    if (int8 && narrow != dnnl_data_type_undef && sl_read_as(b, t, narrow))
        return narrow;
    return l->type != dnnl_f32 && b->wide != dnnl_f32 && sl_read_as(b, t, b->wide) ? b->wide : dnnl_f32;
}

/* Compiles the layer with src and weights of `type`; *done false where oneDNN has no kernel for it, or only a slow one
 * for a type that is there for speed. The type of the output depends on the posts that the kernel takes. */
static sl_status compile_posts(sl_build *b, linear *l, bool *done, sl_error *err)
{
    l->n_posts = gelu_follows(b, l) ? 0 : sl_find_posts(b, l->n, l->posts);
    for (bool settled = false; !settled;) {
        int posts = l->n_posts;
        l->dst_type = linear_output_type(b, l);
        dnnl_primitive_desc_t pd = describe_memory(b, l) ? choose_primitive(b, l) : NULL;
        settled = l->n_posts == posts || !pd;
        sl_status status = SL_OK;
        if (!pd || (l->type != dnnl_f32 && kernel_of(pd) < KERNEL_OF_LAYER)) {
            settled = true; /* not a shape for oneDNN */
            if (pd)
                dnnl_primitive_desc_destroy(pd);
        } else if (settled) {
            *done = true;
            status = add_linear(b, l, pd, err);
        } else {
            dnnl_primitive_desc_destroy(pd);
        }
        free_linear(l);
        SL_TRY(status);
    }
    return SL_OK;
}

static sl_status compile_linear(sl_build *b, const linear *plain, dnnl_data_type_t type, bool *done, sl_error *err)
{
    linear l = *plain;
    l.type = type;
    sl_status status = sl_is_int8(type) ? sl_int8_scales(b, l.n, &l.int8, err) : SL_OK;
    if (status == SL_OK)
        status = compile_posts(b, &l, done, err);
    sl_int8_free(&l.int8);
    return status;
}

/* What is too narrow for our own Winograd: oneDNN 2 has it for AVX-512 and 3x3 kernels of stride 1, 1.3 to 2.6
 * times as fast as its direct kernels on every shape of at least 16 channels measured (EPYC 9005, one thread). A
 * rule and not a timing, so that a machine always computes the same way. */
static bool suits_dnnl_winograd(const linear *l)
{
    const sl_window *w = &l->window;
    const sl_shape *k = &l->weight_shape;
    return sl_isa_active() == SL_ISA_AVX512 && k->rank == 4 && k->dim[0] >= 16 && k->dim[1] >= 16 &&
           w->kernel[0] == 3 && w->kernel[1] == 3 && w->stride[0] == 1 && w->stride[1] == 1 &&
           w->dilation[0] == 1 && w->dilation[1] == 1;
}

sl_status sl_compile_conv(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if (n->op != SL_OP_CONV)
        return SL_OK;
    const sl_shape *w = &b->g->tensors[n->inputs[1]].shape;
    const int64_t kernel[2] = {w->dim[2], w->dim[3]}, groups = n->attr.groups ? n->attr.groups : 1;
    linear l = {.n = n, .is_conv = true, .weight_shape = *w, .algorithm = dnnl_convolution_direct};
    const sl_call call = {n, NULL, NULL};
    SL_TRY(sl_window_of(&call, &b->g->tensors[n->inputs[0]].shape, kernel, &l.window, err));
    if (groups > 1)
        l.weight_shape = (sl_shape){5, {groups, w->dim[0] / groups, w->dim[1], w->dim[2], w->dim[3]}};
    l.as_backward = !b->g->tensors[n->inputs[1]].data;
    if (sl_type_of(b, n) != dnnl_f32)
        SL_TRY(compile_linear(b, &l, sl_type_of(b, n), done, err));
    if (!*done && sl_suits_winograd(b->g, n))
        return sl_compile_winograd(b, n, &l.window, done, err);
    if (!*done && sl_has_constant_weights(b, n) && suits_dnnl_winograd(&l)) {
        l.algorithm = dnnl_convolution_winograd;
        SL_TRY(compile_linear(b, &l, dnnl_f32, done, err));
        l.algorithm = dnnl_convolution_direct;
    }
    if (!*done && l.as_backward)
        SL_TRY(compile_linear(b, &l, dnnl_f32, done, err));
    l.as_backward = false;
    return *done ? SL_OK : compile_linear(b, &l, dnnl_f32, done, err);
}

sl_status sl_compile_dense(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if (n->op != SL_OP_DENSE)
        return SL_OK;
    const linear l = {.n = n, .weight_shape = b->g->tensors[n->inputs[1]].shape};
    if (sl_type_of(b, n) != dnnl_f32)
        SL_TRY(compile_linear(b, &l, sl_type_of(b, n), done, err));
    return *done ? SL_OK : compile_linear(b, &l, dnnl_f32, done, err);
}
