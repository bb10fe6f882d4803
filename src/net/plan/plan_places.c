/* Where each tensor is while a plan is compiled. A tensor may be in several buffers at once, each in a form of its own;
 * whoever wants it in another form gets a reorder step in front. */
#include "net/plan/plan_build.h"

#include <string.h>

#include "base/mem.h"

/* ---- where it is ---- */

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

/* ---- where it is wanted ---- */

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
        sl_status status = sl_add_reorder(b, t, md, from, &dense, *buffer, err);
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
        status = sl_add_reorder(b, t, &from, at, md, *buffer, err);
    sl_md_free(&from);
    return status;
}

sl_status sl_want_as(sl_build *b, sl_tensor t, const sl_shape *as, const sl_md *md, int *buffer, sl_error *err)
{
    sl_md dense;
    SL_TRY(sl_want_dense(b, t, buffer, err));
    if (!sl_md_dense(as, &dense))
        return sl_build_no_memory(err);
    sl_status status = SL_OK;
    if (!sl_md_equal(&dense, md)) {
        int from = *buffer;
        *buffer = sl_new_buffer(b, sl_md_bytes(md));
        status = *buffer < 0 ? sl_build_no_memory(err) : sl_add_reorder(b, t, &dense, from, md, *buffer, err);
    }
    sl_md_free(&dense);
    return status;
}

sl_status sl_bind_as(sl_build *b, sl_tensor t, const sl_shape *as, const sl_md *md, int buffer, sl_error *err)
{
    sl_md dense;
    int to;
    if (!sl_md_dense(as, &dense))
        return sl_build_no_memory(err);
    sl_status status = SL_OK;
    if (sl_md_equal(&dense, md)) {
        sl_bind_dense(b, t, buffer);
    } else {
        status = sl_make_dense(b, t, &to, err);
        if (status == SL_OK)
            status = sl_add_reorder(b, t, md, buffer, &dense, to, err);
    }
    sl_md_free(&dense);
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
