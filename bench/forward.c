/* Median time of one network's forward: forward FILE N,C,H,W THREADS [OUTPUT ...], outputs being the file's own
 * when none is named. One JSON line, like bench/forward_ort.js's. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "model/network.h"
#include "net/plan.h"

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

static sl_status bench(const char *file, const sl_shape *input, int threads, int n_names, char **names, sl_error *err)
{
    sl_mapping map;
    sl_graph *graph = NULL, *g = NULL;
    sl_plan *plan = NULL;
    const char *outputs[MAX_OUTPUTS];
    SL_TRY(sl_map_file(file, SL_MAX_MODEL_BYTES, &map, err));
    sl_status status = sl_network_import(map.data, map.size, &graph, err);
    int n = 0;
    if (status == SL_OK) {
        for (; n < MAX_OUTPUTS && n < (n_names ? n_names : graph->n_outputs); n++)
            outputs[n] = n_names ? names[n] : graph->tensors[graph->outputs[n]].name;
        status = sl_graph_specialize(graph, input, outputs, n, &g, err);
    }
    if (status == SL_OK)
        status = sl_plan_compile(g, threads, &plan, err);
    if (status == SL_OK) {
        sl_shape shape;
        float *x = sl_plan_input(plan, 0, &shape);
        for (int64_t i = 0; i < sl_shape_elements(&shape); i++)
            x[i] = .9f * sinf(.01f * (float)i);
        double median;
        int runs;
        status = measure(plan, &median, &runs, err);
        if (status == SL_OK)
            printf("{\"runtime\": \"secondlook %s (%s)\", \"file\": \"%s\", \"threads\": %d, \"runs\": %d, "
                   "\"median_ms\": %.3f}\n", sl_version(), sl_net_backend(), file, threads, runs, median);
    }
    sl_plan_free(plan);
    sl_graph_free(g);
    sl_graph_free(graph);
    sl_unmap_file(&map);
    return status;
}

int main(int argc, char **argv)
{
    sl_error err;
    long long d[4];
    if (argc < 4 || sscanf(argv[2], "%lld,%lld,%lld,%lld", &d[0], &d[1], &d[2], &d[3]) != 4) {
        fprintf(stderr, "usage: forward FILE N,C,H,W THREADS [OUTPUT ...]\n");
        return 2;
    }
    sl_shape input = {.rank = 4, .dim = {d[0], d[1], d[2], d[3]}};
    if (bench(argv[1], &input, atoi(argv[3]), argc - 4, argv + 4, &err) == SL_OK)
        return 0;
    fprintf(stderr, "forward: %s\n", err.text);
    return 1;
}
