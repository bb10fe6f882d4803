/* Dense layers in bf16 and int8 that read very many numbers, as a sum of such that read a part each. oneDNN 2.6's
 * kernel for 50 rows of 32,768 runs at a fifth of a Xeon's rate in int8, for 4,096 at nearly all of it. In f32 both
 * wait for weights, and putting the parts one behind the other, which a narrow copy does on its way, would be a step
 * more.
 *
 *     x [rows, K]  --reorder-->  [parts, rows, K / parts]  --part by part-->  y = y + x_p W_p
 */
#include <string.h>

#include "net/plan/plan_build.h"

enum { LONGEST = 4096, LEAST = 512 };

typedef struct {
    const sl_node *n;
    int64_t rows, depth, outputs, parts; /* depth: of a part */
    dnnl_data_type_t type;               /* of src and weights */
    sl_int8 int8;                        /* where that is s8 or u8 */
    sl_md src, weights, bias, dst;
} long_dense;

static void free_long(long_dense *l)
{
    sl_md_free(&l->src);
    sl_md_free(&l->weights);
    sl_md_free(&l->bias);
    sl_md_free(&l->dst);
    sl_int8_free(&l->int8);
}

static bool has_bias(const long_dense *l) { return l->n->n_inputs > 2 && l->n->inputs[2] >= 0; }

/* ---- the primitives ---- */

static sl_scales scales_of(const long_dense *l)
{
    return (sl_scales){DNNL_ARG_WEIGHTS, l->int8.count, l->int8.to_output};
}

/* Of the first part, which brings the bias, or of one that is added. NULL where oneDNN has no quick kernel. */
static dnnl_primitive_desc_t describe_part(const sl_build *b, const long_dense *l, const sl_md *weights, bool first)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_primitive_desc_t pd = NULL;
    const sl_scales scales = scales_of(l);
    bool good = dnnl_post_ops_create(&ops) == dnnl_success && (first || sl_post_sum(ops));
    dnnl_primitive_attr_t attr = good ? sl_new_attr(ops) : NULL;
    good = attr && (!scales.count || sl_attr_scales(attr, &scales));
    if (good && sl_pd_dense(&pd, b->engine, &l->src, weights, first && has_bias(l) ? &l->bias : NULL, &l->dst, attr) !=
                    dnnl_success)
        pd = NULL;
    if (pd && sl_is_reference(pd)) {
        dnnl_primitive_desc_destroy(pd);
        pd = NULL;
    }
    dnnl_primitive_attr_destroy(attr);
    dnnl_post_ops_destroy(ops);
    return pd;
}

/* All but the layout of the weights, which the kernel of the first part chooses; false: it has none. */
static bool describe_memory(const sl_build *b, long_dense *l, sl_error *err)
{
    const sl_shape x = {2, {l->rows, l->depth}}, w = {2, {l->outputs, l->depth}}, y = {2, {l->rows, l->outputs}},
                   bias = {1, {l->outputs}};
    sl_md any;
    if (!sl_md_dense_as(&x, l->type, &l->src) || !sl_md_dense(&y, &l->dst) || !sl_md_dense(&bias, &l->bias) ||
        !sl_md_tag_as(&w, dnnl_format_tag_any, sl_is_int8(l->type) ? dnnl_s8 : l->type, &any))
        return false;
    if (sl_is_int8(l->type) && sl_int8_scales(b, l->n, &l->int8, err) != SL_OK) {
        sl_md_free(&any);
        return false;
    }
    dnnl_primitive_desc_t pd = describe_part(b, l, &any, true);
    const bool good = pd && sl_pd_md(pd, dnnl_query_weights_md, &l->weights);
    dnnl_primitive_desc_destroy(pd);
    sl_md_free(&any);
    return good;
}

/* ---- its memory ---- */

/* The input with its parts one behind the other. */
static sl_status parts_of_input(sl_build *b, const long_dense *l, int *buffer, sl_error *err)
{
    const int64_t all = l->parts * l->depth, from_strides[3] = {all, l->depth, 1},
                  to_strides[3] = {l->depth, l->rows * l->depth, 1};
    const sl_shape shape = {3, {l->rows, l->parts, l->depth}};
    const sl_tensor x = l->n->inputs[0];
    sl_md from, to;
    int dense;
    SL_TRY(sl_want_dense(b, x, &dense, err));
    if (!sl_md_strided_as(&shape, from_strides, dnnl_f32, &from))
        return sl_build_no_memory(err);
    if (!sl_md_strided_as(&shape, to_strides, l->type, &to)) {
        sl_md_free(&from);
        return sl_build_no_memory(err);
    }
    *buffer = sl_new_buffer(b, (size_t)l->parts * sl_md_bytes(&l->src));
    sl_status status = *buffer < 0 ? sl_build_no_memory(err) : sl_add_reorder(b, x, &from, dense, &to, *buffer, err);
    sl_md_free(&from);
    sl_md_free(&to);
    return status;
}

