/* A trainer's steps. */
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "train/ranks.h"
#include "train/schedule.h"

/* A loss so many times the first one has run away. */
#define RUN_AWAY 20.0

/* ---- gradients ---- */

/* A run of a step, while it goes on. */
typedef struct {
    sl_trainer *t;
    bool first, last; /* of this rank's runs of the step */
} running_run;

static void add_gradient(const running_run *r, int param)
{
    const sl_param *p = &r->t->learner.params[param];
    float *sum = r->t->memory[param].sum;
    for (size_t k = 0; sum && k < p->count; k++)
        sum[k] = r->first ? p->gradient[k] : sum[k] + p->gradient[k];
}

/* Takes the gradients that this step of the plan has brought: ranks add up some while others are still computed. */
static sl_status take_gradients(void *context, int step, sl_error *err)
{
    const running_run *r = context;
    for (int i = 0; i < r->t->learner.n_params; i++) {
        if (r->t->learner.params[i].ready != step)
            continue;
        add_gradient(r, i);
        if (r->last)
            SL_TRY(sl_ranks_begin_gradient(r->t, i, err));
    }
    return SL_OK;
}

/* Run number `number` of all runs: batch, loss, gradients. */
static sl_status run_batch(running_run *r, uint64_t number, double *loss, sl_error *err)
{
    sl_trainer *t = r->t;
    SL_TRY(t->task->fill(t, number, err));
    if (t->counter >= 0)
        sl_dropout_counter(t->o.seed, number, sl_plan_input(t->learner.plan, t->counter, NULL));
    SL_TRY(sl_learner_run(&t->learner, take_gradients, r, loss, err));
    sl_learner_add_statistics(&t->learner, r->first);
    return SL_OK;
}

/* All runs of the step that are this rank's, then all ranks': *loss is the mean. */
static sl_status run_all(sl_trainer *t, double *loss, sl_error *err)
{
    const int ranks = sl_ranks_count(t->o.ranks), own = t->o.ranks ? t->o.ranks->rank : 0;
    *loss = 0;
    for (int run = own; run < t->o.accumulate; run += ranks) {
        double one;
        running_run r = {.t = t, .first = run == own, .last = run + ranks >= t->o.accumulate};
        SL_TRY(run_batch(&r, t->at.step * (uint64_t)t->o.accumulate + (uint64_t)run, &one, err));
        *loss += one / t->o.accumulate;
    }
    SL_TRY(sl_ranks_finish(t, loss, err));
    sl_learner_move_statistics(&t->learner, t->o.accumulate);
    return SL_OK;
}

static const float *gradient_of(const sl_trainer *t, int i)
{
    return t->memory[i].sum ? t->memory[i].sum : t->learner.params[i].gradient;
}

/* Of all parameters' gradients together. */
static double gradient_length(const sl_trainer *t)
{
    double sum = 0;
    for (int i = 0; i < t->learner.n_params; i++) {
        const float *g = gradient_of(t, i);
        for (size_t k = 0; k < t->learner.params[i].count; k++)
            sum += (double)g[k] * g[k];
    }
    return sqrt(sum) / t->o.accumulate;
}

static void follow_gradients(sl_trainer *t, double rate, double length)
{
    const sl_optimiser o = {.kind = t->o.optimiser,
                            .momentum = t->o.momentum,
                            .beta1 = t->o.beta1,
                            .beta2 = t->o.beta2,
                            .epsilon = t->o.epsilon,
                            .decay = t->o.weight_decay};
    const double scale = (t->o.clip > 0 && length > t->o.clip ? t->o.clip / length : 1) / t->o.accumulate;
    for (int i = 0; i < t->learner.n_params; i++) {
        sl_param *p = &t->learner.params[i];
        sl_optimiser_step(&o, t->at.step + 1, rate, scale, p->shape.rank, p->count, gradient_of(t, i),
                          &t->memory[i].moments, p->value);
    }
}

/* ---- a step ---- */

