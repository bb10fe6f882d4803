/* secondlook bench stage1: the k nearest of a gallery in memory, by the embeddings themselves and by their codes, in
 * turn with reading memory alone, which neither can beat. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "common/output.h"
#include "common/progress.h"

enum { KEY_FACES = CLI_KEY_OWN, KEY_DIM, KEY_QUERIES, KEY_THREADS, KEY_SECONDS, KEY_ANSWERS, MAX_THREADS = 256 };

enum { READ, EMBEDDINGS, CODES, WAYS };

typedef struct {
    int faces, dim, queries, k, threads;
    double seconds, codes_cpu; /* codes_cpu: processor time of the quickest scan by codes */
    bool json, answers;
    float *bank, *queries_at, *score; /* [faces, dim], [queries, dim], [queries, k] */
    uint32_t *index;                  /* [queries, k] */
    sl_cosine_bank *coded;
} stage1_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    stage1_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_FACES: run->faces = (int)cli_parse_int(state, "--faces", arg, 1, 100000000); return 0;
    case KEY_DIM: run->dim = (int)cli_parse_int(state, "--dim", arg, 1, 4096); return 0;
    case KEY_QUERIES: run->queries = (int)cli_parse_int(state, "--queries", arg, 1, 10000); return 0;
    case 'k': run->k = (int)cli_parse_int(state, "-k", arg, 1, 100000); return 0;
    case KEY_THREADS: run->threads = (int)cli_parse_int(state, "--threads", arg, 1, MAX_THREADS); return 0;
    case KEY_SECONDS: run->seconds = cli_parse_real(state, "--seconds", arg, .01, 3600); return 0;
    case KEY_ANSWERS: run->answers = true; return 0;
    case ARGP_KEY_ARG: cli_usage(state, "'%s': takes no arguments", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    CLI_OPTION_JSON,
    {"answers", KEY_ANSWERS, 0, 0, "Each query's nearest faces in the result as well", 0},
    {"faces", KEY_FACES, "N", 0, "Faces in the gallery (default: 1000000)", 0},
    {"dim", KEY_DIM, "D", 0, "Length of an embedding (default: 128)", 0},
    {"queries", KEY_QUERIES, "N", 0, "Queries at a time (default: 1)", 0},
    {"candidates", 'k', "K", 0, "Nearest faces to find (default: 100)", 0},
    {"threads", KEY_THREADS, "N", 0, "Threads (default: all processors)", 0},
    {"seconds", KEY_SECONDS, "S", 0, "Measure at least this long (default: 2)", 0},
    {0},
};
static const struct argp parser = {
    options,
    parse,
    0,
    "Time of the k largest cosines of each query with a whole gallery in memory, exactly: by the embeddings (f32) and "
    "by 8-bit codes that say which embeddings to look at (codes, the same answer), in turn with reading the "
    "embeddings and doing nothing else (read).\v"
    "Example: secondlook bench stage1 --queries 8 --json",
    0,
    0,
    0};

/* ---- reading alone ---- */

typedef struct {
    const uint64_t *at, *end;
    uint64_t sum;
} stretch;

static void *read_stretch(void *context)
{
    stretch *s = context;
    uint64_t sum[16] = {0};
    const uint64_t *p = s->at;
    for (; s->end - p >= 16; p += 16)
        for (int i = 0; i < 16; i++)
            sum[i] += p[i];
    for (int i = 0; i < 16; i++)
        s->sum += sum[i];
    return NULL;
}

static sl_status read_all(const stage1_run *run)
{
    static volatile uint64_t seen; /* or nothing would be read */
    pthread_t threads[MAX_THREADS];
    stretch parts[MAX_THREADS];
    const uint64_t *words = (const uint64_t *)run->bank;
    size_t count = (size_t)run->faces * (size_t)run->dim / 2, n = (size_t)run->threads, started = 0;
    for (size_t i = 0; i < n; i++)
        parts[i] = (stretch){words + count * i / n, words + count * (i + 1) / n, 0};
    while (started + 1 < n && !pthread_create(&threads[started], NULL, read_stretch, &parts[started]))
        started++;
    for (size_t i = started; i < n; i++)
        read_stretch(&parts[i]);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < n; i++)
        seen += parts[i].sum;
    return SL_OK;
}

/* ---- the three in turn ---- */

