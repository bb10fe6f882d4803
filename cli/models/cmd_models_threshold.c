/* secondlook models threshold: measures what a model's scores mean, for galleries that are not calibrated. */
#include <stdlib.h>
#include <string.h>

#include "common/gallery_options.h"
#include "common/look_needs.h"
#include "common/cli.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"
#include "common/query_sets.h"
#include "models/models.h"
#include "secondlook_eval.h"

enum { KEY_SEED = CLI_KEY_OWN, KEY_MAX_PAIRS, KEY_MEASURED_ON, KEY_ENCODER };

typedef struct {
    cli_galleries of;
    cli_models models;
    cli_query_sets sets;
    const char *out, *measured_on;
    sl_calibrate_options options;
    bool json;

    sl_engine *engine;
    sl_oae *oae;
} threshold_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    threshold_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->sets;
        state->child_inputs[1] = &run->models;
        state->child_inputs[2] = &run->of;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case 'o': run->out = arg; return 0;
    case KEY_ENCODER: run->models.engine.encoder = arg; return 0;
    case KEY_MEASURED_ON: run->measured_on = arg; return 0;
    case KEY_SEED: run->options.seed = (uint64_t)cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case KEY_MAX_PAIRS:
        run->options.max_pairs = (size_t)cli_parse_int(state, "--max-pairs", arg, 1, 1000000000);
        return 0;
    case ARGP_KEY_ARG: argp_error(state, "'%s' was not expected", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0,
     "Where the rates go (default: NAME.rates in the models folder, NAME the model's, or the encoder's)", 0},
    {"measured-on", KEY_MEASURED_ON, "TEXT", 0, "Whose faces they are, in words, kept in the file", 0},
    {"max-pairs", KEY_MAX_PAIRS, "N", 0, "Draw about N pairs for each set of queries and look (default: 1000000)", 0},
    {"seed", KEY_SEED, "S", 0, "Of what is drawn (default: 1)", 0},
    CLI_OPTION_ENCODER(KEY_ENCODER, "none"),
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {
    {&cli_query_sets_argp, 0, 0, 0}, {&cli_models_argp, 0, "Networks:", 1}, {&cli_gallery_argp, 0, 0, 0}, {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR",
    "Measures how often pairs of different people in a gallery of many people reach a score, for every look that the "
    "gallery's templates allow, each "
    "by how much of the query is hidden. 'identify' and 'verify' decide by it where a gallery is not calibrated. The "
    "listed MobileFaceNets come with such rates, measured on half of LFW's people.\v"
    "Examples:\n"
    "  secondlook models threshold --gallery faces-of-many\n"
    "  secondlook models threshold --gallery lfw --queries lfw --queries lfw-masked -o mine.rates",
    children,
    0,
    0};

/* ------------------------------------------------------------------ the looks */

enum { MOST_LOOKS = 2 * CLI_MOST_LOOKS + 1 };

static sl_match_options look_on(sl_rerank rerank, sl_feature feature)
{
    sl_match_options o = sl_match_defaults_of(rerank);
    o.feature = feature;
    if (feature == SL_FEATURE_CONTRIBUTIONS)
        o.weighting = SL_WEIGHT_UNIFORM;
    return o;
}

/* The look that is chosen by itself, then all as they are by default, those by patches on either feature: first those
 * that are not by patches. */
static size_t all_looks(sl_match_options all[MOST_LOOKS])
{
    sl_rerank looks[CLI_MOST_LOOKS];
    const size_t count = cli_all_looks(looks, false);
    size_t n = 0;
    all[n++] = sl_match_defaults();
    for (int by_patches = 0; by_patches < 2; by_patches++)
        for (size_t i = 0; i < count; i++)
            if (((sl_rerank_reads(looks[i]) & SL_READS_PATCHES) != 0) == by_patches)
                for (int feature = 0; feature <= by_patches; feature++)
                    all[n++] = look_on(looks[i], (sl_feature)feature);
    return n;
}

/* Whether the last of these looks is among those before it: what was chosen by itself is mostly a default, too. */
static bool is_there(const sl_match_options *looks, size_t last)
{
    for (size_t i = 0; i < last; i++)
        if (looks[i].rerank == looks[last].rerank && looks[i].feature == looks[last].feature &&
            looks[i].weighting == looks[last].weighting && looks[i].alpha == looks[last].alpha)
            return true;
    return false;
}

/* Those that this gallery and what is known of its model allow. */
static size_t possible_looks(const threshold_run *run, sl_match_options looks[MOST_LOOKS])
{
    sl_match_options all[MOST_LOOKS];
    const size_t count = all_looks(all);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        looks[n] = all[i];
        looks[n].oae = run->oae;
        looks[n].threads = run->models.threads;
        n += sl_match_settle(run->engine, run->of.gallery, &looks[n], NULL) == SL_OK && !is_there(looks, n);
    }
    return n;
}

