/* secondlook train average: several query encoders become one. */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"
#include "common/printer.h"
#include "secondlook_train.h"
#include "train/train.h"

enum { KEY_LICENCE = CLI_KEY_OWN, KEY_MODEL, KEY_EYES, KEY_SHARE };

typedef struct {
    cli_list args;
    const char *models_dir, *model;
    sl_train_output out;
    bool json;
} average_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    average_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_MODELS_DIR: run->models_dir = arg; return 0;
    case CLI_KEY_REPLACE: run->out.replace = 1; return 0;
    case KEY_MODEL: run->model = arg; return 0;
    case KEY_EYES: run->out.eyes = arg; return 0;
    case KEY_SHARE: run->out.share = cli_parse_real(state, "--share", arg, .01, 2); return 0;
    case KEY_LICENCE: run->out.licence = arg; return 0;
    case 'o': run->out.output = arg; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->args, arg); return 0;
    case ARGP_KEY_END:
        if (!run->out.output)
            argp_error(state, "--output NAME is missing: what the new encoder is called");
        if (!run->args.count)
            argp_error(state, "an ENCODER:PART is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"eyes", KEY_EYES, "ENCODER", 0, "Faces whose eyes alone are hidden are embedded by this one instead", 0},
    CLI_OPTION_JSON,
    {"licence", KEY_LICENCE, "TEXT", 0, "Of the new weights (default: that of the recogniser)", 0},
    CLI_OPTION_MODELS_DIR,
    {"model", KEY_MODEL, "NAME", 0, "The recogniser, by name or a manifest's path (default: the one that the first "
     "encoder names)", 0},
    {"output", 'o', "NAME", 0, "The new encoder's name, in the models folder; or FOLDER/NAME (required)", 0},
    {"replace", CLI_KEY_REPLACE, 0, 0, "Also when a model of that name is there", 0},
    {"share", KEY_SHARE, "S", 0,
     "How much of an embedding is the new one's where all is covered, up to 2 (default: 0.8); more than 1 takes away "
     "what the recogniser makes of the cover",
     0},
    {0}};
static const struct argp parser = {
    options,
    parse,
    "ENCODER:PART...",
    "Averages the weights of query encoders of one recogniser (train distill), by name or a manifest's path, each by "
    "its PART. What the parts leave of 1 is the recogniser's own. Runs that differ by seed or target gain by it, and "
    "forget less than each of them; a query costs what it costs with one. One that learned from dark glasses alone "
    "sees through them better: --eyes.\v"
    "Examples:\n"
    "  secondlook train average --output staff-covered first:0.4 second:0.4\n"
    "  secondlook train average --output ./milder staff-covered:0.6\n"
    "  secondlook train average --output staff-eyes dark:0.5 darker:0.5 --share 1.2\n"
    "  secondlook train average --output staff-all staff-covered:1 --eyes staff-eyes",
    0,
    0,
    0};

/* "NAME:PART", cut in two. */
static int read_part(char *arg, sl_encoder_part *out)
{
    char *colon = strrchr(arg, ':'), *end = NULL;
    if (colon && colon != arg)
        out->part = strtod(colon + 1, &end);
    if (!end || end == colon + 1 || *end) {
        cli_warn("'%s' is no ENCODER:PART, such as staff-covered:0.4", arg);
        return CLI_USAGE;
    }
    *colon = 0;
    out->encoder = arg;
    return CLI_OK;
}

static int tell(const average_run *run, const sl_encoder_part *parts)
{
    double own = 1;
    for (size_t i = 0; i < run->args.count; i++)
        own -= parts[i].part;
    if (run->json)
        return cli_print_json(json_pack("{s:o,s:o}", "model", cli_json_text(run->out.output), "recogniser",
                                        cli_json_number(own > 0 ? own : 0)));
    cli_say("%s is made; identify uses it as --encoder %s%s", run->out.output, run->out.output,
            strchr(run->out.output, '/') ? ".json" : "");
    return CLI_OK;
}

static int average(average_run *run)
{
    sl_error err = {0};
    sl_encoder_part *parts = calloc(run->args.count, sizeof *parts);
    int code = parts ? CLI_OK : CLI_FAILED;
    for (size_t i = 0; i < run->args.count && !code; i++)
        code = read_part(run->args.items[i], &parts[i]);
    if (!code && sl_train_average(run->models_dir, run->model, parts, (int)run->args.count, &run->out, &err))
        code = cli_fail(NULL, &err);
    if (!code)
        code = tell(run, parts);
    free(parts);
    return code;
}

int cmd_train_average(int argc, char **argv)
{
    average_run run = {0};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    int code = average(&run);
    free(run.args.items);
    return code;
}
