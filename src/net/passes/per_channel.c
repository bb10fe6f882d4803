/* Recognises what a convolution or dense layer can take in: batch norm and per-channel arithmetic behind
 * it, zero padding before it; and a matrix product that is a dense layer. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/passes/rewrite.h"

/* y = x * scale + shift per channel, for a BatchNorm or a Binary with one constant. False when it is neither.
 * *x: which input is x. scale, shift: [channels]. */
static bool affine_of(const sl_rewrite *r, const sl_node *n, int *x, double *scale, double *shift)
{
    const sl_shape *shape = &sl_tensor_of(r, n->outputs[0])->shape;
    int64_t channels = shape->dim[1];
    *x = 0;
    if (n->op == SL_OP_BATCHNORM) {
        sl_value values[5];
        const sl_value *in[5];
        for (int i = 0; i < 5; i++) {
            const sl_tensor_info *t = sl_tensor_of(r, n->inputs[i]);
            if (i > 0 && !t->data)
                return false;
            values[i] = (sl_value){t->type, t->shape, (void *)t->data};
            in[i] = &values[i];
        }
        const sl_call call = {n, in, NULL};
        for (int64_t c = 0; c < channels; c++)
            sl_batchnorm_affine(&call, c, &scale[c], &shift[c]);
        return true;
    }
    sl_fn fn = n->attr.fn;
    if (!sl_per_channel(r, n->inputs[1], shape, scale)) {
        *x = 1;
        if (fn == SL_FN_DIV || !sl_per_channel(r, n->inputs[0], shape, scale))
            return false;
    }
    for (int64_t c = 0; c < channels; c++) {
        double k = scale[c];
        bool factor = fn == SL_FN_MUL || fn == SL_FN_DIV;
        shift[c] = factor ? 0 : fn == SL_FN_SUB && *x == 0 ? -k : k;
        scale[c] = fn == SL_FN_MUL ? k : fn == SL_FN_DIV ? 1 / k : fn == SL_FN_SUB && *x == 1 ? -1 : 1;
    }
    return true;
}

/* The convolution or dense layer that computes t, if its weights are constants and nobody else sees t. */
static sl_node *linear_layer(const sl_rewrite *r, sl_tensor t)
{
    sl_node *l = sl_producer(r, t, SL_OP_CONV, SL_FN_NONE);
    if (!l)
        l = sl_producer(r, t, SL_OP_DENSE, SL_FN_NONE);
    if (!l || !sl_private(r, t) || !sl_tensor_of(r, l->inputs[1])->data)
        return NULL;
    if (l->n_inputs > 2 && l->inputs[2] >= 0 && !sl_tensor_of(r, l->inputs[2])->data)
        return NULL;
    return l;
}

/* New weights [O, ...] and bias [O] of `layer` with scale and shift applied. */
static sl_status scale_layer(sl_rewrite *r, int layer, const double *scale, const double *shift, sl_error *err)
{
    sl_node *l = &r->g->nodes[layer];
    const sl_tensor_info weights = *sl_tensor_of(r, l->inputs[1]);
    const float *w = weights.data, *b = NULL;
    int64_t outputs = weights.shape.dim[0], each = sl_shape_span(&weights.shape, 1, weights.shape.rank);
    if (l->n_inputs > 2 && l->inputs[2] >= 0)
        b = sl_tensor_of(r, l->inputs[2])->data;
    float *new_w = malloc((size_t)(outputs * each) * sizeof *new_w),
          *new_b = malloc((size_t)outputs * sizeof *new_b);
    if (!new_w || !new_b) {
        free(new_w);
        free(new_b);
        return sl_rewrite_no_memory(err);
    }
    for (int64_t o = 0; o < outputs; o++) {
        for (int64_t i = 0; i < each; i++)
            new_w[o * each + i] = (float)(w[o * each + i] * scale[o]);
        new_b[o] = (float)((b ? b[o] : 0.0) * scale[o] + shift[o]);
    }
    sl_tensor inputs[3] = {l->inputs[0], -1, -1};
    sl_status status = sl_new_const(r, weights.name, &weights.shape, new_w, &inputs[1], err);
    if (status != SL_OK) {
        free(new_b);
        return status;
    }
    const sl_shape bias_shape = {1, {outputs}};
    SL_TRY(sl_new_const(r, l->name, &bias_shape, new_b, &inputs[2], err));
    const sl_attr attr = l->attr;
    sl_become(r, layer, l->op, &attr, inputs, 3);
    return SL_OK;
}

static bool arithmetic(sl_fn fn)
{
    return fn == SL_FN_ADD || fn == SL_FN_SUB || fn == SL_FN_MUL || fn == SL_FN_DIV;
}

sl_status sl_fuse_affine(sl_rewrite *r, int node, sl_error *err)
{
    const sl_node *n = &r->g->nodes[node];
    if (n->attr.stats != SL_STATS_FIXED)
        return SL_OK;
    if (n->op != SL_OP_BATCHNORM && !(n->op == SL_OP_BINARY && arithmetic(n->attr.fn)))
        return SL_OK;
    const sl_shape *shape = &sl_tensor_of(r, n->outputs[0])->shape;
    if (shape->rank != 2 && shape->rank != 4)
        return SL_OK;
    if (!linear_layer(r, n->inputs[0]) && !(n->op == SL_OP_BINARY && linear_layer(r, n->inputs[1])))
        return SL_OK;
    double *scale = sl_realloc_array(NULL, (size_t)shape->dim[1] * 2, sizeof *scale);
    if (!scale)
        return sl_rewrite_no_memory(err);
    double *shift = scale + shape->dim[1];
    int x;
    sl_status status = SL_OK;
    if (affine_of(r, n, &x, scale, shift)) {
        const sl_node *l = linear_layer(r, n->inputs[x]);
        if (l && sl_shape_equal(&sl_tensor_of(r, n->inputs[x])->shape, shape)) {
            int layer = (int)(l - r->g->nodes);
            status = scale_layer(r, layer, scale, shift, err);
            if (status == SL_OK)
                sl_absorb(r, layer, node);
        }
    }
    free(scale);
    return status;
}

