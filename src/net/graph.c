/* Building graphs: tensors found by name through a hash table, so that large files stay linear. */
#include "net/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_TENSORS = 1 << 22, FIRST_SLOTS = 64 };

sl_graph *sl_graph_new(void) { return calloc(1, sizeof(sl_graph)); }

void sl_graph_free(sl_graph *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->n_tensors; i++)
        free(g->tensors[i].name);
    for (int i = 0; i < g->n_nodes; i++) {
        free(g->nodes[i].name);
        free(g->nodes[i].inputs);
        free(g->nodes[i].outputs);
    }
    for (int i = 0; i < g->n_owned; i++)
        free(g->owned[i]);
    free(g->tensors);
    free(g->nodes);
    free(g->inputs);
    free(g->outputs);
    free(g->owned);
    free(g->name_slots);
    free(g);
}

/* ---- names ---- */

static uint64_t hash_name(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, then mixed so that the low bits are good */
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

/* The slot that holds `name`, or the free slot where it would go. */
static int tensor_slot(const sl_graph *g, const char *name)
{
    int mask = g->n_slots - 1, at = (int)(hash_name(name) & (uint64_t)mask);
    while (g->name_slots[at] && strcmp(g->tensors[g->name_slots[at] - 1].name, name) != 0)
        at = (at + 1) & mask;
    return at;
}

static void fill_slots(sl_graph *g)
{
    memset(g->name_slots, 0, (size_t)g->n_slots * sizeof *g->name_slots);
    for (int i = 0; i < g->n_tensors; i++)
        g->name_slots[tensor_slot(g, g->tensors[i].name)] = i + 1;
}

/* Keeps the table at most half full with one more name. */
static sl_status grow_slots(sl_graph *g, sl_error *err)
{
    if (g->n_slots && g->n_tensors + 1 <= g->n_slots / 2)
        return SL_OK;
    int larger = g->n_slots ? g->n_slots * 2 : FIRST_SLOTS;
    int *slots = sl_realloc_array(g->name_slots, (size_t)larger, sizeof *slots);
    if (!slots)
        return sl_no_memory(err, "for the network's graph");
    g->name_slots = slots;
    g->n_slots = larger;
    fill_slots(g);
    return SL_OK;
}

sl_tensor sl_graph_find(const sl_graph *g, const char *name)
{
    return g->n_slots ? g->name_slots[tensor_slot(g, name)] - 1 : -1;
}

/* ---- shapes ---- */

int64_t sl_shape_elements(const sl_shape *shape)
{
    if (shape->rank < 0 || shape->rank > SL_MAX_RANK)
        return -1;
    int64_t count = 1;
    bool empty = false;
    for (int i = 0; i < shape->rank; i++) {
        int64_t d = shape->dim[i];
        if (d < 0 || d > SL_MAX_ELEMENTS)
            return -1;
        if (d == 0)
            empty = true;
        else if (count > SL_MAX_ELEMENTS / d)
            return -1;
        else
            count *= d;
    }
    return empty ? 0 : count;
}

int64_t sl_shape_span(const sl_shape *shape, int from, int to)
{
    int64_t n = 1;
    for (int i = from; i < to; i++)
        n *= shape->dim[i];
    return n;
}

bool sl_shape_equal(const sl_shape *a, const sl_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

static sl_status check_shape(const char *name, const sl_shape *shape, sl_error *err)
{
    if (shape->rank < -1 || shape->rank > SL_MAX_RANK)
        return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s has %d axes, at most %d are supported", name,
                       shape->rank, SL_MAX_RANK);
    sl_shape known = *shape; /* unknown axes count as 1 */
    if (known.rank < 0)
        known.rank = 0;
    for (int i = 0; i < known.rank; i++) {
        if (known.dim[i] < -1)
            return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s: axis %d has the size %lld", name, i,
                           (long long)known.dim[i]);
        if (known.dim[i] == -1)
            known.dim[i] = 1;
    }
    if (sl_shape_elements(&known) < 0)
        return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s has more than %lld elements", name,
                       (long long)SL_MAX_ELEMENTS);
    return SL_OK;
}