/* The weights' parts likewise. */
static sl_status fill_parts(sl_build *b, sl_tensor t, const void *context, void *out, sl_error *err)
{
    const long_dense *l = context;
    const int64_t strides[2] = {l->parts * l->depth, 1};
    const sl_shape shape = {2, {l->outputs, l->depth}};
    const sl_scales to_int8 = {DNNL_ARG_FROM, l->int8.count, l->int8.to_weights};
    sl_md from;
    if (!sl_md_strided_as(&shape, strides, dnnl_f32, &from))
        return sl_build_no_memory(err);
    const sl_const_form c = {&from, &l->weights, l->int8.count ? &to_int8 : NULL};
    sl_status status = SL_OK;
    for (int64_t p = 0; p < l->parts && status == SL_OK; p++)
        status = sl_reorder_now(b, &c, (const float *)b->g->tensors[t].data + p * l->depth,
                                (char *)out + (size_t)p * sl_md_bytes(&l->weights), err);
    sl_md_free(&from);
    return status;
}

static sl_status parts_of_weights(sl_build *b, const long_dense *l, void **data, sl_error *err)
{
    const sl_shape bytes = {1, {l->parts * (int64_t)sl_md_bytes(&l->weights)}};
    sl_md all;
    if (!sl_md_dense_as(&bytes, dnnl_u8, &all))
        return sl_build_no_memory(err);
    sl_status status = sl_const_made(b, l->n->inputs[1], &all, fill_parts, l, data, err);
    sl_md_free(&all);
    return status;
}

static sl_status bias_buffer(sl_build *b, const long_dense *l, int *buffer, sl_error *err)
{
    return l->int8.count ? sl_int8_bias(b, l->n->inputs[2], &l->int8, buffer, err)
                         : sl_want_dense(b, l->n->inputs[2], buffer, err);
}

/* ---- the steps ---- */

static sl_status add_part(sl_build *b, const long_dense *l, int64_t p, int src, void *weights, int dst, sl_error *err)
{
    const size_t bytes = sl_md_bytes(&l->weights);
    const sl_scales scales = scales_of(l);
    sl_arguments a = {.scales = scales.count ? &scales : NULL};
    int buffer = sl_const_buffer(b, (char *)weights + (size_t)p * bytes, bytes);
    if (buffer < 0)
        return sl_build_no_memory(err);
    sl_add_arg(&a, DNNL_ARG_SRC, &l->src, src);
    a.offsets[0] = (size_t)p * sl_md_bytes(&l->src);
    sl_add_arg(&a, DNNL_ARG_WEIGHTS, &l->weights, buffer);
    if (p == 0 && has_bias(l)) {
        SL_TRY(bias_buffer(b, l, &buffer, err));
        sl_add_arg(&a, DNNL_ARG_BIAS, &l->bias, buffer);
    }
    sl_add_arg(&a, DNNL_ARG_DST, &l->dst, dst);
    dnnl_primitive_desc_t pd = describe_part(b, l, &l->weights, p == 0);
    return pd ? sl_add_primitive(b, pd, &a, err) : sl_build_fail(b, err, "oneDNN has no kernel for one of its parts");
}

static sl_status add_parts(sl_build *b, const long_dense *l, sl_error *err)
{
    void *weights;
    int src = -1, dst;
    SL_TRY(parts_of_weights(b, l, &weights, err));
    SL_TRY(parts_of_input(b, l, &src, err));
    SL_TRY(sl_make_dense(b, l->n->outputs[0], &dst, err));
    for (int64_t p = 0; p < l->parts; p++)
        SL_TRY(add_part(b, l, p, src, weights, dst, err));
    return SL_OK;
}

/* As few parts as are short enough; 0 where the numbers cannot be cut evenly into such. */
static int64_t parts_for(int64_t depth)
{
    int64_t parts = (depth + LONGEST - 1) / LONGEST;
    while (depth % parts && depth / parts > LEAST)
        parts++;
    return depth % parts ? 0 : parts;
}

sl_status sl_compile_long_dense(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if (n->op != SL_OP_DENSE || !sl_has_constant_weights(b, n) || sl_type_of(b, n) == dnnl_f32)
        return SL_OK;
    const sl_shape *w = &b->g->tensors[n->inputs[1]].shape;
    const int64_t parts = parts_for(w->dim[1]);
    if (parts < 2)
        return SL_OK;
    long_dense l = {.n = n, .type = sl_type_of(b, n), .rows = b->g->tensors[n->inputs[0]].shape.dim[0],
                    .depth = w->dim[1] / parts, .outputs = w->dim[0], .parts = parts};
    *done = describe_memory(b, &l, err);
    sl_status status = *done ? add_parts(b, &l, err) : SL_OK;
    free_long(&l);
    return status;
}
