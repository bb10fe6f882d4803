/* What eval openset opens, and how its points are printed. */
#include "eval/openset_run.h"

#include <math.h>
#include <string.h>

#include "common/encoded.h"
#include "common/look_needs.h"
#include "common/cli.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/same_photo.h"
#include "secondlook_eval.h"

enum { KEY_PEOPLE = 0x300, KEY_LIMIT, KEY_SAME_PHOTO_BY, KEY_ENCODER };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    openset_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->of;
        state->child_inputs[1] = &run->match;
        state->child_inputs[2] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_PEOPLE: run->options.people = cli_parse_people(state, arg); return 0;
    case KEY_SAME_PHOTO_BY: run->options.same_photo = cli_parse_same_photo(state, arg); return 0;
    case KEY_ENCODER: run->models.engine.encoder = arg; return 0;
    case KEY_LIMIT: run->options.limit = (size_t)cli_parse_int(state, "--limit", arg, 1, 1000000000); return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s' was not expected", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    CLI_OPTION_PEOPLE(KEY_PEOPLE),
    {"limit", KEY_LIMIT, "N", 0, "At most N queries, evenly spaced", 0},
    CLI_OPTION_SAME_PHOTO_BY(KEY_SAME_PHOTO_BY),
    CLI_OPTION_ENCODER(KEY_ENCODER, "auto"),
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {{&cli_galleries_argp, 0, 0, 0},
                                             {&cli_match_argp, 0, "The second look:", 1},
                                             {&cli_models_argp, 0, "Networks (for looks that need the model):", 2},
                                             {0}};
const struct argp cli_openset_argp = {options, parse, 0, 0, children, 0, 0};

openset_run cli_openset_defaults(void)
{
    return (openset_run){.match = cli_match_defaults()};
}

int cli_openset_open(openset_run *run)
{
    cli_catch_interrupts();
    int code = cli_galleries_open(&run->of);
    if (code)
        return code;
    if ((code = cli_open_searching(&run->of, &run->models, &run->engine)))
        return code;
    code = cli_open_oae(&run->match, &run->models, run->engine, run->of.gallery, &run->oae);
    run->options.match = run->match.match;
    run->options.match.threads = run->models.threads;
    run->options.progress = cli_progress_step;
    return code;
}

void cli_openset_close(openset_run *run)
{
    sl_oae_close(run->oae);
    sl_look_close(run->match.look);
    sl_engine_close(run->engine);
    cli_galleries_close(&run->of);
}

/* ------------------------------------------------------------------ points */

static json_t *interval_json(const sl_interval *i)
{
    return isnan(i->mean) ? json_null()
                          : json_pack("{s:f,s:f,s:f}", "mean", i->mean, "low", i->low, "high", i->high);
}

json_t *cli_openset_point_json(double asked, const sl_openset_point *p)
{
    return json_pack("{s:f,s:o,s:o,s:o}", "asked", 100 * asked, "threshold", cli_json_number(p->threshold), "fpir",
                     interval_json(&p->fpir), "fnir", interval_json(&p->fnir));
}

void cli_openset_print_head(const char *what)
{
    printf("\n%-24s %10s   %-24s %-24s\n", what, "threshold", "FPIR measured, 95 %", "FNIR, 95 %");
}

static void print_interval(const sl_interval *i)
{
    if (isnan(i->mean))
        printf("   %-22s", "-");
    else
        printf("   %6.3f (%.3f - %.3f)%*s", i->mean, i->low, i->high, 2, "");
}

void cli_openset_print_point(double asked, const sl_openset_point *p)
{
    printf("  FPIR %-5g %%            ", 100 * asked);
    if (isnan(p->fpir.mean)) {
        printf("%10s   too few searches to tell\n", "-");
        return;
    }
    if (isnan(p->threshold))
        printf("%10s", "by hiding");
    else
        printf("%10.4f", p->threshold);
    print_interval(&p->fpir);
    print_interval(&p->fnir);
    putchar('\n');
}
