/* A transformer's layer in the graph's words, as PyTorch's TransformerEncoderLayer(norm_first, gelu) has it, its
 * weights by name and formula (formula_net.h): x [N, T, D] -> x + attention(norm1(x)), +
 * linear2(gelu(linear1(norm2(..)))). The embedding is the mean over the T tokens. */
#ifndef SL_TESTS_FORMULA_BLOCK_H
#define SL_TESTS_FORMULA_BLOCK_H

#include "formula_weights.h"

#include "model/arch/arch.h"

typedef struct {
    const char *name;
    int tokens, dim, heads, inner;
} formula_block;

/* The one of the benchmark, and a small one for goldens. */
static const formula_block formula_blocks[] = {{"layer", 130, 512, 8, 2048}, {"small-layer", 10, 48, 4, 96}};

static inline const formula_block *formula_block_find(const char *name)
{
    for (size_t i = 0; i < sizeof formula_blocks / sizeof *formula_blocks; i++)
        if (strcmp(formula_blocks[i].name, name) == 0)
            return &formula_blocks[i];
    return NULL;
}

/* Appends a node named `name` to g; its output is of that name, or with [k] behind it where there are several. */
static inline void formula_nodes(sl_graph *g, sl_op op, sl_attr attr, const char *name, const sl_tensor *inputs, int n,
                                 sl_tensor *out, int n_out)
{
    sl_error err;
    for (int i = 0; i < n_out; i++) {
        char own[80];
        snprintf(own, sizeof own, n_out > 1 ? "%.60s[%d]" : "%.60s", name, i);
        assert_ok(sl_graph_add_tensor(g, own, SL_TYPE_F32, &(sl_shape){.rank = -1}, &out[i], &err));
    }
    assert_ok(sl_graph_add_node(g, op, name, &attr, inputs, n, out, n_out, &err));
}

#define FORMULA_NODE(g, op, attr, name, ...)                                                                      \
    formula_node(g, op, attr, name, (const sl_tensor[]){__VA_ARGS__},                                             \
                 (int)(sizeof((sl_tensor[]){__VA_ARGS__}) / sizeof(sl_tensor)))

static inline sl_tensor formula_node(sl_graph *g, sl_op op, sl_attr attr, const char *name, const sl_tensor *inputs,
                                     int n)
{
    sl_tensor out;
    formula_nodes(g, op, attr, name, inputs, n, &out, 1);
    return out;
}

static inline sl_tensor formula_weights(sl_graph *g, const char *name, sl_shape shape)
{
    sl_error err;
    sl_tensor out;
    float *data = malloc((size_t)sl_shape_elements(&shape) * sizeof *data);
    formula_fill(name, &shape, data);
    assert_ok(sl_graph_add_const(g, name, SL_TYPE_F32, &shape, data, true, &out, &err));
    return out;
}

static inline sl_tensor formula_list(sl_graph *g, const char *name, int count, const int64_t *values)
{
    sl_error err;
    sl_tensor out;
    int64_t *data = malloc((size_t)count * sizeof *data);
    memcpy(data, values, (size_t)count * sizeof *data);
    assert_ok(sl_graph_add_const(g, name, SL_TYPE_I64, &(sl_shape){1, {count}}, data, true, &out, &err));
    return out;
}

static inline sl_tensor formula_norm(sl_graph *g, sl_tensor x, const char *name, int dim)
{
    char weight[64], bias[64];
    snprintf(weight, sizeof weight, "%.40s.weight", name);
    snprintf(bias, sizeof bias, "%.40s.bias", name);
    const sl_attr attr = {.axis = -1, .a = 1e-5f};
    return FORMULA_NODE(g, SL_OP_LAYERNORM, attr, name, x, formula_weights(g, weight, (sl_shape){1, {dim}}),
                        formula_weights(g, bias, (sl_shape){1, {dim}}));
}

