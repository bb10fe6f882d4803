/* Compiling a graph into steps, and running them. */
#include "net/plan/plan.h"

#include <limits.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "net/plan/plan_build.h"

/* ---- compiling ---- */

static sl_status start_build(sl_build *b, sl_error *err)
{
    const sl_graph *g = b->g;
    b->places = calloc((size_t)g->n_tensors + 1, sizeof *b->places);
    b->reader = calloc((size_t)g->n_tensors + 1, sizeof *b->reader);
    b->done = calloc((size_t)g->n_nodes + 1, sizeof *b->done);
    b->varies = calloc((size_t)g->n_tensors + 1, sizeof *b->varies);
    if (!b->places || !b->reader || !b->done || !b->varies)
        return sl_build_no_memory(err);
    for (int t = 0; t < g->n_tensors; t++) {
        b->places[t].dense = b->places[t].other = b->places[t].narrow = b->reader[t] = -1;
        if (sl_shape_elements(&g->tensors[t].shape) < 0)
            return sl_fail(err, SL_ERR_ARGUMENT, "tensor %.200s has no known shape: specialise the graph first",
                           g->tensors[t].name);
    }
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_inputs; k++) {
            sl_tensor t = g->nodes[i].inputs[k];
            if (t >= 0)
                b->reader[t] = b->places[t].uses++ ? -1 : i;
        }
    for (int i = 0; i < g->n_nodes; i++)
        b->learns |= g->nodes[i].op >= SL_OP_CONV_BACK_DATA;
    for (int i = 0; i < g->n_outputs; i++) {
        b->places[g->outputs[i]].uses++;
        b->reader[g->outputs[i]] = -1;
    }
    return SL_OK;
}

static void keep_for_good(sl_plan *p, int buffer)
{
    p->buffers[buffer].first = p->buffers[buffer].first == INT_MAX ? 0 : p->buffers[buffer].first;
    p->buffers[buffer].last = INT_MAX;
}

static sl_status place_inputs(sl_build *b, sl_error *err)
{
    sl_plan *p = b->plan;
    const sl_graph *g = b->g;
    p->n_inputs = g->n_inputs;
    p->inputs = calloc((size_t)g->n_inputs + 1, sizeof *p->inputs);
    p->input_shapes = calloc((size_t)g->n_inputs + 1, sizeof *p->input_shapes);
    if (!p->inputs || !p->input_shapes)
        return sl_build_no_memory(err);
    for (int i = 0; i < g->n_inputs; i++) {
        SL_TRY(sl_make_dense(b, g->inputs[i], &p->inputs[i], err));
        p->buffers[p->inputs[i]].first = 0; /* written before the first step, and left alone by all of them */
        p->buffers[p->inputs[i]].last = INT_MAX;
        p->input_shapes[i] = g->tensors[g->inputs[i]].shape;
    }
    return SL_OK;
}

static sl_status place_outputs(sl_build *b, sl_error *err)
{
    sl_plan *p = b->plan;
    const sl_graph *g = b->g;
    p->n_outputs = g->n_outputs;
    p->outputs = calloc((size_t)g->n_outputs + 1, sizeof *p->outputs);
    p->output_shapes = calloc((size_t)g->n_outputs + 1, sizeof *p->output_shapes);
    if (!p->outputs || !p->output_shapes)
        return sl_build_no_memory(err);
    for (int i = 0; i < g->n_outputs; i++) {
        SL_TRY(sl_want_dense(b, g->outputs[i], &p->outputs[i], err));
        keep_for_good(p, p->outputs[i]);
        p->output_shapes[i] = g->tensors[g->outputs[i]].shape;
    }
    return SL_OK;
}

typedef sl_status (*compile_fn)(sl_build *b, const sl_node *n, bool *done, sl_error *err);

