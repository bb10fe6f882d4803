/* secondlook models calibrate, and a model's cells for other commands. */
#include "common/look_needs.h"

#include "common/cli.h"
#include "common/output.h"
#include "common/output_files.h"
#include "common/progress.h"

/* Of the engine's model, where one is open, else of the one named, else (NULL) of the gallery's. */
static sl_status open_cells(const cli_models *models, const sl_engine *engine, const char *model, sl_match_need need,
                            const sl_gallery *gallery, sl_cells **out, sl_error *err)
{
    const char *dir = models->engine.models_dir;
    if (engine)
        return sl_cells_of_engine(engine, need, gallery, models->threads, out, err);
    return need == SL_NEEDS_HEAD ? sl_cells_open_head(dir, model, gallery, out, err)
                                 : sl_cells_open(dir, model, gallery, models->threads, out, err);
}

/* As much as the model has, at least what is needed. */
static sl_status open_known(const cli_models *models, const sl_engine *engine, sl_match_need need,
                            const sl_gallery *gallery, sl_cells **out, sl_error *err)
{
    sl_gallery_info info = {0};
    if (gallery)
        sl_gallery_get_info(gallery, &info);
    const char *model = models->engine.model ? models->engine.model : gallery ? info.model : NULL;
    const sl_gallery *source = need == SL_NEEDS_STATISTICS ? gallery : NULL;
    sl_status status = open_cells(models, engine, model, SL_NEEDS_STATISTICS, source, out, err);
    bool missing = status == SL_ERR_NOT_FOUND || status == SL_ERR_UNSUPPORTED;
    if (missing && need != SL_NEEDS_STATISTICS) {
        status = open_cells(models, engine, model, SL_NEEDS_HEAD, NULL, out, err);
        missing = status == SL_ERR_NOT_FOUND || status == SL_ERR_UNSUPPORTED;
    }
    return missing && need == SL_NEEDS_NOTHING ? SL_OK : status;
}

/* A look that was chosen by itself keeps what was given beside it, where it reads that. */
static sl_status settle_chosen(cli_match *match, const sl_engine *engine, const sl_gallery *gallery, sl_error *err)
{
    const sl_match_options given = match->match;
    sl_status status = sl_match_settle(engine, gallery, &match->match, err);
    if (match->alpha_given)
        match->match.alpha = given.alpha;
    if (status || match->match.rerank != SL_RERANK_EMD)
        return status;
    if (match->feature_given)
        match->match.feature = given.feature;
    if (match->weighting_given)
        match->match.weighting = given.weighting;
    return sl_match_settle(engine, gallery, &match->match, err);
}

static void tell_unread(const cli_match *match)
{
    const sl_rerank look = match->match.rerank;
    if (match->patch_option && (look == SL_RERANK_NONE || look == SL_RERANK_OAE))
        cli_warn("the look %s does not read %s: it is for --rerank emd, maxsim and cells", cli_rerank_name(look),
                 match->patch_option);
}

int cli_open_cells(cli_match *match, const cli_models *models, const sl_engine *engine, const sl_gallery *gallery,
                   sl_cells **out)
{
    sl_error err = {0};
    *out = NULL;
    const bool chosen = match->match.rerank == SL_RERANK_AUTO;
    if (cli_match_suit(match, gallery))
        cli_tell_suited();
    if (open_known(models, engine, sl_match_needs(&match->match), gallery, out, &err))
        return cli_fail(NULL, &err);
    match->match.cells = *out;
    if (chosen ? settle_chosen(match, engine, gallery, &err) : sl_match_settle(engine, gallery, &match->match, &err))
        return cli_fail(NULL, &err);
    tell_unread(match);
    return CLI_OK;
}

/* ------------------------------------------------------------------ models calibrate */

enum { KEY_GALLERY = CLI_KEY_OWN };

typedef struct {
    cli_models models;
    const char *gallery, *out;
    bool json;
} calibrate_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    calibrate_run *run = state->input;
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
    {"output", 'o', "FILE", 0, "Where the statistics go (default: NAME.cells in the models folder)", 0},
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
    "  secondlook models calibrate --gallery lfw\n"
    "  secondlook models calibrate --gallery staff --model mine.json -o mine.cells",
    children,
    0,
    0};

static int calibrate(const calibrate_run *run, const sl_gallery *gallery)
{
    sl_error err = {0};
    const sl_engine_options *e = &run->models.engine;
    cli_progress_start("cells");
    sl_status status = sl_cells_calibrate(e->models_dir, e->model, gallery, run->out, run->models.threads,
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

int cmd_models_calibrate(int argc, char **argv)
{
    calibrate_run run = {0};
    sl_gallery *gallery;
    sl_error err = {0};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    if (run.out && cli_check_output(run.out, &run.gallery, 1))
        return CLI_FAILED;
    if (sl_gallery_open(run.gallery, SL_GALLERY_READ, NULL, SL_PRECISION_INT8, &gallery, &err))
        return cli_fail(run.gallery, &err);
    int code = calibrate(&run, gallery);
    sl_gallery_close(gallery);
    return code;
}
