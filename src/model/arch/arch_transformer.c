/* Layers of a transformer as nodes, piece by piece where that saves work. */
#include "model/arch/arch_transformer.h"

#include <math.h>
#include <stdio.h>

enum { MOST_LAYERS = 64, MOST_WIDTH = 4096, MOST_HIDDEN = 1 << 14 };

static const sl_transformer *size_of(const sl_net *n) { return &n->arch->transformer; }

/* Numbers of all heads. */
static int inner_of(const sl_net *n) { return size_of(n)->heads * SL_VIT_HEAD; }

/* ---- sizes ---- */

static const sl_weight *layer_weight(const sl_state_dict *dict, int layer, const char *key)
{
    char name[96];
    snprintf(name, sizeof name, "transformer.layers.%d.%s", layer, key);
    return sl_state_dict_find(dict, name);
}

void sl_transformer_fit(sl_transformer *t, const sl_state_dict *dict)
{
    int depth = 0;
    while (depth < MOST_LAYERS && layer_weight(dict, depth, "0.fn.fn.to_qkv.weight"))
        depth++;
    const sl_weight *qkv = layer_weight(dict, 0, "0.fn.fn.to_qkv.weight"),
                    *wide = layer_weight(dict, 0, "1.fn.fn.net.0.weight"),
                    *positions = sl_state_dict_find(dict, "pos_embedding");
    if (depth)
        t->depth = depth;
    if (qkv && qkv->shape.rank == 2 && qkv->shape.dim[0] >= 3 * SL_VIT_HEAD && qkv->shape.dim[0] <= 3 * MOST_WIDTH &&
        qkv->shape.dim[1] >= 1 && qkv->shape.dim[1] <= MOST_WIDTH) {
        t->heads = (int)qkv->shape.dim[0] / (3 * SL_VIT_HEAD);
        t->width = (int)qkv->shape.dim[1];
    }
    if (wide && wide->shape.rank == 2 && wide->shape.dim[0] >= 1 && wide->shape.dim[0] <= MOST_HIDDEN)
        t->hidden = (int)wide->shape.dim[0];
    if (!positions && depth)
        t->positions = 0;
    else if (positions && positions->shape.rank == 3 && positions->shape.dim[1] <= MOST_WIDTH)
        t->positions = (int)positions->shape.dim[1];
}

/* ---- nodes ---- */

sl_tensor sl_vit_reshape(sl_net *n, sl_tensor x, const int64_t *shape, int rank)
{
    const sl_tensor inputs[2] = {x, sl_net_ints(n, shape, rank)};
    return sl_net_node_of_rank(n, SL_OP_RESHAPE, NULL, inputs, 2, rank, "reshape");
}

sl_tensor sl_vit_transpose(sl_net *n, sl_tensor x, const int *perm, int rank)
{
    sl_attr attr = {0};
    for (int i = 0; i < rank; i++)
        attr.perm[i] = perm[i];
    return sl_net_node_of_rank(n, SL_OP_TRANSPOSE, &attr, &x, 1, rank, "transpose");
}

static sl_tensor binary(sl_net *n, sl_fn fn, sl_tensor a, sl_tensor b, const char *key)
{
    return sl_net_node(n, SL_OP_BINARY, &(sl_attr){.fn = fn}, (sl_tensor[]){a, b}, 2, key);
}

static sl_tensor product(sl_net *n, sl_tensor a, sl_tensor b, bool transposed, const char *key)
{
    return sl_net_node(n, SL_OP_MATMUL, &(sl_attr){.transposed = {false, transposed}}, (sl_tensor[]){a, b}, 2, key);
}

static sl_tensor slice(sl_net *n, sl_tensor x, int axis, int from, int count)
{
    const sl_tensor inputs[4] = {x, sl_net_ints(n, &(int64_t){from}, 1), sl_net_ints(n, &(int64_t){from + count}, 1),
                                 sl_net_ints(n, &(int64_t){axis}, 1)};
    return sl_net_node(n, SL_OP_SLICE, NULL, inputs, 4, "slice");
}

