/* secondlook models statistics: how each cell of a recogniser's map looks on ordinary faces. */
#include <argp.h>
#include <jansson.h>
#include <stdbool.h>

#include "common/cli.h"
#include "common/gallery_options.h"
#include "common/options.h"
#include "common/output.h"
#include "common/output_files.h"
#include "common/progress.h"
#include "models/models.h"

typedef struct {
    cli_models models;
    cli_galleries of;
    const char *out;
    bool json;
} statistics_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    statistics_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->models;
        state->child_inputs[1] = &run->of;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case 'o': run->out = arg; return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s' was not expected", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Where the statistics go (default: NAME.oae in the models folder)", 0},
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 1}, {&cli_gallery_argp, 0, 0, 0}, {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR",
    "Computes what --rerank oae and --weighting trust must know about a recogniser: how each cell of its patch map "
    "looks on ordinary faces, unoccluded, 1,000 or more. The gallery is not changed, no face is kept in the result. "
    "The listed models come with statistics from LFW.\v"
    "Examples:\n"
    "  secondlook models statistics --gallery lfw\n"
    "  secondlook models statistics --gallery staff --model mine.json -o mine.oae",
    children,
    0,
    0};

static int make_statistics(const statistics_run *run)
{
    const sl_gallery *gallery = run->of.gallery;
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
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    if (run.out && cli_check_output(run.out, &run.of.gallery_dir, 1))
        return CLI_FAILED;
    int code = cli_galleries_open(&run.of);
    if (!code)
        code = make_statistics(&run);
    cli_galleries_close(&run.of);
    return code;
}
