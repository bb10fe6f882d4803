/* secondlook eval identify: how well queries find their people, with and without the second look. */
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "cli.h"
#include "options.h"
#include "output.h"
#include "progress.h"

enum { KEY_GALLERY = CLI_KEY_OWN, KEY_QUERIES, KEY_SAME_PHOTO, KEY_REFERENCE, KEY_CSV, KEY_SEED, KEY_PEOPLE };

typedef struct {
    cli_match match;
    cli_models models;
    sl_eval_options eval;
    const char *gallery, *queries;
    bool json;
} identify_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const same_photo[] = {"include", "exclude", NULL}, *const people[] = {"all", "a", "b", NULL};
    identify_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->match;
        state->child_inputs[1] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_GALLERY: run->gallery = arg; return 0;
    case KEY_QUERIES: run->queries = arg; return 0;
    case KEY_SAME_PHOTO:
        run->eval.exclude_same_photo = cli_parse_name(state, "--same-photo", arg, same_photo);
        return 0;
    case KEY_REFERENCE: run->eval.reference_metrics = 1; return 0;
    case KEY_PEOPLE: run->eval.people = (sl_people)cli_parse_name(state, "--people", arg, people); return 0;
    case KEY_CSV: run->eval.csv = arg; return 0;
    case KEY_SEED: run->eval.seed = (uint64_t)cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case ARGP_KEY_ARG: argp_error(state, "'%s' was not expected", arg); return 0;
    case ARGP_KEY_END:
        if (!run->gallery)
            argp_error(state, "--gallery DIR is missing");
        if (!run->queries)
            run->queries = run->gallery;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"gallery", KEY_GALLERY, "DIR", 0, "The gallery (required)", 0},
    {"queries", KEY_QUERIES, "DIR", 0, "A gallery of queries (default: the gallery itself, each face left out in turn)", 0},
    {"same-photo", KEY_SAME_PHOTO, "include|exclude", 0,
     "Whether a query's own photo, found by its id, may be its candidate (default: exclude, the honest one; include is "
     "the dissertation's)", 0},
    {"reference-metrics", KEY_REFERENCE, 0, 0,
     "Count the query itself in R where queries and gallery are one, as the published code does", 0},
    {"people", KEY_PEOPLE, "all|a|b", 0,
     "Only queries of one half of the people, told apart by a hash of the label: choose by the one, report on the other",
     0},
    {"csv", KEY_CSV, "FILE", 0, "Write a line per query", 0},
    {"seed", KEY_SEED, "S", 0, "Of the bootstrap (default: 1)", 0},
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {{&cli_match_argp, 0, 0, 0}, {&cli_models_argp, 0, "Networks (for --rerank oae):", 2}, {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR [--queries DIR]",
    "Identifies every face of one gallery in another and tells precision at 1, R-precision and MAP@R of both stages, "
    "the best that any re-ranking of the k candidates could reach, and 95 % bootstrap intervals.\v"
    "Examples:\n"
    "  secondlook eval identify --gallery lfw\n"
    "  secondlook eval identify --gallery lfw --queries lfw-masked --csv masked.csv\n"
    "  secondlook eval identify --gallery lfw --queries lfw-masked --same-photo include --json",
    children,
    0,
    0};

static json_t *retrieval_json(const sl_retrieval *r)
{
    return json_pack("{s:f,s:f,s:f}", "p1", r->p1, "rp", r->rp, "mapr", r->mapr);
}

static json_t *interval_json(const sl_interval *i)
{
    return json_pack("{s:f,s:f,s:f}", "mean", i->mean, "low", i->low, "high", i->high);
}

static int print_json(const identify_run *run, const sl_evaluation *e)
{
    const sl_match_options *m = &run->match.match;
    json_t *document = json_pack(
        "{s:I,s:I,s:I,s:s,s:i,s:f,s:s,s:s,s:o,s:o,s:o,s:o,s:I,s:I,s:{s:f,s:f}}", "queries", (json_int_t)e->queries,
        "unmatched", (json_int_t)e->unmatched, "gallery", (json_int_t)e->gallery, "rerank", cli_rerank_name(m->rerank),
        "k", m->k, "alpha", (double)m->alpha, "weighting", cli_weighting_name(m->weighting), "same_photo",
        run->eval.exclude_same_photo ? "exclude" : "include", "stage1", retrieval_json(&e->stage1), "stage2",
        retrieval_json(&e->stage2), "max", retrieval_json(&e->max), "p1_difference", interval_json(&e->difference_p1),
        "won", (json_int_t)e->won, "lost", (json_int_t)e->lost, "seconds", "stage1", e->seconds_stage1, "stage2",
        e->seconds_stage2);
    if (!document)
        return CLI_FAILED;
    json_object_set_new(document, "p1_stage1", interval_json(&e->stage1_p1));
    json_object_set_new(document, "p1_stage2", interval_json(&e->stage2_p1));
    return cli_print_json(document);
}

static void print_row(const char *what, const sl_retrieval *r, const sl_interval *i, double seconds)
{
    printf("%-22s %7.2f %7.2f %7.2f", what, r->p1, r->rp, r->mapr);
    if (i)
        printf("   %6.2f - %6.2f  %8.1f s", i->low, i->high, seconds);
    printf("\n");
}

static int print_text(const identify_run *run, const sl_evaluation *e)
{
    printf("%zu queries against %zu faces; %zu queries with nobody to be found are left out\n\n", e->queries, e->gallery,
           e->unmatched);
    printf("%-22s %7s %7s %7s   %-15s\n", "", "P@1", "RP", "MAP@R", "P@1, 95 % of resamples");
    print_row("stage 1", &e->stage1, &e->stage1_p1, e->seconds_stage1);
    if (run->match.match.rerank == SL_RERANK_NONE)
        return CLI_OK;
    print_row("stage 2", &e->stage2, &e->stage2_p1, e->seconds_stage2);
    print_row("best order of the k", &e->max, NULL, 0);
    printf("\nstage 2 - stage 1, P@1: %+.2f (%+.2f to %+.2f); %zu queries won, %zu lost\n", e->difference_p1.mean,
           e->difference_p1.low, e->difference_p1.high, e->won, e->lost);
    return CLI_OK;
}

int cmd_eval_identify(int argc, char **argv)
{
    identify_run run = {.match = cli_match_defaults(), .eval = {.exclude_same_photo = 1, .seed = 1}};
    sl_gallery *gallery = NULL, *queries = NULL;
    sl_cells *cells = NULL;
    sl_evaluation result;
    sl_error err = {0};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    run.match.match.threads = run.models.threads;
    run.eval.progress = cli_progress_step;
    if (sl_gallery_open(run.gallery, SL_GALLERY_READ, NULL, SL_PRECISION_INT8, &gallery, &err))
        return cli_fail(run.gallery, &err);
    int code = CLI_OK;
    if (strcmp(run.queries, run.gallery) &&
        sl_gallery_open(run.queries, SL_GALLERY_READ, NULL, SL_PRECISION_INT8, &queries, &err))
        code = cli_fail(run.queries, &err);
    if (!code)
        code = cli_open_cells(&run.match, &run.models, gallery, &cells);
    run.eval.match = run.match.match;
    if (!code) {
        cli_progress_start("queries");
        sl_status status = sl_eval_identify(gallery, queries ? queries : gallery, &run.eval, &result, &err);
        cli_progress_end();
        code = status ? cli_fail(NULL, &err) : run.json ? print_json(&run, &result) : print_text(&run, &result);
    }
    sl_cells_close(cells);
    sl_gallery_close(queries);
    sl_gallery_close(gallery);
    return code;
}
