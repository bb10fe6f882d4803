/* Median time of one network's forward: forward FILE N,C,H,W THREADS PRECISION IN OUT [OUTPUT ...]. PRECISION is f32,
 * bf16, or the .int8 file of the network. IN has the input as f32, as many as the shape says (/dev/zero does for times
 * alone); the outputs, the file's own when none is named, are written to OUT one after another as f32. One JSON line.
 * bench/forward_ort.js does the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "model/int8/int8.h"
#include "net/plan/plan.h"

enum { MAX_RUNS = 2000, MAX_OUTPUTS = 64 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Runs for about two seconds after a warm-up of ten; the median in milliseconds. */
static sl_status measure(sl_plan *plan, double *median, int *runs, sl_error *err)
{
    static double times[MAX_RUNS];
    for (int i = 0; i < 10; i++)
        SL_TRY(sl_plan_run(plan, err));
    double begin = now();
    for (*runs = 0; *runs < MAX_RUNS && (*runs < 10 || now() - begin < 2); ++*runs) {
        double start = now();
        SL_TRY(sl_plan_run(plan, err));
        times[*runs] = 1e3 * (now() - start);
    }
    qsort(times, (size_t)*runs, sizeof *times, by_value);
    *median = times[*runs / 2];
    return SL_OK;
}

/* f32, bf16, or the ranges of an .int8 file, which stay in `m`. */
static sl_status choose_precision(const char *name, sl_int8_model *m, sl_plan_options *options, sl_error *err)
{
    uint8_t *data;
    size_t size;
    options->precision = strcmp(name, "bf16") == 0 ? SL_COMPUTE_BF16 : SL_COMPUTE_F32;
    if (strcmp(name, "f32") == 0 || options->precision == SL_COMPUTE_BF16)
        return SL_OK;
    SL_TRY(sl_read_file(name, 1 << 24, &data, &size, err));
    sl_status status = sl_int8_parse(data, size, name, m, err);
    free(data);
    options->precision = SL_COMPUTE_INT8;
    options->ranges = &m->ranges;
    return status;
}

static sl_status read_input(sl_plan *plan, const char *path, sl_error *err)
{
    sl_shape shape;
    float *x = sl_plan_input(plan, 0, &shape);
    const size_t n = (size_t)sl_shape_elements(&shape);
    FILE *f = fopen(path, "rb");
    const bool whole = f && fread(x, sizeof *x, n, f) == n;
    if (f)
        fclose(f);
    return whole ? SL_OK : sl_fail(err, SL_ERR_IO, "%s does not have %zu numbers", path, n);
}

static sl_status write_outputs(const sl_plan *plan, int count, const char *path, sl_error *err)
{
    FILE *f = fopen(path, "wb");
    bool whole = f != NULL;
    for (int i = 0; i < count && whole; i++) {
        sl_shape shape;
        const float *y = sl_plan_output(plan, i, &shape);
        const size_t n = (size_t)sl_shape_elements(&shape);
        whole = fwrite(y, sizeof *y, n, f) == n;
    }
    if (f && fclose(f))
        whole = false;
    return whole ? SL_OK : sl_fail(err, SL_ERR_IO, "%s could not be written", path);
}

static sl_status bench(const char *file, const sl_shape *input, const sl_plan_options *options, const char *in,
                       const char *out, int n_names, char **names, sl_error *err)
{
    static const char *const precisions[] = {"f32", "bf16", "int8"};
    sl_mapping map;
    sl_graph *graph = NULL, *g = NULL;
    sl_plan *plan = NULL;
    const char *outputs[MAX_OUTPUTS];
    SL_TRY(sl_map_file(file, SL_MAX_MODEL_BYTES, &map, err));
    sl_status status = sl_network_import(&map, file, NULL, &graph, err);
    int n = 0;
    if (status == SL_OK) {
        for (; n < MAX_OUTPUTS && n < (n_names ? n_names : graph->n_outputs); n++)
            outputs[n] = n_names ? names[n] : graph->tensors[graph->outputs[n]].name;
        status = sl_graph_specialize(graph, input, outputs, n, &g, err);
    }
    if (status == SL_OK)
        status = sl_plan_compile_as(g, options, &plan, err);
    if (status == SL_OK)
        status = read_input(plan, in, err);
    if (status == SL_OK) {
        double median;
        int runs;
        status = measure(plan, &median, &runs, err);
        if (status == SL_OK)
            status = write_outputs(plan, n, out, err);
        if (status == SL_OK)
            printf("{\"runtime\": \"secondlook %s (%s)\", \"file\": \"%s\", \"precision\": \"%s\", \"isa\": \"%s\", "
                   "\"threads\": %d, \"runs\": %d, \"median_ms\": %.3f}\n", sl_version(), sl_net_backend(), file,
                   precisions[options->precision], sl_isa_in_use(), options->threads, runs, median);
    }
    sl_plan_free(plan);
    sl_graph_free(g);
    sl_graph_free(graph);
    sl_unmap_file(&map);
    return status;
}

int main(int argc, char **argv)
{
    sl_error err = {0};
    long long d[4];
    if (argc < 7 || sscanf(argv[2], "%lld,%lld,%lld,%lld", &d[0], &d[1], &d[2], &d[3]) != 4) {
        fprintf(stderr, "usage: forward FILE N,C,H,W THREADS f32|bf16|FILE.int8 IN OUT [OUTPUT ...]\n");
        return 2;
    }
    sl_shape input = {.rank = 4, .dim = {d[0], d[1], d[2], d[3]}};
    sl_plan_options options = {.threads = atoi(argv[3])};
    sl_int8_model m = {0};
    sl_status status = choose_precision(argv[4], &m, &options, &err);
    if (status == SL_OK)
        status = bench(argv[1], &input, &options, argv[5], argv[6], argc - 7, argv + 7, &err);
    sl_int8_model_free(&m);
    if (status == SL_OK)
        return 0;
    fprintf(stderr, "forward: %s\n", err.text);
    return 1;
}
