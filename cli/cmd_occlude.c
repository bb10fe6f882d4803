/* secondlook occlude: copies of photos with something before the face, or cut: query sets for tests. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"
#include "secondlook_draw.h"

enum { KEY_KIND = CLI_KEY_OWN, KEY_SEED, KEY_STAGE, KEY_STYLE, KEY_SKIP, KEY_FAILURES };

static const char *const kind_names[] = {"mask", "sunglasses", "crop", "scarf", "block", "wrap", "hood",
                                         "beard", "helmet", "hair", "side", "hand", "glasses", NULL};
enum { KINDS = sizeof kind_names / sizeof *kind_names - 1 };

/* What is drawn on: the photo, the crop that is cut out of it first, the picture that is a crop already. */
typedef enum { ON_PHOTO, ON_ALIGNED, ON_CROP_GIVEN, STAGE_UNSET } occlude_stage;
static const char *const stage_names[] = {"photo", "aligned", NULL};

typedef struct {
    cli_models models;
    cli_list paths;
    cli_outputs out;
    const char *style, *failures_file;
    bool kinds[KINDS];
    int kind_count;
    occlude_stage stage;
    unsigned long long seed;
    bool json, aligned;
    size_t written, skipped; /* pictures; changed by all workers */
} occlude_run;

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"kind", KEY_KIND, "KIND,...", 0,
     "mask, sunglasses, crop, scarf, block, wrap (any cloth over the lower face), hood, beard, helmet, hair, side "
     "(something before one side), hand, glasses (required); of several, each goes to a folder of its name below DIR",
     0},
    {"output", 'o', "DIR", 0, "Where the pictures go, with the tree below each folder (required)", 0},
    {"stage", KEY_STAGE, "photo|aligned", 0,
     "Draw on the whole photo (the default), or on the face cut out of it first, as 'align' would (the copies are "
     "crops, for --aligned)",
     0},
    CLI_OPTION_ALIGNED,
    {"style", KEY_STYLE, "NAME", 0,
     "mask: surgical-blue, surgical-white, surgical-black, n95, cloth, patterned, below-nose; sunglasses: wayfarer "
     "(the default), classic, aviator, round; scarf, block: stripes, dots, checks, plaid, plain; wrap, hood, side: "
     "plain, patterned, picture (cut out of its sides); beard, hair: dark, light; helmet: shell, cloth; hand: mouth, "
     "cheek; glasses: clear, tinted, mirrored; all: any, by the seed",
     0},
    {"seed", KEY_SEED, "N", 0, "The same seed gives the same pictures (default: 1)", 0},
    CLI_OPTION_REPLACE,
    {"skip-existing", KEY_SKIP, 0, 0, "Keep the pictures that are there: go on with an interrupted run", 0},
    {"failures", KEY_FAILURES, "FILE", 0, "Write the photos that failed there, a line each: path, tab, reason", 0},
    {0},
};

static void parse_kinds(struct argp_state *state, occlude_run *run, char *list)
{
    memset(run->kinds, 0, sizeof run->kinds);
    run->kind_count = 0;
    for (char *name; (name = strsep(&list, ",")) != NULL;) {
        bool *kind = &run->kinds[cli_parse_name(state, "--kind", name, kind_names)];
        run->kind_count += !*kind;
        *kind = true;
    }
}

/* A style must be one of every kind that is drawn. */
static void check_style(struct argp_state *state, const occlude_run *run)
{
    for (int k = 0; run->style && k < KINDS; k++) {
        if (!run->kinds[k] || k == SL_OCCLUDE_CROP)
            continue;
        const char *const *name = sl_occlusion_styles((sl_occlusion)k);
        while (*name && strcmp(*name, run->style))
            name++;
        if (!*name)
            cli_usage(state, "--style '%s' is not a style of %s: see --help", run->style, kind_names[k]);
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    occlude_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_ALIGNED: run->aligned = true; return 0;
    case KEY_KIND: parse_kinds(state, run, arg); return 0;
    case KEY_STAGE: run->stage = (occlude_stage)cli_parse_name(state, "--stage", arg, stage_names); return 0;
    case KEY_STYLE: run->style = arg; return 0;
    case KEY_SKIP: run->out.there = CLI_THERE_KEPT; return 0;
    case CLI_KEY_REPLACE: run->out.there = CLI_THERE_REPLACED; return 0;
    case KEY_FAILURES: run->failures_file = arg; return 0;
    case KEY_SEED: run->seed = (unsigned long long)cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case 'o': run->out.dir = arg; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_END:
        if (!run->kind_count)
            argp_error(state, "--kind mask|sunglasses|hood|... is missing");
        if (!run->out.dir)
            argp_error(state, "-o DIR is missing");
        if (!run->paths.count)
            argp_error(state, "an IMAGE or a folder is missing");
        if (run->aligned && run->stage != STAGE_UNSET)
            argp_error(state, "--aligned says that the pictures are crops already: --stage does not go with it");
        if (run->stage == STAGE_UNSET)
            run->stage = run->aligned ? ON_CROP_GIVEN : ON_PHOTO;
        run->out.naming = run->stage == ON_ALIGNED ? CLI_NAMES_STEM : CLI_NAMES_WHOLE;
        check_style(state, run);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 2}, {0}};
