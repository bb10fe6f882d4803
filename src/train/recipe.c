/* Options of training by name, and what may be asked for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/names.h"
#include "base/text.h"
#include "train/settings.h"

static const char *const tasks[] = {"recogniser", "h1", "h2", "h2l", "points"};
static const char *const optimisers[] = {"sgd", "adamw"}, *const schedules[] = {"constant", "steps", "cosine"};

const char *sl_train_task_name(unsigned task)
{
    return sl_name_of(tasks, 5, task);
}
const char *sl_optimiser_name(unsigned kind)
{
    return sl_name_of(optimisers, 2, kind);
}
int sl_optimiser_named(const char *name)
{
    return sl_named(optimisers, 2, name);
}
const char *sl_schedule_name(unsigned kind)
{
    return sl_name_of(schedules, 3, kind);
}
int sl_schedule_named(const char *name)
{
    return sl_named(schedules, 3, name);
}

/* ---- recipes ---- */

static const struct {
    const char *name;
    sl_train_options options;
} recipes[] = {
    {"distill",
     {.augmentation = "rough",
      .loss = SL_LOSS_DISTILL,
      .target_covered = .5,
      .optimiser = SL_OPTIMISER_ADAMW,
      .rate = 5e-4,
      .weight_decay = 1e-4,
      .beta1 = .9,
      .beta2 = .999,
      .epsilon = 1e-8,
      .clip = 5,
      .schedule = SL_SCHEDULE_COSINE,
      .warm_up = 20,
      .batch = 32,
      .accumulate = 1,
      .steps = 1000,
      .seed = 1,
      .keep = .6,
      .held_out = .1,
      .every = 200,
      .margin = .5,
      .scale = 30,
      .decay_every = 1,
      .decay_by = .1}},
    {"dissertation",
     {.augmentation = "mirror",
      .loss = SL_LOSS_ARCFACE,
      .margin = .5,
      .scale = 30,
      .random_classes = 1,
      .batch_statistics = 1,
      .optimiser = SL_OPTIMISER_SGD,
      .rate = 1e-3,
      .weight_decay = 5e-4,
      .beta1 = .9,
      .beta2 = .999,
      .epsilon = 1e-8,
      .schedule = SL_SCHEDULE_CONSTANT,
      .decay_every = 1,
      .decay_by = .1,
      .batch = 32, /* 128 in all */
      .accumulate = 4,
      .steps = 1000,
      .seed = 2023,
      .held_out = .1,
      .every = 200}},
    {"upstream",
     {.augmentation = "mirror",
      .loss = SL_LOSS_ARCFACE,
      .margin = .5,
      .scale = 30,
      .focal = 2,
      .random_classes = 1,
      .batch_statistics = 1,
      .optimiser = SL_OPTIMISER_SGD,
      .rate = 1e-1,
      .weight_decay = 5e-4,
      .beta1 = .9,
      .beta2 = .999,
      .epsilon = 1e-8,
      .schedule = SL_SCHEDULE_STEPS,
      .decay_every = 1000,
      .decay_by = .1,
      .batch = 16,
      .accumulate = 1,
      .steps = 5000,
      .seed = 1,
      .held_out = .1,
      .every = 500}},
    /* An epoch of 2 million pairs has 6,250 steps of 320. */
    {"face-vit",
     {.augmentation = "none",
      .loss = SL_LOSS_ARCFACE,
      .margin = .5,
      .scale = 30,
      .random_classes = 1,
      .batch_statistics = 1,
      .embedding_dropout = .1,
      .optimiser = SL_OPTIMISER_ADAMW,
      .rate = 1e-5,
      .weight_decay = .05,
      .beta1 = .9,
      .beta2 = .999,
      .epsilon = 1e-8,
      .schedule = SL_SCHEDULE_CONSTANT,
      .warm_up = 6250,
      .warm_up_rate = 1e-6,
      .decay_every = 1,
      .decay_by = .1,
      .batch = 64,
      .accumulate = 5,
      .steps = 312500,
      .seed = 1337,
      .held_out = .1,
      .every = 500}},
    {"face-vit-short",
     {.augmentation = "none",
      .loss = SL_LOSS_ARCFACE,
      .margin = .3,
      .scale = 30,
      .random_classes = 1,
      .batch_statistics = 1,
      .embedding_dropout = .1,
      .optimiser = SL_OPTIMISER_ADAMW,
      .rate = 3e-4,
      .weight_decay = .05,
      .beta1 = .9,
      .beta2 = .999,
      .epsilon = 1e-8,
      .clip = 5,
      .schedule = SL_SCHEDULE_COSINE,
      .warm_up = 30,
      .decay_every = 1,
      .decay_by = .1,
      .batch = 64,
      .accumulate = 2,
      .steps = 800,
      .seed = 1337,
      .held_out = .1,
      .every = 100}},
    {"points",
     {.augmentation = "hiding",
      .batch_statistics = 1,
      .optimiser = SL_OPTIMISER_ADAMW,
      .rate = 2e-3,
      .weight_decay = 1e-3,
      .beta1 = .9,
      .beta2 = .999,
      .epsilon = 1e-8,
      .clip = 5,
      .schedule = SL_SCHEDULE_COSINE,
      .warm_up = 100,
      .batch = 64,
      .accumulate = 1,
      .steps = 4000,
      .seed = 1,
      .held_out = .1,
      .every = 500,
      .margin = .5,
      .scale = 30,
      .decay_every = 1,
      .decay_by = .1}},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

sl_status sl_train_recipe(const char *name, sl_train_options *out, sl_error *err)
{
    *out = recipes[0].options;
    if (!name)
        return SL_OK;
    for (size_t i = 0; i < RECIPES; i++)
        if (strcmp(name, recipes[i].name) == 0) {
            *out = recipes[i].options;
            return SL_OK;
        }
    sl_text names = {0};
    for (size_t i = 0; i < RECIPES; i++)
        sl_text_add(&names, "%s%s", i ? ", " : "", recipes[i].name);
    sl_status status = sl_fail(err, SL_ERR_ARGUMENT, "no recipe is named \"%.80s\"; there are %s", name,
                               names.data ? names.data : "");
    free(names.data);
    return status;
}

/* ---- what may be asked for ---- */

static bool is_number(double x, double low, double high)
{
    return x >= low && x <= high;
}

/* What learns from maps has no teacher, and features of a batch norm. */
static bool suits_task(const sl_train_options *o)
{
    return o->task == SL_TRAIN_RECOGNISER || o->task == SL_TRAIN_H2 || o->task == SL_TRAIN_POINTS ||
           o->loss != SL_LOSS_DISTILL;
}

sl_status sl_settings_check(const sl_train_options *o, sl_error *err)
{
    const struct {
        bool right;
        const char *what;
    } rules[] = {
        {sl_train_task_name((unsigned)o->task) != NULL, "something that can learn"},
        {sl_train_loss_name((unsigned)o->loss) != NULL, "a loss that there is"},
        {suits_task(o), "a margin loss, or softmax, where maps are learned from"},
        {o->depth >= 0 && o->depth <= 64 && o->heads >= 0 && o->heads <= 64, "up to 64 layers and heads"},
        {o->features >= 0 && o->features <= 4096, "features of up to 4096 numbers"},
        {is_number(o->dropout, 0, .99) && is_number(o->embedding_dropout, 0, .99), "a dropout from 0 to .99"},
        {o->replicas >= 0 && o->replicas <= 256 && (!o->replicas || o->batch % o->replicas == 0),
         "up to 256 replicas, and a batch that is a multiple of them"},
        {o->most_people == 0 || o->most_people >= 2, "two people or more"},
        {sl_optimiser_name((unsigned)o->optimiser) != NULL, "an optimiser that there is"},
        {sl_schedule_name((unsigned)o->schedule) != NULL, "a schedule that there is"},
        {is_number(o->target_covered, 0, 100), "a weight of the covered target from 0 to 100"},
        {is_number(o->margin, 0, M_PI) && is_number(o->scale, 1e-3, 1e4),
         "a margin from 0 to pi and a scale above 0"},
        {is_number(o->focal, 0, 10), "a focal exponent from 0 to 10"},
        {is_number(o->rate, 1e-12, 100), "a rate from 1e-12 to 100"},
        {is_number(o->weight_decay, 0, 1), "a weight decay from 0 to 1"},
        {is_number(o->momentum, 0, .9999), "a momentum from 0 to .9999"},
        {is_number(o->beta1, 0, .99999) && is_number(o->beta2, 0, .999999), "betas from 0 to below 1"},
        {is_number(o->epsilon, 1e-30, 1), "an epsilon above 0"},
        {is_number(o->clip, 0, 1e30), "a clip of 0 or more"},
        {is_number(o->warm_up_rate, 0, 100) && is_number(o->last_rate, 0, 100), "rates of 0 to 100"},
        {o->schedule != SL_SCHEDULE_STEPS || (o->decay_every > 0 && is_number(o->decay_by, 0, 1)),
         "stairs of at least one step, and a factor from 0 to 1"},
        {o->batch >= 1 && o->batch <= 4096, "a batch of 1 to 4096"},
        {!o->batch_statistics || o->batch > 1, "a batch of two and more, where batch norms use its statistics"},
        {o->accumulate >= 1 && o->accumulate <= 4096, "1 to 4096 runs a step"},
        {o->steps >= 1 && o->steps <= (uint64_t)1 << 40, "at least one step"},
        {o->pool == 0 || (o->task == SL_TRAIN_RECOGNISER && o->pool <= (uint64_t)1 << 24),
         "a pool of up to 16,777,216 pictures, and none where maps are learned from"},
        {o->every >= 1, "a judgement every step or less often"},
        {is_number(o->held_out, 0, .5), "a part of people held out from 0 to .5"},
        {is_number(o->keep, 0, .9999), "a part that is kept from 0 to below 1"},
        {o->threads >= 0 && o->threads <= 1024, "0 to 1024 threads"},
        {o->precision == SL_COMPUTE_F32 || o->precision == SL_COMPUTE_BF16, "f32 or bf16: int8 does not learn"},
        {!o->ranks || (o->ranks->ranks >= 1 && o->ranks->ranks <= 256 && o->ranks->rank >= 0 &&
                       o->ranks->rank < o->ranks->ranks && o->ranks->begin && o->ranks->finish &&
                       o->accumulate % o->ranks->ranks == 0),
         "ranks that can add up, 256 at most, and runs a step that are a multiple of them"},
        {!o->resume || o->run, "a folder of the run to resume from"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!rules[i].right)
            return sl_fail(err, SL_ERR_ARGUMENT, "training needs %s", rules[i].what);
    return SL_OK;
}
