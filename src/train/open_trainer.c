/* A trainer opened: what its task needs, what the optimiser remembers, and the run that it goes on with. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/threads.h"
#include "model/arch/arch.h"
#include "net/flop.h"
#include "train/loss.h"
#include "train/ranks.h"
#include "train/settings.h"
#include "train/trainer.h"

/* ---- options ---- */

static bool copy_text(const char **text)
{
    if (!*text)
        return true;
    *text = sl_strdup(*text);
    return *text != NULL;
}

static sl_status take_options(sl_trainer *t, const sl_train_options *options, sl_error *err)
{
    SL_TRY(sl_settings_check(options, err));
    t->o = *options;
    t->o.threads = options->threads ? options->threads : sl_cpu_count();
    const char **texts[] = {&t->o.models_dir,   &t->o.model, &t->o.learn, &t->o.augmentation,
                            &t->o.run, &t->o.start, &t->o.form};
    bool all = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (all)
            all = copy_text(texts[i]);
        else
            *texts[i] = NULL;
    }
    return all ? SL_OK : sl_no_memory(err, "for a trainer");
}

static void free_options(sl_train_options *o)
{
    free((char *)o->models_dir);
    free((char *)o->model);
    free((char *)o->learn);
    free((char *)o->augmentation);
    free((char *)o->run);
    free((char *)o->start);
    free((char *)o->form);
}

/* ---- the learner ---- */

static sl_status compile_learner(sl_trainer *t, const sl_shape *shapes, const char *const *names, int count,
                                 sl_error *err)
{
    const sl_learner_options options = {.loss = SL_LOSS_TENSOR,
                                        .params = names,
                                        .n_params = count,
                                        .batch_statistics = t->o.batch_statistics != 0,
                                        .plan = {.threads = t->o.threads, .precision = t->o.precision}};
    sl_status status = sl_learner_open(t->part, shapes, &options, &t->learner, err);
    return status == SL_ERR_MEMORY || status == SL_ERR_LIMIT
               ? sl_fail_in(err, status, "a step of %d pictures (a smaller batch, accumulated, needs less)",
                            t->o.batch)
               : status;
}

static int input_named(const sl_graph *g, const char *name)
{
    for (int i = 0; i < g->n_inputs; i++)
        if (strcmp(g->tensors[g->inputs[i]].name, name) == 0)
            return i;
    return -1;
}

static sl_status open_learner(sl_trainer *t, sl_error *err)
{
    sl_shape shapes[SL_MAX_PART_INPUTS];
    SL_TRY(t->task->part(t, shapes, err));
    const char **names = sl_realloc_array(NULL, (size_t)t->n_learning + 1, sizeof *names);
    if (!names)
        return sl_no_memory(err, "for the weights that learn");
    int count = t->n_learning;
    memcpy(names, t->learning, (size_t)count * sizeof *names);
    if (t->classes)
        names[count++] = SL_CLASS_VECTORS;
    sl_status status = compile_learner(t, shapes, names, count, err);
    free(names);
    SL_TRY(status);
    t->counter = input_named(t->part, SL_DROPOUT_INPUT);
    t->flop = sl_graph_flop(t->learner.back);
    return t->task->ready ? t->task->ready(t, err) : SL_OK;
}

/* ---- memory and state ---- */

static bool remember(float **out, size_t count)
{
    *out = sl_calloc_aligned(count, sizeof **out);
    return *out != NULL;
}

static sl_status remember_param(sl_trainer *t, int i, sl_error *err)
{
    const sl_optimiser o = {.kind = t->o.optimiser, .momentum = t->o.momentum};
    const int moments = sl_optimiser_moments(&o);
    const size_t count = t->learner.params[i].count;
    sl_memory *m = &t->memory[i];
    const bool all = (moments < 1 || remember(&m->moments.first, count)) &&
                     (moments < 2 || remember(&m->moments.second, count)) &&
                     (t->o.accumulate < 2 || remember(&m->sum, count)) &&
                     (!t->judging || remember(&m->best, count));
    return all ? SL_OK : sl_no_memory(err, "for what the optimiser remembers");
}

static sl_status open_memory(sl_trainer *t, sl_error *err)
{
    t->memory = calloc((size_t)t->learner.n_params + 1, sizeof *t->memory);
    t->best_running = calloc((size_t)t->learner.n_running + 1, sizeof *t->best_running);
    if (!t->memory || !t->best_running)
        return sl_no_memory(err, "for a trainer");
    for (int i = 0; i < t->learner.n_params; i++)
        SL_TRY(remember_param(t, i, err));
    for (int i = 0; i < t->learner.n_running && t->judging; i++)
        if (!remember(&t->best_running[i], t->learner.running[i].count))
            return sl_no_memory(err, "for a trainer");
    return SL_OK;
}

