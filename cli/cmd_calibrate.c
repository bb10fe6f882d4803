/* secondlook calibrate: measures what a gallery's scores mean, for the rule that identify decides by. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/gallery_model.h"
#include "common/gallery_options.h"
#include "common/look_needs.h"
#include "common/cli.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/query_sets.h"
#include "common/same_photo.h"
#include "secondlook_eval.h"

enum { KEY_SEED = CLI_KEY_OWN, KEY_MAX_PAIRS, KEY_REMOVE, KEY_SAME_PHOTO_BY, KEY_ENCODER };

typedef struct {
    cli_galleries of;
    cli_match match;
    cli_models models;
    cli_query_sets sets;
    sl_calibrate_options options;
    bool json, remove;

    sl_engine *engine;
    sl_oae *oae;
} calibrate_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    calibrate_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->sets;
        state->child_inputs[1] = &run->match;
        state->child_inputs[2] = &run->models;
        state->child_inputs[3] = &run->of;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_SEED: run->options.seed = (uint64_t)cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case KEY_MAX_PAIRS:
        run->options.max_pairs = (size_t)cli_parse_int(state, "--max-pairs", arg, 1, 1000000000);
        return 0;
    case KEY_REMOVE: run->remove = true; return 0;
    case KEY_ENCODER: run->models.engine.encoder = arg; return 0;
    case KEY_SAME_PHOTO_BY: run->options.same_photo = cli_parse_same_photo(state, arg); return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s' was not expected", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"remove", KEY_REMOVE, 0, 0, "Remove the gallery's calibration for this look: the model's own rates decide again",
     0},
    {"max-pairs", KEY_MAX_PAIRS, "N", 0,
     "Draw about N pairs for each set of queries, where there are more (default: "
     "1000000)",
     0},
    {"seed", KEY_SEED, "S", 0, "Of what is drawn (default: 1)", 0},
    {"same-photo-by", KEY_SAME_PHOTO_BY, "path|name|pattern:REGEX", 0,
     "How a query's own photo is found, which is no answer (default: path)", 0},
    CLI_OPTION_ENCODER(KEY_ENCODER, "auto"),
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {{&cli_query_sets_argp, 0, 0, 0},
                                             {&cli_match_argp, 0, "The second look:", 1},
                                             {&cli_models_argp, 0, "Networks:", 2},
                                             {&cli_gallery_argp, 0, 0, 0},
                                             {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR",
    "Measures what scores mean in this gallery by this second look: every face searches among all other people, as "
    "somebody who was never enrolled, and pairs of different people are compared. Where the gallery keeps crops, so do "
    "copies of them behind drawn masks, sunglasses, scarves and blocks, as a covered query is judged among queries "
    "that hide as much. What is found is kept with the gallery, and 'identify' decides by it. 'verify --far --gallery' "
    "has no query encoder, and decides by what --encoder none measures. Calibrate again when the gallery has doubled.\v"
    "Examples:\n"
    "  secondlook calibrate --gallery staff\n"
    "  secondlook calibrate --gallery staff --encoder none   # for verify\n"
    "  secondlook calibrate --gallery staff --queries visitors-of-last-year --draw none\n"
    "  secondlook calibrate --gallery staff --remove\n"
    "  secondlook calibrate --gallery lfw --rerank none --max-pairs 20000000 --json",
    children,
    0,
    0};

/* ------------------------------------------------------------------ results */

static const double fpir_rates[SL_OPENSET_RATES] = {.1, .01, .001}, fmr_rates[4] = {1e-3, 1e-4, 1e-5, 1e-6};

static json_t *thresholds_json(const char *name, const double *rates, const double *thresholds, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list,
                              json_pack("{s:f,s:o}", name, rates[i], "threshold", cli_json_number(thresholds[i])));
    return list;
}

json_t *cli_calibration_json(const sl_calibration *c)
{
    json_t *bins = json_array();
    for (int b = 0; b < c->bins; b++) {
        const sl_calibrated_bin *bin = &c->bin[b];
        json_array_append_new(bins,
                              json_pack("{s:f,s:I,s:I,s:o,s:o}", "hidden_to", bin->hidden_to, "searches",
                                        (json_int_t)bin->searches, "pairs", (json_int_t)bin->pairs, "at_fpir",
                                        thresholds_json("rate", fpir_rates, bin->fpir_threshold, SL_OPENSET_RATES),
                                        "at_fmr", thresholds_json("rate", fmr_rates, bin->fmr_threshold, 4)));
    }
    return json_pack("{s:I,s:I,s:I,s:I,s:o}", "faces", (json_int_t)c->faces, "people", (json_int_t)c->people,
                     "searches", (json_int_t)c->searches, "pairs", (json_int_t)c->pairs, "bins", bins);
}