static const struct argp parser = {
    options,
    parse,
    "--kind KIND,... IMAGE|DIR... -o DIR",
    "Draws a mask, sunglasses, a hood or what else people wear on the main face of each photo, or cuts a random 70 % "
    "square out of it and scales it back. Names and folders stay, so that the copies can be identified against the "
    "originals' gallery.\v"
    "Examples:\n"
    "  secondlook occlude --kind mask photos/ -o masked\n"
    "  secondlook occlude --kind mask,sunglasses,crop --stage aligned lfw/ -o queries\n"
    "  secondlook occlude --kind beard,hood,helmet photos/ -o dressed\n"
    "  secondlook occlude --kind sunglasses --style aviator --seed 7 photo.jpg -o out\n\n"
    "A picture depends on the seed and its id alone, whatever else is in the run. What is drawn needs the 68 "
    "landmarks: apt-get install libdlib-data\n"
    "Exit code 3 when no face was found on any photo.",
    children,
    0,
    0};

/* One photo on its way: the picture that is drawn on, and the points of its face once they were asked for. */
typedef struct {
    const occlude_run *run;
    sl_session *session;
    sl_image picture;
    sl_face face;
    sl_point landmarks[68];
} canvas;

static sl_status fail(sl_error *err, sl_status status, const char *text)
{
    err->status = status;
    snprintf(err->text, sizeof err->text, "%s", text);
    return status;
}

static sl_status open_canvas(canvas *c, const sl_photo *photo, sl_error *err)
{
    sl_image whole = {0};
    sl_status status = sl_photo_read(c->session, photo, 0, &whole, err);
    if (status || c->run->stage != ON_ALIGNED) {
        c->picture = whole;
        return status;
    }
    status = cli_find_face(c->session, &whole, &c->face, err);
    if (!status)
        status = sl_align(c->session, &whole, &c->face, &c->picture, err);
    sl_image_free(&whole);
    return status;
}

/* The main face's 68 points in the canvas's pixels. */
static sl_status find_landmarks(canvas *c, sl_error *err)
{
    if (c->run->stage != ON_PHOTO)
        return sl_landmarks_of_crop(c->session, &c->picture, c->landmarks, err);
    sl_status status = cli_find_face(c->session, &c->picture, &c->face, err);
    if (status)
        return status;
    if (!c->face.has_landmarks)
        return fail(err, SL_ERR_UNSUPPORTED, "there is no landmark model: apt-get install libdlib-data");
    memcpy(c->landmarks, c->face.landmarks, sizeof c->landmarks);
    return SL_OK;
}

/* Where the picture of this kind goes; NULL and the reason in err when it cannot be. */
static char *path_of(const occlude_run *run, const sl_photo *photo, int kind, sl_error *err)
{
    return cli_output_of(&run->out, photo, run->kind_count > 1 ? kind_names[kind] : NULL,
                         run->stage == ON_ALIGNED ? ".png" : NULL, err);
}

/* The paths of the pictures that are to be made; NULL where a kind is not asked for or is there already. */
static sl_status wanted_paths(occlude_run *run, const sl_photo *photo, char *paths[KINDS], size_t *count, sl_error *err)
{
    struct stat st;
    *count = 0;
    for (int k = 0; k < KINDS; k++) {
        if (!run->kinds[k])
            continue;
        if (!(paths[k] = path_of(run, photo, k, err)))
            return err->status;
        if (run->out.there == CLI_THERE_KEPT && !stat(paths[k], &st)) {
            free(paths[k]);
            paths[k] = NULL;
            __atomic_fetch_add(&run->skipped, 1, __ATOMIC_RELAXED);
        }
        *count += paths[k] != NULL;
    }
    return SL_OK;
}

