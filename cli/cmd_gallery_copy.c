/* secondlook gallery copy: a gallery's faces in a new one, with patches of another kind. */
#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"

enum { KEY_PATCHES = CLI_KEY_OWN, COMMIT_EVERY = 4096 };

typedef struct {
    cli_models models;
    const char *from, *to;
    sl_patch_format patches;
    bool json;
} copy_run;

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"patches", KEY_PATCHES, "compact|int8|f32|none", 0, "What the copy stores for second looks (default: compact)", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    copy_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_PATCHES:
        run->patches = cli_parse_patches(state, arg);
        return 0;
    case ARGP_KEY_ARG:
        if (run->to)
            cli_usage(state, "'%s' is one folder too many", arg);
        *(run->from ? &run->to : &run->from) = arg;
        return 0;
    case ARGP_KEY_END:
        if (!run->to)
            argp_error(state, "the gallery FROM and the new one TO are needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 1}, {0}};
static const struct argp parser = {
    options,
    parse,
    "FROM TO",
    "Copies the faces of a gallery into a new one that stores other patches (see enroll --patches). A patch map "
    "becomes any kind; compact patches become no map again. Crops are encoded anew. Of faces that are in TO already "
    "none is copied again, so that an interrupted copy can be continued.\v"
    "Examples:\n"
    "  secondlook gallery copy staff staff-small\n"
    "  secondlook gallery copy --patches none staff staff-embeddings",
    children,
    0,
    0};

static sl_status copy_face(const sl_gallery *from, size_t i, sl_gallery *to, sl_error *err)
{
    sl_entry entry;
    sl_template *t = NULL;
    sl_image crop = {0};
    sl_status status = sl_gallery_entry(from, i, &entry, err);
    if (status == SL_OK)
        status = sl_gallery_template(from, i, &t, err);
    if (status == SL_OK && entry.has_crop)
        status = sl_gallery_crop(from, i, &crop, err);
    if (status == SL_OK)
        status = sl_gallery_add(to, &entry, t, entry.has_crop ? &crop : NULL, err);
    sl_image_free(&crop);
    sl_template_free(t);
    return status == SL_ERR_EXISTS ? SL_OK : status;
}

static sl_status copy_faces(const sl_gallery *from, sl_gallery *to, sl_error *err)
{
    const size_t faces = sl_gallery_size(from);
    sl_status status = SL_OK;
    cli_progress_start("faces");
    for (size_t i = 0; status == SL_OK && i < faces; i++) {
        status = copy_face(from, i, to, err);
        if (status == SL_OK && (i + 1) % COMMIT_EVERY == 0)
            status = sl_gallery_commit(to, err);
        if (status == SL_OK && cli_progress_step(NULL, i + 1, faces))
            status = SL_ERR_INTERRUPTED;
    }
    cli_progress_end();
    if (status == SL_ERR_IO) /* a full disk: what fits is kept, or its room given back */
        sl_gallery_commit(to, NULL);
    if (status == SL_OK || status == SL_ERR_INTERRUPTED) {
        sl_status committed = sl_gallery_commit(to, err);
        status = committed ? committed : status;
    }
    return status;
}

static int report(const copy_run *run, const sl_gallery *from, const sl_gallery *to)
{
    sl_gallery_info a, b;
    char before[32], after[32];
    sl_gallery_get_info(from, &a);
    sl_gallery_get_info(to, &b);
    if (run->json)
        return cli_print_json(json_pack("{s:I,s:s,s:I,s:I}", "faces", (json_int_t)b.faces, "patches",
                                        sl_patches_name(b.patches), "bytes_from",
                                        (json_int_t)a.bytes, "bytes", (json_int_t)b.bytes));
    cli_say("%s: %zu faces, %s patches, %s (%s: %s)", run->to, b.faces, sl_patches_name(b.patches),
            cli_bytes_text(b.bytes, after), run->from, cli_bytes_text(a.bytes, before));
    return CLI_OK;
}

static int copy(copy_run *run, const sl_gallery *from)
{
    sl_error err = {0};
    sl_engine *engine = NULL;
    sl_gallery *to = NULL;
    sl_gallery_info info;
    sl_gallery_get_info(from, &info);
    if (!run->models.engine.model)
        run->models.engine.model = info.model;
    int code = cli_open(&run->models, &engine, NULL);
    const sl_gallery_options made = {.engine = engine, .patches = run->patches};
    if (!code && sl_gallery_open(run->to, SL_GALLERY_CREATE, &made, &to, &err))
        code = cli_fail(run->to, &err);
    if (!code) {
        sl_status status = copy_faces(from, to, &err);
        code = status == SL_ERR_INTERRUPTED ? CLI_INTERRUPTED : status ? cli_fail(run->to, &err) : CLI_OK;
    }
    if (!code)
        code = report(run, from, to);
    sl_gallery_close(to);
    sl_engine_close(engine);
    return code;
}

int cmd_gallery_copy(int argc, char **argv)
{
    copy_run run = {.patches = SL_PATCHES_COMPACT};
    sl_error err = {0};
    sl_gallery *from;
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    if (sl_gallery_open(run.from, SL_GALLERY_READ, NULL, &from, &err))
        return cli_fail(run.from, &err);
    int code = copy(&run, from);
    sl_gallery_close(from);
    return code;
}
