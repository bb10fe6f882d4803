/* oneDNN primitives as steps of a plan, and those that run once, on its constants. */
#include <stdlib.h>
#include <string.h>

#include "net/plan/plan_build.h"

typedef struct {
    dnnl_primitive_t primitive;
    int n_args;
    size_t offsets[SL_MOST_ARGS + 2];
    dnnl_exec_arg_t args[SL_MOST_ARGS + 2]; /* args[i].memory lies in the step's data[i], offsets[i] behind its start */
} primitive_state;

static void free_primitive(void *state)
{
    primitive_state *s = state;
    for (int i = 0; i < s->n_args; i++)
        dnnl_memory_destroy(s->args[i].memory);
    dnnl_primitive_destroy(s->primitive);
    free(s);
}

static void bind_primitive(sl_step *step)
{
    const primitive_state *s = step->state;
    for (int i = 0; i < s->n_args; i++)
        dnnl_memory_set_data_handle(s->args[i].memory, (char *)step->data[i] + s->offsets[i]);
}

static sl_status run_primitive(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const primitive_state *s = step->state;
    dnnl_status_t status = dnnl_primitive_execute(s->primitive, stream, s->n_args, s->args);
    return status == dnnl_success ? SL_OK
                                  : sl_fail(err, SL_ERR_INTERNAL, "oneDNN failed with status %d", (int)status);
}

dnnl_primitive_attr_t sl_new_attr(dnnl_post_ops_t ops)
{
    dnnl_primitive_attr_t attr = NULL;
    if (dnnl_primitive_attr_create(&attr) != dnnl_success)
        return NULL;
    if (dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) != dnnl_success ||
        (ops && dnnl_primitive_attr_set_post_ops(attr, ops) != dnnl_success)) {
        dnnl_primitive_attr_destroy(attr);
        return NULL;
    }
    return attr;
}

/* The one buffer all primitives work in grows to what the greediest wants. */
static bool reserve_scratch(sl_build *b, size_t bytes)
{
    if (b->plan->scratch < 0)
        b->plan->scratch = sl_new_buffer(b, 0);
    if (b->plan->scratch < 0)
        return false;
    sl_buffer *scratch = &b->plan->buffers[b->plan->scratch];
    if (bytes > scratch->bytes)
        scratch->bytes = bytes;
    return true;
}

void sl_add_arg(sl_arguments *a, int arg, const sl_md *md, int buffer)
{
    a->args[a->count] = arg;
    a->buffers[a->count] = buffer;
    a->mds[a->count++] = *md;
}

/* The scratchpad as one more argument, where there is one. */
static bool add_scratch(sl_build *b, const sl_md *md, sl_arguments *a)
{
    size_t bytes = sl_md_bytes(md);
    if (bytes == 0)
        return true;
    if (!reserve_scratch(b, bytes))
        return false;
    sl_add_arg(a, DNNL_ARG_SCRATCHPAD, md, b->plan->scratch);
    return true;
}

/* The scales as one more argument, where the primitive is handed them; *md is of it, the caller's to free. */
static bool add_scales(sl_build *b, sl_arguments *a, sl_md *md)
{
    int arg = a->scales ? sl_scales_argument(a->scales) : 0;
    if (arg == 0)
        return true;
    const sl_shape shape = {1, {a->scales->count}};
    size_t bytes = (size_t)a->scales->count * sizeof(float);
    float *values = sl_plan_memory(b, bytes);
    int buffer = values ? sl_const_buffer(b, values, bytes) : -1;
    if (buffer < 0 || !sl_md_dense(&shape, md))
        return false;
    memcpy(values, a->scales->values, bytes);
    sl_add_arg(a, arg, md, buffer);
    return true;
}

static primitive_state *new_primitive(const sl_build *b, const_dnnl_primitive_desc_t pd, const sl_arguments *a)
{
    primitive_state *s = calloc(1, sizeof *s);
    bool good = s && dnnl_primitive_create(&s->primitive, pd) == dnnl_success;
    for (int i = 0; good && i < a->count; i++) {
        s->args[i].arg = a->args[i];
        s->offsets[i] = a->offsets[i];
        good = sl_dnnl_memory(&s->args[i].memory, &a->mds[i], b->engine) == dnnl_success;
        s->n_args += good;
    }
    if (s && !good)
        free_primitive(s);
    return good ? s : NULL;
}