static sl_status draw(canvas *c, int kind, uint64_t seed, const char *path, sl_error *err)
{
    sl_image out = {0};
    const char *style = kind == SL_OCCLUDE_CROP ? NULL : c->run->style;
    sl_status status = sl_occlude(&c->picture, c->landmarks, (sl_occlusion)kind, style, seed, &out, err);
    if (!status)
        status = sl_image_write(path, &out, err);
    sl_image_free(&out);
    return status;
}

/* A crop needs no landmarks: it is made even where they are not found. */
static sl_status draw_all(occlude_run *run, canvas *c, const sl_photo *photo, char *paths[KINDS], sl_error *err)
{
    uint64_t seed = cli_seed_of(run->seed, photo->image);
    sl_error no_points = {0};
    bool found = false;
    for (int k = 0; k < KINDS; k++) {
        if (!paths[k] || (k != SL_OCCLUDE_CROP && no_points.status))
            continue;
        if (k != SL_OCCLUDE_CROP && !found && find_landmarks(c, &no_points))
            continue;
        found |= k != SL_OCCLUDE_CROP;
        sl_status status = draw(c, k, seed, paths[k], err);
        if (status)
            return status;
        __atomic_fetch_add(&run->written, 1, __ATOMIC_RELAXED);
    }
    if (no_points.status)
        *err = no_points;
    return no_points.status;
}

static sl_status occlude_photo(void *context, sl_session *session, const sl_photo *photo, void **made,
                               sl_error *err)
{
    occlude_run *run = context;
    (void)made;
    canvas c = {.run = run, .session = session};
    char *paths[KINDS] = {NULL};
    size_t wanted;
    sl_status status = wanted_paths(run, photo, paths, &wanted, err);
    if (!status && wanted)
        status = open_canvas(&c, photo, err);
    if (!status && wanted)
        status = draw_all(run, &c, photo, paths, err);
    for (int k = 0; k < KINDS; k++)
        free(paths[k]);
    sl_image_free(&c.picture);
    return status;
}

static int write_failures(const occlude_run *run, const json_t *failures)
{
    const char *path = run->failures_file;
    size_t i;
    const json_t *one;
    if (cli_outputs_reads(&run->out, path)) {
        cli_warn("%s: is one of the photos, so the list of failures is not written there", path);
        return CLI_FAILED;
    }
    FILE *file = fopen(path, "w");
    bool good = file != NULL;
    json_array_foreach(failures, i, one) {
        if (!file)
            break;
        cli_print_name(file, json_string_value(json_object_get(one, "image")), 0);
        putc('\t', file);
        cli_print_name(file, json_string_value(json_object_get(one, "reason")), 0);
        putc('\n', file);
    }
    if (file && (ferror(file) | fclose(file)))
        good = false;
    if (!good)
        cli_warn("%s: the list of failures cannot be written", path);
    return good ? CLI_OK : CLI_FAILED;
}

static int tell_result(const occlude_run *run, const cli_photo_loop *loop)
{
    if (run->json) {
        json_t *made = json_array();
        for (int k = 0; k < KINDS; k++)
            if (run->kinds[k])
                json_array_append_new(made, json_string(kind_names[k]));
        json_t *document = json_pack("{s:o,s:I,s:I,s:O}", "kinds", made, "written", (json_int_t)run->written,
                                     "skipped", (json_int_t)run->skipped, "failures", loop->failures);
        cli_photos_json(document, &loop->found);
        return cli_print_json(document);
    }
    char there[64] = "";
    if (run->out.there == CLI_THERE_KEPT)
        snprintf(there, sizeof there, ", %zu there already", run->skipped);
    const size_t failed = json_array_size(loop->failures);
    cli_say("%zu picture%s written to %s%s, %zu photo%s failed", run->written, run->written == 1 ? "" : "s",
            run->out.dir, there, failed, failed == 1 ? "" : "s");
    return CLI_OK;
}

int cmd_occlude(int argc, char **argv)
{
    occlude_run run = {.stage = STAGE_UNSET, .seed = 1};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    bool only_cut = run.stage != ON_ALIGNED && run.kinds[SL_OCCLUDE_CROP] && run.kind_count == 1;
    cli_photo_loop loop = {.models = &run.models,
                           .no_networks = only_cut, /* a crop needs no face */
                           .outputs = &run.out,
                           .one = occlude_photo,
                           .context = &run};
    int code = cli_each_photo(&run.paths, &loop);
    if (!code)
        code = tell_result(&run, &loop);
    if (!code && run.failures_file)
        code = write_failures(&run, loop.failures);
    code = cli_photos_code(code, loop.failed - loop.without_face, loop.done);
    cli_outputs_free(&run.out);
    cli_photo_loop_free(&loop);
    free(run.paths.items);
    return code;
}