static sl_status compile_node(sl_build *b, const sl_node *n, sl_error *err)
{
    static const compile_fn ways[] = {sl_compile_conv,      sl_compile_long_dense, sl_compile_dense,
                                      sl_compile_pool,      sl_compile_batchnorm,  sl_compile_elements,
                                      sl_compile_movement,  sl_compile_resize,     sl_compile_axis,
                                      sl_compile_matmul,    sl_compile_conv_back,  sl_compile_slopes,
                                      sl_compile_views,     sl_compile_reduce,     sl_compile_layernorm,
                                      sl_compile_pool_back};
    bool done = false;
    for (size_t i = 0; i < sizeof ways / sizeof *ways && !done; i++)
        SL_TRY(ways[i](b, n, &done, err));
    if (!done)
        SL_TRY(sl_compile_reference(b, n, err));
    sl_consume(b, n);
    return SL_OK;
}

/* Marks what is computed from inputs that are not steady. */
static void find_varying(sl_build *b, int steady)
{
    const sl_graph *g = b->g;
    for (int i = steady; i < g->n_inputs; i++)
        b->varies[g->inputs[i]] = true;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            for (int o = 0; o < g->nodes[i].n_outputs && g->nodes[i].inputs[k] >= 0; o++)
                b->varies[g->nodes[i].outputs[o]] |= b->varies[g->nodes[i].inputs[k]];
}

static sl_status compile_all(sl_build *b, int steady, sl_error *err)
{
    SL_TRY(start_build(b, err));
    SL_TRY(place_inputs(b, err));
    find_varying(b, steady);
    for (b->node = 0; b->node < b->g->n_nodes; b->node++) {
        const sl_node *n = &b->g->nodes[b->node];
        b->steady = steady > 0 && !b->varies[n->outputs[0]];
        if (!b->done[b->node])
            SL_TRY(compile_node(b, n, err));
    }
    b->steady = false;
    b->node = b->g->n_nodes - 1;
    SL_TRY(place_outputs(b, err));
    if (b->plan->scratch >= 0)
        keep_for_good(b->plan, b->plan->scratch);
    return sl_place_buffers(b->plan, err);
}

static sl_status compile_plan(const sl_graph *g, const sl_plan_options *options, sl_plan *plan, sl_error *err)
{
    sl_build b = {.g = g, .plan = plan, .precision = options->precision, .engine = sl_dnnl_engine()};
    b.wide = b.precision != SL_COMPUTE_F32 && sl_compute_check(SL_COMPUTE_BF16, NULL) == SL_OK ? dnnl_bf16 : dnnl_f32;
    b.ranges = options->ranges;
    b.weights = options->weights;
    if (!b.engine || dnnl_stream_create(&plan->stream, b.engine, dnnl_stream_default_flags) != dnnl_success)
        return sl_fail(err, SL_ERR_INTERNAL, "oneDNN cannot use this processor");
    sl_status status = compile_all(&b, options->steady, err);
    for (int t = 0; b.places && t < g->n_tensors; t++) {
        if (b.places[t].other >= 0)
            sl_md_free(&b.places[t].md);
        if (b.places[t].narrow >= 0)
            sl_md_free(&b.places[t].narrow_md);
    }
    free(b.places);
    free(b.reader);
    free(b.done);
    free(b.varies);
    return status;
}

/* oneDNN ends the process where it gets no memory: there must be some before it is called, for what it makes of the
 * weights, for its code, and for the stacks of its threads. What the plan itself needs is asked for in arena.c. */
static size_t room_for(const sl_graph *g, int threads)
{
    const size_t beside = (size_t)48 << 20, stack = (size_t)8 << 20;
    size_t needed = beside + stack * (size_t)threads;
    for (int t = 0; t < g->n_tensors; t++)
        if (g->tensors[t].data && sl_shape_elements(&g->tensors[t].shape) > 0)
            needed += (size_t)sl_shape_elements(&g->tensors[t].shape) * sizeof(float);
    return needed;
}

static _Atomic size_t promised; /* to plans that are being compiled, by whichever thread */

static sl_status take_room(size_t needed, sl_error *err)
{
    const size_t all = atomic_fetch_add(&promised, needed) + needed, available = sl_memory_available();
    if (all <= available)
        return SL_OK;
    atomic_fetch_sub(&promised, needed);
    return sl_fail(err, SL_ERR_MEMORY, "a network needs %zu MiB of memory, %zu are free", needed >> 20,
                   available >> 20);
}

