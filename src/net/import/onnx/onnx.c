/* ONNX files to graphs: opset 7 to 23 of the default domain, inference only. */
#include "net/import/onnx/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/import/batch.h"
#include "net/import/const_budget.h"

enum { OLDEST_OPSET = 7, NEWEST_OPSET = 23 };

static const char *text_or_empty(const char *text) { return text ? text : ""; }

static bool is_default_domain(const char *domain)
{
    return !domain || !domain[0] || strcmp(domain, "ai.onnx") == 0;
}

static sl_status find_opset(const Onnx__ModelProto *model, int64_t *opset, sl_error *err)
{
    *opset = 1; /* files of before IR version 3 name none */
    for (size_t i = 0; i < model->n_opset_import; i++)
        if (is_default_domain(model->opset_import[i]->domain))
            *opset = model->opset_import[i]->version;
    if (*opset < OLDEST_OPSET || *opset > NEWEST_OPSET)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "ONNX opset %lld is not supported; export the model with opset %d to %d", (long long)*opset,
                       OLDEST_OPSET, NEWEST_OPSET);
    return SL_OK;
}

/* ---- constants, outputs ---- */

static sl_status add_initializers(sl_onnx *o, const Onnx__GraphProto *graph)
{
    if (graph->n_sparse_initializer)
        return sl_fail(o->err, SL_ERR_UNSUPPORTED, "sparse initializers are not supported");
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Onnx__TensorProto *t = graph->initializer[i];
        sl_tensor added;
        if (!t->name || !t->name[0])
            return sl_fail(o->err, SL_ERR_FORMAT, "initializer %zu has no name", i);
        SL_TRY(sl_onnx_add_tensor(o->g, t, t->name, &added, o->err));
    }
    return SL_OK;
}

static sl_status add_onnx_outputs(sl_onnx *o, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_output; i++) {
        const char *name = text_or_empty(graph->output[i]->name);
        sl_tensor t = sl_graph_find(o->g, name);
        if (t < 0)
            return sl_fail(o->err, SL_ERR_FORMAT, "output %.200s is computed by no node", name);
        SL_TRY(sl_graph_add_output(o->g, t, o->err));
    }
    if (o->g->n_outputs == 0)
        return sl_fail(o->err, SL_ERR_FORMAT, "the model has no output");
    return SL_OK;
}

/* ---- order ---- */

/* A node's name for messages: its own, or its first output's. */
static const char *name_of(const Onnx__NodeProto *node)
{
    if (node->name && node->name[0])
        return node->name;
    return node->n_output ? text_or_empty(node->output[0]) : "without a name";
}

/* Depth-first over who computes a node's inputs, with its own stack; file order where that is free. */
typedef struct {
    const Onnx__GraphProto *graph;
    sl_graph *names; /* its tensors are the nodes' outputs */
    int *index_kind;      /* the node that computes each */
    uint8_t *state;  /* per node: 0 new, 1 on the stack, 2 placed */
    struct {
        int node;
        size_t next_input;
    } *stack;
    int *order;
    int placed;
} sorter;

static sl_status note_derived(sorter *s, sl_error *err)
{
    size_t outputs = 0, at = 0;
    for (size_t i = 0; i < s->graph->n_node; i++)
        outputs += s->graph->node[i]->n_output;
    s->names = sl_graph_new();
    s->index_kind = calloc(outputs + 1, sizeof *s->index_kind);
    if (!s->names || !s->index_kind)
        return sl_no_memory(err, "for the order of the nodes");
    for (size_t i = 0; i < s->graph->n_node; i++) {
        const Onnx__NodeProto *node = s->graph->node[i];
        for (size_t j = 0; j < node->n_output; j++) {
            sl_tensor t;
            if (!node->output[j][0])
                continue;
            SL_TRY(sl_graph_add_tensor(s->names, node->output[j], SL_TYPE_F32, &(sl_shape){.rank = -1}, &t, err));
            s->index_kind[at++] = (int)i;
        }
    }
    return SL_OK;
}

static sl_status place_node(sorter *s, int root, sl_error *err)
{
    int depth = 0;
    s->stack[0].node = root;
    s->stack[0].next_input = 0;
    s->state[root] = 1;
    while (depth >= 0) {
        int n = s->stack[depth].node;
        const Onnx__NodeProto *node = s->graph->node[n];
        if (s->stack[depth].next_input == node->n_input) {
            s->state[n] = 2;
            s->order[s->placed++] = n;
            depth--;
            continue;
        }
        sl_tensor t = sl_graph_find(s->names, node->input[s->stack[depth].next_input++]);
        int index_kind = t < 0 ? -1 : s->index_kind[t];
        if (index_kind < 0 || s->state[index_kind] == 2)
            continue;
        if (s->state[index_kind] == 1)
            return sl_fail(err, SL_ERR_FORMAT, "node %.200s depends on itself: the graph has a cycle",
                           name_of(node));
        s->state[index_kind] = 1;
        depth++;
        s->stack[depth].node = index_kind;
        s->stack[depth].next_input = 0;
    }
    return SL_OK;
}

