#include "train/train_options.h"

#include <stdlib.h>
#include <string.h>

#include "common/printer.h"

enum {
    KEY_RECIPE = CLI_KEY_SHARED + 0x40,
    KEY_LOSS,
    KEY_LEARN,
    KEY_BATCH_STATISTICS,
    KEY_TARGET_COVERED,
    KEY_MARGIN,
    KEY_SCALE,
    KEY_FOCAL,
    KEY_CLASSES,
    KEY_OPTIMISER,
    KEY_RATE,
    KEY_DECAY,
    KEY_MOMENTUM,
    KEY_CLIP,
    KEY_SCHEDULE,
    KEY_WARM_UP,
    KEY_STAIRS,
    KEY_LAST_RATE,
    KEY_BATCH,
    KEY_ACCUMULATE,
    KEY_STEPS,
    KEY_SEED,
    KEY_AUGMENTATION,
    KEY_HELD_OUT,
    KEY_PEOPLE,
    KEY_MOST_PEOPLE,
    KEY_DROPOUT,
    KEY_EVERY,
    KEY_POOL,
    KEY_UNTIL,
    KEY_KEEP
};

static const struct argp_option options[] = {
    {"recipe", KEY_RECIPE, "NAME", 0,
     "Where all other options begin: distill (from itself, on covered faces), dissertation (its Table 5.8), upstream "
     "(the published training code's), face-vit (the dissertation's of transformers), face-vit-short, points",
     0},
    {"loss", KEY_LOSS, "NAME", 0, "distill, arcface, cosface or softmax", 0},
    {"learn", KEY_LEARN, "REGEX", 0,
     "Only weights whose names match learn (default: all); --list-weights tells them. What lies before the "
     "first of them costs little",
     0},
    {"batch-statistics", KEY_BATCH_STATISTICS, "YES", 0,
     "yes: batch norms go by the batch, and their running statistics move; no: they stay", 0},
    {"target-covered", KEY_TARGET_COVERED, "W", 0,
     "distill: the weight of what the network made of the covered face itself, beside 1 for the untouched one", 0},
    {"margin", KEY_MARGIN, "M", 0, "Of the loss, in radians (arcface) or cosine (cosface)", 0},
    {"scale", KEY_SCALE, "S", 0, "Of the cosines in the softmax", 0},
    {"focal", KEY_FOCAL, "G", 0, "The loss L becomes (1 - exp(-L))^G L; 0: it does not", 0},
    {"classes", KEY_CLASSES, "HOW", 0, "People's vectors begin at their mean embeddings (means), or at random", 0},
    {"optimiser", KEY_OPTIMISER, "NAME", 0, "sgd or adamw", 0},
    {"rate", KEY_RATE, "R", 0, "Of learning", 0},
    {"weight-decay", KEY_DECAY, "D", 0, "adamw: of weights of rank 2 and more, sgd: of all", 0},
    {"momentum", KEY_MOMENTUM, "M", 0, "Of sgd", 0},
    {"clip", KEY_CLIP, "L", 0, "Gradients longer than this are shortened to it; 0: never", 0},
    {"schedule", KEY_SCHEDULE, "NAME", 0, "constant, steps or cosine", 0},
    {"warm-up", KEY_WARM_UP, "STEPS[,R]", 0, "Steps in which the rate rises, from R (0)", 0},
    {"stairs", KEY_STAIRS, "STEPS,F", 0, "steps: after each so many steps the rate is multiplied by F", 0},
    {"last-rate", KEY_LAST_RATE, "R", 0, "cosine: where it ends", 0},
    {"batch", KEY_BATCH, "N", 0, "Pictures of one run", 0},
    {"accumulate", KEY_ACCUMULATE, "N", 0, "Runs of one step; with mpirun shared by its ranks", 0},
    {"steps", KEY_STEPS, "N", 0, "In all", 0},
    {"until", KEY_UNTIL, "N", 0, "End after N of the steps, whose schedule stays; also of a run that is resumed", 0},
    {"seed", KEY_SEED, "N", 0, "The same seed gives the same weights", 0},
    {"augmentation", KEY_AUGMENTATION, "NAME", 0, "What is drawn on the crops", 0},
    {"pool", KEY_POOL, "N", 0,
     "Draw N pictures, once, and learn from them again and again: steps are several times quicker where the first "
     "layers do not learn (0: each picture is drawn anew)",
     0},
    {"held-out", KEY_HELD_OUT, "PART", 0, "Of the people, who are not learned from and judge; 0: nobody", 0},
    {"people", KEY_PEOPLE, "all|a|b", 0, "Only this half of the people takes part, as in eval", 0},
    {"most-people", KEY_MOST_PEOPLE, "N", 0, "No more people than so many are learned from, chosen by hash", 0},
    {"dropout", KEY_DROPOUT, "D[,E]", 0, "Of transformers: the rates in layers and behind the tokens", 0},
    {"every", KEY_EVERY, "STEPS", 0, "Between two judgements and checkpoints", 0},
    {"keep", KEY_KEEP, "PART", 0,
     "Of the weights at the start, in those that are judged and saved: .4 forgets less, and learns less", 0},
    {0}};

/* "A,B"; B stays as it is where it is not given. */
static void parse_two(struct argp_state *state, const char *option, char *arg, uint64_t *a, double *b)
{
    char *comma = strchr(arg, ',');
    if (comma)
        *comma = 0;
    *a = (uint64_t)cli_parse_int(state, option, arg, 0, 1LL << 40);
    if (comma)
        *b = cli_parse_real(state, option, comma + 1, 0, 100);
}

