/* secondlook bench train: steps of training on made-up pictures. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/bench.h"
#include "common/output.h"
#include "common/progress.h"
#include "secondlook_train.h"

typedef struct {
    cli_models models;
    const char *learn;
    int batch, side;
    double seconds;
    bool json;
} bench_run;

enum { KEY_BATCH = CLI_KEY_OWN, KEY_SECONDS, KEY_LEARN, PEOPLE = 16, PHOTOS = 8 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    bench_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_BATCH: run->batch = (int)cli_parse_int(state, "--batch", arg, 1, 4096); return 0;
    case KEY_SECONDS: run->seconds = cli_parse_real(state, "--seconds", arg, .01, 3600); return 0;
    case KEY_LEARN: run->learn = arg; return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s': takes no arguments", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"batch", KEY_BATCH, "N", 0, "Pictures of a step (default: 64)", 0},
    {"learn", KEY_LEARN, "REGEX", 0, "Only weights whose names match learn (default: all)", 0},
    {"seconds", KEY_SECONDS, "S", 0, "Measure at least this long (default: 10)", 0},
    {0}};
static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 1}, {0}};
static const struct argp parser = {options,
                                   parse,
                                   0,
                                   "Pictures per second of training: a step of ArcFace's loss with AdamW, crops "
                                   "made up and untouched. It tells the "
                                   "arithmetic of a picture, what share of this machine's speed in large products "
                                   "that comes to, and peak memory.\v"
                                   "Example: secondlook bench train --json --batch 64",
                                   children,
                                   0,
                                   0};

/* ---- made-up pictures ---- */

static int person_of(void *context, size_t i)
{
    (void)context;
    return (int)(i % PEOPLE);
}

static sl_status draw_noise(void *context, size_t i, sl_image *out, sl_error *err)
{
    const bench_run *run = context;
    const size_t bytes = (size_t)run->side * (size_t)run->side * 3;
    uint64_t state = i;
    (void)err;
    *out = (sl_image){run->side, run->side, 3, malloc(bytes)};
    for (size_t k = 0; out->pixels && k < bytes; k++)
        out->pixels[k] = (uint8_t)(127.5f + 127 * bench_random(&state));
    return out->pixels ? SL_OK : SL_ERR_MEMORY;
}

/* ---- the measurement ---- */

static sl_status one_step(void *context, sl_error *err)
{
    return sl_trainer_step(context, NULL, err);
}

static sl_status open_trainer(bench_run *run, sl_trainer **trainer, sl_error *err)
{
    sl_train_options o;
    const sl_train_data data = {
        .count = PEOPLE * PHOTOS, .people = PEOPLE, .person = person_of, .crop = draw_noise, .context = run};
    sl_status status = sl_train_recipe("distill", &o, err);
    if (status)
        return status;
    o.loss = SL_LOSS_ARCFACE;
    o.random_classes = 1;
    o.augmentation = "none";
    o.held_out = 0;
    o.steps = o.every = (uint64_t)1 << 40;
    o.schedule = SL_SCHEDULE_CONSTANT;
    o.rate = 1e-6; /* weights stay as they are, and numbers as large */
    o.batch = run->batch;
    o.learn = run->learn;
    o.models_dir = run->models.engine.models_dir;
    o.model = run->models.engine.model;
    o.threads = run->models.threads;
    o.precision = run->models.engine.precision;
    return sl_trainer_open(&o, &data, NULL, NULL, trainer, err);
}

/* Peak memory is that of training; products are measured afterwards. */
static json_t *result_of(const bench_run *run, const sl_trainer *trainer, double median)
{
    const sl_train_standing s = sl_trainer_standing(trainer);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const double rate = s.flop * run->batch / median;
    return json_pack("{s:s,s:s,s:i,s:o,s:o,s:o,s:o,s:I,s:o}", "model",
                     run->models.engine.model ? run->models.engine.model : SL_DEFAULT_RECOGNISER, "precision",
                     cli_precision_name(run->models.engine.precision), "batch", run->batch, "step_ms",
                     cli_json_number(1e3 * median), "images_per_s", cli_json_number(run->batch / median),
                     "gflop_per_image", cli_json_number(1e-9 * s.flop), "step_gflops",
                     cli_json_number(1e-9 * rate), "weights", (json_int_t)s.weights, "peak_mb",
                     cli_json_number((double)usage.ru_maxrss / 1024));
}

int bench_train(int argc, char **argv)
{
    bench_run run = {.batch = 64, .side = 112, .seconds = 10};
    sl_error err = {0};
    sl_trainer *trainer = NULL;
    double median = NAN, products = NAN;
    size_t rounds;
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    const double start = cli_now();
    int code = CLI_OK;
    if (sl_isa_check(&err) || open_trainer(&run, &trainer, &err) ||
        bench_rounds(one_step, trainer, run.seconds, &median, &rounds, &err))
        code = cli_fail(NULL, &err);
    json_t *result = code ? NULL : result_of(&run, trainer, median);
    sl_trainer_close(trainer);
    if (result && sl_train_products(run.models.threads, run.models.engine.precision, &products, &err))
        code = cli_fail(NULL, &err);
    if (code) {
        json_decref(result);
        return code;
    }
    const double rate = json_number_value(json_object_get(result, "step_gflops"));
    json_object_set_new(result, "product_gflops", cli_json_number(1e-9 * products));
    json_object_set_new(result, "share", cli_json_number(1e9 * rate / products));
    bench_stamp(result, cli_thread_count(run.models.threads), cli_now() - start);
    return bench_print(result, run.json);
}
