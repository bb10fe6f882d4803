/* secondlook eval explain: which explanation of a score holds, by insertion and deletion. */
#include <math.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/gallery_options.h"
#include "common/look_needs.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"
#include "common/same_photo.h"
#include "eval/svg.h"
#include "secondlook_eval.h"

enum { KEY_PAIRS = CLI_KEY_OWN, KEY_PEOPLE, KEY_SEED, KEY_ORDERS, KEY_SAME_PHOTO_BY, KEY_SVG };

typedef struct {
    cli_galleries of;
    cli_match match;
    cli_models models;
    sl_explain_options options;
    const char *svg;
    cli_there there; /* charts that are there */
    bool json;
} explain_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    explain_run *run = state->input;
    sl_explain_options *o = &run->options;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->of;
        state->child_inputs[1] = &run->match;
        state->child_inputs[2] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_PAIRS: o->pairs = (size_t)cli_parse_int(state, "--pairs", arg, 1, 1000000); return 0;
    case KEY_PEOPLE: o->people = cli_parse_people(state, arg); return 0;
    case KEY_SEED: o->seed = (uint64_t)cli_parse_int(state, "--seed", arg, 0, 1000000000); return 0;
    case KEY_ORDERS: o->random_orders = (int)cli_parse_int(state, "--orders", arg, 1, 1000); return 0;
    case KEY_SAME_PHOTO_BY: o->same_photo = cli_parse_same_photo(state, arg); return 0;
    case KEY_SVG: run->svg = arg; return 0;
    case CLI_KEY_REPLACE: run->there = CLI_THERE_REPLACED; return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s' was not expected", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"pairs", KEY_PAIRS, "N", 0, "Pairs of a query and another photo of its person (default: 200)", 0},
    CLI_OPTION_PEOPLE(KEY_PEOPLE),
    {"seed", KEY_SEED, "N", 0, "Of the draw of pairs, the random orders and the intervals (default: 0)", 0},
    {"orders", KEY_ORDERS, "N", 0, "Random orders of each pair (default: 4)", 0},
    CLI_OPTION_SAME_PHOTO_BY(KEY_SAME_PHOTO_BY),
    {"svg", KEY_SVG, "DIR", 0, "Draw deletion.svg and insertion.svg", 0},
    CLI_OPTION_REPLACE,
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {{&cli_galleries_argp, 0, 0, 0},
                                             {&cli_match_argp, 0, "The second look:", 1},
                                             {&cli_models_argp, 0, "Networks (for looks that need the model):", 2},
                                             {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR [--queries DIR]",
    "Which explanation of a look's score holds? On pairs of one person, cells of the query are hidden one after the "
    "other, those first that an explanation calls important (deletion), or they alone are shown (insertion). Told are "
    "the areas under the look's own score, and what each gains on hiding by chance: above 0, the explanation says "
    "something true. What a look explains itself by: none cc and shares, emd weights, flow and shares, oae trust and "
    "shares, h2l cc, attention "
    "and relevance, h2 relevance.\v"
    "Examples:\n"
    "  secondlook eval explain --gallery lfw --rerank emd --people b\n"
    "  secondlook eval explain --gallery lfw --queries lfw-masked --rerank h2l --look my-h2l --svg charts --json",
    children,
    0,
    0};

/* ------------------------------------------------------------------ results */

static json_t *interval_json(const sl_interval *i)
{
    return json_pack("{s:f,s:f,s:f}", "mean", i->mean, "low", i->low, "high", i->high);
}

static json_t *curve_json(const double *curve, int cells)
{
    json_t *points = json_array();
    for (int c = 0; c <= cells; c++)
        json_array_append_new(points, json_real(curve[c]));
    return points;
}

static int print_json(const explain_run *run, const sl_explained *e)
{
    json_t *kinds = json_array();
    for (int k = 0; k < e->count; k++) {
        const sl_told_rates *r = &e->of[k];
        json_array_append_new(
            kinds, json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "kind", sl_told_name(r->kind), "deletion",
                             interval_json(&r->deletion), "insertion", interval_json(&r->insertion), "deletion_gain",
                             interval_json(&r->deletion_gain), "insertion_gain", interval_json(&r->insertion_gain),
                             "hidden", curve_json(r->hidden, e->cells), "shown", curve_json(r->shown, e->cells)));
    }
    return cli_print_json(json_pack("{s:s,s:o,s:I,s:i,s:s,s:I,s:o}", "rerank",
                                    sl_rerank_name(run->match.match.rerank), "look",
                                    run->match.look_name ? cli_json_text(run->match.look_name) : json_null(), "pairs",
                                    (json_int_t)e->pairs, "cells", e->cells, "people",
                                    cli_people_names[run->options.people], "seed",
                                    (json_int_t)run->options.seed, "kinds", kinds));
}

