/* secondlook eval identify: how well queries find their people, with and without the second look. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/encoded.h"
#include "common/look_needs.h"
#include "eval/eval_identify.h"
#include "common/gallery_model.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/same_photo.h"
#include "secondlook_eval.h"

enum {
    KEY_STAGE1 = CLI_KEY_OWN,
    KEY_SAME_PHOTO,
    KEY_SAME_PHOTO_BY,
    KEY_REFERENCE,
    KEY_PEOPLE,
    KEY_MIN_PHOTOS,
    KEY_ONLY,
    KEY_LIMIT,
    KEY_CSV,
    KEY_SVG,
    KEY_SHEETS,
    KEY_SHEET_COUNT,
    KEY_SEED,
    KEY_ENCODER
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const same_photo[] = {"include", "exclude", NULL};
    eval_run *run = state->input;
    sl_eval_options *o = &run->options;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->of;
        state->child_inputs[1] = &run->sweep;
        state->child_inputs[2] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_STAGE1: cli_sweep_first(state, &run->sweep, arg); return 0;
    case KEY_SAME_PHOTO: o->exclude_same_photo = cli_parse_name(state, "--same-photo", arg, same_photo); return 0;
    case KEY_SAME_PHOTO_BY: o->same_photo = cli_parse_same_photo(state, arg); return 0;
    case KEY_REFERENCE: o->reference_metrics = 1; return 0;
    case KEY_PEOPLE: o->people = cli_parse_people(state, arg); return 0;
    case KEY_MIN_PHOTOS: o->min_photos = (size_t)cli_parse_int(state, "--min-photos", arg, 1, INT_MAX); return 0;
    case KEY_ONLY: o->only = arg; return 0;
    case KEY_ENCODER: run->models.engine.encoder = arg; return 0;
    case KEY_LIMIT: o->limit = (size_t)cli_parse_int(state, "--limit", arg, 1, INT_MAX); return 0;
    case KEY_CSV: o->csv = arg; return 0;
    case CLI_KEY_CSV_SAFE: o->csv_safe = 1; return 0;
    case CLI_KEY_REPLACE: run->there = CLI_THERE_REPLACED; return 0;
    case KEY_SVG: run->svg_dir = arg; return 0;
    case KEY_SHEETS: run->sheets_dir = arg; return 0;
    case KEY_SHEET_COUNT: run->sheet_count = (int)cli_parse_int(state, "--sheet-count", arg, 1, 10000); return 0;
    case KEY_SEED: o->seed = (uint64_t)cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s' was not expected", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"stage1", KEY_STAGE1, "NAME,...", 0,
     "What the first ranking is made by: embedding (the default), or a second look at the whole gallery, such as "
     "emd (slow: see --limit)",
     0},
    {"same-photo", KEY_SAME_PHOTO, "include|exclude", 0,
     "Whether a query's own photo, found by its id, may be its candidate (default: exclude, the honest one; include is "
     "the dissertation's)",
     0},
    CLI_OPTION_SAME_PHOTO_BY(KEY_SAME_PHOTO_BY),
    {"reference-metrics", KEY_REFERENCE, 0, 0,
     "Count the query itself in R where queries and gallery are one, as the published code does", 0},
    CLI_OPTION_PEOPLE(KEY_PEOPLE),
    {"min-photos", KEY_MIN_PHOTOS, "N", 0,
     "Leave people with fewer photos out of the gallery and the queries (2: the dissertation's list of 1,680 "
     "people of LFW)",
     0},
    {"only", KEY_ONLY, "FILE", 0, "Only these people or photos, one a line, in the gallery and the queries", 0},
    CLI_OPTION_ENCODER(KEY_ENCODER, "none"),
    {"limit", KEY_LIMIT, "N", 0, "At most N queries, evenly spaced, the same for everything compared", 0},
    {"csv", KEY_CSV, "FILE", 0, "Write a line for each configuration and query", 0},
    CLI_OPTION_CSV_SAFE,
    {"svg", KEY_SVG, "DIR", 0,
     "Draw charts: cmc.svg, p1.svg, difference.svg, and alpha.svg and k.svg where these are swept", 0},
    {"sheets", KEY_SHEETS, "DIR", 0,
     "Draw contact sheets of the largest wins and the worst losses of the first configuration with a second look; "
     "faces appear where galleries were enrolled with --keep-crops",
     0},
    CLI_OPTION_REPLACE,
    {"sheet-count", KEY_SHEET_COUNT, "N", 0, "So many of each (default: 12)", 0},
    {"seed", KEY_SEED, "S", 0, "Of the bootstrap (default: 1)", 0},
    CLI_OPTION_JSON,
    {0}};
static const char about[] =
    "Identifies every face of one gallery in another and tells precision at 1, R-precision, MAP@R and CMC of both "
    "stages, the best that any re-ranking of the k candidates could reach, and 95 % bootstrap intervals. Options of "
    "the second look take comma lists: every combination is a row.\v"
    "Examples:\n"
    "  secondlook eval identify --gallery lfw\n"
    "  secondlook eval identify --gallery lfw --queries lfw-masked --rerank emd,oae --alpha .3,.5,.7 -k 50,100\n"
    "  secondlook eval identify --gallery lfw --queries lfw-masked --same-photo include --csv masked.csv --json\n"
    "  secondlook eval identify --gallery lfw --queries lfw-masked --stage1 embedding,emd --limit 200";

/* What the first or the second look of a configuration needs. */
static cli_match look_of(const sl_eval_config *c, bool first)
{
    cli_match match = {.match = c->match, .look_given = true};
    if (first)
        match.match.rerank = c->first;
    return match;
}

