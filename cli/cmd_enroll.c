/* secondlook enroll: photos of known people into a gallery. */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/gallery_model.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"
#include "remote/remote.h"

typedef struct {
    cli_models models;
    cli_list paths;
    const char *gallery, *labels, *root;
    cli_photo_rules rules;
    cli_photos found;
    sl_enroll_options enroll;
    sl_patch_format patches;
    bool patches_given;
    bool json, verbose;
    json_t *refused, *conflicts, *same_photo, *several_faces, *warnings; /* of the JSON result */
    size_t notes; /* told so far */
    sl_enroll_report report;
} enroll_run;

enum {
    KEY_GALLERY = CLI_KEY_OWN,
    KEY_LABELS,
    KEY_ROOT,
    KEY_LMK,
    KEY_LABEL,
    KEY_LABEL_LEVEL,
    KEY_LABEL_PATTERN,
    KEY_ID,
    KEY_ALL_FACES,
    KEY_KEEP_CROPS,
    KEY_MIN_QUALITY,
    KEY_NO_GATE,
    KEY_PATCHES,
    KEY_ONE_FACE,
    KEY_REPLACE
};

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"gallery", KEY_GALLERY, "DIR", 0, "The gallery, created when it is not there (required); or one in PostgreSQL, "
     "postgres://HOST/DATABASE?gallery=NAME; or a server's, https://HOST/v1/galleries/NAME, with the key in the "
     "environment variable SECONDLOOK_KEY", 0},
    {"labels", KEY_LABELS, "FILE", 0, "Photos and people from a list of 'path,label' lines", 0},
    {"root", KEY_ROOT, "DIR", 0, "The paths in the list of --labels are relative to DIR (default: the list's "
     "folder)", 0},
    {"label", KEY_LABEL, "NAME", 0, "All PATHs show this person", 0},
    {"label-level", KEY_LABEL_LEVEL, "N", 0, "The person is the N-th folder below PATH (default: 1, the first)", 0},
    {"label-pattern", KEY_LABEL_PATTERN, "REGEX", 0,
     "The person is the (group) of this POSIX extended regular expression in the photo's path below PATH, such as "
     "'([^/]+)_[0-9]+\\.jpg$'", 0},
    {"id", KEY_ID, "ID", 0, "The id of the one photo given (default: its file's name); '-' needs one", 0},
    CLI_OPTION_ALIGNED,
    {"lmk", KEY_LMK, "DIR", 0, "With --aligned: the landmarks of each crop, from DIR/ID.json or DIR/NAME.json (the "
     "dissertation's LMK files, in the crop's pixels)", 0},
    {"all-faces", KEY_ALL_FACES, 0, 0, "Every face of a photo, not only the main one", 0},
    {"one-face", KEY_ONE_FACE, 0, 0,
     "Refuse photos with several faces that are about as large (a box of at least half the main face's area), which "
     "else are only listed", 0},
    {"replace", KEY_REPLACE, 0, 0,
     "Where another picture, or another person, is enrolled by a photo's id: this photo takes its place", 0},
    {"keep-crops", KEY_KEEP_CROPS, 0, 0, "Keep the aligned crops, for pictures that explain", 0},
    {"min-quality", KEY_MIN_QUALITY, "Q", 0, "Refuse faces of lower quality, 0 to 1 (default: 0.05)", 0},
    {"no-quality-gate", KEY_NO_GATE, 0, 0, "Refuse no face for its quality", 0},
    {"patches", KEY_PATCHES, "compact|int8|f32|none", 0,
     "What a new gallery stores for second looks: what each cell gives to the embedding, in 4 bits (compact; the "
     "default where the model's head is linear and it has statistics per cell), the whole patch map (int8, the default "
     "for other models, or f32), which --feature map needs and takes three times the room, or nothing", 0},
    {"verbose", 'v', 0, 0, "List all that is to be told of photos, not only the first twenty", 0},
    {0},
};