/* ---- tensors ---- */

sl_status sl_graph_add_tensor(sl_graph *g, const char *name, sl_type type, const sl_shape *shape, sl_tensor *out,
                              sl_error *err)
{
    *out = -1;
    SL_TRY(check_shape(name, shape, err));
    if (sl_graph_find(g, name) >= 0)
        return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s is defined twice", name);
    if (g->n_tensors >= MAX_TENSORS)
        return sl_fail(err, SL_ERR_LIMIT, "the graph has more than %d tensors", MAX_TENSORS);
    SL_TRY(grow_slots(g, err));
    sl_tensor_info *tensors = sl_with_room(g->tensors, (size_t)g->n_tensors, &g->cap_tensors, sizeof *tensors);
    if (!tensors)
        return sl_no_memory(err, "for the network's graph");
    g->tensors = tensors;
    char *copy = sl_strdup(name);
    if (!copy)
        return sl_no_memory(err, "for the network's graph");
    g->name_slots[tensor_slot(g, name)] = g->n_tensors + 1;
    g->tensors[g->n_tensors] = (sl_tensor_info){.name = copy, .type = type, .shape = *shape, .producer = -1};
    *out = g->n_tensors++;
    return SL_OK;
}

sl_status sl_graph_rename(sl_graph *g, sl_tensor tensor, const char *name, sl_error *err)
{
    if (tensor < 0 || tensor >= g->n_tensors)
        return sl_fail(err, SL_ERR_ARGUMENT, "%.200s would name no tensor of the graph", name);
    if (sl_graph_find(g, name) >= 0)
        return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s is defined twice", name);
    char *copy = sl_strdup(name);
    if (!copy)
        return sl_no_memory(err, "for the network's graph");
    free(g->tensors[tensor].name);
    g->tensors[tensor].name = copy;
    fill_slots(g); /* taking one out of the table could hide those behind it */
    return SL_OK;
}

static sl_status own(sl_graph *g, void *memory, sl_error *err)
{
    void **list = sl_with_room(g->owned, (size_t)g->n_owned, &g->cap_owned, sizeof *list);
    if (!list) {
        free(memory);
        return sl_no_memory(err, "for the network's graph");
    }
    g->owned = list;
    list[g->n_owned++] = memory;
    return SL_OK;
}

sl_status sl_graph_add_const(sl_graph *g, const char *name, sl_type type, const sl_shape *shape, const void *data,
                             bool owned, sl_tensor *out, sl_error *err)
{
    *out = -1;
    if (owned && data)
        SL_TRY(own(g, (void *)data, err));
    if (!data)
        return sl_fail(err, SL_ERR_ARGUMENT, "constant %.200s has no data", name);
    if (shape->rank < 0 || (shape->rank <= SL_MAX_RANK && sl_shape_elements(shape) < 0))
        return sl_fail(err, SL_ERR_FORMAT, "constant %.200s: its shape is not known, negative or too large", name);
    SL_TRY(sl_graph_add_tensor(g, name, type, shape, out, err));
    g->tensors[*out].data = data;
    return SL_OK;
}

/* ---- nodes, inputs and outputs ---- */

static bool is_input(const sl_graph *g, sl_tensor tensor)
{
    for (int i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] == tensor)
            return true;
    return false;
}