/* What identify would do, and what is known about the model. */
static int open_cells(eval_run *run, cli_match *usual)
{
    *usual = cli_match_defaults();
    return cli_open_oae(usual, &run->models, run->engine, run->of.gallery, &run->oae);
}

/* Statistics made from the gallery itself, where a configuration asks for them by name and the model has none. Where
 * that cannot be, it is left out later. */
static int open_missing_cells(eval_run *run)
{
    if (run->oae && sl_oae_source(run->oae))
        return CLI_OK;
    for (size_t c = 0; c < run->count; c++)
        for (int first = 0; first < 2; first++) {
            cli_match match = look_of(&run->configs[c], first);
            if (sl_match_needs(&match.match) != SL_NEEDS_STATISTICS)
                continue;
            sl_oae_close(run->oae);
            int code = cli_open_oae(&match, &run->models, NULL, run->of.gallery, &run->oae);
            return run->count > 1 && code == CLI_FAILED ? CLI_OK : code;
        }
    return CLI_OK;
}

/* The configurations that are possible for this gallery; the others are named, unless none is left. */
static int choose_configs(eval_run *run)
{
    size_t kept = 0, repeated;
    bool all_fields[SWEEP_FIELDS];
    char name[256];
    sl_error err = {0};
    cli_match usual;
    bool suited;
    int code = open_cells(run, &usual);
    if (code)
        return code;
    if (cli_sweep_open_looks(&run->sweep, run->models.engine.models_dir, &err))
        return cli_fail(NULL, &err);
    run->configs = cli_sweep_expand(&run->sweep, run->of.gallery, &usual.match, &run->count, &repeated, &suited);
    if (!run->configs) {
        cli_warn("no memory for the combinations of the options");
        return CLI_FAILED;
    }
    if (cli_sweep_is_empty(&run->sweep))
        run->configs[0].match = usual.match;
    if (suited)
        cli_tell_suited();
    code = open_missing_cells(run);
    if (code)
        return code;
    for (size_t c = 0; c < run->count; c++)
        run->configs[c].match.oae = run->oae;
    memset(all_fields, true, sizeof all_fields);
    for (size_t c = 0; c < run->count; c++) {
        sl_status status = sl_eval_check(run->of.gallery, &run->configs[c], &err);
        cli_sweep_name(&run->configs[c], all_fields, name, sizeof name);
        if (status == SL_OK)
            run->configs[kept++] = run->configs[c];
        else if (run->count > 1)
            cli_warn("left out: %s: %s", name, err.text);
    }
    if (repeated)
        cli_warn("%zu combinations are left out, as they only change what means nothing to the others", repeated);
    if (kept == 0)
        return run->count == 1 ? cli_fail(NULL, &err)
                               : (cli_warn("no combination of the options is possible"), CLI_FAILED);
    run->count = kept;
    return CLI_OK;
}

