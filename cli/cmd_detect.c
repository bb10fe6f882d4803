/* secondlook detect: the faces of photos, as text, JSON or boxes drawn on copies. */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"

typedef struct {
    cli_models models;
    cli_list paths;
    cli_outputs out; /* its dir NULL: no pictures */
    bool json;
    json_t *photos; /* the JSON result so far */
    size_t faces;
} detect_run;

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"output", 'o', "DIR", 0, "Write each picture there with its faces drawn", 0},
    CLI_OPTION_REPLACE,
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    detect_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_REPLACE: run->out.there = CLI_THERE_REPLACED; return 0;
    case 'o': run->out.dir = arg; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "an IMAGE or a folder is missing"); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 2}, {0}};
static const struct argp parser = {
    options,
    parse,
    "IMAGE|DIR...",
    "Finds the faces of photos: box, score, five points, quality, best score first. - is a photo on stdin.\v"
    "Examples:\n"
    "  secondlook detect photo.jpg\n"
    "  secondlook detect --json photos/ > faces.json\n"
    "  secondlook detect -o drawn photos/\n\n"
    "Exit code 3 when there is no face on any photo.",
    children,
    0,
    0};

static void dot(sl_image *image, int x, int y)
{
    static const uint8_t green[3] = {40, 220, 90};
    if (x >= 0 && y >= 0 && x < image->width && y < image->height)
        memcpy(image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x), green, 3);
}

static int clamp(float value, int limit)
{
    return value < -1 ? -1 : value > (float)limit ? limit : (int)(value + .5f);
}

static void draw_face(sl_image *image, const sl_face *face)
{
    int thick = 1 + (image->width + image->height) / 1000;
    int x0 = clamp(face->box.x0, image->width), x1 = clamp(face->box.x1, image->width);
    int y0 = clamp(face->box.y0, image->height), y1 = clamp(face->box.y1, image->height);
    for (int t = 0; t < thick; t++) {
        for (int x = x0; x <= x1; x++)
            dot(image, x, y0 + t), dot(image, x, y1 - t);
        for (int y = y0; y <= y1; y++)
            dot(image, x0 + t, y), dot(image, x1 - t, y);
    }
    for (int p = 0; p < 5; p++)
        for (int dy = -thick; dy <= thick; dy++)
            for (int dx = -thick; dx <= thick; dx++)
                dot(image, clamp(face->points[p].x, image->width) + dx,
                    clamp(face->points[p].y, image->height) + dy);
}

static json_t *points_json(const sl_point *points, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list,
                              json_pack("[o,o]", cli_json_number(points[i].x), cli_json_number(points[i].y)));
    return list;
}

static json_t *face_json(const sl_face *face)
{
    json_t *one = json_pack("{s:o,s:o,s:o,s:o,s:o,s:i}", "box", cli_json_box(&face->box), "score",
                            cli_json_number(face->score), "points", points_json(face->points, 5), "quality",
                            cli_json_quality(&face->quality), "upright", cli_json_number(face->upright), "turned",
                            face->turned);
    if (one && face->has_landmarks)
        json_object_set_new(one, "landmarks", points_json(face->landmarks, 68));
    return one;
}

/* The faces found on one photo, until its turn to be told. */
typedef struct {
    sl_face *faces;
    size_t count;
} found_faces;

static void print_faces(const sl_photo *photo, const found_faces *found)
{
    cli_print_name(stdout, photo->path, 0);
    printf(": %zu face%s\n", found->count, found->count == 1 ? "" : "s");
    for (size_t i = 0; i < found->count; i++) {
        const sl_face *f = &found->faces[i];
        printf("  %5.0f,%-5.0f %4.0f x %-4.0f  score %.3f  quality %.2f (size %.2f, sharpness %.2f, pose %.2f)",
               f->box.x0, f->box.y0, f->box.x1 - f->box.x0, f->box.y1 - f->box.y0, f->score, f->quality.overall,
               f->quality.size, f->quality.sharpness, f->quality.pose);
        if (f->turned)
            printf("  turned %d", f->turned);
        putchar('\n');
    }
}

static sl_status tell_faces(void *context, const sl_photo *photo, void *made, sl_error *err)
{
    detect_run *run = context;
    found_faces *found = made;
    if (run->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < found->count; i++)
            json_array_append_new(list, face_json(&found->faces[i]));
        json_array_append_new(run->photos, json_pack("{s:o,s:o,s:o*}", "image", cli_json_text(photo->path), "faces",
                                                     list, "warning", *err->text ? cli_json_text(err->text) : NULL));
    } else
        print_faces(photo, found);
    run->faces += found->count;
    free(found->faces);
    free(found);
    return SL_OK;
}

static sl_status detect_photo(void *context, sl_session *session, const sl_photo *photo, void **made, sl_error *err)
{
    const detect_run *run = context;
    char *path = NULL;
    sl_image image = {0};
    found_faces *found = calloc(1, sizeof *found);
    if (!found) {
        *err = (sl_error){SL_ERR_MEMORY, "no memory"};
        return err->status;
    }
    sl_status status = SL_OK;
    if (run->out.dir && !(path = cli_output_of(&run->out, photo, NULL, NULL, err)))
        status = err->status;
    if (!status)
        status = sl_photo_read(session, photo, 0, &image, err);
    if (!status)
        status = sl_detect(session, &image, &found->faces, &found->count, err);
    for (size_t i = 0; !status && path && i < found->count; i++)
        draw_face(&image, &found->faces[i]);
    if (!status && path)
        status = sl_image_write(path, &image, err);
    free(path);
    sl_image_free(&image);
    if (status) {
        free(found->faces);
        free(found);
        return status;
    }
    *made = found;
    return SL_OK;
}

int cmd_detect(int argc, char **argv)
{
    detect_run run = {.photos = json_array()};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_photo_loop loop = {.models = &run.models,
                           .no_bar = !run.json && !run.out.dir,
                           .outputs = run.out.dir ? &run.out : NULL,
                           .one = detect_photo,
                           .finish = tell_faces,
                           .context = &run};
    int code = cli_each_photo(&run.paths, &loop);
    if (!code && run.json) {
        json_t *document = json_pack("{s:O}", "photos", run.photos);
        cli_photos_json(document, &loop.found);
        code = cli_print_json(document);
    }
    code = cli_photos_code(code, loop.failed, run.faces);
    cli_outputs_free(&run.out);
    cli_photo_loop_free(&loop);
    json_decref(run.photos);
    free(run.paths.items);
    return code;
}
