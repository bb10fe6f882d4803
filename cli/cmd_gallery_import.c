/* secondlook gallery import: faces from embeddings, and patches, that other programs made. */
#include "arrays/arrays.h"
#include "common/options.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"

enum { KEY_NAMES = CLI_KEY_OWN, KEY_PATCHES, COMMIT_EVERY = 4096 };

typedef struct {
    cli_models models;
    const char *file, *gallery_dir, *names;
    int patches; /* sl_patch_format, -1: as the arrays are */
    bool json;

    cli_arrays arrays;
    sl_engine *engine; /* of --model; NULL: the numbers are no model's */
    sl_gallery *gallery;
    size_t added, existing;
} import_run;

static const struct argp_option options[] = {
    {"gallery", CLI_KEY_GALLERY, "DIR", 0, "The gallery, which is made where there is none (required)", 0},
    {"names", KEY_NAMES, "FILE", 0, "Of an .npy: the CSV of label,image of each row (default: beside it)", 0},
    {"patches", KEY_PATCHES, "compact|int8|f32|none", 0,
     "What a new gallery stores for second looks (default: f32 where there are patches, else none)", 0},
    CLI_OPTION_JSON,
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    import_run *run = state->input;
    const char *endings;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_GALLERY: run->gallery_dir = arg; return 0;
    case KEY_NAMES: run->names = arg; return 0;
    case KEY_PATCHES: run->patches = (int)cli_parse_patches(state, arg); return 0;
    case ARGP_KEY_ARG:
        if (run->file)
            cli_usage(state, "one file at a time, not '%s' too", arg);
        if ((endings = cli_arrays_unknown(arg)))
            cli_usage(state, "'%s' must end in %s", arg, endings);
        run->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (!run->file || !run->gallery_dir)
            argp_error(state, !run->file ? "the FILE is missing" : "--gallery is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 1}, {0}};
static const struct argp parser = {
    options, parse, "FILE --gallery DIR",
    "Puts embeddings that another program made, or 'gallery export' wrote, into a gallery. With --model they are taken "
    "for that model's, and photos can be asked for among them; without it they are nobody's, for experiments with "
    "numbers of any kind. An .npy has float32 [faces, numbers], patches beside it in .patches.npy [faces, rows, "
    "columns, channels], and who each row is in a .csv, label,image. Of ids that are in the gallery already none is "
    "added again.\v"
    "Examples:\n"
    "  secondlook gallery import staff.npy --gallery staff --model mobilefacenet-192\n"
    "  secondlook gallery import gaits.safetensors --gallery gaits",
    children, 0, 0};

static sl_status open_gallery(import_run *run, sl_error *err)
{
    const cli_array_shape *s = &run->arrays.shape;
    const sl_patch_format format = run->patches >= 0 ? (sl_patch_format)run->patches
                                   : s->rows         ? SL_PATCHES_F32
                                                     : SL_PATCHES_NONE;
    const sl_gallery_options of_model = {.engine = run->engine, .patches = format};
    if (run->engine)
        return sl_gallery_open(run->gallery_dir, SL_GALLERY_CREATE, &of_model, &run->gallery, err);
    return sl_gallery_open_arrays(run->gallery_dir, SL_GALLERY_CREATE, s->dim, s->rows ? s->rows : 1,
                                  s->rows ? s->cols : 1, s->rows ? s->channels : 1, format, &run->gallery, err);
}

/* Have the arrays as many numbers as the gallery's faces? */
static int check_sizes(const import_run *run)
{
    const cli_array_shape *s = &run->arrays.shape;
    sl_gallery_info info;
    sl_gallery_get_info(run->gallery, &info);
    if (s->dim != info.dim)
        return cli_array_bad(run->file, "embeddings of %d numbers, where those of %s have %d", s->dim, info.model,
                             info.dim);
    if (s->rows && (s->rows != info.patch_rows || s->cols != info.patch_cols || s->channels != info.patch_channels))
        return cli_array_bad(run->file, "patches of %d x %d x %d, where those of %s are %d x %d x %d", s->rows, s->cols,
                             s->channels, info.model, info.patch_rows, info.patch_cols, info.patch_channels);
    return CLI_OK;
}

static sl_status add(import_run *run, size_t i, sl_error *err)
{
    const cli_arrays *a = &run->arrays;
    const cli_array_shape *s = &a->shape;
    const float *embedding = a->embeddings + i * (size_t)s->dim;
    const float *patches = a->patches ? a->patches + i * cli_patch_numbers(s) : NULL;
    const sl_entry entry = {.label = a->labels[i], .image = a->images[i]};
    sl_template *t = NULL;
    sl_status status = run->engine ? sl_template_of_model(run->engine, embedding, patches, &t, err)
                                   : sl_template_of_arrays(embedding, s->dim, patches, s->rows ? s->rows : 1,
                                                           s->rows ? s->cols : 1, s->rows ? s->channels : 1, &t, err);
    if (status == SL_OK)
        status = sl_gallery_add(run->gallery, &entry, t, NULL, err);
    sl_template_free(t);
    run->added += status == SL_OK;
    run->existing += status == SL_ERR_EXISTS;
    return status == SL_ERR_EXISTS ? SL_OK : status;
}

static sl_status add_all(import_run *run, sl_error *err)
{
    const size_t faces = run->arrays.shape.faces;
    sl_status status = SL_OK;
    cli_progress_start("faces");
    for (size_t i = 0; status == SL_OK && i < faces; i++) {
        status = add(run, i, err);
        if (status == SL_OK && (i + 1) % COMMIT_EVERY == 0)
            status = sl_gallery_commit(run->gallery, err);
        if (status == SL_OK && cli_progress_step(NULL, i + 1, faces))
            status = SL_ERR_INTERRUPTED;
    }
    cli_progress_end();
    const sl_status committed = sl_gallery_commit(run->gallery, status ? NULL : err);
    return status ? status : committed;
}

static int import(import_run *run)
{
    sl_error err = {0};
    int code = cli_arrays_read(run->file, run->names, &run->arrays);
    if (!code && run->models.engine.model)
        code = cli_open(&run->models, &run->engine, NULL);
    if (!code && open_gallery(run, &err))
        code = cli_fail(run->gallery_dir, &err);
    if (!code)
        code = check_sizes(run);
    if (!code && add_all(run, &err))
        code = cli_fail(run->gallery_dir, &err);
    return code;
}

int cmd_gallery_import(int argc, char **argv)
{
    import_run run = {.patches = -1};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    int code = import(&run);
    if (!code && run.json)
        code = cli_print_json(json_pack("{s:I,s:I,s:I}", "added", (json_int_t)run.added, "existing",
                                        (json_int_t)run.existing, "faces", (json_int_t)sl_gallery_size(run.gallery)));
    else if (!code)
        cli_say("%s: %zu faces added, %zu were there", run.gallery_dir, run.added, run.existing);
    sl_gallery_close(run.gallery);
    sl_engine_close(run.engine);
    cli_arrays_free(&run.arrays);
    return code;
}