static sl_status check_node(const sl_graph *g, sl_op op, const char *name, const sl_tensor *inputs, int n_inputs,
                            const sl_tensor *outputs, int n_outputs, sl_error *err)
{
    if (g->n_nodes >= SL_MAX_NODES)
        return sl_fail(err, SL_ERR_LIMIT, "the graph has more than %d nodes", SL_MAX_NODES);
    if ((unsigned)op >= SL_OP_COUNT)
        return sl_fail(err, SL_ERR_ARGUMENT, "node %.200s: %d is no operator", name, (int)op);
    if (n_inputs < 0 || n_inputs > SL_MAX_NODE_INPUTS || n_outputs < 1 || n_outputs > SL_MAX_NODE_INPUTS)
        return sl_fail(err, SL_ERR_LIMIT, "node %.200s has %d inputs and %d outputs, at most %d are supported",
                       name, n_inputs, n_outputs, SL_MAX_NODE_INPUTS);
    for (int i = 0; i < n_inputs; i++)
        if (inputs[i] < -1 || inputs[i] >= g->n_tensors)
            return sl_fail(err, SL_ERR_FORMAT, "node %.200s: input %d does not exist", name, i);
    for (int i = 0; i < n_outputs; i++) {
        if (outputs[i] < 0 || outputs[i] >= g->n_tensors)
            return sl_fail(err, SL_ERR_FORMAT, "node %.200s: output %d does not exist", name, i);
        const sl_tensor_info *t = &g->tensors[outputs[i]];
        if (t->producer >= 0 || t->data || is_input(g, outputs[i]))
            return sl_fail(err, SL_ERR_FORMAT, "node %.200s: its output %.200s is defined elsewhere too", name,
                           t->name);
    }
    for (int i = 0; i < n_outputs; i++)
        for (int j = 0; j < i; j++)
            if (outputs[i] == outputs[j])
                return sl_fail(err, SL_ERR_FORMAT, "node %.200s has one output twice", name);
    return SL_OK;
}

static sl_tensor *copy_indices(const sl_tensor *from, int count)
{
    sl_tensor *to = malloc((size_t)(count ? count : 1) * sizeof *to);
    if (to && count)
        memcpy(to, from, (size_t)count * sizeof *to);
    return to;
}

sl_status sl_graph_add_node(sl_graph *g, sl_op op, const char *name, const sl_attr *attr, const sl_tensor *inputs,
                            int n_inputs, const sl_tensor *outputs, int n_outputs, sl_error *err)
{
    SL_TRY(check_node(g, op, name, inputs, n_inputs, outputs, n_outputs, err));
    sl_node *nodes = sl_with_room(g->nodes, (size_t)g->n_nodes, &g->cap_nodes, sizeof *nodes);
    if (!nodes)
        return sl_no_memory(err, "for the network's graph");
    g->nodes = nodes;
    sl_node node = {.op = op, .name = sl_strdup(name), .n_inputs = n_inputs, .n_outputs = n_outputs};
    node.inputs = copy_indices(inputs, n_inputs);
    node.outputs = copy_indices(outputs, n_outputs);
    if (!node.name || !node.inputs || !node.outputs) {
        free(node.name);
        free(node.inputs);
        free(node.outputs);
        return sl_no_memory(err, "for the network's graph");
    }
    if (attr)
        node.attr = *attr;
    for (int i = 0; i < n_outputs; i++)
        g->tensors[outputs[i]].producer = g->n_nodes;
    g->nodes[g->n_nodes++] = node;
    return SL_OK;
}

/* These lists are short: they grow by one. */
static sl_status append_index(sl_tensor **list, int *count, sl_tensor tensor, sl_error *err)
{
    sl_tensor *p = sl_realloc_array(*list, (size_t)*count + 1, sizeof *p);
    if (!p)
        return sl_no_memory(err, "for the network's graph");
    *list = p;
    p[(*count)++] = tensor;
    return SL_OK;
}

