/* First step of specialisation: shapes of all tensors that lead to the outputs, with everything evaluated
 * that depends on constants and shapes alone. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/passes/rewrite.h"

/* A small file must not make us fill the memory with evaluated constants. */
#define MOST_CONST ((int64_t)1 << 24)
#define MOST_CONSTS ((int64_t)1 << 26)

typedef struct {
    const sl_graph *from;
    sl_graph *to;
    sl_value *values; /* [tensors of from] */
    bool *known;      /* [tensors of from] the value has a shape */
    sl_tensor *map;   /* [tensors of from] index in `to`, or -1 */
    bool *live;       /* [nodes of from] */
    int64_t evaluated;
} inference;

/* ---- which nodes count ---- */

static sl_status mark_live(inference *f, const sl_tensor *outputs, int n_outputs, sl_error *err)
{
    const sl_graph *g = f->from;
    bool *needed = calloc((size_t)g->n_tensors + 1, sizeof *needed);
    if (!needed)
        return sl_rewrite_no_memory(err);
    for (int i = 0; i < n_outputs; i++)
        needed[outputs[i]] = true;
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        const sl_node *n = &g->nodes[i];
        for (int o = 0; o < n->n_outputs; o++)
            f->live[i] |= needed[n->outputs[o]];
        for (int k = 0; f->live[i] && k < n->n_inputs; k++)
            if (n->inputs[k] >= 0)
                needed[n->inputs[k]] = true;
    }
    free(needed);
    return SL_OK;
}

/* ---- tensors of the new graph ---- */

static sl_status map_tensor(inference *f, sl_tensor t, sl_error *err)
{
    const sl_value *v = &f->values[t];
    const char *name = f->from->tensors[t].name;
    if (f->map[t] >= 0)
        return SL_OK;
    if (v->data)
        return sl_graph_add_const(f->to, name, v->type, &v->shape, v->data, false, &f->map[t], err);
    return sl_graph_add_tensor(f->to, name, v->type, &v->shape, &f->map[t], err);
}

static sl_status start_values(inference *f, const sl_shape *input_shapes, sl_error *err)
{
    const sl_graph *g = f->from;
    for (int t = 0; t < g->n_tensors; t++) {
        f->map[t] = -1;
        if (g->tensors[t].data) {
            f->values[t] = (sl_value){g->tensors[t].type, g->tensors[t].shape, (void *)g->tensors[t].data};
            f->known[t] = true;
        }
    }
    for (int i = 0; i < g->n_inputs; i++) {
        sl_tensor t = g->inputs[i];
        const sl_tensor_info *info = &g->tensors[t];
        if (info->type != SL_TYPE_F32)
            return sl_fail(err, SL_ERR_UNSUPPORTED, "input %.200s is of integers, only float is supported",
                           info->name);
        if (sl_shape_elements(&input_shapes[i]) < 1 ||
            (info->shape.rank >= 0 && info->shape.rank != input_shapes[i].rank))
            return sl_fail(err, SL_ERR_ARGUMENT, "the shape given for input %.200s does not fit or is empty",
                           info->name);
        f->values[t] = (sl_value){SL_TYPE_F32, input_shapes[i], NULL};
        f->known[t] = true;
        SL_TRY(map_tensor(f, t, err));
        SL_TRY(sl_graph_add_input(f->to, f->map[t], err));
    }
    return SL_OK;
}

/* ---- nodes ---- */

/* Heavy kinds stay in the graph even when all their inputs are constants. */
static bool worth_folding(sl_op op)
{
    return op != SL_OP_CONV && op != SL_OP_DENSE && op != SL_OP_MATMUL && op != SL_OP_POOL;
}

static bool constant_inputs(const sl_call *c)
{
    for (int i = 0; i < c->node->n_inputs; i++)
        if (c->in[i] && !c->in[i]->data)
            return false;
    return true;
}

static sl_status evaluate_node(inference *f, const sl_call *c, sl_error *err)
{
    for (int i = 0; i < c->node->n_outputs; i++) {
        int64_t n = sl_shape_elements(&c->out[i].shape);
        f->evaluated += n;
        if (n > MOST_CONST || f->evaluated > MOST_CONSTS)
            return sl_layer_fail(c, err, SL_ERR_LIMIT, "a computed constant of %lld elements is too large",
                                 (long long)n);
        void *data = malloc((size_t)n * sl_type_size(c->out[i].type) + 1); /* never NULL for an empty tensor */
        void **owned = data ? sl_realloc_array(f->to->owned, (size_t)f->to->n_owned + 1, sizeof *owned) : NULL;
        if (!owned) {
            free(data);
            return sl_rewrite_no_memory(err);
        }
        f->to->owned = owned;
        f->to->cap_owned = (size_t)f->to->n_owned + 1;
        f->to->owned[f->to->n_owned++] = c->out[i].data = data;
    }
    return sl_layers[c->node->op].forward(c, err);
}