static sl_tensor join(sl_net *n, const sl_tensor *x, int count, int axis)
{
    return count == 1 ? x[0] : sl_net_node(n, SL_OP_CONCAT, &(sl_attr){.axis = axis}, x, count, "concat");
}

sl_tensor sl_vit_norm(sl_net *n, sl_tensor x, int width, const char *key)
{
    const sl_shape shape = {1, {width}};
    const sl_tensor inputs[3] = {x, sl_net_parameter(n, key, "weight", shape), sl_net_parameter(n, key, "bias", shape)};
    return sl_net_node(n, SL_OP_LAYERNORM, &(sl_attr){.axis = -1, .a = 1e-5f}, inputs, 3, key);
}

sl_tensor sl_vit_dense(sl_net *n, sl_tensor x, int in, int out, bool bias, const char *key)
{
    sl_tensor inputs[3] = {x, sl_net_parameter(n, key, "weight", (sl_shape){2, {out, in}}), -1};
    if (bias)
        inputs[2] = sl_net_parameter(n, key, "bias", (sl_shape){1, {out}});
    return sl_net_node(n, SL_OP_DENSE, NULL, inputs, bias ? 3 : 2, key);
}

/* [B * count, width] as [B, count, width], and back. */
static sl_tensor by_photo(sl_net *n, sl_tensor x, int count, int width)
{
    return sl_vit_reshape(n, x, (int64_t[]){-1, count, width}, 3);
}

static sl_tensor flat(sl_net *n, sl_tensor x, int width)
{
    return sl_vit_reshape(n, x, (int64_t[]){-1, width}, 2);
}

/* [1, .., ..] repeated for every photo. */
static sl_tensor repeated(sl_net *n, const sl_sequence *s, sl_tensor x)
{
    return sl_net_node(n, SL_OP_EXPAND, NULL, (sl_tensor[]){x, s->batch}, 2, "expand");
}

static sl_tensor dropped(sl_net *n, sl_tensor x, float rate)
{
    if (rate <= 0)
        return x;
    const sl_attr attr = {.a = rate, .axis = n->dropouts++};
    return sl_net_node(n, SL_OP_DROPOUT, &attr, (sl_tensor[]){x, n->counter}, 2, "dropout");
}

void sl_transformer_counter(sl_net *n)
{
    const sl_transformer *t = size_of(n);
    if (t->dropout > 0 || t->embedding_dropout > 0)
        n->counter = sl_net_input_of(n, SL_DROPOUT_INPUT, &(sl_shape){1, {SL_DROPOUT_COUNTER}});
}

/* ---- parameters ---- */

static void declare_norm(sl_net *n, const char *key, int width, bool used)
{
    static const char *const suffixes[2] = {"weight", "bias"};
    char name[64];
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s.%s", key, suffixes[i]);
        if (used)
            sl_net_parameter(n, name, NULL, (sl_shape){1, {width}});
        else
            sl_net_unused(n, name, (sl_shape){1, {width}});
    }
}

static void declare_dense(sl_net *n, const char *key, int in, int out)
{
    sl_net_parameter(n, key, "weight", (sl_shape){2, {out, in}});
    sl_net_parameter(n, key, "bias", (sl_shape){1, {out}});
}

/* The published hybrids have a norm before attention that nothing reads; V, of another file, reads it. */
static bool norms_first(const sl_net *n)
{
    return size_of(n)->form != SL_VIT_PUBLISHED;
}

void sl_transformer_declare(sl_net *n, int norm)
{
    const sl_transformer *t = size_of(n);
    for (int i = 0; i < t->depth; i++) {
        sl_net_enter(n, "transformer.layers.%d", i);
        declare_norm(n, "0.fn.norm", t->width, norms_first(n));
        sl_net_parameter(n, "0.fn.fn.to_qkv", "weight", (sl_shape){2, {3 * inner_of(n), t->width}});
        declare_dense(n, "0.fn.fn.to_out.0", inner_of(n), t->width);
        declare_norm(n, "1.fn.norm", t->width, true);
        declare_dense(n, "1.fn.fn.net.0", t->width, t->hidden);
        declare_dense(n, "1.fn.fn.net.3", t->hidden, t->width);
        sl_net_leave(n);
    }
    declare_norm(n, "mlp_head.0", norm, true);
}

