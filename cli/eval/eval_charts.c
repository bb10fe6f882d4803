/* Charts of eval identify: CMC, P@1 and its difference to stage 1 with intervals, curves over alpha and over k. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/eval_identify.h"
#include "common/output.h"
#include "eval/svg.h"
#include "secondlook_eval.h"

enum { MAX_SERIES = 12, NAME = 160 };
enum { LETTER = 8, NAME_LINES = 2, BAR_GAP = 24, LEAST_WIDTH = 760, MOST_WIDTH = 4000 }; /* pixels, of bars */

/* What is drawn beside each other: numbers and names of the series, in one block. */
typedef struct {
    sl_chart_series series[MAX_SERIES];
    char names[MAX_SERIES][NAME];
    double *numbers; /* [MAX_SERIES, 4, points] */
    size_t count, points;
} plot;

static bool plot_open(plot *p, size_t points)
{
    *p = (plot){.points = points, .numbers = calloc(MAX_SERIES * 4 * points, sizeof *p->numbers)};
    if (!p->numbers)
        cli_warn("no memory for the charts");
    return p->numbers != NULL;
}

/* A new series with its arrays x, y, low, high of `points` numbers. NULL when there is no room for it. */
static sl_chart_series *plot_add(plot *p, const char *name, double *arrays[4])
{
    if (p->count == MAX_SERIES)
        return NULL;
    for (size_t i = 0; i < 4; i++)
        arrays[i] = p->numbers + (p->count * 4 + i) * p->points;
    snprintf(p->names[p->count], NAME, "%s", name);
    p->series[p->count] = (sl_chart_series){.name = p->names[p->count], .x = arrays[0], .y = arrays[1]};
    return &p->series[p->count++];
}

/* "12 queries against 34 faces, own photos left out" */
static void note_of(const eval_run *run, char text[NAME])
{
    const sl_evaluation *e = &run->results[0];
    snprintf(text, NAME, "%zu queries against %zu faces, own photos %s", e->queries, e->gallery,
             run->options.exclude_same_photo ? "left out" : "included");
}

/* Stage 1's name, by what tells the configurations apart. */
static void name_first(const eval_run *run, size_t c, char *name, size_t size)
{
    bool wanted[SWEEP_FIELDS];
    cli_sweep_differing(run->configs, run->count, wanted);
    cli_sweep_first_name(&run->configs[c], wanted, name, size);
}

/* The fields by which a configuration is told from the others, and its rerank; `without` one, SWEEP_FIELDS for none. */
static void name_config(const eval_run *run, size_t c, sweep_field without, char *name, size_t size)
{
    bool wanted[SWEEP_FIELDS];
    cli_sweep_differing(run->configs, run->count, wanted);
    wanted[SWEEP_RERANK] = true;
    if (without < SWEEP_FIELDS)
        wanted[without] = false;
    cli_sweep_name(&run->configs[c], wanted, name, size);
}

/* Configurations with a second look, highest P@1 first: out [run->count]. */
static size_t best_first(const eval_run *run, size_t *out)
{
    size_t n = 0;
    for (size_t c = 0; c < run->count; c++) {
        if (!cli_looks_again(&run->configs[c].match))
            continue;
        size_t at = n++;
        for (;
             at > 0 && run->results[out[at - 1]].stage2.metric[SL_P1].mean < run->results[c].stage2.metric[SL_P1].mean;
             at--)
            out[at] = out[at - 1];
        out[at] = c;
    }
    return n;
}

/* ---- CMC ---- */

static void add_cmc(plot *p, const char *name, const double cmc[SL_CMC_RANKS])
{
    double *arrays[4];
    sl_chart_series *s = plot_add(p, name, arrays);
    if (!s)
        return;
    s->count = SL_CMC_RANKS;
    for (int r = 0; r < SL_CMC_RANKS; r++) {
        arrays[0][r] = r + 1;
        arrays[1][r] = cmc[r];
    }
}

static int draw_cmc(const eval_run *run, const size_t *order, size_t n)
{
    plot p;
    char name[NAME], note[NAME];
    if (!plot_open(&p, SL_CMC_RANKS))
        return CLI_FAILED;
    for (size_t c = 0; c < run->count; c++)
        if (cli_eval_starts_ranking(run, c) && p.count < MAX_SERIES / 2) {
            name_first(run, c, name, sizeof name);
            add_cmc(&p, name, run->results[c].stage1_cmc);
        }
    for (size_t i = 0; i < n; i++) {
        name_config(run, order[i], SWEEP_FIELDS, name, sizeof name);
        add_cmc(&p, name, run->results[order[i]].stage2_cmc);
    }
    note_of(run, note);
    const sl_chart chart = {.title = "Cumulative match characteristic", .note = note, .x = {"rank", 1, 1, SL_CMC_RANKS},
                            .y = {"queries found, %", 0, NAN, 100}, .series = p.series, .series_count = p.count};
    int code = cli_write_svg(run->svg_dir, "cmc.svg", run->there, &chart);
    free(p.numbers);
    return code;
}

/* ---- bars ---- */

typedef struct {
    plot p;
    char names[MAX_SERIES][NAME];
    const char *categories[MAX_SERIES];
    size_t count, longest;
    double *arrays[4];
} bars;

/* A bar, named already. */
static void add_bar(bars *b, const sl_interval *value)
{
    size_t length = strlen(b->names[b->count]);
    b->longest = length > b->longest ? length : b->longest;
    b->categories[b->count] = b->names[b->count];
    b->arrays[1][b->count] = value->mean;
    b->arrays[2][b->count] = value->low;
    b->arrays[3][b->count++] = value->high;
}

