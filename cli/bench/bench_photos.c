/* secondlook bench backbone | enroll: the networks and the whole way from photos into a gallery. */
#define _GNU_SOURCE
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"

enum { KEY_BATCH = CLI_KEY_OWN, KEY_SECONDS };

typedef struct {
    cli_models models;
    cli_list paths;
    int batch;
    double seconds;
    bool json, aligned;
} photos_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    photos_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_ALIGNED: run->aligned = true; return 0;
    case KEY_BATCH: run->batch = (int)cli_parse_int(state, "--batch", arg, 1, 256); return 0;
    case KEY_SECONDS: run->seconds = cli_parse_real(state, "--seconds", arg, .01, 3600); return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 2}, {0}};

/* ------------------------------------------------------------------ backbone */

static error_t parse_backbone(int key, char *arg, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG)
        cli_usage(state, "'%s': takes no arguments", arg);
    return parse(key, arg, state);
}

static const struct argp_option backbone_options[] = {
    CLI_OPTION_JSON,
    {"batch", KEY_BATCH, "N", 0, "Crops at a time (default: 1)", 0},
    {"seconds", KEY_SECONDS, "S", 0, "Measure at least this long (default: 2)", 0},
    {0},
};
static const struct argp backbone_parser = {
    backbone_options,
    parse_backbone,
    0,
    "Milliseconds from an aligned crop to its template: preprocessing, the recogniser's network, the patch map; "
    "landmarks only with --landmarks.\v"
    "Example: secondlook bench backbone --model mobilefacenet-128 --threads 1 --precision bf16 --json",
    children,
    0,
    0};

typedef struct {
    sl_session *session;
    sl_image *crops;
    sl_template **templates;
    size_t count;
} backbone_data;

static sl_status run_backbone(void *context, sl_error *err)
{
    backbone_data *d = context;
    sl_status status = sl_templates_of_crops(d->session, d->crops, d->count, d->templates, err);
    for (size_t i = 0; !status && i < d->count; i++) {
        sl_template_free(d->templates[i]);
        d->templates[i] = NULL;
    }
    return status;
}

static bool make_crops(backbone_data *d, size_t count, int width, int height)
{
    uint64_t seed = 3;
    size_t bytes = (size_t)width * (size_t)height * 3;
    d->count = count;
    d->crops = calloc(count, sizeof *d->crops);
    d->templates = calloc(count, sizeof *d->templates);
    for (size_t i = 0; d->crops && i < count; i++) {
        d->crops[i] = (sl_image){width, height, 3, malloc(bytes)};
        if (!d->crops[i].pixels)
            return false;
        for (size_t b = 0; b < bytes; b++)
            d->crops[i].pixels[b] = (uint8_t)(127 + 120 * bench_random(&seed));
    }
    return d->crops && d->templates;
}

static int measure_backbone(const photos_run *run, const sl_model_info *model, backbone_data *d)
{
    sl_error err = {0};
    double median, start = cli_now();
    size_t rounds;
    if (!make_crops(d, (size_t)run->batch, model->input_width, model->input_height)) {
        cli_warn("no memory for a batch of %d", run->batch);
        return CLI_FAILED;
    }
    if (bench_rounds(run_backbone, d, run->seconds, &median, &rounds, &err))
        return cli_fail(NULL, &err);
    json_t *result =
        json_pack("{s:o,s:o,s:s,s:s,s:i,s:I,s:s}", "ms_per_photo", cli_json_number(1e3 * median / run->batch),
                  "photos_per_s", cli_json_number(run->batch / median), "model", model->name, "precision",
                  cli_precision_name(run->models.engine.precision), "batch", run->batch, "rounds", (json_int_t)rounds,
                  "backend", sl_net_backend());
    bench_stamp(result, cli_thread_count(run->models.threads), cli_now() - start);
    return bench_print(result, run->json);
}