static void check_rules(struct argp_state *state, const enroll_run *run)
{
    const sl_photos_options *o = &run->rules.people;
    bool any = o->label || o->label_level || o->label_pattern || run->rules.id;
    if ((any && run->labels) || (o->label && !*o->label))
        argp_error(state, "--label takes a person's name and, as --label-level, --label-pattern and --id, needs PATHs");
    if ((o->label != NULL) + (o->label_level > 0) + (o->label_pattern != NULL) > 1)
        argp_error(state, "--label, --label-level and --label-pattern exclude each other");
    if (run->rules.id && (run->paths.count != 1 || !*run->rules.id))
        argp_error(state, "--id names one photo: give one PATH, a file or -");
    for (size_t i = 0; i < run->paths.count; i++)
        if (!strcmp(run->paths.items[i], "-") && !(o->label && run->rules.id))
            argp_error(state, "- (stdin) has no name: give --label NAME and --id ID beside it");
}

/* What a server can be asked for. */
static void check_remote(struct argp_state *state, const enroll_run *run)
{
    const sl_enroll_options ours = sl_enroll_defaults();
    cli_remote_check_models(state, &run->models);
    if (run->patches_given || run->enroll.lmk || run->enroll.keep_crops || run->enroll.all_faces ||
        run->enroll.min_quality < ours.min_quality || run->enroll.min_quality > ours.min_quality)
        argp_error(state, "the gallery is a server's, which decides on --patches, --keep-crops, --lmk and "
                   "--min-quality itself, and takes a photo's main face");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    enroll_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_GALLERY: run->gallery = arg; return 0;
    case KEY_LABELS: run->labels = arg; return 0;
    case KEY_ROOT: run->root = arg; return 0;
    case KEY_LMK: run->enroll.lmk = arg; return 0;
    case KEY_LABEL: run->rules.people.label = arg; return 0;
    case KEY_LABEL_LEVEL:
        run->rules.people.label_level = (int)cli_parse_int(state, "--label-level", arg, 1, 64);
        return 0;
    case KEY_LABEL_PATTERN: run->rules.people.label_pattern = arg; return 0;
    case KEY_ID: run->rules.id = arg; return 0;
    case CLI_KEY_ALIGNED: run->enroll.aligned = 1; return 0;
    case KEY_ALL_FACES: run->enroll.all_faces = 1; return 0;
    case KEY_KEEP_CROPS: run->enroll.keep_crops = 1; return 0;
    case KEY_MIN_QUALITY:
        run->enroll.min_quality = (float)cli_parse_real(state, "--min-quality", arg, 0, 1);
        return 0;
    case KEY_NO_GATE: run->enroll.min_quality = -1; return 0;
    case KEY_PATCHES:
        run->patches = cli_parse_patches(state, arg);
        run->patches_given = true;
        return 0;
    case KEY_ONE_FACE: run->enroll.one_face = 1; return 0;
    case KEY_REPLACE: run->enroll.replace = 1; return 0;
    case 'v': run->verbose = true; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_END:
        if (!run->gallery)
            argp_error(state, "--gallery DIR is missing");
        if (!run->paths.count && !run->labels)
            argp_error(state, "a PATH with photos, or --labels FILE, is missing");
        if (run->paths.count && run->labels)
            argp_error(state, "--labels FILE names the photos itself: give no PATH beside it");
        if (run->root && (!run->labels || !*run->root))
            argp_error(state, "--root takes the folder that the paths of --labels FILE are relative to");
        if (run->enroll.lmk && (!run->enroll.aligned || !*run->enroll.lmk))
            argp_error(state, "--lmk takes the folder of landmarks that belong to crops: give --aligned beside it");
        check_rules(state, run);
        if (cli_is_remote(run->gallery))
            check_remote(state, run);
        if (run->enroll.aligned && (run->enroll.all_faces || run->enroll.one_face))
            argp_error(state, "--aligned pictures hold one face each: --all-faces and --one-face do not apply");
        if (run->enroll.all_faces && run->enroll.one_face)
            argp_error(state, "--all-faces and --one-face exclude each other");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 2}, {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR PATH...",
    "Puts photos of known people into a gallery. PATH is a folder with a folder of photos per person, or a photo "
    "that is named after the person; - is a photo on stdin. What is enrolled already, by its id and by its content, is "
    "left alone, so that a run can be repeated and an interrupted one continued.\v"
    "Examples:\n"
    "  secondlook enroll --gallery staff photos/\n"
    "  secondlook enroll --gallery staff --label 'Ada Lovelace' ada1.jpg ada2.jpg\n"
    "  secondlook enroll --gallery staff --labels list.csv --keep-crops\n"
    "  secondlook enroll --gallery lfw --aligned --labels data_files/full/lfw_128.txt --root data\n"
    "  secondlook enroll --gallery staff --label 'Ada Lovelace' --id 2026-11-28.jpg - < camera.jpg\n"
    "  secondlook enroll --gallery sets --label-level 2 sets/       (sets/2024/Ada/1.jpg is Ada)\n"
    "  secondlook enroll --gallery lfw --aligned lfw-crops/ --json\n\n"
    "Photos that are not enrolled are listed and passed over. Exit code 1 when one was unreadable, or its id was "
    "another picture's; 0 when all others are enrolled, were so already, show no face or are of low quality; 3 when no "
    "photo had a face.",
    children,
    0,
    0};