/* P@1 of every stage 1 and of the configurations, or the configurations' differences to theirs. */
static int draw_bars(const eval_run *run, const size_t *order, size_t n, bool difference)
{
    bars b = {.count = 0};
    char note[NAME];
    if (!plot_open(&b.p, MAX_SERIES))
        return CLI_FAILED;
    sl_chart_series *s = plot_add(&b.p, "", b.arrays);
    for (size_t c = 0; c < run->count && !difference; c++)
        if (cli_eval_starts_ranking(run, c) && b.count < MAX_SERIES / 2) {
            name_first(run, c, b.names[b.count], NAME);
            add_bar(&b, &run->results[c].stage1.metric[SL_P1]);
        }
    for (size_t i = 0; i < n && b.count < MAX_SERIES; i++) {
        const sl_evaluation *e = &run->results[order[i]];
        name_config(run, order[i], SWEEP_FIELDS, b.names[b.count], NAME);
        add_bar(&b, difference ? &e->difference.metric[SL_P1] : &e->stage2.metric[SL_P1]);
    }
    *s = (sl_chart_series){.y = b.arrays[1], .low = b.arrays[2], .high = b.arrays[3], .count = b.count};
    note_of(run, note);
    size_t width = b.count * (b.longest * LETTER / NAME_LINES + BAR_GAP); /* room for names in lines */
    const sl_chart chart = {.kind = SL_CHART_BARS, .title = difference ? "Stage 2 less stage 1" : "Precision at 1",
                            .note = note, .y = {difference ? "P@1, points" : "P@1, %", 0, NAN, NAN}, .series = s,
                            .series_count = 1, .categories = b.categories, .category_count = b.count,
                            .width = width < LEAST_WIDTH ? LEAST_WIDTH : width > MOST_WIDTH ? MOST_WIDTH : (int)width};
    int code = cli_write_svg(run->svg_dir, difference ? "difference.svg" : "p1.svg", run->there, &chart);
    free(b.p.numbers);
    return code;
}

/* ---- curves ---- */

static double field_number(const sl_eval_config *c, sweep_field field)
{
    return field == SWEEP_K ? c->match.k : (double)c->match.alpha;
}

/* The series of this name, a new one where there is none, with its arrays; NULL: no room. */
static sl_chart_series *series_named(plot *p, const char *name, double *arrays[4])
{
    for (size_t s = 0; s < p->count; s++)
        if (!strcmp(p->names[s], name)) {
            for (size_t i = 0; i < 4; i++)
                arrays[i] = p->numbers + (s * 4 + i) * p->points;
            return &p->series[s];
        }
    return plot_add(p, name, arrays);
}

/* Puts a point into the series, x ascending, each x once. */
static void add_point(plot *p, const char *name, bool markers, double x, double y)
{
    double *arrays[4];
    sl_chart_series *s = series_named(p, name, arrays);
    if (!s)
        return;
    size_t at = s->count;
    for (size_t i = 0; i < s->count; i++)
        if (arrays[0][i] == x)
            return;
    for (; at > 0 && arrays[0][at - 1] > x; at--) {
        arrays[0][at] = arrays[0][at - 1];
        arrays[1][at] = arrays[1][at - 1];
    }
    arrays[0][at] = x;
    arrays[1][at] = y;
    s->markers = markers;
    s->count++;
}

/* P@1 over a setting: a line for each of the other settings, and the levels of stage 1. */
static int draw_curves(const eval_run *run, const size_t *order, size_t n, sweep_field field)
{
    plot p;
    char name[NAME], title[NAME], note[NAME], file[NAME];
    if (!plot_open(&p, run->count))
        return CLI_FAILED;
    for (int second = 0; second < 2; second++)
        for (size_t i = 0; i < n; i++) {
            const sl_evaluation *e = &run->results[order[i]];
            if (second)
                name_config(run, order[i], field, name, sizeof name);
            else
                name_first(run, order[i], name, sizeof name);
            add_point(&p, name, second, field_number(&run->configs[order[i]], field),
                      second ? e->stage2.metric[SL_P1].mean : e->stage1.metric[SL_P1].mean);
        }
    note_of(run, note);
    snprintf(title, sizeof title, "Precision at 1 over %s", cli_sweep_heading(field));
    snprintf(file, sizeof file, "%s.svg", cli_sweep_heading(field));
    const sl_chart chart = {.title = title, .note = note, .x = {cli_sweep_heading(field), field == SWEEP_K, NAN, NAN},
                            .y = {"P@1, %", 0, NAN, NAN}, .series = p.series, .series_count = p.count};
    int code = cli_write_svg(run->svg_dir, file, run->there, &chart);
    free(p.numbers);
    return code;
}

int cli_eval_draw_charts(const eval_run *run)
{
    bool differ[SWEEP_FIELDS];
    size_t *order = calloc(run->count, sizeof *order);
    if (!order) {
        cli_warn("no memory for the charts");
        return CLI_FAILED;
    }
    size_t n = best_first(run, order);
    cli_sweep_differing(run->configs, run->count, differ);
    int code = draw_cmc(run, order, n);
    if (!code)
        code = draw_bars(run, order, n, false);
    if (!code && n)
        code = draw_bars(run, order, n, true);
    if (!code && differ[SWEEP_ALPHA])
        code = draw_curves(run, order, n, SWEEP_ALPHA);
    if (!code && differ[SWEEP_K])
        code = draw_curves(run, order, n, SWEEP_K);
    if (!code && n + 1 > MAX_SERIES)
        cli_warn("%s: a chart shows the best %d of %zu configurations at most", run->svg_dir, MAX_SERIES - 1, n);
    free(order);
    return code;
}
