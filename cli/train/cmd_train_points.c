/* secondlook train points: what tells where a face's five points are when something hides them. */
#include "common/cli.h"
#include "common/options.h"
#include "common/progress.h"
#include "train/mpi_ranks.h"
#include "train/train.h"
#include "train/train_options.h"
#include "train/train_run.h"

typedef struct {
    cli_models models;
    cli_training training;
    cli_train_run run;
} points_run;

enum { KEY_LIST = CLI_KEY_OWN, KEY_ROOT, KEY_LICENCE };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    points_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        run->training.recipe = "points";
        state->child_inputs[0] = &run->training;
        state->child_inputs[1] = &run->models;
        state->child_inputs[2] = &run->run;
        return 0;
    case KEY_LIST: run->run.data.list = arg; return 0;
    case KEY_ROOT: run->run.data.root = arg; return 0;
    case KEY_LICENCE: run->run.licence = arg; return 0;
    case ARGP_KEY_END:
        if (!run->run.output)
            argp_error(state, "--output NAME is missing: what the new model is called");
        if (!run->run.data.list)
            argp_error(state, "photos to learn from are needed: --list FILE");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"list", KEY_LIST, "FILE", 0, "Learn from these whole photos: lines \"path,label\" (required)", 0},
    {"root", KEY_ROOT, "DIR", 0, "What paths in the list are below (default: its own folder)", 0},
    {"licence", KEY_LICENCE, "TEXT", 0, "Of the new weights (default: not stated)", 0},
    {0}};
static const struct argp_child children[] = {{&cli_training_argp, 0, "Training:", 1},
                                             {&cli_models_argp, 0, "Networks:", 2},
                                             {&cli_train_run_argp, 0, 0, 0},
                                             {0}};

static const struct argp parser = {
    options,
    parse,
    0,
    "Teaches a small network where a face's points are when a scarf or a mask hides them. It learns from whole "
    "photos of uncovered faces: what the detector says of them is the truth, covers are drawn on. A detector uses it "
    "once its manifest says \"points\": \"NAME\".\v"
    "Ctrl-C writes a checkpoint; --resume goes on. Example:\n"
    "  secondlook train points --list photos.csv --output mine\n",
    children,
    0,
    0};

int cmd_train_points(int argc, char **argv)
{
    points_run run = {0};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    cli_train_run *r = &run.run;
    int code = cli_ranks_begin(&r->ranks);
    if (code)
        return code;
    cli_train_set(r, &run.training, &run.models);
    r->options.task = SL_TRAIN_POINTS;
    r->options.model = run.models.engine.detector;
    code = cli_train(r);
    cli_ranks_end(code);
    return code;
}