static void print_interval(const sl_interval *i)
{
    printf("  %7.4f (%7.4f - %7.4f)", i->mean, i->low, i->high);
}

static int print_text(const explain_run *run, const sl_explained *e)
{
    printf(
        "%zu pairs of one person, %d cells; %s, its score between %.4f with nothing hidden and %.4f with everything "
        "hidden\n\n",
        e->pairs, e->cells, sl_rerank_name(run->match.match.rerank), e->of[0].hidden[0], e->of[0].hidden[e->cells]);
    printf("%-10s  %-27s  %-27s  %-27s  %-27s\n", "", "deletion (low is good)", "insertion (high is good)",
           "gain on chance, deletion", "gain on chance, insertion");
    for (int k = 0; k < e->count; k++) {
        const sl_told_rates *r = &e->of[k];
        printf("%-10s", sl_told_name(r->kind));
        print_interval(&r->deletion);
        print_interval(&r->insertion);
        if (r->kind != SL_TOLD_RANDOM) {
            print_interval(&r->deletion_gain);
            print_interval(&r->insertion_gain);
        }
        putchar('\n');
    }
    return CLI_OK;
}

/* ------------------------------------------------------------------ charts */

/* x: [cells + 1] percent. */
static int draw(const explain_run *run, const sl_explained *e, const double *x, bool deletion)
{
    char note[160];
    sl_chart_series series[SL_TOLD_KINDS];
    for (int k = 0; k < e->count; k++)
        series[k] = (sl_chart_series){.name = sl_told_name(e->of[k].kind),
                                      .x = x,
                                      .count = (size_t)e->cells + 1,
                                      .y = deletion ? e->of[k].hidden : e->of[k].shown};
    snprintf(note, sizeof note, "%s, %zu pairs of one person", sl_rerank_name(run->match.match.rerank), e->pairs);
    const sl_chart chart = {
        .title = deletion ? "Deletion: hiding what is called important" : "Insertion: showing it alone",
        .note = note,
        .x = {deletion ? "hidden of the query's cells, %" : "shown of the query's cells, %", 0, 0, 100},
        .y = {"mean score", 0, NAN, NAN},
        .series = series,
        .series_count = (size_t)e->count};
    return cli_write_svg(run->svg, deletion ? "deletion.svg" : "insertion.svg", run->there, &chart);
}

static int draw_both(const explain_run *run, const sl_explained *e)
{
    double *x = calloc((size_t)e->cells + 1, sizeof *x);
    if (!x) {
        cli_warn("no memory for the charts");
        return CLI_FAILED;
    }
    for (int c = 0; c <= e->cells; c++)
        x[c] = 100. * c / e->cells;
    int code = draw(run, e, x, true);
    code = code ? code : draw(run, e, x, false);
    free(x);
    return code;
}

/* ------------------------------------------------------------------ the run */

static int measure(explain_run *run)
{
    sl_error err = {0};
    sl_explained e;
    run->options.match = run->match.match;
    run->options.match.threads = run->models.threads;
    run->options.progress = cli_progress_step;
    cli_progress_start("pairs");
    sl_status status = sl_eval_explain(run->of.gallery, run->of.queries, &run->options, &e, &err);
    cli_progress_end();
    if (status)
        return cli_fail(NULL, &err);
    int code = run->json ? print_json(run, &e) : print_text(run, &e);
    if (!code && run->svg)
        code = draw_both(run, &e);
    sl_explained_free(&e);
    return code;
}

int cmd_eval_explain(int argc, char **argv)
{
    explain_run run = {.match = cli_match_defaults()};
    sl_oae *oae = NULL;
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    const char *const inputs[] = {run.of.gallery_dir, run.of.queries_dir};
    if (run.svg && cli_check_folder(run.svg, "deletion.svg", run.there, inputs, 2))
        return CLI_FAILED;
    int code = cli_galleries_open(&run.of);
    if (!code)
        code = cli_open_oae(&run.match, &run.models, NULL, run.of.gallery, &oae);
    if (!code)
        code = measure(&run);
    sl_oae_close(oae);
    sl_look_close(run.match.look);
    cli_galleries_close(&run.of);
    return code;
}
