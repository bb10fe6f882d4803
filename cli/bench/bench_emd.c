/* secondlook bench emd: the second look, on data made up here. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "common/output.h"
#include "common/progress.h"

enum {
    KEY_PATCHES = CLI_KEY_OWN,
    KEY_CHANNELS,
    KEY_PAIRS,
    KEY_THREADS,
    KEY_PATCH_PRECISION,
    KEY_WEIGHTING,
    KEY_SOLVER,
    KEY_SECONDS,
    KEY_RAW,
    KEY_ANSWERS
};

typedef struct {
    int side, channels, pairs;
    sl_match_options match;
    double seconds;
    bool json, raw, answers;
} bench_run;

static sl_weighting parse_weighting(struct argp_state *state, const char *text)
{
    const sl_weighting w =
        (sl_weighting)cli_parse_value(state, "--weighting", text, sl_weighting_named, sl_weighting_name);
    if (w == SL_WEIGHT_LMK || w == SL_WEIGHT_TRUST)
        cli_usage(state, "--weighting %s: maps that are made up have no landmarks and no trust", text);
    return w;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bench_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_PATCHES: {
        int patches = (int)cli_parse_int(state, "--patches", arg, 1, 1024);
        run->side = (int)(sqrt(patches) + .5);
        if (run->side * run->side != patches)
            cli_usage(state, "--patches takes a square number such as 16, 49 or 64, not '%s'", arg);
        return 0;
    }
    case KEY_CHANNELS: run->channels = (int)cli_parse_int(state, "--channels", arg, 1, 4096); return 0;
    case KEY_PAIRS: run->pairs = (int)cli_parse_int(state, "--pairs", arg, 1, 100000); return 0;
    case KEY_THREADS: run->match.threads = (int)cli_parse_int(state, "--threads", arg, 1, 1024); return 0;
    case KEY_PATCH_PRECISION:
        run->match.patch_compute = (sl_patch_compute)cli_parse_value(state, "--patch-precision", arg,
                                                                     sl_patch_compute_named, sl_patch_compute_name);
        return 0;
    case KEY_WEIGHTING:
        run->match.weighting = parse_weighting(state, arg);
        return 0;
    case KEY_SOLVER: 
        run->match.solver = (sl_solver)cli_parse_value(state, "--solver", arg, sl_solver_named, sl_solver_name);
        return 0;
    case KEY_RAW: run->raw = true; return 0;
    case KEY_ANSWERS: run->answers = true; return 0;
    case KEY_SECONDS: run->seconds = cli_parse_real(state, "--seconds", arg, .01, 3600); return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s': takes no arguments", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option emd_options[] = {
    CLI_OPTION_JSON,
    {"patches", KEY_PATCHES, "R", 0, "Patches of a face, a square number (default: 64)", 0},
    {"channels", KEY_CHANNELS, "C", 0, "Channels of a patch (default: 512)", 0},
    {"pairs", KEY_PAIRS, "N", 0, "Candidates of one query (default: 1000)", 0},
    {"patch-precision", KEY_PATCH_PRECISION, "int8|f32|bf16", 0, "Of the patch similarities (default: int8)", 0},
    {"weighting", KEY_WEIGHTING, "NAME", 0, "uniform, apc, cc, sc or sc-text (default: apc)", 0},
    {"solver", KEY_SOLVER, "NAME", 0, "sinkhorn, converged, exact or published (default: sinkhorn)", 0},
    {"raw", KEY_RAW, 0, 0, "Prepare the candidates inside the measured time", 0},
    {"answers", KEY_ANSWERS, 0, 0, "Each pair's score in the result as well", 0},
    {"threads", KEY_THREADS, "N", 0, "Threads (default: all processors)", 0},
    {"seconds", KEY_SECONDS, "S", 0, "Measure at least this long (default: 2)", 0},
    {0},
};
static const struct argp emd_parser = {emd_options,
                                       parse,
                                       0,
                                       "Pairs per second of the second look, one query against N candidates. "
                                       "The candidates' patches are prepared (normalised, packed) before the "
                                       "clock runs; --raw prepares each on the way, from float maps.\v"
                                       "The candidates are structured as faces are: most patches of the query are "
                                       "found again, a cell away, under noise, "
                                       "so that matched cells have similarities of about .6 to .9.\n\n"
                                       "Example: secondlook bench emd --json --threads 1 --patch-precision f32",
                                       0,
                                       0,
                                       0};

typedef struct {
    sl_patch_map query, *candidates;
    float *patches, *query_patches, *embeddings; /* what the maps point to */
    float *scores;
    int *iterations, count;
    sl_match_options match;
    sl_emd_bank *bank; /* NULL with --raw */
} emd_data;

/* Patch maps of networks end in a PReLU or ReLU: mostly positive, with a common part. */
static void make_query(emd_data *d, int side, int channels, uint64_t *seed)
{
    for (int i = 0; i < side * side * channels; i++)
        d->query_patches[i] = .35f + bench_random(seed);
}

