/* secondlook gallery cluster: which faces are one person, whatever they are called. */
#include <math.h>

#include "common/cli.h"
#include "common/look_needs.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/rule_options.h"
#include "secondlook_eval.h"

enum { KEY_FAR = CLI_KEY_OWN, KEY_NEIGHBOURS };

typedef struct {
    cli_match match;
    cli_models models;
    const char *dir;
    double far;
    int neighbours;
    bool json;

    sl_gallery *gallery;
    sl_engine *engine;
    sl_oae *oae;
    sl_rule rule;
} cluster_run;

static const struct argp_option options[] = {
    {"far", KEY_FAR, "RATE", 0,
     "Two faces are alike from the score on that this part of pairs of different people passes (default: 0.0001)", 0},
    {"neighbours", KEY_NEIGHBOURS, "N", 0, "Compare each face with its N nearest of stage 1 (default: 32)", 0},
    CLI_OPTION_JSON,
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    cluster_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->match;
        state->child_inputs[1] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_FAR: run->far = cli_parse_real(state, "--far", arg, 1e-12, 1); return 0;
    case KEY_NEIGHBOURS: run->neighbours = (int)cli_parse_int(state, "--neighbours", arg, 1, 100000); return 0;
    case ARGP_KEY_ARG: cli_take_gallery(state, arg, &run->dir); return 0;
    case ARGP_KEY_END:
        cli_need_gallery(state, run->dir);
        if (run->far > 0 && !isnan(run->match.threshold))
            argp_error(state, "--far and --threshold exclude each other");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&cli_match_argp, 0, "The second look:", 1}, {&cli_models_argp, 0, "Networks:", 2}, {0}};
static const struct argp parser = {
    options,
    parse,
    "DIR",
    "Groups the faces of a gallery by who they are, whatever they are called: of people who were met and are not known "
    "yet. Groups join where their faces are alike on average, so that one false match does not join two people. "
    "Nothing is changed.\v"
    "Examples:\n"
    "  secondlook gallery cluster visitors\n"
    "  secondlook gallery cluster --far 0.00001 --json visitors",
    children,
    0,
    0};

/* ------------------------------------------------------------------ results */

static int print_cluster(const cluster_run *run, const sl_clusters *c, uint32_t which)
{
    sl_error err = {0};
    sl_entry entry;
    for (size_t i = 0; i < c->faces; i++) {
        if (c->cluster[i] != which)
            continue;
        if (sl_gallery_entry(run->gallery, i, &entry, &err))
            return cli_fail(run->dir, &err);
        printf("%6u  ", which + 1);
        cli_print_name(stdout, entry.label, 24);
        printf("  ");
        cli_print_name(stdout, entry.image, 0);
        putchar('\n');
    }
    return CLI_OK;
}

static size_t count_alone(const sl_clusters *c)
{
    size_t alone = 0;
    for (size_t i = 0; i < c->faces; i++)
        alone += c->cluster[i] == UINT32_MAX;
    return alone;
}

static int print_clusters(const cluster_run *run, const sl_clusters *c)
{
    int code = CLI_OK;
    cli_print_rule(&run->rule);
    for (uint32_t k = 0; k < c->clusters && !code; k++)
        code = print_cluster(run, c, k);
    cli_say("groups of two faces and more: %zu; faces that are like no other: %zu", c->clusters, count_alone(c));
    return code;
}

static int print_json(const cluster_run *run, const sl_clusters *c)
{
    sl_entry entry;
    json_t *list = json_array();
    for (size_t k = 0; k < c->clusters; k++)
        json_array_append_new(list, json_array());
    for (size_t i = 0; i < c->faces; i++)
        if (c->cluster[i] != UINT32_MAX && sl_gallery_entry(run->gallery, i, &entry, NULL) == SL_OK)
            json_array_append_new(json_array_get(list, c->cluster[i]),
                                  json_pack("{s:o,s:o}", "label", cli_json_text(entry.label), "image",
                                            cli_json_text(entry.image)));
    return cli_print_json(json_pack("{s:o,s:I,s:o}", "clusters", list, "alone", (json_int_t)count_alone(c), "rule",
                                    cli_rule_json(&run->rule)));
}

/* ------------------------------------------------------------------ the run */

static int open_run(cluster_run *run)
{
    sl_error err = {0};
    sl_gallery_info info;
    if (sl_gallery_open(run->dir, SL_GALLERY_READ, NULL, &run->gallery, &err))
        return cli_fail(run->dir, &err);
    sl_gallery_get_info(run->gallery, &info);
    if (!run->models.engine.model)
        run->models.engine.model = info.model;
    if (sl_engine_open(&run->models.engine, &run->engine, &err))
        return cli_fail(NULL, &err);
    int code = cli_open_oae(&run->match, &run->models, run->engine, run->gallery, &run->oae);
    run->match.match.threads = run->models.threads;
    if (code)
        return code;
    if (!isnan(run->match.threshold))
        run->rule = sl_rule_given(run->match.threshold, 0);
    else if (sl_rule_for_far(run->engine, run->gallery, &run->match.match, run->far > 0 ? run->far : SL_CLUSTER_FAR,
                             &run->rule, &err))
        return cli_fail(run->dir, &err);
    return CLI_OK;
}

static int cluster(cluster_run *run)
{
    sl_error err = {0};
    sl_clusters c;
    const sl_cluster_options how = {.match = run->match.match, .rule = &run->rule, .neighbours = run->neighbours,
                                    .progress = cli_progress_step};
    cli_progress_start("faces");
    const sl_status status = sl_gallery_cluster(run->gallery, &how, &c, &err);
    cli_progress_end();
    if (status)
        return cli_fail(run->dir, &err);
    const int code = run->json ? print_json(run, &c) : print_clusters(run, &c);
    sl_clusters_free(&c);
    return code;
}

int cmd_gallery_cluster(int argc, char **argv)
{
    cluster_run run = {.match = cli_match_defaults()};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    int code = open_run(&run);
    if (!code)
        code = cluster(&run);
    sl_oae_close(run.oae);
    sl_look_close(run.match.look);
    sl_gallery_close(run.gallery);
    sl_engine_close(run.engine);
    return code;
}
