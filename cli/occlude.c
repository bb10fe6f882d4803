/* secondlook occlude: masked, sunglassed and cropped copies of photos, for test queries. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"
#include "photos.h"
#include "progress.h"

enum { KEY_KIND = CLI_KEY_OWN, KEY_SEED };

typedef struct {
    cli_models models;
    cli_list paths;
    const char *out;
    int kind; /* an sl_occlusion, -1 until it was given */
    unsigned long long seed;
    bool json, aligned;
    sl_engine *engine;
    sl_session *session;
    json_t *failures;
    size_t written, without_face, failed;
} occlude_run;

static const char *const kinds[] = {"mask", "sunglasses", "crop", NULL};

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"kind", KEY_KIND, "KIND", 0, "mask, sunglasses or crop (required)", 0},
    {"output", 'o', "DIR", 0, "Where the pictures go, with the tree below each folder (required)", 0},
    {"seed", KEY_SEED, "N", 0, "The same seed gives the same pictures (default: 1)", 0},
    CLI_OPTION_ALIGNED,
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    occlude_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_ALIGNED: run->aligned = true; return 0;
    case KEY_KIND: run->kind = cli_parse_name(state, "--kind", arg, kinds); return 0;
    case KEY_SEED: run->seed = (unsigned long long)cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 'o': run->out = arg; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_END:
        if (run->kind < 0)
            argp_error(state, "--kind mask|sunglasses|crop is missing");
        if (!run->out)
            argp_error(state, "-o DIR is missing");
        if (!run->paths.count)
            argp_error(state, "an IMAGE or a folder is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 2}, {0}};
static const struct argp parser = {options,
                                   parse,
                                   "--kind KIND IMAGE|DIR... -o DIR",
                                   "Draws a surgical mask or sunglasses on the main face of each photo, or cuts a "
                                   "random 70 % square out of it and "
                                   "scales it back. Names and folders stay, so that the copies can be identified "
                                   "against the originals' gallery.\v"
                                   "Examples:\n"
                                   "  secondlook occlude --kind mask photos/ -o masked\n"
                                   "  secondlook occlude --kind crop --seed 7 photo.jpg -o cropped\n\n"
                                   "Masks and sunglasses need the 68 landmarks: apt-get install libdlib-data",
                                   children,
                                   0,
                                   0};

/* Every picture has its own seed, whatever else is in the run (FNV-1a of its id). */
static uint64_t seed_of(const occlude_run *run, const char *id)
{
    uint64_t hash = 0xcbf29ce484222325u ^ run->seed;
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 0x100000001b3u;
    return hash;
}

/* The main face's 68 points in the picture's pixels. */
static sl_status find_landmarks(const occlude_run *run, const sl_image *image, sl_point landmarks[68],
                                sl_error *err)
{
    if (run->aligned)
        return sl_landmarks_of_crop(run->session, image, landmarks, err);
    sl_face *faces = NULL;
    size_t count = 0;
    sl_status status = sl_detect(run->session, image, &faces, &count, err);
    if (status)
        return status;
    const sl_face *face = count ? &faces[sl_main_face(image, faces, count)] : NULL;
    if (!face) {
        err->status = SL_ERR_NO_FACE;
        snprintf(err->text, sizeof err->text, "no face found");
    } else if (!face->has_landmarks) {
        err->status = SL_ERR_UNSUPPORTED;
        snprintf(err->text, sizeof err->text, "there is no landmark model: apt-get install libdlib-data");
    } else {
        memcpy(landmarks, face->landmarks, 68 * sizeof *landmarks);
    }
    status = !face ? SL_ERR_NO_FACE : face->has_landmarks ? SL_OK : SL_ERR_UNSUPPORTED;
    free(faces);
    return status;
}

static sl_status occlude_photo(const occlude_run *run, const sl_photo *photo, sl_error *err)
{
    sl_image image = {0}, occluded = {0};
    sl_point landmarks[68];
    bool needs_points = run->kind != SL_OCCLUDE_CROP;
    char *path = NULL;
    sl_status status = sl_image_read(photo->path, &image, err);
    if (!status && needs_points)
        status = find_landmarks(run, &image, landmarks, err);
    if (!status)
        status = sl_occlude(&image, needs_points ? landmarks : NULL, (sl_occlusion)run->kind,
                            seed_of(run, photo->image), &occluded, err);
    if (!status) {
        path = cli_output_path(run->out, photo->image, NULL, photo->path, err);
        status = path ? sl_image_write(path, &occluded, err) : err->status;
    }
    free(path);
    sl_image_free(&occluded);
    sl_image_free(&image);
    return status;
}

static void count_failure(occlude_run *run, const sl_photo *photo, const sl_error *err)
{
    cli_fail(photo->path, err);
    run->failed++;
    run->without_face += err->status == SL_ERR_NO_FACE;
    json_array_append_new(run->failures, json_pack("{s:o,s:o}", "image", cli_json_text(photo->path), "reason",
                                                   cli_json_text(err->text)));
}

static int occlude_all(occlude_run *run, const sl_photo *photos, size_t count)
{
    cli_progress_start("photos");
    for (size_t i = 0; i < count && !cli_progress_step(NULL, i, count); i++) {
        sl_error err = {0};
        if (occlude_photo(run, &photos[i], &err))
            count_failure(run, &photos[i], &err);
        else
            run->written++;
    }
    cli_progress_end();
    int code = CLI_OK;
    if (run->json)
        code = cli_print_json(json_pack("{s:s,s:I,s:O}", "kind", kinds[run->kind], "written",
                                        (json_int_t)run->written, "failures", run->failures));
    else
        printf("%zu picture%s written to %s, %zu failed\n", run->written, run->written == 1 ? "" : "s", run->out,
               run->failed);
    if (cli_interrupted)
        return CLI_INTERRUPTED;
    if (run->failed)
        return !run->written && run->without_face == run->failed ? CLI_NO_FACE : CLI_FAILED;
    return code;
}

int cmd_occlude(int argc, char **argv)
{
    occlude_run run = {.kind = -1, .seed = 1, .failures = json_array()};
    sl_photo *photos = NULL;
    size_t count = 0;
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    int code = cli_photos_of(&run.paths, &photos, &count);
    if (!code && run.kind != SL_OCCLUDE_CROP) /* a crop needs no face and no networks */
        code = cli_open(&run.models, &run.engine, &run.session);
    if (!code)
        code = occlude_all(&run, photos, count);
    sl_session_close(run.session);
    sl_engine_close(run.engine);
    sl_photos_free(photos, count);
    json_decref(run.failures);
    free(run.paths.items);
    return code;
}