static sl_status check_loss(const sl_trainer *t, double loss, double length, sl_error *err)
{
    const bool away = loss > RUN_AWAY * fmax(t->at.first_loss, 1e-3);
    if (isfinite(loss) && isfinite(length) && !away)
        return SL_OK;
    return sl_fail(err, SL_ERR_NUMERIC,
                   "step %llu: the loss is %g and the gradient is %g long%s: take a lower rate, a "
                   "warm-up or a clip%s%s",
                   (unsigned long long)t->at.step + 1, loss, length, away ? ", it has run away" : "",
                   t->checkpoint ? "; the last good state is in " : "", t->checkpoint ? t->checkpoint : "");
}

static sl_status learn(sl_trainer *t, sl_train_report *r, sl_error *err)
{
    SL_TRY(run_all(t, &r->loss, err));
    r->length = gradient_length(t);
    if (isnan(t->at.first_loss))
        t->at.first_loss = r->loss;
    SL_TRY(check_loss(t, r->loss, r->length, err));
    r->rate = sl_schedule_rate(&t->o, t->at.step);
    follow_gradients(t, r->rate, r->length);
    t->at.step++;
    return SL_OK;
}

/* By the one rank that writes. */
static sl_status write_checkpoint(sl_trainer *t, sl_error *err)
{
    if (!sl_ranks_writes(t->o.ranks))
        return SL_OK;
    SL_TRY(sl_run_log_draw(&t->log, err));
    return sl_checkpoint_write(t->checkpoint, &t->states, &t->at, t->settings, err);
}

/* The step after which the run ends. */
static uint64_t last_step(const sl_trainer *t)
{
    return t->o.until && t->o.until < t->o.steps ? t->o.until : t->o.steps;
}

sl_status sl_trainer_step(sl_trainer *t, sl_train_report *report, sl_error *err)
{
    sl_train_report unused, *r = report ? report : &unused;
    *r = (sl_train_report){.judged = {NAN, NAN}, .pictures = (size_t)t->o.batch * (size_t)t->o.accumulate};
    if (t->at.step >= t->o.steps)
        return sl_fail(err, SL_ERR_ARGUMENT, "all %llu steps are done", (unsigned long long)t->o.steps);
    const double from = sl_now();
    SL_TRY(learn(t, r, err));
    r->step = t->at.step;
    r->seconds = sl_now() - from;
    const bool stop = t->at.step % t->o.every == 0 || t->at.step == last_step(t);
    if (stop)
        SL_TRY(sl_trainer_judge(t, &r->judged, err));
    if (t->log.file)
        SL_TRY(sl_run_log_add(&t->log, r, err));
    return stop && t->checkpoint ? write_checkpoint(t, err) : SL_OK;
}

sl_train_standing sl_trainer_standing(const sl_trainer *t)
{
    sl_train_standing s = {.step = t->at.step,
                           .steps = t->o.steps,
                           .best_step = t->at.best_step,
                           .start = t->at.start,
                           .best = t->at.best,
                           .pictures = sl_source_size(t->learned),
                           .judging = t->judging,
                           .people = sl_source_people(t->learned)};
    const sl_graph *net = t->net;
    for (int i = 0; i < t->learner.n_params; i++)
        s.weights += t->learner.params[i].count;
    for (int i = 0; i < net->n_tensors; i++)
        s.frozen += net->tensors[i].data && net->tensors[i].type == SL_TYPE_F32
                        ? (size_t)sl_shape_elements(&net->tensors[i].shape)
                        : 0;
    for (int i = 0; i < t->n_learning; i++)
        s.frozen -= t->learner.params[i].count;
    s.flop = t->flop / t->o.batch;
    return s;
}

sl_status sl_trainer_checkpoint(sl_trainer *t, sl_error *err)
{
    if (!t->checkpoint)
        return sl_fail(err, SL_ERR_ARGUMENT, "a checkpoint needs a folder of the run");
    return write_checkpoint(t, err);
}

sl_status sl_trainer_run(sl_trainer *t, sl_train_tell tell, void *context, sl_error *err)
{
    const uint64_t last = last_step(t);
    while (t->at.step < last) {
        sl_train_report r;
        SL_TRY(sl_trainer_step(t, &r, err));
        if (!tell || !tell(context, &r, last) || t->at.step == last)
            continue;
        if (t->checkpoint)
            SL_TRY(write_checkpoint(t, err));
        return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after step %llu of %llu", (unsigned long long)r.step,
                       (unsigned long long)last);
    }
    return SL_OK;
}