/* Names for the CSV. */
static bool name_configs(eval_run *run)
{
    bool all[SWEEP_FIELDS];
    memset(all, true, sizeof all);
    for (size_t c = 0; c < run->count; c++) {
        char name[256];
        cli_sweep_name(&run->configs[c], all, name, sizeof name);
        if (!(run->configs[c].name = strdup(name)))
            return false;
    }
    return true;
}

/* With the encoder that was named; without one there need be no networks. */
static int encode_queries(eval_run *run)
{
    if (!strcmp(run->models.engine.encoder, "none"))
        return CLI_OK;
    int code = cli_open_for_gallery(&run->models, run->of.gallery_dir, run->of.gallery, &run->engine, NULL);
    return code ? code : cli_encode_queries(&run->of, &run->models, run->engine);
}

static int evaluate(eval_run *run)
{
    sl_error err = {0};
    int code = encode_queries(run);
    if (!code)
        code = choose_configs(run);
    if (code)
        return code;
    run->results = calloc(run->count, sizeof *run->results);
    if (!run->results || !name_configs(run)) {
        cli_warn("no memory for %zu results", run->count);
        return CLI_FAILED;
    }
    if (run->sheets_dir) {
        while (run->sheet_config < run->count && !cli_looks_again(&run->configs[run->sheet_config].match))
            run->sheet_config++;
        run->options.line = cli_eval_keep_line;
        run->options.context = run;
    }
    cli_progress_start("queries");
    sl_status status =
        sl_eval_identify(run->of.gallery, run->of.queries, run->configs, run->count, &run->options, run->results, &err);
    cli_progress_end();
    if (status)
        return cli_fail(NULL, &err);
    if (run->options.exclude_same_photo)
        cli_warn_own_photos(run->of.gallery, run->of.queries, run->results->own_photos, run->results->own_photos_of);
    code = run->json ? cli_eval_print_json(run) : cli_eval_print_table(run);
    if (!code && run->svg_dir)
        code = cli_eval_draw_charts(run);
    if (!code && run->sheets_dir)
        code = cli_eval_draw_sheets(run);
    return code;
}

static void release(eval_run *run)
{
    for (size_t c = 0; run->configs && c < run->count; c++)
        free((char *)run->configs[c].name);
    free(run->configs);
    free(run->results);
    free(run->lines);
    cli_sweep_free(&run->sweep);
    sl_oae_close(run->oae);
    sl_engine_close(run->engine);
    cli_galleries_close(&run->of);
}

int cmd_eval_identify(int argc, char **argv)
{
    eval_run run = {.models.engine.encoder = "none",
                    .sheet_count = 12,
                    .options = {.exclude_same_photo = 1, .seed = 1, .progress = cli_progress_step}};
    struct argp_child children[] = {
        {&cli_galleries_argp, 0, 0, 0},
        {cli_sweep_argp(), 0, "The second look; comma lists make a row for each combination:", 1},
        {&cli_models_argp, 0, "Networks (for second looks at contributions):", 2},
        {0}};
    const struct argp parser = {options, parse, "--gallery DIR [--queries DIR]", about, children, 0, 0};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    run.options.threads = run.models.threads;
    const char *const inputs[] = {run.options.only, run.of.gallery_dir, run.of.queries_dir};
    int code = run.options.csv ? cli_check_output(run.options.csv, inputs, 3) : CLI_OK;
    if (!code && run.svg_dir)
        code = cli_check_folder(run.svg_dir, "cmc.svg", run.there, inputs, 3);
    if (!code && run.sheets_dir)
        code = cli_check_folder(run.sheets_dir, "win-01-.png", run.there, inputs, 3);
    if (!code)
        code = cli_galleries_open(&run.of);
    if (!code)
        code = evaluate(&run);
    release(&run);
    return code;
}