int bench_backbone(int argc, char **argv)
{
    photos_run run = {.batch = 1, .seconds = 2};
    backbone_data d = {0};
    sl_error err = {0};
    sl_engine *engine;
    argp_parse(&backbone_parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    if (!run.models.engine.landmarks)
        run.models.engine.landmarks = "none";
    int code = cli_open(&run.models, &engine, NULL);
    if (!code && sl_session_open(engine, run.models.threads, &d.session, &err))
        code = cli_fail(NULL, &err);
    if (!code)
        code = measure_backbone(&run, sl_engine_model(engine), &d);
    for (size_t i = 0; d.crops && i < d.count; i++)
        free(d.crops[i].pixels);
    free(d.crops);
    free(d.templates);
    sl_session_close(d.session);
    sl_engine_close(engine);
    return code;
}

/* ------------------------------------------------------------------ enroll */

static error_t parse_enroll(int key, char *arg, struct argp_state *state)
{
    if (key == ARGP_KEY_NO_ARGS)
        argp_error(state, "a folder with photos is missing");
    return parse(key, arg, state);
}

static const struct argp_option enroll_options[] = {CLI_OPTION_JSON, CLI_OPTION_ALIGNED, {0}};
static const struct argp enroll_parser = {
    enroll_options,
    parse_enroll,
    "PATH...",
    "Photos per second from JPEG files into a gallery: decode, detect, align, network, write. The gallery is made "
    "under $TMPDIR (/tmp) and removed again.\v"
    "Example: secondlook bench enroll photos/ --threads 2 --json",
    children,
    0,
    0};

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static sl_status enroll_into(const char *dir, const photos_run *run, const sl_engine *engine,
                             const sl_photo *photos, size_t count, sl_enroll_report *report, sl_error *err)
{
    sl_gallery *gallery;
    sl_enroll_options options = sl_enroll_defaults();
    options.threads = run->models.threads;
    options.aligned = run->aligned;
    options.progress = cli_progress_step;
    const sl_gallery_options made = {.engine = engine, .patches = SL_PATCHES_INT8};
    sl_status status = sl_gallery_open(dir, SL_GALLERY_CREATE, &made, &gallery, err);
    if (status)
        return status;
    status = sl_enroll(engine, gallery, photos, count, &options, report, err);
    sl_gallery_close(gallery);
    return status;
}

/* Milliseconds of processor time a photo by stage, and the photos/s that they allow so many threads: what is reached
 * beside it is lost by waiting, or by others who hold the cores. */
static void add_stages(json_t *result, const sl_enroll_report *r, int threads)
{
    const sl_enroll_cpu *cpu = &r->cpu;
    const char *const names[] = {"decode_ms", "detect_ms", "landmarks_ms", "align_ms", "embed_ms", "add_ms"};
    const double seconds[] = {cpu->decode, cpu->detect, cpu->landmarks, cpu->align, cpu->embed, cpu->add};
    double sum = 0;
    for (int i = 0; i < 6; i++) {
        json_object_set_new(result, names[i], cli_json_number(1e3 * seconds[i] / (double)r->photos));
        sum += seconds[i];
    }
    json_object_set_new(result, "cpu_ms", cli_json_number(1e3 * sum / (double)r->photos));
    json_object_set_new(result, "limit_photos_per_s", cli_json_number(sum > 0 ? threads * (double)r->photos / sum : 0));
}

static int measure_enroll(const photos_run *run, const sl_engine *engine, const sl_photo *photos, size_t count)
{
    sl_error err = {0};
    sl_enroll_report r = {0};
    const char *base = getenv("TMPDIR");
    char *dir = NULL, *gallery = NULL;
    if (asprintf(&dir, "%s/secondlook-bench-XXXXXX", base ? base : "/tmp") < 0 || !mkdtemp(dir) ||
        asprintf(&gallery, "%s/gallery", dir) < 0) {
        cli_warn("no folder for the gallery in %s", base ? base : "/tmp");
        free(dir);
        return CLI_FAILED;
    }
    cli_progress_start("photos");
    sl_status status = enroll_into(gallery, run, engine, photos, count, &r, &err);
    cli_progress_end();
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(gallery);
    free(dir);
    if (status)
        return cli_fail(NULL, &err);
    json_t *result = json_pack("{s:o,s:I,s:I,s:s,s:s}", "photos_per_s",
                               cli_json_number(r.seconds > 0 ? (double)r.photos / r.seconds : 0), "photos",
                               (json_int_t)r.photos, "enrolled", (json_int_t)r.enrolled, "model",
                               sl_engine_model(engine)->name, "precision",
                               cli_precision_name(run->models.engine.precision));
    add_stages(result, &r, cli_thread_count(run->models.threads));
    bench_stamp(result, cli_thread_count(run->models.threads), r.seconds);
    if (r.unreadable)
        cli_warn("%zu photos cannot be read", r.unreadable);
    return cli_photos_code(bench_print(result, run->json), r.unreadable, r.photos - r.no_face - r.unreadable);
}

int bench_enroll(int argc, char **argv)
{
    photos_run run = {0};
    cli_photos found;
    sl_engine *engine = NULL;
    argp_parse(&enroll_parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    int code = cli_photos_of(&run.paths, NULL, &found);
    if (!code)
        code = cli_open(&run.models, &engine, NULL);
    if (!code)
        code = measure_enroll(&run, engine, found.photos, found.count);
    sl_engine_close(engine);
    cli_photos_free(&found);
    free(run.paths.items);
    return code;
}