/* ------------------------------------------------------------------ the run */

static int print_result(const threshold_run *run, const sl_match_options *looks, const sl_calibration *c, size_t count,
                        const char *file)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *one = cli_calibration_json(&c[i]);
        json_object_set_new(one, "rerank", json_string(sl_rerank_name(looks[i].rerank)));
        json_object_set_new(one, "feature", json_string(sl_feature_name(looks[i].feature)));
        json_array_append_new(list, one);
        if (run->json)
            continue;
        printf("%s%s\n", sl_rerank_name(looks[i].rerank),
               looks[i].feature == SL_FEATURE_CONTRIBUTIONS ? ", contributions" : "");
        cli_print_calibration(&c[i]);
    }
    if (run->json)
        return cli_print_json(json_pack("{s:o,s:o}", "file", cli_json_text(file), "looks", list));
    json_decref(list);
    printf("written to ");
    cli_print_name(stdout, file, 0);
    putchar('\n');
    return CLI_OK;
}

static int measure(threshold_run *run)
{
    sl_error err = {0};
    sl_calibration c[MOST_LOOKS];
    sl_match_options looks[MOST_LOOKS];
    const sl_gallery *queries[CLI_QUERY_SETS];
    size_t sets, count = possible_looks(run, looks);
    char *file = run->out ? strdup(run->out) : NULL;
    if (!file && sl_model_rates_file(run->engine, &file, &err))
        return cli_fail(NULL, &err);
    int code = cli_query_sets_open(&run->sets, run->engine, run->of.gallery, run->of.gallery_dir, run->options.seed,
                                   queries, &sets);
    run->options.hidden_below = run->sets.hidden_below;
    if (!code) {
        cli_progress_start("pairs");
        const sl_threshold_options what = {
            .looks = looks, .count = count, .file = file,
            .measured_on = run->measured_on ? run->measured_on : cli_base_name(run->of.gallery_dir)};
        sl_status status = sl_model_threshold(run->of.gallery, queries, sets, &what, &run->options, c, &err);
        cli_progress_end();
        code = status ? cli_fail(run->of.gallery_dir, &err) : print_result(run, looks, c, count, file);
    }
    free(file);
    return code;
}

static int open_run(threshold_run *run)
{
    sl_gallery_info info;
    cli_match match = cli_match_defaults();
    int code = cli_galleries_open(&run->of);
    if (code)
        return code;
    sl_gallery_get_info(run->of.gallery, &info);
    if (!run->models.engine.model)
        run->models.engine.model = info.model;
    code = cli_open(&run->models, &run->engine, NULL);
    if (!code)
        code = cli_open_oae(&match, &run->models, run->engine, run->of.gallery, &run->oae);
    run->options.progress = cli_progress_step;
    return code;
}

int cmd_models_threshold(int argc, char **argv)
{
    threshold_run run = {.options = {.max_pairs = 1000000, .seed = 1}};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    int code = open_run(&run);
    if (!code)
        code = measure(&run);
    cli_query_sets_close(&run.sets);
    sl_oae_close(run.oae);
    cli_galleries_close(&run.of);
    sl_engine_close(run.engine);
    return code;
}
