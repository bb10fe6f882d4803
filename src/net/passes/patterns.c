/* Recognises functions that a file spells out: PReLU, L2 normalisation, softmax. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/passes/rewrite.h"

/* ---- PReLU ----
 * Converters write PReLU(x) as Relu(x) + slope * (x - |x|) * 0.5, as Relu(x) - slope * Relu(-x), as
 * Max(x, slope * x) and so on. All these are straight on either side of 0: we follow the expression down to
 * x and compute its two slopes per channel. Where the right one is 1, it is a PReLU. */

enum { DEPTH = 8, MOST_LEAVES = 16, MOST_VISITS = 64 };

/* y = right * x for x >= 0, left * x for x < 0; or a constant. */
typedef struct {
    double right, left;
    bool is_constant; /* then `right` is its value */
} line;

typedef struct {
    const sl_rewrite *r;
    sl_tensor leaf;
    const sl_shape *shape;
    int64_t channel;
} expression;

static bool per_channel_value(const expression *e, sl_tensor t, double *out)
{
    const sl_tensor_info *c = sl_tensor_of(e->r, t);
    if (!c->data || !sl_per_channel(e->r, t, e->shape, NULL))
        return false;
    *out = ((const float *)c->data)[sl_shape_elements(&c->shape) == 1 ? 0 : e->channel];
    return true;
}

static bool unary_line(const sl_attr *attr, line *v)
{
    if (v->is_constant)
        return false;
    /* For x < 0 the value left * x is positive when left < 0. */
    switch (attr->fn) {
    case SL_FN_RELU: *v = (line){fmax(v->right, 0), fmin(v->left, 0), false}; return true;
    case SL_FN_ABS: *v = (line){fabs(v->right), -fabs(v->left), false}; return true;
    case SL_FN_NEG: *v = (line){-v->right, -v->left, false}; return true;
    case SL_FN_LEAKY_RELU:
        *v =
            (line){v->right < 0 ? v->right * attr->a : v->right, v->left > 0 ? v->left * attr->a : v->left, false};
        return true;
    default: return false;
    }
}

static bool binary_line(sl_fn fn, const line *a, const line *b, line *v)
{
    if (fn == SL_FN_MUL && (a->is_constant != b->is_constant)) {
        double k = a->is_constant ? a->right : b->right;
        const line *x = a->is_constant ? b : a;
        *v = (line){x->right * k, x->left * k, false};
        return true;
    }
    if (fn == SL_FN_DIV && b->is_constant && !a->is_constant) {
        *v = (line){a->right / b->right, a->left / b->right, false};
        return true;
    }
    /* What remains is for two lines; a constant 0 is one. */
    if ((a->is_constant && a->right != 0) || (b->is_constant && b->right != 0) ||
        (a->is_constant && b->is_constant))
        return false;
    const line p = a->is_constant ? (line){0} : *a, q = b->is_constant ? (line){0} : *b;
    switch (fn) {
    case SL_FN_ADD: *v = (line){p.right + q.right, p.left + q.left, false}; return true;
    case SL_FN_SUB: *v = (line){p.right - q.right, p.left - q.left, false}; return true;
    case SL_FN_MAX: *v = (line){fmax(p.right, q.right), fmin(p.left, q.left), false}; return true;
    case SL_FN_MIN: *v = (line){fmin(p.right, q.right), fmax(p.left, q.left), false}; return true;
    default: return false;
    }
}

static bool line_under(const expression *e, sl_tensor t, int depth, int *visits, line *v)
{
    if (t == e->leaf) {
        *v = (line){1, 1, false};
        return true;
    }
    if (t < 0 || depth > DEPTH || ++*visits > MOST_VISITS)
        return false;
    const sl_tensor_info *info = sl_tensor_of(e->r, t);
    if (info->data) {
        v->is_constant = true;
        return per_channel_value(e, t, &v->right);
    }
    if (info->producer < 0 || !sl_shape_equal(&info->shape, e->shape))
        return false;
    const sl_node *n = &e->r->g->nodes[info->producer];
    line a, b;
    if (n->op == SL_OP_UNARY)
        return line_under(e, n->inputs[0], depth + 1, visits, v) && unary_line(&n->attr, v);
    return n->op == SL_OP_BINARY && line_under(e, n->inputs[0], depth + 1, visits, &a) &&
           line_under(e, n->inputs[1], depth + 1, visits, &b) && binary_line(n->attr.fn, &a, &b, v);
}

