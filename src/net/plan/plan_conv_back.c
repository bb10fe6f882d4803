/* Convolutions backwards on oneDNN. What they read and write is in the layout that oneDNN likes best, which is nearly
 * always the one that the forward convolution left. */
#include "net/plan/plan_build.h"

typedef struct {
    const sl_node *n;
    dnnl_data_type_t type; /* of what is multiplied; the result is f32 */
    sl_window window;
    sl_shape x, y, weights; /* weights: [O,I,kh,kw], [G,O/G,I/G,kh,kw] */
    sl_md any_x, any_y, any_weights, forward; /* forward: x or weights in the type of what is multiplied */
    sl_md of_x, of_y, of_weights; /* as the primitive wants them */
} conv_back;

static bool describe(conv_back *c)
{
    const bool data = c->n->op == SL_OP_CONV_BACK_DATA;
    const dnnl_format_tag_t any = dnnl_format_tag_any;
    return sl_md_tag_as(data ? &c->x : &c->weights, any, c->type, &c->forward) &&
           sl_md_tag_as(&c->x, any, data ? dnnl_f32 : c->type, &c->any_x) &&
           sl_md_tag_as(&c->y, any, c->type, &c->any_y) &&
           sl_md_tag_as(&c->weights, any, data ? c->type : dnnl_f32, &c->any_weights);
}

static void free_back(conv_back *c)
{
    sl_md *all[] = {&c->any_x, &c->any_y, &c->any_weights, &c->forward, &c->of_x, &c->of_y, &c->of_weights};
    for (int i = 0; i < 7; i++) {
        sl_md_free(all[i]);
        *all[i] = (sl_md){0};
    }
}

/* There is a kernel, and none of those loops that are slower than f32's quick ones. */
static bool is_made(const conv_back *c, dnnl_status_t status, dnnl_primitive_desc_t *pd)
{
    if (status != dnnl_success)
        return false;
    if (c->type == dnnl_f32 || !sl_is_reference(*pd))
        return true;
    dnnl_primitive_desc_destroy(*pd);
    return false;
}

/* Takes pd in any case. */
static sl_status add(sl_build *b, sl_status status, dnnl_primitive_desc_t pd, sl_arguments *a, sl_error *err)
{
    if (status == SL_OK)
        return sl_add_primitive(b, pd, a, err);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

/* ---- by the input ---- */

static sl_status data_arguments(sl_build *b, conv_back *c, const_dnnl_primitive_desc_t pd, sl_arguments *a,
                                sl_error *err)
{
    int gy, weights, gx;
    if (!sl_pd_md(pd, dnnl_query_diff_src_md, &c->of_x) || !sl_pd_md(pd, dnnl_query_diff_dst_md, &c->of_y) ||
        !sl_pd_md(pd, dnnl_query_weights_md, &c->of_weights))
        return sl_build_no_memory(err);
    SL_TRY(sl_want_md(b, c->n->inputs[0], &c->of_y, &gy, err));
    SL_TRY(sl_want_as(b, c->n->inputs[1], &c->weights, &c->of_weights, &weights, err));
    SL_TRY(sl_make_md(b, c->n->outputs[0], &c->of_x, &gx, err));
    sl_add_arg(a, DNNL_ARG_DIFF_DST, &c->of_y, gy);
    sl_add_arg(a, DNNL_ARG_WEIGHTS, &c->of_weights, weights);
    sl_add_arg(a, DNNL_ARG_DIFF_SRC, &c->of_x, gx);
    return SL_OK;
}

static sl_status compile_data(sl_build *b, conv_back *c, bool *done, sl_error *err)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = sl_new_attr(NULL);
    *done = is_made(c, sl_pd_conv_back_data(&pd, b->engine, &c->window, &c->forward, &c->any_x, &c->any_weights,
                                            &c->any_y, attr), &pd);
    dnnl_primitive_attr_destroy(attr);
    sl_arguments a = {0};
    return *done ? add(b, data_arguments(b, c, pd, &a, err), pd, &a, err) : SL_OK;
}

/* ---- by the weights ---- */