sl_status sl_fuse_pad(sl_rewrite *r, int node, sl_error *err)
{
    enum { MOST = 1 << 20 };
    sl_node *n = &r->g->nodes[node];
    (void)err;
    if (n->op != SL_OP_CONV)
        return SL_OK;
    const sl_node *pad = sl_producer(r, n->inputs[0], SL_OP_PAD, SL_FN_CONSTANT);
    if (!pad || pad->attr.a != 0)
        return SL_OK;
    const int64_t *p = sl_tensor_of(r, pad->inputs[1])->data; /* [8]: before, then after, N C H W */
    sl_attr attr = n->attr;
    for (int i = 0; i < 8; i++)
        if (i % 4 < 2 ? p[i] != 0 : p[i] < 0 || p[i] > MOST)
            return SL_OK;
    const int64_t more[4] = {p[2], p[3], p[6], p[7]};
    for (int i = 0; i < 4; i++) {
        if (attr.pad[i] > MOST)
            return SL_OK;
        attr.pad[i] += (int)more[i];
    }
    const sl_tensor inputs[3] = {pad->inputs[0], n->inputs[1], n->n_inputs > 2 ? n->inputs[2] : -1};
    sl_become(r, node, SL_OP_CONV, &attr, inputs, 3);
    return SL_OK;
}

/* Conv(x * s), s per input channel: the weights take the factor, and zero padding stays zero. */
sl_status sl_fuse_scaled_input(sl_rewrite *r, int node, sl_error *err)
{
    sl_node *n = &r->g->nodes[node];
    if (n->op != SL_OP_CONV || !sl_tensor_of(r, n->inputs[1])->data || !sl_private(r, n->inputs[0]))
        return SL_OK;
    const sl_node *mul = sl_producer(r, n->inputs[0], SL_OP_BINARY, SL_FN_MUL);
    const sl_shape *shape = &sl_tensor_of(r, n->inputs[0])->shape;
    int x = mul && sl_per_channel(r, mul->inputs[0], shape, NULL) ? 1 : 0;
    if (!mul || !sl_per_channel(r, mul->inputs[1 - x], shape, NULL) ||
        !sl_shape_equal(&sl_tensor_of(r, mul->inputs[x])->shape, shape))
        return SL_OK;
    const sl_tensor_info weights = *sl_tensor_of(r, n->inputs[1]);
    int64_t outputs = weights.shape.dim[0], depth = weights.shape.dim[1],
            kernel = sl_shape_span(&weights.shape, 2, 4);
    double *scale = sl_realloc_array(NULL, (size_t)shape->dim[1], sizeof *scale);
    float *w = sl_realloc_array(NULL, (size_t)(outputs * depth * kernel), sizeof *w);
    if (!scale || !w) {
        free(scale);
        free(w);
        return sl_rewrite_no_memory(err);
    }
    sl_per_channel(r, mul->inputs[1 - x], shape, scale);
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t i = 0; i < depth * kernel; i++) {
            int64_t group = o / (outputs / n->attr.groups), at = o * depth * kernel + i;
            w[at] = (float)(((const float *)weights.data)[at] * scale[group * depth + i / kernel]);
        }
    free(scale);
    sl_tensor inputs[3] = {mul->inputs[x], -1, n->n_inputs > 2 ? n->inputs[2] : -1};
    SL_TRY(sl_new_const(r, weights.name, &weights.shape, w, &inputs[1], err));
    const sl_attr attr = n->attr;
    sl_become(r, node, SL_OP_CONV, &attr, inputs, 3);
    return SL_OK;
}

sl_status sl_fuse_matmul(sl_rewrite *r, int node, sl_error *err)
{
    sl_node *n = &r->g->nodes[node];
    if (n->op != SL_OP_MATMUL)
        return SL_OK;
    const sl_tensor_info *x = sl_tensor_of(r, n->inputs[0]), *b = sl_tensor_of(r, n->inputs[1]);
    const bool *transposed = n->attr.transposed;
    if (x->shape.rank != 2 || b->shape.rank != 2 || !b->data || transposed[0] || transposed[1])
        return SL_OK;
    const float *from = b->data;
    int64_t depth = b->shape.dim[0], outputs = b->shape.dim[1];
    float *w = malloc((size_t)(depth * outputs) * sizeof *w);
    if (!w)
        return sl_rewrite_no_memory(err);
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t k = 0; k < depth; k++)
            w[o * depth + k] = from[k * outputs + o];
    const sl_shape shape = {2, {outputs, depth}};
    sl_tensor inputs[2] = {n->inputs[0]};
    SL_TRY(sl_new_const(r, n->name, &shape, w, &inputs[1], err));
    const sl_attr attr = n->attr;
    sl_become(r, node, SL_OP_DENSE, &attr, inputs, 2);
    return SL_OK;
}