/* Tensors that a bend (Relu, Abs, Max, Min) under t reads: one of them may be x. */
static void collect_leaves(const sl_rewrite *r, sl_tensor t, int depth, int *visits, sl_tensor *leaves,
                           int *n_leaves)
{
    int p = t < 0 ? -1 : sl_tensor_of(r, t)->producer;
    if (p < 0 || depth > DEPTH || ++*visits > MOST_VISITS)
        return;
    const sl_node *n = &r->g->nodes[p];
    if (n->op != SL_OP_UNARY && n->op != SL_OP_BINARY)
        return;
    sl_fn fn = n->attr.fn;
    bool bend =
        fn == SL_FN_RELU || fn == SL_FN_ABS || fn == SL_FN_LEAKY_RELU || fn == SL_FN_MAX || fn == SL_FN_MIN;
    for (int i = 0; i < n->n_inputs; i++) {
        bool seen = n->inputs[i] < 0 || sl_tensor_of(r, n->inputs[i])->data;
        for (int k = 0; k < *n_leaves; k++)
            seen |= leaves[k] == n->inputs[i];
        if (bend && !seen && *n_leaves < MOST_LEAVES)
            leaves[(*n_leaves)++] = n->inputs[i];
        collect_leaves(r, n->inputs[i], depth + 1, visits, leaves, n_leaves);
    }
}

/* The left slope per channel when t is a PReLU of `leaf`. */
static bool left_slopes(const sl_rewrite *r, sl_tensor t, sl_tensor leaf, float *slope)
{
    expression e = {r, leaf, &sl_tensor_of(r, t)->shape, 0};
    if (!sl_shape_equal(&sl_tensor_of(r, leaf)->shape, e.shape))
        return false;
    for (; e.channel < e.shape->dim[1]; e.channel++) {
        line v;
        int visits = 0;
        if (!line_under(&e, t, 0, &visits, &v) || v.is_constant || v.right != 1 || !isfinite(v.left))
            return false;
        slope[e.channel] = (float)v.left;
    }
    return true;
}

static sl_status become_prelu(sl_rewrite *r, int node, sl_tensor x, float *slope, int64_t channels, sl_error *err)
{
    bool same = true;
    for (int64_t c = 1; c < channels; c++)
        same &= slope[c] == slope[0];
    sl_attr attr = {.fn = slope[0] == 0 ? SL_FN_RELU : SL_FN_LEAKY_RELU, .a = slope[0]};
    sl_tensor inputs[2] = {x};
    if (same) {
        free(slope);
        sl_become(r, node, SL_OP_UNARY, &attr, inputs, 1);
        return SL_OK;
    }
    const sl_shape shape = {1, {channels}};
    SL_TRY(sl_new_const(r, r->g->nodes[node].name, &shape, slope, &inputs[1], err));
    attr = (sl_attr){0};
    sl_become(r, node, SL_OP_PRELU, &attr, inputs, 2);
    return SL_OK;
}

/* PReLU with one slope for all channels is a leaky relu, which convolutions take in. */
static bool single_slope(sl_rewrite *r, int node)
{
    const sl_node *n = &r->g->nodes[node];
    sl_attr attr = {.fn = SL_FN_LEAKY_RELU};
    if (n->op != SL_OP_PRELU || !sl_scalar(r, n->inputs[1], &attr.a))
        return false;
    const sl_tensor x = n->inputs[0];
    if (!sl_shape_equal(&sl_tensor_of(r, x)->shape, &sl_tensor_of(r, n->outputs[0])->shape))
        return false;
    sl_become(r, node, SL_OP_UNARY, &attr, &x, 1);
    return true;
}

