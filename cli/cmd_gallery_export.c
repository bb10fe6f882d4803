/* secondlook gallery export: a gallery's embeddings and patches for other programs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "arrays/arrays.h"
#include "common/options.h"
#include "common/output.h"
#include "common/output_files.h"

enum { KEY_PATCHES = CLI_KEY_OWN };

typedef struct {
    const char *dir, *output;
    cli_there there;
    bool patches, json;

    sl_gallery *gallery;
    sl_gallery_info info;
    sl_template *face; /* asked for last */
    float *numbers;    /* its patches */
} export_run;

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "FILE.npy, FILE.csv or FILE.safetensors (required)", 0},
    {"patches", KEY_PATCHES, 0, 0,
     "The patches too: maps, or of a compact gallery what each cell gives to the embedding", 0},
    CLI_OPTION_REPLACE,
    CLI_OPTION_JSON,
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    export_run *run = state->input;
    const char *endings;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_REPLACE: run->there = CLI_THERE_REPLACED; return 0;
    case KEY_PATCHES: run->patches = true; return 0;
    case 'o':
        if ((endings = cli_arrays_unknown(arg)))
            cli_usage(state, "'%s' must end in %s", arg, endings);
        run->output = arg;
        return 0;
    case ARGP_KEY_ARG: cli_take_gallery(state, arg, &run->dir); return 0;
    case ARGP_KEY_END:
        cli_need_gallery(state, run->dir);
        if (!run->output)
            argp_error(state, "-o is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options, parse, "DIR -o FILE",
    "Writes the embeddings of a gallery, and who they are, for other programs. An .npy has label,image of each row in "
    "a .csv beside it, and patches in .patches.npy; a .csv is all in one, without patches; a .safetensors is all in "
    "one, the names as JSON in its metadata.\v"
    "Examples:\n"
    "  secondlook gallery export staff -o staff.npy\n"
    "  secondlook gallery export staff --patches -o staff.safetensors\n\n"
    "'gallery import' is the converse; 'gallery backup' keeps all that a gallery has.",
    0, 0, 0};

/* ------------------------------------------------------------------ the source */

static int give_embedding(void *context, size_t i, const float **numbers)
{
    export_run *run = context;
    sl_error err = {0};
    const float *all;
    if (sl_gallery_embeddings(run->gallery, &all, &err))
        return cli_fail(run->dir, &err);
    *numbers = all + i * (size_t)run->info.dim;
    return CLI_OK;
}

static int give_patches(void *context, size_t i, const float **numbers)
{
    export_run *run = context;
    sl_error err = {0};
    sl_template_free(run->face);
    sl_status status = sl_gallery_template(run->gallery, i, &run->face, &err);
    if (status == SL_OK)
        status = run->info.patches == SL_PATCHES_COMPACT ? sl_template_contributions(run->face, run->numbers, &err)
                                                         : sl_template_patches(run->face, run->numbers, &err);
    *numbers = run->numbers;
    return status ? cli_fail(run->dir, &err) : CLI_OK;
}

static int give_names(void *context, size_t i, const char **label, const char **image)
{
    export_run *run = context;
    sl_error err = {0};
    sl_entry entry;
    if (sl_gallery_entry(run->gallery, i, &entry, &err))
        return cli_fail(run->dir, &err);
    *label = entry.label;
    *image = entry.image;
    return CLI_OK;
}

/* ------------------------------------------------------------------ the run */

static int write_arrays(export_run *run)
{
    const sl_gallery_info *info = &run->info;
    const bool compact = info->patches == SL_PATCHES_COMPACT;
    cli_array_source source = {.shape = {.faces = info->faces, .dim = info->dim},
                               .model = info->model,
                               .fingerprint = info->fingerprint,
                               .patches_are = compact ? "contributions" : "patches",
                               .embedding = give_embedding,
                               .patches = give_patches,
                               .names = give_names,
                               .context = run};
    if (run->patches) {
        source.shape.rows = info->patch_rows;
        source.shape.cols = info->patch_cols;
        source.shape.channels = compact ? info->dim : info->patch_channels;
        run->numbers = calloc(cli_patch_numbers(&source.shape), sizeof *run->numbers);
        if (!run->numbers)
            return cli_array_bad(run->dir, "no memory for a face's patches");
    }
    const int code = cli_arrays_write(run->output, &source);
    sl_template_free(run->face);
    free(run->numbers);
    return code;
}

static int check(const export_run *run)
{
    const size_t size = sizeof ".csv" - 1, length = strlen(run->output);
    if (run->there != CLI_THERE_REPLACED && access(run->output, F_OK) == 0)
        return cli_array_bad(run->output, "is there already: --replace writes it anew");
    if (run->patches && run->info.patches == SL_PATCHES_NONE)
        return cli_array_bad(run->dir, "holds embeddings alone: there are no patches to write");
    if (run->patches && strcasecmp(run->output + length - size, ".csv") == 0)
        return cli_array_bad(run->output, "a .csv has no patches: take .npy or .safetensors");
    return cli_check_output(run->output, &run->dir, 1);
}

int cmd_gallery_export(int argc, char **argv)
{
    export_run run = {0};
    sl_error err = {0};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    if (sl_gallery_open(run.dir, SL_GALLERY_READ, NULL, &run.gallery, &err))
        return cli_fail(run.dir, &err);
    sl_gallery_get_info(run.gallery, &run.info);
    int code = check(&run);
    if (!code)
        code = write_arrays(&run);
    sl_gallery_close(run.gallery);
    if (code)
        return code;
    if (run.json)
        return cli_print_json(json_pack("{s:o,s:I,s:i}", "written", cli_json_text(run.output), "faces",
                                        (json_int_t)run.info.faces, "embedding_dim", run.info.dim));
    cli_say("%s: %zu embeddings of %d numbers", run.output, run.info.faces, run.info.dim);
    return CLI_OK;
}
