/* secondlook eval verify: listed pairs, in ten folds. */
#include <math.h>
#include <stdlib.h>

#include "common/look_needs.h"
#include "common/cli.h"
#include "common/gallery_options.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/photo_work.h"
#include "eval/svg.h"
#include "secondlook_eval.h"

enum { KEY_PAIRS = CLI_KEY_OWN, KEY_CSV, KEY_SVG, KEY_LIST_MISSING };

typedef struct {
    cli_galleries of;
    cli_match match;
    cli_models models;
    sl_verify_options options;
    const char *pairs, *svg;
    cli_there there; /* charts that are there */
    bool list_missing, json;
    json_t *missing; /* the photos that are not there */
} verify_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    verify_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->of;
        state->child_inputs[1] = &run->match;
        state->child_inputs[2] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_PAIRS: run->pairs = arg; return 0;
    case KEY_CSV: run->options.csv = arg; return 0;
    case KEY_SVG: run->svg = arg; return 0;
    case CLI_KEY_REPLACE: run->there = CLI_THERE_REPLACED; return 0;
    case CLI_KEY_CSV_SAFE: run->options.csv_safe = 1; return 0;
    case KEY_LIST_MISSING: run->list_missing = true; return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s' was not expected", arg); return 0;
    case ARGP_KEY_END:
        if (!run->pairs)
            argp_error(state, "--pairs FILE is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"pairs", KEY_PAIRS, "FILE", 0, "The pairs to decide, by image id (required); of CFP the folder Protocol/Split/FF "
     "or Protocol/Split/FP", 0},
    {"csv", KEY_CSV, "FILE", 0, "Write a line per pair", 0},
    CLI_OPTION_CSV_SAFE,
    {"svg", KEY_SVG, "DIR", 0, "Draw roc.svg and det.svg", 0},
    CLI_OPTION_REPLACE,
    {"list-missing", KEY_LIST_MISSING, 0, 0, "Name the photos that are not in the gallery", 0},
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {{&cli_gallery_argp, 0, 0, 0},
                                             {&cli_match_argp, 0, "The second look:", 1},
                                             {&cli_models_argp, 0, "Networks (for looks that need the model):", 2},
                                             {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR --pairs FILE",
    "Verification of listed pairs in ten folds: each is decided at the threshold that is most accurate on the "
    "other nine. Told for stage 1, for the second look alone and for their mix. The pairs are LFW's own list, lines "
    "'image image 0|1', '0|1 image image' or 'image image 0|1 id id' (names with spaces need tabs or commas between "
    "the fields, or quotes), or "
    "two lines a pair, 'image n', as CALFW and CPLFW come.\v"
    "Examples:\n"
    "  secondlook eval verify --gallery lfw --pairs pairs.txt\n"
    "  secondlook eval verify --gallery lfw --pairs pairs.txt --rerank none --svg charts --json\n"
    "  secondlook eval verify --gallery lfw --pairs pairs.txt --csv pairs.csv --list-missing\n"
    "  secondlook eval verify --gallery calfw --pairs pairs_CALFW.txt\n"
    "  secondlook eval verify --gallery cfp --pairs cfp-dataset/Protocol/Split/FP",
    children,
    0,
    0};

/* ------------------------------------------------------------------ results */

typedef struct {
    const char *key, *name;
    const sl_verify_rates *rates;
} part;

/* What was measured: three parts, or stage 1's and the score's (which are the same) without a second look. */
static int parts_of(const verify_run *run, const sl_verification *v, part out[3])
{
    out[0] = (part){"stage1", "stage 1", &v->stage1};
    out[1] = (part){"stage2", "stage 2", &v->stage2};
    out[2] = (part){"score", "score", &v->score};
    return cli_looks_again(&run->match.match) ? 3 : 1;
}

static json_t *curve_json(const sl_verify_rates *r)
{
    json_t *points = json_array();
    for (size_t i = 0; i < r->points; i++)
        json_array_append_new(points, json_pack("{s:f,s:f,s:f}", "threshold", r->thresholds[i], "far",
                                                100 * r->far[i], "tar", 100 * r->tar[i]));
    return points;
}

static json_t *rates_json(const sl_verify_rates *r)
{
    return json_pack("{s:f,s:f,s:f,s:f,s:f,s:{s:o,s:o,s:o,s:o},s:f}", "accuracy", r->accuracy, "std", r->std,
                     "threshold", r->threshold, "best_accuracy", r->best_accuracy, "best_threshold",
                     r->best_threshold, "tar_at_far", "1e-1", cli_json_number(r->tar_at_far[0]), "1e-2",
                     cli_json_number(r->tar_at_far[1]), "1e-3", cli_json_number(r->tar_at_far[2]), "1e-4",
                     cli_json_number(r->tar_at_far[3]), "eer", r->eer);
}

static int print_json(const verify_run *run, const sl_verification *v)
{
    part parts[3];
    json_t *document =
        json_pack("{s:I,s:I,s:I,s:s}", "pairs", (json_int_t)v->pairs, "same", (json_int_t)v->same, "missing",
                  (json_int_t)v->missing, "rerank", sl_rerank_name(run->match.match.rerank));
    if (!document)
        return cli_print_json(NULL);
    json_object_update_new(document, rates_json(&v->score)); /* the decision's own figures, as ever */
    int count = parts_of(run, v, parts);
    for (int i = 0; i < 3; i++) {
        const sl_verify_rates *r = count == 1 ? &v->score : parts[i].rates;
        json_t *one = count == 1 && i == 1 ? json_null() : rates_json(r);
        if (!json_is_null(one))
            json_object_set_new(one, "roc", curve_json(r));
        json_object_set_new(document, parts[i].key, one);
    }
    if (run->list_missing)
        json_object_set(document, "missing_photos", run->missing);
    return cli_print_json(document);
}

static void print_rate(double percent)
{
    if (isnan(percent))
        printf("  %8s", "-");
    else
        printf("  %8.2f", percent);
}

static int print_text(const verify_run *run, const sl_verification *v)
{
    part parts[3];
    bool unmeasurable = false;
    printf("%zu pairs, %zu of one person; %zu with a photo that is not in the gallery count as different\n\n",
           v->pairs, v->same, v->missing);
    printf("%-8s %9s %7s %10s %8s   TAR at FAR 10 %%      1 %%     0.1 %%    0.01 %%\n", "", "accuracy", "std",
           "threshold", "EER");
    int count = parts_of(run, v, parts);
    for (int i = 0; i < count; i++) {
        const sl_verify_rates *r = parts[i].rates;
        printf("%-8s %8.3f%% %7.3f %10.4f %7.3f%%    ", parts[i].name, r->accuracy, r->std, r->threshold, r->eer);
        for (int k = 0; k < 4; k++) {
            print_rate(r->tar_at_far[k]);
            unmeasurable |= isnan(r->tar_at_far[k]);
        }
        putchar('\n');
    }
    if (unmeasurable)
        printf("\n-  cannot be measured: %zu pairs of different people allow no false match at this rate\n",
               v->pairs - v->same);
    for (size_t i = 0; run->list_missing && i < json_array_size(run->missing); i++) {
        const json_t *one = json_array_get(run->missing, i);
        if (!i)
            putchar('\n');
        cli_say("%s, line %lld: %s is not in the gallery", run->pairs,
                (long long)json_integer_value(json_object_get(one, "line")),
                json_string_value(json_object_get(one, "image")));
    }
    return CLI_OK;
}

/* ------------------------------------------------------------------ charts */

/* ROC and DET of all parts; miss: [points] per part, filled here. */
static int draw(const verify_run *run, const sl_verification *v, double *miss)
{
    static const char *const words[] = {"false match rate", "true match rate", "false non-match rate"};
    part parts[3];
    sl_chart_series roc[3], det[3];
    int count = parts_of(run, v, parts);
    for (int i = 0; i < count; i++) {
        const sl_verify_rates *r = parts[i].rates;
        for (size_t k = 0; k < r->points; k++)
            miss[k] = 1 - r->tar[k];
        roc[i] = (sl_chart_series){.name = parts[i].name, .x = r->far, .y = r->tar, .count = r->points};
        det[i] = (sl_chart_series){.name = parts[i].name, .x = r->far, .y = miss, .count = r->points};
        miss += r->points;
    }
    const sl_chart roc_chart = {.title = "ROC",
                                .note = cli_base_name(run->pairs),
                                .x = {words[0], 1, NAN, 1},
                                .y = {words[1], 0, NAN, 1},
                                .series = roc,
                                .series_count = (size_t)count};
    const sl_chart det_chart = {.title = "DET",
                                .note = roc_chart.note,
                                .x = {words[0], 1, NAN, NAN},
                                .y = {words[2], 1, NAN, NAN},
                                .series = det,
                                .series_count = (size_t)count};
    int code = cli_write_svg(run->svg, "roc.svg", run->there, &roc_chart);
    return code ? code : cli_write_svg(run->svg, "det.svg", run->there, &det_chart);
}

/* ------------------------------------------------------------------ the run */

static void missing(void *context, size_t line, const char *image)
{
    json_array_append_new(((verify_run *)context)->missing,
                          json_pack("{s:I,s:o}", "line", (json_int_t)line, "image", cli_json_text(image)));
}

static int verify(verify_run *run, const sl_gallery *gallery)
{
    sl_error err = {0};
    sl_verification v;
    run->options.match = run->match.match;
    run->options.match.threads = run->models.threads;
    run->options.progress = cli_progress_step;
    cli_progress_start("pairs");
    sl_status status = sl_eval_verify(gallery, run->pairs, &run->options, &v, &err);
    cli_progress_end();
    if (status)
        return cli_fail(NULL, &err);
    int code = run->json ? print_json(run, &v) : print_text(run, &v);
    if (!code && run->svg) {
        double *miss = calloc(v.stage1.points + v.stage2.points + v.score.points, sizeof *miss);
        code = miss ? draw(run, &v, miss) : (cli_warn("no memory for the charts"), CLI_FAILED);
        free(miss);
    }
    sl_verification_free(&v);
    return code;
}

int cmd_eval_verify(int argc, char **argv)
{
    verify_run run = {.match = cli_match_defaults()};
    sl_oae *oae;
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    const char *const inputs[] = {run.pairs, run.of.gallery_dir};
    if ((run.options.csv && cli_check_output(run.options.csv, inputs, 2)) ||
        (run.svg && cli_check_folder(run.svg, "roc.svg", run.there, inputs, 2)))
        return CLI_FAILED;
    int code = cli_galleries_open(&run.of);
    if (code)
        return code;
    run.missing = json_array();
    if (run.list_missing) {
        run.options.missing = missing;
        run.options.context = &run;
    }
    code = cli_open_oae(&run.match, &run.models, NULL, run.of.gallery, &oae);
    if (!code)
        code = verify(&run, run.of.gallery);
    sl_oae_close(oae);
    sl_look_close(run.match.look);
    cli_galleries_close(&run.of);
    json_decref(run.missing);
    return code;
}