sl_status sl_fuse_prelu(sl_rewrite *r, int node, sl_error *err)
{
    if (single_slope(r, node))
        return SL_OK;
    const sl_node *n = &r->g->nodes[node];
    if (n->op != SL_OP_BINARY || sl_tensor_of(r, n->outputs[0])->shape.rank < 2)
        return SL_OK;
    sl_tensor leaves[MOST_LEAVES], y = n->outputs[0];
    int n_leaves = 0, visits = 0;
    collect_leaves(r, y, 0, &visits, leaves, &n_leaves);
    int64_t channels = sl_tensor_of(r, y)->shape.dim[1];
    float *slope = n_leaves ? sl_realloc_array(NULL, (size_t)channels, sizeof *slope) : NULL;
    if (n_leaves && !slope)
        return sl_rewrite_no_memory(err);
    for (int i = 0; i < n_leaves; i++)
        if (leaves[i] != y && left_slopes(r, y, leaves[i], slope))
            return become_prelu(r, node, leaves[i], slope, channels, err);
    free(slope);
    return SL_OK;
}

/* ---- along one axis ---- */

/* The single axis a Reduce runs over, its axis kept, or -1. */
static int kept_axis(const sl_rewrite *r, const sl_node *n)
{
    const sl_tensor_info *x = sl_tensor_of(r, n->inputs[0]), *y = sl_tensor_of(r, n->outputs[0]);
    sl_value axes = {0}, input = {x->type, x->shape, NULL};
    const sl_value *in[2] = {&input, NULL};
    if (n->n_inputs > 1 && n->inputs[1] >= 0) {
        const sl_tensor_info *a = sl_tensor_of(r, n->inputs[1]);
        axes = (sl_value){a->type, a->shape, (void *)a->data};
        in[1] = &axes;
    }
    const sl_call call = {n, in, NULL};
    unsigned mask;
    if (y->shape.rank != x->shape.rank || sl_reduce_mask(&call, x->shape.rank, &mask, NULL) != SL_OK)
        return -1;
    for (int axis = 0; axis < x->shape.rank; axis++)
        if (mask == 1u << axis)
            return axis;
    return -1;
}

/* Softmax: e / Sum(e) with e = Exp(x - Max(x)), both over one axis. */
void sl_fuse_softmax(sl_rewrite *r, int node)
{
    sl_node *n = &r->g->nodes[node];
    if (n->op != SL_OP_BINARY || n->attr.fn != SL_FN_DIV)
        return;
    const sl_node *e = sl_producer(r, n->inputs[0], SL_OP_UNARY, SL_FN_EXP);
    const sl_node *sum = sl_producer(r, n->inputs[1], SL_OP_REDUCE, SL_FN_SUM);
    const sl_node *shifted = e ? sl_producer(r, e->inputs[0], SL_OP_BINARY, SL_FN_SUB) : NULL;
    const sl_node *most = shifted ? sl_producer(r, shifted->inputs[1], SL_OP_REDUCE, SL_FN_MAX) : NULL;
    if (!sum || !most || sum->inputs[0] != n->inputs[0] || most->inputs[0] != shifted->inputs[0])
        return;
    int axis = kept_axis(r, sum);
    if (axis < 0 || kept_axis(r, most) != axis)
        return;
    const sl_attr attr = {.axis = axis};
    const sl_tensor x = most->inputs[0];
    sl_become(r, node, SL_OP_SOFTMAX, &attr, &x, 1);
}

/* Transpose, Softmax, the transposition back: Softmax along the axis where it was. */
void sl_fuse_transposed_softmax(sl_rewrite *r, int node)
{
    sl_node *back = &r->g->nodes[node];
    if (back->op != SL_OP_TRANSPOSE)
        return;
    const sl_node *softmax = sl_producer(r, back->inputs[0], SL_OP_SOFTMAX, SL_FN_NONE);
    const sl_node *there = softmax ? sl_producer(r, softmax->inputs[0], SL_OP_TRANSPOSE, SL_FN_NONE) : NULL;
    if (!there)
        return;
    int rank = sl_tensor_of(r, back->outputs[0])->shape.rank;
    for (int i = 0; i < rank; i++)
        if (there->attr.perm[back->attr.perm[i]] != i)
            return;
    int axis = softmax->attr.axis < 0 ? softmax->attr.axis + rank : softmax->attr.axis;
    const sl_attr attr = {.axis = there->attr.perm[axis]};
    const sl_tensor x = there->inputs[0];
    sl_become(r, node, SL_OP_SOFTMAX, &attr, &x, 1);
}

