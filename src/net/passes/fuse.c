/* Second step of specialisation: the working graph is walked once in running order; each node is
 * simplified with the nodes before it. This file edits; per_channel.c and patterns.c recognise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/passes/rewrite.h"

/* ---- editing ---- */

sl_node *sl_producer(const sl_rewrite *r, sl_tensor t, sl_op op, sl_fn fn)
{
    int p = t < 0 ? -1 : r->g->tensors[t].producer;
    if (p < 0 || r->g->nodes[p].op != op || (fn != SL_FN_NONE && r->g->nodes[p].attr.fn != fn))
        return NULL;
    return &r->g->nodes[p];
}

bool sl_private(const sl_rewrite *r, sl_tensor t)
{
    return r->uses[t] == 1 && !r->wanted[t];
}

static void take_out(sl_rewrite *r, sl_node *n);

/* One reader less; a producer that nobody reads goes too. */
static void release(sl_rewrite *r, sl_tensor t)
{
    if (t < 0 || --r->uses[t] > 0 || r->g->tensors[t].producer < 0)
        return;
    sl_node *n = &r->g->nodes[r->g->tensors[t].producer];
    for (int i = 0; i < n->n_outputs; i++)
        if (r->uses[n->outputs[i]] > 0)
            return;
    take_out(r, n);
}

static void take_out(sl_rewrite *r, sl_node *n)
{
    n->op = SL_OP_COUNT;
    for (int i = 0; i < n->n_inputs; i++)
        release(r, n->inputs[i]);
    n->n_inputs = 0;
}

void sl_become(sl_rewrite *r, int node, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs)
{
    sl_node *n = &r->g->nodes[node];
    sl_tensor old[SL_MAX_NODE_INPUTS];
    int n_old = n->n_inputs;
    memcpy(old, n->inputs, (size_t)n_old * sizeof *old);
    for (int i = 0; i < n_inputs; i++)
        if (inputs[i] >= 0)
            r->uses[inputs[i]]++;
    n->op = op;
    n->attr = *attr;
    memcpy(n->inputs, inputs, (size_t)n_inputs * sizeof *inputs); /* room: see widen_nodes */
    n->n_inputs = n_inputs;
    for (int i = 0; i < n_old; i++)
        release(r, old[i]);
}

void sl_absorb(sl_rewrite *r, int first, int last)
{
    sl_node *a = &r->g->nodes[first], *b = &r->g->nodes[last];
    sl_tensor between = a->outputs[0];
    a->outputs[0] = b->outputs[0];
    r->g->tensors[a->outputs[0]].producer = first;
    r->g->tensors[between].producer = -1;
    take_out(r, b);
}

void sl_fresh_name(const sl_graph *a, const sl_graph *b, const char *like, char name[SL_FRESH_NAME])
{
    int count = b->n_tensors; /* grows with every tensor: the first try is nearly always free */
    do
        snprintf(name, SL_FRESH_NAME, "%.200s#%d", like, count++);
    while (sl_graph_find(a, name) >= 0 || sl_graph_find(b, name) >= 0);
}

sl_status sl_new_const(sl_rewrite *r, const char *like, const sl_shape *shape, float *data, sl_tensor *out,
                       sl_error *err)
{
    char name[SL_FRESH_NAME];
    sl_fresh_name(r->g, r->g, like, name);
    SL_TRY(sl_graph_add_const(r->g, name, SL_TYPE_F32, shape, data, true, out, err));
    if (*out >= r->cap)
        return sl_fail(err, SL_ERR_INTERNAL, "fusing made more constants than nodes");
    return SL_OK;
}

bool sl_per_channel(const sl_rewrite *r, sl_tensor t, const sl_shape *shape, double *values)
{
    if (t < 0 || shape->rank < 2)
        return false;
    const sl_tensor_info *c = sl_tensor_of(r, t);
    int64_t channels = shape->dim[1], n = sl_shape_elements(&c->shape);
    if (!c->data || c->type != SL_TYPE_F32 || c->shape.rank > shape->rank || (n != 1 && n != channels))
        return false;
    int axis = 1 - (shape->rank - c->shape.rank); /* where the channels would be in c */
    if (n != 1 && (axis < 0 || c->shape.dim[axis] != channels))
        return false;
    for (int64_t i = 0; values && i < channels; i++)
        values[i] = ((const float *)c->data)[n == 1 ? 0 : i];
    return true;
}

bool sl_scalar(const sl_rewrite *r, sl_tensor t, float *value)
{
    const sl_tensor_info *c = t < 0 ? NULL : sl_tensor_of(r, t);
    if (!c || !c->data || c->type != SL_TYPE_F32 || sl_shape_elements(&c->shape) != 1)
        return false;
    *value = *(const float *)c->data;
    return true;
}

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

/* Readers of this node's output read its input instead; an output that was asked for stays. */
static void bypass(sl_rewrite *r, sl_node *n)
{
    sl_tensor y = n->outputs[0], x = n->inputs[0];
    if (r->wanted[y])
        return;
    r->alias[y] = x;
    r->uses[x] += r->uses[y];
    r->uses[y] = 0;
    take_out(r, n);
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

static sl_status simplify(sl_rewrite *r, int node, sl_error *err)
{
    sl_node *n = &r->g->nodes[node];
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0 && r->alias[n->inputs[i]] >= 0)
            n->inputs[i] = r->alias[n->inputs[i]];
    if (changes_nothing(r, n)) {
        bypass(r, n);
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

/* A node may be given up to three inputs where it had fewer. */
static sl_status widen_nodes(sl_graph *g, sl_error *err)
{
    for (int i = 0; i < g->n_nodes; i++) {
        sl_node *n = &g->nodes[i];
        sl_tensor *wider = n->n_inputs < 3 ? sl_realloc_array(n->inputs, 3, sizeof *wider) : n->inputs;
        if (!wider)
            return sl_fail(err, SL_ERR_MEMORY, "no memory to specialise the network");
        n->inputs = wider;
    }
    return SL_OK;
}

sl_status sl_fuse_graph(sl_rewrite *r, sl_error *err)
{
    SL_TRY(widen_nodes(r->g, err));
    for (int i = 0; i < r->g->n_nodes; i++)
        if (r->g->nodes[i].op != SL_OP_COUNT)
            SL_TRY(simplify(r, i, err));
    return SL_OK;
}
