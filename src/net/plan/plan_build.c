#include "net/plan/plan_build.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

sl_status sl_build_no_memory(sl_error *err)
{
    return sl_fail(err, SL_ERR_MEMORY, "no memory to compile the network");
}

sl_status sl_build_fail(const sl_build *b, sl_error *err, const char *what)
{
    const sl_node *n = &b->g->nodes[b->node];
    return sl_fail(err, SL_ERR_INTERNAL, "node %.200s (%s): %s", n->name, sl_op_name(n->op), what);
}

static bool grow(void *array, int count, int *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    int larger = *capacity ? *capacity * 2 : 64;
    void *p = sl_realloc_array(*(void **)array, (size_t)larger, size);
    if (!p)
        return false;
    *(void **)array = p;
    *capacity = larger;
    return true;
}

/* ---- buffers ---- */

int sl_new_buffer(sl_build *b, size_t bytes)
{
    sl_plan *p = b->plan;
    if (!grow(&p->buffers, p->n_buffers, &p->cap_buffers, sizeof *p->buffers))
        return -1;
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
    if (!grow(&p->owned, p->n_owned, &p->cap_owned, sizeof *p->owned))
        return NULL;
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

/* ---- places of tensors ---- */

void sl_bind_dense(sl_build *b, sl_tensor t, int buffer)
{
    b->places[t].dense = buffer;
    b->plan->buffers[buffer].pending += b->places[t].uses;
}

/* Where a place keeps what is laid out as `md`. */
typedef struct {
    int *buffer;
    sl_md *md;
} form;

static form form_of(sl_place *p, const sl_md *md)
{
    return sl_md_type(md) == dnnl_f32 ? (form){&p->other, &p->md} : (form){&p->narrow, &p->narrow_md};
}

sl_status sl_bind_md(sl_build *b, sl_tensor t, const sl_md *md, int buffer, sl_error *err)
{
    sl_place *place = &b->places[t];
    const form f = form_of(place, md);
    sl_md dense;
    if (!sl_md_dense(&b->g->tensors[t].shape, &dense))
        return sl_build_no_memory(err);
    bool is_dense = sl_md_equal(md, &dense);
    sl_md_free(&dense);
    if (is_dense) {
        sl_bind_dense(b, t, buffer);
        return SL_OK;
    }
    if (*f.buffer >= 0) { /* the newest layout is the one to keep */
        b->plan->buffers[*f.buffer].pending -= place->uses;
        sl_md_free(f.md);
        *f.buffer = -1;
    }
    if (!sl_md_copy(md, f.md))
        return sl_build_no_memory(err);
    *f.buffer = buffer;
    b->plan->buffers[buffer].pending += place->uses;
    return SL_OK;
}

sl_status sl_make_dense(sl_build *b, sl_tensor t, int *buffer, sl_error *err)
{
    *buffer = sl_new_buffer(b, (size_t)sl_shape_elements(&b->g->tensors[t].shape) * sizeof(float));
    if (*buffer < 0)
        return sl_build_no_memory(err);
    sl_bind_dense(b, t, *buffer);
    return SL_OK;
}

sl_status sl_make_md(sl_build *b, sl_tensor t, const sl_md *md, int *buffer, sl_error *err)
{
    *buffer = sl_new_buffer(b, sl_md_bytes(md));
    return *buffer < 0 ? sl_build_no_memory(err) : sl_bind_md(b, t, md, *buffer, err);
}

/* The graph's constants are copied once, when first read. */
static sl_status place_const(sl_build *b, sl_tensor t, sl_error *err)
{
    const sl_tensor_info *info = &b->g->tensors[t];
    size_t bytes = (size_t)sl_shape_elements(&info->shape) * sl_type_size(info->type);
    void *copy = sl_plan_memory(b, bytes);
    int buffer = copy ? sl_const_buffer(b, copy, bytes) : -1;
    if (buffer < 0)
        return sl_build_no_memory(err);
    memcpy(copy, info->data, bytes);
    sl_bind_dense(b, t, buffer);
    return SL_OK;
}

/* What a tensor's number is multiplied by on its way between int8 and another type. */
static float scale_between(const sl_build *b, sl_tensor t, const sl_md *from, const sl_md *to)
{
    bool narrow = sl_is_int8(sl_md_type(from)), narrows = sl_is_int8(sl_md_type(to));
    if (narrow == narrows)
        return 1;
    float scale = sl_range_find(b->ranges, b->g->tensors[t].name)->scale;
    return narrow ? scale : 1 / scale;
}

static sl_status add_reorder(sl_build *b, sl_tensor t, const sl_md *from, int from_buffer, const sl_md *to,
                             int to_buffer, sl_error *err)
{
    dnnl_primitive_desc_t pd;
    dnnl_primitive_attr_t attr = sl_new_attr(NULL);
    float scale = scale_between(b, t, from, to);
    const sl_scales scales = {DNNL_ARG_FROM, 1, &scale};
    dnnl_status_t made = attr && (scale == 1 || sl_attr_scales(attr, &scales))
                             ? sl_pd_reorder(&pd, b->engine, from, to, attr)
                             : dnnl_out_of_memory;
    dnnl_primitive_attr_destroy(attr);
    if (made != dnnl_success)
        return sl_build_fail(b, err, "oneDNN cannot reorder its tensor");
    sl_arguments a = {.scales = scale == 1 ? NULL : &scales};
    sl_add_arg(&a, DNNL_ARG_FROM, from, from_buffer);
    sl_add_arg(&a, DNNL_ARG_TO, to, to_buffer);
    return sl_add_primitive(b, pd, &a, err);
}

sl_status sl_want_dense(sl_build *b, sl_tensor t, int *buffer, sl_error *err)
{
    sl_place *place = &b->places[t];
    if (place->dense < 0 && b->g->tensors[t].data)
        SL_TRY(place_const(b, t, err));
    if (place->dense < 0) {
        sl_md dense;
        int from = place->other >= 0 ? place->other : place->narrow;
        if (from < 0)
            return sl_build_fail(b, err, "its input was never computed");
        if (!sl_md_dense(&b->g->tensors[t].shape, &dense))
            return sl_build_no_memory(err);
        SL_TRY(sl_make_dense(b, t, buffer, err));
        const sl_md *md = place->other >= 0 ? &place->md : &place->narrow_md;
        sl_status status = add_reorder(b, t, md, from, &dense, *buffer, err);
        sl_md_free(&dense);
        SL_TRY(status);
    }
    *buffer = place->dense;
    return SL_OK;
}

sl_status sl_want_md(sl_build *b, sl_tensor t, const sl_md *md, int *buffer, sl_error *err)
{
    sl_place *place = &b->places[t];
    const form f = form_of(place, md);
    if (*f.buffer >= 0 && sl_md_equal(f.md, md)) {
        *buffer = *f.buffer;
        return SL_OK;
    }
    sl_md dense, from;
    if (!sl_md_dense(&b->g->tensors[t].shape, &dense))
        return sl_build_no_memory(err);
    bool want_dense = sl_md_equal(&dense, md);
    sl_md_free(&dense);
    if (want_dense)
        return sl_want_dense(b, t, buffer, err);
    int at = place->other;
    const sl_md *known = at >= 0 ? &place->md : NULL;
    if (at < 0 && place->dense < 0 && place->narrow >= 0) { /* only a narrow one: f32 gives all that it has */
        at = place->narrow;
        known = &place->narrow_md;
    }
    if (at < 0)
        SL_TRY(sl_want_dense(b, t, &at, err));
    if (known ? !sl_md_copy(known, &from) : !sl_md_dense(&b->g->tensors[t].shape, &from))
        return sl_build_no_memory(err);
    sl_status status = sl_make_md(b, t, md, buffer, err);
    if (status == SL_OK)
        status = add_reorder(b, t, &from, at, md, *buffer, err);
    sl_md_free(&from);
    return status;
}

void sl_consume(sl_build *b, const sl_node *n)
{
    for (int i = 0; i < n->n_inputs; i++) {
        if (n->inputs[i] < 0)
            continue;
        sl_place *place = &b->places[n->inputs[i]];
        place->uses--;
        if (place->dense >= 0)
            b->plan->buffers[place->dense].pending--;
        if (place->other >= 0)
            b->plan->buffers[place->other].pending--;
        if (place->narrow >= 0)
            b->plan->buffers[place->narrow].pending--;
    }
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
    sl_step s = {.run = run, .bind = bind, .free_state = free_state, .state = state};
    if (!grow(&p->steps, p->n_steps, &p->cap_steps, sizeof *p->steps) || !copy_buffers(&s, buffers, n_buffers)) {
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
