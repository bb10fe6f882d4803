/* secondlook train vit|h1|h2|h2l: Face-ViT's models. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/printer.h"
#include "common/progress.h"
#include "train/mpi_ranks.h"
#include "train/train.h"
#include "train/train_options.h"
#include "train/train_run.h"

typedef struct {
    cli_models models;
    cli_training training;
    cli_train_run run;
    sl_train_options own; /* what this file's options set */
    const char *gallery_dir;
} transformer_run;

enum {
    KEY_LICENCE = CLI_KEY_OWN,
    KEY_DEPTH,
    KEY_HEADS,
    KEY_FORM,
    KEY_FEATURES,
    KEY_SINGLE,
    KEY_NO_POSITIONS,
    KEY_START,
    KEY_BEGIN,
    KEY_REPLICAS,
    KEY_PAIRS_OUT
};

/* "FILE" or "FILE,COUNT". */
static void parse_pairs_out(struct argp_state *state, cli_train_run *run, char *arg)
{
    char *comma = strrchr(arg, ',');
    run->pairs_count = 100000;
    if (comma) {
        *comma = 0;
        run->pairs_count = (size_t)cli_parse_int(state, "--pairs-out", comma + 1, 1, 1LL << 26);
    }
    run->pairs_out = arg;
}

static int parse_size(int key, char *arg, struct argp_state *state, sl_train_options *o)
{
    static const char *const forms[] = {"published", "pre-norm", "text", NULL};
    static const char *const begins[] = {"random", "embedding", NULL};
    switch (key) {
    case KEY_DEPTH: o->depth = (int)cli_parse_int(state, "--depth", arg, 1, 64); return 0;
    case KEY_HEADS: o->heads = (int)cli_parse_int(state, "--heads", arg, 1, 64); return 0;
    case KEY_FORM: o->form = forms[cli_parse_name(state, "--form", arg, forms)]; return 0;
    case KEY_FEATURES: o->features = (int)cli_parse_int(state, "--features", arg, 1, 4096); return 0;
    case KEY_SINGLE: o->single = 1; return 0;
    case KEY_NO_POSITIONS: o->no_positions = 1; return 0;
    case KEY_BEGIN: o->begin_at_embedding = cli_parse_name(state, "--begin", arg, begins); return 0;
    case KEY_START: o->start = arg; return 0;
    case KEY_REPLICAS: o->replicas = (int)cli_parse_int(state, "--replicas", arg, 1, 256); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    transformer_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->training;
        state->child_inputs[1] = &run->models;
        state->child_inputs[2] = &run->run;
        return 0;
    case CLI_KEY_GALLERY: run->gallery_dir = arg; return 0;
    case KEY_LICENCE: run->run.licence = arg; return 0;
    case KEY_PAIRS_OUT: parse_pairs_out(state, &run->run, arg); return 0;
    case ARGP_KEY_END:
        if (!run->run.output)
            argp_error(state, "--output NAME is missing: what the new model is called");
        if (!run->gallery_dir)
            argp_error(state, "--gallery DIR is missing: the people to learn from");
        return 0;
    default: return parse_size(key, arg, state, &run->own);
    }
}

#define OPTION_GALLERY_OF(what) {"gallery", CLI_KEY_GALLERY, "DIR", 0, what, 0}
#define OPTIONS_SIZE(heads)                                                                                            \
    {"depth", KEY_DEPTH, "N", 0, "Layers", 0}, {"heads", KEY_HEADS, "N", 0, "Of attention (default: " heads ")", 0}
#define OPTION_FORM                                                                                                    \
    {"form", KEY_FORM, "NAME", 0,                                                                                      \
     "published (the default; no norm before attention), pre-norm, or text (equations 4.2 to 4.6)", 0}
#define OPTION_NO_POSITIONS {"no-positions", KEY_NO_POSITIONS, 0, 0, "Tokens do not know where they are", 0}
#define OPTIONS_OF_PAIRS                                                                                               \
    {"start", KEY_START, "LOOK", 0, "Go on from this look, of its size (default: random weights)", 0},                 \
        {"replicas", KEY_REPLICAS, "N", 0, "Mix pairs as the published code did on N graphics cards", 0},              \
        {"pairs-out", KEY_PAIRS_OUT, "FILE[,N]", 0, "Write the first N (100000) pairs: img1 img2 same id1 id2", 0}
#define OPTION_LICENCE {"licence", KEY_LICENCE, "TEXT", 0, "Of the new weights (default: that of the network below)", 0}

static const struct argp_option vit_options[] = {
    OPTION_GALLERY_OF("Learn from these people; enrolled with --keep-crops (required)"), OPTIONS_SIZE("8"),
    OPTION_LICENCE, {0}};
static const struct argp_option h1_options[] = {
    OPTION_GALLERY_OF("Learn from these people; enrolled with --patches f32 or int8 (required)"), OPTIONS_SIZE("4"),
    OPTION_FORM, OPTION_NO_POSITIONS, OPTION_LICENCE, {0}};
static const struct argp_option h2_options[] = {
    OPTION_GALLERY_OF("Learn from these people; enrolled with --patches f32 or int8 (required)"), OPTIONS_SIZE("1"),
    OPTION_FORM, OPTION_NO_POSITIONS, OPTIONS_OF_PAIRS, OPTION_LICENCE, {0}};