/* "D" or "D,E". */
static void parse_dropout(struct argp_state *state, char *arg, sl_train_options *o)
{
    char *comma = strchr(arg, ',');
    if (comma)
        *comma = 0;
    o->dropout = cli_parse_real(state, "--dropout", arg, 0, .99);
    if (comma)
        o->embedding_dropout = cli_parse_real(state, "--dropout", comma + 1, 0, .99);
}

static int parse_word(struct argp_state *state, const char *option, const char *arg, const char *no,
                      const char *yes)
{
    const char *const words[] = {no, yes, NULL};
    return cli_parse_name(state, option, arg, words);
}

static void apply_loss(struct argp_state *state, sl_train_options *o, int key, char *arg)
{
    switch (key) {
    case KEY_LOSS:
        o->loss = (sl_train_loss)cli_parse_value(state, "--loss", arg, sl_train_loss_named, sl_train_loss_name);
        break;
    case KEY_LEARN: o->learn = arg; break;
    case KEY_BATCH_STATISTICS:
        o->batch_statistics = parse_word(state, "--batch-statistics", arg, "no", "yes");
        break;
    case KEY_TARGET_COVERED: o->target_covered = cli_parse_real(state, "--target-covered", arg, 0, 100); break;
    case KEY_MARGIN: o->margin = cli_parse_real(state, "--margin", arg, 0, 3.14); break;
    case KEY_SCALE: o->scale = cli_parse_real(state, "--scale", arg, 1e-3, 1e4); break;
    case KEY_FOCAL: o->focal = cli_parse_real(state, "--focal", arg, 0, 10); break;
    case KEY_CLASSES: o->random_classes = parse_word(state, "--classes", arg, "means", "random"); break;
    default: break;
    }
}

static void apply_optimiser(struct argp_state *state, sl_train_options *o, int key, char *arg)
{
    switch (key) {
    case KEY_OPTIMISER:
        o->optimiser =
            (sl_optimiser_kind)cli_parse_value(state, "--optimiser", arg, sl_optimiser_named, sl_optimiser_name);
        break;
    case KEY_RATE: o->rate = cli_parse_real(state, "--rate", arg, 1e-12, 100); break;
    case KEY_DECAY: o->weight_decay = cli_parse_real(state, "--weight-decay", arg, 0, 1); break;
    case KEY_MOMENTUM: o->momentum = cli_parse_real(state, "--momentum", arg, 0, .9999); break;
    case KEY_CLIP: o->clip = cli_parse_real(state, "--clip", arg, 0, 1e30); break;
    case KEY_SCHEDULE:
        o->schedule =
            (sl_schedule_kind)cli_parse_value(state, "--schedule", arg, sl_schedule_named, sl_schedule_name);
        break;
    case KEY_WARM_UP: parse_two(state, "--warm-up", arg, &o->warm_up, &o->warm_up_rate); break;
    case KEY_STAIRS: parse_two(state, "--stairs", arg, &o->decay_every, &o->decay_by); break;
    case KEY_LAST_RATE: o->last_rate = cli_parse_real(state, "--last-rate", arg, 0, 100); break;
    default: break;
    }
}

static void apply_work(struct argp_state *state, sl_train_options *o, int key, char *arg)
{
    switch (key) {
    case KEY_BATCH: o->batch = (int)cli_parse_int(state, "--batch", arg, 1, 4096); break;
    case KEY_ACCUMULATE: o->accumulate = (int)cli_parse_int(state, "--accumulate", arg, 1, 4096); break;
    case KEY_STEPS: o->steps = (uint64_t)cli_parse_int(state, "--steps", arg, 1, 1LL << 40); break;
    case KEY_UNTIL: o->until = (uint64_t)cli_parse_int(state, "--until", arg, 0, 1LL << 40); break;
    case KEY_SEED: o->seed = (uint64_t)cli_parse_int(state, "--seed", arg, 0, 1LL << 62); break;
    case KEY_AUGMENTATION: o->augmentation = arg; break;
    case KEY_POOL: o->pool = (uint64_t)cli_parse_int(state, "--pool", arg, 0, 1 << 24); break;
    case KEY_HELD_OUT: o->held_out = cli_parse_real(state, "--held-out", arg, 0, .5); break;
    case KEY_PEOPLE: o->people = cli_parse_people(state, arg); break;
    case KEY_MOST_PEOPLE: o->most_people = (int)cli_parse_int(state, "--most-people", arg, 2, 1 << 24); break;
    case KEY_DROPOUT: parse_dropout(state, arg, o); break;
    case KEY_EVERY: o->every = (uint64_t)cli_parse_int(state, "--every", arg, 1, 1LL << 40); break;
    case KEY_KEEP: o->keep = cli_parse_real(state, "--keep", arg, 0, .9999); break;
    default: break;
    }
}

static void apply_all(struct argp_state *state, cli_training *t)
{
    sl_error err;
    if (sl_train_recipe(t->recipe, &t->options, &err))
        cli_usage(state, "%s", err.text);
    for (int i = 0; i < t->count; i++) {
        apply_loss(state, &t->options, t->changes[i].key, t->changes[i].arg);
        apply_optimiser(state, &t->options, t->changes[i].key, t->changes[i].arg);
        apply_work(state, &t->options, t->changes[i].key, t->changes[i].arg);
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    cli_training *t = state->input;
    if (key == ARGP_KEY_END) {
        apply_all(state, t);
        return 0;
    }
    if (key == KEY_RECIPE) {
        t->recipe = arg;
        return 0;
    }
    if (key < KEY_RECIPE || key > KEY_KEEP)
        return ARGP_ERR_UNKNOWN;
    if (t->count == CLI_MOST_CHANGES)
        argp_error(state, "more than %d options of training", CLI_MOST_CHANGES);
    t->changes[t->count].key = key;
    t->changes[t->count++].arg = arg;
    return 0;
}

const struct argp cli_training_argp = {options, parse, 0, 0, 0, 0, 0};
