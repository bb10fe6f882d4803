/* secondlook bench search: faces of one gallery identified in another, features given: both stages, and what is gained
 * by sparing the solver. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "common/gallery_options.h"
#include "common/look_needs.h"
#include "common/output.h"
#include "common/progress.h"

enum { KEY_TOP = CLI_KEY_OWN, KEY_LIMIT, KEY_ROUNDS, CHUNK = 256 };

/* Answers to one chunk of queries, in one of two ways. */
typedef struct {
    double seconds, cpu; /* cpu: of all threads */
    size_t pairs, solver_calls, right;
    sl_answer answers[CHUNK];
} way;

typedef struct {
    cli_galleries of;
    cli_match match;
    cli_models models;
    int top;
    size_t limit;
    int rounds;
    bool json;
    sl_oae *oae;
    sl_template *templates[CHUNK];
    char *labels[CHUNK]; /* copies: entries are views */
    way spared, all;
    size_t count, differ;
} search_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    search_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->of;
        state->child_inputs[1] = &run->match;
        state->child_inputs[2] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_TOP: run->top = (int)cli_parse_int(state, "--top", arg, 1, 1000); return 0;
    case KEY_LIMIT: run->limit = (size_t)cli_parse_int(state, "--limit", arg, 1, 1000000000); return 0;
    case KEY_ROUNDS: run->rounds = (int)cli_parse_int(state, "--rounds", arg, 1, 1000); return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s': takes no arguments", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"top", KEY_TOP, "N", 0, "People wanted for each query (default: 1)", 0},
    {"limit", KEY_LIMIT, "N", 0, "At most N queries, evenly spaced (default: all)", 0},
    {"rounds", KEY_ROUNDS, "N", 0, "All of it N times, and the figures of the last: what is made once for a gallery is "
     "made by then (default: 1)", 0},
    {0},
};
static const struct argp_child children[] = {
    {&cli_galleries_argp, 0, 0, 0},
    {&cli_match_argp, 0, "The second look:", 1},
    {&cli_models_argp, 0, "Networks:", 2},
    {0}};
static const struct argp parser = {
    options,
    parse,
    "--gallery DIR",
    "Identification of many queries whose features are at hand, stage 1 and stage 2, and what emd gains by sparing the "
    "solver where it cannot change who is found. Queries go by in turn with the solver spared and with the solver run "
    "for all k candidates; the answers of both are compared. 'right' counts first answers with the query's label.\v"
    "Example: secondlook bench search --gallery lfw --queries masked --rerank emd --json",
    children,
    0,
    0};

/* ------------------------------------------------------------------ one chunk */

static sl_status take_templates(search_run *run, const size_t *faces, size_t n, sl_error *err)
{
    for (size_t i = 0; i < n; i++) {
        sl_entry entry;
        sl_status status = sl_gallery_template(run->of.queries, faces[i], &run->templates[i], err);
        if (!status)
            status = sl_gallery_entry(run->of.queries, faces[i], &entry, err);
        if (status)
            return status;
        run->labels[i] = strdup(entry.label);
    }
    return SL_OK;
}

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static sl_status answer(search_run *run, way *w, size_t n, sl_error *err)
{
    sl_identify_options o = sl_identify_defaults();
    o.match = run->match.match;
    o.match.no_pruning = w == &run->all;
    o.top = run->top;
    const sl_rule rule = sl_rule_given(0, 0); /* decisions are not what is measured */
    o.rule = &rule;
    const double start = cli_now(), cpu = cpu_now();
    sl_status status = sl_identify_all(NULL, run->of.gallery, (const sl_template *const *)run->templates, n, &o,
                                       w->answers, err);
    if (status)
        return status;
    w->seconds += cli_now() - start;
    w->cpu += cpu_now() - cpu;
    for (size_t i = 0; i < n; i++) {
        const sl_answer *a = &w->answers[i];
        w->pairs += a->pairs;
        w->solver_calls += a->solver_calls;
        w->right += run->labels[i] && a->count && !strcmp(a->candidates[0].label, run->labels[i]);
    }
    return SL_OK;
}

static bool differ(const sl_answer *a, const sl_answer *b)
{
    if (a->count != b->count)
        return true;
    for (size_t i = 0; i < a->count; i++)
        if (a->candidates[i].entry != b->candidates[i].entry || a->candidates[i].score != b->candidates[i].score)
            return true;
    return false;
}

/* Both ways, the one that comes first by turns. */
static sl_status search_chunk(search_run *run, const size_t *faces, size_t n, bool all_first, sl_error *err)
{
    way *const first = all_first ? &run->all : &run->spared, *const second = all_first ? &run->spared : &run->all;
    sl_status status = take_templates(run, faces, n, err);
    if (!status)
        status = answer(run, first, n, err);
    if (!status)
        status = answer(run, second, n, err);
    for (size_t i = 0; i < n; i++) {
        run->differ += !status && differ(&run->spared.answers[i], &run->all.answers[i]);
        sl_answer_free(&run->spared.answers[i]);
        sl_answer_free(&run->all.answers[i]);
        sl_template_free(run->templates[i]);
        run->templates[i] = NULL;
        free(run->labels[i]);
        run->labels[i] = NULL;
    }
    return status;
}