/* order: n_node indices, so that each node comes after those it needs. */
static sl_status sort_nodes(const Onnx__GraphProto *graph, int *order, sl_error *err)
{
    sorter s = {.graph = graph, .order = order};
    sl_status status;
    s.state = calloc(graph->n_node + 1, sizeof *s.state);
    s.stack = calloc(graph->n_node + 1, sizeof *s.stack);
    if (s.state && s.stack)
        status = note_derived(&s, err);
    else
        status = sl_no_memory(err, "for the order of the nodes");
    for (size_t i = 0; i < graph->n_node && status == SL_OK; i++)
        if (s.state[i] == 0)
            status = place_node(&s, (int)i, err);
    sl_graph_free(s.names);
    free(s.index_kind);
    free(s.state);
    free(s.stack);
    return status;
}

/* ---- nodes ---- */

/* Finds the node's inputs in the graph and checks their number. */
static void read_inputs(sl_onnx *o, const sl_onnx_operator *op)
{
    o->n_inputs = 0;
    if (o->node->n_input > SL_MAX_NODE_INPUTS || o->node->n_output > SL_MAX_NODE_INPUTS) {
        sl_onnx_fail(o, SL_ERR_LIMIT, "more than %d inputs or outputs", SL_MAX_NODE_INPUTS);
        return;
    }
    for (size_t i = 0; i < o->node->n_input; i++) {
        const char *name = o->node->input[i];
        sl_tensor t = name[0] ? sl_graph_find(o->g, name) : -1;
        if (name[0] && t < 0)
            sl_onnx_fail(o, SL_ERR_FORMAT, "its input %.200s is defined nowhere", name);
        o->inputs[o->n_inputs++] = t;
    }
    while (o->n_inputs > 0 && o->inputs[o->n_inputs - 1] < 0)
        o->n_inputs--;
    if (o->n_inputs < op->min_inputs || o->n_inputs > op->max_inputs)
        sl_onnx_fail(o, SL_ERR_FORMAT, "it has %d inputs, expected %d to %d", o->n_inputs, op->min_inputs,
                     op->max_inputs);
    for (int i = 0; i < op->min_inputs && i < o->n_inputs; i++)
        if (o->inputs[i] < 0)
            sl_onnx_fail(o, SL_ERR_FORMAT, "input %d is missing", i);
}

static sl_status convert_node(sl_onnx *o, const Onnx__NodeProto *node)
{
    const char *op_type = text_or_empty(node->op_type);
    o->node = node;
    o->name = name_of(node);
    if (!is_default_domain(node->domain))
        return sl_fail(o->err, SL_ERR_UNSUPPORTED,
                       "node %.200s: operator %.100s of domain %.100s is not supported", o->name, op_type,
                       node->domain);
    const sl_onnx_operator *op = sl_onnx_find_operator(op_type);
    if (!op)
        return sl_fail(o->err, SL_ERR_UNSUPPORTED, "node %.200s: operator %.100s is not supported", o->name,
                       op_type);
    if (node->n_output == 0 || !node->output[0][0])
        return sl_fail(o->err, SL_ERR_FORMAT, "node %.200s (%s) has no output", o->name, op_type);
    read_inputs(o, op);
    if (o->status == SL_OK)
        op->convert(o, op->fn);
    return o->status;
}

static sl_status convert_nodes(sl_onnx *o, const Onnx__GraphProto *graph)
{
    if (graph->n_node > SL_MAX_NODES)
        return sl_fail(o->err, SL_ERR_LIMIT, "the model has %zu nodes, at most %d are supported", graph->n_node,
                       SL_MAX_NODES);
    int *order = calloc(graph->n_node + 1, sizeof *order);
    if (!order)
        return sl_no_memory(o->err, "for the order of the nodes");
    sl_status status = sort_nodes(graph, order, o->err);
    for (size_t i = 0; i < graph->n_node && status == SL_OK; i++)
        status = convert_node(o, graph->node[order[i]]);
    free(order);
    return status;
}

static sl_status build_onnx(sl_onnx *o, sl_onnx_file *file)
{
    Onnx__GraphProto *graph = file->model->graph;
    if (!graph)
        return sl_fail(o->err, SL_ERR_FORMAT, "not an ONNX model: it has no graph");
    o->file_graph = graph;
    SL_TRY(find_opset(file->model, &o->opset, o->err));
    SL_TRY(add_initializers(o, graph));
    SL_TRY(sl_onnx_add_inputs(o, graph));
    SL_TRY(convert_nodes(o, graph));
    SL_TRY(add_onnx_outputs(o, graph));
    return sl_free_batch(o->g, o->err);
}

/* Bytes of the file and of those beside it. */
static size_t bytes_in_all(const sl_onnx_file *file, size_t size)
{
    for (int i = 0; i < file->n_sides; i++)
        size += file->sides[i].map.size;
    return size;
}

sl_status sl_import_onnx_in(const void *data, size_t size, const char *folder, uint8_t digest[32], sl_graph **out,
                            sl_error *err)
{
    sl_onnx_file file;
    *out = NULL;
    SL_TRY(sl_onnx_open(&file, data, size, err));
    sl_onnx o = {.g = sl_graph_new(), .err = err};
    sl_status status = o.g ? SL_OK : sl_no_memory(err, "for the network's graph");
    if (status == SL_OK && folder)
        status = sl_onnx_lend_sides(&file, folder, digest, err);
    o.budget = sl_const_budget(bytes_in_all(&file, size));
    if (status == SL_OK)
        status = build_onnx(&o, &file);
    sl_onnx_close(&file);
    if (status == SL_OK)
        *out = o.g;
    else
        sl_graph_free(o.g);
    return status;
}

sl_status sl_import_onnx(const void *data, size_t size, sl_graph **out, sl_error *err)
{
    return sl_import_onnx_in(data, size, NULL, NULL, out, err);
}
