/* A step that runs the reference layer of a kind that is rare, or cheap enough as it is. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/plan/plan_build.h"

typedef struct {
    sl_node node; /* its own copy: the graph may be gone when the plan runs */
    sl_value *values;
    const sl_value **in;
    sl_value *out;
} reference_state;

static void free_reference(void *state)
{
    reference_state *s = state;
    free(s->node.name);
    free(s->values);
    free(s->in);
    free(s);
}

static void bind_reference(sl_step *step)
{
    reference_state *s = step->state;
    for (int i = 0; i < step->n_buffers; i++)
        s->values[i].data = step->data[i];
}

static sl_status run_reference(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const reference_state *s = step->state;
    const sl_call call = {&s->node, s->in, s->out};
    (void)stream;
    return sl_layers[s->node.op].forward(&call, err);
}

sl_status sl_compile_reference(sl_build *b, const sl_node *n, sl_error *err)
{
    int buffers[2 * SL_MAX_NODE_INPUTS], count = 0;
    reference_state *s = calloc(1, sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    s->node = *n;
    s->node.inputs = s->node.outputs = NULL;
    s->node.name = sl_strdup(n->name);
    s->values = calloc((size_t)(n->n_inputs + n->n_outputs), sizeof *s->values);
    s->in = calloc((size_t)n->n_inputs + 1, sizeof *s->in);
    sl_status status = s->node.name && s->values && s->in ? SL_OK : sl_build_no_memory(err);
    for (int i = 0; i < n->n_inputs && status == SL_OK; i++) {
        if (n->inputs[i] < 0)
            continue;
        const sl_tensor_info *t = &b->g->tensors[n->inputs[i]];
        s->values[count] = (sl_value){t->type, t->shape, NULL};
        s->in[i] = &s->values[count];
        status = sl_want_dense(b, n->inputs[i], &buffers[count++], err);
    }
    s->out = s->values + count;
    for (int i = 0; i < n->n_outputs && status == SL_OK; i++) {
        const sl_tensor_info *t = &b->g->tensors[n->outputs[i]];
        s->values[count] = (sl_value){t->type, t->shape, NULL};
        status = sl_make_dense(b, n->outputs[i], &buffers[count++], err);
    }
    if (status != SL_OK) {
        free_reference(s);
        return status;
    }
    return sl_add_step(b, run_reference, bind_reference, free_reference, s, buffers, count, err);
}