/* ------------------------------------------------------------------ all of them */

/* Reads every face once, as the first search to meet it checks it. */
static sl_status warm_up(const sl_gallery *gallery, sl_error *err)
{
    sl_status status = SL_OK;
    for (size_t i = 0; !status && i < sl_gallery_size(gallery); i++) {
        sl_template *t;
        status = sl_gallery_template(gallery, i, &t, err);
        sl_template_free(t);
    }
    return status;
}

/* All queries once; `round` of several. */
static sl_status search_round(search_run *run, size_t round, sl_error *err)
{
    const size_t faces = sl_gallery_size(run->of.queries), total = run->count * (size_t)run->rounds;
    sl_status status = SL_OK;
    run->spared = run->all = (way){0};
    run->differ = 0;
    for (size_t at = 0, n; !status && at < run->count; at += n) {
        size_t chunk[CHUNK];
        n = run->count - at < CHUNK ? run->count - at : CHUNK;
        for (size_t i = 0; i < n; i++)
            chunk[i] = (size_t)((double)(at + i) * (double)faces / (double)run->count);
        status = search_chunk(run, chunk, n, at / CHUNK % 2, err);
        if (!status && cli_progress_step(NULL, round * run->count + at + n, total))
            status = err->status = SL_ERR_INTERRUPTED;
    }
    return status;
}

static sl_status search_all(search_run *run, sl_error *err)
{
    const size_t faces = sl_gallery_size(run->of.queries);
    sl_status status = warm_up(run->of.gallery, err);
    run->count = run->limit && run->limit < faces ? run->limit : faces;
    cli_progress_start("queries");
    for (int round = 0; !status && round < run->rounds; round++)
        status = search_round(run, (size_t)round, err);
    cli_progress_end();
    return status;
}

static json_t *result_of(const search_run *run)
{
    const way *s = &run->spared, *a = &run->all;
    const double queries = run->count ? (double)run->count : 1;
    sl_gallery_info info;
    sl_gallery_get_info(run->of.gallery, &info);
    json_t *result = json_pack(
        "{s:o,s:I,s:I,s:s,s:i,s:i,s:i,s:s,s:s,s:s,s:s,s:i}", "model", cli_json_text(info.model), "faces",
        (json_int_t)info.faces, "queries", (json_int_t)run->count, "rerank", sl_rerank_name(run->match.match.rerank),
        "rows", info.patch_rows, "cols", info.patch_cols, "channels", info.patch_channels, "solver",
        sl_solver_name(run->match.match.solver), "weighting", sl_weighting_name(run->match.match.weighting),
        "feature", sl_feature_name(run->match.match.feature), "patch_precision",
        sl_patch_compute_name(run->match.match.patch_compute), "k", run->match.match.k);
    json_object_set_new(result, "top", json_integer(run->top));
    json_object_set_new(result, "rounds", json_integer(run->rounds));
    json_object_set_new(result, "search_seconds", cli_json_number(s->seconds));
    json_object_set_new(result, "queries_per_s", cli_json_number(queries / s->seconds));
    json_object_set_new(result, "pairs_per_s", cli_json_number((double)s->pairs / s->seconds));
    json_object_set_new(result, "cpu_seconds", cli_json_number(s->cpu));
    json_object_set_new(result, "solver_calls_per_query", cli_json_number((double)s->solver_calls / queries));
    json_object_set_new(result, "exact_order_seconds", cli_json_number(a->seconds));
    json_object_set_new(result, "exact_order_cpu_seconds", cli_json_number(a->cpu));
    json_object_set_new(result, "exact_order_pairs_per_s", cli_json_number((double)a->pairs / a->seconds));
    json_object_set_new(result, "answers_that_differ", json_integer((json_int_t)run->differ));
    json_object_set_new(result, "right", json_integer((json_int_t)s->right));
    return result;
}

static int open_all(search_run *run)
{
    int code = cli_galleries_open(&run->of);
    if (code)
        return code;
    run->match.match.threads = run->models.threads;
    return cli_open_oae(&run->match, &run->models, NULL, run->of.gallery, &run->oae);
}

int bench_search(int argc, char **argv)
{
    search_run *run = calloc(1, sizeof *run);
    sl_error err = {0};
    if (!run) {
        cli_warn("no memory");
        return CLI_FAILED;
    }
    run->match = cli_match_defaults();
    run->top = 1;
    run->rounds = 1;
    argp_parse(&parser, argc, argv, 0, 0, run);
    cli_catch_interrupts();
    const double start = cli_now();
    int code = open_all(run);
    if (!code && (sl_isa_check(&err) || search_all(run, &err)))
        code = cli_fail(NULL, &err);
    if (!code) {
        json_t *result = result_of(run);
        bench_stamp(result, cli_thread_count(run->models.threads), cli_now() - start);
        code = bench_print(result, run->json);
    }
    sl_oae_close(run->oae);
    sl_look_close(run->match.look);
    cli_galleries_close(&run->of);
    free(run);
    return code;
}
