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
    bool resume;
} points_run;

enum { KEY_LIST = CLI_KEY_OWN, KEY_ROOT, KEY_RUN, KEY_RESUME, KEY_LAST, KEY_LICENCE };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    points_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        run->training.recipe = "points";
        state->child_inputs[0] = &run->training;
        state->child_inputs[1] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->run.json = true; return 0;
    case CLI_KEY_REPLACE: run->run.replace = true; return 0;
    case KEY_LIST: run->run.data.list = arg; return 0;
    case KEY_ROOT: run->run.data.root = arg; return 0;
    case KEY_RUN: run->run.folder = arg; return 0;
    case KEY_RESUME: run->resume = true; return 0;
    case KEY_LAST: run->run.last = true; return 0;
    case KEY_LICENCE: run->run.licence = arg; return 0;
    case 'o': run->run.output = arg; return 0;
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
    {"output", 'o', "NAME", 0, "The new model's name, in the models folder; or FOLDER/NAME (required)", 0},
    {"replace", CLI_KEY_REPLACE, 0, 0, "Also when a model of that name is there", 0},
    {"run", KEY_RUN, "DIR", 0, "Where checkpoint, log.jsonl and charts go (default: NAME.run)", 0},
    {"resume", KEY_RESUME, 0, 0, "Go on from the run's checkpoint, as if it had not been stopped", 0},
    {"last", KEY_LAST, 0, 0, "Save the last weights, not the best", 0},
    {"licence", KEY_LICENCE, "TEXT", 0, "Of the new weights (default: not stated)", 0},
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {
    {&cli_training_argp, 0, "Training:", 1}, {&cli_models_argp, 0, "Networks:", 2}, {0}};

static const struct argp parser = {
    options,
    parse,
    0,
    "Teaches a small network where a face's points are when a scarf or a mask hides them. It learns from whole "
    "photos of uncovered faces: what the detector says of them is the truth, covers are drawn on. A detector uses it once "
    "its manifest says \"points\": \"NAME\".\v"
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
    r->options = run.training.options;
    r->options.task = SL_TRAIN_POINTS;
    r->options.models_dir = run.models.engine.models_dir;
    r->options.model = run.models.engine.detector;
    r->options.threads = run.models.threads;
    r->options.precision = run.models.engine.precision;
    r->options.resume = run.resume;
    code = cli_train(r);
    cli_ranks_end(code);
    return code;
}
