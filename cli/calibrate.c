/* secondlook eval verify, and calibrate: what a gallery's templates are worth. */
#include <math.h>
#include <stdlib.h>

#include "cells.h"
#include "cli.h"
#include "options.h"
#include "output.h"
#include "progress.h"

enum { KEY_GALLERY = CLI_KEY_OWN, KEY_PAIRS, KEY_SEED, KEY_MAX_PAIRS };

typedef struct {
    cli_match match;
    cli_models models;
    const char *gallery, *pairs;
    long long max_pairs, seed;
    bool json;
} eval_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    eval_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->match;
        state->child_inputs[1] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_GALLERY: run->gallery = arg; return 0;
    case KEY_PAIRS: run->pairs = arg; return 0;
    case KEY_SEED: run->seed = cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case KEY_MAX_PAIRS: run->max_pairs = cli_parse_int(state, "--max-pairs", arg, 1, 1000000000); return 0;
    case ARGP_KEY_ARG: argp_error(state, "'%s' was not expected", arg); return 0;
    case ARGP_KEY_END:
        if (!run->gallery)
            argp_error(state, "--gallery DIR is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

#define OPTION_GALLERY                                                                                            \
    {                                                                                                             \
        "gallery", KEY_GALLERY, "DIR", 0, "The gallery (required)", 0                                             \
    }

static const struct argp_child children[] = {
    {&cli_match_argp, 0, "The second look:", 1}, {&cli_models_argp, 0, "Networks (for --rerank oae):", 2}, {0}};

static const struct argp_option calibrate_options[] = {
    OPTION_GALLERY,
    {"max-pairs", KEY_MAX_PAIRS, "N", 0, "Draw about N pairs where there are more (default: 2000000)", 0},
    {"seed", KEY_SEED, "S", 0, "Of the draw (default: 1)", 0},
    CLI_OPTION_JSON,
    {0}};
static const struct argp calibrate_parser = {
    calibrate_options,
    parse,
    "--gallery DIR",
    "Compares different people of a gallery and tells the score that a given part of such pairs reaches: the threshold "
    "for a false match rate, for a model's manifest or for --threshold.\v"
    "Examples:\n"
    "  secondlook calibrate --gallery lfw --rerank none\n"
    "  secondlook calibrate --gallery lfw --max-pairs 500000 --json",
    children,
    0,
    0};

/* The work between opening and closing a gallery. */
static int on_gallery(eval_run *run, int (*work)(const eval_run *, const sl_gallery *))
{
    sl_error err = {0};
    sl_gallery *gallery;
    cli_catch_interrupts();
    if (sl_gallery_open(run->gallery, SL_GALLERY_READ, NULL, SL_PRECISION_INT8, &gallery, &err))
        return cli_fail(run->gallery, &err);
    sl_cells *cells;
    int code = cli_open_cells(&run->match, &run->models, gallery, &cells);
    if (!code)
        code = work(run, gallery);
    sl_cells_close(cells);
    sl_gallery_close(gallery);
    return code;
}


static const double rates[] = {1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
enum { RATES = sizeof rates / sizeof *rates };

static int print_thresholds(const eval_run *run, const double *thresholds, size_t pairs)
{
    if (!run->json) {
        printf("%zu pairs of different people\nfalse match rate   threshold\n", pairs);
        for (int i = 0; i < RATES; i++)
            if (isnan(thresholds[i]))
                printf("%-16g   needs more pairs\n", rates[i]);
            else
                printf("%-16g   %.4f\n", rates[i], thresholds[i]);
        return CLI_OK;
    }
    json_t *list = json_array();
    for (int i = 0; i < RATES; i++)
        json_array_append_new(list, json_pack("{s:f,s:o}", "false_match_rate", rates[i], "threshold",
                                              cli_json_number(thresholds[i])));
    return cli_print_json(json_pack("{s:I,s:o}", "pairs", (json_int_t)pairs, "thresholds", list));
}

static int calibrate(const eval_run *run, const sl_gallery *gallery)
{
    sl_error err = {0};
    double thresholds[RATES];
    size_t pairs;
    cli_progress_start("pairs");
    sl_status status = sl_calibrate(gallery, &run->match.match, rates, RATES, (size_t)run->max_pairs,
                                    (uint64_t)run->seed, cli_progress_step, NULL, thresholds, &pairs, &err);
    cli_progress_end();
    return status ? cli_fail(NULL, &err) : print_thresholds(run, thresholds, pairs);
}

int cmd_calibrate(int argc, char **argv)
{
    eval_run run = {.match = cli_match_defaults(), .max_pairs = 2000000, .seed = 1};
    argp_parse(&calibrate_parser, argc, argv, 0, 0, &run);
    return on_gallery(&run, calibrate);
}