/* ---- the sequence ---- */

void sl_sequence_start(sl_net *n, sl_sequence *s, sl_tensor sized)
{
    const int64_t first = 0, ones[2] = {1, 1};
    *s = (sl_sequence){0};
    const sl_tensor shape = sl_net_node_i64(n, SL_OP_SHAPE, NULL, &sized, 1, "shape");
    const sl_tensor at[2] = {shape, sl_net_ints(n, &first, 1)};
    const sl_tensor parts[2] = {sl_net_node_i64(n, SL_OP_GATHER, &(sl_attr){.axis = 0}, at, 2, "gather"),
                                sl_net_ints(n, ones, 2)};
    s->batch = sl_net_node_i64(n, SL_OP_CONCAT, &(sl_attr){.axis = 0}, parts, 2, "batch");
}

void sl_sequence_take(sl_net *n, sl_sequence *s, sl_tokens p)
{
    const sl_transformer *t = size_of(n);
    if (t->positions) {
        sl_tensor all = sl_net_parameter(n, "pos_embedding", NULL, (sl_shape){3, {1, t->positions, t->width}});
        p.x = binary(n, SL_FN_ADD, by_photo(n, p.x, p.count, t->width), slice(n, all, 1, s->count, p.count), "placed");
        p.x = flat(n, p.x, t->width);
    }
    if (t->embedding_dropout > 0 && p.one) { /* every photo drops its own */
        p.x = flat(n, repeated(n, s, by_photo(n, p.x, p.count, t->width)), t->width);
        p.one = false;
    }
    p.x = dropped(n, p.x, t->embedding_dropout);
    s->piece[s->n++] = p;
    s->count += p.count;
}

void sl_sequence_learned(sl_net *n, sl_sequence *s, const char *key)
{
    const int width = size_of(n)->width;
    sl_tensor token = sl_net_parameter(n, key, NULL, (sl_shape){3, {1, 1, width}});
    sl_sequence_take(n, s, (sl_tokens){flat(n, token, width), 1, true});
}

/* Tensors of the pieces, each [B * count, width], as one [N, tokens in all, width]. */
static sl_tensor joined(sl_net *n, const sl_sequence *s, const sl_tensor *x, int width)
{
    sl_tensor all[SL_VIT_PIECES];
    for (int i = 0; i < s->n; i++) {
        all[i] = by_photo(n, x[i], s->piece[i].count, width);
        if (s->piece[i].one)
            all[i] = repeated(n, s, all[i]);
    }
    return join(n, all, s->n, 1);
}

static sl_tensor whole_of(sl_net *n, const sl_sequence *s)
{
    sl_tensor x[SL_VIT_PIECES];
    for (int i = 0; i < s->n; i++)
        x[i] = s->piece[i].x;
    return joined(n, s, x, size_of(n)->width);
}

/* ---- attention ---- */

/* What attention reads of a piece. */
static sl_tensor attended(sl_net *n, sl_tensor x)
{
    return norms_first(n) ? sl_vit_norm(n, x, size_of(n)->width, "0.fn.norm") : x;
}

static sl_tensor scaled(sl_net *n, sl_tensor q)
{
    return binary(n, SL_FN_MUL, q, sl_net_number(n, 1 / sqrtf((float)size_of(n)->width), "scale"), "scaled");
}

static sl_tensor softmax(sl_net *n, sl_tensor x)
{
    return sl_net_node(n, SL_OP_SOFTMAX, &(sl_attr){.axis = -1}, &x, 1, "attention");
}

/* [N, T, inner] as [N, heads, T, 64]. */
static sl_tensor by_head(sl_net *n, sl_tensor x, int tokens)
{
    x = sl_vit_reshape(n, x, (int64_t[]){-1, tokens, size_of(n)->heads, SL_VIT_HEAD}, 4);
    return sl_vit_transpose(n, x, (int[]){0, 2, 1, 3}, 4);
}

