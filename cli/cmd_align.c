/* secondlook align: faces cut out of photos as the crops that the recogniser sees. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"

typedef struct {
    cli_models models;
    cli_list paths;
    cli_outputs out;
    bool json, all_faces;
    json_t *crops;
    size_t faces;
} align_run;

enum { KEY_ALL_FACES = CLI_KEY_OWN };

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"output", 'o', "DIR", 0, "Where the crops go, as PNG (required)", 0},
    CLI_OPTION_REPLACE,
    {"all-faces", KEY_ALL_FACES, 0, 0, "Every face of a photo, not only the main one", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    align_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_ALL_FACES:
        run->all_faces = true;
        run->out.naming = CLI_NAMES_NUMBERED;
        return 0;
    case CLI_KEY_REPLACE: run->out.there = CLI_THERE_REPLACED; return 0;
    case 'o': run->out.dir = arg; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_END:
        if (!run->paths.count)
            argp_error(state, "an IMAGE or a folder is missing");
        if (!run->out.dir)
            argp_error(state, "-o DIR is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 2}, {0}};
static const struct argp parser = {
    options,
    parse,
    "IMAGE|DIR... -o DIR",
    "Cuts the main face out of each photo, turned and scaled to the recogniser's template. "
    "The tree below a folder is kept.\v"
    "Examples:\n"
    "  secondlook align photo.jpg -o crops\n"
    "  secondlook align --all-faces group.jpg -o crops\n"
    "  secondlook align lfw/ -o lfw-aligned && secondlook enroll --aligned --gallery lfw lfw-aligned\n\n"
    "Exit code 3 when there is no face on any photo.",
    children,
    0,
    0};

/* What was cut out of one photo, until its turn to be told. */
typedef struct {
    size_t count; /* 0: no face */
    struct {
        sl_box box;
        char *path;
    } crops[];
} cut_faces;

static void free_cut(cut_faces *cut)
{
    for (size_t i = 0; cut && i < cut->count; i++)
        free(cut->crops[i].path);
    free(cut);
}

/* Where a photo's face number `at` goes: "photo.png", the further ones "photo-2.png" and on. */
static char *path_of_face(const align_run *run, const sl_photo *photo, size_t at, sl_error *err)
{
    char ending[32] = ".png";
    if (at)
        snprintf(ending, sizeof ending, "-%zu.png", at + 1);
    return cli_output_of(&run->out, photo, NULL, ending, err);
}

static sl_status cut_face(const align_run *run, sl_session *session, const sl_photo *photo, const sl_image *image,
                          const sl_face *face, cut_faces *cut, sl_error *err)
{
    sl_image crop = {0};
    char *path = path_of_face(run, photo, cut->count, err);
    sl_status status = path ? sl_align(session, image, face, &crop, err) : err->status;
    if (!status)
        status = sl_image_write(path, &crop, err);
    sl_image_free(&crop);
    if (status)
        free(path);
    else {
        cut->crops[cut->count].box = face->box;
        cut->crops[cut->count++].path = path;
    }
    return status;
}

static sl_status align_photo(void *context, sl_session *session, const sl_photo *photo, void **made, sl_error *err)
{
    const align_run *run = context;
    sl_image image = {0};
    sl_face *faces = NULL;
    size_t count = 0;
    cut_faces *cut = NULL;
    char *first = path_of_face(run, photo, 0, err); /* before the work is done in vain */
    sl_status status = first ? sl_photo_read(session, photo, 0, &image, err) : err->status;
    free(first);
    if (!status)
        status = (run->all_faces ? sl_detect : sl_detect_main)(session, &image, &faces, &count, err);
    if (!status && !(cut = calloc(1, sizeof *cut + count * sizeof *cut->crops))) {
        *err = (sl_error){SL_ERR_MEMORY, "no memory"};
        status = err->status;
    }
    for (size_t i = 0; !status && i < count; i++)
        status = cut_face(run, session, photo, &image, &faces[i], cut, err);
    free(faces);
    sl_image_free(&image);
    if (status)
        free_cut(cut);
    else
        *made = cut;
    return status;
}

static sl_status tell_crops(void *context, const sl_photo *photo, void *made, sl_error *err)
{
    align_run *run = context;
    (void)err;
    cut_faces *cut = made;
    if (!cut->count)
        cli_warn("%s: no face found", photo->path);
    for (size_t i = 0; i < cut->count; i++) {
        if (run->json)
            json_array_append_new(run->crops, json_pack("{s:o,s:o,s:o}", "image", cli_json_text(photo->path), "box",
                                                        cli_json_box(&cut->crops[i].box), "crop",
                                                        cli_json_text(cut->crops[i].path)));
        else
            cli_say("%s", cut->crops[i].path);
    }
    run->faces += cut->count;
    free_cut(cut);
    return SL_OK;
}

int cmd_align(int argc, char **argv)
{
    align_run run = {.out.naming = CLI_NAMES_STEM, .crops = json_array()};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_photo_loop loop = {.models = &run.models,
                           .outputs = &run.out,
                           .one = align_photo,
                           .finish = tell_crops,
                           .context = &run};
    int code = cli_each_photo(&run.paths, &loop);
    if (!code && run.json) {
        json_t *document = json_pack("{s:O}", "crops", run.crops);
        cli_photos_json(document, &loop.found);
        code = cli_print_json(document);
    }
    code = cli_photos_code(code, loop.failed, run.faces);
    cli_outputs_free(&run.out);
    cli_photo_loop_free(&loop);
    json_decref(run.crops);
    free(run.paths.items);
    return code;
}
