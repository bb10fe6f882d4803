/* What a plan is made of while it is compiled: buffers, memory of its own, and the steps that work in them. */
#include "net/plan/plan_build.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

sl_status sl_build_fail(const sl_build *b, sl_error *err, const char *what)
{
    const sl_node *n = &b->g->nodes[b->node];
    return sl_fail(err, SL_ERR_INTERNAL, "node %.200s (%s): %s", n->name, sl_op_name(n->op), what);
}

/* ---- buffers ---- */

int sl_new_buffer(sl_build *b, size_t bytes)
{
    sl_plan *p = b->plan;
    sl_buffer *buffers = sl_with_room(p->buffers, (size_t)p->n_buffers, &p->cap_buffers, sizeof *buffers);
    if (!buffers)
        return -1;
    p->buffers = buffers;
    p->buffers[p->n_buffers] = (sl_buffer){.bytes = bytes, .first = INT_MAX, .last = -1};
    return p->n_buffers++;
}

int sl_const_buffer(sl_build *b, void *data, size_t bytes)
{
    int buffer = sl_new_buffer(b, bytes);
    if (buffer >= 0) {
        b->plan->buffers[buffer].data = data;
        b->plan->buffers[buffer].constant = true;
    }
    return buffer;
}

void *sl_plan_memory(sl_build *b, size_t bytes)
{
    sl_plan *p = b->plan;
    void **owned = sl_with_room(p->owned, (size_t)p->n_owned, &p->cap_owned, sizeof *owned);
    if (!owned)
        return NULL;
    p->owned = owned;
    void *memory = sl_alloc_aligned(bytes);
    if (memory)
        p->owned[p->n_owned++] = memory;
    return memory;
}

bool sl_last_read(const sl_build *b, int buffer)
{
    const sl_buffer *x = &b->plan->buffers[buffer];
    return x->pending == 1 && !x->constant && x->last != INT_MAX;
}

/* ---- steps ---- */

static bool copy_buffers(sl_step *s, const int *buffers, int n_buffers)
{
    s->buffers = sl_realloc_array(NULL, (size_t)n_buffers + 1, sizeof *s->buffers);
    s->data = calloc((size_t)n_buffers + 1, sizeof *s->data);
    s->n_buffers = n_buffers;
    if (!s->buffers || !s->data)
        return false;
    memcpy(s->buffers, buffers, (size_t)n_buffers * sizeof *buffers);
    return true;
}

sl_status sl_add_step(sl_build *b, sl_status (*run)(const sl_step *, dnnl_stream_t, sl_error *),
                      void (*bind)(sl_step *), void (*free_state)(void *), void *state, const int *buffers,
                      int n_buffers, sl_error *err)
{
    sl_plan *p = b->plan;
    sl_step s = {.run = run, .bind = bind, .free_state = free_state, .state = state, .steady = b->steady};
    sl_step *steps = sl_with_room(p->steps, (size_t)p->n_steps, &p->cap_steps, sizeof *steps);
    p->steps = steps ? steps : p->steps;
    if (!steps || !copy_buffers(&s, buffers, n_buffers)) {
        free(s.buffers);
        free(s.data);
        free_state(state);
        return sl_build_no_memory(err);
    }
    for (int i = 0; i < n_buffers; i++) {
        sl_buffer *x = &p->buffers[buffers[i]];
        if (p->n_steps < x->first)
            x->first = p->n_steps;
        if (p->n_steps > x->last)
            x->last = p->n_steps;
        if (b->steady) { /* for runs that leave this step out */
            x->first = 0;
            x->last = INT_MAX;
        }
    }
    p->steps[p->n_steps++] = s;
    return SL_OK;
}

sl_status sl_const_made(sl_build *b, sl_tensor t, const sl_md *to, sl_fill_fn fill, const void *context, void **data,
                        sl_error *err)
{
    if (b->weights)
        return sl_shared_weights(b, t, to, fill, context, data, err);
    *data = sl_plan_memory(b, sl_md_bytes(to));
    return *data ? fill(b, t, context, *data, err) : sl_build_no_memory(err);
}
