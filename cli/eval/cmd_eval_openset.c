/* secondlook eval openset: how often strangers are taken for somebody, and people who are there for nobody. */
#include <math.h>
#include <stdlib.h>

#include "common/cli.h"
#include "eval/openset_run.h"
#include "common/output.h"
#include "common/photo_work.h"
#include "common/progress.h"
#include "common/same_photo.h"
#include "eval/svg.h"
#include "secondlook_eval.h"

enum { KEY_SVG = CLI_KEY_OWN };

static const double rates[SL_OPENSET_RATES] = {.1, .01, .001};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    openset_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = run; return 0;
    case KEY_SVG: run->svg = arg; return 0;
    case CLI_KEY_REPLACE: run->there = CLI_THERE_REPLACED; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {{"svg", KEY_SVG, "DIR", 0, "Draw openset.svg, FNIR against FPIR", 0},
                                             CLI_OPTION_REPLACE,
                                             {0}};
static const struct argp_child children[] = {{&cli_openset_argp, 0, 0, 0}, {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR [--queries DIR]",
    "Identification when most people were never enrolled. Every query is searched for himself, its own photo "
    "passed over, "
    "and once more with his person left out of the gallery. FPIR is the part of the latter searches that find "
    "somebody, FNIR the part of the former that do not find the right one. Where the gallery is calibrated for these "
    "options, what its thresholds promise stands beside what they come to here.\v"
    "Examples:\n"
    "  secondlook eval openset --gallery lfw --rerank none\n"
    "  secondlook eval openset --gallery staff --queries strangers --rerank oae --svg charts",
    children,
    0,
    0};

/* The rules that promise these rates: the gallery's calibration's, or the model's own where there is an engine. */
static int promised(const openset_run *run, sl_rule rules[SL_OPENSET_RATES], bool *have)
{
    *have = false;
    for (int i = 0; i < SL_OPENSET_RATES; i++) {
        sl_error err = {0};
        sl_status status =
            sl_rule_for_fpir(run->engine, run->of.gallery, &run->options.match, rates[i], &rules[i], &err);
        if (status && status != SL_ERR_NOT_FOUND && status != SL_ERR_ARGUMENT)
            return cli_fail(run->of.gallery_dir, &err);
        *have |= status == SL_OK;
    }
    return CLI_OK;
}

/* ------------------------------------------------------------------ results */

static json_t *points_json(const sl_openset_point *points)
{
    json_t *list = json_array();
    for (int i = 0; i < SL_OPENSET_RATES; i++)
        json_array_append_new(list, cli_openset_point_json(rates[i], &points[i]));
    return list;
}

static json_t *rates_json(const sl_openset_rates *r)
{
    json_t *curve = json_array();
    for (size_t i = 0; i < r->points; i++)
        json_array_append_new(curve, json_pack("{s:f,s:f,s:o}", "threshold", r->thresholds[i], "fpir",
                                               100 * r->fpir[i], "fnir", cli_json_number(100 * r->fnir[i])));
    return json_pack("{s:o,s:o,s:o}", "rank1", cli_json_number(r->rank1.mean), "at_fpir", points_json(r->at),
                     "det", curve);
}

static int print_json(const openset_run *run, const sl_openset *o, const sl_openset_point *given)
{
    json_t *document = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:s,s:o,s:o,s:o}", "faces", (json_int_t)o->faces, "people", (json_int_t)o->people,
        "mated", (json_int_t)o->mated, "nonmated", (json_int_t)o->nonmated, "strangers", (json_int_t)o->strangers,
        "rerank", sl_rerank_name(run->match.match.rerank), "stage1", rates_json(&o->stage1), "score",
        rates_json(&o->score), "promised", given ? points_json(given) : json_null());
    cli_own_photos_json(document, o->own_photos, o->own_photos_of);
    return cli_print_json(document);
}

static void print_rates(const char *name, const sl_openset_rates *r)
{
    cli_openset_print_head(name);
    for (int i = 0; i < SL_OPENSET_RATES; i++)
        cli_openset_print_point(rates[i], &r->at[i]);
    if (!isnan(r->rank1.mean))
        printf("  first place right, whatever the score: %.3f %% (%.3f - %.3f)\n", r->rank1.mean, r->rank1.low,
               r->rank1.high);
}

static int print_text(const openset_run *run, const sl_openset *o, const sl_openset_point *given)
{
    printf("%zu searches for people among %zu faces of %zu people; %zu for people who are not there, %zu of them "
           "never "
           "enrolled\n",
           o->mated, o->faces, o->people, o->nonmated, o->strangers);
    print_rates("stage 1", &o->stage1);
    if (cli_looks_again(&run->match.match))
        print_rates("with the second look", &o->score);
    if (!given)
        return CLI_OK;
    cli_openset_print_head("what identify promises");
    for (int i = 0; i < SL_OPENSET_RATES; i++)
        cli_openset_print_point(rates[i], &given[i]);
    return CLI_OK;
}

static int draw(const openset_run *run, const sl_openset *o)
{
    const sl_chart_series series[2] = {
        {.name = "stage 1", .x = o->stage1.fpir, .y = o->stage1.fnir, .count = o->stage1.points},
        {.name = sl_rerank_name(run->match.match.rerank),
         .x = o->score.fpir,
         .y = o->score.fnir,
         .count = o->score.points}};
    const sl_chart chart = {.title = "Open-set identification",
                            .note = cli_base_name(run->of.gallery_dir),
                            .x = {"false positive identification rate", 1, NAN, NAN},
                            .y = {"false negative identification rate", 1, NAN, NAN},
                            .series = series,
                            .series_count = cli_looks_again(&run->match.match) ? 2 : 1};
    if (!o->mated) {
        cli_warn("openset.svg: nobody is searched for who is there, so there is no curve to draw");
        return CLI_FAILED;
    }
    return cli_write_svg(run->svg, "openset.svg", run->there, &chart);
}

static int measure(openset_run *run)
{
    sl_rule rules[SL_OPENSET_RATES];
    sl_openset_point given[SL_OPENSET_RATES];
    bool have;
    sl_openset o;
    sl_error err = {0};
    int code = promised(run, rules, &have);
    if (code)
        return code;
    run->options.rules = rules;
    run->options.rule_count = have ? SL_OPENSET_RATES : 0;
    run->options.rule_points = given;
    cli_progress_start("queries");
    sl_status status = sl_eval_openset(run->of.gallery, run->of.queries, &run->options, &o, &err);
    cli_progress_end();
    if (status)
        return cli_fail(NULL, &err);
    if (o.mated)
        cli_warn_own_photos(run->of.gallery, run->of.queries, o.own_photos, o.own_photos_of);
    const sl_openset_point *shown = have ? given : NULL;
    code = run->json ? print_json(run, &o, shown) : print_text(run, &o, shown);
    if (!code && run->svg)
        code = draw(run, &o);
    sl_openset_free(&o);
    return code;
}

int cmd_eval_openset(int argc, char **argv)
{
    openset_run run = cli_openset_defaults();
    argp_parse(&parser, argc, argv, 0, 0, &run);
    const char *const inputs[] = {run.of.gallery_dir, run.of.queries_dir};
    int code = run.svg ? cli_check_folder(run.svg, "openset.svg", run.there, inputs, 2) : CLI_OK;
    if (!code)
        code = cli_openset_open(&run);
    if (!code)
        code = measure(&run);
    cli_openset_close(&run);
    return code;
}
