/* secondlook models quantise: a network's ranges for int8. */
#include <stdlib.h>

#include "models/models.h"
#include "common/cli.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"

typedef struct {
    cli_models models;
    cli_list paths;
    const char *out, *look, *gallery_dir; /* look: its ranges, from the gallery's maps */
    uint64_t seed;
    bool aligned, json;
    sl_image *crops;
    size_t count, capacity;
} quantise_run;

enum { KEY_LOOK = CLI_KEY_OWN, KEY_SEED };

/* Photos for a recogniser, or a gallery for a look. */
static void check_sources(const quantise_run *run, struct argp_state *state)
{
    if (!run->look == !!run->gallery_dir)
        argp_error(state, "--look NAME and --gallery DIR go together");
    if (!run->look && !run->paths.count)
        argp_error(state, "photos or folders of faces are missing");
    if (run->look && run->paths.count)
        argp_error(state, "a look is measured on the maps of a gallery, not on photos");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    quantise_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_ALIGNED: run->aligned = true; return 0;
    case 'o': run->out = arg; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case KEY_LOOK: run->look = arg; return 0;
    case CLI_KEY_GALLERY: run->gallery_dir = arg; return 0;
    case KEY_SEED: run->seed = (uint64_t)cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case ARGP_KEY_END: check_sources(run, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Where the ranges go (default: NAME.int8 in the models folder)", 0},
    CLI_OPTION_ALIGNED,
    {"look", KEY_LOOK, "NAME", 0, "Prepares this learned look, by name or a manifest's path; with --gallery", 0},
    {"gallery", CLI_KEY_GALLERY, "DIR", 0, "The gallery whose maps the look is measured on: 100 faces or more", 0},
    {"seed", KEY_SEED, "S", 0, "The same seed draws the same pairs of a gallery (default: 1)", 0},
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 1}, {0}};
static const struct argp parser = {
    options,
    parse,
    "PATH...\n--look NAME --gallery DIR",
    "Prepares a recogniser for --precision int8: measures the ranges of its activations on real faces (32 at least, "
    "some hundreds are good, 512 are used), and leaves out layers until 99.8 % of the faces keep a cosine of 0.999 "
    "to f32. No face is kept in the result, only their mean, by which int8 tests itself each time. A "
    "learned look (--look NAME:int8) is prepared on pairs of a gallery's maps: layers are left out until scores "
    "differ by 0.01 from f32's in the mean.\v"
    "Examples:\n"
    "  secondlook models quantise photos/\n"
    "  secondlook models quantise --model mobilefacenet-128 --aligned crops/\n"
    "  secondlook models quantise --look my-h2l --gallery lfw",
    children,
    0,
    0};

/* Takes the crop over. */
static sl_status keep(quantise_run *run, sl_image *crop, sl_error *err)
{
    if (run->count == run->capacity) {
        size_t larger = run->capacity ? 2 * run->capacity : 64;
        sl_image *crops = realloc(run->crops, larger * sizeof *crops);
        if (!crops) {
            sl_image_free(crop);
            *err = (sl_error){SL_ERR_MEMORY, "no memory for the crops"};
            return SL_ERR_MEMORY;
        }
        run->crops = crops;
        run->capacity = larger;
    }
    run->crops[run->count++] = *crop;
    return SL_OK;
}

/* A photo without a face has nothing to keep. */
static sl_status read_face(void *context, sl_session *session, const sl_photo *photo, void **made, sl_error *err)
{
    const quantise_run *run = context;
    cli_face *faces = NULL;
    size_t count = 0;
    sl_status status = cli_faces_of(session, photo, run->aligned, true, &faces, &count, err);
    *made = faces;
    return status;
}

static sl_status keep_face(void *context, const sl_photo *photo, void *made, sl_error *err)
{
    cli_face *face = made;
    (void)photo;
    if (!face)
        return SL_OK;
    sl_status status = keep(context, &face->crop, err);
    face->crop = (sl_image){0};
    cli_faces_free(face, 1);
    return status;
}

static int measure(quantise_run *run)
{
    sl_error err = {0};
    sl_int8_report r;
    const sl_engine_options *e = &run->models.engine;
    cli_progress_start("faces");
    const sl_quantise_options o = {.models_dir = e->models_dir, .model = e->model, .file = run->out,
                                   .threads = run->models.threads, .progress = cli_progress_step};
    sl_status status = sl_model_quantise(&o, run->crops, run->count, &r, &err);
    cli_progress_end();
    if (status)
        return cli_fail(NULL, &err);
    if (run->json)
        return cli_print_json(json_pack("{s:I,s:i,s:i,s:o,s:o,s:o}", "faces", (json_int_t)r.faces, "tensors", r.tensors,
                                        "int8", r.int8, "cosine_mean", cli_json_number(r.cosine_mean), "cosine_least",
                                        cli_json_number(r.cosine_least), "share", cli_json_number(r.share)));
    printf("%d of %d tensors in int8, measured on %zu faces; cosine to f32: mean %.5f, least %.5f, %.1f %% have "
           "0.999\n",
           r.int8, r.tensors, r.faces, r.cosine_mean, r.cosine_least, 100 * r.share);
    return CLI_OK;
}

int cmd_models_quantise(int argc, char **argv)
{
    quantise_run run = {.seed = 1};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    if (run.look) {
        const sl_look_quantise_options o = {.models_dir = run.models.engine.models_dir, .look = run.look,
                                            .file = run.out, .threads = run.models.threads, .seed = run.seed};
        return cli_quantise_look(&o, run.gallery_dir, run.json);
    }
    if (!run.models.engine.landmarks)
        run.models.engine.landmarks = "none";
    run.models.engine.precision = SL_COMPUTE_F32;
    if (run.out && cli_check_output(run.out, (const char *const *)run.paths.items, run.paths.count))
        return CLI_FAILED;
    cli_photo_loop loop = {.models = &run.models, .one = read_face, .finish = keep_face, .context = &run};
    int code = cli_each_photo(&run.paths, &loop);
    if (!code && (cli_interrupted || !run.count)) {
        cli_warn(cli_interrupted ? "interrupted" : "there is no face on any photo");
        code = cli_photos_code(CLI_OK, loop.failed, run.count);
    }
    if (!code)
        code = cli_photos_code(measure(&run), loop.failed, run.count);
    cli_photo_loop_free(&loop);
    for (size_t i = 0; i < run.count; i++)
        sl_image_free(&run.crops[i]);
    free(run.crops);
    free(run.paths.items);
    return code;
}
