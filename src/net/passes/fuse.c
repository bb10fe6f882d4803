/* Second step of specialisation: the working graph is walked once in running order, and each node is simplified with
 * the nodes before it. Nodes that change nothing go here; per_channel.c and patterns.c recognise the rest. */
#include "net/passes/rewrite.h"

/* ---- nodes that change nothing ---- */

/* x - 0, x + 0, x * 1, x / 1: exactly x. */
static bool arithmetic_of_nothing(const sl_rewrite *r, const sl_node *n)
{
    float v;
    if (sl_scalar(r, n->inputs[1], &v))
        return (v == 0 && (n->attr.fn == SL_FN_ADD || n->attr.fn == SL_FN_SUB)) ||
               (v == 1 && (n->attr.fn == SL_FN_MUL || n->attr.fn == SL_FN_DIV));
    return false;
}

/* The output is its first input, with the same shape and order. */
static bool changes_nothing(const sl_rewrite *r, const sl_node *n)
{
    if (n->n_outputs != 1 || n->n_inputs < 1 || n->inputs[0] < 0)
        return false;
    const sl_shape *x = &sl_tensor_of(r, n->inputs[0])->shape, *y = &sl_tensor_of(r, n->outputs[0])->shape;
    if (!sl_shape_equal(x, y))
        return false;
    switch (n->op) {
    case SL_OP_UNARY: return n->attr.fn == SL_FN_IDENTITY;
    case SL_OP_BINARY: return arithmetic_of_nothing(r, n);
    case SL_OP_TRANSPOSE: return sl_transpose_is_reshape(n, x);
    case SL_OP_CONCAT: return n->n_inputs == 1;
    case SL_OP_SLICE: { /* all elements: only a reversed axis could differ */
        const sl_tensor_info *steps = n->n_inputs > 4 && n->inputs[4] >= 0 ? sl_tensor_of(r, n->inputs[4]) : NULL;
        for (int64_t i = 0; steps && i < sl_shape_elements(&steps->shape); i++)
            if (((const int64_t *)steps->data)[i] < 0)
                return false;
        return true;
    }
    case SL_OP_PAD: { /* pads that crop and pad could cancel out in the shape */
        const sl_tensor_info *pads = sl_tensor_of(r, n->inputs[1]);
        for (int64_t i = 0; i < sl_shape_elements(&pads->shape); i++)
            if (((const int64_t *)pads->data)[i] != 0)
                return false;
        return true;
    }
    case SL_OP_RESHAPE:
    case SL_OP_FLATTEN:
    case SL_OP_SQUEEZE:
    case SL_OP_UNSQUEEZE:
    case SL_OP_CAST:
    case SL_OP_EXPAND:
    case SL_OP_SPLIT: return true;
    default: return false;
    }
}

/* Relu(Concat(a, b)) = Concat(Relu(a), Relu(b)), where it can join what computes a and b. */
static void push_into_concat(sl_rewrite *r, int node)
{
    sl_node *n = &r->g->nodes[node];
    if (n->op != SL_OP_UNARY)
        return;
    sl_node *concat = sl_producer(r, n->inputs[0], SL_OP_CONCAT, SL_FN_NONE);
    if (!concat || !sl_private(r, n->inputs[0]))
        return;
    for (int i = 0; i < concat->n_inputs; i++)
        if (!sl_producer(r, concat->inputs[i], SL_OP_CONV, SL_FN_NONE) || !sl_private(r, concat->inputs[i]))
            return;
    int at = (int)(concat - r->g->nodes);
    if (r->pushed[at] >= 0)
        return;
    r->pushed[at] = node;
    sl_absorb(r, at, node);
}

static sl_status simplify_node(sl_rewrite *r, int node, sl_error *err)
{
    sl_node *n = &r->g->nodes[node];
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0 && r->alias[n->inputs[i]] >= 0)
            n->inputs[i] = r->alias[n->inputs[i]];
    if (changes_nothing(r, n)) {
        sl_bypass(r, n);
        return SL_OK;
    }
    SL_TRY(sl_fuse_pad(r, node, err));
    SL_TRY(sl_fuse_scaled_input(r, node, err));
    SL_TRY(sl_fuse_matmul(r, node, err));
    SL_TRY(sl_fuse_prelu(r, node, err));
    sl_fuse_softmax(r, node);
    sl_fuse_transposed_softmax(r, node);
    sl_fuse_l2norm(r, node);
    SL_TRY(sl_fuse_affine(r, node, err));
    push_into_concat(r, node);
    return SL_OK;
}

sl_status sl_fuse_graph(sl_rewrite *r, sl_error *err)
{
    for (int i = 0; i < r->g->n_nodes; i++)
        if (r->g->nodes[i].op != SL_OP_COUNT)
            SL_TRY(simplify_node(r, i, err));
    return SL_OK;
}