/* All tokens attend to all: -> [N, T, inner]. */
static sl_tensor attend(sl_net *n, const sl_sequence *s)
{
    const int inner = inner_of(n), width = size_of(n)->width;
    sl_tensor of[SL_VIT_PIECES], part[3];
    for (int i = 0; i < s->n; i++)
        of[i] = sl_vit_dense(n, attended(n, s->piece[i].x), width, 3 * inner, false, "0.fn.fn.to_qkv");
    const sl_tensor qkv = joined(n, s, of, 3 * inner);
    for (int i = 0; i < 3; i++)
        part[i] = by_head(n, slice(n, qkv, 2, i * inner, inner), s->count);
    const sl_tensor weights = softmax(n, product(n, scaled(n, part[0]), part[1], true, "logits"));
    const sl_tensor y = product(n, weights, part[2], false, "gathered");
    return sl_vit_reshape(n, sl_vit_transpose(n, y, (int[]){0, 2, 1, 3}, 4), (int64_t[]){-1, s->count, inner}, 3);
}

/* A row of to_qkv's three blocks as [heads, 64, width]. */
static sl_tensor block_of_heads(sl_net *n, int block)
{
    const sl_transformer *t = size_of(n);
    const int inner = inner_of(n);
    const sl_tensor all = sl_net_parameter(n, "0.fn.fn.to_qkv", "weight", (sl_shape){2, {3 * inner, t->width}});
    const int64_t shape[3] = {t->heads, SL_VIT_HEAD, t->width};
    return sl_vit_reshape(n, slice(n, all, 0, block * inner, inner), shape, 3);
}

/* What one token looks for among those of a piece: `key` [B, heads, width] is its query times to_k, so that no key is
 * worked out for any token. -> [B, heads, tokens] */
static sl_tensor logits_of(sl_net *n, sl_tensor key, bool one, const sl_tokens *p, sl_tensor x)
{
    const sl_transformer *t = size_of(n);
    if (!one)
        return product(n, key, by_photo(n, x, p->count, t->width), true, "logits");
    sl_tensor y = product(n, x, sl_vit_reshape(n, key, (int64_t[]){t->heads, t->width}, 2), true, "logits");
    return sl_vit_transpose(n, by_photo(n, y, p->count, t->heads), (int[]){0, 2, 1}, 3);
}

/* Weights [N, heads, tokens] times a piece's tokens -> [N, heads, width]. */
static sl_tensor weighted(sl_net *n, sl_tensor weights, const sl_tokens *p, sl_tensor x)
{
    return product(n, weights, by_photo(n, x, p->count, size_of(n)->width), false, "gathered");
}

/* q [B, inner] as [heads, B, 64]. */
static sl_tensor heads_first(sl_net *n, sl_tensor q)
{
    return sl_vit_transpose(n, sl_vit_reshape(n, q, (int64_t[]){-1, size_of(n)->heads, SL_VIT_HEAD}, 3),
                            (int[]){1, 0, 2}, 3);
}

/* Attention of one token alone: the same sums in another order. Keys and values are products with every token; here
 * to_k goes to the query, and to_v to the weighted mean of the tokens. -> [N, 1, inner] */
static sl_tensor attend_first(sl_net *n, const sl_tokens *token, const sl_sequence *s)
{
    const sl_transformer *t = size_of(n);
    const int inner = inner_of(n);
    sl_tensor x[SL_VIT_PIECES], logits[SL_VIT_PIECES], sum = -1;
    for (int i = 0; i < s->n; i++)
        x[i] = attended(n, s->piece[i].x);
    const sl_tensor q_of = sl_vit_reshape(n, block_of_heads(n, 0), (int64_t[]){inner, t->width}, 2);
    const sl_tensor q = scaled(n, product(n, attended(n, token->x), q_of, true, "query"));
    sl_tensor key = product(n, heads_first(n, q), block_of_heads(n, 1), false, "key");
    key = sl_vit_transpose(n, key, (int[]){1, 0, 2}, 3);
    const bool one = token->one;
    for (int i = 0; i < s->n; i++) {
        logits[i] = logits_of(n, key, one, &s->piece[i], x[i]);
        if (one && s->piece[i].one)
            logits[i] = repeated(n, s, logits[i]);
    }
    const sl_tensor weights = softmax(n, join(n, logits, s->n, 2));
    for (int i = 0, at = 0; i < s->n; at += s->piece[i++].count) {
        sl_tensor y = weighted(n, slice(n, weights, 2, at, s->piece[i].count), &s->piece[i], x[i]);
        sum = i ? binary(n, SL_FN_ADD, sum, y, "sum") : y;
    }
    sum = product(n, sl_vit_transpose(n, sum, (int[]){1, 0, 2}, 3), block_of_heads(n, 2), true, "gathered");
    return sl_vit_reshape(n, sl_vit_transpose(n, sum, (int[]){1, 0, 2}, 3), (int64_t[]){-1, 1, inner}, 3);
}

