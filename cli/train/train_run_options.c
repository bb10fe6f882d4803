/* The options that every run of training has, whatever learns. */
#include "train/train_run.h"

enum { KEY_RUN = CLI_KEY_OWN, KEY_RESUME, KEY_LAST };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    cli_train_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_REPLACE: run->replace = true; return 0;
    case KEY_RUN: run->folder = arg; return 0;
    case KEY_RESUME: run->resume = true; return 0;
    case KEY_LAST: run->last = true; return 0;
    case 'o': run->output = arg; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"output", 'o', "NAME", 0, "The new model's name, in the models folder; or FOLDER/NAME (required)", 0},
    {"replace", CLI_KEY_REPLACE, 0, 0, "Also when a model of that name is there", 0},
    {"run", KEY_RUN, "DIR", 0, "Where checkpoint, log.jsonl and charts go (default: NAME.run)", 0},
    {"resume", KEY_RESUME, 0, 0, "Go on from the run's checkpoint, as if it had not been stopped", 0},
    {"last", KEY_LAST, 0, 0, "Save the last weights, not the best", 0},
    CLI_OPTION_JSON,
    {0}};

const struct argp cli_train_run_argp = {options, parse, 0, 0, 0, 0, 0};

void cli_train_set(cli_train_run *run, const cli_training *training, const cli_models *models)
{
    run->options = training->options;
    run->options.models_dir = models->engine.models_dir;
    run->options.model = models->engine.model;
    run->options.threads = models->threads;
    run->options.precision = models->engine.precision;
    run->options.resume = run->resume;
}
