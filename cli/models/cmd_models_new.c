/* secondlook models new: a recogniser with random weights. */
#include <stdbool.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/printer.h"
#include "models/models.h"
#include "secondlook_train.h"

enum { KEY_SEED = CLI_KEY_OWN, KEY_DEPTH, KEY_HEADS };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    sl_new_model_options *o = state->input;
    switch (key) {
    case CLI_KEY_MODELS_DIR: o->models_dir = arg; return 0;
    case CLI_KEY_REPLACE: o->replace = 1; return 0;
    case KEY_SEED: o->seed = (uint64_t)cli_parse_int(state, "--seed", arg, 0, 1LL << 62); return 0;
    case KEY_DEPTH: o->depth = (int)cli_parse_int(state, "--depth", arg, 1, 64); return 0;
    case KEY_HEADS: o->heads = (int)cli_parse_int(state, "--heads", arg, 1, 64); return 0;
    case 'a': o->arch = arg; return 0;
    case 'o': o->output = arg; return 0;
    case ARGP_KEY_END:
        if (!o->arch || !o->output)
            argp_error(state, "--arch NAME and --output NAME are needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"arch", 'a', "NAME", 0, "The architecture: docs/models.md lists them (required)", 0},
    {"output", 'o', "NAME", 0, "The new model's name, in the models folder; or FOLDER/NAME (required)", 0},
    {"seed", KEY_SEED, "N", 0, "The same seed gives the same weights (default: 0)", 0},
    {"depth", KEY_DEPTH, "N", 0, "Layers of a transformer (default: the architecture's)", 0},
    {"heads", KEY_HEADS, "N", 0, "Of its attention", 0},
    {"replace", CLI_KEY_REPLACE, 0, 0, "Also when a model of that name is there", 0},
    CLI_OPTION_MODELS_DIR,
    {0}};
static const struct argp parser = {options,
                                   parse,
                                   "",
                                   "Makes a recogniser with random weights, for 'train finetune' to train from "
                                   "nothing. It recognises nobody yet.\v"
                                   "Example:\n"
                                   "  secondlook models new --arch mobilefacenet --output mine-0",
                                   0,
                                   0,
                                   0};

int cmd_models_new(int argc, char **argv)
{
    sl_new_model_options o = {0};
    sl_error err = {0};
    argp_parse(&parser, argc, argv, 0, 0, &o);
    if (sl_model_new(&o, &err))
        return cli_fail(o.output, &err);
    cli_say("%s is made: %s with random weights of seed %llu", o.output, o.arch, (unsigned long long)o.seed);
    return CLI_OK;
}