/* Max(v, floor) or Clip(v, floor, ...): *floor and v; else 0 and t itself. */
static sl_tensor strip_floor(const sl_rewrite *r, sl_tensor t, float *floor)
{
    *floor = 0;
    const sl_node *clip = sl_producer(r, t, SL_OP_UNARY, SL_FN_CLIP);
    if (clip && clip->attr.b >= 3e38f) { /* no upper bound, or the largest float in its place */
        *floor = clip->attr.a;
        return clip->inputs[0];
    }
    const sl_node *max = sl_producer(r, t, SL_OP_BINARY, SL_FN_MAX);
    if (max && sl_scalar(r, max->inputs[1], floor))
        return max->inputs[0];
    if (max && sl_scalar(r, max->inputs[0], floor))
        return max->inputs[1];
    return t;
}

/* True when t is the sum of x's squares over one axis. */
static bool is_sum_of_squares(const sl_rewrite *r, sl_tensor t, sl_tensor x, int *axis)
{
    const sl_node *sum = sl_producer(r, t, SL_OP_REDUCE, SL_FN_SUM_SQUARE);
    sl_tensor squared = sum ? sum->inputs[0] : -1;
    if (!sum) {
        sum = sl_producer(r, t, SL_OP_REDUCE, SL_FN_SUM);
        const sl_node *mul = sum ? sl_producer(r, sum->inputs[0], SL_OP_BINARY, SL_FN_MUL) : NULL;
        const sl_node *pow = sum ? sl_producer(r, sum->inputs[0], SL_OP_BINARY, SL_FN_POW) : NULL;
        float exponent;
        if (mul && mul->inputs[0] == mul->inputs[1])
            squared = mul->inputs[0];
        else if (pow && sl_scalar(r, pow->inputs[1], &exponent) && exponent == 2)
            squared = pow->inputs[0];
    }
    if (!sum || squared != x)
        return false;
    *axis = kept_axis(r, sum);
    return *axis >= 0;
}

/* True when t is max(sqrt(sum x^2), floor) in one of its spellings. */
static bool is_norm(const sl_rewrite *r, sl_tensor t, sl_tensor x, int *axis, float *floor)
{
    float under_root;
    const sl_node *expand = sl_producer(r, t, SL_OP_EXPAND, SL_FN_NONE);
    sl_tensor v = strip_floor(r, expand ? expand->inputs[0] : t, floor);
    const sl_node *l2 = sl_producer(r, v, SL_OP_REDUCE, SL_FN_L2);
    if (l2 && l2->inputs[0] == x)
        return (*axis = kept_axis(r, l2)) >= 0;
    const sl_node *root = sl_producer(r, v, SL_OP_UNARY, SL_FN_SQRT);
    if (!root)
        return false;
    v = strip_floor(r, root->inputs[0], &under_root);
    if (under_root > 0)
        *floor = fmaxf(*floor, sqrtf(under_root));
    return is_sum_of_squares(r, v, x, axis);
}

/* x / norm, or x * (1 / norm). */
void sl_fuse_l2norm(sl_rewrite *r, int node)
{
    sl_node *n = &r->g->nodes[node];
    if (n->op != SL_OP_BINARY || (n->attr.fn != SL_FN_DIV && n->attr.fn != SL_FN_MUL))
        return;
    for (int i = 0; i < (n->attr.fn == SL_FN_MUL ? 2 : 1); i++) {
        sl_tensor x = n->inputs[i], norm = n->inputs[1 - i];
        if (n->attr.fn == SL_FN_MUL) {
            const sl_node *inverse = sl_producer(r, norm, SL_OP_UNARY, SL_FN_RECIPROCAL);
            norm = inverse ? inverse->inputs[0] : -1;
        }
        int axis;
        float floor;
        if (norm >= 0 && is_norm(r, norm, x, &axis, &floor) && floor >= 0) {
            const sl_attr attr = {.axis = axis, .a = floor};
            sl_become(r, node, SL_OP_L2NORM, &attr, &x, 1);
            return;
        }
    }
}