sl_status sl_plan_compile(const sl_graph *g, int threads, sl_plan **out, sl_error *err)
{
    const sl_plan_options options = {.threads = threads};
    return sl_plan_compile_as(g, &options, out, err);
}

sl_status sl_plan_compile_as(const sl_graph *g, const sl_plan_options *options, sl_plan **out, sl_error *err)
{
    int threads = options->threads;
    *out = NULL;
    if (threads < 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "%d threads", threads);
    SL_TRY(sl_compute_check(options->precision, err));
    const size_t room = room_for(g, threads);
    sl_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return sl_build_no_memory(err);
    sl_status status = take_room(room, err);
    if (status != SL_OK) {
        free(plan);
        return status;
    }
    plan->scratch = -1;
    plan->threads = threads;
    int before = omp_get_max_threads(); /* this thread's own setting; kernels are made for a number of threads */
    omp_set_num_threads(threads);
    status = compile_plan(g, options, plan, err);
    omp_set_num_threads(before);
    atomic_fetch_sub(&promised, room);
    if (status != SL_OK) {
        sl_plan_free(plan);
        return status;
    }
    *out = plan;
    return SL_OK;
}

void sl_plan_free(sl_plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; i < plan->n_steps; i++) {
        plan->steps[i].free_state(plan->steps[i].state);
        free(plan->steps[i].buffers);
        free(plan->steps[i].data);
    }
    for (int i = 0; i < plan->n_owned; i++)
        free(plan->owned[i]);
    dnnl_stream_destroy(plan->stream);
    free(plan->steps);
    free(plan->buffers);
    free(plan->owned);
    free(plan->arena);
    free(plan->inputs);
    free(plan->outputs);
    free(plan->input_shapes);
    free(plan->output_shapes);
    free(plan);
}

/* ---- running ---- */

float *sl_plan_input(sl_plan *plan, int i, sl_shape *shape)
{
    if (i < 0 || i >= plan->n_inputs)
        return NULL;
    if (shape)
        *shape = plan->input_shapes[i];
    return plan->buffers[plan->inputs[i]].data;
}

const float *sl_plan_output(const sl_plan *plan, int j, sl_shape *shape)
{
    if (j < 0 || j >= plan->n_outputs)
        return NULL;
    if (shape)
        *shape = plan->output_shapes[j];
    return plan->buffers[plan->outputs[j]].data;
}

int sl_plan_output_step(const sl_plan *plan, int j)
{
    int last = 0;
    for (int i = 0; i < plan->n_steps; i++)
        for (int k = 0; k < plan->steps[i].n_buffers; k++)
            if (plan->steps[i].buffers[k] == plan->outputs[j])
                last = i;
    return last;
}

/* A step's primitives are done when it returns: the stream is a processor's, and in order. */
static sl_status run_steps(sl_plan *plan, bool again, sl_plan_after after, void *context, sl_error *err)
{
    for (int i = 0; i < plan->n_steps; i++) {
        if (again && plan->steps[i].steady)
            continue;
        SL_TRY(plan->steps[i].run(&plan->steps[i], plan->stream, err));
        if (after)
            SL_TRY(after(context, i, err));
    }
    return dnnl_stream_wait(plan->stream) == dnnl_success ? SL_OK : sl_fail(err, SL_ERR_INTERNAL, "oneDNN failed");
}

/* On the plan's threads, whatever this thread has set for itself. */
static sl_status run_on_threads(sl_plan *plan, bool again, sl_plan_after after, void *context, sl_error *err)
{
    const int before = omp_get_max_threads();
    omp_set_num_threads(plan->threads);
    sl_status status = run_steps(plan, again, after, context, err);
    omp_set_num_threads(before);
    return status;
}

sl_status sl_plan_run_watched(sl_plan *plan, sl_plan_after after, void *context, sl_error *err)
{
    return run_on_threads(plan, false, after, context, err);
}

sl_status sl_plan_run(sl_plan *plan, sl_error *err) { return run_on_threads(plan, false, NULL, NULL, err); }
sl_status sl_plan_run_again(sl_plan *plan, sl_error *err) { return run_on_threads(plan, true, NULL, NULL, err); }
