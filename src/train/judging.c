/* Judging a trainer's weights, and handing them out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "train/trainer.h"

/* ---- weights ---- */

/* What a constant of net was at the start. */
static const float *at_start(const sl_trainer *t, const char *name)
{
    return t->net->tensors[sl_graph_find(t->net, name)].data;
}

static void mix(const float *now, const float *start, double keep, size_t count, float *out)
{
    const float of_now = (float)(1 - keep), of_start = (float)keep;
    for (size_t i = 0; i < count; i++)
        out[i] = keep > 0 ? of_now * now[i] + of_start * start[i] : now[i];
}

/* The classes' vectors are the loss's: all others are net's. */
static int net_params(const sl_trainer *t)
{
    return t->n_learning;
}

static size_t count_numbers(const sl_trainer *t)
{
    size_t n = 0;
    for (int i = 0; i < net_params(t); i++)
        n += t->learner.params[i].count;
    for (int i = 0; i < t->learner.n_running; i++)
        n += t->learner.running[i].count;
    return n;
}

sl_status sl_trainer_weights(const sl_trainer *t, bool best, sl_weights_of **out, int *count, float **owned,
                             sl_error *err)
{
    *count = net_params(t) + t->learner.n_running;
    *owned = sl_calloc_aligned(count_numbers(t) + 1, sizeof **owned);
    *out = calloc((size_t)*count + 1, sizeof **out);
    if (!*owned || !*out) {
        free(*owned);
        free(*out);
        *owned = NULL;
        *out = NULL;
        return sl_no_memory(err, "for a network's weights");
    }
    float *to = *owned;
    for (int i = 0; i < *count; i++) {
        const int r = i - net_params(t);
        const sl_param *p = r < 0 ? &t->learner.params[i] : NULL;
        const char *name = p ? p->name : t->learner.running[r].name;
        const size_t n = p ? p->count : t->learner.running[r].count;
        const float *now =
            p ? (best ? t->memory[i].best : p->value) : (best ? t->best_running[r] : t->learner.running[r].value);
        mix(now, at_start(t, name), t->o.keep, n, to);
        (*out)[i] = (sl_weights_of){name, to};
        to += n;
    }
    return SL_OK;
}

/* ---- judging ---- */

static void keep_best(sl_trainer *t)
{
    for (int i = 0; i < t->learner.n_params; i++)
        memcpy(t->memory[i].best, t->learner.params[i].value, t->learner.params[i].count * sizeof(float));
    for (int i = 0; i < t->learner.n_running; i++)
        memcpy(t->best_running[i], t->learner.running[i].value, t->learner.running[i].count * sizeof(float));
}

static sl_status judge(const sl_trainer *t, sl_train_judgement *out, sl_error *err)
{
    sl_weights_of *weights;
    float *owned;
    int count;
    SL_TRY(sl_trainer_weights(t, false, &weights, &count, &owned, err));
    sl_status status = t->task->judge(t, weights, count, out, err);
    free(weights);
    free(owned);
    return status;
}

static double mean_of(const sl_train_judgement *j)
{
    return isnan(j->covered) ? j->clean : (j->clean + j->covered) / 2;
}

sl_status sl_trainer_judge(sl_trainer *t, sl_train_judgement *out, sl_error *err)
{
    *out = (sl_train_judgement){NAN, NAN};
    if (!t->judging)
        return SL_OK;
    SL_TRY(judge(t, out, err));
    if (t->at.step == 0)
        t->at.start = *out;
    if (t->at.step && mean_of(out) <= mean_of(&t->at.best))
        return SL_OK;
    t->at.best = *out;
    t->at.best_step = t->at.step;
    keep_best(t);
    return SL_OK;
}
