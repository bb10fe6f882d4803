/* Walks a graph backwards from the loss: each node is asked for the gradients of its inputs, given those of its
 * outputs. A tensor that several nodes read gets the sum of what they give. */
#include "net/gradient.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/layers/backward.h"
#include "net/passes/rewrite.h"

static sl_status check(const sl_graph *g, sl_tensor loss, const sl_tensor *wrt, int n, sl_error *err)
{
    for (int t = 0; t < g->n_tensors; t++)
        if (sl_shape_elements(&g->tensors[t].shape) < 0)
            return sl_fail(err, SL_ERR_ARGUMENT, "tensor %.200s has no known shape: gradients need all of them",
                           g->tensors[t].name);
    if (loss < 0 || loss >= g->n_tensors || sl_shape_elements(&g->tensors[loss].shape) != 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "the loss is no tensor of one element");
    for (int i = 0; i < n; i++)
        if (wrt[i] < 0 || wrt[i] >= g->n_tensors || g->tensors[wrt[i]].type != SL_TYPE_F32)
            return sl_fail(err, SL_ERR_ARGUMENT, "a gradient is asked for by something that is no tensor of floats");
    return SL_OK;
}

/* ---- backwards ---- */

static void mark_wanted(sl_backward *b, const sl_tensor *wrt, int n)
{
    for (int i = 0; i < n; i++)
        b->wanted[wrt[i]] = true;
    for (int i = 0; i < b->g->n_nodes; i++) {
        const sl_node *node = &b->g->nodes[i];
        bool wanted = false;
        for (int k = 0; k < node->n_inputs; k++)
            wanted |= node->inputs[k] >= 0 && b->wanted[node->inputs[k]];
        for (int k = 0; k < node->n_outputs; k++)
            b->wanted[node->outputs[k]] |= wanted;
    }
}

/* Something came back to the node, and something that is asked for leads to it. */
static bool is_on_the_way(const sl_backward *b)
{
    bool came = false, wanted = false;
    for (int i = 0; i < b->node.n_outputs; i++)
        came |= sl_back_grad(b, i) >= 0;
    for (int i = 0; i < b->node.n_inputs; i++)
        wanted |= sl_back_wants(b, i);
    return came && wanted;
}

static sl_status walk_back(sl_backward *b, sl_tensor loss)
{
    b->node = (sl_node){.name = "loss"};
    const sl_shape shape = b->g->tensors[loss].shape;
    b->grads[loss] = sl_back_filled(b, 1, &shape);
    for (int i = b->g->n_nodes - 1; i >= 0 && b->status == SL_OK; i--) {
        b->node = b->g->nodes[i];
        if (!is_on_the_way(b))
            continue;
        if (sl_layers[b->node.op].gradient)
            sl_layers[b->node.op].gradient(b);
        else
            sl_back_fail(b, SL_ERR_UNSUPPORTED, "this kind of layer has none");
    }
    return b->status;
}

/* ---- what is handed out ---- */

/* The gradient under its name; zeros for what does not lead to the loss. */
static sl_status name_gradient(sl_backward *b, sl_tensor t, sl_error *err)
{
    char name[320];
    sl_tensor out = b->grads[t];
    const sl_shape shape = b->g->tensors[t].shape;
    snprintf(name, sizeof name, "grad:%.300s", b->g->tensors[t].name);
    b->node = (sl_node){.name = name};
    out = out < 0 ? sl_back_filled(b, 0, &shape) : sl_back_unary(b, SL_FN_IDENTITY, out);
    SL_TRY(b->status);
    SL_TRY(sl_graph_rename(b->g, out, name, err));
    return sl_graph_add_output(b->g, out, err);
}

static sl_status differentiate(sl_backward *b, sl_tensor loss, const sl_tensor *wrt, int n, sl_error *err)
{
    mark_wanted(b, wrt, n);
    if (!b->wanted[loss])
        return sl_fail(err, SL_ERR_ARGUMENT, "the loss depends on nothing that a gradient is asked for by");
    for (int t = 0; t < b->n_forward; t++)
        b->grads[t] = -1;
    SL_TRY(walk_back(b, loss));
    for (int i = 0; i < n; i++)
        SL_TRY(name_gradient(b, wrt[i], err));
    return SL_OK;
}

sl_status sl_graph_gradient(const sl_graph *g, sl_tensor loss, const sl_tensor *wrt, int n, sl_graph **out,
                            sl_error *err)
{
    sl_backward b = {.n_forward = g->n_tensors, .infer = sl_layer_infer, .err = err};
    *out = NULL;
    SL_TRY(check(g, loss, wrt, n, err));
    b.g = sl_graph_new();
    b.grads = sl_realloc_array(NULL, (size_t)g->n_tensors, sizeof *b.grads);
    b.wanted = calloc((size_t)g->n_tensors, sizeof *b.wanted);
    sl_status status = b.g && b.grads && b.wanted ? sl_graph_copy(g, NULL, b.g, err) : sl_rewrite_no_memory(err);
    if (status == SL_OK)
        status = differentiate(&b, loss, wrt, n, err);
    free(b.grads);
    free(b.wanted);
    if (status != SL_OK) {
        sl_graph_free(b.g);
        return status;
    }
    *out = b.g;
    return SL_OK;
}