/* bias: NULL where its gradient is not asked for. *gw: where the weights' gradient is, in oneDNN's layout. */
static sl_status weights_arguments(sl_build *b, conv_back *c, const_dnnl_primitive_desc_t pd, const sl_md *bias,
                                   sl_arguments *a, int *gw, sl_error *err)
{
    int gy, x, gb;
    if (!sl_pd_md(pd, dnnl_query_src_md, &c->of_x) || !sl_pd_md(pd, dnnl_query_diff_dst_md, &c->of_y) ||
        !sl_pd_md(pd, dnnl_query_diff_weights_md, &c->of_weights))
        return sl_build_no_memory(err);
    SL_TRY(sl_want_md(b, c->n->inputs[0], &c->of_y, &gy, err));
    SL_TRY(sl_want_md(b, c->n->inputs[1], &c->of_x, &x, err));
    *gw = sl_new_buffer(b, sl_md_bytes(&c->of_weights));
    if (*gw < 0)
        return sl_build_no_memory(err);
    sl_add_arg(a, DNNL_ARG_DIFF_DST, &c->of_y, gy);
    sl_add_arg(a, DNNL_ARG_SRC, &c->of_x, x);
    sl_add_arg(a, DNNL_ARG_DIFF_WEIGHTS, &c->of_weights, *gw);
    if (!bias)
        return SL_OK;
    SL_TRY(sl_make_dense(b, c->n->outputs[1], &gb, err));
    sl_add_arg(a, DNNL_ARG_DIFF_BIAS, bias, gb);
    return SL_OK;
}

static sl_status compile_weights(sl_build *b, conv_back *c, bool *done, sl_error *err)
{
    sl_md of_bias = {0}, *bias = c->n->n_outputs > 1 ? &of_bias : NULL;
    if (bias && !sl_md_dense(&(sl_shape){1, {c->y.dim[1]}}, bias))
        return sl_build_no_memory(err);
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = sl_new_attr(NULL);
    *done = is_made(c, sl_pd_conv_back_weights(&pd, b->engine, &c->window, &c->any_x, &c->forward, &c->any_weights,
                                               bias, &c->any_y, attr), &pd);
    dnnl_primitive_attr_destroy(attr);
    sl_arguments a = {0};
    int gw = -1;
    sl_status status = *done ? add(b, weights_arguments(b, c, pd, bias, &a, &gw, err), pd, &a, err) : SL_OK;
    if (*done && status == SL_OK)
        status = sl_bind_as(b, c->n->outputs[0], &c->weights, &c->of_weights, gw, err);
    sl_md_free(&of_bias);
    return status;
}

static sl_status compile_as(sl_build *b, conv_back *c, dnnl_data_type_t type, bool *done, sl_error *err)
{
    c->type = type;
    sl_status status = !describe(c)                      ? sl_build_no_memory(err)
                       : c->n->op == SL_OP_CONV_BACK_DATA ? compile_data(b, c, done, err)
                                                          : compile_weights(b, c, done, err);
    free_back(c);
    return status;
}

/* On arm64 oneDNN 2.6 gets some of these gradients wrong (net/test_gradient_plan found it): the plain form runs
 * there. */
#if defined(__aarch64__)
enum { ONEDNN_IS_RIGHT = 0 };
#else
enum { ONEDNN_IS_RIGHT = 1 };
#endif

sl_status sl_compile_conv_back(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    bool data = n->op == SL_OP_CONV_BACK_DATA;
    if ((!data && n->op != SL_OP_CONV_BACK_WEIGHTS) || !ONEDNN_IS_RIGHT)
        return SL_OK;
    const sl_tensor_info *t = b->g->tensors;
    const sl_shape *w = &t[data ? n->inputs[1] : n->outputs[0]].shape;
    const int64_t kernel[2] = {w->dim[2], w->dim[3]}, groups = n->attr.groups ? n->attr.groups : 1;
    const sl_shape *x = &t[data ? n->outputs[0] : n->inputs[1]].shape;
    conv_back c = {.n = n, .x = *x, .y = t[n->inputs[0]].shape, .weights = *w};
    if (groups > 1)
        c.weights = (sl_shape){5, {groups, w->dim[0] / groups, w->dim[1], w->dim[2], w->dim[3]}};
    SL_TRY(sl_window_of(&(sl_call){n, NULL, NULL}, &c.x, kernel, &c.window, err));
    if (sl_type_of(b, n) != dnnl_f32)
        SL_TRY(compile_as(b, &c, sl_type_of(b, n), done, err));
    return *done ? SL_OK : compile_as(b, &c, dnnl_f32, done, err);
}
