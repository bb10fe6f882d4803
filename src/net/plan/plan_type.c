/* Which number type each layer of a plan computes in, and which convolutions our own Winograd takes. */
#include "net/plan/plan_build.h"

#include <string.h>

#include "net/kernels/winograd.h"

const sl_range *sl_range_find(const sl_ranges *ranges, const char *tensor)
{
    for (int i = 0; ranges && i < ranges->count; i++)
        if (strcmp(ranges->items[i].tensor, tensor) == 0)
            return &ranges->items[i];
    return NULL;
}

static bool constant_weights(const sl_graph *g, const sl_node *n)
{
    return (n->op == SL_OP_CONV || n->op == SL_OP_DENSE) && g->tensors[n->inputs[1]].data &&
           (n->n_inputs < 3 || n->inputs[2] < 0 || g->tensors[n->inputs[2]].data);
}

bool sl_has_constant_weights(const sl_build *b, const sl_node *n)
{
    return constant_weights(b->g, n);
}

static bool reads_input(const sl_graph *g, const sl_node *n)
{
    for (int i = 0; i < g->n_inputs; i++)
        if (n->inputs[0] == g->inputs[i])
            return true;
    return false;
}

bool sl_is_reference(const_dnnl_primitive_desc_t pd)
{
    const char *name = "";
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    return strncmp(name, "ref", 3) == 0;
}

/* What reads the picture stays f32: pixels have more levels than bf16 or int8 keeps. So do depthwise layers: their sums
 * are of few products, in which errors do not even out. In bf16 they made most of the error, and saved 5 % of
 * MobileFaceNet's time. */
static bool can_be_narrow(const sl_graph *g, const sl_node *n)
{
    return constant_weights(g, n) && !reads_input(g, n) && n->attr.groups <= 1;
}

void sl_range_candidates(const sl_graph *g, sl_tensor *tensors, int *count)
{
    *count = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        if (!can_be_narrow(g, &g->nodes[i]))
            continue;
        bool known = false;
        for (int k = 0; k < *count; k++)
            known |= tensors[k] == g->nodes[i].inputs[0];
        if (!known)
            tensors[(*count)++] = g->nodes[i].inputs[0];
    }
}

/* ---- our own Winograd ---- */

static bool three_by_three(const sl_attr *a)
{
    for (int i = 0; i < 2; i++)
        if (a->stride[i] > 1 || a->dilation[i] > 1)
            return false;
    return a->groups <= 1;
}

/* It pays where its products, and half as many again for the transforms, are fewer than the plain form's. A rule and
 * not a timing, so that a machine always computes the same way. */
bool sl_suits_winograd(const sl_graph *g, const sl_node *n)
{
    if (n->op != SL_OP_CONV || !g->tensors[n->inputs[1]].data || !three_by_three(&n->attr))
        return false;
    const sl_shape *w = &g->tensors[n->inputs[1]].shape, *y = &g->tensors[n->outputs[0]].shape;
    const sl_wino_layer one = {.batch = 1, .out = {y->dim[2], y->dim[3]}};
    return w->dim[2] == 3 && w->dim[3] == 3 && w->dim[0] % SL_WINO_LEAST_CHANNELS == 0 &&
           w->dim[1] % SL_WINO_LEAST_CHANNELS == 0 &&
           3 * SL_WINO_POINTS * sl_wino_tiles(&one) < 2 * 9 * y->dim[2] * y->dim[3];
}

/* ---- types ---- */

/* The type of products that learn, by the same rules: neither the picture nor depthwise layers. A dense layer's weights
 * are made narrow anew in every run, which few rows do not pay for. */
enum { LEAST_ROWS = 64 };
static dnnl_data_type_t learning_type(const sl_build *b, const sl_node *n)
{
    const sl_graph *g = b->g;
    sl_tensor x = n->op == SL_OP_CONV_BACK_WEIGHTS ? n->inputs[1] : n->inputs[0];
    const bool dense = n->op == SL_OP_DENSE && g->tensors[x].shape.dim[0] >= LEAST_ROWS;
    const bool conv = n->op == SL_OP_CONV || n->op == SL_OP_CONV_BACK_DATA || n->op == SL_OP_CONV_BACK_WEIGHTS;
    for (int i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] == x)
            return dnnl_f32;
    return (conv || dense) && n->attr.groups <= 1 ? b->wide : dnnl_f32;
}

dnnl_data_type_t sl_int8_type(const sl_build *b, sl_tensor t)
{
    const sl_range *range = sl_range_find(b->ranges, b->g->tensors[t].name);
    return !range ? dnnl_data_type_undef : range->has_sign ? dnnl_s8 : dnnl_u8;
}

dnnl_data_type_t sl_type_of(const sl_build *b, const sl_node *n)
{
    if (b->learns)
        return b->precision == SL_COMPUTE_BF16 ? learning_type(b, n) : dnnl_f32;
    if (b->precision == SL_COMPUTE_F32 || !can_be_narrow(b->g, n))
        return dnnl_f32;
    dnnl_data_type_t type = b->precision == SL_COMPUTE_INT8 ? sl_int8_type(b, n->inputs[0]) : dnnl_data_type_undef;
    if (type != dnnl_data_type_undef)
        return type;
    return sl_suits_winograd(b->g, n) ? dnnl_f32 : b->wide; /* a quarter of the products beats bf16's double speed */
}

bool sl_read_as(const sl_build *b, sl_tensor t, dnnl_data_type_t type)
{
    for (int i = 0; i < b->g->n_outputs; i++)
        if (b->g->outputs[i] == t)
            return false;
    for (int i = 0; i < b->g->n_nodes; i++) {
        const sl_node *n = &b->g->nodes[i];
        for (int k = 0; k < n->n_inputs; k++)
            if (n->inputs[k] == t && (k > 0 || sl_type_of(b, n) != type))
                return false;
    }
    return true;
}

bool sl_is_narrow_gelu(const sl_build *b, const sl_node *n)
{
    return n->op == SL_OP_UNARY && n->attr.fn == SL_FN_GELU && !b->learns && sl_read_as(b, n->outputs[0], dnnl_bf16);
}
