/* A trainer opened: network, data, what it looks up, and the run that it goes on with. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "net/flop.h"
#include "train/loss.h"
#include "train/ranks.h"
#include "train/settings.h"
#include "train/trainer.h"

static sl_plan_options plan_options(const sl_trainer *t)
{
    return (sl_plan_options){.threads = t->o.threads, .precision = SL_COMPUTE_F32};
}

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
    const char **texts[] = {&t->o.models_dir, &t->o.model, &t->o.learn, &t->o.augmentation, &t->o.run};
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
}

/* ---- what is looked up: the embeddings of the start ---- */

/* Unit embeddings of a source's pictures 0 .. n - 1 by the network of the start. */
static sl_status embed_all(sl_trainer *t, sl_plan *teacher, const sl_source *source, size_t n, sl_ticker *ticker,
                           float **out, sl_error *err)
{
    const int dim = sl_student_dim(&t->student);
    *out = sl_calloc_aligned(n * (size_t)dim + 1, sizeof **out);
    if (!*out)
        return sl_no_memory(err, "for the embeddings of all pictures");
    return sl_embed_pictures(&t->lesson, source, n, false, teacher, dim, ticker, *out, err);
}

/* Vectors of a run that is resumed come from its checkpoint. */
static bool begins_at_means(const sl_trainer *t)
{
    return sl_loss_has_classes(t->o.loss) && !t->o.random_classes && !t->o.resume;
}

static sl_status look_at_all(sl_trainer *t, sl_progress_fn progress, void *context, sl_error *err)
{
    const sl_lesson *l = &t->lesson;
    const sl_plan_options options = plan_options(t);
    sl_ticker ticker = {.fn = progress, .context = context, .total = sl_source_size(l->learned)};
    sl_plan *teacher;
    double flop;
    if (t->o.loss != SL_LOSS_DISTILL && !begins_at_means(t))
        return SL_OK;
    SL_TRY(sl_student_front(&t->student, true, &options, &teacher, &flop, err));
    sl_status status = embed_all(t, teacher, l->learned, ticker.total, &ticker, &t->targets, err);
    sl_plan_free(teacher);
    return status;
}

/* ---- the classes' vectors ---- */

/* Uniform in +- sqrt(6 / (people + dim)) (Glorot and Bengio 2010). */
static void draw_classes(sl_trainer *t, size_t count, int dim)
{
    sl_rng rng = sl_rng_seed(t->o.seed);
    const double most = sqrt(6.0 / (double)(sl_source_people(t->lesson.learned) + dim));
    for (size_t i = 0; i < count; i++)
        t->classes[i] = (float)sl_rng_range(&rng, -most, most);
}

static void average_classes(sl_trainer *t, int dim)
{
    const sl_source *from = t->lesson.learned;
    for (size_t i = 0; i < sl_source_size(from); i++) {
        const int c = sl_source_person(from, i);
        for (int d = 0; d < dim; d++)
            t->classes[(size_t)c * (size_t)dim + (size_t)d] += t->targets[i * (size_t)dim + (size_t)d];
    }
}

static sl_status begin_classes(sl_trainer *t, sl_error *err)
{
    const int dim = sl_student_dim(&t->student);
    const size_t count = (size_t)sl_source_people(t->lesson.learned) * (size_t)dim;
    if (!sl_loss_has_classes(t->o.loss))
        return SL_OK;
    t->classes = sl_calloc_aligned(count, sizeof *t->classes);
    if (!t->classes)
        return sl_no_memory(err, "for the vectors of all people");
    if (begins_at_means(t))
        average_classes(t, dim);
    else
        draw_classes(t, count, dim);
    return SL_OK;
}

/* ---- the learner ---- */

static sl_status compile_learner(sl_trainer *t, const char *const *names, int count, sl_error *err)
{
    sl_shape shapes[SL_MAX_CUT + 1];
    const int dim = sl_student_dim(&t->student);
    for (int i = 0; i < t->student.n_cut; i++)
        shapes[i] = t->student.cut_shapes[i];
    shapes[t->student.n_cut] =
        t->o.loss == SL_LOSS_DISTILL ? (sl_shape){2, {t->o.batch, dim}} : (sl_shape){1, {t->o.batch}};
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

static sl_status open_learner(sl_trainer *t, sl_error *err)
{
    sl_tensor embedding;
    SL_TRY(sl_student_part(&t->student, &t->part, &embedding, err));
    SL_TRY(sl_loss_append(t->part, embedding, t->o.batch, sl_student_dim(&t->student), &t->o, t->classes,
                          sl_source_people(t->lesson.learned), err));
    const char **names = sl_realloc_array(NULL, (size_t)t->student.n_learning + 1, sizeof *names);
    if (!names)
        return sl_no_memory(err, "for the weights that learn");
    int count = t->student.n_learning;
    memcpy(names, t->student.learning, (size_t)count * sizeof *names);
    if (sl_loss_has_classes(t->o.loss))
        names[count++] = SL_CLASS_VECTORS;
    sl_status status = compile_learner(t, names, count, err);
    free(names);
    return status;
}

static sl_status open_front(sl_trainer *t, sl_error *err)
{
    const sl_plan_options options = plan_options(t);
    t->front_embeds = t->o.loss == SL_LOSS_DISTILL && t->o.target_covered > 0;
    SL_TRY(sl_student_front(&t->student, t->front_embeds, &options, &t->front, &t->flop, err));
    t->flop += sl_graph_flop(t->learner.back);
    return SL_OK;
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
                     (!sl_lesson_judged(&t->lesson) || remember(&m->best, count));
    return all ? SL_OK : sl_no_memory(err, "for what the optimiser remembers");
}

static sl_status open_memory(sl_trainer *t, sl_error *err)
{
    t->memory = calloc((size_t)t->learner.n_params + 1, sizeof *t->memory);
    t->best_running = calloc((size_t)t->learner.n_running + 1, sizeof *t->best_running);
    t->which = calloc((size_t)t->o.batch, sizeof *t->which);
    if (!t->memory || !t->best_running || !t->which)
        return sl_no_memory(err, "for a trainer");
    for (int i = 0; i < t->learner.n_params; i++)
        SL_TRY(remember_param(t, i, err));
    for (int i = 0; i < t->learner.n_running && sl_lesson_judged(&t->lesson); i++)
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
    const sl_lesson *l = &t->lesson;
    t->settings = sl_settings_text(&t->o, t->student.recogniser.fingerprint, sl_source_digest(l->learned),
                                   l->judged ? sl_source_digest(l->judged) : NULL);
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
    SL_TRY(sl_student_open(t->o.models_dir, t->o.model, t->o.learn, t->o.batch, &t->student, err));
    SL_TRY(sl_lesson_open(data, &t->student.recogniser, &t->o, &t->lesson, err));
    SL_TRY(look_at_all(t, progress, context, err));
    SL_TRY(begin_classes(t, err));
    SL_TRY(open_learner(t, err));
    SL_TRY(open_front(t, err));
    SL_TRY(open_memory(t, err));
    SL_TRY(list_states(t, err));
    SL_TRY(open_run(t, err));
    return judge_start(t, err);
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
    free(t->which);
    sl_run_log_close(&t->log);
    sl_states_free(&t->states);
    sl_learner_close(&t->learner);
    sl_graph_free(t->part);
    sl_plan_free(t->front);
    sl_lesson_close(&t->lesson);
    sl_student_close(&t->student);
    free(t->targets);
    free(t->classes);
    free(t->checkpoint);
    free(t->settings);
    free_options(&t->o);
    free(t);
}