/* ------------------------------------------------------------------ which photos */

/* Photos directly in a folder are people of one photo each, which is seldom meant. */
static void tell_flat(const enroll_run *run)
{
    if (run->found.flat && !run->rules.people.label && !run->rules.people.label_pattern)
        cli_warn("%s holds no folders: its photos are taken for %zu people of one photo each, named after the files. "
                 "Did you mean --label NAME?", run->found.flat, run->found.flat_count);
}

static int collect(enroll_run *run)
{
    sl_error err = {0};
    if (!run->labels) {
        int code = cli_photos_of(&run->paths, &run->rules, &run->found);
        if (!code)
            tell_flat(run);
        return code;
    }
    run->found = (cli_photos){.passed_over = json_array(), .not_pictures = json_object()};
    if (sl_photos_in_list_below(run->labels, run->root, &run->found.photos, &run->found.count, &err))
        return cli_fail(run->labels, &err);
    if (run->found.count)
        return CLI_OK;
    cli_warn("%s: lists no photos", run->labels);
    return CLI_FAILED;
}

/* ------------------------------------------------------------------ the run and its summary */

/* An entry of one of the JSON result's lists, to which the caller adds. */
static json_t *list_photo(json_t *list, const sl_photo *photo)
{
    json_t *one = json_pack("{s:o,s:o}", "image", cli_json_text(photo->image), "label", cli_json_text(photo->label));
    json_array_append_new(list, one);
    return one;
}

static void add_text(json_t *one, const char *key, const char *text)
{
    json_object_set_new(one, key, cli_json_text(text));
}

static void list_note(const enroll_run *run, const sl_enroll_note *n)
{
    json_t *one;
    switch (n->event) {
    case SL_ENROLL_REFUSED:
        one = list_photo(run->refused, n->photo);
        add_text(one, "status", sl_status_name(n->why.status));
        add_text(one, "reason", n->why.text);
        break;
    case SL_ENROLL_CONFLICT:
        one = list_photo(run->conflicts, n->photo);
        add_text(one, "file", n->photo->path);
        add_text(one, "enrolled_label", n->other_label);
        add_text(one, "reason", n->why.text);
        break;
    case SL_ENROLL_DUPLICATE:
    case SL_ENROLL_SAME_PHOTO:
        one = list_photo(run->same_photo, n->photo);
        add_text(one, "other_image", n->other_image);
        add_text(one, "other_label", n->other_label);
        json_object_set_new(one, "enrolled", json_boolean(n->event == SL_ENROLL_SAME_PHOTO));
        break;
    case SL_ENROLL_WARNING: add_text(list_photo(run->warnings, n->photo), "warning", n->why.text); break;
    case SL_ENROLL_SEVERAL_FACES: break;
    }
    if (!n->faces)
        return;
    one = list_photo(run->several_faces, n->photo);
    json_object_set_new(one, "faces", json_integer(n->faces));
    const bool enrolled = n->event == SL_ENROLL_SEVERAL_FACES;
    json_object_set_new(one, "box", enrolled ? cli_json_box(&n->box) : json_null());
    json_object_set_new(one, "enrolled", json_boolean(enrolled));
}

