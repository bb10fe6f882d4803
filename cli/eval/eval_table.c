/* The results of eval identify as a table: a row for each configuration, the best marked. */
#include <string.h>

#include "eval/eval_identify.h"
#include "common/output.h"
#include "secondlook_eval.h"

/* Widths of the columns that say what a configuration is. */
typedef struct {
    bool shown[SWEEP_FIELDS];
    int width[SWEEP_FIELDS];
    int total;
} columns;

static columns columns_of(const eval_run *run)
{
    columns c = {0};
    char buffer[SWEEP_VALUE];
    cli_sweep_differing(run->configs, run->count, c.shown);
    c.shown[SWEEP_RERANK] = true;
    for (sweep_field f = 0; f < SWEEP_FIELDS; f++) {
        c.width[f] = (int)strlen(cli_sweep_heading(f));
        for (size_t i = 0; i < run->count; i++) {
            int n = (int)strlen(cli_sweep_value(&run->configs[i], f, buffer));
            c.width[f] = n > c.width[f] ? n : c.width[f];
        }
        c.total += c.shown[f] ? c.width[f] + 2 : 0;
    }
    return c;
}

static void print_head(const columns *c)
{
    printf("  ");
    for (sweep_field f = 0; f < SWEEP_FIELDS; f++)
        if (c->shown[f])
            printf("%-*s  ", c->width[f], cli_sweep_heading(f));
    printf("%6s  %-15s %6s %6s   %-24s %5s %5s %7s %8s\n", "P@1", "95 %", "RP", "MAP@R", "P@1 - stage 1's, 95 %",
           "won", "lost", "best", "seconds");
}

static void print_rates(const sl_retrieval *r)
{
    char range[32];
    snprintf(range, sizeof range, "%.2f - %.2f", r->metric[SL_P1].low, r->metric[SL_P1].high);
    printf("%6.2f  %-15s %6.2f %6.2f", r->metric[SL_P1].mean, range, r->metric[SL_RP].mean, r->metric[SL_MAPR].mean);
}

/* The first ranking that configuration `at` stands on. */
static void print_stage1(const eval_run *run, const columns *c, size_t at)
{
    const sl_evaluation *e = &run->results[at];
    char name[256];
    cli_sweep_first_name(&run->configs[at], c->shown, name, sizeof name);
    printf("  %-*s", c->total, name);
    print_rates(&e->stage1);
    printf("   %-24s %5s %5s %7s %8.1f\n", "", "", "", "", e->seconds_stage1);
}

static void print_row(const eval_run *run, const columns *c, size_t at, bool best)
{
    const sl_evaluation *e = &run->results[at];
    char buffer[SWEEP_VALUE], gain[48];
    printf("%c ", best ? '*' : ' ');
    for (sweep_field f = 0; f < SWEEP_FIELDS; f++)
        if (c->shown[f])
            printf("%-*s  ", c->width[f], cli_sweep_value(&run->configs[at], f, buffer));
    print_rates(&e->stage2);
    snprintf(gain, sizeof gain, "%+.2f (%+.2f to %+.2f)", e->difference.metric[SL_P1].mean,
             e->difference.metric[SL_P1].low, e->difference.metric[SL_P1].high);
    printf("   %-24s %5zu %5zu %7.2f %8.1f\n", gain, e->won, e->lost, e->max.metric[SL_P1].mean, e->seconds_stage2);
}

bool cli_eval_starts_ranking(const eval_run *run, size_t at)
{
    for (size_t i = 0; i < at; i++) /* one ranking has one set of rates */
        if (run->configs[i].first == run->configs[at].first &&
            memcmp(&run->results[i].stage1, &run->results[at].stage1, sizeof run->results[at].stage1) == 0)
            return false;
    return true;
}

/* What all rows have in common that it means something to. */
static void print_common(const eval_run *run, const columns *c)
{
    const char *separator = "";
    for (sweep_field f = SWEEP_LOOK; f < SWEEP_FIELDS; f++) {
        char buffer[SWEEP_VALUE];
        const char *value = "-";
        for (size_t i = 0; i < run->count && *value == '-'; i++)
            value = cli_sweep_value(&run->configs[i], f, buffer);
        if (c->shown[f] || *value == '-')
            continue;
        printf("%s%s %s", separator, cli_sweep_heading(f), value);
        separator = ", ";
    }
    putchar('\n');
}

int cli_eval_print_table(const eval_run *run)
{
    const sl_evaluation *any = &run->results[0];
    const columns c = columns_of(run);
    size_t best = 0;
    for (size_t i = 1; i < run->count; i++)
        if (run->results[i].stage2.metric[SL_P1].mean > run->results[best].stage2.metric[SL_P1].mean)
            best = i;
    printf("%zu queries against %zu faces; %zu queries with nobody to be found are left out\n", any->queries,
           any->gallery, any->unmatched);
    if (run->options.exclude_same_photo && run->of.queries != run->of.gallery)
        printf("own photos passed over: of %zu of %zu queries\n", any->own_photos, any->own_photos_of);
    print_common(run, &c);
    putchar('\n');
    print_head(&c);
    for (size_t i = 0; i < run->count; i++) {
        if (cli_eval_starts_ranking(run, i))
            print_stage1(run, &c, i);
        if (cli_looks_again(&run->configs[i].match))
            print_row(run, &c, i, i == best && run->count > 1);
    }
    printf("\nbest: P@1 of the best order of the k candidates%s\n",
           run->count > 1 ? "; * the highest P@1; seconds of configurations that share scores are the same" : "");
    return CLI_OK;
}