static sl_status list_states(sl_trainer *t, sl_error *err)
{
    for (int i = 0; i < t->learner.n_params; i++) {
        const sl_param *p = &t->learner.params[i];
        const struct {
            const char *kind;
            float *data;
        } all[] = {{"weight", p->value},
                   {"first", t->memory[i].moments.first},
                   {"second", t->memory[i].moments.second},
                   {"best", t->memory[i].best}};
        for (int k = 0; k < 4; k++)
            if (all[k].data)
                SL_TRY(sl_states_add(&t->states, all[k].kind, p->name, &p->shape, all[k].data, err));
    }
    for (int i = 0; i < t->learner.n_running; i++) {
        const sl_running *r = &t->learner.running[i];
        const sl_shape shape = {1, {(int64_t)r->count}};
        SL_TRY(sl_states_add(&t->states, "running", r->name, &shape, r->value, err));
        if (t->best_running[i])
            SL_TRY(sl_states_add(&t->states, "best running", r->name, &shape, t->best_running[i], err));
    }
    return SL_OK;
}

/* ---- the run's folder ---- */

static sl_status open_run(sl_trainer *t, sl_error *err)
{
    t->settings = sl_settings_text(&t->o, t->fingerprint, sl_source_digest(t->learned),
                                   t->judged ? sl_source_digest(t->judged) : NULL);
    if (!t->settings)
        return sl_no_memory(err, "for a run's settings");
    if (t->o.run) {
        SL_TRY(sl_make_dirs(t->o.run, err));
        t->checkpoint = sl_path_join(t->o.run, "checkpoint.safetensors");
        if (!t->checkpoint)
            return sl_no_memory(err, "for a run's folder");
    }
    SL_TRY(sl_ranks_agree(t->o.ranks, t->settings, err));
    return t->o.resume ? sl_checkpoint_load(t->checkpoint, &t->states, t->settings, &t->at, err) : SL_OK;
}

/* What the network is worth at the start, which is the best so far; the log's line 0. */
static sl_status judge_start(sl_trainer *t, sl_error *err)
{
    sl_train_report start = {.loss = NAN, .rate = NAN, .length = NAN, .seconds = NAN};
    if (!t->o.resume)
        SL_TRY(sl_trainer_judge(t, &start.judged, err));
    if (!t->o.run || !sl_ranks_writes(t->o.ranks))
        return SL_OK;
    SL_TRY(sl_run_log_open(t->o.run, t->o.resume != 0, t->at.step, &t->log, err));
    return t->o.resume ? SL_OK : sl_run_log_add(&t->log, &start, err);
}

static sl_status open_trainer(sl_trainer *t, const sl_train_options *options, const sl_train_data *data,
                              sl_progress_fn progress, void *context, sl_error *err)
{
    t->at = (sl_standing){.start = {NAN, NAN}, .best = {NAN, NAN}, .first_loss = NAN};
    SL_TRY(take_options(t, options, err));
    t->task = t->o.task == SL_TRAIN_RECOGNISER ? &sl_task_pictures
              : t->o.task == SL_TRAIN_POINTS   ? &sl_task_points
                                               : &sl_task_maps;
    SL_TRY(t->task->open(t, data, progress, context, err));
    SL_TRY(open_learner(t, err));
    SL_TRY(open_memory(t, err));
    SL_TRY(list_states(t, err));
    SL_TRY(open_run(t, err));
    SL_TRY(judge_start(t, err));
    const bool goes_on = t->task->begin && t->at.step < t->o.steps;
    return goes_on ? t->task->begin(t, progress, context, err) : SL_OK;
}

sl_status sl_trainer_open(const sl_train_options *options, const sl_train_data *data, sl_progress_fn progress,
                          void *context, sl_trainer **out, sl_error *err)
{
    *out = NULL;
    if (!options || !data)
        return sl_fail(err, SL_ERR_ARGUMENT, "a trainer needs options and data");
    sl_trainer *t = calloc(1, sizeof *t);
    if (!t)
        return sl_no_memory(err, "for a trainer");
    sl_status status = open_trainer(t, options, data, progress, context, err);
    if (status != SL_OK) {
        sl_trainer_close(t);
        return status;
    }
    *out = t;
    return SL_OK;
}

void sl_trainer_close(sl_trainer *t)
{
    if (!t)
        return;
    for (int i = 0; t->memory && i < t->learner.n_params; i++) {
        free(t->memory[i].moments.first);
        free(t->memory[i].moments.second);
        free(t->memory[i].sum);
        free(t->memory[i].best);
    }
    for (int i = 0; t->best_running && i < t->learner.n_running; i++)
        free(t->best_running[i]);
    free(t->memory);
    free(t->best_running);
    sl_run_log_close(&t->log);
    sl_states_free(&t->states);
    sl_learner_close(&t->learner);
    sl_graph_free(t->part);
    if (t->task)
        t->task->close(t);
    free(t->classes);
    free(t->checkpoint);
    free(t->settings);
    free_options(&t->o);
    free(t);
}