static void told(void *context, const sl_enroll_note *note)
{
    enum { MOST = 20 };
    enroll_run *run = context;
    list_note(run, note);
    run->notes++;
    if (run->verbose || run->notes <= MOST)
        cli_warn("%s%s", note->event == SL_ENROLL_REFUSED ? "refused " : "", note->why.text);
    else if (run->notes == MOST + 1)
        cli_warn("further photos are only counted; -v lists them all");
}

static int on_progress(void *context, size_t done, size_t total)
{
    const enroll_run *run = context;
    char kept[40];
    snprintf(kept, sizeof kept, "%zu kept", run->report.committed);
    cli_progress_tail(kept);
    return cli_progress_step(NULL, done, total);
}

/* ------------------------------------------------------------------ the summary */

/* error: of a run that ended early, else NULL. */
static json_t *summary_json(const enroll_run *run, const sl_engine *engine, const sl_gallery_info *info,
                            const sl_error *error)
{
    double rate = run->report.seconds > 0 ? (double)run->report.photos / run->report.seconds : 0;
    const sl_enroll_report *r = &run->report;
    const struct {
        const char *name;
        size_t count;
    } counts[] = {{"photos", r->photos}, {"enrolled", r->enrolled}, {"committed", r->committed},
                  {"existing", r->existing}, {"existing_by_id_alone", r->by_id_alone}, {"replaced", r->replaced},
                  {"duplicates", r->duplicates}, {"no_face", r->no_face}, {"low_quality", r->low_quality},
                  {"crowded", r->crowded}, {"unreadable", r->unreadable}, {"unstorable", r->unstorable},
                  {"faces", info->faces}, {"people", info->labels}};
    json_t *document = json_pack("{s:o,s:s}", "gallery", cli_json_text(run->gallery), "model",
                                 sl_engine_model(engine)->name);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(document, counts[i].name, json_integer((json_int_t)counts[i].count));
    json_object_set_new(document, "bytes", json_integer((json_int_t)info->bytes));
    json_object_set_new(document, "seconds", cli_json_number(r->seconds));
    json_object_set_new(document, "photos_per_s", cli_json_number(rate));
    json_object_set(document, "refused", run->refused);
    json_object_set(document, "conflicts", run->conflicts);
    json_object_set(document, "same_photo", run->same_photo);
    json_object_set(document, "several_faces", run->several_faces);
    json_object_set(document, "warnings", run->warnings);
    cli_photos_json(document, &run->found);
    if (error)
        add_text(document, "error", error->text);
    return document;
}

static void print_count(size_t count, const char *what)
{
    if (count)
        printf("  %zu %s\n", count, what);
}

static void print_counts(const enroll_run *run)
{
    const sl_enroll_report *r = &run->report;
    char gate[100];
    snprintf(gate, sizeof gate, "refused: quality below %g (--min-quality, --no-quality-gate)",
             run->enroll.min_quality);
    if (r->committed != r->enrolled)
        printf("  only %zu of them are safe\n", r->committed);
    print_count(r->replaced, "took the place of what was enrolled by their id");
    print_count(r->existing, "were enrolled already");
    print_count(r->duplicates, "are the same photo as another of the same person: not enrolled again");
    print_count(r->conflicts, "not enrolled: their id is another picture's or another person's (--replace)");
    print_count(r->no_face, "refused: no face found");
    print_count(r->low_quality, gate);
    print_count(r->crowded, "refused: several faces about as large (--one-face)");
    print_count(r->unreadable, "refused: not readable as a picture");
    print_count(r->unstorable, "refused: cannot be stored");
    print_count(r->same_photo, "enrolled, but the same photo is another person's too");
    print_count(r->several_faces, "enrolled, but other faces on the photo are about as large (--one-face)");
}

