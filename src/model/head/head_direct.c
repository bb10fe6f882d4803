/* The linear head of networks that are a chain of layers whose weights say all: dense layers over the flattened map,
 * or a mean or a depthwise convolution of all cells, then dense layers and 1x1 convolutions. */
#include "model/head/head.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What the layers up to here make of a map x [C, cells]. Behind flattening: mix x + constant, with a column for each
 * number of the map; pooled: mix_c sum_p kernel_cp x_cp + constant, with a column for each channel. Without `mix` each
 * row is its column. */
typedef struct {
    int channels, cells, rows, columns;
    bool pooled;
    const float *kernel; /* [C, cells]; NULL: 1 / cells everywhere */
    const float *mix;    /* [rows, columns]; NULL: the identity */
    float *mixed;        /* the same where it is not a layer's own */
    float *constant;     /* [rows]; NULL: 0 */
} chain;

static const float *constant_of(const sl_graph *g, const sl_node *n, int input)
{
    return input < n->n_inputs && n->inputs[input] >= 0 ? g->tensors[n->inputs[input]].data : NULL;
}

/* The numbers of a face stay in their order: only one axis behind the batch is longer than 1, or it is a reshape. */
static bool keeps_order(const sl_graph *g, const sl_node *n)
{
    const sl_shape *s = &g->tensors[n->inputs[0]].shape;
    int longer = 0;
    if (n->op == SL_OP_FLATTEN || n->op == SL_OP_RESHAPE || n->op == SL_OP_SQUEEZE)
        return true;
    for (int i = 1; i < s->rank; i++)
        longer += s->dim[i] > 1;
    return n->op == SL_OP_TRANSPOSE && n->attr.perm[0] == 0 && longer <= 1;
}

static bool averages_cells(const sl_node *n)
{
    int axes = 0;
    if (n->op == SL_OP_REDUCE && n->attr.fn == SL_FN_AVERAGE)
        for (int i = 0; i < n->attr.n_axes; i++)
            axes |= 1 << (n->attr.axes[i] + 4) % 4;
    return axes == (1 << 2 | 1 << 3) || (n->op == SL_OP_GLOBAL_POOL && n->attr.fn == SL_FN_AVERAGE);
}

/* A depthwise convolution whose one window is the whole map. */
static bool weighs_cells(const sl_graph *g, const sl_node *n, const chain *c)
{
    if (n->op != SL_OP_CONV || n->attr.groups != c->channels || !constant_of(g, n, 1))
        return false;
    const sl_shape *x = &g->tensors[n->inputs[0]].shape, *w = &g->tensors[n->inputs[1]].shape,
                   *y = &g->tensors[n->outputs[0]].shape;
    for (int i = 0; i < 4; i++)
        if (n->attr.pad[i] != 0)
            return false;
    return x->dim[2] == w->dim[2] && x->dim[3] == w->dim[3] && y->dim[1] == c->channels && y->dim[2] == 1 &&
           y->dim[3] == 1 && n->attr.auto_pad == SL_PAD_EXPLICIT && w->dim[1] == 1;
}

/* A dense layer or a 1x1 convolution of one cell, over all that there is. */
static bool mixes_all(const sl_graph *g, const sl_node *n, const chain *c)
{
    if ((n->op != SL_OP_DENSE && n->op != SL_OP_CONV) || !constant_of(g, n, 1))
        return false;
    const sl_shape *w = &g->tensors[n->inputs[1]].shape;
    bool one = n->op == SL_OP_CONV && w->dim[2] == 1 && w->dim[3] == 1 && n->attr.groups <= 1;
    int64_t batch = g->tensors[n->outputs[0]].shape.dim[0];
    return w->dim[1] == c->rows && (c->pooled || n->op == SL_OP_DENSE) && (n->op == SL_OP_DENSE || one) &&
           sl_shape_elements(&g->tensors[n->outputs[0]].shape) == batch * w->dim[0];
}

/* out [rows, columns] = w [rows, inner] x [inner, columns] */
static void multiply_into(const float *w, const float *x, int rows, int inner, int columns, float *out)
{
    for (int i = 0; i < rows; i++) {
        float *to = out + (size_t)i * (size_t)columns;
        for (int k = 0; k < inner; k++) {
            const float a = w[(size_t)i * (size_t)inner + (size_t)k], *from = x + (size_t)k * (size_t)columns;
            for (int j = 0; j < columns; j++)
                to[j] += a * from[j];
        }
    }
}

