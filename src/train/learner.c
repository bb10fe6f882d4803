#include "train/learner.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define STATISTICS_MOVE 0.1f

static sl_status gradients_of(const sl_graph *g, int n_inputs, int n_params, sl_graph **out, sl_error *err)
{
    return sl_graph_gradient(g, g->outputs[0], g->inputs + n_inputs, n_params, out, err);
}

/* ---- parameters ---- */

/* Outputs of the plan: the loss, two statistics for each batch norm where they are told, then the gradients. */
static sl_status bind_params(const sl_graph *g, sl_learner *l, sl_error *err)
{
    const int first = l->back->n_outputs - l->n_params;
    for (int i = 0; i < l->n_params; i++) {
        sl_param *p = &l->params[i];
        const sl_tensor_info *own = &g->tensors[sl_graph_find(g, p->name)];
        p->value = sl_plan_input(l->plan, g->n_inputs + i, &p->shape);
        p->gradient = sl_plan_output(l->plan, first + i, NULL);
        p->count = (size_t)sl_shape_elements(&p->shape);
        p->ready = sl_plan_output_step(l->plan, first + i);
        if (!sl_shape_equal(&p->shape, &own->shape))
            return sl_fail(err, SL_ERR_INTERNAL, "the weights %.200s have changed their shape", p->name);
        memcpy(p->value, own->data, p->count * sizeof *p->value);
    }
    return SL_OK;
}

/* ---- statistics ---- */

static int count_norms(const sl_graph *g)
{
    int count = 0;
    for (int i = 0; i < g->n_nodes; i++)
        count += g->nodes[i].op == SL_OP_BATCHNORM;
    return count;
}

static sl_status bind_one(const sl_learner *l, const sl_node *node, int which, int output, sl_running *r,
                          sl_error *err)
{
    const sl_tensor_info *own = &l->training->tensors[node->inputs[which]];
    const double n = (double)sl_shape_elements(&l->training->tensors[node->inputs[0]].shape);
    r->name = own->name;
    r->count = (size_t)sl_shape_elements(&own->shape);
    r->batch = sl_plan_output(l->plan, output, NULL);
    const double each = n / (double)r->count;
    r->correction = which == 4 && each > 1 ? each / (each - 1) : 1;
    r->value = sl_calloc_aligned(r->count, sizeof *r->value);
    r->sum = sl_calloc_aligned(r->count, sizeof *r->sum);
    if (!r->value || !r->sum)
        return sl_no_memory(err, "for running statistics");
    memcpy(r->value, own->data, r->count * sizeof *r->value);
    return SL_OK;
}

static sl_status bind_statistics(sl_learner *l, sl_error *err)
{
    l->running = calloc(2 * (size_t)count_norms(l->training) + 1, sizeof *l->running);
    if (!l->running)
        return sl_no_memory(err, "for running statistics");
    for (int i = 0; i < l->training->n_nodes; i++)
        for (int which = 3; l->training->nodes[i].op == SL_OP_BATCHNORM && which < 5; which++) {
            const int at = l->n_running++;
            SL_TRY(bind_one(l, &l->training->nodes[i], which, 1 + at, &l->running[at], err));
        }
    return SL_OK;
}

void sl_learner_add_statistics(sl_learner *l, bool first)
{
    for (int i = 0; i < l->n_running; i++)
        for (size_t k = 0; k < l->running[i].count; k++)
            l->running[i].sum[k] = first ? l->running[i].batch[k] : l->running[i].sum[k] + l->running[i].batch[k];
}

void sl_learner_move_statistics(sl_learner *l, int batches)
{
    for (int i = 0; i < l->n_running; i++) {
        sl_running *r = &l->running[i];
        const float correction = (float)(r->correction / batches);
        for (size_t k = 0; k < r->count; k++)
            r->value[k] += STATISTICS_MOVE * (correction * r->sum[k] - r->value[k]);
    }
}

/* ---- the whole ---- */

static sl_status open_learner(const sl_graph *g, const sl_shape *shapes, const sl_learner_options *o,
                              sl_learner *l, sl_error *err)
{
    const sl_training as = {.params = o->params,
                            .n_params = o->n_params,
                            .stats = o->batch_statistics ? SL_STATS_BATCH : SL_STATS_FIXED};
    l->params = calloc((size_t)o->n_params + 1, sizeof *l->params);
    if (!l->params)
        return sl_no_memory(err, "for the weights that learn");
    l->n_params = o->n_params;
    SL_TRY(sl_graph_for_training(g, shapes, &o->loss, 1, &as, &l->training, err));
    SL_TRY(gradients_of(l->training, g->n_inputs, l->n_params, &l->back, err));
    SL_TRY(sl_plan_compile_as(l->back, &o->plan, &l->plan, err));
    for (int i = 0; i < l->n_params; i++)
        l->params[i].name = l->training->tensors[l->training->inputs[g->n_inputs + i]].name;
    SL_TRY(bind_params(g, l, err));
    return o->batch_statistics ? bind_statistics(l, err) : SL_OK;
}

sl_status sl_learner_open(const sl_graph *g, const sl_shape *shapes, const sl_learner_options *options,
                          sl_learner *out, sl_error *err)
{
    *out = (sl_learner){0};
    sl_status status = open_learner(g, shapes, options, out, err);
    if (status != SL_OK)
        sl_learner_close(out);
    return status;
}

void sl_learner_close(sl_learner *l)
{
    for (int i = 0; i < l->n_running; i++) {
        free(l->running[i].value);
        free(l->running[i].sum);
    }
    free(l->running);
    free(l->params);
    sl_plan_free(l->plan);
    sl_graph_free(l->back);
    sl_graph_free(l->training);
    *l = (sl_learner){0};
}

sl_status sl_learner_run(sl_learner *l, sl_plan_after after, void *context, double *loss, sl_error *err)
{
    SL_TRY(sl_plan_run_watched(l->plan, after, context, err));
    *loss = (double)sl_plan_output(l->plan, 0, NULL)[0];
    return SL_OK;
}
