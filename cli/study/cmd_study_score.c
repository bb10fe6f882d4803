/* secondlook study score: what participants' answers come to. */
#define _GNU_SOURCE
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/output_files.h"
#include "common/options.h"
#include "secondlook_study.h"
#include "study/study_commands.h"

enum { KEY_CSV = CLI_KEY_OWN, KEY_SVG, KEY_SEED };

typedef struct {
    cli_list paths; /* the study's folder, then answers */
    const char *csv, *svg;
    uint64_t seed;
    bool json;

    sl_study *study;
    size_t repeated;
    json_t *refused; /* [{"where", "reason"}] */
} score_run;

static const struct argp_option options[] = {
    {"csv", KEY_CSV, "FILE", 0, "Write a line per participant and arm", 0},
    {"svg", KEY_SVG, "FILE", 0, "Draw the arms' accuracies with their intervals", 0},
    {"seed", KEY_SEED, "S", 0, "Of the bootstrap (default: 1)", 0},
    CLI_OPTION_JSON,
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    score_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_CSV: run->csv = arg; return 0;
    case KEY_SVG: run->svg = arg; return 0;
    case KEY_SEED: run->seed = (uint64_t)cli_parse_int(state, "--seed", arg, 0, INT64_MAX); return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_END:
        if (!run->paths.count)
            argp_error(state, "the study's DIR is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options,
    parse,
    "DIR [ANSWERS...]",
    "Scores a study: for each arm the mean and standard deviation of the participants' accuracies with a 95 % "
    "bootstrap interval over participants, and arms beside each other by an exact sign-flip permutation test in the "
    "same participants, with Holm's correction. DIR is the folder that 'study make' wrote; answers are read from "
    "DIR/answers.jsonl, where secondlook-server puts them, and from ANSWERS: files that participants saved (.json), or "
    "folders of them. Who left out a pair of an arm does not count in that arm. What is refused is told, and the "
    "exit code is 1 then.\v"
    "Examples:\n"
    "  secondlook study score study\n"
    "  secondlook study score study answers/ --svg accuracies.svg --csv lines.csv\n"
    "  secondlook study score study answers-1.json answers-2.json --json",
    0,
    0,
    0};

/* ---- answers ---- */

static void told(void *context, const char *where, const sl_study_sheet *sheet, const sl_error *why)
{
    score_run *run = context;
    if (sheet) {
        run->repeated += (size_t)sheet->repeated;
        return;
    }
    json_array_append_new(run->refused,
                          json_pack("{s:o,s:o}", "where", cli_json_text(where), "reason", cli_json_text(why->text)));
    cli_warn("%s: not taken: %s", where, why->text);
}

static int take_file(score_run *run, const char *path)
{
    sl_error err = {0};
    return sl_study_take_file(run->study, path, told, run, &err) ? cli_fail(NULL, &err) : CLI_OK;
}

static int is_answers(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot != entry->d_name && (!strcmp(dot, ".json") || !strcmp(dot, ".jsonl"));
}

/* The .json and .jsonl files of a folder, by name. */
static int take_folder(score_run *run, const char *dir)
{
    struct dirent **entries;
    int code = CLI_OK;
    const int count = scandir(dir, &entries, is_answers, alphasort);
    if (count < 0) {
        cli_warn("%s: cannot be read", dir);
        return CLI_FAILED;
    }
    for (int i = 0; i < count; i++) {
        char *path;
        if (!code)
            code = asprintf(&path, "%s/%s", dir, entries[i]->d_name) < 0 ? CLI_FAILED : take_file(run, path);
        if (!code)
            free(path);
        free(entries[i]);
    }
    free(entries);
    return code;
}

static int take_path(score_run *run, const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? take_folder(run, path) : take_file(run, path);
}

/* What the server took, where it did, and what was named. */
static int take_all(score_run *run)
{
    struct stat st;
    char *own;
    if (asprintf(&own, "%s/answers.jsonl", run->paths.items[0]) < 0) {
        cli_warn("no memory");
        return CLI_FAILED;
    }
    int code = stat(own, &st) == 0 ? take_file(run, own) : CLI_OK;
    free(own);
    for (size_t i = 1; i < run->paths.count && !code; i++)
        code = take_path(run, run->paths.items[i]);
    return code;
}

/* ---- results ---- */

static int print_json(const score_run *run, const sl_study_result *r)
{
    char *text;
    sl_error err = {0};
    if (sl_study_result_json(r, &text, &err))
        return cli_fail(NULL, &err);
    json_t *document = json_loads(text, 0, NULL);
    free(text);
    json_object_set_new(document, "repeated", json_integer((json_int_t)run->repeated));
    json_object_set(document, "refused", run->refused);
    return cli_print_json(document);
}

static void print_figure(const char *form, double value)
{
    char text[32] = "-";
    if (!isnan(value))
        snprintf(text, sizeof text, "%.*f", *form - '0', value);
    printf("  %8s", text);
}

static void print_interval(double low, double high)
{
    char text[32] = "-";
    if (!isnan(low))
        snprintf(text, sizeof text, "%.2f .. %.2f", low, high);
    printf("  %16s", text);
}

static void print_p(double p)
{
    char text[32] = "-";
    if (!isnan(p))
        snprintf(text, sizeof text, p < .0001 ? "%.1e" : "%.4f", p);
    printf("  %8s", text);
}

static void print_arms(const sl_study_result *r)
{
    printf("%-8s  people  left out      mean       std     95 %% interval  says yes   seconds\n", "arm");
    for (int i = 0; i < r->arm_count; i++) {
        const sl_study_arm_score *a = &r->arms[i];
        printf("%-8s  %6zu  %8zu", sl_study_arm_name(a->arm), a->participants, a->incomplete);
        print_figure("2", a->mean);
        print_figure("2", a->std);
        print_interval(a->low, a->high);
        print_figure("2", a->yes);
        print_figure("1", a->seconds);
        putchar('\n');
    }
}

static void print_differences(const sl_study_result *r)
{
    printf("\n%-14s  people  difference  95 %% interval         p    p, Holm\n", "compared");
    for (int i = 0; i < r->difference_count; i++) {
        const sl_study_difference *d = &r->differences[i];
        char name[32];
        snprintf(name, sizeof name, "%s - %s", sl_study_arm_name(d->a), sl_study_arm_name(d->b));
        printf("%-14s  %6zu", name, d->participants);
        print_figure("2", d->difference);
        print_interval(d->low, d->high);
        print_p(d->p);
        print_p(d->p_holm);
        putchar('\n');
    }
}

static int print_text(const score_run *run, const sl_study_result *r)
{
    printf("%zu participant%s, %d pairs of each arm, %d of them of one person: chance is %.2f %%\n", r->participants,
           r->participants == 1 ? "" : "s", r->pairs, r->same, r->chance);
    printf("%zu answers missing, %zu after less than .2 s, %zu after more than 10 minutes; taken twice: %zu, refused: "
           "%zu\n\n", r->missing, r->hasty, r->slow, run->repeated, json_array_size(run->refused));
    print_arms(r);
    print_differences(r);
    printf("\nPercent. Intervals: 2,000 bootstrap resamples of the participants. p: exact sign-flip permutation test\n"
           "of the same participants' differences, two-sided.\n");
    return CLI_OK;
}

static int write_files(const score_run *run, const sl_study_result *r)
{
    sl_error err = {0};
    if (run->csv && sl_study_write_csv(run->study, run->csv, &err))
        return cli_fail(NULL, &err);
    if (run->svg && sl_study_write_chart(r, run->svg, &err))
        return cli_fail(run->svg, &err);
    return CLI_OK;
}

static int score(score_run *run)
{
    sl_study_result r;
    sl_error err = {0};
    if (sl_study_open(run->paths.items[0], &run->study, &err))
        return cli_fail(NULL, &err);
    int code = take_all(run);
    if (!code && sl_study_score(run->study, run->seed, &r, &err))
        code = cli_fail(NULL, &err);
    if (!code)
        code = run->json ? print_json(run, &r) : print_text(run, &r);
    if (!code)
        code = write_files(run, &r);
    return code ? code : json_array_size(run->refused) ? CLI_FAILED : CLI_OK;
}

int cmd_study_score(int argc, char **argv)
{
    score_run run = {.seed = 1};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    const char *const *inputs = (const char *const *)run.paths.items;
    if ((run.csv && cli_check_output(run.csv, inputs, run.paths.count)) ||
        (run.svg && cli_check_output(run.svg, inputs, run.paths.count)))
        return CLI_FAILED;
    run.refused = json_array();
    const int code = score(&run);
    sl_study_close(run.study);
    json_decref(run.refused);
    free(run.paths.items);
    return code;
}
