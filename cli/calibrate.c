/* secondlook calibrate: measures what a gallery's scores mean, for --fpir and --far. */
#include <math.h>

#include "cli.h"
#include "openset.h"
#include "output.h"
#include "progress.h"

enum { KEY_SEED = CLI_KEY_OWN, KEY_MAX_PAIRS };

/* 10^-1, 10^-1.5, .. 10^-6.5: measured points of the curve that is kept. */
enum { FMR_RATES = 12 };
static double fmr_rate(int i)
{
    return pow(10, -1 - .5 * i);
}

static const double fpir_rates[SL_OPENSET_RATES] = {.1, .01, .001};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    openset_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = run; return 0;
    case KEY_SEED: run->seed = cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case KEY_MAX_PAIRS: run->max_pairs = cli_parse_int(state, "--max-pairs", arg, 1, 1000000000); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"max-pairs", KEY_MAX_PAIRS, "N", 0, "Draw about N pairs where there are more (default: 2000000)", 0},
    {"seed", KEY_SEED, "S", 0, "Of the draw (default: 1)", 0},
    {0}};
static const struct argp_child children[] = {{&cli_openset_argp, 0, 0, 0}, {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR",
    "Measures what scores mean in this gallery, with these options of the second look: every face (or query) "
    "searches "
    "among all other people, as somebody who was never enrolled, and pairs of different people are compared. The "
    "thresholds are kept with the gallery: 'identify --fpir' and 'verify --far --gallery' use them with the same "
    "options. "
    "Calibrate again when the gallery has doubled. Queries of their own (--queries) should be like those to come: "
    "masked ones, where masks are worn.\v"
    "Examples:\n"
    "  secondlook calibrate --gallery staff\n"
    "  secondlook calibrate --gallery staff --rerank oae --queries visitors-of-last-year\n"
    "  secondlook calibrate --gallery lfw --rerank none --max-pairs 20000000 --json",
    children,
    0,
    0};

static double pair_threshold(const openset_run *run, double rate)
{
    sl_threshold t;
    return sl_threshold_for_far(NULL, run->gallery, &run->options.match, rate, &t, NULL) ? (double)NAN
                                                                                         : (double)t.threshold;
}

static int print_json(const openset_run *run, const sl_openset *o)
{
    json_t *list = json_array(), *fpir = json_array();
    for (int i = 0; i < FMR_RATES; i++)
        json_array_append_new(list, json_pack("{s:f,s:o}", "false_match_rate", fmr_rate(i), "threshold",
                                              cli_json_number(pair_threshold(run, fmr_rate(i)))));
    for (int i = 0; i < SL_OPENSET_RATES; i++)
        json_array_append_new(fpir, cli_openset_point_json(fpir_rates[i], &o->score.at[i]));
    return cli_print_json(json_pack("{s:I,s:I,s:I,s:I,s:o,s:o}", "faces", (json_int_t)o->faces, "searches",
                                    (json_int_t)o->nonmated, "mated", (json_int_t)o->mated, "pairs",
                                    (json_int_t)o->pairs, "at_fpir", fpir, "thresholds", list));
}

static int print_text(const openset_run *run, const sl_openset *o)
{
    printf("%zu searches for people who are not there, among %zu faces of %zu people\n", o->nonmated, o->faces,
           o->people);
    cli_openset_print_head("identify --fpir");
    for (int i = 0; i < SL_OPENSET_RATES; i++)
        cli_openset_print_point(fpir_rates[i], &o->score.at[i]);
    printf("\n%zu pairs of different people\nverify --far      threshold\n", o->pairs);
    for (int i = 2; i < FMR_RATES; i += 2) /* whole decades */ {
        double t = pair_threshold(run, fmr_rate(i));
        if (isnan(t))
            printf("  %-14g  needs more pairs\n", fmr_rate(i));
        else
            printf("  %-14g  %.4f\n", fmr_rate(i), t);
    }
    printf("\nkept with the gallery, for these options\n");
    return CLI_OK;
}

static int calibrate(openset_run *run)
{
    sl_error err = {0};
    sl_openset o;
    cli_progress_start("searches and pairs");
    sl_status status = sl_calibrate_gallery(run->gallery, run->queries, &run->options, (size_t)run->max_pairs,
                                            (uint64_t)run->seed, &o, &err);
    cli_progress_end();
    if (status)
        return cli_fail(NULL, &err);
    int code = run->json ? print_json(run, &o) : print_text(run, &o);
    sl_openset_free(&o);
    return code;
}

int cmd_calibrate(int argc, char **argv)
{
    openset_run run = cli_openset_defaults();
    argp_parse(&parser, argc, argv, 0, 0, &run);
    int code = cli_openset_open(&run);
    if (!code)
        code = calibrate(&run);
    cli_openset_close(&run);
    return code;
}