static void print_row(const char *name, const sl_calibration *c, bool of_pairs, int row)
{
    printf("  %-14s", name);
    for (int b = 0; b < c->bins; b++) {
        double t = of_pairs ? c->bin[b].fmr_threshold[row] : c->bin[b].fpir_threshold[row];
        if (isnan(t))
            printf("  %8s", "-");
        else
            printf("  %8.4f", t);
    }
    putchar('\n');
}

void cli_print_calibration(const sl_calibration *c)
{
    char name[32];
    printf("  %-14s", "hidden up to");
    for (int b = 0; b < c->bins; b++)
        printf("  %6.0f %%", 100 * c->bin[b].hidden_to);
    printf("\n  %-14s", "searches");
    for (int b = 0; b < c->bins; b++)
        printf("  %8zu", c->bin[b].searches);
    putchar('\n');
    for (int i = 0; i < SL_OPENSET_RATES && c->searches; i++) {
        snprintf(name, sizeof name, "FPIR %g %%", 100 * fpir_rates[i]);
        print_row(name, c, false, i);
    }
    printf("  %-14s", "pairs");
    for (int b = 0; b < c->bins; b++)
        printf("  %8zu", c->bin[b].pairs);
    putchar('\n');
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "FMR %g", fmr_rates[i]);
        print_row(name, c, true, i);
    }
    puts("  (-: too few to tell)");
}

/* ------------------------------------------------------------------ the run */

static int calibrate(calibrate_run *run)
{
    sl_error err = {0};
    sl_calibration c;
    const sl_gallery *queries[CLI_QUERY_SETS];
    size_t count;
    int code = cli_query_sets_open(&run->sets, run->engine, run->of.gallery, run->of.gallery_dir, run->options.seed,
                                   queries, &count);
    if (code)
        return code;
    run->options.hidden_below = run->sets.hidden_below;
    cli_progress_start("searches and pairs");
    sl_status status = sl_gallery_calibrate(run->of.gallery, queries, count, &run->options, &c, &err);
    cli_progress_end();
    if (status)
        return cli_fail(run->of.gallery_dir, &err);
    if (run->json)
        return cli_print_json(cli_calibration_json(&c));
    printf("%zu faces of %zu people; %zu searches for people who are not there, %zu pairs of different people\n",
           c.faces, c.people, c.searches, c.pairs);
    cli_print_calibration(&c);
    printf("kept with the gallery, for the look %s\n", sl_rerank_name(run->options.match.rerank));
    return CLI_OK;
}

static int remove_calibration(const calibrate_run *run)
{
    sl_error err = {0};
    if (sl_calibration_remove(run->of.gallery, &run->options.match, &err))
        return cli_fail(NULL, &err);
    if (run->json)
        return cli_print_json(json_pack("{s:b}", "removed", 1));
    puts("removed: the model's own rates decide again");
    return CLI_OK;
}

static int open_run(calibrate_run *run)
{
    int code = cli_galleries_open(&run->of);
    if (code)
        return code;
    run->engine = cli_engine_if_here(&run->models, run->of.gallery); /* needed to draw, and said then */
    code = cli_open_oae(&run->match, &run->models, run->engine, run->of.gallery, &run->oae);
    run->options.match = run->match.match;
    run->options.match.threads = run->models.threads;
    run->options.progress = cli_progress_step;
    return code;
}

int cmd_calibrate(int argc, char **argv)
{
    calibrate_run run = {.match = cli_match_defaults(), .options = {.max_pairs = 1000000, .seed = 1}};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_usual_encoder(&run.models);
    cli_catch_interrupts();
    int code = open_run(&run);
    if (!code)
        code = run.remove ? remove_calibration(&run) : calibrate(&run);
    cli_query_sets_close(&run.sets);
    sl_oae_close(run.oae);
    sl_look_close(run.match.look);
    cli_galleries_close(&run.of);
    sl_engine_close(run.engine);
    return code;
}
