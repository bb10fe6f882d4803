/* secondlook study make: a study of a gallery's faces. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/gallery_model.h"
#include "common/look_needs.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/stream.h"
#include "secondlook_study.h"
#include "study/study_commands.h"

enum { KEY_OUT = CLI_KEY_OWN, KEY_LOOK, KEY_SEED, KEY_PAIRS, KEY_EXAMPLES, KEY_SAME, KEY_STRANGERS, KEY_CONSENT };

static const char *const stranger_names[] = {"near", "random", NULL};

typedef struct {
    cli_models models;
    const char *gallery_dir, *out, *look_name, *consent_file;
    sl_study_options options;
    bool json;

    sl_engine *engine;
    sl_gallery *gallery;
    sl_oae *oae;
    sl_look *look;
    uint8_t *consent;
} make_run;

static const struct argp_option options[] = {
    {"gallery", CLI_KEY_GALLERY, "DIR", 0, "The gallery, with crops (required)", 0},
    {"out", KEY_OUT, "DIR", 0, "Where the study goes (required); a study that is there is never written over", 0},
    {"look", KEY_LOOK, "NAME", 0, "A learned look of the kind h2l, for the arm h2l", 0},
    {"pairs", KEY_PAIRS, "N", 0, "Pairs asked of each arm (default: 15)", 1},
    {"same", KEY_SAME, "N", 0, "Those of them that are of one person (default: 8)", 1},
    {"examples", KEY_EXAMPLES, "N", 0, "Pairs of each arm that are shown first, with the answer (default: 5)", 1},
    {"strangers", KEY_STRANGERS, "near|random", 0,
     "The other person of a different pair: the one most like the first by the whole face (the default), or anybody",
     1},
    {"seed", KEY_SEED, "S", 0, "The same seed draws the same study (default: 1)", 1},
    {"consent", KEY_CONSENT, "FILE", 0, "The text that participants agree to, paragraphs parted by blank lines", 1},
    CLI_OPTION_JSON,
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    make_run *run = state->input;
    sl_study_options *o = &run->options;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &run->models; return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_GALLERY: run->gallery_dir = arg; return 0;
    case KEY_OUT: run->out = arg; return 0;
    case KEY_LOOK: run->look_name = arg; return 0;
    case KEY_PAIRS: o->pairs = (int)cli_parse_int(state, "--pairs", arg, 2, 100); return 0;
    case KEY_SAME: o->same = (int)cli_parse_int(state, "--same", arg, 1, 99); return 0;
    case KEY_EXAMPLES: o->examples = (int)cli_parse_int(state, "--examples", arg, 0, 50); return 0;
    case KEY_STRANGERS:
        o->strangers = (sl_study_strangers)cli_parse_name(state, "--strangers", arg, stranger_names);
        return 0;
    case KEY_SEED: o->seed = (uint64_t)cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case KEY_CONSENT: run->consent_file = arg; return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s' was not expected", arg); return 0;
    case ARGP_KEY_END:
        if (!run->gallery_dir)
            argp_error(state, "--gallery DIR is missing");
        if (!run->out)
            argp_error(state, "--out DIR is missing");
        if (o->same >= o->pairs)
            argp_error(state, "--same is below --pairs (%d)", o->pairs);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cli_models_argp, 0, "Networks:", 2}, {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR --out DIR",
    "Draws a study of a gallery's crops: pairs of faces behind drawn masks and sunglasses, shown alone (none), with "
    "heat maps of the network (cc), of a Hybrid-ViT (h2l), with the flow of patches (flow), and with what is believed "
    "(trust). DIR/site is a folder of static files for participants, which works from any web server, from "
    "secondlook-server, or from the disk; DIR/key.json has the truth and stays with you.\v"
    "Examples:\n"
    "  secondlook study make --gallery lfw --out study\n"
    "  secondlook study make --gallery lfw --out study --look my-h2l --seed 7\n"
    "  secondlook study make --gallery staff --out small --pairs 3 --same 2 --examples 1\n\n"
    "What is drawn needs the 68 landmarks: apt-get install libdlib-data",
    children,
    0,
    0};

/* ---- the run ---- */

/* What the arms need. One that cannot be had is told, and left out. */
static int open_arms(make_run *run)
{
    sl_error err = {0};
    sl_status status = sl_oae_of_engine(run->engine, SL_NEEDS_STATISTICS, run->gallery, run->models.threads, &run->oae,
                                        &err);
    if (status == SL_ERR_NOT_FOUND || status == SL_ERR_UNSUPPORTED)
        cli_warn("the arm trust is left out: %s", err.text);
    else if (status)
        return cli_fail(NULL, &err);
    if (!run->look_name)
        cli_note("the arm h2l is left out: it takes a learned look (--look)");
    else if (cli_look_open(run->models.engine.models_dir, run->look_name, &run->look, &err))
        return cli_fail(run->look_name, &err);
    run->options.oae = run->oae;
    run->options.look = run->look;
    return CLI_OK;
}

static int read_consent(make_run *run)
{
    size_t size;
    sl_error err = {0};
    if (!run->consent_file)
        return CLI_OK;
    if (cli_stream_read(run->consent_file, &run->consent, &size, &err))
        return cli_fail(run->consent_file, &err);
    uint8_t *text = realloc(run->consent, size + 1);
    if (!text) {
        cli_warn("%s: no memory", run->consent_file);
        return CLI_FAILED;
    }
    text[size] = 0;
    run->consent = text;
    run->options.consent = (const char *)text;
    return CLI_OK;
}

static int tell(const make_run *run, const sl_study_made *made)
{
    json_t *arms = json_array();
    for (int i = 0; i < made->arm_count; i++)
        json_array_append_new(arms, json_string(sl_study_arm_name(made->arms[i])));
    if (run->json)
        return cli_print_json(json_pack("{s:s,s:o,s:o,s:I,s:I,s:I}", "study", made->id, "folder",
                                        cli_json_text(run->out), "arms", arms, "pairs", (json_int_t)made->pairs,
                                        "files", (json_int_t)made->files, "bytes", (json_int_t)made->bytes));
    char size[32];
    printf("study %.12s: %d arms (", made->id, made->arm_count);
    for (int i = 0; i < made->arm_count; i++)
        printf("%s%s", i ? ", " : "", sl_study_arm_name(made->arms[i]));
    printf("), %zu pairs with examples, %zu files of %s\n", made->pairs, made->files,
           cli_bytes_text(made->bytes, size));
    json_decref(arms);
    cli_say("  for participants  %s/site/index.html", run->out);
    cli_say("  the key           %s/key.json: keep it away from them", run->out);
    return CLI_OK;
}

static int make(make_run *run)
{
    sl_study_made made;
    sl_error err = {0};
    int code = read_consent(run);
    if (!code)
        code = cli_open_with_gallery(&run->models, run->gallery_dir, &run->engine, NULL, &run->gallery);
    if (!code)
        code = open_arms(run);
    if (code)
        return code;
    run->options.progress = cli_progress_step;
    cli_progress_start("pairs");
    sl_status status = sl_study_make(run->engine, run->gallery, &run->options, run->out, &made, &err);
    cli_progress_end();
    return status ? cli_fail(NULL, &err) : tell(run, &made);
}

int cmd_study_make(int argc, char **argv)
{
    make_run run = {.options = sl_study_defaults()};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    const int code = make(&run);
    free(run.consent);
    sl_look_close(run.look);
    sl_oae_close(run.oae);
    sl_gallery_close(run.gallery);
    sl_engine_close(run.engine);
    return code;
}