sl_status sl_add_primitive(sl_build *b, dnnl_primitive_desc_t pd, sl_arguments *a, sl_error *err)
{
    sl_md scratch, scales = {0};
    sl_pd_md(pd, dnnl_query_scratchpad_md, &scratch);
    bool good = add_scratch(b, &scratch, a) && add_scales(b, a, &scales);
    primitive_state *s = good ? new_primitive(b, pd, a) : NULL;
    sl_md_free(&scratch);
    sl_md_free(&scales);
    dnnl_primitive_desc_destroy(pd);
    return s ? sl_add_step(b, run_primitive, bind_primitive, free_primitive, s, a->buffers, a->count, err)
             : sl_build_fail(b, err, "oneDNN could not make its primitive");
}

/* ---- reorders ---- */

/* What a tensor's number is multiplied by on its way between int8 and another type. */
static float scale_between(const sl_build *b, sl_tensor t, const sl_md *from, const sl_md *to)
{
    bool narrow = sl_is_int8(sl_md_type(from)), narrows = sl_is_int8(sl_md_type(to));
    if (narrow == narrows)
        return 1;
    float scale = sl_range_find(b->ranges, b->g->tensors[t].name)->scale;
    return narrow ? scale : 1 / scale;
}

sl_status sl_add_reorder(sl_build *b, sl_tensor t, const sl_md *from, int from_buffer, const sl_md *to, int to_buffer,
                         sl_error *err)
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

/* ---- constants ---- */

static bool describe_reorder(const sl_build *b, const sl_const_form *c, dnnl_primitive_desc_t *pd)
{
    dnnl_primitive_attr_t attr = NULL;
    bool good =
        !c->scales || (dnnl_primitive_attr_create(&attr) == dnnl_success && sl_attr_scales(attr, c->scales));
    good = good && sl_pd_reorder(pd, b->engine, c->from, c->to, attr) == dnnl_success;
    dnnl_primitive_attr_destroy(attr);
    return good;
}

static bool add_memory(const sl_build *b, int arg, const sl_md *md, const void *data, dnnl_exec_arg_t *out)
{
    out->arg = arg;
    return sl_dnnl_memory(&out->memory, md, b->engine) == dnnl_success &&
           dnnl_memory_set_data_handle(out->memory, (void *)data) == dnnl_success;
}

sl_status sl_reorder_now(sl_build *b, const sl_const_form *c, const void *from, void *to, sl_error *err)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_exec_arg_t args[3] = {{0}};
    bool good = describe_reorder(b, c, &pd) && dnnl_primitive_create(&primitive, pd) == dnnl_success &&
                add_memory(b, DNNL_ARG_FROM, c->from, from, &args[0]) &&
                add_memory(b, DNNL_ARG_TO, c->to, to, &args[1]);
    int count = 2, of_scales = c->scales ? sl_scales_argument(c->scales) : 0;
    if (good && of_scales) {
        sl_md md = {0};
        const sl_shape shape = {1, {c->scales->count}};
        good = sl_md_dense(&shape, &md) && add_memory(b, of_scales, &md, c->scales->values, &args[count++]);
        sl_md_free(&md);
    }
    good = good && dnnl_primitive_execute(primitive, b->plan->stream, count, args) == dnnl_success &&
           dnnl_stream_wait(b->plan->stream) == dnnl_success;
    for (int i = 0; i < count; i++)
        dnnl_memory_destroy(args[i].memory);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(pd);
    return good ? SL_OK : sl_build_fail(b, err, "oneDNN could not reorder its weights");
}

static sl_status fill_reordered(sl_build *b, sl_tensor t, const void *context, void *out, sl_error *err)
{
    return sl_reorder_now(b, context, b->g->tensors[t].data, out, err);
}

sl_status sl_const_reorder(sl_build *b, sl_tensor t, const sl_md *from, const sl_md *to, const sl_scales *scales,
                           int *buffer, sl_error *err)
{
    const sl_const_form c = {from, to, scales};
    void *memory;
    SL_TRY(sl_const_made(b, t, to, fill_reordered, &c, &memory, err));
    *buffer = sl_const_buffer(b, memory, sl_md_bytes(to));
    return *buffer < 0 ? sl_build_no_memory(err) : SL_OK;
}