/* A copy of the query with cells moved by one at random and noise of a strength of its own. */
static void make_candidate(const emd_data *d, float *to, int side, int channels, uint64_t *seed)
{
    float noise = .7f + .35f * bench_random(seed);
    for (int cell = 0; cell < side * side; cell++) {
        int row = cell / side + (int)(1.5f * bench_random(seed)),
            col = cell % side + (int)(1.5f * bench_random(seed));
        row = row < 0 ? 0 : row >= side ? side - 1 : row;
        col = col < 0 ? 0 : col >= side ? side - 1 : col;
        const float *from = d->query_patches + (size_t)(row * side + col) * (size_t)channels;
        for (int c = 0; c < channels; c++)
            *to++ = from[c] + noise * bench_random(seed);
    }
}

static bool make_emd(const bench_run *run, emd_data *d)
{
    size_t map = (size_t)run->side * (size_t)run->side * (size_t)run->channels, n = (size_t)run->pairs;
    uint64_t seed = 1;
    d->count = run->pairs;
    d->match = run->match;
    d->query_patches = malloc(map * sizeof(float));
    d->patches = malloc(n * map * sizeof(float));
    d->embeddings = malloc((n + 1) * (size_t)run->channels * sizeof(float));
    d->candidates = calloc(n, sizeof *d->candidates);
    d->scores = calloc(n, sizeof *d->scores);
    d->iterations = calloc(n, sizeof *d->iterations);
    if (!d->query_patches || !d->patches || !d->embeddings || !d->candidates || !d->scores || !d->iterations)
        return false;
    make_query(d, run->side, run->channels, &seed);
    for (size_t i = 0; i < (n + 1) * (size_t)run->channels; i++)
        d->embeddings[i] = .3f + bench_random(&seed);
    d->query = (sl_patch_map){.rows = run->side,
                              .cols = run->side,
                              .channels = run->channels,
                              .dim = run->channels,
                              .patches = d->query_patches,
                              .embedding = d->embeddings};
    for (size_t i = 0; i < n; i++) {
        make_candidate(d, d->patches + i * map, run->side, run->channels, &seed);
        d->candidates[i] = d->query;
        d->candidates[i].patches = d->patches + i * map;
        d->candidates[i].embedding = d->embeddings + (i + 1) * (size_t)run->channels;
    }
    return true;
}

static sl_status run_emd(void *context, sl_error *err)
{
    emd_data *d = context;
    if (d->bank)
        return sl_emd_bank_compare(d->bank, &d->query, d->scores, d->iterations, err);
    return sl_emd_compare(&d->query, d->candidates, (size_t)d->count, &d->match, d->scores, d->iterations, err);
}

static json_t *emd_result(const bench_run *run, const emd_data *d, double median)
{
    double iterations = 0, score = 0;
    for (int i = 0; i < d->count; i++) {
        iterations += d->iterations[i];
        score += d->scores[i];
    }
    json_t *result = json_pack(
        "{s:o,s:i,s:i,s:i,s:b,s:s,s:s,s:s,s:o,s:o}", "pairs_per_s", cli_json_number(d->count / median), "patches",
        run->side * run->side, "channels", run->channels, "pairs", d->count, "prepared", !run->raw,
        "patch_precision", sl_patch_compute_name(run->match.patch_compute), "weighting",
        sl_weighting_name(run->match.weighting), "solver", sl_solver_name(run->match.solver), "iterations_mean",
        cli_json_number(iterations / d->count), "score_mean", cli_json_number(score / d->count));
    if (run->answers) {
        json_t *scores = json_array();
        for (int i = 0; i < d->count; i++)
            json_array_append_new(scores, cli_json_number(d->scores[i]));
        json_object_set_new(result, "scores", scores);
    }
    return result;
}

int bench_emd(int argc, char **argv)
{
    bench_run run = {.side = 8, .channels = 512, .pairs = 1000, .seconds = 2, .match = sl_match_defaults()};
    emd_data d = {0};
    sl_error err = {0};
    double median;
    size_t rounds;
    argp_parse(&emd_parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    int code = bench_fits((double)run.side * run.side * run.channels * run.pairs * sizeof(float));
    double start = cli_now();
    if (!code && !make_emd(&run, &d)) {
        cli_warn("no memory for %d pairs", run.pairs);
        code = CLI_FAILED;
    }
    if (!code && (sl_isa_check(&err) ||
                  (!run.raw && sl_emd_bank_open(d.candidates, (size_t)d.count, &d.match, &d.bank, &err)) ||
                  bench_rounds(run_emd, &d, run.seconds, &median, &rounds, &err)))
        code = cli_fail(NULL, &err);
    if (!code) {
        json_t *result = emd_result(&run, &d, median);
        bench_stamp(result, cli_thread_count(run.match.threads), cli_now() - start);
        code = bench_print(result, run.json);
    }
    sl_emd_bank_close(d.bank);
    free(d.query_patches), free(d.patches), free(d.embeddings), free(d.candidates), free(d.scores),
        free(d.iterations);
    return code;
}