/* What other work on the machine does not lengthen, but for the caches that it empties. */
static double processor_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static sl_status one_way(void *context, int way, sl_error *err)
{
    stage1_run *run = context;
    if (way == READ)
        return read_all(run);
    const sl_vectors bank = {run->bank, (size_t)run->faces, run->dim};
    const sl_vectors queries = {run->queries_at, (size_t)run->queries, run->dim};
    if (way == EMBEDDINGS)
        return sl_cosine_top(&bank, &queries, run->k, run->threads, run->index, run->score, err);
    const double start = processor_seconds();
    sl_status status =
        sl_cosine_bank_top(run->coded, &queries, run->k, run->threads, run->index, run->score, err);
    const double took = processor_seconds() - start;
    run->codes_cpu = run->codes_cpu > 0 && run->codes_cpu < took ? run->codes_cpu : took;
    return status;
}

static void fill_units(float *out, size_t count, int dim, uint64_t *seed)
{
    for (size_t i = 0; i < count; i++, out += dim) {
        float sum = 0;
        for (int d = 0; d < dim; d++) {
            out[d] = bench_random(seed);
            sum += out[d] * out[d];
        }
        for (int d = 0; d < dim; d++)
            out[d] /= sqrtf(sum) + 1e-12f;
    }
}

static bool make_data(stage1_run *run)
{
    size_t queries = (size_t)run->queries;
    uint64_t seed = 2;
    run->k = run->k < run->faces ? run->k : run->faces;
    size_t found = queries * (size_t)run->k;
    run->bank = malloc((size_t)run->faces * (size_t)run->dim * sizeof(float));
    run->queries_at = malloc(queries * (size_t)run->dim * sizeof(float));
    run->index = malloc(found * sizeof *run->index);
    run->score = malloc(found * sizeof *run->score);
    if (!run->bank || !run->queries_at || !run->index || !run->score)
        return false;
    fill_units(run->bank, (size_t)run->faces, run->dim, &seed);
    fill_units(run->queries_at, queries, run->dim, &seed);
    return true;
}

/* Of each query, by falling cosine: what the codes found last. */
static json_t *nearest_faces(const stage1_run *run)
{
    json_t *all = json_array();
    for (int q = 0; q < run->queries; q++) {
        json_t *nearest = json_array();
        for (int i = 0; i < run->k; i++)
            json_array_append_new(nearest, json_integer(run->index[q * run->k + i]));
        json_array_append_new(all, nearest);
    }
    return all;
}

static int report(const stage1_run *run, const double *median, double make_codes, double start)
{
    const double bytes = (double)run->faces * run->dim * sizeof(float), queries = run->queries;
    json_t *result = json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:i,s:i,s:i,s:i}", "f32_ms_per_query",
        cli_json_number(1e3 * median[EMBEDDINGS] / queries), "codes_ms_per_query",
        cli_json_number(1e3 * median[CODES] / queries), "codes_cpu_ms_per_query",
        cli_json_number(1e3 * run->codes_cpu / queries), "read_ms", cli_json_number(1e3 * median[READ]),
        "read_gb_per_s", cli_json_number(bytes / median[READ] * 1e-9),
        "f32_share_of_read", /* a batch reads the bank once for many */
        cli_json_number(median[READ] / median[EMBEDDINGS]), "make_codes_ms", cli_json_number(1e3 * make_codes), "faces",
        run->faces, "dim", run->dim, "queries", run->queries, "k", run->k);
    if (run->answers)
        json_object_set_new(result, "nearest", nearest_faces(run));
    bench_stamp(result, run->threads, cli_now() - start);
    return bench_print(result, run->json);
}

int bench_stage1(int argc, char **argv)
{
    stage1_run run = {.faces = 1000000, .dim = 128, .queries = 1, .k = 100, .seconds = 2};
    sl_error err = {0};
    double median[WAYS], make_codes = 0, start = cli_now();
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    run.threads = cli_thread_count(run.threads);
    int code = bench_fits((double)run.faces * run.dim * 5.2 + (double)run.queries * run.k * 8);
    if (!code && !make_data(&run)) {
        cli_warn("no memory for %d faces", run.faces);
        code = CLI_FAILED;
    }
    if (!code) {
        sl_status status = sl_isa_check(&err);
        const sl_vectors bank = {run.bank, (size_t)run.faces, run.dim};
        double begin = cli_now();
        if (!status)
            status = sl_cosine_bank_open(&bank, run.threads, &run.coded, &err);
        make_codes = cli_now() - begin;
        if (!status)
            status = bench_in_turn(one_way, &run, WAYS, run.seconds, median, &err);
        code = status ? cli_fail(NULL, &err) : report(&run, median, make_codes, start);
    }
    sl_cosine_bank_close(run.coded);
    free(run.bank), free(run.queries_at), free(run.index), free(run.score);
    return code;
}