static const struct argp_option h2l_options[] = {
    OPTION_GALLERY_OF("Learn from these people; enrolled with --patches f32 or int8 (required)"), OPTIONS_SIZE("2"),
    OPTION_FORM, OPTION_NO_POSITIONS,
    {"features", KEY_FEATURES, "N", 0, "Numbers of a photo's feature (default: 512)", 0},
    {"begin", KEY_BEGIN, "HOW", 0,
     "random (the default), or embedding: a photo's feature begins as its embedding, and training adds what the other "
     "photo tells",
     0},
    {"single-mlp", KEY_SINGLE, 0, 0, "Both photos share the last dense layer", 0},
    OPTIONS_OF_PAIRS, OPTION_LICENCE, {0}};

static const struct argp_child children[] = {{&cli_training_argp, 0, "Training:", 1},
                                             {&cli_models_argp, 0, "Networks:", 2},
                                             {&cli_train_run_argp, 0, 0, 0},
                                             {0}};

#define HOW                                                                                                            \
    "The recipe is the dissertation's (face-vit), which wants a large dataset and days; face-vit-short ends in "      \
    "minutes to hours on a small one. Some of the people are held out and judge; the weights that serve them best "    \
    "are saved.\vCtrl-C writes a checkpoint; --resume goes on. Example:\n"

static const struct argp parsers[] = {
    [SL_TRAIN_RECOGNISER] = {vit_options, parse, "",
                             "Trains Face-ViT's model V, a transformer over patches of the picture itself, from "
                             "random weights. " HOW
                             "  secondlook train vit --gallery staff --depth 4 --recipe face-vit-short -o v4",
                             children, 0, 0},
    [SL_TRAIN_H1] = {h1_options, parse, "",
                     "Trains Face-ViT's model H1, a transformer over a network's stored patch maps; with the network "
                     "below it becomes one recogniser. " HOW
                     "  secondlook train h1 --gallery staff --recipe face-vit-short -o h1",
                     children, 0, 0},
    [SL_TRAIN_H2] = {h2_options, parse, "",
                     "Trains the second look H2: a transformer over the stored patch maps of two photos, that says "
                     "whether they are of one person. " HOW
                     "  secondlook train h2 --gallery staff --recipe face-vit-short -o h2",
                     children, 0, 0},
    [SL_TRAIN_H2L] = {h2l_options, parse, "",
                      "Trains the second look H2L: a transformer over the stored patch maps of two photos, that makes "
                      "a feature of each in the light of the other. " HOW
                      "  secondlook train h2l --gallery staff --recipe face-vit-short -o h2l\n"
                      "  secondlook identify --gallery staff --rerank h2l --look h2l photo.jpg",
                      children, 0, 0},
};

/* ---- the run ---- */

/* V begins as a model with random weights in the run's folder. */
static int make_start(transformer_run *run, char **start)
{
    sl_error err = {0};
    struct stat there;
    char *folder = cli_train_folder(&run->run);
    if (!folder || asprintf(start, "%s/start.json", folder) < 0)
        *start = NULL;
    free(folder);
    if (!*start)
        return CLI_FAILED;
    run->run.options.model = *start;
    if (run->run.resume && stat(*start, &there) == 0)
        return CLI_OK;
    char *name = strndup(*start, strlen(*start) - strlen(".json"));
    const sl_new_model_options made = {.arch = "vit",
                                       .output = name,
                                       .depth = run->own.depth,
                                       .heads = run->own.heads,
                                       .seed = run->training.options.seed,
                                       .replace = 1};
    int code = name && sl_model_new(&made, &err) == SL_OK ? CLI_OK : cli_fail(NULL, &err);
    free(name);
    return code;
}

static void set_options(transformer_run *run, sl_train_task task)
{
    sl_train_options *o = &run->run.options;
    cli_train_set(&run->run, &run->training, &run->models);
    o->task = task;
    o->depth = run->own.depth;
    o->heads = run->own.heads;
    o->form = run->own.form;
    o->features = run->own.features;
    o->single = run->own.single;
    o->no_positions = run->own.no_positions;
    o->begin_at_embedding = run->own.begin_at_embedding;
    o->start = run->own.start;
    o->replicas = run->own.replicas;
}

static int train(transformer_run *run, sl_train_task task)
{
    sl_error err = {0};
    sl_gallery *gallery = NULL;
    char *start = NULL;
    set_options(run, task);
    int code = task == SL_TRAIN_RECOGNISER ? make_start(run, &start) : CLI_OK;
    if (!code && sl_gallery_open(run->gallery_dir, SL_GALLERY_READ, NULL, &gallery, &err))
        code = cli_fail(run->gallery_dir, &err);
    run->run.data.gallery = gallery;
    if (!code)
        code = cli_train(&run->run);
    sl_gallery_close(gallery);
    free(start);
    return code;
}

static int run_task(sl_train_task task, int argc, char **argv)
{
    transformer_run run = {.training.recipe = "face-vit"};
    argp_parse(&parsers[task], argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    int code = cli_ranks_begin(&run.run.ranks);
    if (!code) {
        code = train(&run, task);
        cli_ranks_end(code);
    }
    return code;
}

int cmd_train_vit(int argc, char **argv)
{
    return run_task(SL_TRAIN_RECOGNISER, argc, argv);
}
int cmd_train_h1(int argc, char **argv)
{
    return run_task(SL_TRAIN_H1, argc, argv);
}
int cmd_train_h2(int argc, char **argv)
{
    return run_task(SL_TRAIN_H2, argc, argv);
}
int cmd_train_h2l(int argc, char **argv)
{
    return run_task(SL_TRAIN_H2L, argc, argv);
}
