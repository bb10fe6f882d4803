/* Batch normalisation in training, forward and backward, on oneDNN, in the layout that its input has. Where the batch's
 * statistics are only watched, oneDNN works them out and its y is thrown away; ours is made as in inference
 * (plan_elements.c). */
#include "net/plan/plan_build.h"

/* Where x is already, so that nothing is reordered. */
static bool layout_of_input(const sl_build *b, sl_tensor x, sl_md *md)
{
    const sl_place *place = &b->places[x];
    return place->other >= 0 ? sl_md_copy(&place->md, md) : sl_md_dense(&b->g->tensors[x].shape, md);
}

static bool made_of(sl_build *b, const sl_norm *norm, bool back, dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_attr_t attr = sl_new_attr(NULL);
    dnnl_status_t made = back ? sl_pd_norm_back(pd, b->engine, norm, attr) : sl_pd_norm(pd, b->engine, norm, attr);
    dnnl_primitive_attr_destroy(attr);
    return made == dnnl_success;
}

/* ---- the arguments: tensors in the layout of x, and lists [C] ---- */

typedef struct {
    int arg;
    sl_tensor t; /* -1: written, and read by nobody */
    bool written, is_list;
} argument;

static sl_status add_arguments(sl_build *b, const argument *list, int count, const sl_md *data, const sl_md *channels,
                               sl_arguments *a, sl_error *err)
{
    for (int i = 0; i < count; i++) {
        const argument *x = &list[i];
        int buffer;
        if (x->t < 0) {
            buffer = sl_new_buffer(b, sl_md_bytes(data));
            if (buffer < 0)
                return sl_build_no_memory(err);
        } else if (x->is_list) {
            SL_TRY(x->written ? sl_make_dense(b, x->t, &buffer, err) : sl_want_dense(b, x->t, &buffer, err));
        } else {
            SL_TRY(x->written ? sl_make_md(b, x->t, data, &buffer, err) : sl_want_md(b, x->t, data, &buffer, err));
        }
        sl_add_arg(a, x->arg, x->is_list ? channels : data, buffer);
    }
    return SL_OK;
}

static sl_status add_norm(sl_build *b, const sl_node *n, const sl_md *data, const sl_md *channels,
                          dnnl_primitive_desc_t pd, sl_error *err)
{
    const sl_tensor *in = n->inputs, *out = n->outputs;
    sl_tensor y = n->attr.stats == SL_STATS_WATCHED ? -1 : out[0];
    const argument forward[] = {{DNNL_ARG_SRC, in[0], false, false}, {DNNL_ARG_SCALE, in[1], false, true},
                                {DNNL_ARG_SHIFT, in[2], false, true}, {DNNL_ARG_DST, y, true, false},
                                {DNNL_ARG_MEAN, out[1], true, true},  {DNNL_ARG_VARIANCE, out[2], true, true}};
    const argument back[] = {{DNNL_ARG_SRC, in[0], false, false},      {DNNL_ARG_SCALE, in[1], false, true},
                             {DNNL_ARG_MEAN, in[2], false, true},      {DNNL_ARG_VARIANCE, in[3], false, true},
                             {DNNL_ARG_DIFF_DST, in[4], false, false}, {DNNL_ARG_DIFF_SRC, out[0], true, false},
                             {DNNL_ARG_DIFF_SCALE, out[1], true, true}, {DNNL_ARG_DIFF_SHIFT, out[2], true, true},
                             {DNNL_ARG_SHIFT, in[1], false, true}};
    bool is_back = n->op == SL_OP_BATCHNORM_BACK;
    sl_arguments a = {0};
    sl_status status =
        add_arguments(b, is_back ? back : forward, is_back ? 8 + SL_NORM_BACK_TAKES_SHIFT : 6, data, channels, &a, err);
    if (status == SL_OK)
        return sl_add_primitive(b, pd, &a, err);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

sl_status sl_compile_batchnorm(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    bool back = n->op == SL_OP_BATCHNORM_BACK;
    if (!back && !(n->op == SL_OP_BATCHNORM && n->attr.stats != SL_STATS_FIXED))
        return SL_OK;
    sl_md data, channels;
    dnnl_primitive_desc_t pd = NULL;
    if (!layout_of_input(b, n->inputs[0], &data))
        return sl_build_no_memory(err);
    sl_status status = SL_OK;
    const sl_norm norm = {&data, n->attr.a, n->attr.stats == SL_STATS_FIXED};
    if (made_of(b, &norm, back, &pd)) {
        *done = n->attr.stats != SL_STATS_WATCHED; /* its y is still to be made */
        if (sl_md_dense(&b->g->tensors[n->inputs[1]].shape, &channels)) {
            status = add_norm(b, n, &data, &channels, pd, err);
            sl_md_free(&channels);
        } else {
            dnnl_primitive_desc_destroy(pd);
            status = sl_build_no_memory(err);
        }
    }
    sl_md_free(&data);
    if (pd || n->attr.stats != SL_STATS_WATCHED)
        return status;
    *done = true;
    return sl_compile_reference(b, n, err);
}