/* ---- a layer ---- */

/* x plus y for the tokens of one piece; x may be of one photo. */
static sl_tensor plus(sl_net *n, const sl_tokens *p, sl_tensor y)
{
    const int width = size_of(n)->width;
    if (!p->one)
        return binary(n, SL_FN_ADD, y, p->x, "sum");
    return flat(n, binary(n, SL_FN_ADD, by_photo(n, y, p->count, width), by_photo(n, p->x, p->count, width), "sum"),
                width);
}

/* The rest of a layer behind attention, for tokens [N * count, ..]: x from before, and what attention gathered. */
static sl_tensor finish_layer(sl_net *n, const sl_tokens *p, sl_tensor gathered)
{
    const sl_transformer *t = size_of(n);
    sl_tensor y = sl_vit_dense(n, flat(n, gathered, inner_of(n)), inner_of(n), t->width, true, "0.fn.fn.to_out.0");
    y = dropped(n, y, t->dropout);
    const sl_tensor x = t->form == SL_VIT_TEXT ? y : plus(n, p, y);
    y = sl_vit_dense(n, sl_vit_norm(n, x, t->width, "1.fn.norm"), t->width, t->hidden, true, "1.fn.fn.net.0");
    y = sl_net_node(n, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_GELU}, &y, 1, "gelu");
    y = sl_vit_dense(n, dropped(n, y, t->dropout), t->hidden, t->width, true, "1.fn.fn.net.3");
    return binary(n, SL_FN_ADD, dropped(n, y, t->dropout), x, "sum");
}

static void inner_layer(sl_net *n, sl_sequence *s)
{
    const int width = size_of(n)->width;
    const sl_tensor gathered = attend(n, s);
    const sl_tokens all = {flat(n, whole_of(n, s), width), s->count, false};
    s->piece[0] = (sl_tokens){finish_layer(n, &all, gathered), s->count, false};
    s->n = 1;
}

/* The last layer, of the pieces that are read alone. `was`: the pieces, which are one by now behind another layer. */
static void last_layer(sl_net *n, sl_sequence *s, const sl_sequence *was, unsigned read)
{
    const int width = size_of(n)->width;
    const bool first_alone = read == 1 && was->piece[0].count == 1;
    const sl_tensor gathered = first_alone ? -1 : attend(n, s);
    sl_sequence out = *was;
    for (int i = 0, at = 0; i < was->n; at += was->piece[i++].count) {
        sl_tokens *p = &out.piece[i];
        if (!(read >> i & 1))
            continue;
        if (s->n != was->n)
            *p = (sl_tokens){flat(n, slice(n, by_photo(n, s->piece[0].x, s->count, width), 1, at, p->count), width),
                             p->count, false};
        sl_tensor rows = first_alone ? attend_first(n, p, s) : slice(n, gathered, 1, at, p->count);
        *p = (sl_tokens){finish_layer(n, p, rows), p->count, false};
    }
    *s = out;
}

void sl_transformer_layers(sl_net *n, sl_sequence *s, unsigned read)
{
    const sl_sequence was = *s;
    for (int i = 0; i < size_of(n)->depth; i++) {
        sl_net_enter(n, "transformer.layers.%d", i);
        if (i + 1 < size_of(n)->depth)
            inner_layer(n, s);
        else
            last_layer(n, s, &was, read);
        sl_net_leave(n);
    }
}
