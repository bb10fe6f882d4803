/* Editing the working graph of specialisation: what each step is written with. Readers are counted, so that a node that
 * nobody reads any more is taken out with all that led to it alone. */
#include "net/passes/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- the working graph ---- */

void sl_rewrite_free(sl_rewrite *r)
{
    sl_graph_free(r->g);
    free(r->uses);
    free(r->wanted);
    free(r->alias);
    free(r->pushed);
}

/* A node may be given up to three inputs where it had fewer. */
static sl_status widen_nodes(sl_graph *g, sl_error *err)
{
    for (int i = 0; i < g->n_nodes; i++) {
        sl_node *n = &g->nodes[i];
        sl_tensor *wider = n->n_inputs < 3 ? sl_realloc_array(n->inputs, 3, sizeof *wider) : n->inputs;
        if (!wider)
            return sl_rewrite_no_memory(err);
        n->inputs = wider;
    }
    return SL_OK;
}

sl_status sl_rewrite_start(sl_rewrite *r, sl_error *err)
{
    const sl_graph *g = r->g;
    r->cap = g->n_tensors + 3 * g->n_nodes + 1; /* a node makes at most two new constants */
    r->uses = calloc((size_t)r->cap, sizeof *r->uses);
    r->wanted = calloc((size_t)r->cap, sizeof *r->wanted);
    r->alias = sl_realloc_array(NULL, (size_t)r->cap, sizeof *r->alias);
    r->pushed = sl_realloc_array(NULL, (size_t)g->n_nodes + 1, sizeof *r->pushed);
    if (!r->uses || !r->wanted || !r->alias || !r->pushed)
        return sl_rewrite_no_memory(err);
    SL_TRY(widen_nodes(r->g, err));
    for (int i = 0; i < r->cap; i++)
        r->alias[i] = -1;
    for (int i = 0; i < g->n_nodes; i++) {
        r->pushed[i] = -1;
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            if (g->nodes[i].inputs[k] >= 0)
                r->uses[g->nodes[i].inputs[k]]++;
    }
    for (int i = 0; i < g->n_outputs; i++) {
        r->uses[g->outputs[i]]++;
        r->wanted[g->outputs[i]] = true;
    }
    return SL_OK;
}

/* ---- looking ---- */

sl_node *sl_producer(const sl_rewrite *r, sl_tensor t, sl_op op, sl_fn fn)
{
    int p = t < 0 ? -1 : r->g->tensors[t].producer;
    if (p < 0 || r->g->nodes[p].op != op || (fn != SL_FN_NONE && r->g->nodes[p].attr.fn != fn))
        return NULL;
    return &r->g->nodes[p];
}

bool sl_private(const sl_rewrite *r, sl_tensor t)
{
    return r->uses[t] == 1 && !r->wanted[t];
}

bool sl_per_channel(const sl_rewrite *r, sl_tensor t, const sl_shape *shape, double *values)
{
    if (t < 0 || shape->rank < 2)
        return false;
    const sl_tensor_info *c = sl_tensor_of(r, t);
    int64_t channels = shape->dim[1], n = sl_shape_elements(&c->shape);
    if (!c->data || c->type != SL_TYPE_F32 || c->shape.rank > shape->rank || (n != 1 && n != channels))
        return false;
    int axis = 1 - (shape->rank - c->shape.rank); /* where the channels would be in c */
    if (n != 1 && (axis < 0 || c->shape.dim[axis] != channels))
        return false;
    for (int64_t i = 0; values && i < channels; i++)
        values[i] = ((const float *)c->data)[n == 1 ? 0 : i];
    return true;
}

bool sl_scalar(const sl_rewrite *r, sl_tensor t, float *value)
{
    const sl_tensor_info *c = t < 0 ? NULL : sl_tensor_of(r, t);
    if (!c || !c->data || c->type != SL_TYPE_F32 || sl_shape_elements(&c->shape) != 1)
        return false;
    *value = *(const float *)c->data;
    return true;
}

/* ---- editing ---- */

static void take_out(sl_rewrite *r, sl_node *n);

/* One reader less; a producer that nobody reads goes too. */
static void release_tensor(sl_rewrite *r, sl_tensor t)
{
    if (t < 0 || --r->uses[t] > 0 || r->g->tensors[t].producer < 0)
        return;
    sl_node *n = &r->g->nodes[r->g->tensors[t].producer];
    for (int i = 0; i < n->n_outputs; i++)
        if (r->uses[n->outputs[i]] > 0)
            return;
    take_out(r, n);
}

static void take_out(sl_rewrite *r, sl_node *n)
{
    n->op = SL_OP_COUNT;
    for (int i = 0; i < n->n_inputs; i++)
        release_tensor(r, n->inputs[i]);
    n->n_inputs = 0;
}

void sl_become(sl_rewrite *r, int node, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs)
{
    sl_node *n = &r->g->nodes[node];
    sl_tensor old[SL_MAX_NODE_INPUTS];
    int n_old = n->n_inputs;
    memcpy(old, n->inputs, (size_t)n_old * sizeof *old);
    for (int i = 0; i < n_inputs; i++)
        if (inputs[i] >= 0)
            r->uses[inputs[i]]++;
    n->op = op;
    n->attr = *attr;
    memcpy(n->inputs, inputs, (size_t)n_inputs * sizeof *inputs); /* room: widen_nodes */
    n->n_inputs = n_inputs;
    for (int i = 0; i < n_old; i++)
        release_tensor(r, old[i]);
}

void sl_absorb(sl_rewrite *r, int first, int last)
{
    sl_node *a = &r->g->nodes[first], *b = &r->g->nodes[last];
    sl_tensor between = a->outputs[0];
    a->outputs[0] = b->outputs[0];
    r->g->tensors[a->outputs[0]].producer = first;
    r->g->tensors[between].producer = -1;
    take_out(r, b);
}

void sl_bypass(sl_rewrite *r, sl_node *n)
{
    sl_tensor y = n->outputs[0], x = n->inputs[0];
    if (r->wanted[y])
        return;
    r->alias[y] = x;
    r->uses[x] += r->uses[y];
    r->uses[y] = 0;
    take_out(r, n);
}

void sl_fresh_name(const sl_graph *a, const sl_graph *b, const char *like, char name[SL_FRESH_NAME])
{
    int count = b->n_tensors; /* grows with every tensor: the first try is nearly always free */
    do
        snprintf(name, SL_FRESH_NAME, "%.200s#%d", like, count++);
    while (sl_graph_find(a, name) >= 0 || sl_graph_find(b, name) >= 0);
}

sl_status sl_new_const(sl_rewrite *r, const char *like, const sl_shape *shape, float *data, sl_tensor *out,
                       sl_error *err)
{
    char name[SL_FRESH_NAME];
    sl_fresh_name(r->g, r->g, like, name);
    SL_TRY(sl_graph_add_const(r->g, name, SL_TYPE_F32, shape, data, true, out, err));
    if (*out >= r->cap)
        return sl_fail(err, SL_ERR_INTERNAL, "fusing made more constants than nodes");
    return SL_OK;
}
