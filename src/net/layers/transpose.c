/* Transpose: output axis i is input axis perm[i]. */
#include "net/layers/backward.h"

sl_status sl_transpose_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    unsigned seen = 0;
    c->out[0].type = c->in[0]->type;
    c->out[0].shape.rank = x->rank;
    for (int i = 0; i < x->rank; i++) {
        int p = c->node->attr.perm[i];
        if (p < 0 || p >= x->rank || seen >> p & 1)
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "its order of axes is no permutation of %d axes", x->rank);
        seen |= 1u << p;
        c->out[0].shape.dim[i] = x->dim[p];
    }
    return SL_OK;
}

bool sl_transpose_is_reshape(const sl_node *n, const sl_shape *x)
{
    int last = -1; /* the axes longer than 1 keep their order */
    for (int i = 0; i < x->rank; i++) {
        if (x->dim[n->attr.perm[i]] == 1)
            continue;
        if (n->attr.perm[i] < last)
            return false;
        last = n->attr.perm[i];
    }
    return true;
}

sl_status sl_transpose_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const sl_shape *x = &c->in[0]->shape;
    int64_t stride[SL_MAX_RANK] = {0};
    for (int64_t i = x->rank - 1, step = 1; i >= 0; i--) {
        stride[i] = step;
        step *= x->dim[i];
    }
    size_t size = sl_type_size(c->out[0].type);
    sl_walk w;
    sl_walk_start(&w, &c->out[0].shape);
    w.n = 1;
    for (int i = 0; i < x->rank; i++)
        w.stride[0][i] = stride[c->node->attr.perm[i]];
    for (int64_t i = 0, n = sl_shape_elements(x); i < n; i++, sl_walk_next(&w))
        sl_copy_element(c->out[0].data, i, c->in[0]->data, w.offset[0], size);
    return SL_OK;
}

void sl_transpose_gradient(sl_backward *b)
{
    sl_attr back = {0};
    for (int i = 0; i < sl_back_in_shape(b, 0).rank; i++)
        back.perm[b->node.attr.perm[i]] = i;
    sl_back_give(b, 0, sl_back_node(b, SL_OP_TRANSPOSE, &back, SL_BACK_INPUTS(sl_back_grad(b, 0))));
}