static int print_summary(const enroll_run *run, const sl_engine *engine, const sl_gallery *gallery,
                         const sl_error *error)
{
    const sl_enroll_report *r = &run->report;
    sl_gallery_info info;
    char size[32];
    double rate = r->seconds > 0 ? (double)r->photos / r->seconds : 0;
    sl_gallery_get_info(gallery, &info);
    if (r->by_id_alone)
        cli_warn("%zu photos are known by their id alone: what was enrolled by them has no hash of its photo. 'gallery "
                 "compact' makes an older gallery one that keeps hashes, of faces that are enrolled afterwards; enroll "
                 "--replace then enrols these photos anew", r->by_id_alone);
    if (run->json)
        return cli_print_json(summary_json(run, engine, &info, error));
    printf("enrolled %zu face%s from %zu photo%s in %.1f s (%.1f photos/s)\n", r->enrolled,
           r->enrolled == 1 ? "" : "s", r->photos, r->photos == 1 ? "" : "s", r->seconds, rate);
    print_counts(run);
    cli_say("%s: %zu faces of %zu people, %s, model %s", run->gallery, info.faces, info.labels,
            cli_bytes_text(info.bytes, size), info.model);
    return CLI_OK;
}

/* No face and low quality are answers about a photo; what could not be done with one is a failure. */
static int summary_code(const enroll_run *run)
{
    const sl_enroll_report *r = &run->report;
    if (run->found.failed || r->unreadable || r->unstorable || r->conflicts || r->crowded)
        return CLI_FAILED;
    if (r->enrolled || r->existing || r->duplicates)
        return CLI_OK;
    return r->no_face && r->no_face == r->photos ? CLI_NO_FACE : CLI_FAILED;
}

/* Compact patches unless told otherwise, and the map for models that cannot have them. */
static sl_status open_gallery(const enroll_run *run, const sl_engine *engine, sl_gallery **out, sl_error *err)
{
    sl_gallery_options made = {.engine = engine, .patches = run->patches};
    sl_status status = sl_gallery_open(run->gallery, SL_GALLERY_CREATE, &made, out, err);
    if (run->patches_given || (status != SL_ERR_UNSUPPORTED && status != SL_ERR_NOT_FOUND))
        return status;
    made.patches = SL_PATCHES_INT8;
    return sl_gallery_open(run->gallery, SL_GALLERY_CREATE, &made, out, err);
}

static void tell_twins(void *context, const char *a, const char *b)
{
    (void)context;
    cli_warn("\"%s\" and \"%s\" differ in case only, and are two people here: give them one spelling if they are one",
             a, b);
}

static int enroll_photos(enroll_run *run, const sl_engine *engine)
{
    const sl_photo *photos = run->found.photos;
    size_t count = run->found.count;
    sl_error err = {0};
    sl_gallery *gallery;
    if (open_gallery(run, engine, &gallery, &err))
        return cli_fail(run->gallery, &err);
    if (sl_photos_twins(photos, count, gallery, tell_twins, NULL, &err)) {
        sl_gallery_close(gallery);
        return cli_fail(NULL, &err);
    }
    run->enroll.threads = run->models.threads;
    run->enroll.progress = on_progress;
    run->enroll.told = told;
    run->enroll.context = run;
    cli_progress_start("photos");
    sl_status status = sl_enroll(engine, gallery, photos, count, &run->enroll, &run->report, &err);
    cli_progress_end();
    int printed = print_summary(run, engine, gallery, status ? &err : NULL); /* what is safe, if it ended early */
    int code = status ? cli_fail(run->gallery, &err) : summary_code(run);
    if (!code)
        code = printed;
    sl_gallery_close(gallery);
    return code;
}

int cmd_enroll(int argc, char **argv)
{
    enroll_run run = {.enroll = sl_enroll_defaults(), .patches = SL_PATCHES_COMPACT, .refused = json_array(),
                      .conflicts = json_array(), .same_photo = json_array(), .several_faces = json_array(),
                      .warnings = json_array()};
    sl_engine *engine = NULL;
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    int code = collect(&run);
    if (!code && cli_is_remote(run.gallery))
        code = cli_remote_enroll(run.gallery, &run.found,
                                 &(cli_remote_enrolment){.one_face = run.enroll.one_face, .replace = run.enroll.replace,
                                                         .aligned = run.enroll.aligned, .json = run.json});
    else if (!code && !(code = cli_open_to_add(&run.models, run.gallery, &engine)))
        code = enroll_photos(&run, engine);
    sl_engine_close(engine);
    cli_photos_free(&run.found);
    json_decref(run.refused);
    json_decref(run.conflicts);
    json_decref(run.same_photo);
    json_decref(run.several_faces);
    json_decref(run.warnings);
    free(run.paths.items);
    return code;
}
