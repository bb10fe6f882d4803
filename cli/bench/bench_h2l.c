/* secondlook bench h2l: the looks that are learned, on weights and maps made up here. */
#include "bench/bench.h"
#include "common/output.h"
#include "common/progress.h"
#include "secondlook_eval.h"

enum {
    KEY_LOOK = CLI_KEY_OWN,
    KEY_DEPTH,
    KEY_HEADS,
    KEY_CELLS,
    KEY_CHANNELS,
    KEY_PAIRS,
    KEY_PRECISION,
    KEY_THREADS,
    KEY_SECONDS
};

typedef struct {
    sl_look_speed_options options;
    bool json;
} bench_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const looks[] = {"h2l", "h2", NULL}, *const precisions[] = {"f32", "bf16", "int8", NULL};
    bench_run *run = state->input;
    sl_look_speed_options *o = &run->options;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_LOOK:
        o->rerank = cli_parse_name(state, "--rerank", arg, looks) ? SL_RERANK_H2 : SL_RERANK_H2L;
        return 0;
    case KEY_DEPTH: o->depth = (int)cli_parse_int(state, "--depth", arg, 1, 64); return 0;
    case KEY_HEADS: o->heads = (int)cli_parse_int(state, "--heads", arg, 1, 64); return 0;
    case KEY_CELLS: o->cells = (int)cli_parse_int(state, "--patches", arg, 1, 256); return 0;
    case KEY_CHANNELS: o->channels = (int)cli_parse_int(state, "--channels", arg, 1, 4096); return 0;
    case KEY_PAIRS: o->pairs = (int)cli_parse_int(state, "--pairs", arg, 1, 100000); return 0;
    case KEY_PRECISION: o->precision = (sl_compute)cli_parse_name(state, "--precision", arg, precisions); return 0;
    case KEY_THREADS: o->threads = (int)cli_parse_int(state, "--threads", arg, 1, 1024); return 0;
    case KEY_SECONDS: o->seconds = cli_parse_real(state, "--seconds", arg, .01, 3600); return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s': takes no arguments", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"rerank", KEY_LOOK, "h2l|h2", 0, "Which look (default: h2l)", 0},
    {"depth", KEY_DEPTH, "N", 0, "Layers (default: 1)", 0},
    {"heads", KEY_HEADS, "N", 0, "Heads of attention (default: 2)", 0},
    {"patches", KEY_CELLS, "R", 0, "Patches of a face (default: 64)", 0},
    {"channels", KEY_CHANNELS, "C", 0, "Channels of a patch (default: 512)", 0},
    {"pairs", KEY_PAIRS, "N", 0, "Candidates of one query (default: 100)", 0},
    {"precision", KEY_PRECISION, "f32|bf16|int8", 0, "What dense layers compute in (default: f32)", 0},
    {"threads", KEY_THREADS, "N", 0, "Threads (default: all processors)", 0},
    {"seconds", KEY_SECONDS, "S", 0, "Measure at least this long (default: 2)", 0},
    {0},
};
static const struct argp parser = {
    options, parse, 0,
    "Pairs per second of a learned look, one query against N candidates, and what share that is of the rate at which "
    "this machine multiplies matrices.\v"
    "Example: secondlook bench h2l --json --precision bf16",
    0, 0, 0};

static json_t *result_of(const sl_look_speed_options *o, const sl_look_speed *speed)
{
    static const char *const precisions[] = {"f32", "bf16", "int8"};
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:s,s:s,s:i,s:i,s:i,s:i,s:i}", "pairs_per_s",
                     cli_json_number(speed->pairs_per_s), "query_ms", cli_json_number(speed->query_ms),
                     "gflop_per_pair", cli_json_number(speed->gflop_per_pair),
                     "product_gflops", cli_json_number(speed->product_gflops),
                     "share", cli_json_number(speed->share), "rerank", sl_rerank_name(o->rerank), "precision",
                     precisions[o->precision], "depth", o->depth, "heads", o->heads, "patches", o->cells, "channels",
                     o->channels, "pairs", o->pairs);
}

int bench_h2l(int argc, char **argv)
{
    bench_run run = {.options = {.rerank = SL_RERANK_H2L, .depth = 1, .heads = 2, .cells = 64, .channels = 512,
                                 .pairs = 100, .seconds = 2}};
    sl_look_speed speed;
    sl_error err = {0};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    run.options.threads = cli_thread_count(run.options.threads);
    const double start = cli_now();
    if (sl_isa_check(&err) || sl_look_speed_measure(&run.options, &speed, &err))
        return cli_fail(NULL, &err);
    json_t *result = result_of(&run.options, &speed);
    bench_stamp(result, run.options.threads, cli_now() - start);
    return bench_print(result, run.json);
}