/* x [N, T, D] w^T + bias, w [O, D]. */
static inline sl_tensor formula_linear(sl_graph *g, sl_tensor x, const char *name, const char *suffix, int in, int out)
{
    char weight[64], bias[64], product[64];
    snprintf(weight, sizeof weight, "%.40s%sweight", name, suffix);
    snprintf(bias, sizeof bias, "%.40s%sbias", name, suffix);
    snprintf(product, sizeof product, "%.40s product", name);
    const sl_attr times = {.transposed = {false, true}}, add = {.fn = SL_FN_ADD};
    x = FORMULA_NODE(g, SL_OP_MATMUL, times, product, x, formula_weights(g, weight, (sl_shape){2, {out, in}}));
    return FORMULA_NODE(g, SL_OP_BINARY, add, name, x, formula_weights(g, bias, (sl_shape){1, {out}}));
}

/* Part `k` of q, k, v [N, T, D] as heads [N, H, T, D / H]. */
static inline sl_tensor formula_heads(sl_graph *g, sl_tensor x, const formula_block *b, const char *name)
{
    char apart[64], list[64];
    snprintf(apart, sizeof apart, "%.40s apart", name);
    snprintf(list, sizeof list, "%.40s shape", name);
    const int64_t shape[] = {0, b->tokens, b->heads, b->dim / b->heads};
    const sl_attr swap = {.perm = {0, 2, 1, 3}};
    x = FORMULA_NODE(g, SL_OP_RESHAPE, (sl_attr){0}, apart, x, formula_list(g, list, 4, shape));
    return FORMULA_NODE(g, SL_OP_TRANSPOSE, swap, name, x);
}

static inline sl_tensor formula_attention(sl_graph *g, sl_tensor x, const formula_block *b)
{
    sl_tensor part[3], scale = formula_weights(g, "scale", (sl_shape){0});
    *(float *)g->tensors[scale].data = 1 / sqrtf((float)(b->dim / b->heads));
    const sl_attr times = {.transposed = {false, true}}, mul = {.fn = SL_FN_MUL}, last = {.axis = -1},
                  swap = {.perm = {0, 2, 1, 3}};
    x = formula_linear(g, x, "self_attn.in_proj", "_", b->dim, 3 * b->dim);
    formula_nodes(g, SL_OP_SPLIT, last, "qkv", &x, 1, part, 3);
    sl_tensor q = FORMULA_NODE(g, SL_OP_BINARY, mul, "scaled", formula_heads(g, part[0], b, "q"), scale);
    sl_tensor k = formula_heads(g, part[1], b, "k"), v = formula_heads(g, part[2], b, "v");
    x = FORMULA_NODE(g, SL_OP_SOFTMAX, last, "attention", FORMULA_NODE(g, SL_OP_MATMUL, times, "qk", q, k));
    x = FORMULA_NODE(g, SL_OP_TRANSPOSE, swap, "rows", FORMULA_NODE(g, SL_OP_MATMUL, (sl_attr){0}, "heads", x, v));
    const int64_t shape[] = {0, b->tokens, b->dim};
    x = FORMULA_NODE(g, SL_OP_RESHAPE, (sl_attr){0}, "joined", x, formula_list(g, "joined shape", 3, shape));
    return formula_linear(g, x, "self_attn.out_proj", ".", b->dim, b->dim);
}

static inline sl_graph *formula_block_graph(const formula_block *b)
{
    sl_error err;
    sl_graph *g = sl_graph_new();
    sl_tensor x;
    const sl_attr add = {.fn = SL_FN_ADD}, mean = {.fn = SL_FN_AVERAGE, .axes = {1}, .n_axes = 1};
    const sl_shape shape = {3, {-1, b->tokens, b->dim}};
    assert_ok(sl_graph_add_tensor(g, "tokens", SL_TYPE_F32, &shape, &x, &err));
    assert_ok(sl_graph_add_input(g, x, &err));
    x = FORMULA_NODE(g, SL_OP_BINARY, add, "first sum", x,
                     formula_attention(g, formula_norm(g, x, "norm1", b->dim), b));
    sl_tensor y = formula_linear(g, formula_norm(g, x, "norm2", b->dim), "linear1", ".", b->dim, b->inner);
    y = FORMULA_NODE(g, SL_OP_UNARY, (sl_attr){.fn = SL_FN_GELU}, "gelu", y);
    y = formula_linear(g, y, "linear2", ".", b->inner, b->dim);
    x = FORMULA_NODE(g, SL_OP_BINARY, add, "second sum", x, y);
    FORMULA_NODE(g, SL_OP_REDUCE, mean, SL_ARCH_EMBEDDING, x);
    return g;
}

#endif