/* Adds the node with its tensors to the new graph. */
static sl_status keep_node(inference *f, const sl_call *c, sl_error *err)
{
    const sl_node *n = c->node;
    sl_tensor inputs[SL_MAX_NODE_INPUTS], outputs[SL_MAX_NODE_INPUTS];
    for (int i = 0; i < n->n_outputs; i++) {
        if (c->out[i].type != SL_TYPE_F32)
            return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED,
                                 "integers computed from the picture are not supported");
        if (sl_shape_elements(&c->out[i].shape) == 0)
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "its output has no elements");
    }
    for (int i = 0; i < n->n_inputs; i++) {
        inputs[i] = -1;
        if (n->inputs[i] < 0)
            continue;
        SL_TRY(map_tensor(f, n->inputs[i], err));
        inputs[i] = f->map[n->inputs[i]];
    }
    for (int i = 0; i < n->n_outputs; i++) {
        SL_TRY(map_tensor(f, n->outputs[i], err));
        outputs[i] = f->map[n->outputs[i]];
    }
    sl_attr attr = n->attr;
    if (n->op == SL_OP_CONV || n->op == SL_OP_POOL) { /* pads made explicit once and for all */
        const sl_shape *k = n->op == SL_OP_CONV ? &c->in[1]->shape : NULL;
        const int64_t kernel[2] = {k ? k->dim[2] : attr.kernel[0], k ? k->dim[3] : attr.kernel[1]};
        sl_window w;
        SL_TRY(sl_window_of(c, &c->in[0]->shape, kernel, &w, err));
        attr.auto_pad = SL_PAD_EXPLICIT;
        attr.groups = attr.groups ? attr.groups : 1;
        for (int i = 0; i < 4; i++)
            attr.pad[i] = (int)w.pad[i];
        for (int i = 0; i < 2; i++) {
            attr.kernel[i] = (int)w.kernel[i];
            attr.stride[i] = (int)w.stride[i];
            attr.dilation[i] = (int)w.dilation[i];
        }
    }
    return sl_graph_add_node(f->to, n->op, n->name, &attr, inputs, n->n_inputs, outputs, n->n_outputs, err);
}

static sl_status infer_node(inference *f, const sl_node *n, sl_error *err)
{
    const sl_value *in[SL_MAX_NODE_INPUTS];
    sl_value out[SL_MAX_NODE_INPUTS] = {0};
    sl_call c = {n, in, out};
    for (int i = 0; i < n->n_inputs; i++) {
        sl_tensor t = n->inputs[i];
        in[i] = t < 0 ? NULL : &f->values[t];
        if (t >= 0 && !f->known[t])
            return sl_layer_fail(&c, err, SL_ERR_FORMAT, "its input %.200s is not defined before it",
                                 f->from->tensors[t].name);
    }
    SL_TRY(sl_layer_infer(&c, err));
    bool constant = n->op == SL_OP_SHAPE || (constant_inputs(&c) && worth_folding(n->op));
    if (constant)
        SL_TRY(evaluate_node(f, &c, err));
    for (int i = 0; i < n->n_outputs; i++) {
        f->values[n->outputs[i]] = out[i];
        f->known[n->outputs[i]] = true;
    }
    return constant ? SL_OK : keep_node(f, &c, err);
}

static sl_status infer_all(inference *f, const sl_shape *input_shapes, const sl_tensor *outputs, int n_outputs,
                           sl_error *err)
{
    SL_TRY(mark_live(f, outputs, n_outputs, err));
    SL_TRY(start_values(f, input_shapes, err));
    for (int i = 0; i < f->from->n_nodes; i++)
        if (f->live[i])
            SL_TRY(infer_node(f, &f->from->nodes[i], err));
    for (int i = 0; i < n_outputs; i++) {
        const char *name = f->from->tensors[outputs[i]].name;
        if (!f->known[outputs[i]])
            return sl_fail(err, SL_ERR_FORMAT, "output %.200s is computed by no node", name);
        if (f->values[outputs[i]].type != SL_TYPE_F32 || sl_shape_elements(&f->values[outputs[i]].shape) < 1)
            return sl_fail(err, SL_ERR_UNSUPPORTED, "output %.200s is of integers or has no elements", name);
        SL_TRY(map_tensor(f, outputs[i], err));
        SL_TRY(sl_graph_add_output(f->to, f->map[outputs[i]], err));
    }
    return SL_OK;
}

static sl_status infer_graph(const sl_graph *g, const sl_shape *input_shapes, const sl_tensor *outputs, int n_outputs,
                             sl_graph **out, sl_error *err)
{
    size_t tensors = (size_t)g->n_tensors + 1, nodes = (size_t)g->n_nodes + 1;
    inference f = {.from = g, .to = sl_graph_new()};
    f.values = calloc(tensors, sizeof *f.values);
    f.known = calloc(tensors, sizeof *f.known);
    f.map = calloc(tensors, sizeof *f.map);
    f.live = calloc(nodes, sizeof *f.live);
    sl_status status = f.to && f.values && f.known && f.map && f.live
                           ? infer_all(&f, input_shapes, outputs, n_outputs, err)
                           : sl_rewrite_no_memory(err);
    free(f.values);
    free(f.known);
    free(f.map);
    free(f.live);
    if (status != SL_OK) {
        sl_graph_free(f.to);
        f.to = NULL;
    }
    *out = f.to;
    return status;
}

static sl_status find_outputs(const sl_graph *g, const char *const *names, int count, sl_tensor *out,
                              sl_error *err)
{
    for (int i = 0; i < count; i++) {
        out[i] = names ? sl_graph_find(g, names[i]) : g->outputs[i];
        if (out[i] < 0)
            return sl_fail(err, SL_ERR_NOT_FOUND, "the network has no tensor named %.200s", names[i]);
    }
    return SL_OK;
}

sl_status sl_graph_infer(const sl_graph *g, const sl_shape *input_shapes, const char *const *outputs, int n_outputs,
                         sl_graph **out, sl_error *err)
{
    *out = NULL;
    if (!outputs)
        n_outputs = g->n_outputs;
    if (n_outputs < 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "no output of the network is asked for");
    sl_tensor *wanted = sl_realloc_array(NULL, (size_t)n_outputs, sizeof *wanted);
    if (!wanted)
        return sl_rewrite_no_memory(err);
    sl_status status = find_outputs(g, outputs, n_outputs, wanted, err);
    if (status == SL_OK)
        status = infer_graph(g, input_shapes, wanted, n_outputs, out, err);
    free(wanted);
    return status;
}
