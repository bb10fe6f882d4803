/* Specialisation: shapes and constants (infer.c), fusing (fuse.c), and what is left as a new graph. */
#include <stdlib.h>

#include "base/mem.h"
#include "net/passes/rewrite.h"

/* ---- the new graph ---- */

static sl_status copy_tensor(const sl_rewrite *r, sl_graph *to, sl_tensor t, sl_tensor *map, sl_error *err)
{
    const sl_tensor_info *info = &r->g->tensors[t];
    if (map[t] >= 0)
        return SL_OK;
    if (info->data)
        return sl_graph_add_const(to, info->name, info->type, &info->shape, info->data, false, &map[t], err);
    return sl_graph_add_tensor(to, info->name, info->type, &info->shape, &map[t], err);
}

/* The function pushed into a Concat, as a node of its own on one of its inputs. */
static sl_status copy_pushed(const sl_rewrite *r, sl_graph *to, const sl_node *pushed, sl_tensor *input,
                             sl_error *err)
{
    char name[SL_FRESH_NAME];
    sl_tensor out;
    const sl_shape shape = to->tensors[*input].shape;
    sl_fresh_name(r->g, to, to->tensors[*input].name, name);
    SL_TRY(sl_graph_add_tensor(to, name, SL_TYPE_F32, &shape, &out, err));
    SL_TRY(sl_graph_add_node(to, SL_OP_UNARY, pushed->name, &pushed->attr, input, 1, &out, 1, err));
    *input = out;
    return SL_OK;
}

static sl_status copy_node(const sl_rewrite *r, sl_graph *to, int node, sl_tensor *map, sl_error *err)
{
    const sl_node *n = &r->g->nodes[node];
    sl_tensor inputs[SL_MAX_NODE_INPUTS], outputs[SL_MAX_NODE_INPUTS];
    for (int i = 0; i < n->n_inputs; i++) {
        inputs[i] = -1;
        if (n->inputs[i] < 0)
            continue;
        SL_TRY(copy_tensor(r, to, n->inputs[i], map, err));
        inputs[i] = map[n->inputs[i]];
        if (r->pushed[node] >= 0)
            SL_TRY(copy_pushed(r, to, &r->g->nodes[r->pushed[node]], &inputs[i], err));
    }
    for (int i = 0; i < n->n_outputs; i++) {
        SL_TRY(copy_tensor(r, to, n->outputs[i], map, err));
        outputs[i] = map[n->outputs[i]];
    }
    return sl_graph_add_node(to, n->op, n->name, &n->attr, inputs, n->n_inputs, outputs, n->n_outputs, err);
}

static sl_status copy_graph(const sl_rewrite *r, sl_graph *to, sl_tensor *map, sl_error *err)
{
    const sl_graph *g = r->g;
    for (int t = 0; t < g->n_tensors; t++)
        map[t] = -1;
    for (int i = 0; i < g->n_inputs; i++) {
        SL_TRY(copy_tensor(r, to, g->inputs[i], map, err));
        SL_TRY(sl_graph_add_input(to, map[g->inputs[i]], err));
    }
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op != SL_OP_COUNT)
            SL_TRY(copy_node(r, to, i, map, err));
    for (int i = 0; i < g->n_outputs; i++) {
        SL_TRY(copy_tensor(r, to, g->outputs[i], map, err));
        SL_TRY(sl_graph_add_output(to, map[g->outputs[i]], err));
    }
    return SL_OK;
}

/* What is left of the working graph, with the memory of its constants. */
static sl_status finish_rewrite(sl_rewrite *r, sl_graph **out, sl_error *err)
{
    sl_tensor *map = sl_realloc_array(NULL, (size_t)r->g->n_tensors + 1, sizeof *map);
    *out = sl_graph_new();
    sl_status status = map && *out ? copy_graph(r, *out, map, err) : sl_rewrite_no_memory(err);
    free(map);
    if (status != SL_OK) {
        sl_graph_free(*out);
        *out = NULL;
        return status;
    }
    (*out)->owned = r->g->owned;
    (*out)->n_owned = r->g->n_owned;
    (*out)->cap_owned = r->g->cap_owned;
    r->g->owned = NULL;
    r->g->n_owned = r->g->cap_owned = 0;
    return SL_OK;
}

/* ---- the whole ---- */

sl_status sl_graph_specialize(const sl_graph *g, const sl_shape *input_shapes, const char *const *outputs,
                              int n_outputs, sl_graph **out, sl_error *err)
{
    sl_rewrite r = {0};
    sl_status status;
    *out = NULL;
    SL_TRY_GOTO(sl_graph_infer(g, input_shapes, outputs, n_outputs, &r.g, err), end);
    SL_TRY_GOTO(sl_rewrite_start(&r, err), end);
    SL_TRY_GOTO(sl_fuse_graph(&r, err), end);
    SL_TRY_GOTO(finish_rewrite(&r, out, err), end);
end:
    sl_rewrite_free(&r);
    return status;
}