/* The layer y = w y' + b laid on the chain; w lives as long as the graph. */
static sl_status mix_rows(chain *c, const float *w, const float *b, int rows, sl_error *err)
{
    float *mixed = c->mix ? sl_calloc_aligned((size_t)rows * (size_t)c->columns, sizeof *mixed) : NULL;
    float *constant = sl_calloc_aligned((size_t)rows, sizeof *constant);
    if (!constant || (c->mix && !mixed)) {
        free(mixed);
        free(constant);
        return sl_no_memory(err, "for the linear head");
    }
    if (mixed)
        multiply_into(w, c->mix, rows, c->rows, c->columns, mixed);
    if (b)
        memcpy(constant, b, (size_t)rows * sizeof *constant);
    if (c->constant)
        multiply_into(w, c->constant, rows, c->rows, 1, constant);
    free(c->mixed);
    free(c->constant);
    c->mixed = mixed;
    c->mix = mixed ? mixed : w;
    c->constant = constant;
    c->rows = rows;
    return SL_OK;
}

static sl_status pool_cells(chain *c, const float *kernel, const float *bias, sl_error *err)
{
    c->pooled = true;
    c->rows = c->columns = c->channels;
    c->kernel = kernel;
    c->constant = bias ? sl_calloc_aligned((size_t)c->channels, sizeof *c->constant) : NULL;
    if (bias && !c->constant)
        return sl_no_memory(err, "for the linear head");
    if (bias)
        memcpy(c->constant, bias, (size_t)c->channels * sizeof *bias);
    return SL_OK;
}

/* One layer more. *known false for a layer of another kind. */
static sl_status follow_layer(const sl_graph *g, const sl_node *n, chain *c, bool *known, sl_error *err)
{
    bool whole = !c->mix && !c->pooled && g->tensors[n->inputs[0]].shape.rank == 4;
    *known = true;
    if (whole && averages_cells(n))
        return pool_cells(c, NULL, NULL, err);
    if (whole && weighs_cells(g, n, c))
        return pool_cells(c, constant_of(g, n, 1), constant_of(g, n, 2), err);
    if (mixes_all(g, n, c))
        return mix_rows(c, constant_of(g, n, 1), constant_of(g, n, 2), (int)g->tensors[n->inputs[1]].shape.dim[0], err);
    *known = keeps_order(g, n);
    return SL_OK;
}

static void write_head(const chain *c, sl_head *h)
{
    const float mean = 1 / (float)c->cells;
    for (int block = 0; block < h->blocks; block++) {
        int first = block * SL_HEAD_COLUMNS, left = h->dim - first;
        int count = left < SL_HEAD_COLUMNS ? left : SL_HEAD_COLUMNS;
        for (int ch = 0; ch < c->channels; ch++)
            for (int p = 0; p < c->cells; p++) {
                size_t at = (size_t)ch * (size_t)c->cells + (size_t)p;
                float scale = !c->pooled ? 1 : c->kernel ? c->kernel[at] : mean;
                const float *from = c->mix + (size_t)first * (size_t)c->columns + (c->pooled ? (size_t)ch : at);
                float *to = sl_head_weights(h, block, p, ch);
                for (int d = 0; d < count; d++)
                    to[d] = from[(size_t)d * (size_t)c->columns] * scale;
            }
    }
    memcpy(h->bias, c->constant, (size_t)h->dim * sizeof *h->bias);
}

sl_status sl_head_read_directly(const sl_graph *g, const sl_shape *shape, bool *direct, sl_head *h, sl_error *err)
{
    chain c = {.channels = (int)shape->dim[1], .cells = (int)(shape->dim[2] * shape->dim[3])};
    c.rows = c.columns = c.channels * c.cells;
    sl_tensor at = g->inputs[0];
    sl_status status = SL_OK;
    *direct = true;
    for (int i = 0; status == SL_OK && *direct && i < g->n_nodes; at = g->nodes[i++].outputs[0]) {
        *direct = g->nodes[i].n_inputs > 0 && g->nodes[i].inputs[0] == at;
        if (*direct)
            status = follow_layer(g, &g->nodes[i], &c, direct, err);
    }
    *direct = status == SL_OK && *direct && c.mix && at == g->outputs[0];
    if (*direct)
        status = sl_head_allocate_for(shape, &g->tensors[g->outputs[0]].shape, h, err);
    if (*direct && status == SL_OK)
        write_head(&c, h);
    free(c.mixed);
    free(c.constant);
    return status;
}
