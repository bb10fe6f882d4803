/* secondlook models statistics: how each cell of a recogniser's map looks on ordinary faces. */
#include <argp.h>
#include <jansson.h>
#include <stdbool.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"
#include "common/output_files.h"
#include "common/progress.h"
#include "models/models.h"

enum { KEY_GALLERY = CLI_KEY_OWN };

typedef struct {
    cli_models models;
    const char *gallery, *out;
    bool json;
} statistics_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    statistics_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_GALLERY: run->gallery = arg; return 0;
    case 'o': run->out = arg; return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s' was not expected", arg); return 0;
    case ARGP_KEY_END:
        if (!run->gallery)
            argp_error(state, "--gallery DIR is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"gallery", KEY_GALLERY, "DIR", 0, "A gallery of unoccluded faces, 1,000 or more (required)", 0},
    {"output", 'o', "FILE", 0, "Where the statistics go (default: NAME.oae in the models folder)", 0},
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 1}, {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR",
    "Computes what --rerank oae and --weighting trust must know about a recogniser: how each cell of its patch map "
    "looks on ordinary faces. The gallery is not changed, no face is kept in the result. The listed models "
    "come with statistics from LFW.\v"
    "Examples:\n"
    "  secondlook models statistics --gallery lfw\n"
    "  secondlook models statistics --gallery staff --model mine.json -o mine.oae",
    children,
    0,
    0};

static int make_statistics(const statistics_run *run, const sl_gallery *gallery)
{
    sl_error err = {0};
    const sl_engine_options *e = &run->models.engine;
    cli_progress_start("cells");
    sl_status status = sl_oae_make_statistics(e->models_dir, e->model, gallery, run->out, run->models.threads,
                                          cli_progress_step, NULL, &err);
    cli_progress_end();
    if (status)
        return cli_fail(NULL, &err);
    if (run->json)
        return cli_print_json(json_pack("{s:I}", "faces", (json_int_t)sl_gallery_size(gallery)));
    cli_say("statistics of %zu faces %s %s", sl_gallery_size(gallery), run->out ? "written to" : "put into",
            run->out ? run->out : "the models folder");
    return CLI_OK;
}

int cmd_models_statistics(int argc, char **argv)
{
    statistics_run run = {0};
    sl_gallery *gallery;
    sl_error err = {0};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    if (run.out && cli_check_output(run.out, &run.gallery, 1))
        return CLI_FAILED;
    if (sl_gallery_open(run.gallery, SL_GALLERY_READ, NULL, &gallery, &err))
        return cli_fail(run.gallery, &err);
    int code = make_statistics(&run, gallery);
    sl_gallery_close(gallery);
    return code;
}
