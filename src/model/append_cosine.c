#include "model/append_cosine.h"

static sl_status node(sl_graph *g, sl_op op, const sl_attr *attr, const char *name, sl_tensor x, sl_tensor y,
                      sl_tensor *out, sl_error *err)
{
    const sl_tensor inputs[] = {x, y};
    SL_TRY(sl_graph_add_tensor(g, name, SL_TYPE_F32, &(sl_shape){.rank = -1}, out, err));
    return sl_graph_add_node(g, op, name, attr, inputs, y < 0 ? 1 : 2, out, 1, err);
}

sl_status sl_append_cosine(sl_graph *g, sl_tensor embedding, int dim, sl_error *err)
{
    const sl_attr flat = {.axis = 1}, unit = {.axis = 1, .a = 1e-12f}, mul = {.fn = SL_FN_MUL},
                  sum = {.fn = SL_FN_SUM, .axes = {1}, .n_axes = 1};
    sl_tensor other, row, a, b, products, cosine;
    SL_TRY(sl_graph_add_tensor(g, "cosine:other", SL_TYPE_F32, &(sl_shape){2, {-1, dim}}, &other, err));
    SL_TRY(sl_graph_add_input(g, other, err));
    SL_TRY(node(g, SL_OP_FLATTEN, &flat, "cosine:row", embedding, -1, &row, err));
    SL_TRY(node(g, SL_OP_L2NORM, &unit, "cosine:unit", row, -1, &a, err));
    SL_TRY(node(g, SL_OP_L2NORM, &unit, "cosine:other unit", other, -1, &b, err));
    SL_TRY(node(g, SL_OP_BINARY, &mul, "cosine:products", a, b, &products, err));
    return node(g, SL_OP_REDUCE, &sum, SL_COSINE, products, -1, &cosine, err);
}