sl_status sl_graph_add_input(sl_graph *g, sl_tensor tensor, sl_error *err)
{
    if (tensor < 0 || tensor >= g->n_tensors)
        return sl_fail(err, SL_ERR_FORMAT, "a graph input is no tensor of the graph");
    const sl_tensor_info *t = &g->tensors[tensor];
    if (t->data || t->producer >= 0 || is_input(g, tensor))
        return sl_fail(err, SL_ERR_FORMAT, "graph input %.200s is defined elsewhere too", t->name);
    if (g->n_inputs >= SL_MAX_GRAPH_INPUTS)
        return sl_fail(err, SL_ERR_LIMIT, "the graph has more than %d inputs", SL_MAX_GRAPH_INPUTS);
    return append_index(&g->inputs, &g->n_inputs, tensor, err);
}

sl_status sl_graph_add_output(sl_graph *g, sl_tensor tensor, sl_error *err)
{
    if (tensor < 0 || tensor >= g->n_tensors)
        return sl_fail(err, SL_ERR_FORMAT, "a graph output is no tensor of the graph");
    if (g->n_outputs >= MAX_TENSORS)
        return sl_fail(err, SL_ERR_LIMIT, "the graph has more than %d outputs", MAX_TENSORS);
    return append_index(&g->outputs, &g->n_outputs, tensor, err);
}

const char *sl_op_name(sl_op op)
{
    static const char *const names[SL_OP_COUNT] = {
        [SL_OP_CONV] = "Conv",
        [SL_OP_DENSE] = "Dense",
        [SL_OP_MATMUL] = "MatMul",
        [SL_OP_BATCHNORM] = "BatchNorm",
        [SL_OP_PRELU] = "PReLU",
        [SL_OP_UNARY] = "Unary",
        [SL_OP_BINARY] = "Binary",
        [SL_OP_POOL] = "Pool",
        [SL_OP_GLOBAL_POOL] = "GlobalPool",
        [SL_OP_REDUCE] = "Reduce",
        [SL_OP_SOFTMAX] = "Softmax",
        [SL_OP_CONCAT] = "Concat",
        [SL_OP_RESIZE] = "Resize",
        [SL_OP_RESHAPE] = "Reshape",
        [SL_OP_FLATTEN] = "Flatten",
        [SL_OP_TRANSPOSE] = "Transpose",
        [SL_OP_SLICE] = "Slice",
        [SL_OP_SPLIT] = "Split",
        [SL_OP_SQUEEZE] = "Squeeze",
        [SL_OP_UNSQUEEZE] = "Unsqueeze",
        [SL_OP_PAD] = "Pad",
        [SL_OP_GATHER] = "Gather",
        [SL_OP_SHAPE] = "Shape",
        [SL_OP_CAST] = "Cast",
        [SL_OP_EXPAND] = "Expand",
        [SL_OP_FILL] = "Fill",
        [SL_OP_L2NORM] = "L2Norm",
        [SL_OP_LAYERNORM] = "LayerNorm",
        [SL_OP_DROPOUT] = "Dropout",
        [SL_OP_MARGIN] = "Margin",
        [SL_OP_CROSS_ENTROPY] = "CrossEntropy",
        [SL_OP_CONV_BACK_DATA] = "ConvBackData",
        [SL_OP_CONV_BACK_WEIGHTS] = "ConvBackWeights",
        [SL_OP_UNARY_BACK] = "UnaryBack",
        [SL_OP_PRELU_BACK] = "PReLUBack",
        [SL_OP_POOL_BACK] = "PoolBack",
        [SL_OP_BATCHNORM_BACK] = "BatchNormBack",
        [SL_OP_GATHER_BACK] = "GatherBack",
        [SL_OP_SOFTMAX_BACK] = "SoftmaxBack",
        [SL_OP_L2NORM_BACK] = "L2NormBack",
        [SL_OP_RESIZE_BACK] = "ResizeBack",
        [SL_OP_LAYERNORM_BACK] = "LayerNormBack",
        [SL_OP_MARGIN_BACK] = "MarginBack",
        [SL_OP_CROSS_ENTROPY_BACK] = "CrossEntropyBack",
    };
    return (unsigned)op < SL_OP_COUNT ? names[op] : "?";
}
